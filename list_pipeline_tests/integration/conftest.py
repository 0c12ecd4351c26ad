"""Installations of the product on rehearsed accounts: each test gets a copy of an account and of a database.

Belongs here: fixtures. Does not belong here: what an installation is (``accounts``).
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline.storage.database import Database
from list_pipeline_tests.integration.accounts import (
    Account,
    Installation,
    copy_database,
    database_name,
    installation,
    prepare_database,
    seed_account,
    small_account,
)

Install = Callable[..., AbstractContextManager[Installation]]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def hand_made(tmp_path_factory: pytest.TempPathFactory) -> Account:
    """The small account whose every contact is known."""
    return small_account(tmp_path_factory.mktemp("hand-made"))


@pytest.fixture(scope="session")
def with_traps(tmp_path_factory: pytest.TempPathFactory) -> Account:
    """The seeded account with every trap."""
    return seed_account(tmp_path_factory.mktemp("with-traps"))


def _template(account: Account, tmp_path_factory: pytest.TempPathFactory, url: str, *, synchronised: bool) -> str:
    prepare_database(account, tmp_path_factory.mktemp("template"), url, synchronised=synchronised)
    return database_name(url)


@pytest.fixture(scope="session")
def migrated(hand_made: Account, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database that has the schema and nothing in it."""
    return _template(hand_made, tmp_path_factory, new_database(), synchronised=False)


@pytest.fixture(scope="session")
def knowing_hand_made(
    hand_made: Account, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Name of a database that knows the small account."""
    return _template(hand_made, tmp_path_factory, new_database(), synchronised=True)


@pytest.fixture(scope="session")
def knowing_traps(
    with_traps: Account, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Name of a database that knows the seeded account."""
    return _template(with_traps, tmp_path_factory, new_database(), synchronised=True)


@pytest.fixture
def copy_of(admin: str) -> Iterator[Callable[[str], str]]:
    """A factory: the URL of a new database that begins as the one named; dropped after the test."""
    made: list[str] = []

    def copy(template: str) -> str:
        name = f"list_pipeline_test_copy_{uuid.uuid4().hex[:12]}"
        copy_database(admin, template, name)
        made.append(name)
        return with_database(admin, name)

    yield copy
    for name in made:
        drop_database(admin, name)


@pytest.fixture
def database(copy_of: Callable[[str], str], migrated: str) -> Iterator[Database]:
    """A database that has the schema and nothing in it."""
    opened = Database(copy_of(migrated))
    yield opened
    opened.close()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A transaction in it."""
    with database.begin() as begun:
        yield begun


@pytest.fixture
def install(copy_of: Callable[[str], str], tmp_path: Path) -> Install:
    """A factory of installations on an account and a database, both copied."""

    @contextmanager
    def make(account: Account, template: str, **settings: Any) -> Iterator[Installation]:
        with installation(account, tmp_path / f"sandbox-{next(_numbers)}", copy_of(template), **settings) as made:
            made.control.reset_requests()
            yield made

    return make


@pytest.fixture
def install_small(install: Install, hand_made: Account, knowing_hand_made: str) -> Install:
    """A factory of installations that know the small account; takes settings."""
    return lambda **settings: install(hand_made, knowing_hand_made, **settings)


@pytest.fixture
def small(install_small: Install) -> Iterator[Installation]:
    """An installation that knows the small account, in automatic mode."""
    with ExitStack() as stack:
        yield stack.enter_context(install_small())


@dataclass(frozen=True)
class Played:
    """The small account after something was done on it, and what that returned, to install copies of."""

    account: Account
    template: str
    result: Any


PlayedOnce = Callable[[Callable[[Installation], Any]], Played]


@pytest.fixture(scope="session")
def played_once(
    hand_made: Account, knowing_hand_made: str, admin: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlayedOnce]:
    """A factory: the small account after a function did something on it, which it does once for all tests of a process."""
    known: dict[Callable[[Installation], Any], Played] = {}

    def play(function: Callable[[Installation], Any]) -> Played:
        if function not in known:
            name = f"list_pipeline_test_played_{uuid.uuid4().hex[:12]}"
            copy_database(admin, knowing_hand_made, name)
            with installation(hand_made, tmp_path_factory.mktemp("played"), with_database(admin, name)) as made:
                made.control.reset_requests()
                result = function(made)
                known[function] = Played(*made.left_like_this(), result)
        return known[function]

    yield play
    for one in known.values():
        drop_database(admin, one.template)


def carry_out_a_maintenance(made: Installation) -> None:
    """The maintenance of the last campaign, to its end."""
    made.maintain()


@pytest.fixture
def maintained(install: Install, played_once: PlayedOnce) -> Iterator[Installation]:
    """An installation that knows the small account and has maintained its last campaign, as ``small.maintain()`` does; logs and
    counts of requests begin after that."""
    played = played_once(carry_out_a_maintenance)
    with install(played.account, played.template) as made:
        yield made


@pytest.fixture
def new_here(install: Install, hand_made: Account, migrated: str) -> Iterator[Installation]:
    """An installation that has never looked at the small account."""
    with ExitStack() as stack:
        yield stack.enter_context(install(hand_made, migrated))


@pytest.fixture
def seeded(install: Install, with_traps: Account, knowing_traps: str) -> Iterator[Installation]:
    """An installation that knows the seeded account, with the default cap."""
    with ExitStack() as stack:
        yield stack.enter_context(install(with_traps, knowing_traps, suppression_cap_percent=10.0))


@pytest.fixture
def empty_database(copy_of: Callable[[str], str]) -> str:
    """URL of a database without anything of ours."""
    return copy_of("template0")
