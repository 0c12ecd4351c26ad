"""The advisor on a finished run: the executive report for people who read nothing else.

Belongs here: what is asked about the results and how an answer becomes a report. Does not belong here: what may be said
(``guard``), the report that code writes by itself (``report_from_figures``), and the message around both
(``core.reports.message``).

It changes nothing; its only risk is a false statement. So the model writes sentences and *names* figures; values are
filled in by code, and a sentence that does not rest on the results is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from list_pipeline.agents.consultation import DATA_RULES, Answer, ModelAccess, Question, consult
from list_pipeline.agents.guard import MOST_ENTRIES, Done, ReportGuard, figures_in
from list_pipeline.agents.report_from_figures import policy_report
from list_pipeline.core.advice import AdviceSource, AgentRecord
from list_pipeline.core.health.assessment import HealthAssessment
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.reports.facts import (
    ExecutiveReport,
    KeyMetric,
    ListChange,
    ListRates,
    MaintenanceFacts,
    Metric,
    key_metrics,
)
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.wording import Rate, told_percent

AGENT = "reporting"
PROMPT_VERSION = "reporting-2"
TEMPERATURE = 0.6
MAX_OUTPUT_TOKENS = 6_144
"""A full report takes about 900 tokens; thinking shares the budget."""
_MOST_CONCERNS = 3

SYSTEM = (
    "You are a technical writer of executive reports for email-marketing operations; your readers get them in Slack. "
    "You write clearly and briefly, put business impact over technical detail, use specific figures and no jargon, and "
    "say what people should do. Contacts without evidence against them are never to be suppressed, and suppressed ones "
    "never to be mailed: recommend neither. "
)
"""Whose words these are, for the report of a run and for that of a week. A change of it is a new version of both prompts."""

_TASK = (
    "Write the report of this maintenance run from its results. concerns: what needs attention. recommendations: what "
    "people should do about it. next_steps: what follows, and when, in words such as today or before the next campaign. "
    "actions_taken: what was done, from confirmed counts only; empty where these are zero. key_metrics: the labels, out "
    "of those offered, of the three to five figures that matter most in this run. executive_summary: two to three "
    "sentences: what was done, what it means for the next campaign, and what needs attention, if anything. At most five "
    "short entries in each list, none where there is nothing to say; repeat no entry in another list. What was planned "
    "and not confirmed was not done. Answer with JSON in the given schema only."
)

MetricLabel = Literal[
    "contacts_suppressed",
    "contacts_rebalanced",
    "mailable_contacts",
    "largest_deviation",
    "not_delivered",
    "complaint_rate",
    "refused_because_of_the_sender",
    "held_for_review",
    "failed_suppressions",
    "suppression_list",
]
"""The values of ``core.reports.key_metrics.Metric``, as an answer's schema wants them."""


class ReportAnswer(Answer):
    """The model's answer. The summary comes last: what it sums up is written by then."""

    concerns: list[str] = Field(description="What needs attention, one sentence each", max_length=10)
    recommendations: list[str] = Field(description="What people should do, one sentence each", max_length=10)
    next_steps: list[str] = Field(description="What follows and when, one sentence each", max_length=10)
    actions_taken: list[str] = Field(description="What was done and confirmed, one sentence each", max_length=10)
    key_metrics: list[MetricLabel] = Field(description="Labels of the figures that matter most", max_length=10)
    executive_summary: str = Field(description="Two to three sentences", max_length=2_000)


@dataclass(frozen=True, slots=True)
class Written:
    """A report, why code wrote it (empty where the model did), and the consultation."""

    report: ExecutiveReport
    reason: str
    recorded: AgentRecord


def write(access: ModelAccess, facts: MaintenanceFacts) -> Written:
    """Ask for the report of a run; without a usable answer, the code's own. No failure of the model is raised."""
    question, metrics = question_about(facts), key_metrics(facts)
    guard = ReportGuard(figures_in(question.data), _done(facts))
    consultation = consult(
        access, question, ReportAnswer, lambda answer: guard.refusal(answer.executive_summary, "results")
    )
    own = policy_report(facts)
    if consultation.answer is None:
        return Written(own, consultation.why_not, consultation.record)
    report = _report(consultation.answer, guard, metrics, own)
    unknown = sum(Metric(label) not in metrics for label in consultation.answer.key_metrics)
    notes = (*guard.notes, *((f"{unknown} key metrics are not known of this run",) if unknown else ()))
    return Written(report, "", consultation.accepted(notes))


def question_about(facts: MaintenanceFacts) -> Question:
    """The question. Its hash changes with the results and with our wording, so it tells whether a report still fits them."""
    return Question(
        agent=AGENT,
        prompt_version=PROMPT_VERSION,
        system=SYSTEM + DATA_RULES,
        task=_TASK,
        data=_data(facts, list(key_metrics(facts).values())),
        answer_type=ReportAnswer,
        temperature=TEMPERATURE,
        max_output_tokens=MAX_OUTPUT_TOKENS,
    )


def _report(
    answer: ReportAnswer, guard: ReportGuard, metrics: Mapping[Metric, KeyMetric], own: ExecutiveReport
) -> ExecutiveReport:
    """The parts of an answer that may stand. Metrics, actions and next steps are the code's own where the model has none.

    The code's own concerns come first always: a model may see more than they say, never less.
    """
    named = dict.fromkeys(Metric(label) for label in answer.key_metrics)
    chosen = tuple(metrics[name] for name in named if name in metrics)[:MOST_ENTRIES]
    return ExecutiveReport(
        executive_summary=guard.summary(answer.executive_summary),
        key_metrics=chosen or own.key_metrics,
        actions_taken=guard.actions(answer.actions_taken) or own.actions_taken,
        recommendations=guard.entries(answer.recommendations),
        concerns=tuple(dict.fromkeys((*own.concerns, *guard.entries(answer.concerns))))[:MOST_ENTRIES],
        next_steps=guard.entries(answer.next_steps) or own.next_steps,
        source=AdviceSource.MODEL,
    )


