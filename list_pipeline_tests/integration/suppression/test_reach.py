"""How the domain of a contact answers: its own, and those of its mail operator as the table and DNS tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from list_pipeline.core.incidents.operators import MailHost
from list_pipeline.core.suppression.verdicts import Reach
from list_pipeline.operations.bounces.mail_hosts import operators_of
from list_pipeline.operations.suppression.reach import reach_of
from list_pipeline.storage import mail_hosts
from list_pipeline.storage.database import Database, execute, fetch_scalar

SENT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
EARLY, LATER = SENT - timedelta(days=60), SENT + timedelta(days=1)
PEOPLE = {1: "a@gone.example", 2: "b@neighbour.example", 3: "c@gmail.com", 4: "d@googlemail.com", 5: "e@other.example"}
DOMAINS = {contact_id: email.partition("@")[2] for contact_id, email in PEOPLE.items()}


@pytest.fixture
def connection(copy_of: Callable[[str], str], migrated: str) -> Iterator[Connection]:
    """One campaign of today: 1 and 3 met silence, the others were delivered to."""
    opened = Database(copy_of(migrated))
    with opened.begin() as connection:
        number = fetch_scalar(
            connection,
            """insert into campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,
                   list_name, list_id, send_start_at, send_end_at, created_at, updated_at)
               values ('one', 'name', 1, '2026-11-20', '09:00', 'list', 1, :at, :at, :at, :at) returning id""",
            at=SENT,
        )
        execute(
            connection,
            """insert into bounce_fetch (campaign_id, sweep, fetched_at, is_complete, rows_read)
               values (:c, '24h', :at, true, 0)""",
            c=number,
            at=LATER,
        )
        for contact_id, email in PEOPLE.items():
            execute(
                connection,
                """insert into contact_list_membership (contact_id, email, queued_at, last_updated)
                   values (:id, :email, now(), now())""",
                id=contact_id,
                email=email,
            )
            execute(connection, "insert into campaign_recipient values (:c, :id)", c=number, id=contact_id)
        for contact_id in (1, 3):
            execute(
                connection,
                """insert into bounce_event (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason,
                       in_bounce_log, in_message_log) values (:c, '24h', :id, :at, 'block', 'connection_issue', true, true)""",
                c=number,
                id=contact_id,
                at=SENT,
            )
        yield connection
    opened.close()


def reach(connection: Connection, *contacts: int) -> dict[int, Reach]:
    silent = dict.fromkeys(contacts, EARLY)
    return dict(reach_of(connection, silent, DOMAINS, operators_of(connection), LATER))


def test_a_custom_domain_whose_operator_is_not_known_answers_for_itself_alone(connection: Connection) -> None:
    assert reach(connection, 1) == {1: Reach(None)}


def test_the_operator_of_the_table_answers_with_all_its_domains(connection: Connection) -> None:
    assert reach(connection, 3) == {3: Reach(SENT)}


def test_the_operator_that_dns_told_answers_with_all_its_domains(connection: Connection) -> None:
    mail_hosts.keep(connection, "gone.example", "mx1.host.example", SENT)
    assert reach(connection, 1) == {1: Reach(None, MailHost.FOUND)}
    mail_hosts.keep(connection, "neighbour.example", "mx2.host.example", SENT)
    assert reach(connection, 1) == {1: Reach(SENT, MailHost.FOUND)}


def test_that_dns_names_no_host_is_told(connection: Connection) -> None:
    mail_hosts.keep(connection, "gone.example", None, SENT)
    assert reach(connection, 1) == {1: Reach(None, MailHost.NONE)}


def test_nothing_is_looked_up_where_nobody_met_silence_or_the_domain_is_not_known(connection: Connection) -> None:
    assert reach(connection) == {}
    assert reach_of(connection, {9: EARLY}, DOMAINS, operators_of(connection), LATER) == {}
