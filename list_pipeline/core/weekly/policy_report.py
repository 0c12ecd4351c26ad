"""The weekly report out of statements: those that a model chose, or, without a usable answer, those that code says by itself.

Belongs here: how statements and issues become the fields of a report. Does not belong here: the statements (``statements``),
asking a model (``agents.weekly_report``), and the layout of the message (``message``).
"""

from __future__ import annotations

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.facts import ActionItem, ExecutiveReport, KeyMetric
from list_pipeline.core.statements import Choice, Weight
from list_pipeline.core.weekly.facts import WeekFacts, action_items, week_metrics
from list_pipeline.core.weekly.statements import (
    ACTIONS,
    CONCERNS,
    HIGHLIGHTS,
    NEXT_STEPS,
    RECOMMENDATIONS,
    SUMMARY,
    WEEK_OVER_WEEK,
    week_statements,
)

MOST_ENTRIES = 5
_MOST_SENTENCES, _MOST_CHANGES = 3, 6
_FIRST = ("bounce_rate", "delivery_rate", "mailable_contacts", "largest_deviation", "contacts_suppressed")


def policy_week_report(facts: WeekFacts) -> ExecutiveReport:
    """All fields from the figures alone; always the same for the same facts."""
    metrics = week_metrics(facts)
    first = tuple(metrics[name] for name in _FIRST if name in metrics)
    return week_report_of(facts, week_statements(facts).unchosen, first, AdviceSource.POLICY)


def week_report_of(
    facts: WeekFacts, choice: Choice, metrics: tuple[KeyMetric, ...], source: AdviceSource
) -> ExecutiveReport:
    """The report that a choice makes. What code says in any case is in it, whatever was chosen.

    What is to be done about an issue is an action item of the issue's urgency; what a model chose beyond that, one of low
    urgency.
    """
    recommendations = choice.said(RECOMMENDATIONS, MOST_ENTRIES)
    further = [each for each in choice.picked.get(RECOMMENDATIONS, ()) if each.weight is Weight.OFFERED]
    advised = [ActionItem(Urgency.LOW, each.text) for each in further]
    return ExecutiveReport(
        executive_summary=" ".join(choice.said(SUMMARY, _MOST_SENTENCES)),
        key_metrics=metrics,
        actions_taken=choice.said(ACTIONS, MOST_ENTRIES),
        recommendations=recommendations,
        concerns=choice.said(CONCERNS, MOST_ENTRIES),
        next_steps=choice.said(NEXT_STEPS, MOST_ENTRIES),
        source=source,
        highlights=choice.said(HIGHLIGHTS, MOST_ENTRIES),
        action_items=action_items(facts.issues, advised, recommendations),
        week_over_week="; ".join(choice.said(WEEK_OVER_WEEK, _MOST_CHANGES)) + ".",
    )
