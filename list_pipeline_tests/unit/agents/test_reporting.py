"""The advisor on a finished run: what a model may say about it, and what follows when it says nothing usable."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.guard import ENTRY_LIMIT, MOST_ENTRIES, Done, ReportGuard, figures_in
from list_pipeline.agents.report_from_figures import policy_report
from list_pipeline.agents.reporting import MetricLabel, Written, question_about, write
from list_pipeline.agents.weekly_report import WeeklyReportAnswer, with_week
from list_pipeline.core.advice import AdviceOutcome, AdviceSource
from list_pipeline.core.errors import TransientError
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.facts import (
    ExecutiveReport,
    MaintenanceFacts,
    Metric,
    RebalancingFacts,
    StoredReport,
    SuppressionFacts,
    Trend,
    key_metrics,
    stored_report,
)
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.storage.runs.ledger import REPORT
from list_pipeline_tests.unit.agents.consultation_cases import model_that_ends_with
from list_pipeline_tests.unit.agents.reporting_cases import FACTS, GOOD, WAITING, answered, sentences


def test_an_answer_that_rests_on_the_results_becomes_the_report() -> None:
    written = answered()

    report = written.report
    assert (report.source, written.reason) == (AdviceSource.MODEL, "")
    assert report.executive_summary == GOOD["executive_summary"]
    for name in ("recommendations", "next_steps", "actions_taken"):
        assert list(getattr(report, name)) == GOOD[name]
    assert list(report.concerns) == [*policy_report(FACTS).concerns, *GOOD["concerns"]]
    assert [(each.name, each.value, each.trend) for each in report.key_metrics] == [
        ("contacts_suppressed", "118/120", Trend.NONE),
        ("failed_suppressions", "2", Trend.NONE),
        ("largest_deviation", "1.9 %", Trend.DOWN),
    ]
    assert written.recorded.outcome is AdviceOutcome.ACCEPTED


def test_the_model_is_told_the_results_and_no_name_or_address() -> None:
    model = model_that_ends_with(json.dumps(GOOD))
    write(ModelAccess(model, temperatures={"reporting": 0.6}), FACTS)

    asked = model.asked[0]
    system, prompt, schema = asked.system, asked.prompt, asked.schema
    temperature, tokens = asked.temperature, asked.max_output_tokens
    for secret in ("Autumn", "jane", "@", "autumn-r2"):
        assert secret not in prompt + system
    data = json.loads(prompt.split("<data>")[1].split("</data>")[0])
    assert data["suppressed"]["confirmed"] == 118
    assert data["before"] == {
        "lists": [{"list": role.label, "mailable": 11_900} for role in CAMPAIGN_LISTS],
        "total_active": 35_700,
        "suppression_list": 12_500,
    }
    assert data["after"]["total_active"] == 35_340
    assert [each["status"] for each in data["list_health"]] == ["healthy", "warning", "healthy"]
    assert data["list_health"][0]["delivered_of_last_campaign"]["rate_percent"] == 98.5
    assert {each["label"] for each in data["key_metrics"]} <= set(get_args(MetricLabel))
    assert (temperature, schema["additionalProperties"]) == (0.6, False)
    assert tokens >= 4 * 900
    assert len(prompt) < 10_000


def test_an_invented_figure_is_dropped_with_its_sentence_and_nothing_else() -> None:
    written = answered(
        executive_summary="118 of 120 contacts were suppressed. This saves 99 euros. The lists are comparable.",
        concerns=["4711 contacts are lost.", "The complaint rate is 0.03 %.", "The bounce rate rose by 30 %."],
    )

    assert written.report.executive_summary == "118 of 120 contacts were suppressed. The lists are comparable."
    assert written.report.concerns == (*policy_report(FACTS).concerns, "The complaint rate is 0.03 %.")
    assert "3 sentences without ground" in written.recorded.verdict
    assert written.recorded.outcome is AdviceOutcome.TRIMMED


@pytest.mark.parametrize(
    "claim",
    [
        "120 contacts were suppressed.",
        "All planned bounces have been removed, 120 contacts in total.",
        "The 10 contacts were moved between the lists.",
        "Everybody who bounced was suppressed.",
    ],
)
def test_what_is_only_planned_is_never_told_as_done(claim: str) -> None:
    written = answered(WAITING, executive_summary=f"The plan waits for a person. {claim}", actions_taken=[claim])

    assert claim not in written.report.executive_summary
    assert written.report.executive_summary == "The plan waits for a person."
    assert written.report.actions_taken == ()


def test_a_plan_may_be_spoken_of_as_a_plan() -> None:
    summary = "120 contacts are planned to be suppressed. Nobody was removed until now."
    assert answered(WAITING, executive_summary=summary).report.executive_summary == summary


@pytest.mark.parametrize("count", [120, 33, 12_000])
def test_another_count_than_the_confirmed_one_is_not_told_as_done(count: int) -> None:
    written = answered(executive_summary=f"{count:,} contacts were suppressed. The lists are comparable.")

    assert written.report.executive_summary == "The lists are comparable."
    assert "told of changes what is not confirmed" in written.recorded.verdict


@pytest.mark.parametrize(
    "told",
    [
        "118 of 120 contacts were suppressed.",
        "After round 2, bounced contacts were removed from all three lists.",
        "10 contacts were moved and 4 were added from the master list.",
        "2 contacts could not be suppressed.",
        "All 118 confirmed contacts were suppressed.",
        "118 contacts were suppressed and no move was lost.",
    ],
)
def test_what_is_confirmed_may_be_told_in_many_ways(told: str) -> None:
    assert answered(executive_summary=told).report.executive_summary == told


@pytest.mark.parametrize(
    "claim",
    [
        "All contacts were suppressed and moved.",
        "Everybody who bounced was removed.",
        "No contact was suppressed.",
        "Nothing was suppressed and nothing was moved.",
        "Nobody had to be moved after this campaign.",
        "Zero contacts were removed.",
    ],
)
def test_what_was_done_is_neither_exaggerated_nor_denied(claim: str) -> None:
    assert answered(executive_summary=f"The lists are comparable. {claim}").report.executive_summary == (
        "The lists are comparable."
    )


def test_that_nobody_had_to_be_suppressed_is_not_said_of_a_plan_that_waits() -> None:
    summary = "No contact had to be suppressed. No contact was suppressed until now."
    assert answered(WAITING, executive_summary=summary).report.executive_summary == (
        "No contact was suppressed until now."
    )


@pytest.mark.parametrize(
    "advice",
    [
        "Unsuppress the contacts of the suppression list.",
        "Reinstate those who bounced.",
        "Disable the safety cap before the next campaign.",
        "Ignore the policy this time.",
        "Turn off the approval of plans.",
    ],
)
def test_advice_against_the_policy_is_not_passed_on(advice: str) -> None:
    written = answered(recommendations=[advice, "Check SPF and DKIM."])

    assert written.report.recommendations == ("Check SPF and DKIM.",)
    assert written.recorded.verdict.startswith("accepted: 1 ")


def test_only_what_is_confirmed_is_an_action() -> None:
    written = answered(
        actions_taken=["The sender's domain was repaired.", "118 contacts were suppressed.", "3 contacts were held."]
    )
    assert written.report.actions_taken == ("118 contacts were suppressed.", "3 contacts were held.")

    nothing = replace(FACTS, suppression=SuppressionFacts(), rebalancing=RebalancingFacts())
    none = answered(
        nothing, executive_summary="Nobody was suppressed.", actions_taken=["Bounced contacts were suppressed."]
    )
    assert none.report.actions_taken == ()


def test_lists_are_bounded_without_bullets_and_without_doubles() -> None:
    entries = [f"- Check the list {word}." for word in ("again", "daily", "today", "soon", "weekly", "later")]
    written = answered(
        recommendations=["1. Check SPF and DKIM.", "Check SPF and DKIM.", *entries],
        concerns=["word " * 70 + "that. It is short."],
    )

    assert len(written.report.recommendations) == MOST_ENTRIES
    assert written.report.recommendations[:2] == ("Check SPF and DKIM.", "Check the list again.")
    assert written.report.concerns == (*policy_report(FACTS).concerns, "It is short.")


def test_a_model_that_sees_no_concern_does_not_hide_those_of_the_figures() -> None:
    assert answered(concerns=[]).report.concerns == policy_report(FACTS).concerns
    assert answered(concerns=["Everything is well."]).report.concerns[:3] == policy_report(FACTS).concerns


def test_a_metric_that_is_not_known_of_this_run_is_left_out() -> None:
    unread = replace(FACTS, deviation_after=None)
    written = answered(unread, key_metrics=["largest_deviation", "contacts_rebalanced", "contacts_rebalanced"])

    assert [each.name for each in written.report.key_metrics] == ["contacts_rebalanced"]
    assert "1 key metrics are not known" in written.recorded.verdict
    assert answered(key_metrics=[]).report.key_metrics == policy_report(FACTS).key_metrics


def test_the_closed_set_of_figures_is_the_one_in_the_schema() -> None:
    assert list(get_args(MetricLabel)) == [metric.value for metric in Metric]


REFUSED = {
    "nothing": "",
    "no field": "{}",
    "a field missing": json.dumps({name: value for name, value in GOOD.items() if name != "next_steps"}),
    "a field more": json.dumps({**GOOD, "contacts": ["c1"]}),
    "a text where a list belongs": json.dumps({**GOOD, "recommendations": "Do it."}),
    "an invented metric": json.dumps({**GOOD, "key_metrics": ["revenue"]}),
    "a value instead of a label": json.dumps({**GOOD, "key_metrics": [{"label": "contacts_suppressed", "value": "9"}]}),
    "only invented figures": json.dumps({**GOOD, "executive_summary": "It saved 99 euros. 5,555 were lost."}),
    "another language": json.dumps(
        {**GOOD, "executive_summary": "118 Kontakte wurden aus den Listen entfernt und die Listen sind ausgeglichen."}
    ),
    "a mention": json.dumps({**GOOD, "executive_summary": "<!channel> 118 contacts were suppressed."}),
    "a link": json.dumps({**GOOD, "executive_summary": "See https://example.com for the 118 contacts."}),
    "a blank": json.dumps({**GOOD, "executive_summary": " "}),
    "half an answer": json.dumps(GOOD)[:-30],
    "prose": "I would rather not.",
    "too much": json.dumps({**GOOD, "executive_summary": "word " * 1_000}),
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED.keys())
def test_without_a_usable_answer_the_whole_report_is_the_codes_own(answer: str) -> None:
    model = model_that_ends_with(answer)
    written = write(ModelAccess(model), FACTS)

    assert written.report == policy_report(FACTS)
    assert written.report.source is AdviceSource.POLICY
    assert written.reason
    assert written.recorded.verdict == f"not used: {written.reason}"
    assert len(model.asked) == 2


def test_a_refused_answer_is_asked_for_once_more() -> None:
    written = write(ModelAccess(model_that_ends_with(REFUSED["another language"], json.dumps(GOOD))), FACTS)

    assert written.report.source is AdviceSource.MODEL
    assert written.recorded.requests == 2


def test_without_a_model_or_with_one_that_fails_the_report_is_complete() -> None:
    failing = model_that_ends_with(TransientError("Asking", "HTTP 503", "Later"))
    for access in (ModelAccess(), ModelAccess(failing)):
        report = write(access, FACTS).report
        assert report == policy_report(FACTS)
    assert all(
        (
            report.executive_summary,
            report.key_metrics,
            report.actions_taken,
            report.recommendations,
            report.concerns,
            report.next_steps,
        )
    )


def test_a_fault_of_our_own_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        write(ModelAccess(model_that_ends_with(ZeroDivisionError())), FACTS)


@pytest.mark.parametrize("written", [answered(), write(ModelAccess(), FACTS)], ids=["model", "policy"])
def test_a_report_is_the_same_after_storing_it(written: Written) -> None:
    kept = stored_report(written.report, written.recorded, RunStatus.SUCCESS)
    assert REPORT.read(json.loads(REPORT.text(kept))) == kept
    assert {each.name: getattr(kept, each.name) for each in fields(ExecutiveReport)} == {
        each.name: getattr(written.report, each.name) for each in fields(ExecutiveReport)
    }


def test_a_stored_report_of_an_earlier_version_keeps_its_summary() -> None:
    old = {"status": "success", "executive_summary": "All is well.", "source": "policy"}
    assert REPORT.read(old) == StoredReport("All is well.", status=RunStatus.SUCCESS)


def test_the_question_is_the_same_exactly_as_long_as_the_results_are() -> None:
    assert question_about(FACTS).hash == question_about(replace(FACTS, campaign_name="Other", mode="read_only")).hash
    more = SuppressionFacts({"hard_bounce": 120}, {"hard_bounce": 119}, {"hard_bounce": 1})
    assert question_about(FACTS).hash != question_about(replace(FACTS, suppression=more)).hash


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            (
                "118",
                "120",
                "2",
                "14",
                "the",
                "contacts were",
                "suppressed",
                "moved",
                "removed.",
                "of",
                "%",
                "not",
                "Done!",
            )
        ),
        st.integers(0, 20_000).map(str),
        st.floats(0, 100, allow_nan=False).map(lambda value: f"{value:.1f} %"),
        st.text(max_size=6),
    ),
    max_size=12,
).map(" ".join)


@settings(max_examples=150)
@given(PIECES, st.lists(PIECES, max_size=8), st.sampled_from([FACTS, WAITING]))
def test_no_sentence_shown_holds_a_figure_that_is_not_among_the_results(
    summary: str, entries: list[str], facts: MaintenanceFacts
) -> None:
    written = answered(
        facts,
        executive_summary=summary,
        concerns=entries,
        recommendations=entries,
        next_steps=entries,
        actions_taken=entries,
    )

    report = written.report
    known = figures_in([dict(question_about(facts).data), [each.value for each in key_metrics(facts).values()]])
    if report.source is AdviceSource.MODEL:
        assert all(known.hold(sentence) for sentence in sentences(report))
    for entries_shown in (report.concerns, report.recommendations, report.next_steps, report.actions_taken):
        assert len(entries_shown) <= MOST_ENTRIES
        assert all(0 < len(entry) <= ENTRY_LIMIT for entry in entries_shown)
    if facts is WAITING:
        done = re.compile(r"^\d+ contacts were (suppressed|moved|removed)\.?$")
        assert not any(done.match(sentence) for sentence in sentences(report))
        assert report.actions_taken == ()
    assert report.executive_summary


def test_the_fields_of_a_week_pass_the_same_guard_and_the_most_urgent_item_comes_first() -> None:
    answer = WeeklyReportAnswer.model_validate(
        {
            **GOOD,
            "key_metrics": ["contacts_suppressed", "largest_deviation"],
            "highlights": ["4 campaigns were sent.", "Revenue rose by 900 dollars."],
            "week_over_week": "9 contacts were suppressed, after 12 the week before. That is 25 % less.",
            "action_items": [
                {"text": "Check the sender's records.", "priority": "medium"},
                {"text": "Call 55 customers.", "priority": "critical"},
                {"text": "Find out why List 2 shrinks.", "priority": "high"},
            ],
        }
    )
    week = {"campaigns_sent": 4, "suppressed": 9, "suppressed_the_week_before": 12, "list": "List 2"}
    guard = ReportGuard(figures_in(week), Done(suppressed=9))

    report = with_week(ExecutiveReport("A quiet week."), answer, guard)

    assert report.highlights == ("4 campaigns were sent.",)
    assert report.week_over_week == "9 contacts were suppressed, after 12 the week before."
    assert [(item.priority, item.text) for item in report.action_items] == [
        (Urgency.HIGH, "Find out why List 2 shrinks."),
        (Urgency.MEDIUM, "Check the sender's records."),
    ]