def _data(facts: MaintenanceFacts, metrics: Sequence[KeyMetric]) -> dict[str, object]:
    """The data for the model: counts, codes and our own sentences. No name of a campaign, contact or list."""
    suppression, rebalancing, attempt = facts.suppression, facts.rebalancing, facts.attempt
    return {
        "round": facts.round_number,
        "sent_to": facts.list_role.label,
        "status": facts.status.value,
        "recipients": facts.recipients,
        "bounces": {name: count for name, count in facts.bounces.items() if count},
        "suppressed": {
            "planned": suppression.planned_total,
            "confirmed": suppression.confirmed_total,
            "failed": suppression.failed_total,
            "held_for_review": suppression.held_for_review,
            "planned_by_reason": dict(suppression.planned),
            "confirmed_by_reason": dict(suppression.confirmed),
        },
        "rebalanced": {
            "planned": rebalancing.planned,
            "confirmed": rebalancing.confirmed,
            "moves_planned": rebalancing.moves_planned,
            "moves_confirmed": rebalancing.moves_confirmed,
            "added_from_master_planned": rebalancing.enrolments_planned,
            "added_from_master_confirmed": rebalancing.enrolments_confirmed,
            "deferred": rebalancing.deferred,
            "why_no_fewer_moves": rebalancing.certificate,
            "why_not_begun": rebalancing.not_begun,
        },
        "sender_faults": [
            {"reason": fault.reason, "contacts": fault.contacts, "repair": fault.advice}
            for fault in facts.sender_faults
            if fault.contacts
        ],
        "not_attempted": facts.not_evidence,
        "unclear": facts.unknown,
        "before": _sizes(facts.lists, is_after=False),
        "after": _sizes(facts.lists, is_after=True),
        "largest_deviation": {
            "before_percent": told_percent(facts.deviation_before),
            "after_percent": told_percent(facts.deviation_after),
        },
        "complaint_rate_percent": told_percent(facts.complaint_rate),
        "complaint_target_percent": SuppressionPolicy().complaint_target_percent,
        "list_health": _health(facts.assessments, facts.list_rates),
        "errors": sum(each.count for each in facts.errors),
        "attempt": None
        if attempt is None
        else {
            "number": attempt.number,
            "most": attempt.most,
            "gave_up": attempt.gave_up,
            "passed_deadline": attempt.passed_deadline,
            "is_tried_again": attempt.next_at is not None,
            "open_changes": attempt.open,
        },
        "looked_at_again_after_days": list(facts.later_looks_days),
        "key_metrics": offered(metrics),
    }


def offered(metrics: Iterable[KeyMetric]) -> list[dict[str, object]]:
    """The figures that a report may name, for the model."""
    return [
        {"label": each.name, "means": each.label, "value": each.value, "trend": each.trend.value} for each in metrics
    ]


def condition(assessment: HealthAssessment) -> dict[str, object]:
    """The health of a list, for the model."""
    return {
        "list": assessment.role.label,
        "status": assessment.status.value,
        "urgency": assessment.urgency.value,
        "concerns": list(assessment.concerns[:_MOST_CONCERNS]),
        "reputation_impact": assessment.reputation_impact,
    }


def _done(facts: MaintenanceFacts) -> Done:
    suppression, rebalancing = facts.suppression, facts.rebalancing
    return Done(
        suppressed=suppression.confirmed_total,
        suppressed_parts=tuple(suppression.confirmed.values()),
        suppressions_planned=suppression.planned_total,
        rebalanced=rebalancing.confirmed,
        rebalanced_parts=(rebalancing.moves_confirmed, rebalancing.enrolments_confirmed),
        rebalancings_planned=rebalancing.planned,
        held=suppression.held_for_review,
    )


def _sizes(lists: Sequence[ListChange], *, is_after: bool) -> dict[str, object]:
    """Contacts that can be mailed, by list and of the three together, and the size of the suppression list."""
    sizes = {each.role: each.mailable_after if is_after else each.mailable_before for each in lists}
    raw = {each.role: each.raw_after if is_after else each.raw_before for each in lists}
    active = [sizes.get(role) for role in CAMPAIGN_LISTS]
    known = [size for size in active if size is not None]
    return {
        "lists": [
            {"list": role.label, "mailable": size}
            for role, size in zip(CAMPAIGN_LISTS, active, strict=True)
            if size is not None
        ],
        "total_active": sum(known) if len(known) == len(CAMPAIGN_LISTS) else None,
        "suppression_list": raw.get(ListRole.SUPPRESSION),
    }


def _health(assessments: Sequence[HealthAssessment], rates: Sequence[ListRates]) -> list[dict[str, Any]]:
    known = {each.role: each for each in rates}
    return [{**condition(each), **(_rates(known[each.role]) if each.role in known else {})} for each in assessments]


def _rates(rates: ListRates) -> dict[str, Any]:
    return {
        "delivered_of_last_campaign": _rate(rates.delivered),
        "bounced_of_last_campaign": _rate(rates.bounced),
        "bounce_trend_of_all_lists": rates.bounce_trend.value,
        "size_trend": rates.size_trend.value,
    }


def _rate(rate: Rate | None) -> dict[str, float | None] | None:
    if rate is None:
        return None
    return {
        "rate_percent": told_percent(rate.percent),
        "low_percent": told_percent(rate.low),
        "high_percent": told_percent(rate.high),
    }
