"""The advisor on a week: the weekly report, by a model where it may stand, else in the policy's own words.

Belongs here: what is asked about a week, and how an answer becomes its report. Does not belong here: figures and rules
(``core.weekly.figures``), what may be said (``guard``), and the message (``core.weekly.message``).

It is asked from the state of the lists and the campaigns' figures alone; no bounce of anybody is in the question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from list_pipeline.agents.consultation import DATA_RULES, Answer, ModelAccess, Question, consult
from list_pipeline.agents.guard import MOST_ENTRIES, Done, ReportGuard, figures_in
from list_pipeline.agents.reporting import AGENT, MAX_OUTPUT_TOKENS, SYSTEM, TEMPERATURE, Written, condition, offered
from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.figures import SendFigures, rounded
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.facts import ActionItem, ExecutiveReport, KeyMetric
from list_pipeline.core.weekly.facts import WeekFacts, WeekMetric, action_items, week_metrics
from list_pipeline.core.weekly.figures import Change, ListMetrics, WeekFigures
from list_pipeline.core.weekly.policy_report import policy_week_report
from list_pipeline.core.wording import date_text, rate_figures, told_percent

PROMPT_VERSION = "weekly-1"
SUBJECT = "week"
"""What the reporting advisor's question is about here."""

_TASK = (
    "Write the weekly report on the three campaign lists from the data. concerns: what needs attention. recommendations: "
    "what people should do about it. next_steps: what follows, and when. actions_taken: what was done in the week, from "
    "the confirmed counts only; empty where these are zero. highlights: what stood out. week_over_week: the week against "
    "the one before, from the comparison only; where it is empty, say that there is nothing to compare with; where "
    "chance may explain a difference, call it no change. action_items: what people should do next week, each with a "
    "priority. key_metrics: the labels, out of those offered, of the three to five figures that matter most. "
    "executive_summary: two to three sentences on the state of the lists and what needs attention, if anything. At most "
    "five short entries in each list, none where there is nothing to say. What is null is not known; never take it for "
    "zero or for good. Answer with JSON in the given schema only."
)


class ActionItemAnswer(Answer):
    """Something to do. The text comes first: what is to be done shapes how soon."""

    text: str = Field(description="What people should do, one sentence", max_length=600)
    priority: Literal["low", "medium", "high", "critical"]


class WeeklyReportAnswer(Answer):
    """The model's answer about a week. The summary comes last: what it sums up is written by then."""

    concerns: list[str] = Field(description="What needs attention, one sentence each", max_length=10)
    recommendations: list[str] = Field(description="What people should do, one sentence each", max_length=10)
    next_steps: list[str] = Field(description="What follows and when, one sentence each", max_length=10)
    actions_taken: list[str] = Field(description="What was done and confirmed, one sentence each", max_length=10)
    highlights: list[str] = Field(description="What stood out this week, one sentence each", max_length=10)
    week_over_week: str = Field(description="The week against the one before, one to three sentences", max_length=2_000)
    action_items: list[ActionItemAnswer] = Field(description="What people should do next week", max_length=10)
    key_metrics: list[WeekMetric] = Field(description="Labels of the figures that matter most", max_length=10)
    executive_summary: str = Field(description="Two to three sentences", max_length=2_000)


def write_week(access: ModelAccess, facts: WeekFacts) -> Written:
    """Ask for the report of a week; without a usable answer, the policy's own. No failure of the model is raised."""
    question, metrics = question_about_week(facts), week_metrics(facts)
    done = facts.figures.activity
    guard = ReportGuard(
        figures_in(question.data),
        Done(
            suppressed=done.suppressed,
            suppressions_planned=done.suppressed,
            rebalanced=done.rebalanced,
            rebalancings_planned=done.rebalanced,
        ),
    )

    consultation = consult(
        access, question, WeeklyReportAnswer, lambda answer: guard.refusal(answer.executive_summary, "figures")
    )
    own = policy_week_report(facts)
    if consultation.answer is None:
        return Written(own, consultation.why_not, consultation.record)
    report = _report(consultation.answer, guard, metrics, own, facts)
    unknown = sum(label not in metrics for label in consultation.answer.key_metrics)
    notes = (*guard.notes, *((f"{unknown} key metrics are not known of this week",) if unknown else ()))
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
    )


def _report(
    answer: WeeklyReportAnswer,
    guard: ReportGuard,
    metrics: Mapping[str, KeyMetric],
    own: ExecutiveReport,
    facts: WeekFacts,
) -> ExecutiveReport:
    """The parts of an answer that may stand. The policy's own concerns and action items stay beside the model's."""
    chosen = tuple(metrics[label] for label in dict.fromkeys(answer.key_metrics) if label in metrics)[:MOST_ENTRIES]
    report = ExecutiveReport(
        executive_summary=guard.summary(answer.executive_summary),
        key_metrics=chosen or own.key_metrics,
        actions_taken=guard.actions(answer.actions_taken) or own.actions_taken,
        recommendations=guard.entries(answer.recommendations) or own.recommendations,
        concerns=tuple(dict.fromkeys((*own.concerns, *guard.entries(answer.concerns))))[:MOST_ENTRIES],
        next_steps=guard.entries(answer.next_steps) or own.next_steps,
        source=AdviceSource.MODEL,
    )
    week = with_week(report, answer, guard)
    return replace(
        week,
        highlights=week.highlights or own.highlights,
        action_items=action_items(facts.issues, week.action_items, week.recommendations),
        # Without a week before there is nothing that a model could compare.
        week_over_week=week.week_over_week if facts.changes and week.week_over_week else own.week_over_week,
    )


def with_week(report: ExecutiveReport, answer: WeeklyReportAnswer, guard: ReportGuard) -> ExecutiveReport:
    """The report with what of the week's fields may stand; the most urgent action items first, at most five."""
    items = [ActionItem(Urgency(each.priority), guard.entry(each.text)) for each in answer.action_items]
    urgent_first = sorted((item for item in items if item.text), key=lambda item: -list(Urgency).index(item.priority))
    return replace(
        report,
        highlights=guard.entries(answer.highlights),
        action_items=tuple(urgent_first[:MOST_ENTRIES]),
        week_over_week=guard.summary(answer.week_over_week),
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
