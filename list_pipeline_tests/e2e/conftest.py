"""What the tests of whole workflows share: copies of seeded accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dagster as dg
import pytest

from list_pipeline_tests.e2e.dagster_runs import DagsterHome
from list_pipeline_tests.e2e.rehearsals import Rehearsal, Templates

SMALL = {"scenario": "closed_cycle", "contacts": 3600, "seed": 7}


@pytest.fixture(scope="session")
def templates(admin: str, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Seeded accounts to copy from."""
    return Templates(admin, new_database, tmp_path_factory.mktemp("accounts"))


@pytest.fixture
def account(templates: Templates) -> Iterator[Rehearsal]:
    """The small account with its traps, synchronised, 25 hours after its last send; mode auto."""
    with templates.rehearsal(seed=SMALL) as copy:
        yield copy


@pytest.fixture
def home(account: Rehearsal) -> Iterator[DagsterHome]:
    """An empty Dagster instance beside the seeded account."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield DagsterHome(account, instance)


@pytest.fixture
def due(home: DagsterHome) -> dg.RunRequest:
    """What the sensor asks for: one run for the campaign that ended 25 hours ago."""
    (request,) = home.requests()
    return request
