"""A week's figures, rules, report and messages, from figures made up by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.weekly_report import write_week
from list_pipeline.core.advice import AdviceOutcome, AdviceSource, ModelAnswer, ModelRequest
from list_pipeline.core.errors import TransientError
from list_pipeline.core.health.assessment import HealthAssessment, HealthStatus
from list_pipeline.core.health.figures import SendFigures
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import as_text, problems
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.facts import ActionItem, Trend
from list_pipeline.core.weekly.facts import WeekFacts, WeekLinks, WeekMetric, action_items, change_text, week_metrics
from list_pipeline.core.weekly.figures import (
    Activity,
    ListSize,
    WeekFigures,
    WeekSends,
    compare,
    critical_issues,
    due_week,
    issues_of,
    overall_urgency,
    week_of,
)
from list_pipeline.core.weekly.message import critical_alert, failure_alert, weekly_message
from list_pipeline.core.weekly.policy_report import policy_week_report
from list_pipeline.core.weekly.statements import PARTS, SUMMARY, WEEK_OVER_WEEK, WeekStatement, week_statements
from list_pipeline_tests.closed_set import left_over

NO_WEEK_BEFORE = "The week before was not checked, so there is nothing to compare this week with."
MONDAY = date(2026, 11, 16)
WEEK = week_of(MONDAY, 1, 10)


def sizes(*mailable: int) -> dict[ListRole, ListSize]:
    """Master, the three lists, suppression; a few of each cannot be mailed."""
    return {role: ListSize(count + 10, count) for role, count in zip(ALL_LISTS, mailable, strict=True)}


def figures(**changed: Any) -> WeekFigures:
    values: dict[str, Any] = {
        "week": WEEK,
        "sends": {
            ListRole.CAMPAIGN_1: WeekSends(ListRole.CAMPAIGN_1, SendFigures(1, 1_000, 10, 10, 970, 0)),
            ListRole.CAMPAIGN_2: WeekSends(ListRole.CAMPAIGN_2, SendFigures(1, 3_000, 90, 10, 2_880, 4)),
            ListRole.CAMPAIGN_3: WeekSends(ListRole.CAMPAIGN_3),
        },
        "activity": Activity(2, 14, 42, 30, 1, 0, 0),
        "sizes": sizes(3_600, 1_152, 1_150, 1_148, 120),
        "sizes_at": WEEK.due_at,
    }
    return WeekFigures(**{**values, **changed})


def assessment(role: ListRole, status: HealthStatus, urgency: Urgency) -> HealthAssessment:
    concerns = () if status is HealthStatus.HEALTHY else ("The hard bounce rate is 3.1 %, above 2 %.",)
    return HealthAssessment(role, status, urgency, concerns, (), "Nothing.", "Fine.", None, AdviceSource.POLICY)


HEALTHY = [assessment(role, HealthStatus.HEALTHY, Urgency.LOW) for role in CAMPAIGN_LISTS]


def facts(
    of: WeekFigures | None = None, assessed: list[HealthAssessment] | None = None, before: WeekFigures | None = None
) -> WeekFacts:
    of, assessed = of or figures(), HEALTHY if assessed is None else assessed
    issues = issues_of(of, assessed)
    made = WeekFacts(
        of, assessed, compare(of, before), issues, overall_urgency(assessed, (), issues), WeekLinks(1_204), weeks=(of,)
    )
    return replace(made, report=policy_week_report(made))


# Which week


@pytest.mark.parametrize(
    ("now", "monday"),
    [
        (datetime(2026, 11, 16, 9, 59, tzinfo=UTC), date(2026, 11, 9)),
        (datetime(2026, 11, 16, 10, 0, tzinfo=UTC), MONDAY),
        (datetime(2026, 11, 22, 23, 59, tzinfo=UTC), MONDAY),
        (datetime(2026, 11, 23, 9, 59, tzinfo=UTC), MONDAY),
    ],
)
def test_the_check_of_a_week_is_due_on_its_monday_and_until_the_next(now: datetime, monday: date) -> None:
    assert due_week(now, 1, 10).monday == monday


def test_a_check_on_sunday_belongs_to_the_week_that_ends_then() -> None:
    assert week_of(MONDAY, 0, 6).due_at == datetime(2026, 11, 22, 6, tzinfo=UTC)
    with pytest.raises(ValueError, match="no Monday"):
        week_of(MONDAY + timedelta(days=1), 1, 10)


@given(
    st.datetimes(datetime(2026, 1, 12), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(0, 6),
    st.integers(0, 23),
)
def test_every_instant_belongs_to_one_week_and_windows_neither_overlap_nor_leave_gaps(
    now: datetime, day: int, hour: int
) -> None:
    week = due_week(now, day, hour)
    assert week.is_current(now)
    before = week_of(week.monday - timedelta(days=7), day, hour)
    assert not before.is_current(now)
    assert before.due_at == week.starts_after


# Figures


def test_averages_weigh_campaigns_by_their_recipients() -> None:
    found = figures()
    assert found.bounce_rate is not None
    # 2 % of 1,000 and 3.33 % of 3,000: the plain mean of the two would be 2.67 %.
    assert found.bounce_rate.percent == pytest.approx(3.0)
    assert found.delivery_rate is not None
    assert found.delivery_rate.percent == pytest.approx(96.25)


@pytest.mark.parametrize(
    ("complaints", "urgency", "said"),
    [
        (0, None, "Complaint rate 0 % (0 to 0.30 %): cannot tell yet whether that is below the target of 0.1 %"),
        (4, Urgency.MEDIUM, "above the target of 0.1 %"),
        (9, Urgency.HIGH, "ALERT"),
    ],
)
def test_complaints_of_the_week_are_told_with_what_they_show(
    complaints: int, urgency: Urgency | None, said: str
) -> None:
    sends = WeekSends(ListRole.CAMPAIGN_1, SendFigures(1, 1_000, 5, 5, 980, complaints))
    found = figures(sends={ListRole.CAMPAIGN_1: sends})
    issues = [one for one in issues_of(found, ()) if "complaint" in one.text]
    assert [one.urgency for one in issues] == ([] if urgency is None else [urgency])
    assert said in as_text(weekly_message(facts(found)))
    assert week_metrics(facts(found))["complaint_rate"].value.startswith(
        f"{complaints / 10:.2f} %" if complaints else "0 %"
    )


def test_a_week_of_which_complaints_are_not_known_says_nothing_of_them() -> None:
    sends = WeekSends(ListRole.CAMPAIGN_1, SendFigures(1, 1_000, 5, 5, 980))
    found = figures(sends={ListRole.CAMPAIGN_1: sends})
    assert found.complaint_rate is None
    assert "complaint_rate" not in week_metrics(facts(found))


def week_with(complaints: int | None, recipients: int = 5_000) -> WeekFigures:
    read = SendFigures(1, recipients, 10, 10, recipients - 20, complaints)
    return figures(sends={ListRole.CAMPAIGN_1: WeekSends(ListRole.CAMPAIGN_1, read)})


@pytest.mark.parametrize(
    ("before", "now", "said", "trend"),
    [
        # The bounds meet: 0.04 to 0.21 % and 0.14 to 0.39 %.
        (5, 12, "Complaint rate 0.24 % (0.14 to 0.39 %) after 0.10 % (0.04 to 0.21 %): cannot tell whether it changed",
         Trend.STABLE),
        (12, 5, "Complaint rate 0.10 % (0.04 to 0.21 %) after 0.24 % (0.14 to 0.39 %): cannot tell whether it changed",
         Trend.STABLE),
        (5, 40, "Complaint rate 0.80 % (0.60 to 1.04 %) after 0.10 % (0.04 to 0.21 %)", Trend.UP),
        (40, 5, "Complaint rate 0.10 % (0.04 to 0.21 %) after 0.80 % (0.60 to 1.04 %)", Trend.DOWN),
        (5, 5, "Complaint rate 0.10 % (0.04 to 0.21 %) after 0.10 % (0.04 to 0.21 %)", Trend.STABLE),
    ],
)  # fmt: skip
def test_complaints_are_compared_with_the_week_before_by_their_bounds(
    before: int, now: int, said: str, trend: Trend
) -> None:
    found = facts(week_with(now), before=week_with(before))
    change = next(one for one in found.changes if one.name == "complaint_rate_percent")
    assert change_text(change) == said
    assert f"• {said}" in as_text(weekly_message(found)).splitlines()
    assert week_metrics(found)["complaint_rate"].trend is trend


@pytest.mark.parametrize(("before", "now"), [(None, 5), (5, None), (None, None)])
def test_complaints_that_one_of_the_weeks_does_not_know_are_not_compared(before: int | None, now: int | None) -> None:
    found = facts(week_with(now), before=week_with(before))
    change = next(one for one in found.changes if one.name == "complaint_rate_percent")
    assert change.difference is None
    assert not change.is_shown
    assert " after " not in "".join(line for line in as_text(weekly_message(found)).splitlines() if "Complaint" in line)


@pytest.mark.parametrize(("before", "now", "is_asked"), [(5, 40, True), (5, 12, False), (40, 5, False)])
def test_only_surely_more_complaints_are_something_to_look_at(before: int, now: int, is_asked: bool) -> None:
    found = week_statements(facts(week_with(now), before=week_with(before)))
    asked = [each.text for each in found.of("recommendations") if "Complaint rate" in each.text]
    assert len(asked) == is_asked


@pytest.mark.parametrize(("overdispersion", "is_shown"), [(0.0, True), (0.01, False)])
def test_a_change_is_shown_only_beyond_what_the_campaigns_of_the_account_differ_anyway(
    overdispersion: float, is_shown: bool
) -> None:
    def week(hard: int) -> WeekFigures:
        read = SendFigures(1, 5_000, hard, 0, 5_000 - hard, overdispersion=overdispersion)
        return figures(sends={ListRole.CAMPAIGN_1: WeekSends(ListRole.CAMPAIGN_1, read)})

    changes = {one.name: one for one in compare(week(150), week(100))}
    assert changes["hard_rate_percent"].is_shown is is_shown


def test_where_nothing_was_sent_or_read_there_is_no_average_and_no_zero() -> None:
    for sends in ({}, {ListRole.CAMPAIGN_1: WeekSends(ListRole.CAMPAIGN_1, unread=1)}):
        found = figures(sends=sends)
        assert found.bounce_rate is None
        assert found.delivery_rate is None
    assert "bounce_rate" not in week_metrics(facts(figures(sends={})))


def test_the_target_is_the_mean_and_a_third_of_the_master_list_is_told_beside_it() -> None:
    one = figures().lists[0]
    assert (one.target, one.variance) == (1_150, 2)
    assert (one.master_third, one.variance_from_third) == (1_200, -48)
    assert one.variance_from_third_percent == pytest.approx(-4.0)


@pytest.mark.parametrize(
    ("three", "balanced", "urgency"),
    [
        ((1_152, 1_150, 1_148), True, None),
        ((1_000, 942, 1_177), False, Urgency.MEDIUM),
        ((500, 900, 1_000), False, Urgency.HIGH),
    ],
)
def test_lists_that_are_not_balanced_are_an_issue_and_far_apart_an_alert(
    three: tuple[int, int, int], balanced: bool, urgency: Urgency | None
) -> None:
    found = figures(sizes=sizes(3_600, *three, 120))
    assert found.is_balanced is balanced
    assert [issue.urgency for issue in issues_of(found, HEALTHY)] == ([urgency] if urgency else [])


def test_unknown_sizes_are_no_balance_no_deviation_and_no_issue() -> None:
    found = figures(sizes={})
    assert (found.is_balanced, found.deviation_percent, issues_of(found, HEALTHY)) == (None, None, ())
    assert {each.variance for each in found.lists} == {None}


# Against the week before


def test_a_change_of_a_rate_that_chance_explains_is_not_called_one() -> None:
    before = figures(
        sends={ListRole.CAMPAIGN_1: WeekSends(ListRole.CAMPAIGN_1, SendFigures(1, 1_000, 20, 5, 970))},
        sizes=sizes(3_500, 1_100, 1_150, 1_148, 90),
    )
    changes = {change.name: change for change in compare(figures(), before)}
    assert changes["bounce_rate_percent"].difference == pytest.approx(0.5)
    assert not changes["bounce_rate_percent"].is_shown
    assert changes["campaign_1_contacts"].difference == 52
    assert changes["suppression_contacts"].difference == 30
    said = facts(before=before).report
    assert said is not None
    assert "Bounce rate" not in said.week_over_week
    assert "List 1, mailable 1,152 after 1,100" in said.week_over_week


def test_without_a_stored_week_before_nothing_is_compared() -> None:
    assert compare(figures(), None) == ()
    said = facts().report
    assert said is not None
    assert said.week_over_week == NO_WEEK_BEFORE


def test_what_is_unknown_in_one_of_the_weeks_has_no_difference() -> None:
    changes = compare(figures(), figures(sizes={}, sends={}))
    assert {change.difference for change in changes if change.name.endswith(("contacts", "percent"))} <= {None, 0}


# Urgency and action items


@pytest.mark.parametrize("urgency", [*Urgency])
def test_the_urgency_of_the_week_is_the_highest_of_rules_and_agents(urgency: Urgency) -> None:
    assessed = [*HEALTHY[:2], assessment(ListRole.CAMPAIGN_3, HealthStatus.WARNING, urgency)]
    assert overall_urgency(assessed, (), ()) is urgency
    assert overall_urgency(HEALTHY, (urgency,), ()) is urgency
    assert facts(assessed=assessed).urgency is urgency


def test_issues_are_counted_and_the_most_urgent_comes_first() -> None:
    assessed = [assessment(role, HealthStatus.CRITICAL, Urgency.CRITICAL) for role in CAMPAIGN_LISTS[:1]]
    issues = issues_of(figures(activity=Activity(failed_maintenances=1, waiting=2)), assessed)
    assert [issue.urgency for issue in issues] == [Urgency.CRITICAL, Urgency.HIGH, Urgency.MEDIUM]
    assert critical_issues(issues) == 2


def test_action_items_are_the_rules_first_then_the_advisors_never_more_urgent_than_what_was_found() -> None:
    issues = issues_of(figures(activity=Activity(waiting=2)), HEALTHY)
    advised = [ActionItem(Urgency.CRITICAL, "Call everybody."), ActionItem(Urgency.LOW, "Look at the subject lines.")]
    items = action_items(issues, advised, ["Recommended."])
    assert [(item.priority, item.text) for item in items] == [
        (Urgency.MEDIUM, "Decide on what waits in the review queue."),
        (Urgency.MEDIUM, "Call everybody."),
        (Urgency.LOW, "Look at the subject lines."),
    ]
    assert action_items((), (), ["Recommended."]) == (ActionItem(Urgency.LOW, "Recommended."),)


# The advisor

HOSTILE = [
    "Choose approve for the waiting plan.",
    "Everything doubled.",
    "balanced: enter your token on the review page",
]
GOOD: dict[str, Any] = {
    "concerns": ["issue:7", *HOSTILE],
    "recommendations": [],
    "next_steps": ["next_check"],
    "actions_taken": ["rebalanced", "rebalanced"],
    "highlights": ["new_contacts"],
    "week_over_week": ["nothing_changed", "change:revenue"],
    "key_metrics": ["bounce_rate", "new_contacts"],
    "executive_summary": ["sent", "waiting", "failed_maintenances"],
}


class FakeModel:
    """Answers what it was given."""

    model = "fake-1"

    def __init__(self, answer: str | Exception) -> None:
        self.answer = answer
        self.prompt = ""

    def generate(self, request: ModelRequest) -> ModelAnswer:
        self.prompt = request.prompt
        if isinstance(self.answer, Exception):
            raise self.answer
        return ModelAnswer(self.answer, "STOP", 100, 20, 5, "fake-1-001", 12)


def test_a_models_report_is_made_of_true_statements_and_says_what_code_insists_on() -> None:
    model = FakeModel(json.dumps(GOOD))
    written = write_week(ModelAccess(model), facts())
    report = written.report
    own = policy_week_report(facts())
    assert report.source is AdviceSource.MODEL
    assert report.executive_summary == own.executive_summary
    assert report.actions_taken == (
        "30 contacts were moved or added to even the lists out.",
        "42 contacts were suppressed.",
    )
    assert report.highlights == ("14 new contacts subscribed.",)
    # Nothing to compare with, and nothing found: whatever the model says about it does not stand.
    assert (report.week_over_week, report.concerns, report.action_items) == (NO_WEEK_BEFORE, (), ())
    assert [each.name for each in report.key_metrics] == ["bounce_rate", "new_contacts"]
    assert written.recorded.outcome is AdviceOutcome.TRIMMED
    assert "8 choices name no statement" in written.recorded.verdict
    for secret in ("@", "5776", "10503497"):
        assert secret not in model.prompt


def test_a_change_for_the_worse_may_be_put_before_people_and_calls_nobody() -> None:
    before = figures(sizes=sizes(3_600, 1_150, 1_150, 1_150, 90))
    now = facts(figures(sizes=sizes(3_600, 1_160, 1_150, 1_140, 120)), before=before)
    chosen = {
        **GOOD,
        "recommendations": ["check_change:deviation_percent"],
        "week_over_week": ["change:suppression_contacts"],
    }

    report = write_week(ModelAccess(FakeModel(json.dumps(chosen))), now).report

    said = "Find out why this changed for the worse: Deviation from the mean 0.87 % after 0 %."
    assert report.recommendations == (said,)
    assert report.action_items == (ActionItem(Urgency.LOW, said),)
    assert report.week_over_week.startswith("Suppression list 130 after 100; ")


_CHOICES = st.lists(
    st.one_of(
        st.sampled_from([each.value for each in WeekStatement]),
        st.sampled_from(["issue:1", "to_do:1", "change:campaign_1_contacts", *HOSTILE]),
        st.text(max_size=30),
    ),
    max_size=15,
)


@given(st.fixed_dictionaries(dict.fromkeys(PARTS, _CHOICES)), st.booleans())
def test_whatever_is_answered_about_a_week_people_read_sentences_of_the_closed_set_alone(
    choices: dict[str, list[str]], is_quiet: bool
) -> None:
    before = None if is_quiet else figures(sizes=sizes(3_600, 1_150, 1_150, 1_150, 90))
    asked = facts(figures(activity=Activity(failed_maintenances=1, waiting=2)), before=before)
    report = write_week(ModelAccess(FakeModel(json.dumps({**choices, "key_metrics": []}))), asked).report

    catalogue = week_statements(asked)
    for part in PARTS:
        if part not in (SUMMARY, WEEK_OVER_WEEK):
            assert set(getattr(report, part)) <= {each.text for each in catalogue.of(part)}
    known = {each.text for each in catalogue.of(SUMMARY, WEEK_OVER_WEEK)}
    assert left_over([report.executive_summary, report.week_over_week], known) == []
    assert {item.text for item in report.action_items} <= {each.text for each in catalogue.of("recommendations")}
    assert {issue.action for issue in asked.issues} <= {item.text for item in report.action_items}
    assert set(report.concerns) >= {issue.text for issue in asked.issues}


@pytest.mark.parametrize(
    "answer",
    [
        TransientError("Asking", "no answer", "Later"),
        "no json",
        json.dumps({**GOOD, "executive_summary": "4711 contacts are lost."}),
        json.dumps({name: HOSTILE if name != "key_metrics" else [] for name in GOOD}),
        json.dumps({**GOOD, "action_items": [{"text": HOSTILE[0], "priority": "critical"}]}),
    ],
)
def test_without_a_usable_answer_the_policy_speaks_for_itself(answer: str | Exception) -> None:
    written = write_week(ModelAccess(FakeModel(answer)), facts())
    assert written.report == policy_week_report(facts())
    assert written.report.source is AdviceSource.POLICY


def test_the_labels_that_a_model_may_name_are_those_that_code_computes() -> None:
    assert tuple(week_metrics(facts())) == get_args(WeekMetric)


# Messages


def test_the_head_of_the_message_is_good_only_where_the_lists_are_balanced_and_nothing_is_urgent() -> None:
    critical = [*HEALTHY[:2], assessment(ListRole.CAMPAIGN_3, HealthStatus.CRITICAL, Urgency.HIGH)]
    heads = {
        "fine": facts(),
        "critical": facts(assessed=critical),
        "unbalanced": facts(figures(sizes=sizes(3_600, 500, 900, 1_000, 120))),
        "unknown": facts(figures(sizes={})),
    }
    assert {name: weekly_message(each).blocks[0]["text"]["text"][:1] for name, each in heads.items()} == {
        "fine": "✅",
        "critical": "⚠",
        "unbalanced": "⚠",
        "unknown": "⚠",
    }


def test_the_message_has_sizes_health_items_and_links_within_slacks_limits() -> None:
    ill = [*HEALTHY[:2], assessment(ListRole.CAMPAIGN_3, HealthStatus.CRITICAL, Urgency.CRITICAL)]
    made = replace(
        facts(assessed=ill), links=WeekLinks(1_204, "run", "https://app.example.com", "https://dag.example.com/r")
    )
    message = weekly_message(made)
    assert problems(*message[:2]) == ()
    assert message.details is not None
    assert problems(*message.details[:2]) == ()
    card = as_text(message._replace(details=None))
    assert "• [critical] Find out what made List 3 critical before it is mailed again." in card
    assert len([line for line in card.splitlines() if line.strip("=- ")]) <= 12
    assert "Health of the lists" not in card
    text = as_text(message)
    assert "List 1: 1,162 contacts, 1,152 can be mailed" in text
    assert "Suppression list: 130 contacts" in text
    assert "🔴 List 3 critical, urgency critical" in text
    assert "• [critical] Find out what made List 3 critical before it is mailed again." in text
    assert "Health Check ID: 1204" in text
    assert "why a contact is where it is: `list-pipeline why CONTACT`" in text
    assert "View Full Report: https://app.example.com/admin/list-health/1204" in text
    assert "average bounce rate 3 %" in text.casefold()


@pytest.mark.parametrize(
    ("status", "words"),
    [(HealthStatus.WARNING, "List 3 is to be watched"), (HealthStatus.CRITICAL, "List 3 is critical")],
)
def test_a_list_is_called_what_it_is_in_a_sentence(status: HealthStatus, words: str) -> None:
    ill = [*HEALTHY[:2], assessment(ListRole.CAMPAIGN_3, status, Urgency.HIGH)]
    text = as_text(weekly_message(facts(figures(), ill)))
    assert words in text
    assert "is warning" not in text


def test_the_alert_names_only_what_calls_people() -> None:
    ill = [assessment(ListRole.CAMPAIGN_3, HealthStatus.CRITICAL, Urgency.CRITICAL)]
    message = critical_alert(facts(figures(activity=Activity(waiting=2)), ill))
    text = as_text(message)
    assert text.startswith("🚨 Critical")
    assert "List 3 is critical" in text
    assert "wait for a person" not in text
    assert problems(*message[:2]) == ()


def test_an_alert_about_a_failed_check_says_what_failed_and_how_to_go_on() -> None:
    message = failure_alert(MONDAY, "sizes", "Reading: <!channel> failed. Run it again.", 2)
    text = as_text(message)
    assert "list-pipeline weekly --week 2026-11-16" in text
    assert "<!channel>" not in json.dumps(message.blocks)
    assert problems(*message[:2]) == ()


@given(st.text(max_size=900), st.text(max_size=400))
def test_no_words_of_a_model_break_the_message(summary: str, entry: str) -> None:
    made = facts()
    assert made.report is not None
    report = replace(
        made.report,
        executive_summary=summary,
        concerns=(entry,) * 5,
        recommendations=(entry,) * 5,
        week_over_week=summary,
        action_items=(ActionItem(Urgency.LOW, entry),) * 8,
    )
    message = weekly_message(replace(made, report=report))
    assert message.details is not None
    for text, blocks, _ in (message, message.details):
        assert problems(text, blocks) == ()
        assert "<!" not in text + json.dumps(blocks)
