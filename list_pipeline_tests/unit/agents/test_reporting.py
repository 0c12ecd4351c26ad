"""The advisor on a finished run: what a model may say about it, and what follows when it says nothing usable."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.report_from_figures import MOST_ENTRIES, policy_report, statements_of
from list_pipeline.agents.reporting import MetricLabel, Written, question_about, write
from list_pipeline.core.advice import AdviceOutcome, AdviceSource
from list_pipeline.core.errors import TransientError
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.reports.facts import (
    ExecutiveReport,
    MaintenanceFacts,
    Metric,
    StoredReport,
    SuppressionFacts,
    Trend,
    key_metrics,
    stored_report,
)
from list_pipeline.core.reports.statements import PARTS, SUMMARY, ReportStatement
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.storage.runs.ledger import REPORT
from list_pipeline_tests.closed_set import left_over
from list_pipeline_tests.unit.agents.consultation_cases import model_that_ends_with
from list_pipeline_tests.unit.agents.reporting_cases import FACTS, GOOD, HOSTILE, NOTHING, WAITING, answered


def test_a_choice_among_the_statements_of_the_run_becomes_the_report() -> None:
    written = answered()

    report = written.report
    assert (report.source, written.reason) == (AdviceSource.MODEL, "")
    assert report.executive_summary == (
        "118 contacts were suppressed after this campaign. 2 suppressions failed and wait for a person to look at. "
        "The lists are comparable: the largest distance from their average size is 1.9 %."
    )
    assert report.concerns == (
        "List 2 (warning): The hard bounce rate is 3.1 %, above 2 %.",
        "2 contacts who should be suppressed can still be mailed.",
        "33 contacts were refused because of the sender.",
    )
    assert report.recommendations == (
        "Look at the failed suppressions in the review queue before the next campaign.",
        "Repair what is named under “To repair on our side” before the next campaign.",
        "Decide on the 3 contacts that are held, or let their next mailings answer.",
        "Look at the figures of List 2 before its next campaign.",
    )
    assert report.next_steps[0] == "Late bounces are looked at again 3 and 7 days after the end of sending."
    assert report.actions_taken[0] == "10 contacts were moved to another list."
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
    offered = {part: [each["id"] for each in rows] for part, rows in data["statements"].items()}
    for part in PARTS:
        assert schema["properties"][part]["items"] == {"type": "string", "enum": offered[part]}
    assert {
        "id": "still_mailed",
        "says": "2 contacts who should be suppressed can still be mailed.",
        "said_anyway": True,
    } in (data["statements"]["concerns"])
    assert tokens >= 4 * 900
    assert len(prompt) < 10_000


def test_what_is_no_statement_of_the_run_is_dropped_and_counted_and_nothing_else() -> None:
    written = answered(
        executive_summary=["nobody_suppressed", *HOSTILE, "lists_comparable", "lists_comparable"],
        concerns=["list_is_ill:list_9", "late_bounces", "still_mailed"],
    )

    assert written.report.executive_summary == (
        "118 contacts were suppressed after this campaign. 2 suppressions failed and wait for a person to look at. "
        "The lists are comparable: the largest distance from their average size is 1.9 %."
    )
    assert "8 choices name no statement" in written.recorded.verdict
    assert "1 choices were repeated" in written.recorded.verdict
    assert written.recorded.outcome is AdviceOutcome.TRIMMED
    assert not any(said in str(written.report) for said in HOSTILE)


def test_a_statement_that_is_not_true_of_the_run_is_not_said() -> None:
    untrue = {
        "executive_summary": ["suppressed", "rebalanced"],
        "actions_taken": ["suppressed_because:hard_bounce", "moved"],
    }
    written = answered(WAITING, **untrue)

    assert written.report.executive_summary == policy_report(WAITING).executive_summary
    assert written.report.actions_taken == ()


def test_what_code_insists_on_is_said_whatever_is_chosen() -> None:
    written = answered(WAITING, **{**NOTHING, "executive_summary": ["lists_comparable"]})

    assert written.report.executive_summary.startswith("The plan waits for a person's decision; until then it changes")
    assert "120 contacts would be suppressed." in written.report.executive_summary
    for name in ("concerns", "recommendations", "next_steps", "actions_taken"):
        assert getattr(written.report, name) == getattr(policy_report(WAITING), name)


def test_a_choice_puts_the_most_important_first() -> None:
    report = answered(concerns=["still_mailed"], recommendations=["decide_on_held"], actions_taken=["enrolled"]).report

    assert report.concerns[0] == "2 contacts who should be suppressed can still be mailed."
    assert set(report.concerns) == set(policy_report(FACTS).concerns)
    assert report.recommendations[0] == "Decide on the 3 contacts that are held, or let their next mailings answer."
    assert report.actions_taken[0] == "4 contacts were added from the master list."


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
    "prose in a field more": json.dumps({**GOOD, "message_to_people": HOSTILE[0]}),
    "a text where a list belongs": json.dumps({**GOOD, "recommendations": "check_failed"}),
    "a sentence in place of the summary": json.dumps({**GOOD, "executive_summary": HOSTILE[1]}),
    "an id with words of its own": json.dumps({**GOOD, "concerns": [{"id": "still_mailed", "says": HOSTILE[2]}]}),
    "an invented metric": json.dumps({**GOOD, "key_metrics": ["revenue"]}),
    "a value instead of a label": json.dumps({**GOOD, "key_metrics": [{"label": "contacts_suppressed", "value": "9"}]}),
    "no choice at all": json.dumps(NOTHING),
    "only sentences": json.dumps({**NOTHING, "executive_summary": HOSTILE, "concerns": HOSTILE}),
    "only what is not true": json.dumps({**NOTHING, "executive_summary": ["running", "nobody_suppressed"]}),
    "half an answer": json.dumps(GOOD)[:-30],
    "prose": "I would rather not.",
    "too much": json.dumps({**GOOD, "executive_summary": ["suppressed"] * 1_000}),
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
    written = write(ModelAccess(model_that_ends_with(REFUSED["only sentences"], json.dumps(GOOD))), FACTS)

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


_CHOICES = st.lists(
    st.one_of(
        st.sampled_from([each.value for each in ReportStatement]),
        st.sampled_from(["list_is_ill:list_2", "check_list:list_2", "suppressed_because:hard_bounce"]),
        st.sampled_from(HOSTILE),
        st.text(max_size=30),
    ),
    max_size=25,
)


@settings(max_examples=150)
@given(
    st.fixed_dictionaries(dict.fromkeys(PARTS, _CHOICES)),
    st.lists(st.sampled_from(get_args(MetricLabel)), max_size=10),
    st.sampled_from([FACTS, WAITING]),
)
def test_whatever_is_answered_every_sentence_is_one_of_the_closed_set_filled_with_figures_of_the_run(
    choices: dict[str, list[str]], metrics: list[str], facts: MaintenanceFacts
) -> None:
    report = answered(facts, **choices, key_metrics=metrics).report

    known = {part: {each.text for each in statements_of(facts).of(part)} for part in PARTS}
    for part in PARTS:
        if part != SUMMARY:
            entries = getattr(report, part)
            assert set(entries) <= known[part]
            assert len(entries) == len(set(entries)) <= MOST_ENTRIES
            assert set(getattr(policy_report(facts), part)) <= set(entries)
    assert report.executive_summary
    assert left_over([report.executive_summary], known[SUMMARY]) == []
    assert set(report.key_metrics) <= set(key_metrics(facts).values())
