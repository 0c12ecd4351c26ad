"""The sizes of the lists are kept by triggers: whatever is written to the rows, they are what counting the rows would give."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.operations.membership.sync import sync
from list_pipeline.storage.database import Database, execute, fetch_all, fetch_scalar
from list_pipeline.storage.membership import members
from list_pipeline.storage.membership.members import StoredSizes
from list_pipeline.storage.migrations import migrate
from list_pipeline_tests.integration.accounts import Installation

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def counted(connection: Connection) -> Mapping[ListRole, StoredSizes]:
    """The sizes by counting every row."""
    found = {
        row["list_role"]: row
        for row in fetch_all(
            connection,
            """
            select l.list_role, count(*) as raw, count(*) filter (where l.is_unsubscribed) as unsubscribed,
                   count(*) filter (where x.is_out) as excluded,
                   count(*) filter (where not l.is_unsubscribed and not x.is_out) as mailable
            from list_membership l join contact_list_membership c using (contact_id)
            cross join lateral (select c.is_excluded and not exists (
                select from quarantine q where q.contact_id = c.contact_id and q.state = 'active') as is_out) x
            where l.left_at is null group by l.list_role
            """,
        )
    }
    names = ("raw", "mailable", "unsubscribed", "excluded")
    return {
        role: StoredSizes(*(int(found[role.value][name]) for name in names))
        if role.value in found
        else StoredSizes(0, 0, 0, 0)
        for role in ListRole
    }


def write_something(connection: Connection, chosen: random.Random) -> None:
    """One statement on a part of the rows: they come, leave, come back, unsubscribe, are excluded, or nothing changes."""
    part = {"a": chosen.randrange(7), "role": chosen.choice(list(ListRole)).value, "now": NOW}
    statement = chosen.choice(
        (
            """insert into list_membership (list_role, contact_id, recipient_id, is_unsubscribed, first_seen_at, left_at)
               select :role, n, n, n % 3 = :a % 3, :now, case when n % 5 = 0 then :now end from generate_series(1, 40) n
               where n % 7 = :a on conflict (list_role, contact_id) do update set left_at = null, is_unsubscribed = not
               list_membership.is_unsubscribed""",
            "update list_membership set left_at = :now where list_role = :role and contact_id % 7 = :a",
            "update list_membership set left_at = null where contact_id % 7 = :a and list_role <> :role",
            "update list_membership set is_unsubscribed = not is_unsubscribed where list_role = :role and contact_id % 7 > :a",
            "update list_membership set recipient_id = recipient_id + 1000 where contact_id % 7 = :a",
            "update list_membership set left_at = :now where false and list_role = :role and contact_id = :a",
            "update contact_list_membership set is_excluded = not is_excluded where contact_id % 7 = :a",
            "delete from list_membership where list_role = :role and contact_id % 7 = :a",
            "truncate list_membership",
        )
    )
    execute(connection, statement, **{name: value for name, value in part.items() if f":{name}" in statement})


def take_back_something(database: Database, chosen: random.Random) -> None:
    """A transaction that writes and is taken back."""
    with suppress(ZeroDivisionError), database.begin() as connection:
        write_something(connection, chosen)
        raise ZeroDivisionError


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_written_the_sizes_are_those_that_counting_gives(database: Database, seed: int) -> None:
    chosen = random.Random(seed)
    with database.begin() as connection:
        execute(
            connection,
            """insert into contact_list_membership (contact_id, email, queued_at, last_updated)
               select n, n || '@domain.example', :now, :now from generate_series(1, 40) n""",
            now=NOW,
        )
    for step in range(60):
        if chosen.randrange(4) == 0:
            take_back_something(database, chosen)
        with database.begin() as connection:
            write_something(connection, chosen)
            if step % 10 == 0:
                members.fold_sizes(connection)
            assert members.stored_sizes(connection) == counted(connection)
            for role, size in members.stored_sizes(connection).items():
                assert members.raw_size(connection, role) == size.raw


def test_sizes_are_put_together_when_they_are_many_and_are_the_same_afterwards(database: Database) -> None:
    with database.begin() as connection:
        for number in range(250):
            execute(
                connection,
                """insert into list_membership (list_role, contact_id, recipient_id, first_seen_at)
                   values ('master', :n, :n, :now)""",
                n=number,
                now=NOW,
            )
    with database.begin() as connection:
        members.fold_sizes(connection)
        assert fetch_scalar(connection, "select count(*) from list_size_delta") == 1
        assert members.raw_size(connection, ListRole.MASTER) == 250


def test_an_installation_that_had_rows_before_has_their_sizes(small: Installation) -> None:
    with small.services.database.begin() as connection:
        assert members.stored_sizes(connection) == counted(connection)
        assert members.stored_sizes(connection)[ListRole.MASTER].raw > 0
    sync(small.services, full=True)
    with small.services.database.begin() as connection:
        assert members.stored_sizes(connection) == counted(connection)


def test_who_left_is_explained_by_a_step_of_ours_only_if_it_came_with_it(small: Installation) -> None:
    one, other, third, _ = (i for n, i in small.account.people.items() if n in (20, 21, 22, 23))
    since = small.clock.now()
    left_at = since + timedelta(minutes=10)
    with small.services.database.begin() as connection:
        before = members.taken_off_by_others(connection, since)
        members.note_removed(connection, ListRole.CAMPAIGN_2, [one, other, third], left_at)
        execute(
            connection,
            """insert into plan (kind, content_hash, policy_version, status, created_at)
               values ('manual', repeat('0', 64), 'v', 'executed', :at)""",
            at=since,
        )
        for contact_id, changed_at in ((one, left_at), (other, since + timedelta(minutes=1))):
            change = fetch_scalar(
                connection,
                """insert into change (plan_id, contact_id, kind, before, created_at)
                   select max(plan_id), :contact, 'suppress', '{}', :at from plan returning change_id""",
                contact=contact_id,
                at=since,
            )
            execute(
                connection,
                """insert into change_step (change_id, ordinal, action, list_role, state, changed_at)
                   values (:change, 1, :action, 'campaign_2', :state, :at)""",
                change=change,
                action=StepAction.REMOVE,
                state=StepState.CONFIRMED,
                at=changed_at,
            )
        after = members.taken_off_by_others(connection, since)
    # The second's step was nine minutes before it left: it was put on again, and then somebody else took it off.
    assert before[ListRole.CAMPAIGN_2][0] == 0
    assert after[ListRole.CAMPAIGN_2] == (2, before[ListRole.CAMPAIGN_2][1] - 3)
    assert after[ListRole.CAMPAIGN_1] == before[ListRole.CAMPAIGN_1]


@pytest.fixture
def database(empty_database: str) -> Database:
    made = Database(empty_database)
    migrate(made)
    return made
