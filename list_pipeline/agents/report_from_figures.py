"""The executive report out of statements: those that a model chose, or, without a usable answer, code's own choice.

Belongs here: how statements become the fields of a report. Does not belong here: the statements (``core.reports.statements``)
and asking a model (``reporting``).
"""

from __future__ import annotations

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.reports.facts import ExecutiveReport, KeyMetric, MaintenanceFacts, Metric, key_metrics
from list_pipeline.core.reports.statements import (
    ACTIONS,
    CONCERNS,
    NEXT_STEPS,
    RECOMMENDATIONS,
    SUMMARY,
    report_statements,
)
from list_pipeline.core.statements import Catalogue, Choice

MOST_ENTRIES = 5
"""Entries of a list, and figures put first."""
MOST_ACTIONS = 8
"""What was done is told whole: by each reason, moved, enrolled. Fewer would not add up to the figures beside them."""
MOST_SENTENCES = 3
"""Sentences of a summary."""

_FIRST = (
    Metric.CONTACTS_SUPPRESSED,
    Metric.CONTACTS_REBALANCED,
    Metric.MAILABLE_CONTACTS,
    Metric.LARGEST_DEVIATION,
    Metric.FAILED_SUPPRESSIONS,
    Metric.REFUSED_BY_OUR_FAULT,
    Metric.NOT_DELIVERED,
)


def statements_of(facts: MaintenanceFacts) -> Catalogue:
    """What may be said of a run."""
    return report_statements(facts, float(RebalancingPolicy().trigger_percent))


def policy_report(facts: MaintenanceFacts) -> ExecutiveReport:
    """All fields from the figures alone; always the same for the same facts."""
    metrics = key_metrics(facts)
    first = tuple(metrics[name] for name in _FIRST if name in metrics)[:MOST_ENTRIES]
    return report_of(statements_of(facts).unchosen, first, AdviceSource.POLICY)


def report_of(choice: Choice, metrics: tuple[KeyMetric, ...], source: AdviceSource) -> ExecutiveReport:
    """The report that a choice makes. What code says in any case is in it, whatever was chosen."""
    return ExecutiveReport(
        executive_summary=" ".join(choice.said(SUMMARY, MOST_SENTENCES)),
        key_metrics=metrics,
        actions_taken=choice.said(ACTIONS, MOST_ACTIONS),
        recommendations=choice.said(RECOMMENDATIONS, MOST_ENTRIES),
        concerns=choice.said(CONCERNS, MOST_ENTRIES),
        next_steps=choice.said(NEXT_STEPS, MOST_ENTRIES),
        source=source,
    )
