"""The advisor on a week: which statements the weekly report says, and in which order.

Belongs here: what is asked about a week, and which report an answer makes. Does not belong here: figures and rules
(``core.weekly.figures``), what can be said (``core.weekly.statements``), and the message (``core.weekly.message``).

It is asked from the state of the lists and the campaigns' figures alone; no bounce of anybody is in the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from list_pipeline.agents.consultation import DATA_RULES, Answer, Chosen, ModelAccess, Question, consult
from list_pipeline.agents.reporting import (
    AGENT,
    MAX_OUTPUT_TOKENS,
    SYSTEM,
    TEMPERATURE,
    Written,
    condition,
    offered,
    refusal,
)
from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.figures import SendFigures, rounded
from list_pipeline.core.lists import ListRole
from list_pipeline.core.reports.facts import KeyMetric
from list_pipeline.core.weekly.facts import WeekFacts, WeekMetric, week_metrics
from list_pipeline.core.weekly.figures import Change, ListMetrics, WeekFigures
from list_pipeline.core.weekly.policy_report import MOST_ENTRIES, policy_week_report, week_report_of
from list_pipeline.core.weekly.statements import PARTS, week_statements
from list_pipeline.core.wording import date_text, rate_figures, told_percent

PROMPT_VERSION = "weekly-2"
SUBJECT = "week"
"""What the reporting advisor's question is about here."""

_TASK = (
    "Compose the weekly report on the three campaign lists from its statements. concerns: what needs attention. "
    "recommendations: what people should do next week. next_steps: what follows, and when. actions_taken: what was done in "
    "the week. highlights: what stood out. week_over_week: the changes against the week before that matter. key_metrics: the "
    "labels, out of those offered, of the three to five figures that matter most. executive_summary: the two or three "
    "statements that a reader should know who reads no further. What is null is not known; never take it for zero or for "
    "good. Answer with JSON in the given schema only."
)


class WeeklyReportAnswer(Answer):
    """The model's answer about a week: ids of statements. The summary comes last: what it sums up is chosen by then."""

    concerns: Chosen
    recommendations: Chosen
    next_steps: Chosen
    actions_taken: Chosen
    highlights: Chosen
    week_over_week: Chosen
    key_metrics: list[WeekMetric] = Field(description="Labels of the figures that matter most", max_length=10)
    executive_summary: Chosen

    @property
    def chosen(self) -> dict[str, list[str]]:
        """The ids by part of the report."""
        return {part: getattr(self, part) for part in PARTS}


def write_week(access: ModelAccess, facts: WeekFacts) -> Written:
    """Ask for the report of a week; without a usable answer, the policy's own. No failure of the model is raised."""
    question, metrics, catalogue = question_about_week(facts), week_metrics(facts), week_statements(facts)
    consultation = consult(
        access, question, WeeklyReportAnswer, lambda answer: refusal(catalogue.choice(answer.chosen))
    )
    own = policy_week_report(facts)
    if consultation.answer is None:
        return Written(own, consultation.why_not, consultation.record)
    answer = consultation.answer
    choice = catalogue.choice(answer.chosen)
    first = tuple(metrics[label] for label in dict.fromkeys(answer.key_metrics) if label in metrics)[:MOST_ENTRIES]
    unknown = sum(label not in metrics for label in answer.key_metrics)
    notes = (*choice.notes, *((f"{unknown} key metrics are not known of this week",) if unknown else ()))
    report = week_report_of(facts, choice, first or own.key_metrics, AdviceSource.MODEL)
    return Written(report, "", consultation.accepted(notes))


def question_about_week(facts: WeekFacts) -> Question:
    """The question. Its hash tells whether a stored report is still about these figures."""
    return Question(
        agent=AGENT,
        prompt_version=PROMPT_VERSION,
        system=SYSTEM + DATA_RULES,
        task=_TASK,
        data=_data(facts, list(week_metrics(facts).values())),
        answer_type=WeeklyReportAnswer,
        temperature=TEMPERATURE,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        subject=SUBJECT,
        choices={part: week_statements(facts).ids(part) for part in PARTS},
    )


def _data(facts: WeekFacts, metrics: Sequence[KeyMetric]) -> dict[str, object]:
    """The data for the model: counts, rates and our own sentences. No name of a campaign, contact or list."""
    figures, done = facts.figures, facts.figures.activity
    return {
        "week": figures.week.key,
        "days_looked_at": 7,
        "urgency": facts.urgency.value,
        "is_balanced": figures.is_balanced,
        "largest_deviation_percent": told_percent(figures.deviation_percent),
        "tolerance_percent": figures.tolerance_percent,
        "about_the_sizes": facts.sizes_note,
        "lists": [_list(each) for each in figures.lists],
        "master_list_mailable": _mailable(figures, ListRole.MASTER),
        "suppression_list": figures.sizes[ListRole.SUPPRESSION].raw if ListRole.SUPPRESSION in figures.sizes else None,
        "all_campaigns_of_the_week": _sends(figures.all_sends),
        "campaigns_sent": done.campaigns_sent,
        "campaigns_whose_bounces_are_not_read": figures.unread,
        "new_contacts": done.new_contacts,
        "suppressed": {"confirmed": done.suppressed},
        "rebalanced": {"confirmed": done.rebalanced, "plans": done.rebalancings},
        "failed_maintenances": done.failed_maintenances,
        "waiting_for_a_person": done.waiting,
        "list_health": [condition(each) for each in facts.assessments],
        "issues": [{"urgency": each.urgency.value, "what": each.text, "to_do": each.action} for each in facts.issues],
        "compared_with_the_week_before": [_change(each) for each in facts.changes],
        "key_metrics": offered(metrics),
        "statements": week_statements(facts).offered(),
    }


def _mailable(figures: WeekFigures, role: ListRole) -> int | None:
    return figures.sizes[role].mailable if role in figures.sizes else None


def _list(metrics: ListMetrics) -> dict[str, Any]:
    at = metrics.sends.last_campaign_at
    return {
        "list": metrics.role.label,
        "contacts": None if metrics.size is None else metrics.size.raw,
        "mailable_contacts": None if metrics.size is None else metrics.size.mailable,
        "target_contacts": rounded(metrics.target),
        "variance_contacts": rounded(metrics.variance),
        "variance_percent": told_percent(metrics.variance_percent),
        "third_of_master_list_contacts": rounded(metrics.master_third),
        "campaigns_of_the_week": _sends(metrics.sends.read),
        "suppressed_of_mailed": rate_figures(metrics.sends.suppression),
        "last_campaign_date": date_text(at) if at is not None else "Never",
    }


def _sends(sends: SendFigures | None) -> dict[str, Any] | None:
    if sends is None:
        return None
    return {
        "campaigns": sends.campaigns,
        "recipients": sends.recipients,
        "bounces": rate_figures(sends.bounce_rate),
        "hard_bounces": rate_figures(sends.hard_rate),
        "soft_bounces": rate_figures(sends.soft_rate),
        "deliveries": rate_figures(sends.delivery_rate),
    }


def _change(change: Change) -> dict[str, Any]:
    is_percent = change.unit == "percent"
    suffix, told = ("_percent", told_percent) if is_percent else ("", rounded)
    return {
        "what": change.label,
        f"before{suffix}": told(change.before),
        f"now{suffix}": told(change.now),
        f"difference{suffix}": told(change.difference),
        "chance_may_explain_it": not change.is_shown,
    }
