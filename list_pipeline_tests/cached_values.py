"""One value in the cache: what tests put there and look for, beside the product, which keeps and finds many at once."""

from __future__ import annotations

from typing import Any

from list_pipeline.integrations.cache import Cache
from list_pipeline.integrations.redis_requests import prefix_of
from list_pipeline.operations.access import Storing
from list_pipeline.storage.membership.data_versions import installation_name

NAMESPACE = "tests"
PREFIX = prefix_of(NAMESPACE)


def namespace() -> str:
    """The namespace of a cache that belongs to no installation."""
    return NAMESPACE


def prefix(services: Storing) -> str:
    """What the keys of an installation begin with in Redis."""
    with services.database.begin() as connection:
        return prefix_of(installation_name(connection))


def get_json(cache: Cache, key: str, version: str = "") -> Any | None:
    """The value under a key; None for nothing, for garbage and without Redis."""
    found = cache.find([key], version).get(key)
    return None if found is None else found.value


def set_json(cache: Cache, key: str, value: Any, ttl_s: int | None = None, version: str = "") -> None:
    """Keep one value; see ``Cache.keep``."""
    cache.keep({key: value}, version, ttl_s=ttl_s)
