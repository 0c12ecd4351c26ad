"""Years of history on a real PostgreSQL: spans are closed, old ones summarised; whoever asks gets the same, or is told why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, NestedTransaction

from list_pipeline.core.bounces.classes import BounceClass, FailureEvent, classify
from list_pipeline.core.erasure import Person
from list_pipeline.core.errors import HistorySummarisedError, LockHeldError
from list_pipeline.core.evidence_card.card import sections
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.retention import HistoryWork, history_sentences
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.remembered import remembered
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import Attempt, AttemptOutcome, CampaignContext, ContactFacts
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline.operations.plans.erasure_by_person import erase_person
from list_pipeline.operations.replay.replay import ReplayRequest
from list_pipeline.operations.replay.replay import replay as replay_policy
from list_pipeline.operations.retention.history import tend_history
from list_pipeline.operations.retention.old_records import remove_old_records
from list_pipeline.operations.sender_faults.losses import losses_in
from list_pipeline.operations.views.exports import bounce_table
from list_pipeline.stack.databases import with_database
from list_pipeline.storage import bounces, history, incidents, replay
from list_pipeline.storage.database import Database, execute, fetch_all
from list_pipeline.storage.erasure import rows as erasure
from list_pipeline.storage.history import Span
from list_pipeline.storage.migrations import rollback
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.conftest import Install

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=4 * 365)
POLICY = SuppressionPolicy()
STATES: Mapping[str, tuple[int | None, bool, MessageStatus]] = {
    "hard": (1, True, MessageStatus.HARD_BOUNCED),
    "disputed": (2, False, MessageStatus.BOUNCE),
    "soft": (3, False, MessageStatus.SOFT_BOUNCED),
    "preblocked": (21, False, MessageStatus.BLOCKED),
    "spam": (None, False, MessageStatus.SPAM),
}


@pytest.fixture
def connection(admin: str, migrated: str) -> Iterator[Connection]:
    """A connection of which nothing is left."""
    database = Database(with_database(admin, migrated))
    with database.begin() as connection:
        undone = connection.begin_nested()
        yield connection
        undone.rollback()
    database.close()


def campaign(connection: Connection, number: int, sent_at: datetime) -> int:
    execute(
        connection,
        """insert into campaign_schedule (id, campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,
               list_name, list_id, send_start_at, send_end_at, created_at, updated_at, mailjet_campaign_id,
               recipients_proven_at, recipients_source, recipients_known_at, status)
           overriding system value
           values (:id, :key, 'name', 1, :day, '09:00', 'list', 1, :at, :at, :at, :at, :id, :at, 'messages', :at, 'SENT')""",
        id=number,
        key=f"campaign-{number}",
        day=sent_at.date(),
        at=sent_at,
    )
    return number


def reading(connection: Connection, number: int, sweep: str, at: datetime, *, is_complete: bool = True) -> None:
    execute(
        connection,
        "insert into bounce_fetch (campaign_id, sweep, fetched_at, is_complete, rows_read)"
        " values (:id, :sweep, :at, :whole, 0)",
        id=number,
        sweep=sweep,
        at=at,
        whole=is_complete,
    )


def mailed(connection: Connection, number: int, *contacts: int) -> None:
    execute(
        connection,
        "insert into campaign_recipient select :campaign, unnest(cast(:ids as bigint[]))",
        campaign=number,
        ids=list(contacts),
    )


def failed(
    connection: Connection, number: int, sweep: str, contact: int, how: str, at: datetime, odd: bool = False
) -> None:
    state, permanent, status = STATES[how]
    found = classify(state, permanent, status)
    execute(
        connection,
        """insert into bounce_event (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason, is_disputed, decided_by,
               state_id, is_permanent, message_status, in_bounce_log, in_message_log, is_contradictory)
           values (:campaign, :sweep, :contact, :at, :class, :reason, :disputed, :by, :state, :permanent, :status, true, true,
                   :odd)""",
        campaign=number,
        sweep=sweep,
        contact=contact,
        at=at,
        **{"class": found.bounce_class.value},
        reason=found.reason.value,
        disputed=found.is_disputed,
        by=found.decided_by.value,
        state=state,
        permanent=permanent,
        status=status.value,
        odd=odd,
    )


def contact(connection: Connection, contact_id: int, domain: str) -> None:
    execute(
        connection,
        "insert into contact_list_membership (contact_id, email, queued_at, last_updated) values (:id, :email, :at, :at)",
        id=contact_id,
        email=f"c{contact_id}@{domain}",
        at=OLD,
    )


def rows(connection: Connection, table: str) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in fetch_all(connection, f"select * from {table}")}


CONTACTS = {1: "one.example", 2: "one.example", 3: "two.example", 4: "two.example"}
OLD_CAMPAIGNS, JUDGED = 9, 12


@dataclass(frozen=True)
class Mailed:
    """What became of one mailing in each of two readings."""

    first: str
    second: str
    odd: bool


outcomes = st.sampled_from(["delivered", "delivered", *STATES])
mailings = st.builds(Mailed, outcomes, outcomes, st.booleans())
histories = st.fixed_dictionaries(
    {number: st.dictionaries(st.sampled_from(sorted(CONTACTS)), mailings) for number in range(1, JUDGED)}
)
readings = st.lists(
    st.sampled_from(["none", "told", "part", "whole", "whole", "both"]), min_size=JUDGED, max_size=JUDGED
)


def sent_at(number: int) -> datetime:
    """Nine campaigns of long ago, the others lately; the last one is judged."""
    return (
        OLD + timedelta(days=20 * number) if number <= OLD_CAMPAIGNS else NOW - timedelta(days=14 * (JUDGED - number))
    )


def write(connection: Connection, made: Mapping[int, Mapping[int, Mailed]], read: Sequence[str]) -> None:
    for number, domain in CONTACTS.items():
        contact(connection, number, domain)
    for number in range(1, JUDGED + 1):
        campaign(connection, number, at := sent_at(number))
        mailed(connection, number, *made.get(number, CONTACTS))
        kind = read[number - 1]
        sweeps = {"none": (), "told": ("told",), "part": ("24h",), "whole": ("24h",), "both": ("24h", "72h")}[kind]
        for place, sweep in enumerate(sweeps):
            whole = kind in ("whole", "both")
            reading(connection, number, sweep, at + timedelta(days=1 + 2 * place), is_complete=whole)
            for who, one in made.get(number, {}).items():
                if (how := one.second if place else one.first) != "delivered":
                    failed(connection, number, sweep, who, how, at + timedelta(hours=1), one.odd)


def attempts(connection: Connection) -> dict[int, list[Attempt]]:
    found = bounces.attempts_of(connection, sorted(CONTACTS), except_campaign=JUDGED, as_of=NOW)
    return {
        who: [
            Attempt(one.campaign_id, one.sent_at, AttemptOutcome.FAILED, one.failure)
            if one.failure is not None
            else Attempt(
                one.campaign_id, one.sent_at, AttemptOutcome.DELIVERED if one.is_complete else AttemptOutcome.UNKNOWN
            )
            for one in tries
        ]
        for who, tries in found.items()
    }


def asked(connection: Connection) -> tuple[object, ...]:
    """Everything that is asked about old mailings when a campaign of today is planned, and what becomes of its contacts."""
    tries, domains = attempts(connection), dict(CONTACTS)
    reached = incidents.last_reached(connection, set(CONTACTS.values()), NOW)
    gone = history.mailings_gone(connection, sorted(CONTACTS))
    verdicts = []
    for how in STATES:
        state, permanent, status = STATES[how]
        found = classify(state, permanent, status)
        events = [_event(who, state, permanent, status, found) for who in CONTACTS]
        facts = {
            who: ContactFacts(
                campaigns_count=len(tries[who]) + gone.get(who, 0) + 1, domain_reached_at=reached.get(CONTACTS[who])
            )
            for who in CONTACTS
        }
        verdicts.append(decide(events, tries, facts, CampaignContext(JUDGED, 4, domains, sent_at(JUDGED)), POLICY, NOW))
    later = replay.later_of(connection, sorted(CONTACTS))
    return (
        verdicts,
        {who: one.campaigns_count for who, one in facts.items()},
        reached,
        incidents.established_by_domain(connection, JUDGED, "24h", NOW),
        incidents.new_contacts(connection, JUDGED, "24h", NOW),
        {who: (one.reached_at, one.hard_at) for who, one in later.items()},
        fetch_all(
            connection,
            "select distinct contact_id from bounce_event where bounce_class in ('hard', 'complaint') order by 1",
        ),
        fetch_all(connection, "select distinct contact_id from campaign_recipient order by 1"),
    )


def _event(who: int, state: int | None, permanent: bool, status: MessageStatus, found: Any) -> Any:
    return FailureEvent(who, JUDGED, sent_at(JUDGED), state, permanent, status, found, True, True, False)


@given(made=histories, read=readings)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_of_a_past_that_is_summarised_is_answered_as_before(
    connection: Connection, made: dict[int, dict[int, Mailed]], read: list[str]
) -> None:
    undone: NestedTransaction = connection.begin_nested()
    try:
        write(connection, made, read)
        before, tries = asked(connection), attempts(connection)
        history.close_span(connection, Span(None, 6))
        # Once for five campaigns, and once for four more: what stayed of the first ones is judged anew.
        history.summarise(connection, 6, NOW)
        history.close_span(connection, Span(6, OLD_CAMPAIGNS + 1))
        found = history.summarise(connection, OLD_CAMPAIGNS + 1, NOW)
        assert asked(connection) == before
        kept = attempts(connection)
        for who, one in tries.items():
            old = [each for each in one if each.campaign_id <= OLD_CAMPAIGNS]
            assert set(remembered(old)) <= set(kept[who]) <= set(one)
            assert set(one) - set(kept[who]) <= set(old)
        counted = fetch_all(connection, "select * from contact_history order by contact_id")
        for row in counted:
            old = [each for each in tries[row["contact_id"]] if each.campaign_id <= OLD_CAMPAIGNS]
            classes = [each.event.bounce_class for each in old if each.event and not each.event.is_contradictory]
            assert row["campaigns"] == len(old)
            assert row["delivered"] == sum(each.outcome is AttemptOutcome.DELIVERED for each in old)
            assert (row["hard"], row["soft"]) == (classes.count(BounceClass.HARD), classes.count(BounceClass.SOFT))
            assert row["other"] == sum(each.event is not None for each in old) - row["hard"] - row["soft"]
            assert row["gone"] == len(tries[row["contact_id"]]) - len(kept[row["contact_id"]])
        assert {row["contact_id"] for row in counted} == {
            who for who, one in tries.items() if any(each.campaign_id <= OLD_CAMPAIGNS for each in one)
        }
        summed = fetch_all(
            connection, "select sum(recipients) as mailings, count(*) as campaigns from summarised_campaign"
        )[0]
        assert summed["mailings"] == sum(row["campaigns"] for row in counted)
        assert summed["campaigns"] == OLD_CAMPAIGNS
        assert found.campaigns == OLD_CAMPAIGNS - 5
    finally:
        undone.rollback()


def test_a_year_becomes_a_partition_of_its_own_and_no_row_is_moved(connection: Connection) -> None:
    for number in range(1, 5):
        mailed(connection, campaign(connection, number, OLD + timedelta(days=number)), 1, 2)
        reading(connection, number, "24h", OLD + timedelta(days=number))
        failed(connection, number, "24h", 1, "soft", OLD + timedelta(days=number))
    before = rows(connection, "campaign_recipient"), rows(connection, "bounce_event")
    year, long = OLD + timedelta(days=365), OLD + timedelta(days=548)
    assert history.span_to_close(connection, OLD, OLD - timedelta(days=1)) is None
    span = history.span_to_close(connection, year, OLD)
    assert span == Span(None, 5)
    assert history.close_span(connection, span) == 0
    assert history.span_to_close(connection, long, year) is None
    # What comes now goes into the newest partition, and what is late into its own.
    mailed(connection, campaign(connection, 5, NOW), 1)
    mailed(connection, 4, 3)
    assert rows(connection, "campaign_recipient_before_5") == before[0] | {(4, 3)}
    assert rows(connection, "campaign_recipient_newest") == {(5, 1)}
    assert rows(connection, "bounce_event") == rows(connection, "bounce_event_before_5") == before[1]
    assert history.spans(connection) == (Span(None, 5),)


def test_what_had_years_before_it_was_divided_is_closed_a_year_at_a_time(connection: Connection) -> None:
    for number in range(1, 13):
        mailed(connection, campaign(connection, number, OLD + timedelta(days=120 * number)), number)
        reading(connection, number, "24h", NOW)
        failed(connection, number, "24h", number, "hard", NOW)
    before = rows(connection, "campaign_recipient"), rows(connection, "bounce_event")
    limits = NOW - timedelta(days=365), NOW - timedelta(days=548)
    moved = []
    while (span := history.span_to_close(connection, *limits)) is not None:
        moved.append((span, history.close_span(connection, span)))
    # Of the last eighteen months everything becomes one span.
    assert moved == [(Span(None, 5), 8), (Span(5, 9), 8), (Span(9, 13), 0)]
    assert (rows(connection, "campaign_recipient"), rows(connection, "bounce_event")) == before
    assert history.spans(connection) == tuple(span for span, _ in moved)


def test_nothing_is_summarised_of_a_span_with_a_younger_campaign_or_one_that_somebody_waits_for(
    connection: Connection,
) -> None:
    campaign(connection, 1, OLD)
    campaign(connection, 2, OLD + timedelta(days=300))
    assert history.old_end(connection, NOW) is None
    history.close_span(connection, Span(None, 3))
    assert history.old_end(connection, OLD + timedelta(days=300)) is None
    assert history.old_end(connection, NOW) == 3
    execute(
        connection,
        "insert into review_item (campaign_id, kind, summary, created_at) values (1, 'finding', 's', now())",
    )
    assert history.old_end(connection, NOW) is None
    execute(connection, "delete from review_item")
    history.summarise(connection, 3, NOW)
    assert history.old_end(connection, NOW) is None


def test_a_summary_that_is_only_counted_leaves_everything_as_it_is(connection: Connection) -> None:
    for number in (1, 2, 3):
        mailed(connection, campaign(connection, number, OLD + timedelta(days=number)), 1, 2)
        reading(connection, number, "24h", OLD + timedelta(days=number))
    failed(connection, 3, "24h", 2, "soft", OLD + timedelta(days=3))
    history.close_span(connection, Span(None, 4))
    before = rows(connection, "campaign_recipient"), rows(connection, "bounce_event")
    with connection.begin_nested() as nested:
        would = history.count_old_history(connection, 4)
        nested.rollback()
    assert (rows(connection, "campaign_recipient"), rows(connection, "bounce_event")) == before
    assert (would.campaigns, would.contacts, would.mailings, would.failures) == (3, 2, 6, 1)
    assert history.summarise(connection, 4, NOW) == would
    # The first contact was reached by the last one, the second by the one before it.
    assert rows(connection, "campaign_recipient") == {(3, 1), (2, 2), (3, 2)}
    assert (would.mailings_kept, would.failures_kept) == (3, 1)


def test_who_asks_about_a_summarised_campaign_is_told_so(connection: Connection) -> None:
    campaign(connection, 1, OLD)
    campaign(connection, 2, NOW)
    history.close_span(connection, Span(None, 2))
    history.require_kept(connection, "Asking", [1, 2])
    history.summarise(connection, 2, NOW)
    history.require_kept(connection, "Asking", [2])
    with pytest.raises(HistorySummarisedError, match=r"campaign-1 were summarised on 2026-11-20.*sent after"):
        history.require_kept(connection, "Asking", [1, 2])
    assert history.is_summarised(connection, 1)
    assert not history.is_summarised(connection, 2)


def test_a_summarised_campaign_is_not_read_again(connection: Connection) -> None:
    execute(connection, "update campaign_schedule set retired_at = now()")
    campaign(connection, 1, OLD)
    assert len(bounces.campaigns_without_fetch(connection, NOW, OLD)) == 1
    history.close_span(connection, Span(None, 2))
    history.summarise(connection, 2, NOW)
    assert bounces.campaigns_without_fetch(connection, NOW, OLD) == []


@pytest.fixture
def years_later(install_small: Install) -> Iterator[Installation]:
    """An installation after a maintenance, and another one four years later with a year closed in between."""
    with install_small(history_kept_months=36) as made:
        made.maintain()
        made.clock.advance(timedelta(days=500))
        tend_history(made.services)
        made.clock.advance(timedelta(days=2000))
        yield made


def test_the_daily_clean_up_summarises_what_is_older_than_it_is_kept_and_says_so_before(
    years_later: Installation,
) -> None:
    made, count = years_later, "select count(*) from campaign_recipient"
    for_good = made.another(history_kept_months=0)
    assert remove_old_records(for_good).history == HistoryWork()
    ((mailings,),) = made.query(count)
    would = remove_old_records(made.services, dry_run=True).history
    assert made.query(count) == [(mailings,)]
    assert would.summarised is not None
    assert 0 < would.summarised.mailings_kept < would.summarised.mailings == mailings
    (sentence,) = history_sentences(would, is_dry_run=True)
    assert re.search(rf"would become a summary: of {mailings:,} mailings to [\d,]+ contacts [\d,]+ stay", sentence)
    assert remove_old_records(made.services).history == would
    assert made.query(count) == [(would.summarised.mailings_kept,)]
    assert remove_old_records(made.services).history == HistoryWork()


def test_a_summarised_campaign_is_neither_maintained_nor_replayed_nor_listed_again(years_later: Installation) -> None:
    made = years_later
    suppressed = made.query("select contact_id from change order by 1")
    month = (made.clock.now() - timedelta(days=2500)).date()
    tend_history(made.services)
    for ask in (
        lambda: made.maintain(run_id="late"),
        lambda: replay_policy(made.services, ReplayRequest(until=made.key)),
        lambda: bounce_table(made.services, made.key),
        lambda: losses_in(made.services, month),
    ):
        with pytest.raises(HistorySummarisedError):
            ask()
    assert made.query("select contact_id from change order by 1") == suppressed


def test_the_card_of_a_contact_counts_what_is_summarised(years_later: Installation) -> None:
    made = years_later
    tend_history(made.services)
    ((contact_id, campaigns, hard),) = made.query(
        "select contact_id, campaigns, hard from contact_history join change using (contact_id) where hard > 0 limit 1"
    )
    card = evidence_card(made.services, str(contact_id))
    assert card.record is not None
    assert card.record.summary is not None
    assert (card.record.summary.campaigns, card.record.summary.hard) == (campaigns, hard)
    words = " ".join(line for section in sections(card) for line in section.lines)
    assert f"{hard} bounced hard" in words
    assert card.not_replayed == "Not known: the verdict's campaign is so old that only a summary is left of it."


def test_somebody_is_erased_from_every_span(years_later: Installation) -> None:
    made = years_later
    ((contact_id,),) = made.query("select min(contact_id) from bounce_event")
    tend_history(made.services)
    erase_person(made.services, str(contact_id), by="ada", reason="asked", progress=quietly)
    for table in ("campaign_recipient", "bounce_event", "contact_history"):
        assert made.query(f"select 1 from {table} where contact_id = :id", id=contact_id) == []
        assert made.query(f"select 1 from {table} where contact_id < 0") != []


def test_texts_are_taken_out_of_the_row_and_not_of_its_namesake_in_another_span(connection: Connection) -> None:
    reading(connection, campaign(connection, 1, OLD), "24h", OLD)
    failed(connection, 1, "24h", 1, "soft", OLD)
    execute(connection, "update bounce_event set server_words = 'ann@one.example'")
    history.close_span(connection, Span(None, 2))
    reading(connection, campaign(connection, 2, OLD), "24h", OLD)
    failed(connection, 2, "24h", 2, "soft", OLD)
    # As many rows that one of them has the place of the one above, whichever page that is on.
    ((place,),) = rows(connection, "(select ctid::text from bounce_event where campaign_id = 1) places")
    columns = (
        "sweep, occurred_at, bounce_class, reason, is_disputed, decided_by, state_id, is_permanent, message_status"
    )
    columns += ", in_bounce_log, in_message_log, is_contradictory"
    execute(
        connection,
        f"insert into bounce_event (campaign_id, contact_id, {columns}) select 2, n, {columns} from bounce_event"
        " cross join generate_series(100, 5000) n where campaign_id = 2",
    )
    assert (place,) in rows(connection, "(select ctid::text from bounce_event where campaign_id = 2) places")
    erasure.erase(connection, Person(77, -1, "ann@one.example"), NOW)
    words = [
        row["server_words"]
        for row in fetch_all(connection, "select server_words from bounce_event order by contact_id")
    ]
    assert "ann" not in words[0]
    assert words[0] != ""
    assert set(words[1:]) == {""}


def test_whoever_works_with_mailings_all_the_time_is_not_pushed_aside(
    copy_of: Callable[[str], str], migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_LOCK_S", 0.05)
    monkeypatch.setattr(history, "_LOCK_TRIES", 2)
    database = Database(copy_of(migrated))
    try:
        with psycopg.connect(database.url) as other:
            other.execute("select count(*) from list_pipeline.campaign_recipient")
            with pytest.raises(LockHeldError, match="somebody worked with it"), database.begin() as connection:
                history.close_span(connection, Span(None, 2))
        with database.begin() as connection:
            assert history.spans(connection) == ()
            history.close_span(connection, Span(None, 2))
    finally:
        database.close()


def test_the_schema_goes_back_to_one_table_with_every_row_of_every_span(
    copy_of: Callable[[str], str], migrated: str
) -> None:
    database = Database(copy_of(migrated))
    try:
        with database.begin() as connection:
            for number in (1, 2, 3):
                mailed(connection, campaign(connection, number, OLD + timedelta(days=number)), number)
                reading(connection, number, "24h", NOW)
                failed(connection, number, "24h", number, "hard", NOW)
            history.close_span(connection, Span(None, 2))
            history.close_span(connection, Span(2, 3))
            before = rows(connection, "campaign_recipient"), rows(connection, "bounce_event")
        while "0097_partitions" not in rollback(database):
            pass
        with database.begin() as connection:
            assert (rows(connection, "campaign_recipient"), rows(connection, "bounce_event")) == before
            names = {row["relname"] for row in fetch_all(
                connection, "select relname from pg_class where relname ~ '^(bounce_event|campaign_recipient)'")}  # fmt: skip
        assert names == {
            "bounce_event", "bounce_event_pkey", "bounce_event_contact_idx",
            "campaign_recipient", "campaign_recipient_pkey", "campaign_recipient_by_contact_idx",
        }  # fmt: skip
    finally:
        database.close()
