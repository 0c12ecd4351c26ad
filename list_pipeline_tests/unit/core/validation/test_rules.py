"""The rules of the validation before a campaign, and its message."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.assessment import HealthAssessment, HealthPolicy, HealthStatus
from list_pipeline.core.health.figures import SendFigures
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import as_text, problems
from list_pipeline.core.plans.journal import StepAction
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.validation.checklist import LIST_RULES, RuleResult, Severity, ValidationRule, verdict
from list_pipeline.core.validation.message import ValidationNews, failed_message, override_message, validation_message
from list_pipeline.core.validation.own_changes import OwnChange, net_change
from list_pipeline.core.validation.policy import VALIDATION
from list_pipeline.core.validation.rules import (
    Movement,
    Presence,
    ValidatedList,
    ValidationFacts,
    size_tolerance,
    validate_list,
    validation_due_at,
)

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
LIST = ListRole.CAMPAIGN_1

HEALTHY = HealthAssessment(
    role=LIST,
    status=HealthStatus.HEALTHY,
    urgency=Urgency.LOW,
    concerns=(),
    risk_factors=(),
    reputation_impact="none",
    rationale="Nothing to be seen.",
    confidence=0.9,
    source=AdviceSource.MODEL,
)

GOOD = ValidationFacts(
    role=LIST,
    presence=Presence.EXISTS,
    now=NOW,
    state=ValidatedList(raw=1_010, mailable=1_000, unsubscribed=8, excluded=2),
    expected=1_000,
    movement=Movement(3, 2, 1),
    last_synced_at=NOW,
    sizes=(1_000, 1_000, 1_000),
    last_send=SendFigures(campaigns=1, recipients=1_000, hard=3, soft=4, delivered=993),
    health=HEALTHY,
    sent_in_open_cycle=frozenset(),
)


def validated(facts: ValidationFacts, rebalancing: RebalancingPolicy | None = None) -> tuple[RuleResult, ...]:
    return validate_list(facts, rebalancing or RebalancingPolicy(), HealthPolicy())


def judged(rule: ValidationRule, facts: ValidationFacts = GOOD, **changed: Any) -> RuleResult:
    found = {result.rule: result for result in validated(replace(facts, **changed))}
    assert list(found) == list(LIST_RULES)
    return found[rule]


def state(**changed: Any) -> ValidatedList:
    assert GOOD.state is not None
    return replace(GOOD.state, **changed)


def test_a_good_list_passes_every_rule() -> None:
    results = validated(GOOD)
    assert [result.severity for result in results] == [Severity.PASSED] * len(LIST_RULES)
    assert verdict(results) is Severity.PASSED
    assert all(result.words and not result.action for result in results)


def test_what_is_not_known_never_passes() -> None:
    unknown = validated(ValidationFacts(LIST, Presence.EXISTS, NOW))
    found = {result.rule: result.severity for result in unknown}
    assert {rule for rule, severity in found.items() if severity is Severity.PASSED} == {ValidationRule.LIST_EXISTS}
    assert found[ValidationRule.NOBODY_SUPPRESSED] is Severity.CRITICAL
    assert found[ValidationRule.NOBODY_WAITING] is Severity.CRITICAL
    assert found[ValidationRule.FRESH_DATA] is Severity.CRITICAL  # never synced
    assert verdict([]) is Severity.CRITICAL


@pytest.mark.parametrize("presence", [Presence.DELETED, Presence.MISSING])
def test_a_list_that_is_not_there_is_critical(presence: Presence) -> None:
    assert judged(ValidationRule.LIST_EXISTS, presence=presence).severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("expected", "mailable", "severity"),
    [
        (1_000, 1_010, Severity.PASSED),
        (1_000, 989, Severity.WARNING),
        (40, 30, Severity.PASSED),
        (40, 29, Severity.WARNING),
        (50_000, 49_500, Severity.PASSED),
        (50_000, 50_501, Severity.WARNING),
        (10, 0, Severity.CRITICAL),
        (None, 1_000, Severity.WARNING),
    ],
)
def test_the_size_may_differ_by_ten_or_one_percent_whichever_is_more(
    expected: int | None, mailable: int, severity: Severity
) -> None:
    assert judged(ValidationRule.LIST_SIZE, expected=expected, state=state(mailable=mailable)).severity is severity


@given(st.integers(0, 10**7))
def test_the_tolerance_is_never_below_ten_nor_above_what_one_percent_allows(expected: int) -> None:
    assert size_tolerance(expected) == max(10, expected // 100)


def test_a_size_mismatch_says_who_came_and_went() -> None:
    found = judged(ValidationRule.LIST_SIZE, expected=900)
    assert "+100" in found.words
    assert "3 joined, 2 left and 1 unsubscribed" in found.words


def test_the_size_has_its_figures_beside_it() -> None:
    found = judged(ValidationRule.LIST_SIZE, expected=900)
    assert found.details == {
        "actual": 1_000,
        "expected": 900,
        "subscribers": 1_010,
        "discrepancy": 100,
        "tolerance": 10,
        "joined": 3,
        "left": 2,
        "unsubscribed_since": 1,
    }
    assert str(size_tolerance(50_000)) == "500"


def test_who_would_get_the_cycle_twice_is_critical_and_not_knowing_who_was_mailed_a_warning() -> None:
    found = judged(ValidationRule.NOBODY_TWICE, state=state(twice=[8, 9]))
    assert (found.severity, found.details) == (Severity.CRITICAL, {"contacts": 2, "contact_ids": [8, 9]})
    unknown = judged(ValidationRule.NOBODY_TWICE, recipients_unknown=frozenset({ListRole.CAMPAIGN_2}))
    assert unknown.severity is Severity.WARNING
    assert "the round to List 2 is not known yet" in unknown.words


def test_of_many_contacts_the_first_fifty_are_named() -> None:
    found = judged(ValidationRule.NOBODY_SUPPRESSED, state=state(suppressed=range(60)))
    assert (found.details["contacts"], found.details["contact_ids"]) == (60, list(range(50)))


def test_one_suppressed_contact_is_critical_wherever_it_stands_in_the_list() -> None:
    found = judged(ValidationRule.NOBODY_SUPPRESSED, state=state(suppressed=[7_000_000]))
    assert (found.severity, found.details["contacts"]) == (Severity.CRITICAL, 1)
    assert "Remove before launch" in found.action


def test_who_waits_to_be_suppressed_is_critical_and_who_bounced_in_an_incident_is_only_named() -> None:
    assert judged(ValidationRule.NOBODY_WAITING, state=state(waiting=[1], held=[2])).severity is Severity.CRITICAL
    nobody = judged(ValidationRule.NOBODY_WAITING, state=state())
    assert nobody.words == "Nobody who would be mailed waits to be suppressed."
    held = judged(ValidationRule.NOBODY_WAITING, state=state(held=[2]))
    assert (held.severity, held.details["held"]) == (Severity.PASSED, 1)
    assert held.words == (
        "1 contact that would be mailed bounced in an incident of their provider: this mailing shows which of them work."
    )


def test_who_unsubscribed_on_another_list_is_named() -> None:
    found = judged(ValidationRule.UNSUBSCRIBED_AND_EXCLUDED, state=state(unsubscribed_elsewhere=[5, 6]))
    assert (found.severity, found.details["unsubscribed_elsewhere"]) == (Severity.WARNING, 2)


@pytest.mark.parametrize(
    ("age", "severity"),
    [
        (timedelta(hours=24), Severity.PASSED),
        (timedelta(hours=24, seconds=1), Severity.WARNING),
        (timedelta(days=30), Severity.WARNING),
    ],
)
def test_data_is_stale_after_a_day_counted_in_hours(age: timedelta, severity: Severity) -> None:
    found = judged(ValidationRule.FRESH_DATA, last_synced_at=NOW - age)
    assert found.severity is severity
    assert found.details["hours"] == age / timedelta(hours=1) or severity is Severity.WARNING


def test_a_list_that_is_being_changed_is_not_fresh() -> None:
    found = judged(
        ValidationRule.FRESH_DATA,
        state=state(is_being_changed=True),
        last_synced_at=NOW - timedelta(hours=5, minutes=20),
    )
    assert found.severity is Severity.WARNING
    assert found.details == {
        "last_synced_at": "2026-11-20T00:40:00+00:00",
        "hours": 5.3,
        "is_being_changed": True,
    }


def test_a_list_that_was_read_is_fresh_though_who_is_on_it_is_not_known() -> None:
    assert judged(ValidationRule.FRESH_DATA, state=None).severity is Severity.PASSED


@pytest.mark.parametrize(
    ("sizes", "word"),
    [
        ((100, 100, 100), "Even"),
        ((13, 13, 14), "Even"),
        ((100, 100, 120), "Uneven"),
        ((85, 100, 115), "Uneven"),
        ((100, 100, 200), "Very uneven"),
    ],
)
def test_balance_is_at_most_a_warning(sizes: tuple[int, int, int], word: str) -> None:
    found = judged(ValidationRule.BALANCE, sizes=sizes)
    assert found.words.startswith(word + ":")
    assert found.severity is (Severity.PASSED if word == "Even" else Severity.WARNING)


def test_the_balance_is_told_as_the_deviation_from_the_mean() -> None:
    found = judged(ValidationRule.BALANCE, sizes=(731, 1_000, 1_000))
    assert "the three lists deviate by 19.7 % from their mean" in found.words
    assert found.details == {"sizes": [731, 1_000, 1_000], "deviation_percent": 19.7}
    assert judged(ValidationRule.BALANCE, sizes=(100, 101, 102)).details["deviation_percent"] == 0.99
    assert judged(ValidationRule.BALANCE, sizes=(1_000, 1_001, 1_005)).details["deviation_percent"] == 0.3


def test_empty_lists_have_no_balance() -> None:
    assert judged(ValidationRule.BALANCE, sizes=(0, 0, 0)).severity is Severity.WARNING


@pytest.mark.parametrize(
    ("hard", "soft", "severity"),
    [(10, 9, Severity.PASSED), (15, 10, Severity.PASSED), (30, 20, Severity.WARNING), (100, 60, Severity.WARNING)],
)
def test_the_bounce_rate_warns_only_where_its_whole_interval_is_beyond_the_limit(
    hard: int, soft: int, severity: Severity
) -> None:
    sends = SendFigures(1, 1_000, hard, soft, 1_000 - hard - soft)
    assert judged(ValidationRule.BOUNCE_RATE, last_send=sends).severity is severity


@pytest.mark.parametrize(
    ("concerning", "critical", "words"),
    [(0.0, 1.0, "Usual: "), (-0.5, 0.0, "Many: "), (-0.5, -0.5, "A great many: ")],
)
def test_a_bounce_rate_is_beyond_a_limit_only_where_its_lower_end_is_above_it(
    concerning: float, critical: float, words: str
) -> None:
    sends = SendFigures(1, 997, 30, 20, 947)
    assert sends.bounce_rate is not None
    low = sends.bounce_rate.low
    assert low is not None
    policy = HealthPolicy(bounces_concerning=low + concerning, bounces_critical=low + critical)
    found = {one.rule: one for one in validate_list(replace(GOOD, last_send=sends), RebalancingPolicy(), policy)}
    result = found[ValidationRule.BOUNCE_RATE]
    assert result.words.startswith(words)
    assert result.details == {"bounces": 50, "recipients": 997, "rate_percent": 5.02}


def test_the_complaint_rate_of_the_last_campaign_stands_beside_its_bounces() -> None:
    result = judged(ValidationRule.BOUNCE_RATE, last_send=SendFigures(1, 1_000, 3, 4, 990, 2))
    assert result.severity is Severity.PASSED
    assert "0.20 % (0.04 to 0.63 %) complained" in result.words
    assert result.details["complaint_rate_percent"] == 0.2


def test_a_bounce_rate_warns_only_beyond_what_the_campaigns_of_the_account_differ_anyway() -> None:
    sends = SendFigures(1, 5_000, 130, 0, 4_870)
    assert judged(ValidationRule.BOUNCE_RATE, last_send=sends).severity is Severity.WARNING
    varied = replace(sends, overdispersion=0.002)
    assert judged(ValidationRule.BOUNCE_RATE, last_send=varied).severity is Severity.PASSED


@pytest.mark.parametrize("urgency", list(Urgency))
def test_the_assessment_warns_from_high_urgency_on_critical_included_and_never_blocks(urgency: Urgency) -> None:
    found = judged(ValidationRule.LIST_HEALTH, health=replace(HEALTHY, urgency=urgency, concerns=("It shrinks.",)))
    assert found.severity is (Severity.WARNING if urgency in (Urgency.HIGH, Urgency.CRITICAL) else Severity.PASSED)
    assert found.details["ai_assessment"] == HEALTHY.rationale
    if found.severity is Severity.WARNING:
        assert found.action == HEALTHY.rationale


@pytest.mark.parametrize(
    ("trigger", "sizes", "words"),
    [
        (8, (1_000, 1_000, 1_092), None),  # 5.9 % from the mean
        (5, (1_000, 1_000, 1_092), "The next maintenance rebalances the lists."),
        (4, (1_000, 1_000, 1_068), "The next maintenance rebalances the lists."),
        (20, (1_000, 1_000, 1_280), None),  # 17 %
        (8, (1_000, 1_000, 1_280), "find out why the last maintenance did not"),
    ],
)
def test_a_rebalancing_is_promised_only_where_the_settings_bring_one(
    trigger: int, sizes: tuple[int, int, int], words: str | None
) -> None:
    policy = RebalancingPolicy(trigger_percent=trigger)
    found = {result.rule: result for result in validated(replace(GOOD, sizes=sizes), policy)}[ValidationRule.BALANCE]
    assert (found.severity is Severity.PASSED) is (words is None)
    assert (words or "") in found.action


def test_the_questions_have_the_figures_that_are_judged_by() -> None:
    assert f"{VALIDATION.tolerance_contacts} or {VALIDATION.tolerance_percent} %" in ValidationRule.LIST_SIZE.question
    assert f"{VALIDATION.stale_after // timedelta(hours=1)} hours" in ValidationRule.FRESH_DATA.question
    assert f"{HealthPolicy().bounces_concerning:g} %" in ValidationRule.BOUNCE_RATE.question
    # The figure is a setting, and the question stands in Dagster before any setting was read.
    assert "LIST_BALANCE_THRESHOLD" in ValidationRule.BALANCE.question


def test_a_list_that_the_open_cycle_was_sent_to_already_is_a_warning() -> None:
    sent = frozenset({LIST})
    assert judged(ValidationRule.SENT_ONCE_A_CYCLE, sent_in_open_cycle=sent).severity is Severity.WARNING
    others = frozenset(CAMPAIGN_LISTS) - sent
    assert judged(ValidationRule.SENT_ONCE_A_CYCLE, sent_in_open_cycle=others).severity is Severity.PASSED


@pytest.mark.parametrize(
    ("at", "due"),
    [("2026-11-20T10:00", "2026-11-20T06:00"), ("2026-11-20T09:15", "2026-11-20T06:00"),
     ("2026-11-20T07:00", "2026-11-20T03:45"), ("2026-11-20T02:00", "2026-11-19T22:45")],
)  # fmt: skip
def test_a_validation_is_due_at_six_and_three_and_a_quarter_hours_before_at_the_latest(at: str, due: str) -> None:
    assert validation_due_at(datetime.fromisoformat(at).replace(tzinfo=UTC)) == datetime.fromisoformat(due).replace(
        tzinfo=UTC
    )


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_validation_is_never_due_too_late_nor_a_day_early(at: datetime) -> None:
    assert VALIDATION.latest_before_send <= at - validation_due_at(at) <= timedelta(hours=18)


ADD_1, OFF_1, OUT = (StepAction.ADD, LIST), (StepAction.REMOVE, LIST), (StepAction.EXCLUDE, None)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (OwnChange(frozenset({LIST}), False, False, frozenset(), frozenset({OUT, OFF_1})), -1),
        # The exclusion came before the count, the removal after it: the count knew already.
        (OwnChange(frozenset({LIST}), False, False, frozenset({OUT}), frozenset({OFF_1})), 0),
        (OwnChange(frozenset({LIST}), True, False, frozenset(), frozenset({OUT, OFF_1})), 0),
        (OwnChange(frozenset({LIST}), False, True, frozenset(), frozenset({OFF_1})), 0),
        (OwnChange(frozenset(), False, False, frozenset(), frozenset({ADD_1})), 1),
        (OwnChange(frozenset(), False, True, frozenset(), frozenset({ADD_1, (StepAction.INCLUDE, None)})), 1),
        (OwnChange(frozenset(), False, False, frozenset(), frozenset({ADD_1, OFF_1})), 0),
        (OwnChange(frozenset({ListRole.CAMPAIGN_2}), False, False, frozenset(), frozenset({OUT})), 0),
        (OwnChange(frozenset({LIST}), False, False, frozenset(), frozenset({(StepAction.UNSUB, LIST)})), -1),
        (
            OwnChange(
                frozenset({LIST}), False, False, frozenset(), frozenset({(StepAction.UNSUB, ListRole.CAMPAIGN_2)})
            ),
            0,
        ),
    ],
)
def test_our_own_changes_are_counted_by_who_became_mailable_or_not(change: OwnChange, expected: int) -> None:
    assert net_change(LIST, [change]) == expected
    assert net_change(LIST, [change, change]) == 2 * expected


def news(facts: ValidationFacts, is_blocking: bool) -> ValidationNews:
    return ValidationNews(
        campaign_key="2026-11-20-r1-d7",
        campaign_name="Letter <!channel> of anna.bauer@example.com",
        list_label="List 1",
        scheduled_at=NOW + timedelta(hours=4),
        results=validated(facts),
        is_blocking=is_blocking,
        fate="Mailjet will still send it at 2026-11-20 10:00 UTC: BLOCK_CANCELS_SCHEDULE is off.",
        log_id=3,
    )


@pytest.mark.parametrize(
    ("facts", "is_blocking", "title"),
    [
        (GOOD, False, "Ready to Send"),
        (replace(GOOD, sizes=(100, 100, 120)), False, "With Warnings"),
        (replace(GOOD, state=state(suppressed=list(range(10_000)))), True, "Campaign Blocked"),
        (replace(GOOD, state=state(suppressed=[1])), False, "Let Go"),
        (ValidationFacts(LIST, Presence.MISSING, NOW), True, "Campaign Blocked"),
    ],
)
def test_the_message_says_what_is_wrong_what_to_do_and_whether_mailjet_will_send(
    facts: ValidationFacts, is_blocking: bool, title: str
) -> None:
    message = validation_message(news(facts, is_blocking))
    assert problems(message.text, message.blocks) == ()
    shown = str(message.blocks) + str(message.details)
    if message.details is not None:
        assert problems(message.details.text, message.details.blocks) == ()
    assert title in message.text
    assert "Mailjet will still send it" in shown
    assert "example.com" not in shown + message.text
    assert "<!channel>" not in shown
    assert ("list-pipeline unblock" in shown) is is_blocking
    for result in validated(facts):
        assert (result.words in shown) is (result.severity is not Severity.PASSED)


def test_a_block_names_whom_to_take_off_the_list_and_names_no_more_than_a_phone_shows() -> None:
    few = replace(GOOD, state=state(suppressed=[4711, 4712]))
    assert "Contacts 4711 and 4712; what is known of each: `list-pipeline why ID`" in as_text(
        validation_message(news(few, True))
    )
    many = as_text(validation_message(news(replace(GOOD, state=state(suppressed=list(range(100, 4_000)))), True)))
    assert "Contacts 100, 101, 102, 103, 104, 105, 106, 107, 108 and 109 and others; what" in many


def test_the_other_messages_keep_slacks_limits() -> None:
    long = "x" * 5_000
    for message in (override_message("k", long, "Ana", long, long), failed_message("k", long, NOW, long)):
        assert problems(message.text, message.blocks) == ()
