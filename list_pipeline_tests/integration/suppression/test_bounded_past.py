"""What planning reads of the past is as much as decides: on any history the same comes out as where everything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from list_pipeline.core.bounces.classes import BounceClass, FailureEvent, classify
from list_pipeline.core.incidents.groups import DomainCount
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.suppression.new_contacts import NewContacts
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import decide, unanswered_since
from list_pipeline.core.suppression.unreachable import UNANSWERED
from list_pipeline.core.suppression.verdicts import Attempt, AttemptOutcome, PastInAll
from list_pipeline.operations.suppression.incidents import held_before, reached_at
from list_pipeline.operations.suppression.knowledge import Known, Otherwise, gather, with_reach
from list_pipeline.storage import bounces, incidents, migrations
from list_pipeline.storage.bounces import PastAttempt, StoredFetch
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.database import Database, copy_rows, execute, fetch_scalar

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CONTACTS = range(1, 7)
DOMAINS = ("gone.example", "gone.example", "gmail.com", "full.example", "full.example", "alone.example")
STATES: Mapping[str, tuple[int | None, bool, MessageStatus]] = {
    "dead": (1, True, MessageStatus.BOUNCE),
    "inactive": (2, True, MessageStatus.BOUNCE),
    "maybe dead": (1, False, MessageStatus.BOUNCE),
    "full": (3, False, MessageStatus.SOFT_BOUNCED),
    "no host": (5, True, MessageStatus.BOUNCE),
    "blocked": (7, False, MessageStatus.BLOCKED),
    "silent": (12, False, MessageStatus.BLOCKED),
    "untried": (14, False, MessageStatus.BLOCKED),
    "unknown": (None, False, MessageStatus.BOUNCE),
    "complaint": (21, False, MessageStatus.SPAM),
}
POLICIES = (
    SuppressionPolicy(),
    SuppressionPolicy(grace_days=0, min_campaigns=9),
    SuppressionPolicy(grace_days=2000, soft_days=2000, soft_rounds=40, hit_forgotten_days=2000, second_hit_days=1),
    SuppressionPolicy(soft_attempts=1, soft_campaigns=1, soft_span_days=0, unreachable_rounds=1, unreachable_days=0),
)
OUTCOMES = st.sampled_from(["absent", "absent", *["ok"] * 4, *STATES, "full", "full", "silent", "untried"])
LASTING = st.sampled_from(["full", "silent", "untried", "inactive", "absent"])


@dataclass(frozen=True)
class Send:
    """A campaign of a history. ``gap``: days to the one before it; ``outcomes``: what became of each contact; ``readings``:
    what was read of it; ``late``: how long after the send its failures came."""

    gap: float
    readings: str
    late: timedelta
    outcomes: tuple[str, ...]
    is_incident: bool


@st.composite
def sends(draw: st.DrawFn) -> tuple[Send, ...]:
    """Histories of some years in which troubles last."""
    steady = draw(st.lists(st.one_of(st.none(), LASTING), min_size=len(CONTACTS), max_size=len(CONTACTS)))
    return tuple(
        Send(
            draw(st.sampled_from([0.0, 0.0, 1.0, 7.0, 7.0, 14.0, 40.0, 200.0])),
            draw(st.sampled_from(["whole", "whole", "whole", "twice", "in part", "none"])),
            draw(st.sampled_from([timedelta(minutes=5), timedelta(minutes=5), 3 * DAY, 20 * DAY])),
            tuple(one if one and draw(st.integers(0, 9)) else draw(OUTCOMES) for one in steady),
            draw(st.integers(0, 5)) == 0,
        )
        for _ in range(draw(st.integers(1, 45)))
    )


@pytest.fixture(scope="module")
def database(new_database: Callable[[], str]) -> Iterator[Database]:
    opened = Database(new_database())
    migrations.migrate(opened)
    yield opened
    opened.close()


@dataclass(frozen=True)
class World:
    """A history as it stands in the database."""

    connection: Connection
    campaign_id: int
    key: str
    events: tuple[FailureEvent, ...]
    sent_at: Mapping[int, datetime]

    def whole(self, as_of: datetime) -> Mapping[int, Sequence[PastAttempt]]:
        """Every other campaign of every contact."""
        return bounces.attempts_of(self.connection, list(CONTACTS), except_campaign=self.campaign_id, as_of=as_of)


def failure(contact_id: int, campaign_id: int, at: datetime, kind: str) -> FailureEvent:
    state, permanent, status = STATES[kind]
    found = classify(state, permanent, status, None)
    return FailureEvent(contact_id, campaign_id, at, state, permanent, status, found, True, True)


def store(
    connection: Connection, history: Sequence[Send], reinstated: int, counted: int, counted_at: datetime
) -> World:
    """Write a history; its last campaign is the one that is planned for.

    Args:
        reinstated: days before now at which a person reinstated the first contact; 0: nobody did.
        counted: deliveries of the second contact by Mailjet's count.
    """
    copy_rows(
        connection,
        "contact_list_membership",
        ("contact_id", "email", "queued_at", "last_updated", "delivered_count", "delivered_counted_at"),
        (
            (one, f"c{one}@{domain}", NOW, NOW, *((counted, counted_at) if one == 2 else (None, None)))
            for one, domain in zip(CONTACTS, DOMAINS, strict=True)
        ),
    )
    if reinstated:
        execute(
            connection,
            """insert into contact_suppression_history (contact_id, email, suppressed_at, reason, added_to_suppression_list,
                   reinstated_at, reinstated_by) values (1, 'c1@gone.example', :at, 'hard_bounce', true, :at, 'Ada')""",
            at=NOW - reinstated * DAY,
        )
    at, placed = NOW - DAY, []
    for send in reversed(history):
        placed.append((at, send))
        at -= timedelta(days=send.gap)
    numbers: dict[int, datetime] = {}
    now: tuple[int, str, tuple[FailureEvent, ...]] | None = None
    for place, (sent_at, send) in enumerate(reversed(placed)):
        key = f"campaign-{place}"
        number = int(
            fetch_scalar(
                connection,
                """insert into campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,
                       list_name, list_id, send_start_at, send_end_at, status, mailjet_campaign_id, created_at, updated_at)
                   values (:key, 'name', 1, :day, '09:00', 'list', 1, :at, :at, 'COMPLETED', :place, :at, :at) returning id""",
                key=key,
                day=sent_at.date(),
                at=sent_at,
                place=place + 1,
            )
        )
        numbers[number] = sent_at
        mailed = [(one, kind) for one, kind in zip(CONTACTS, send.outcomes, strict=True) if kind != "absent"]
        copy_rows(connection, "campaign_recipient", ("campaign_id", "contact_id"), [(number, one) for one, _ in mailed])
        failed = tuple(failure(one, number, sent_at + send.late, kind) for one, kind in mailed if kind != "ok")
        readings = "whole" if place == len(placed) - 1 else send.readings
        if readings == "twice":
            # The first one saw every second failure only.
            read(connection, number, "24h", sent_at + DAY, failed[::2])
        if readings != "none":
            read(connection, number, "7d", sent_at + 2 * DAY, failed, is_complete=readings != "in part")
        if send.is_incident:
            execute(
                connection,
                "insert into incident_count values (:id, 'domain', 'gone.example', 2, 2, true), "
                "(:id, 'operator', 'Google', 1, 1, true)",
                id=number,
            )
        now = number, key, failed
    assert now is not None
    return World(connection, *now, numbers)


def read(
    connection: Connection,
    number: int,
    sweep: str,
    at: datetime,
    events: Sequence[FailureEvent],
    is_complete: bool = True,
) -> None:
    assert bounces.save_fetch(connection, StoredFetch(number, sweep, at, is_complete, (), (), 0, 0, 0), events)


def with_everything(world: World, known: Known, as_of: datetime) -> Known:
    """The same with the whole history of each contact, put together in the simplest way."""
    past, domains = world.whole(as_of), known.context.domain_of
    failures = {(one.campaign_id, i) for i, tries in past.items() for one in tries if one.failure is not None}
    held = held_before(world.connection, failures, domains)
    reached = reached_at(world.connection, held, domains, as_of)
    history = {
        i: [
            Attempt(one.campaign_id, one.sent_at, AttemptOutcome.FAILED, one.failure, group and group.kind)
            if one.failure is not None
            else Attempt(
                one.campaign_id,
                one.sent_at,
                AttemptOutcome.DELIVERED if one.is_complete else AttemptOutcome.UNKNOWN,
            )
            for one in tries
            for group in [held.get((one.campaign_id, i))]
            if i not in known.reinstated or one.sent_at > known.reinstated[i]
        ]
        for i, tries in past.items()
    }
    facts = {
        i: replace(
            one,
            domain_reached_at=reached.get(i),
            campaigns_count=len(past[i]) + one.is_recipient,
        )
        for i, one in known.facts.items()
    }
    return replace(known, history=history, facts=facts)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=sends(),
    reinstated=st.sampled_from([0, 0, 5, 50, 300]),
    counted=st.integers(0, 12),
    counted_days=st.sampled_from([0, 100]),
    days_back=st.sampled_from([0, 0, 0, 10, 60]),
)
def test_what_is_left_out_decides_nothing(
    database: Database,
    history: tuple[Send, ...],
    reinstated: int,
    counted: int,
    counted_days: int,
    days_back: int,
) -> None:
    with database.begin() as connection:
        savepoint = connection.begin_nested()
        world = store(connection, history, reinstated, counted, NOW - counted_days * DAY)
        as_of = NOW - days_back * DAY
        campaign = sent_campaigns.campaign_by_key(connection, world.key)
        known = gather(connection, campaign, world.events, as_of, (), NOW)
        everything = with_everything(world, known, as_of)
        assert {i: one.campaigns_count for i, one in known.facts.items()} == {
            i: one.campaigns_count for i, one in everything.facts.items()
        }
        for policy in POLICIES:
            since = unanswered_since(world.events, known.history, known.context, policy, as_of)
            assert since == unanswered_since(world.events, everything.history, known.context, policy, as_of)
            asked, all_asked = (with_reach(connection, one, since, as_of) for one in (known, everything))
            assert decide(world.events, asked.history, asked.facts, asked.context, policy, as_of) == decide(
                world.events, all_asked.history, all_asked.facts, all_asked.context, policy, as_of
            )
        # What an advisor is told of each contact is of its whole past.
        in_all = bounces.past_in_all(
            connection, {i: known.reinstated.get(i) for i in CONTACTS}, except_campaign=world.campaign_id, as_of=as_of
        )
        for i in known.history:
            tries = everything.history[i]
            reached = sum(one.outcome is AttemptOutcome.DELIVERED for one in tries)
            assert in_all.get(i, PastInAll(0, None)) == PastInAll(
                reached, min((one.sent_at for one in tries), default=None)
            )
            bounded = known.history[i]
            assert any(one.outcome is AttemptOutcome.DELIVERED for one in bounded) == (reached > 0)
        # Other tools count every failure.
        told = gather(
            connection, campaign, world.events, as_of, (), NOW, Otherwise({}, frozenset()), every_failure=True
        )
        for event in world.events:
            found = [one.event for one in told.history[event.contact_id] if one.event is not None]
            assert found == [one.failure for one in world.whole(as_of)[event.contact_id] if one.failure is not None]
        savepoint.rollback()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=sends(),
    counted=st.integers(0, 12),
    counted_days=st.sampled_from([0, 100]),
    without=st.sets(st.sampled_from(list(CONTACTS)), max_size=2),
)
def test_who_was_reached_before_and_when_a_domain_last_answered_are_as_counted_one_by_one(
    database: Database, history: tuple[Send, ...], counted: int, counted_days: int, without: set[int]
) -> None:
    with database.begin() as connection:
        savepoint = connection.begin_nested()
        counted_at = NOW - counted_days * DAY
        world = store(connection, history, 0, counted, counted_at)
        past, domain = world.whole(NOW), dict(zip(CONTACTS, DOMAINS, strict=True))
        sent_at = world.sent_at[world.campaign_id]
        events = {one.contact_id: one for one in world.events}
        mailed = {
            i for i, kind in zip(CONTACTS, history[-1].outcomes, strict=True) if kind != "absent" and i not in without
        }
        established = {i for i in mailed if _is_established(i, past[i], sent_at, counted, counted_at)}
        attempted = {i for i in mailed if i not in events or events[i].bounce_class is not BounceClass.NOT_EVIDENCE}
        hard = {i for i, one in events.items() if one.bounce_class is BounceClass.HARD and one.occurred_at <= NOW}
        assert incidents.established_by_domain(connection, world.campaign_id, "7d", NOW, without) == tuple(
            DomainCount(name, len(there), len(there & hard))
            for name in sorted(set(DOMAINS))
            if (there := {i for i in established & attempted if domain[i] == name})
        )
        new = attempted - established
        assert incidents.new_contacts(connection, world.campaign_id, "7d", NOW, without) == NewContacts(
            len(new), len(new & hard)
        )
        # All sends, the last one too.
        tries = {
            i: [
                *past[i],
                *([PastAttempt(world.campaign_id, sent_at, True, events.get(i))] if i in mailed | without else []),
            ]
            for i in CONTACTS
        }
        tries = {i: [one for one in found if _was_mailed(history, world, i, one)] for i, found in tries.items()}
        reached: dict[str, datetime] = {}
        answered: dict[str, datetime] = {}
        since = NOW - 90 * DAY
        for i, found in tries.items():
            for one in found:
                if not one.is_complete:
                    continue
                name = domain[i]
                if one.failure is None:
                    reached[name] = max(one.sent_at, reached.get(name, one.sent_at))
                if one.sent_at >= since and (one.failure is None or _answers(one.failure)):
                    answered[name] = max(one.sent_at, answered.get(name, one.sent_at))
        assert incidents.last_reached(connection, set(DOMAINS), NOW) == reached
        silent = [one.value for one in UNANSWERED]
        assert incidents.last_answered(connection, set(DOMAINS), silent, since, NOW) == answered
        # Repeated failures.
        reasons = {i: one.reason for i, one in events.items()}
        for times in (1, 2, 4):
            assert bounces.failed_before(connection, reasons, times, except_campaign=world.campaign_id, as_of=NOW) == {
                i
                for i, reason in reasons.items()
                if sum(one.failure is not None and one.failure.reason is reason for one in past[i]) >= times
            }
        savepoint.rollback()


def _was_mailed(history: Sequence[Send], world: World, contact_id: int, attempt: PastAttempt) -> bool:
    place = list(world.sent_at).index(attempt.campaign_id)
    return history[place].outcomes[contact_id - 1] != "absent"


def _answers(event: FailureEvent) -> bool:
    says_nothing = event.bounce_class in (BounceClass.NOT_EVIDENCE, BounceClass.UNKNOWN)
    return not says_nothing and event.reason not in UNANSWERED


def _is_established(
    contact_id: int, past: Sequence[PastAttempt], sent_at: datetime, counted: int, counted_at: datetime
) -> bool:
    earlier = [one for one in past if one.sent_at < sent_at and one.is_complete]
    if earlier:
        return any(one.failure is None for one in earlier)
    # This campaign itself is among those since.
    since = (sent_at < counted_at) + sum(sent_at <= one.sent_at < counted_at for one in past)
    return contact_id == 2 and counted > since
