"""The advisor on a finished run: the executive report for people who read nothing else.

Belongs here: what is asked about the results and how an answer becomes a report. Does not belong here: what can be said
(``core.reports.statements``), how statements make a report (``report_from_figures``), and the message around it
(``core.reports.message``).

It changes nothing and writes nothing: the model names statements and figures, in the order of their importance. Sentences and
values are code's own, and what code says in any case is said whatever was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from list_pipeline.agents.consultation import DATA_RULES, Answer, Chosen, ModelAccess, Question, consult
from list_pipeline.agents.report_from_figures import MOST_ENTRIES, policy_report, report_of, statements_of
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
from list_pipeline.core.reports.statements import PARTS
from list_pipeline.core.statements import Choice
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.wording import KeptRate, told_percent

AGENT = "reporting"
PROMPT_VERSION = "reporting-4"
TEMPERATURE = 0.6
MAX_OUTPUT_TOKENS = 6_144
"""A full choice takes about 300 tokens; thinking shares the budget."""
_MOST_CONCERNS = 3

SYSTEM = (
    "You are an editor of executive reports for email-marketing operations; your readers get them in Slack and read "
    "little. You put business impact over technical detail, and what people have to do over what is merely known. "
)
"""Who chooses here, for the report of a run and for that of a week. A change of it is a new version of both prompts."""

_TASK = (
    "Compose the report of this maintenance run from its statements. concerns: what needs attention. recommendations: what "
    "people should do about it. next_steps: what follows, and when. actions_taken: what was done. key_metrics: the labels, "
    "out of those offered, of the three to five figures that matter most in this run. executive_summary: the two or three "
    "statements that a reader should know who reads no further. Answer with JSON in the given schema only."
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
    """The model's answer: ids of statements. The summary comes last: what it sums up is chosen by then."""

    concerns: Chosen
    recommendations: Chosen
    next_steps: Chosen
    actions_taken: Chosen
    key_metrics: list[MetricLabel] = Field(description="Labels of the figures that matter most", max_length=10)
    executive_summary: Chosen

    @property
    def chosen(self) -> dict[str, list[str]]:
        """The ids by part of the report."""
        return {part: getattr(self, part) for part in PARTS}


@dataclass(frozen=True, slots=True)
class Written:
    """A report, why code wrote it (empty where the model did), and the consultation."""

    report: ExecutiveReport
    reason: str
    recorded: AgentRecord


def write(access: ModelAccess, facts: MaintenanceFacts) -> Written:
    """Ask for the report of a run; without a usable answer, the code's own. No failure of the model is raised."""
    question, metrics, catalogue = question_about(facts), key_metrics(facts), statements_of(facts)
    consultation = consult(access, question, ReportAnswer, lambda answer: refusal(catalogue.choice(answer.chosen)))
    own = policy_report(facts)
    if consultation.answer is None:
        return Written(own, consultation.why_not, consultation.record)
    answer = consultation.answer
    choice = catalogue.choice(answer.chosen)
    named = dict.fromkeys(Metric(label) for label in answer.key_metrics)
    first = tuple(metrics[name] for name in named if name in metrics)[:MOST_ENTRIES]
    unknown = sum(Metric(label) not in metrics for label in answer.key_metrics)
    notes = (*choice.notes, *((f"{unknown} key metrics are not known of this run",) if unknown else ()))
    return Written(report_of(choice, first or own.key_metrics, AdviceSource.MODEL), "", consultation.accepted(notes))


def refusal(choice: Choice) -> str | None:
    """Why an answer cannot be used: nothing was chosen that may be said."""
    return "it names no statement that was offered" if choice.is_empty else None


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
        choices={part: statements_of(facts).ids(part) for part in PARTS},
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
            {
                "reason": fault.reason,
                "mail_operator": fault.operator,
                "contacts": fault.contacts,
                "contacts_in_the_campaigns_before": list(fault.before),
                "change": fault.trend.value,
                "repair": fault.advice,
            }
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
        "complaint_rate_percent": None if facts.complaint_rate is None else told_percent(facts.complaint_rate.percent),
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
        "statements": statements_of(facts).offered(),
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


def _rate(rate: KeptRate | None) -> dict[str, float | None] | None:
    if rate is None:
        return None
    return {
        "rate_percent": told_percent(rate.rate_percent),
        "low_percent": told_percent(rate.low_percent),
        "high_percent": told_percent(rate.high_percent),
    }
