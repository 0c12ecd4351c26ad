"""The suppression plan as a whole, and what holds for every set of bounces and every history."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.bounces.classes import COUNTING_CLASSES, classify
from list_pipeline.core.incidents.groups import Group, GroupKind
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.plans.plan import ItemAction, Sweep
from list_pipeline.core.suppression.plan import assemble
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import Attempt, AttemptOutcome, CampaignContext, ContactFacts
from list_pipeline_tests.unit.core.suppression.suppression_cases import (
    AS_OF,
    CAMPAIGN,
    HOLD,
    KEEP,
    MONITOR,
    POLICY,
    SENT,
    SUPPRESS,
    delivered,
    failed,
    failure,
    incident,
    judge,
    plan_of,
    unread,
)


class TestPlan:
    EVENTS = (
        failure(21, contact_id=9),
        failure(1, contact_id=3),
        failure(2, contact_id=4),
        failure(9, contact_id=5),
        failure(9, contact_id=6),
        failure(14, contact_id=8),
        failure(1, contact_id=10, contradictory=True),
    )

    def test_it_lists_everybody_by_contact_and_counts_by_class_without_contradictions(self) -> None:
        plan = plan_of(self.EVENTS, {})
        assert [item.contact_id for item in plan.items] == [3, 4, 5, 6, 8, 9, 10]
        assert {one.value: count for one, count in plan.by_class if count} == {
            "hard": 2,
            "block": 2,
            "complaint": 1,
            "not_evidence": 1,
        }
        assert asdict(plan.breakdown()) == {
            "hard_bounces": 1,
            "second_hits": 0,
            "soft_bounce_patterns": 0,
            "complaints": 1,
            "total": 2,
        }
        # Mailjet did not try to reach who complained earlier: that is no complaint about this campaign.
        assert (plan.complaints, plan.complaint_rate_percent) == (0, 0)
        reported = plan_of([failure(None, contact_id=9, status=MessageStatus.SPAM)], {})
        assert (reported.complaints, reported.complaint_rate_percent) == (1, pytest.approx(0.1))
        assert replace(plan, complaints=3, recipients=1).complaint_rate_percent == 300
        assert replace(plan, recipients=0).complaint_rate_percent is None
        assert {rule.value: count for rule, count in plan.by_rule} == {
            "complaint": 1,
            "hard_bounce": 1,
            "first_disputed_hit": 1,
            "sender_fault": 2,
            "not_evidence": 1,
            "contradiction": 1,
        }
        assert {item.contact_id: item.bounce_class for item in plan.items}[3] == "hard"

    def test_senders_faults_become_a_repair_list_and_untried_ones_a_release_list(self) -> None:
        plan = plan_of(self.EVENTS, {})
        (repair,), (release,) = plan.sender_faults, plan.not_evidence
        assert (repair.reason.value, repair.contacts) == ("policy_issue", 2)
        assert "DKIM" in repair.advice
        assert (release.reason.value, release.contacts) == ("preblocked", 1)
        assert "release" in release.advice

    def test_its_summary_and_its_evidence_are_json_without_any_address(self) -> None:
        plan = plan_of(self.EVENTS, {})
        written = json.dumps(
            [asdict(plan.summary()), [asdict(one) for item in plan.items for one in item.evidence]], default=str
        )
        assert "@" not in written

    def test_held_contacts_are_suppressions_that_wait(self) -> None:
        events = [failure(1, contact_id=number) for number in range(1, 7)]
        held = incident(*range(1, 7))
        campaign = CampaignContext(CAMPAIGN, 100, dict.fromkeys(range(1, 7), "one.example"), SENT, (held,))
        verdicts = decide(events, {}, {number: ContactFacts() for number in range(1, 7)}, campaign, POLICY, AS_OF)
        plan = assemble(
            verdicts, events, (held, incident(7, group=Group(GroupKind.OPERATOR, "Google"))),
            campaign_id=CAMPAIGN, sweep=Sweep.H24, policy_version=POLICY.version, recipients=100,
        )  # fmt: skip
        assert [one.group.name for one in plan.incidents] == ["one.example", "Google"]
        shown = plan.summary().incidents[0]
        assert (shown.kind, shown.name) == (GroupKind.DOMAIN, "one.example")
        assert (shown.hard_bounces, shown.attempted, shown.expected) == (6, 60, 0.2)
        assert all(item.is_held and item.action is ItemAction.SUPPRESS for item in plan.items)
        assert (plan.held_count, plan.suppressed_count) == (6, 0)

    def test_a_campaign_without_bounces_has_an_empty_plan(self) -> None:
        plan = plan_of((), {})
        assert plan.items == ()
        assert plan.breakdown().total == 0

    def test_when_all_recipients_bounced_hard_everybody_is_judged(self) -> None:
        plan = plan_of([failure(1, contact_id=number) for number in range(1, 1001)], {})
        assert plan.suppressed_count == 1000


STATES = st.integers(0, 23) | st.none()
INNOCENT = st.sampled_from([None, 0, 22, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20])
OUTCOMES = st.sampled_from(["delivered", "unread", "failed"])


@st.composite
def histories(draw: st.DrawFn, states: st.SearchStrategy[int | None] = STATES) -> tuple[Attempt, ...]:
    days = draw(st.lists(st.integers(1, 60), unique=True, max_size=6))
    made = []
    for ago in days:
        kind = draw(OUTCOMES)
        if kind == "failed":
            made.append(failed(draw(states) or 0, ago, permanent=draw(st.booleans())))
        else:
            made.append(delivered(ago) if kind == "delivered" else unread(ago))
    return tuple(made)


HARSHNESS = {KEEP: 0, MONITOR: 1, HOLD: 2, SUPPRESS: 3}


@given(INNOCENT, st.booleans(), histories(INNOCENT))
def test_no_set_of_innocent_failures_ever_suppresses(
    state: int | None, permanent: bool, history: tuple[Attempt, ...]
) -> None:
    assert judge(failure(state, permanent), *history, facts=ContactFacts(campaigns_count=9)).action is KEEP


@given(STATES, st.booleans(), histories())
def test_whoever_is_suppressed_has_evidence_that_counts(
    state: int | None, permanent: bool, history: tuple[Attempt, ...]
) -> None:
    verdict = judge(failure(state, permanent), *history, facts=ContactFacts(campaigns_count=9))
    if verdict.action in {SUPPRESS, HOLD}:
        assert verdict.has_evidence
        assert all(event.counts for event in verdict.events)
        assert {event.bounce_class for event in verdict.events} <= COUNTING_CLASSES
        assert verdict.bounce_count == len(verdict.events)
        assert verdict.confidence is not None


@given(STATES, st.booleans(), histories(), st.integers(-6, 60))
def test_another_delivery_never_makes_a_verdict_harsher(
    state: int | None, permanent: bool, history: tuple[Attempt, ...], ago: int
) -> None:
    facts, as_of = ContactFacts(campaigns_count=9), SENT + timedelta(days=7)
    if ago in {CAMPAIGN - attempt.campaign_id for attempt in history} | {0}:
        return
    event = failure(state, permanent)
    before = judge(event, *history, facts=facts, as_of=as_of)
    after = judge(event, *history, delivered(ago), facts=facts, as_of=as_of)
    assert HARSHNESS[after.action] <= HARSHNESS[before.action]


@given(STATES, histories())
def test_the_permanence_flag_alone_never_suppresses(state: int | None, history: tuple[Attempt, ...]) -> None:
    facts = ContactFacts(campaigns_count=9)
    verdict = judge(failure(state, True), *history, facts=facts)
    if classify(state, False).bounce_class not in COUNTING_CLASSES:
        # Without the flag a block that follows a hard bounce suppresses too, because of that bounce.
        assert HARSHNESS[verdict.action] <= HARSHNESS[judge(failure(state, False), *history, facts=facts).action]


@given(STATES)
def test_without_a_past_the_permanence_flag_of_what_does_not_count_suppresses_nobody(state: int | None) -> None:
    if classify(state, False).bounce_class not in COUNTING_CLASSES:
        assert judge(failure(state, True), facts=ContactFacts(campaigns_count=9)).action is KEEP


@given(
    st.lists(st.tuples(st.integers(1, 8), STATES, st.booleans()), max_size=8, unique_by=lambda one: one[0]),
    st.randoms(use_true_random=False),
)
def test_neither_order_nor_duplicates_change_a_plan_or_its_hash(rows, random) -> None:  # type: ignore[no-untyped-def]
    events = [failure(state, permanent, contact_id=number) for number, state, permanent in rows]
    expected = plan_of(events, {})
    shuffled = events + events[:3]
    random.shuffle(shuffled)
    again = plan_of(shuffled, {})
    assert again == expected
    assert again.content_hash == expected.content_hash


@given(histories(), st.randoms(use_true_random=False))
def test_neither_order_nor_duplicates_of_the_history_change_a_verdict(history, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = [*history, *history[:2]]
    random.shuffle(shuffled)
    facts = ContactFacts(campaigns_count=9)
    for state in (2, 3):
        assert judge(failure(state), *shuffled, facts=facts) == judge(failure(state), *history, facts=facts)


@given(STATES, histories())
def test_unread_campaigns_never_make_a_verdict_harsher(state: int | None, history: tuple[Attempt, ...]) -> None:
    facts = ContactFacts(campaigns_count=9)
    hidden = [
        Attempt(one.campaign_id, one.sent_at, AttemptOutcome.UNKNOWN)
        for one in history
        if one.outcome is AttemptOutcome.FAILED
    ]
    rest = [one for one in history if one.outcome is not AttemptOutcome.FAILED]
    before = judge(failure(state), *history, facts=facts)
    assert HARSHNESS[judge(failure(state), *rest, *hidden, facts=facts).action] <= HARSHNESS[before.action]
