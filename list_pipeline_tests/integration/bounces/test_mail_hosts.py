"""Learning who runs the mail of custom domains: bounded, kept, and never taken for more than was answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.incidents.groups import POOL, Group, GroupKind, operator_group
from list_pipeline.core.incidents.operators import MailHost
from list_pipeline.integrations.mail_hosts import MailHostAnswer
from list_pipeline.operations.bounces import mail_hosts
from list_pipeline.operations.bounces.mail_hosts import ask_again, learn_operators, mail_hosts_of, operators_of
from list_pipeline.storage.database import Database, execute, fetch_scalar
from list_pipeline_tests.virtual_clock import VirtualClock

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@dataclass
class Told:
    """DNS that says what a test wants, and takes its time."""

    clock: VirtualClock
    hosts: dict[str, str | None]
    asked: list[str] = field(default_factory=list)
    takes: timedelta = timedelta(0)

    def ask(self, domain: str) -> MailHostAnswer:
        self.asked.append(domain)
        self.clock.advance(self.takes)
        if domain not in self.hosts:
            return MailHostAnswer(MailHost.UNKNOWN)
        host = self.hosts[domain]
        return MailHostAnswer(MailHost.NONE) if host is None else MailHostAnswer(MailHost.FOUND, host)


@dataclass
class Asking:
    database: Database
    clock: VirtualClock
    mail_hosts: Told | None
    campaign: int = 0


@pytest.fixture
def asking(copy_of: Callable[[str], str], migrated: str) -> Iterator[Asking]:
    database, clock = Database(copy_of(migrated)), VirtualClock(NOW)
    hosts = {"shop.example": "aspmx.l.google.com", "club.example": None, "office.example": "mx1.host.example"}
    made = Asking(database, clock, Told(clock, hosts))
    emails = (
        "a@gmail.com",
        "b@Shop.example",
        "c@shop.example",
        "d@club.example",
        "e@silent.example",
        "f@office.example",
    )
    with database.begin() as connection:
        made.campaign = int(
            fetch_scalar(
                connection,
                """insert into campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,
                       list_name, list_id, send_start_at, send_end_at, created_at, updated_at)
                   values ('one', 'name', 1, '2026-11-20', '09:00', 'list', 1, :at, :at, :at, :at) returning id""",
                at=NOW,
            )
        )
        for contact_id, email in enumerate(emails, start=1):
            execute(
                connection,
                """insert into contact_list_membership (contact_id, email, queued_at, last_updated)
                   values (:id, :email, now(), now())""",
                id=contact_id,
                email=email,
            )
            execute(connection, "insert into campaign_recipient values (:c, :id)", c=made.campaign, id=contact_id)
        execute(
            connection,
            """insert into bounce_fetch (campaign_id, sweep, fetched_at, is_complete, rows_read)
               values (:c, '24h', :at, true, 0)""",
            c=made.campaign,
            at=NOW,
        )
        execute(
            connection,
            """insert into bounce_event (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason, in_bounce_log,
                   in_message_log) values (:c, '24h', 6, :at, 'hard', 'user_unknown', true, true)""",
            c=made.campaign,
            at=NOW,
        )
    yield made
    database.close()


def asked(made: Asking) -> list[str]:
    assert made.mail_hosts is not None
    found, made.mail_hosts.asked = made.mail_hosts.asked, []
    return found


def test_custom_domains_are_asked_about_those_of_failures_first_and_what_is_in_the_table_never(asking: Asking) -> None:
    assert learn_operators(asking, asking.campaign, "24h") == 3
    assert asked(asking) == ["office.example", "shop.example", "club.example", "silent.example"]
    with asking.database.begin() as connection:
        operators = operators_of(connection)
        assert operator_group("SHOP.example", operators) == Group(GroupKind.OPERATOR, "Google")
        assert operator_group("office.example", operators) == Group(GroupKind.OPERATOR, "host.example")
        assert operator_group("club.example", operators) == POOL
        assert mail_hosts_of(connection, ["shop.example", "club.example", "silent.example"]) == {
            "shop.example": MailHost.FOUND,
            "club.example": MailHost.NONE,
            "silent.example": MailHost.UNKNOWN,
        }


def test_an_answer_is_kept_for_a_month_and_the_lack_of_one_not_at_all(asking: Asking) -> None:
    learn_operators(asking, asking.campaign, "24h")
    asked(asking)
    asking.clock.advance(timedelta(days=30))
    learn_operators(asking, asking.campaign, "24h")
    assert asked(asking) == ["silent.example"]
    asking.clock.advance(timedelta(seconds=1))
    learn_operators(asking, asking.campaign, "24h")
    assert len(asked(asking)) == 4


def test_an_error_later_leaves_the_answer_that_was_given(asking: Asking) -> None:
    learn_operators(asking, asking.campaign, "24h")
    assert asking.mail_hosts is not None
    asking.mail_hosts.hosts = {}
    asking.clock.advance(timedelta(days=31))
    assert learn_operators(asking, asking.campaign, "24h") == 0
    with asking.database.begin() as connection:
        assert mail_hosts_of(connection, ["club.example"]) == {"club.example": MailHost.NONE}


def test_questions_are_bounded_in_number(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_hosts, "ASKED_PER_RUN", 2)
    learn_operators(asking, asking.campaign, "24h")
    assert asked(asking) == ["office.example", "shop.example"]
    learn_operators(asking, asking.campaign, "24h")
    assert asked(asking) == ["club.example", "silent.example"]


def test_questions_are_bounded_in_time(asking: Asking) -> None:
    assert asking.mail_hosts is not None
    asking.mail_hosts.takes = timedelta(seconds=15)
    learn_operators(asking, asking.campaign, "24h")
    assert asked(asking) == ["office.example", "shop.example"]


def test_a_domain_by_which_somebody_is_judged_is_asked_about_again_after_a_day(asking: Asking) -> None:
    learn_operators(asking, asking.campaign, "24h")
    asked(asking)
    ask_again(asking, asking.campaign, "24h", {"club.example"})
    assert asked(asking) == []
    asking.clock.advance(timedelta(days=1, seconds=1))
    ask_again(asking, asking.campaign, "24h", {"club.example"})
    assert asked(asking) == ["club.example"]
    ask_again(asking, asking.campaign, "24h", set())
    assert asked(asking) == []


def test_without_a_resolver_nobody_is_asked_and_the_table_decides(asking: Asking) -> None:
    asking.mail_hosts = None
    assert learn_operators(asking, asking.campaign, "24h") == 0
    ask_again(asking, asking.campaign, "24h", {"shop.example"})
    with asking.database.begin() as connection:
        assert operator_group("shop.example", operators_of(connection)) == POOL
        assert mail_hosts_of(connection, ["shop.example"]) == {"shop.example": MailHost.UNKNOWN}
