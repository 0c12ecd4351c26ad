"""What each rule set makes of a failure: our own rules under any figures, and the documented ones of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.bounces.classes import FailureEvent, classify
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.replay.peers import PEERS
from list_pipeline.core.replay.rule_sets import Judgement, Outcome, OwnRules, RuleSet, Told, own_rule_sets
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import Attempt, AttemptOutcome, ContactFacts, VerdictAction
from list_pipeline_tests.unit.core.suppression.suppression_cases import (
    AS_OF,
    CONTACT,
    POLICY,
    SENT,
    context,
    delivered,
    failed,
    failure,
    incident,
)

LISTMONK, CIVICRM, MAILCHIMP, ANY_5XX = PEERS
REMOVED, HELD, KEPT = Outcome.REMOVED, Outcome.HELD, Outcome.KEPT
HARD, BLOCKED, SOFT = MessageStatus.HARD_BOUNCED, MessageStatus.BLOCKED, MessageStatus.SOFT_BOUNCED


def told(event: FailureEvent | None, *history: Attempt, facts: ContactFacts | None = None, held: bool = False) -> Told:
    campaign = replace(context(), incidents=(incident(CONTACT),) if held else ())
    events = [event] if event else []
    return Told(events, {CONTACT: history}, {CONTACT: facts or ContactFacts(campaigns_count=9)}, campaign, AS_OF)


def answer(
    rules: RuleSet, event: FailureEvent | None, *history: Attempt, facts: ContactFacts | None = None
) -> Judgement:
    (one,) = rules.judge(told(event, *history, facts=facts))
    return one


def full(days_ago: int) -> Attempt:
    at = SENT - timedelta(days=days_ago)
    event = failure(3, False, campaign_id=50 - days_ago, at=at, status=SOFT)
    return Attempt(50 - days_ago, at, AttemptOutcome.FAILED, event)


@pytest.mark.parametrize(
    ("state", "status", "text", "removed_by"),
    [
        (1, HARD, None, {"listmonk", "civicrm", "mailchimp", "any-5xx"}),
        (2, HARD, None, {"listmonk", "civicrm", "mailchimp", "any-5xx"}),
        (4, HARD, None, {"listmonk", "mailchimp", "any-5xx"}),
        # Refused for our fault: only Mailchimp's documented rules see the difference.
        (7, HARD, None, {"listmonk", "civicrm", "any-5xx"}),
        (9, SOFT, None, {"civicrm", "any-5xx"}),
        (1, HARD, "550 5.7.1 client host blocked, blacklisted", {"listmonk", "civicrm", "any-5xx"}),
        (1, SOFT, "450 4.2.1 mailbox temporarily disabled", {"civicrm", "mailchimp"}),
        (10, SOFT, "451 4.3.0 temporary system problem", set()),
        # Nothing was tried, so there is nothing to count.
        (14, BLOCKED, None, set()),
        (15, BLOCKED, None, set()),
        (16, BLOCKED, None, set()),
        (20, BLOCKED, None, set()),
    ],
)
def test_a_first_failure_removes_with_these_tools(
    state: int, status: MessageStatus, text: str | None, removed_by: set[str]
) -> None:
    event = failure(state, True, status=status, text=text)
    found = {one.name for one in PEERS if answer(one, event).outcome is REMOVED}
    assert found == removed_by


def test_a_full_mailbox_removes_the_third_time_with_civicrm_and_the_seventh_with_mailchimp() -> None:
    now = failure(3, False, status=SOFT)
    assert answer(CIVICRM, now, full(14)).outcome is KEPT
    third = answer(CIVICRM, now, full(28), full(14))
    assert (third.outcome, third.reason) == (REMOVED, "Removed: Quota, 3 of 3.")
    six = [full(7 * number) for number in range(1, 7)]
    assert answer(MAILCHIMP, now, *six[:5]).outcome is KEPT
    assert answer(MAILCHIMP, now, *six).outcome is REMOVED
    assert answer(LISTMONK, now, *six) == Judgement(CONTACT, KEPT, "soft", "Kept: soft never removes.")


def test_no_delivery_resets_the_counts_of_other_tools() -> None:
    now = failure(3, False, status=SOFT)
    assert answer(CIVICRM, now, full(28), full(14), delivered(7)).outcome is REMOVED


def test_who_complains_is_removed_by_everybody() -> None:
    for rules in (*PEERS, OwnRules("ours", "ours", POLICY)):
        assert answer(rules, failure(None, None, status=MessageStatus.SPAM)).outcome is REMOVED
        flagged = ContactFacts(is_complaining=True, campaigns_count=9)
        assert answer(rules, None, facts=flagged).outcome is REMOVED


def test_what_happened_after_the_moment_is_known_to_nobody() -> None:
    late = failure(1, True, at=AS_OF + timedelta(hours=1), status=HARD)
    for rules in PEERS:
        assert rules.judge(told(late)) == ()
    assert answer(OwnRules("ours", "ours", POLICY), late).outcome is KEPT


def test_who_was_no_recipient_is_judged_by_no_other_tool() -> None:
    stranger = ContactFacts(is_recipient=False)
    for rules in PEERS:
        assert rules.judge(told(failure(1, True, status=HARD), facts=stranger)) == ()


def test_our_own_rules_say_what_the_planning_rules_say() -> None:
    ours, without_incidents, without_grace, first = own_rule_sets(POLICY)
    hard, earlier = failure(1, True), delivered(30)
    assert answer(ours, hard, earlier).rule == "first_hit"
    assert answer(without_grace, hard, earlier).outcome is REMOVED
    assert answer(first, hard, earlier).outcome is REMOVED
    held = told(hard, held=True)
    assert [one.outcome for one in ours.judge(held)] == [HELD]
    assert [one.outcome for one in without_incidents.judge(held)] == [REMOVED]
    assert [one.outcome for one in first.judge(held)] == [REMOVED]


def test_the_first_version_forgets_no_hit() -> None:
    ours, *_, first = own_rule_sets(POLICY)
    again, long_ago = failure(2, True), failed(2, 500)
    assert answer(ours, again, long_ago).rule == "first_disputed_hit"
    assert answer(first, again, long_ago).rule == "second_hit"


STATES = st.sampled_from([None, *range(1, 22), 77])


@given(st.lists(st.tuples(STATES, st.booleans()), min_size=1, max_size=6), st.booleans())
def test_the_own_rules_of_a_replay_are_those_that_plan(
    failures: Sequence[tuple[int | None, bool]], is_held: bool
) -> None:
    *past, (state, permanent) = failures
    history = [
        Attempt(number, SENT - timedelta(days=10 * (number + 1)), AttemptOutcome.FAILED, event)
        for number, (its_state, its_permanent) in enumerate(past)
        for event in [
            FailureEvent(
                CONTACT, number, SENT - timedelta(days=10 * (number + 1)), its_state, its_permanent, None,
                classify(its_state, its_permanent), True, True,
            )
        ]
    ]  # fmt: skip
    asked = told(failure(state, permanent), *history, held=is_held)
    verdicts = decide(asked.events, asked.history, asked.facts, asked.campaign, POLICY, asked.as_of)
    found = OwnRules("ours", "ours", POLICY).judge(asked)
    assert [(one.contact_id, one.rule, one.reason) for one in found] == [
        (one.contact_id, one.rule.value, one.explanation) for one in verdicts
    ]
    assert [one.outcome is REMOVED for one in found] == [one.action is VerdictAction.SUPPRESS for one in verdicts]
    assert [one.outcome is HELD for one in found] == [one.action is VerdictAction.HOLD for one in verdicts]


@given(st.lists(STATES, max_size=8), STATES, st.booleans())
def test_more_failures_never_make_another_tool_keep_whom_it_removes(
    past: Sequence[int | None], state: int | None, permanent: bool
) -> None:
    history = [failed(one, 5 * (number + 1)) for number, one in enumerate(past) if one is not None]
    for rules in PEERS:
        outcomes = [answer(rules, failure(state, permanent), *history[:n]).outcome for n in range(len(history) + 1)]
        assert outcomes == sorted(outcomes, key=[KEPT, REMOVED].index)
