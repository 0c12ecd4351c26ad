"""One value in the cache: what tests put there and look for, beside the product, which keeps and finds many at once."""

from __future__ import annotations

from typing import Any

from list_pipeline.integrations.cache import Cache


def get_json(cache: Cache, key: str, version: str = "") -> Any | None:
    """The value under a key; None for nothing, for garbage and without Redis."""
    found = cache.find([key], version).get(key)
    return None if found is None else found.value


def set_json(cache: Cache, key: str, value: Any, ttl_s: int | None = None, version: str = "") -> None:
    """Keep one value; see ``Cache.keep``."""
    cache.keep({key: value}, version, ttl_s=ttl_s)
