"""The weekly report that code writes from the figures, where there is no usable answer of a model.

Belongs here: all its fields, the same for the same facts. Does not belong here: asking a model
(``agents.weekly_report``), and the layout of the message (``message``).
"""

from __future__ import annotations

from collections.abc import Iterator

from list_pipeline.core.health.assessment import HealthStatus
from list_pipeline.core.reports.facts import ExecutiveReport
from list_pipeline.core.weekly.facts import WeekFacts, action_items, change_text, differences, week_metrics
from list_pipeline.core.weekly.figures import WEEK, WeekFigures
from list_pipeline.core.wording import count_text, names_text, percent_text, rate_text

NO_WEEK_BEFORE = "The week before was not checked, so there is nothing to compare this week with."
_MOST = 5
_FIRST = ("bounce_rate", "delivery_rate", "mailable_contacts", "largest_deviation", "contacts_suppressed")


def policy_week_report(facts: WeekFacts) -> ExecutiveReport:
    """All fields from the figures alone."""
    metrics = week_metrics(facts)
    recommendations = tuple(dict.fromkeys(issue.action for issue in facts.issues))[:_MOST]
    return ExecutiveReport(
        executive_summary=_summary(facts),
        key_metrics=tuple(metrics[name] for name in _FIRST if name in metrics),
        actions_taken=tuple(_actions(facts.figures)),
        recommendations=recommendations,
        concerns=tuple(issue.text for issue in facts.issues)[:_MOST],
        next_steps=(f"The next weekly check is due on {facts.figures.week.monday + WEEK}.",),
        highlights=tuple(_highlights(facts))[:_MOST],
        action_items=action_items(facts.issues, (), recommendations),
        week_over_week=week_over_week(facts),
    )


def week_over_week(facts: WeekFacts) -> str:
    """The changes against the week before beyond chance, in one sentence; or that there are none, or that none can be told."""
    if not facts.changes:
        return NO_WEEK_BEFORE
    changed = [change_text(change) for change in differences(facts.changes)]
    if changed:
        return "; ".join(changed[:6]) + "."
    if all(change.difference is None for change in facts.changes):
        return "Too little is known of one of the two weeks to compare them."
    return "Nothing changed against the week before by more than chance."


def _summary(facts: WeekFacts) -> str:
    return " ".join((_balance(facts.figures), _lists(facts), _sent(facts.figures)))


def _balance(figures: WeekFigures) -> str:
    deviation = figures.deviation_percent
    if figures.is_balanced is None or deviation is None:
        return (
            "The three lists are empty."
            if figures.sizes
            else "The sizes of the lists in this week are not known, because nobody measured them then."
        )
    words = "are balanced" if figures.is_balanced else "are not balanced"
    return f"The three lists {words}: the largest distance from their mean is {percent_text(deviation)}."


def _lists(facts: WeekFacts) -> str:
    if not facts.assessments:
        return "The lists were not assessed."
    worst = max(facts.assessments, key=lambda each: each.status.rank)
    if worst.status is HealthStatus.HEALTHY:
        return "All of them are healthy."
    ill = [each for each in facts.assessments if each.status is worst.status]
    names = names_text([each.role.label for each in ill])
    return f"{names} {'is' if len(ill) == 1 else 'are'} {worst.status.value}."


def _sent(figures: WeekFigures) -> str:
    sent = figures.activity.campaigns_sent
    if not sent:
        return "No campaign was sent in the seven days before, so there are no rates."
    if figures.all_sends is None or figures.bounce_rate is None:
        return f"{count_text(sent, 'campaign')} went out, and no bounces of the week are read yet."
    return (
        f"{count_text(sent, 'campaign')} went out; of {count_text(figures.all_sends.recipients, 'message')} "
        f"{rate_text(figures.bounce_rate)} bounced."
    )


def _actions(figures: WeekFigures) -> Iterator[str]:
    done = figures.activity
    if done.suppressed:
        yield f"{count_text(done.suppressed, 'contact')} {_were(done.suppressed)} suppressed."
    if done.rebalanced:
        yield f"{count_text(done.rebalanced, 'contact')} {_were(done.rebalanced)} moved or added to even the lists out."


def _highlights(facts: WeekFacts) -> Iterator[str]:
    figures, done = facts.figures, facts.figures.activity
    if facts.is_fine:
        yield "The lists are balanced, and nothing is urgent."
    if done.new_contacts:
        yield f"{count_text(done.new_contacts, 'new contact')} subscribed."
    if figures.delivery_rate is not None:
        yield f"Of the week's messages {rate_text(figures.delivery_rate)} were delivered."
    yield from _actions(figures)


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
