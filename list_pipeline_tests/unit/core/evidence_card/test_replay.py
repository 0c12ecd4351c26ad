"""What would have changed a verdict: whatever is said is what the rules say with that one fact changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.bounces.classes import FailureEvent
from list_pipeline.core.evidence_card.replay import Judged, OtherVerdict, would_change, would_have_changed
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.verdicts import (
    AskedAbout,
    Attempt,
    ContactFacts,
    CountedDeliveries,
    SuppressionRule,
    Verdict,
    VerdictAction,
)
from list_pipeline_tests.unit.core.suppression.suppression_cases import (
    AS_OF,
    CONTACT,
    HOLD,
    KEEP,
    MONITOR,
    POLICY,
    SENT,
    SUPPRESS,
    context,
    delivered,
    failed,
    failure,
    incident,
    judge,
    unread,
)

FULL, INACTIVE, NO_HOST, BLOCKED = 3, 2, 5, 7
"""States of Mailjet: a full mailbox, an inactive one, a domain without a mail host, and a refusal of the sender."""


def judged(event: FailureEvent | None, *history: Attempt, in_incident: bool = False, **more: object) -> Judged:
    campaign = replace(context(), incidents=(incident(CONTACT),) if in_incident else ())
    made = Judged(
        contact_id=CONTACT,
        event=event,
        attempts=history,
        facts=ContactFacts(campaigns_count=1 + len(history)),
        campaign=campaign,
        policy=POLICY,
        as_of=AS_OF,
        read_at=AS_OF,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def changed(case: Judged) -> dict[str, VerdictAction | None]:
    return {one.change: one.action for one in would_have_changed(case)}


def rule_of(case: Judged) -> SuppressionRule:
    verdict = case.verdict()
    assert verdict is not None
    return verdict.rule


def test_what_is_replayed_is_the_verdict_of_the_rules() -> None:
    event, history = failure(NO_HOST, permanent=False), (failed(NO_HOST, 20), delivered(30))
    assert judged(event, *history).verdict() == judge(event, *history)


def test_a_hard_bounce_asks_for_a_delivery_an_incident_or_a_doubt() -> None:
    assert changed(judged(failure(), delivered(190))) == {
        "a delivery since 2026-11-02": MONITOR,
        "an incident at its mail operator on 2026-11-02": HOLD,
        "had the receiver's words left a doubt": MONITOR,
    }


def test_a_second_hit_asks_for_each_of_its_two_failures() -> None:
    case = judged(failure(NO_HOST, permanent=False), failed(NO_HOST, 20), delivered(30))
    assert rule_of(case) is SuppressionRule.SECOND_HIT
    assert changed(case) == {
        "a delivery since 2026-11-02": MONITOR,
        "a delivery between 2026-10-13 and 2026-11-02": MONITOR,
        "an open or click since 2026-11-02": MONITOR,
        "an incident at its mail operator on 2026-11-02": HOLD,
        "an incident at its mail operator on 2026-10-13": MONITOR,
        "without the failure on 2026-10-13": MONITOR,
    }


def test_who_opened_between_two_disputed_hits_asks_for_that_open() -> None:
    opened = ContactFacts(campaigns_count=3, address_worked_at=SENT - timedelta(days=5))
    case = judged(failure(NO_HOST, permanent=False), failed(NO_HOST, 20), facts=opened)
    assert rule_of(case) is SuppressionRule.ENGAGED_SINCE
    assert changed(case)["without the open or click on 2026-10-28"] is SUPPRESS


def test_what_counts_for_nothing_narrows_no_time_between_two_failures() -> None:
    case = judged(failure(NO_HOST, permanent=False), failed(BLOCKED, 5), failed(NO_HOST, 20))
    assert "a delivery between 2026-10-13 and 2026-11-02" in changed(case)


def test_a_soft_pattern_asks_for_a_delivery_and_for_each_of_its_failures() -> None:
    case = judged(failure(FULL, permanent=False), failed(FULL, 10), failed(FULL, 20))
    assert rule_of(case) is SuppressionRule.SOFT_PATTERN
    found = changed(case)
    assert found["a delivery between 2026-10-23 and 2026-11-02"] is KEEP
    assert {"without the failure on 2026-10-23", "without the failure on 2026-10-13"} <= set(found)
    assert SUPPRESS not in found.values()


def test_who_is_held_would_be_suppressed_without_the_others() -> None:
    case = judged(failure(), in_incident=True)
    assert changed(case) == {
        "a delivery since 2026-11-02": MONITOR,
        "without the incident at its domain on 2026-11-02": SUPPRESS,
        "had the receiver's words left a doubt": MONITOR,
    }


def test_a_delivery_that_is_known_by_now_is_no_other_fact() -> None:
    assert "a delivery since 2026-11-02" not in changed(judged(failure(), in_incident=True, is_reached_since=True))


def test_the_second_of_two_failures_counts_where_the_first_was_part_of_no_incident() -> None:
    case = judged(failure(NO_HOST, permanent=False), failed(NO_HOST, 20, incident=True))
    assert rule_of(case) is SuppressionRule.FIRST_DISPUTED_HIT
    assert changed(case)["had the failure on 2026-10-13 been no part of an incident"] is SUPPRESS


@pytest.mark.parametrize("is_event", [True, False])
def test_without_a_complaint_nothing_is_judged(is_event: bool) -> None:
    event = failure(None, status=MessageStatus.SPAM) if is_event else None
    case = judged(event, facts=ContactFacts(is_complaining=True))
    assert rule_of(case) is SuppressionRule.COMPLAINT
    assert changed(case) == {"had this person not complained": None}


def test_a_fault_of_the_sender_asks_for_the_word_that_there_is_no_such_user() -> None:
    assert changed(judged(failure(BLOCKED))) == {"had the receiver said that there is no such user": SUPPRESS}


def test_a_contradiction_asks_for_two_records_that_agree() -> None:
    assert changed(judged(failure(contradictory=True))) == {"had Mailjet's two records agreed": SUPPRESS}


def test_a_first_disputed_hit_asks_for_a_receiver_without_doubt() -> None:
    assert changed(judged(failure(NO_HOST, permanent=False))) == {"had the receiver left no doubt": SUPPRESS}


def test_who_was_reached_since_asks_for_that_delivery() -> None:
    later = Attempt(99, SENT + timedelta(hours=9), delivered(1).outcome)
    case = judged(failure(), later, delivered(190))
    assert rule_of(case) is SuppressionRule.DELIVERED_SINCE
    assert changed(case) == {"without the later delivery on 2026-11-02": SUPPRESS}


def test_a_backfill_is_protected_by_what_was_delivered_until_it_was_read() -> None:
    later = Attempt(99, SENT + timedelta(days=9), delivered(1).outcome)
    case = judged(failure(), later, read_at=AS_OF + timedelta(days=30))
    assert rule_of(case) is SuppressionRule.DELIVERED_SINCE
    assert changed(case) == {"without the later delivery on 2026-11-11": SUPPRESS}


def test_grace_asks_for_the_delivery_that_gave_it() -> None:
    case = judged(failure(), delivered(10), delivered(20), policy=SuppressionPolicy(grace_days=180))
    assert rule_of(case) is SuppressionRule.FIRST_HIT
    assert changed(case) == {
        "without earlier deliveries": SUPPRESS,
        "an incident at its mail operator on 2026-11-02": HOLD,
    }


def test_grace_by_mailjets_count_asks_for_those_deliveries() -> None:
    counted = ContactFacts(deliveries=CountedDeliveries(3, SENT - timedelta(days=1)))
    case = judged(failure(), facts=counted)
    assert rule_of(case) is SuppressionRule.FIRST_HIT
    assert changed(case)["without the deliveries of before that Mailjet counts"] is SUPPRESS


@pytest.mark.parametrize(
    ("told", "rule", "words"),
    [
        ({"is_rejected": True}, SuppressionRule.REJECTED_BY_PERSON, "without a person's rejection"),
        ({"is_taken_back": True}, SuppressionRule.TAKEN_BACK_BY_PERSON, "had nobody taken the suppression back"),
        (
            {"facts": ContactFacts(is_recipient=False)},
            SuppressionRule.NOT_A_RECIPIENT,
            "had it been a recipient of the campaign",
        ),
        (
            {"facts": ContactFacts(is_known=False), "campaign": replace(context(), domain_of={})},
            SuppressionRule.FACTS_UNKNOWN,
            "had it been known whose address it is",
        ),
        (
            {"facts": ContactFacts(is_unreadable=True)},
            SuppressionRule.UNREADABLE_ROW,
            "had its row at Mailjet been readable",
        ),
        (
            {"facts": ContactFacts(in_suppression_list=True)},
            SuppressionRule.ALREADY_SUPPRESSED,
            "had it not been suppressed already",
        ),
        (
            {"campaign": replace(context(), domain_of={})},
            SuppressionRule.FACTS_UNKNOWN,
            "had its domain been known",
        ),
    ],
)
def test_who_was_kept_from_a_suppression_asks_for_what_kept_it(
    told: dict[str, Any], rule: SuppressionRule, words: str
) -> None:
    case = judged(failure(), **told)
    assert rule_of(case) is rule
    assert changed(case) == {words: SUPPRESS}


def test_about_whom_a_person_was_asked_already_is_asked_about_anew_in_an_incident() -> None:
    case = judged(failure(), asked=AskedAbout(SuppressionRule.HARD_BOUNCE, is_held=False))
    assert rule_of(case) is SuppressionRule.ASKED_ALREADY
    assert changed(case) == {
        "without the question that was open": SUPPRESS,
        "an incident at its mail operator on 2026-11-02": HOLD,
    }


# From here


@pytest.mark.parametrize(
    ("event", "history", "words"),
    [
        (failure(NO_HOST, permanent=False), (), "the same failure once more, at least 7 days later"),
        (failure(FULL, permanent=False), (), "the same failure 2 more times, at least 7 days apart"),
        (failure(FULL, permanent=False), (failed(FULL, 13),), "the same failure once more, at least 1 day later"),
    ],
)
def test_who_is_watched_or_kept_is_told_how_many_more_failures_suppress(
    event: FailureEvent, history: tuple[Attempt, ...], words: str
) -> None:
    (ahead,) = would_change(judged(event, *history))
    assert ahead == OtherVerdict(f"{words} and with no further delivery before it", SUPPRESS)


def test_further_failures_are_counted_from_the_last_mail_on() -> None:
    reached = Attempt(99, SENT + timedelta(days=60), delivered(1).outcome)
    now = SENT + timedelta(days=90)
    (ahead,) = would_change(judged(failure(NO_HOST, permanent=False), reached, as_of=now, read_at=now))
    assert ahead.change.startswith("the same failure 2 more times, at least 7 days apart")


@pytest.mark.parametrize(
    "case", [judged(failure()), judged(failure(BLOCKED)), judged(None), judged(failure(), in_incident=True)]
)
def test_nothing_is_said_ahead_of_who_is_to_be_suppressed_or_whom_no_repetition_suppresses(case: Judged) -> None:
    assert would_change(case) == ()


# Whatever it is


STATES = st.sampled_from([None, 1, INACTIVE, FULL, 4, NO_HOST, BLOCKED, 14, 99])
EVENTS = st.builds(failure, STATES, st.booleans(), contradictory=st.booleans())
ATTEMPTS = st.lists(st.integers(1, 500), max_size=4, unique=True).flatmap(
    lambda days: st.tuples(
        *(
            st.one_of(
                st.just(delivered(ago)),
                st.just(unread(ago)),
                st.builds(failed, st.sampled_from([1, FULL, NO_HOST]), st.just(ago), st.booleans(), st.booleans()),
            )
            for ago in days
        )
    )
)


def stays(verdict: Verdict | None) -> bool:
    return verdict is None or verdict.action in (KEEP, MONITOR)


@given(EVENTS, ATTEMPTS, st.booleans(), st.sampled_from([0, 180]), st.booleans())
def test_only_another_end_is_named_each_once(
    event: FailureEvent, history: tuple[Attempt, ...], in_incident: bool, grace: int, is_rejected: bool
) -> None:
    case = judged(
        event, *history, in_incident=in_incident, is_rejected=is_rejected, policy=SuppressionPolicy(grace_days=grace)
    )
    real = case.verdict()
    assert real is not None
    found = would_have_changed(case)
    assert len({one.change for one in found}) == len(found)
    for one in found:
        if stays(real):
            assert one.action in (SUPPRESS, HOLD)
        else:
            assert one.action is not real.action
    if not stays(real) and real.rule is not SuppressionRule.COMPLAINT:
        assert "a delivery since 2026-11-02" in {one.change for one in found}
    assert case.verdict() == real
    assert all(one.action is SUPPRESS for one in would_change(case))
