"""The report that code writes by itself, out of the figures alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.agents.report_from_figures import MOST_ENTRIES, policy_report, statements_of
from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.assessment import HealthStatus
from list_pipeline.core.lists import ALL_LISTS
from list_pipeline.core.monitoring.complaints import ComplaintRate
from list_pipeline.core.reports.facts import (
    AttemptFacts,
    ListChange,
    Metric,
    RebalancingFacts,
    SenderFault,
    SuppressionFacts,
    key_metrics,
)
from list_pipeline.core.runs.status import RunStatus
from list_pipeline_tests.closed_set import left_over
from list_pipeline_tests.unit.agents.reporting_cases import FACTS, WAITING


def test_what_was_done_is_told_whole_by_every_reason() -> None:
    done = {"hard_bounce": 35, "soft_bounce_pattern": 7, "complaint": 5, "second_hit": 4, "manual": 1}
    report = policy_report(replace(FACTS, suppression=SuppressionFacts(done, done)))
    assert sum(int(each.split()[0]) for each in report.actions_taken if "suppressed" in each) == 52
    assert len(report.actions_taken) == 7


def test_the_report_of_the_figures_alone() -> None:
    report = policy_report(FACTS)

    assert report.executive_summary == (
        "118 contacts were suppressed after this campaign. "
        "14 contacts changed or joined a list to keep the lists comparable. "
        "2 suppressions failed and wait for a person to look at."
    )
    assert report.actions_taken == (
        "118 contacts were suppressed because the address does not exist.",
        "10 contacts were moved to another list.",
        "4 contacts were added from the master list.",
    )
    assert report.concerns == (
        "33 contacts were refused because of the sender.",
        "2 contacts who should be suppressed can still be mailed.",
        "List 2 (warning): The hard bounce rate is 3.1 %, above 2 %.",
    )
    assert report.next_steps == (
        "7 moves follow when this cycle has reached all three lists.",
        "Late bounces are looked at again 3 and 7 days after the end of sending.",
    )
    assert report.recommendations == (
        "Repair what is named under “To repair on our side” before the next campaign.",
        "Decide on the 3 contacts that are held, or let their next mailings answer.",
        "Look at the failed suppressions in the review queue before the next campaign.",
    )
    assert [each.name for each in report.key_metrics] == [
        "contacts_suppressed",
        "contacts_rebalanced",
        "mailable_contacts",
        "largest_deviation",
        "failed_suppressions",
    ]


def test_the_report_of_the_figures_never_shows_a_plan_as_done() -> None:
    assert policy_report(WAITING).executive_summary == (
        "The plan waits for a person's decision; until then it changes nothing. "
        "120 contacts would be suppressed. 10 contacts would change or join a list."
    )
    assert policy_report(WAITING).actions_taken == ()
    assert policy_report(WAITING).next_steps[0] == "A person approves or rejects the plan before the next campaign."
    assert policy_report(WAITING).key_metrics[0].value == "120"
    assert policy_report(WAITING).key_metrics[0].label == "Would Be Suppressed"
    quiet = replace(
        FACTS, suppression=SuppressionFacts(), rebalancing=RebalancingFacts(), sender_faults=[SenderFault("policy", 3)]
    )
    assert policy_report(quiet).executive_summary == (
        "No contact was suppressed after this campaign. Some refusals concern us as the sender and need a repair."
    )


def test_the_words_of_a_model_about_a_list_are_not_taken_into_the_codes_own_report() -> None:
    opinions = [replace(each, source=AdviceSource.MODEL, status=HealthStatus.CRITICAL) for each in FACTS.assessments]
    report = policy_report(replace(FACTS, assessments=opinions))

    assert "List 2 is critical." in report.concerns
    assert "above 2 %" not in str(report)


def test_what_is_offered_beyond_the_usual_is_true_of_the_run() -> None:
    said = {each.id: each.text for each in statements_of(FACTS).statements}
    assert said["lists_comparable"].endswith("from their average size is 1.9 %.")
    assert said["lists_need_attention"] == "List 2 needs attention."
    assert said["held"] == "3 contacts wait for a person's decision."
    assert (
        said["complaints_below_target"] == "The complaint rate of 0.03 % (0.01 to 0.08 %) is below the target of 0.1 %."
    )
    calm = replace(FACTS, assessments=[replace(each, status=HealthStatus.HEALTHY) for each in FACTS.assessments])
    assert "all_healthy" in {each.id for each in statements_of(calm).statements}
    unread = replace(FACTS, assessments=[], deviation_after=None, complaint_rate=None)
    assert not {"all_healthy", "lists_comparable", "complaints_below_target"} & {
        each.id for each in statements_of(unread).statements
    }


def test_what_failed_is_in_the_summary_also_where_there_is_much_to_say() -> None:
    summary = policy_report(replace(FACTS, status=RunStatus.FAILED)).executive_summary
    assert summary == (
        "The maintenance failed and needs attention. 118 contacts were suppressed after this campaign. "
        "2 suppressions failed and wait for a person to look at."
    )


def test_a_failed_attempt_says_when_it_is_tried_again() -> None:
    attempt = AttemptFacts(1, 3, datetime(2026, 11, 20, 10, tzinfo=UTC))
    report = policy_report(replace(FACTS, status=RunStatus.FAILED, attempt=attempt))
    assert report.next_steps[0] == "The next attempt follows by itself at 2026-11-20 10:00 UTC."
    gave_up = policy_report(
        replace(FACTS, status=RunStatus.FAILED, attempt=replace(attempt, next_at=None, gave_up=True))
    )
    assert gave_up.next_steps[0] == "A person repairs the cause and continues the maintenance today."


def test_a_figure_that_was_not_read_is_no_key_metric() -> None:
    unread = replace(FACTS, lists=[ListChange(role, 10, 9) for role in ALL_LISTS], recipients=0, complaint_rate=None)
    assert not key_metrics(unread).keys() & {
        Metric.MAILABLE_CONTACTS,
        Metric.SUPPRESSION_LIST,
        Metric.NOT_DELIVERED,
        Metric.COMPLAINT_RATE,
    }


@settings(max_examples=60)
@given(
    st.integers(0, 500),
    st.integers(0, 500),
    st.integers(0, 50),
    st.integers(0, 20),
    st.sampled_from(RunStatus),
    st.sampled_from(list(HealthStatus)),
)
def test_the_codes_own_report_is_made_of_the_same_statements_that_a_model_may_choose(
    confirmed: int, failed: int, moved: int, held: int, status: RunStatus, health: HealthStatus
) -> None:
    facts = replace(
        FACTS,
        status=status,
        suppression=SuppressionFacts(
            {"hard_bounce": confirmed + failed}, {"hard_bounce": confirmed}, {"hard_bounce": failed}, held
        ),
        rebalancing=RebalancingFacts(moved, moved),
        complaint_rate=ComplaintRate(48, 12_000),
        deviation_after=7.26,
        assessments=[replace(each, status=health) for each in FACTS.assessments],
    )
    known = {each.text for each in statements_of(facts).statements}

    report = policy_report(facts)

    assert left_over([report.executive_summary], known) == []
    assert known >= {*report.concerns, *report.recommendations, *report.next_steps, *report.actions_taken}
    assert len(report.key_metrics) <= MOST_ENTRIES
    ids = {each.id for each in statements_of(facts).statements}
    assert len(ids & {"suppressed", "nobody_suppressed", "suppressions_open"}) == 1
    for contradicting in (
        {"lists_comparable", "not_comparable"},
        {"all_healthy", "lists_need_attention"},
        {"complaints_below_target", "complaints_above_target"},
        {
            "running",
            "failed",
            "waits_for_a_person",
            "rejected",
            "lapsed",
            "rolled_back",
            "partly_rolled_back",
            "read_only",
        },
    ):
        assert len(ids & contradicting) <= 1
