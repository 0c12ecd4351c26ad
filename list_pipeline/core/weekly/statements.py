"""The statements that a weekly report is made of, and when each is true.

Belongs here: the closed set of sentences, their conditions on the facts of a week and their figures. Does not belong
here: which of them a report says (``policy_report``, ``agents.weekly_report``), and the layout of the message (``message``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from list_pipeline.core.health.assessment import HealthStatus
from list_pipeline.core.statements import Catalogue, Form, Statement, Weight
from list_pipeline.core.weekly.facts import WeekFacts, change_text, differences
from list_pipeline.core.weekly.figures import WEEK, WeekFigures
from list_pipeline.core.wording import count_text, names_text, percent_text, rate_text

SUMMARY, ACTIONS, CONCERNS, HIGHLIGHTS = "executive_summary", "actions_taken", "concerns", "highlights"
RECOMMENDATIONS, NEXT_STEPS, WEEK_OVER_WEEK = "recommendations", "next_steps", "week_over_week"
PARTS = (CONCERNS, RECOMMENDATIONS, NEXT_STEPS, ACTIONS, HIGHLIGHTS, WEEK_OVER_WEEK, SUMMARY)
"""The parts of a report that are statements, by the names of their fields."""

_WORSE_WHEN_UP = frozenset(
    {"bounce_rate_percent", "hard_rate_percent", "soft_rate_percent", "complaint_rate_percent", "deviation_percent"}
)
_WORSE_WHEN_DOWN = frozenset({"delivery_rate_percent"})


class WeekStatement(StrEnum):
    """Everything that a weekly report can say."""

    BALANCED = "balanced"
    NOT_BALANCED = "not_balanced"
    LISTS_EMPTY = "lists_empty"
    SIZES_UNKNOWN = "sizes_unknown"
    NOT_ASSESSED = "not_assessed"
    ALL_HEALTHY = "all_healthy"
    WORST_LISTS = "worst_lists"
    NOTHING_SENT = "nothing_sent"
    NOTHING_READ = "nothing_read"
    SENT = "sent"
    WAITING = "waiting"
    FAILED_MAINTENANCES = "failed_maintenances"
    SUPPRESSED = "suppressed"
    REBALANCED = "rebalanced"
    ISSUE = "issue"
    CAMPAIGNS_UNREAD = "campaigns_unread"
    TO_DO = "to_do"
    CHECK_CHANGE = "check_change"
    NEXT_CHECK = "next_check"
    ALL_FINE = "all_fine"
    NEW_CONTACTS = "new_contacts"
    DELIVERED = "delivered"
    SUPPRESSED_THIS_WEEK = "suppressed_this_week"
    REBALANCED_THIS_WEEK = "rebalanced_this_week"
    NO_WEEK_BEFORE = "no_week_before"
    TOO_LITTLE_KNOWN = "too_little_known"
    NOTHING_CHANGED = "nothing_changed"
    CHANGE = "change"


_K = WeekStatement
_ALWAYS, _USUAL = Weight.ALWAYS, Weight.USUAL
_SUPPRESSED = "{contacts} {were} suppressed."
_REBALANCED = "{contacts} {were} moved or added to even the lists out."
FORMS: Mapping[WeekStatement, Form] = {
    _K.BALANCED: Form(
        SUMMARY, "The three lists are balanced: the largest distance from their mean is {distance}.", _ALWAYS
    ),
    _K.NOT_BALANCED: Form(
        SUMMARY, "The three lists are not balanced: the largest distance from their mean is {distance}.", _ALWAYS
    ),
    _K.LISTS_EMPTY: Form(SUMMARY, "The three lists are empty.", _ALWAYS),
    _K.SIZES_UNKNOWN: Form(
        SUMMARY, "The sizes of the lists in this week are not known, because nobody measured them then.", _ALWAYS
    ),
    _K.NOT_ASSESSED: Form(SUMMARY, "The lists were not assessed.", _ALWAYS),
    _K.ALL_HEALTHY: Form(SUMMARY, "All of them are healthy.", _ALWAYS),
    _K.WORST_LISTS: Form(SUMMARY, "{lists} {are} {condition}.", _ALWAYS),
    _K.NOTHING_SENT: Form(SUMMARY, "No campaign was sent in the seven days before, so there are no rates.", _USUAL),
    _K.NOTHING_READ: Form(SUMMARY, "{campaigns} went out, and no bounces of the week are read yet.", _USUAL),
    _K.SENT: Form(SUMMARY, "{campaigns} went out; of {messages} {rate} bounced.", _USUAL),
    _K.WAITING: Form(SUMMARY, "{questions} {wait} for a person's decision."),
    _K.FAILED_MAINTENANCES: Form(SUMMARY, "{maintenances} of the week failed."),
    _K.SUPPRESSED: Form(ACTIONS, _SUPPRESSED, _ALWAYS),
    _K.REBALANCED: Form(ACTIONS, _REBALANCED, _ALWAYS),
    _K.ISSUE: Form(CONCERNS, "{issue}", _ALWAYS),
    _K.CAMPAIGNS_UNREAD: Form(CONCERNS, "No rate of this week counts {campaigns}, whose bounces are not read yet."),
    _K.TO_DO: Form(RECOMMENDATIONS, "{action}", _ALWAYS),
    _K.CHECK_CHANGE: Form(RECOMMENDATIONS, "Find out why this changed for the worse: {change}."),
    _K.NEXT_CHECK: Form(NEXT_STEPS, "The next weekly check is due on {day}.", _ALWAYS),
    _K.ALL_FINE: Form(HIGHLIGHTS, "The lists are balanced, and nothing is urgent.", _USUAL),
    _K.NEW_CONTACTS: Form(HIGHLIGHTS, "{contacts} subscribed.", _USUAL),
    _K.DELIVERED: Form(HIGHLIGHTS, "Of the week's messages {rate} were delivered.", _USUAL),
    _K.SUPPRESSED_THIS_WEEK: Form(HIGHLIGHTS, _SUPPRESSED, _USUAL),
    _K.REBALANCED_THIS_WEEK: Form(HIGHLIGHTS, _REBALANCED, _USUAL),
    _K.NO_WEEK_BEFORE: Form(
        WEEK_OVER_WEEK, "The week before was not checked, so there is nothing to compare this week with", _ALWAYS
    ),
    _K.TOO_LITTLE_KNOWN: Form(WEEK_OVER_WEEK, "Too little is known of one of the two weeks to compare them", _ALWAYS),
    _K.NOTHING_CHANGED: Form(WEEK_OVER_WEEK, "Nothing changed against the week before by more than chance", _ALWAYS),
    _K.CHANGE: Form(WEEK_OVER_WEEK, "{change}", _ALWAYS),
}
"""The closed set: a sentence for each kind. Those of an issue and of a change are worded in ``figures`` and ``facts``."""


def week_statements(facts: WeekFacts) -> Catalogue:
    """Everything that is true of a week, with its figures; the same for the same facts."""
    figures = facts.figures
    return Catalogue(
        (
            _balance(figures),
            _lists(facts),
            _sent(figures),
            *_attention(figures),
            *_done(figures, _K.SUPPRESSED, _K.REBALANCED),
            *(_say(_K.ISSUE, place, issue=issue.text) for place, issue in enumerate(facts.issues, start=1)),
            *_unread(figures),
            *_to_do(facts),
            _say(_K.NEXT_CHECK, day=f"{figures.week.monday + WEEK}"),
            *_highlights(facts),
            *_changes(facts),
        )
    )


def _say(kind: WeekStatement, about: object = "", **figures: str) -> Statement:
    return FORMS[kind].filled(kind, about, **figures)


def _balance(figures: WeekFigures) -> Statement:
    deviation = figures.deviation_percent
    if figures.is_balanced is None or deviation is None:
        return _say(_K.LISTS_EMPTY if figures.sizes else _K.SIZES_UNKNOWN)
    return _say(_K.BALANCED if figures.is_balanced else _K.NOT_BALANCED, distance=percent_text(deviation))


def _lists(facts: WeekFacts) -> Statement:
    if not facts.assessments:
        return _say(_K.NOT_ASSESSED)
    worst = max(facts.assessments, key=lambda each: each.status.rank).status
    if worst is HealthStatus.HEALTHY:
        return _say(_K.ALL_HEALTHY)
    ill = [each.role.label for each in facts.assessments if each.status is worst]
    return _say(_K.WORST_LISTS, lists=names_text(ill), are="is" if len(ill) == 1 else "are", condition=worst.condition)


def _sent(figures: WeekFigures) -> Statement:
    sent = figures.activity.campaigns_sent
    if not sent:
        return _say(_K.NOTHING_SENT)
    campaigns = count_text(sent, "campaign")
    if figures.all_sends is None or figures.bounce_rate is None:
        return _say(_K.NOTHING_READ, campaigns=campaigns)
    messages = count_text(figures.all_sends.recipients, "message")
    return _say(_K.SENT, campaigns=campaigns, messages=messages, rate=rate_text(figures.bounce_rate))


def _attention(figures: WeekFigures) -> Iterator[Statement]:
    waiting, failed = figures.activity.waiting, figures.activity.failed_maintenances
    if waiting:
        yield _say(_K.WAITING, questions=count_text(waiting, "question"), wait="waits" if waiting == 1 else "wait")
    if failed:
        yield _say(_K.FAILED_MAINTENANCES, maintenances=count_text(failed, "maintenance"))


def _done(figures: WeekFigures, suppressed: WeekStatement, rebalanced: WeekStatement) -> Iterator[Statement]:
    for kind, count in ((suppressed, figures.activity.suppressed), (rebalanced, figures.activity.rebalanced)):
        if count:
            yield _say(kind, contacts=count_text(count, "contact"), were="was" if count == 1 else "were")


def _unread(figures: WeekFigures) -> Iterator[Statement]:
    if figures.unread:
        yield _say(_K.CAMPAIGNS_UNREAD, campaigns=count_text(figures.unread, "campaign"))


def _to_do(facts: WeekFacts) -> Iterator[Statement]:
    for place, action in enumerate(dict.fromkeys(issue.action for issue in facts.issues), start=1):
        yield _say(_K.TO_DO, place, action=action)
    for change in differences(facts.changes):
        worse = _WORSE_WHEN_UP if (change.difference or 0) > 0 else _WORSE_WHEN_DOWN
        if change.name in worse:
            yield _say(_K.CHECK_CHANGE, change.name, change=change_text(change))


def _highlights(facts: WeekFacts) -> Iterator[Statement]:
    figures = facts.figures
    if facts.is_fine:
        yield _say(_K.ALL_FINE)
    if figures.activity.new_contacts:
        yield _say(_K.NEW_CONTACTS, contacts=count_text(figures.activity.new_contacts, "new contact"))
    if figures.delivery_rate is not None:
        yield _say(_K.DELIVERED, rate=rate_text(figures.delivery_rate))
    yield from _done(figures, _K.SUPPRESSED_THIS_WEEK, _K.REBALANCED_THIS_WEEK)


def _changes(facts: WeekFacts) -> Iterator[Statement]:
    changed = list(differences(facts.changes))
    for change in changed:
        yield _say(_K.CHANGE, change.name, change=change_text(change))
    if changed:
        return
    if not facts.changes:
        yield _say(_K.NO_WEEK_BEFORE)
    elif all(change.difference is None for change in facts.changes):
        yield _say(_K.TOO_LITTLE_KNOWN)
    else:
        yield _say(_K.NOTHING_CHANGED)
