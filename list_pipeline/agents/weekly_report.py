"""What the report of a week has beyond that of a campaign: highlights, prioritised action items, week over week.

Belongs here: the shape of these fields in an answer, and what of them may stand. Does not belong here: the figures of a
week and the asking; whoever has them builds the question, and hands in the guard that knows them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from list_pipeline.agents.question import Answer
from list_pipeline.agents.report_guard import MOST_ENTRIES, ReportGuard
from list_pipeline.agents.reporting import ReportAnswer
from list_pipeline.core.plans import Urgency
from list_pipeline.core.report_facts import ActionItem, ExecutiveReport


class ActionItemAnswer(Answer):
    """Something to do. The text comes first: what is to be done shapes how soon."""

    text: str = Field(description="What people should do, one sentence", max_length=600)
    priority: Literal["low", "medium", "high", "critical"]


class WeeklyReportAnswer(ReportAnswer):
    """The model's answer about a week: a report like any other, with three fields more."""

    highlights: list[str] = Field(description="What stood out this week, one sentence each", max_length=10)
    week_over_week: str = Field(description="The week against the one before, one to three sentences", max_length=2_000)
    action_items: list[ActionItemAnswer] = Field(description="What people should do next week", max_length=10)


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
