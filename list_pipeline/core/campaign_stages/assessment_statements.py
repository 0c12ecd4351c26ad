"""The statements that the assessments of a wrap-up are made of, and when each is true.

Belongs here: the closed set of sentences and their conditions on the first figures of a send. Does not belong here: the grades
(``assessment``), what a choice may change (``agents.wrapup``), and the summary of all (``assessment_report``).

What the rules found is said in any case. A recommendation stands in the catalogue only while its condition is true; three of
them always are. A prediction is for a round that is alike and of the same size: its interval is that of the rate, wider by the
square root of two, since the next round has chance of its own. It holds chance among messages alone, and says so: campaigns
differ by more than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from enum import StrEnum

from list_pipeline.core.campaign_stages.assessment import (
    FirstFigures,
    SendVerdicts,
    bounce_limits,
    delivery_limits,
    is_shown,
    is_worse,
    passed,
)
from list_pipeline.core.campaign_stages.early_incidents import Look, UnusualGroup, is_alarm
from list_pipeline.core.campaign_stages.policy import STAGES
from list_pipeline.core.campaign_stages.wrapup import Compared, Delta, Direction, Figure, runs_away
from list_pipeline.core.health.assessment import HealthPolicy, Limit, SendFigures
from list_pipeline.core.monitoring.complaints import ComplaintStanding
from list_pipeline.core.statements import Catalogue, Form, Statement, Weight
from list_pipeline.core.wording import Rate, count_text, instant_text, interval_ends, limit_text, rate_text


class Topic(StrEnum):
    """What is assessed at a wrap-up, each by an advisor of its own."""

    LIST_QUALITY = "list_quality"
    DELIVERY = "delivery_analysis"
    COMPARISON = "comparison"
    RECOMMENDATION = "recommendation"


BOUNCE_ANALYSIS, CONCERNS = "bounce_analysis", "concerns"
INSIGHTS, TECHNICAL = "insights", "technical_issues"
RECOMMENDATIONS, PREDICTIONS, RISKS = "recommendations", "predictions", "risk_factors"
PARTS: Mapping[Topic, tuple[str, ...]] = {
    Topic.LIST_QUALITY: (BOUNCE_ANALYSIS, CONCERNS),
    Topic.DELIVERY: (INSIGHTS, TECHNICAL),
    Topic.COMPARISON: (INSIGHTS, CONCERNS),
    Topic.RECOMMENDATION: (RECOMMENDATIONS, PREDICTIONS, RISKS),
}
"""The parts of each assessment, by the names of their fields."""
MOST: Mapping[str, int] = {
    BOUNCE_ANALYSIS: 3,
    CONCERNS: 4,
    INSIGHTS: 4,
    TECHNICAL: 4,
    RECOMMENDATIONS: 5,
    PREDICTIONS: 3,
    RISKS: 3,
}
"""Sentences of each part that are told at most."""
FEWEST_RECOMMENDATIONS = 3
_GROUPS_TOLD = 2
"""Groups that stand out of which an assessment tells: the message tells of all."""


class SendStatement(StrEnum):
    """Everything that an assessment of a send can say."""

    BOUNCES = "bounces"
    MOSTLY_HARD = "mostly_hard"
    MOSTLY_SOFT = "mostly_soft"
    BOUNCES_WITHIN_LIMITS = "bounces_within_limits"
    RUN_AWAY = "run_away"
    NOTHING_TRIED = "nothing_tried"
    BEYOND = "beyond"
    COMPLAINTS_BEYOND = "complaints_beyond"
    MAY_BE_BEYOND = "may_be_beyond"
    FEW_MESSAGES = "few_messages"
    DELIVERED = "delivered"
    DELIVERY_WITHIN_LIMITS = "delivery_within_limits"
    OPERATORS_LATER = "operators_later"
    NO_OPERATOR_STANDS_OUT = "no_operator_stands_out"
    STANDS_OUT = "stands_out"
    OPERATORS_UNKNOWN = "operators_unknown"
    OPENED = "opened"
    DELIVERY_BEYOND = "delivery_beyond"
    DELIVERY_OPEN = "delivery_open"
    BLOCKED = "blocked"
    TRIED_AGAIN = "tried_again"
    QUEUED = "queued"
    BETTER = "better"
    NOTHING_SHOWN = "nothing_shown"
    OLDER_FIGURES = "older_figures"
    WORSE = "worse"
    CANNOT_TELL = "cannot_tell"
    STOP_NEXT = "stop_next"
    STOP_NEXT_FOR_OPERATOR = "stop_next_for_operator"
    ASK_OPERATOR = "ask_operator"
    STOP_THIS = "stop_this"
    FIND_OUT_WHY_NOTHING = "find_out_why_nothing"
    CHECK_NEW_CONTACTS = "check_new_contacts"
    CHECK_SENDER = "check_sender"
    CHECK_CONSENT = "check_consent"
    CHECK_SOFT = "check_soft"
    CHECK_BOUNCES = "check_bounces"
    CHECK_WORSE = "check_worse"
    WAIT_FOR_OPEN = "wait_for_open"
    LET_MAINTENANCE = "let_maintenance"
    KEEP_COURSE = "keep_course"
    ACT_ON_NO_DIFFERENCE = "act_on_no_difference"
    KEEP_COMPARABLE = "keep_comparable"
    KEEP_WHAT_WORKED = "keep_what_worked"
    DAY_AFTER = "day_after"
    NEXT_RATE = "next_rate"
    RATE_RISK = "rate_risk"
    STILL_OPEN = "still_open"
    NEXT_SOON = "next_soon"
    WORSE_THAN_BEFORE = "worse_than_before"
    EARLY = "early"


_K = SendStatement
_FIRST, _ALWAYS, _USUAL = Weight.FIRST, Weight.ALWAYS, Weight.USUAL
_MAY_BE = "{name} is {rate}: the true one may be {beyond} {limit}."
FORMS: Mapping[SendStatement, Form] = {
    _K.BOUNCES: Form(BOUNCE_ANALYSIS, "Of {tried} tried {hard} bounced hard and {soft} softly.", _FIRST),
    _K.MOSTLY_HARD: Form(BOUNCE_ANALYSIS, "Most bounces are hard, and trying again does not help.", _USUAL),
    _K.MOSTLY_SOFT: Form(
        BOUNCE_ANALYSIS, "Most bounces are soft, and the mailboxes may take mail again later.", _USUAL
    ),
    _K.BOUNCES_WITHIN_LIMITS: Form(BOUNCE_ANALYSIS, "No bounce rate is surely beyond a limit.", _USUAL),
    _K.RUN_AWAY: Form(CONCERNS, "Bounces run away: more than {limit} of at least {fewest} messages bounced.", _FIRST),
    _K.NOTHING_TRIED: Form(CONCERNS, "No message was tried yet, so that nothing is known of the list.", _ALWAYS),
    _K.BEYOND: Form(CONCERNS, "{finding}", _ALWAYS),
    _K.COMPLAINTS_BEYOND: Form(CONCERNS, "The complaint rate is {rate}, above {limit}.", _ALWAYS),
    _K.MAY_BE_BEYOND: Form(CONCERNS, _MAY_BE),
    _K.FEW_MESSAGES: Form(CONCERNS, "No more than {tried} were tried, so that the rates say little."),
    _K.DELIVERED: Form(INSIGHTS, "Of {tried} tried {delivered} were delivered.", _FIRST),
    _K.DELIVERY_WITHIN_LIMITS: Form(INSIGHTS, "The delivery rate is not surely below a limit.", _USUAL),
    _K.OPERATORS_LATER: Form(
        INSIGHTS, "Which mail operators refused messages is known a day after the send, with its maintenance.", _USUAL
    ),
    _K.NO_OPERATOR_STANDS_OUT: Form(
        INSIGHTS, "No mail operator or domain stands out by its hard bounces so far.", _USUAL
    ),
    _K.STANDS_OUT: Form(TECHNICAL, "More than is usual: {finding}.", _ALWAYS),
    _K.OPERATORS_UNKNOWN: Form(TECHNICAL, "Whether a mail operator stands out could not be read.", _ALWAYS),
    _K.OPENED: Form(INSIGHTS, "So far {opened} were opened."),
    _K.DELIVERY_BEYOND: Form(TECHNICAL, "{finding}", _ALWAYS),
    _K.DELIVERY_OPEN: Form(TECHNICAL, _MAY_BE),
    _K.BLOCKED: Form(TECHNICAL, "Blocked by our fault or by Mailjet: {messages}.", _ALWAYS),
    _K.TRIED_AGAIN: Form(TECHNICAL, "Being tried again, and may still arrive: {messages}.", _ALWAYS),
    _K.QUEUED: Form(TECHNICAL, "Still to be tried: {messages}.", _ALWAYS),
    _K.BETTER: Form(INSIGHTS, "Against {other}: {figure} {points} {direction}, to the better.", _USUAL),
    _K.NOTHING_SHOWN: Form(INSIGHTS, "Against {other} no difference is more than chance explains.", _ALWAYS),
    _K.OLDER_FIGURES: Form(
        INSIGHTS,
        "The figures of {other} were counted a day after it or later: only what is known at once is compared.",
    ),
    _K.WORSE: Form(CONCERNS, "Against {other}: {figure} {points} {direction}, to the worse.", _ALWAYS),
    _K.CANNOT_TELL: Form(INSIGHTS, "{figure} against {other}: cannot tell ({low} to {high} points)."),
    _K.STOP_NEXT: Form(
        RECOMMENDATIONS,
        "Take the campaign of {at} back at Mailjet until it is known why so many messages bounced.",
        _FIRST,
    ),
    _K.STOP_NEXT_FOR_OPERATOR: Form(
        RECOMMENDATIONS,
        "Take the campaign of {at} back at Mailjet until it is known why so many messages bounced at {where}.",
        _FIRST,
    ),
    _K.ASK_OPERATOR: Form(
        RECOMMENDATIONS,
        "Find out what is wrong at {where}, there or on our side: more bounced hard than usual.",
        _FIRST,
    ),
    _K.STOP_THIS: Form(RECOMMENDATIONS, "Stop this send at Mailjet if it should not go on: it has not ended.", _FIRST),
    _K.FIND_OUT_WHY_NOTHING: Form(RECOMMENDATIONS, "Look at Mailjet why no message was tried yet.", _FIRST),
    _K.CHECK_NEW_CONTACTS: Form(
        RECOMMENDATIONS,
        "Look where the newest contacts of {list} come from: its hard bounce rate is surely above {limit}.",
        _ALWAYS,
    ),
    _K.CHECK_SENDER: Form(
        RECOMMENDATIONS,
        "Check SPF, DKIM, DMARC and the account at Mailjet: fewer than {limit} were delivered.",
        _ALWAYS,
    ),
    _K.CHECK_CONSENT: Form(
        RECOMMENDATIONS,
        "Check how the contacts of {list} agreed to be mailed: complaints are surely above {limit}.",
        _ALWAYS,
    ),
    _K.CHECK_SOFT: Form(
        RECOMMENDATIONS,
        "Read in the maintenance a day after the send why receivers refuse for now: soft bounces are surely above {limit}.",
        _ALWAYS,
    ),
    _K.CHECK_BOUNCES: Form(
        RECOMMENDATIONS,
        "Read in the maintenance a day after the send why messages bounced: the bounce rate is surely above {limit}.",
        _ALWAYS,
    ),
    _K.CHECK_WORSE: Form(
        RECOMMENDATIONS, "Find out what differed from {other} before the next round: a figure is surely worse.", _ALWAYS
    ),
    _K.WAIT_FOR_OPEN: Form(RECOMMENDATIONS, "Judge the delivery when {messages} were tried to the end.", _USUAL),
    _K.LET_MAINTENANCE: Form(
        RECOMMENDATIONS,
        "Leave hard bounces to the maintenance a day after the send, and decide in time where it asks.",
        _USUAL,
    ),
    _K.KEEP_COURSE: Form(
        RECOMMENDATIONS,
        "Go on as planned: no figure is surely beyond a limit or worse than before.",
        _USUAL,
    ),
    _K.ACT_ON_NO_DIFFERENCE: Form(
        RECOMMENDATIONS, "Act on no difference to {other}: chance explains every one of them.", _USUAL
    ),
    _K.KEEP_COMPARABLE: Form(
        RECOMMENDATIONS,
        "Keep subject and content within a cycle, so that its rounds can be held against each other.",
        _USUAL,
    ),
    _K.KEEP_WHAT_WORKED: Form(RECOMMENDATIONS, "Keep what differed from {other}: a figure is surely better.", _USUAL),
    _K.DAY_AFTER: Form(
        RECOMMENDATIONS,
        "Read the figures of the day after before you conclude: opens and clicks go on for days.",
        _USUAL,
    ),
    _K.NEXT_RATE: Form(
        PREDICTIONS,
        "If the next round is alike and as large, its {figure} rate is {low} to {high} (95 %, chance among messages alone).",
        _USUAL,
    ),
    _K.RATE_RISK: Form(RISKS, _MAY_BE, _USUAL),
    _K.STILL_OPEN: Form(RISKS, "The outcome of {messages} is still open.", _ALWAYS),
    _K.NEXT_SOON: Form(RISKS, "The next campaign is to be launched at {at}."),
    _K.WORSE_THAN_BEFORE: Form(RISKS, "A figure is surely worse than at {other}.", _ALWAYS),
    _K.EARLY: Form(RISKS, "These are first figures: bounces that come late are not among them.", _USUAL),
}
"""The closed set: a sentence for each kind."""


def statements_of(
    topic: Topic, figures: FirstFigures, rules: SendVerdicts, policy: HealthPolicy | None = None
) -> Catalogue:
    """Everything that is true of a send for one assessment, with its figures; the same for the same figures."""
    policy = policy or HealthPolicy()
    match topic:
        case Topic.LIST_QUALITY:
            return Catalogue((*_bounces(figures, policy), *_concerns(figures, policy)))
        case Topic.DELIVERY:
            return Catalogue((*_delivery(figures, policy), *_technical(figures, policy)))
        case Topic.COMPARISON:
            return Catalogue(tuple(_differences(figures)))
        case Topic.RECOMMENDATION:
            advice = (*_urgent(figures, policy), *_usual(figures, rules))
            return Catalogue((*advice, *_predictions(figures), *_risks(figures, policy)))


def _say(kind: SendStatement, about: object = "", **figures: str) -> Statement:
    return FORMS[kind].filled(kind, about, **figures)


def _messages(count: int) -> str:
    return count_text(count, "message")


def _named(limit: Limit) -> str:
    return limit.name.removeprefix("The ").replace(" ", "_")


# The list


def _bounces(figures: FirstFigures, policy: HealthPolicy) -> Iterator[Statement]:
    seen = figures.seen
    if not seen.recipients:
        return
    yield _say(
        _K.BOUNCES, tried=_messages(seen.recipients), hard=rate_text(seen.hard_rate), soft=rate_text(seen.soft_rate)
    )
    hard = Rate(seen.hard, seen.hard + seen.soft)
    if hard.low is not None and hard.low > 50:
        yield _say(_K.MOSTLY_HARD)
    if hard.high is not None and hard.high < 50:
        yield _say(_K.MOSTLY_SOFT)
    if not any(passed(bounce_limits(policy), seen)) and not runs_away(figures.counts):
        yield _say(_K.BOUNCES_WITHIN_LIMITS)


def _concerns(figures: FirstFigures, policy: HealthPolicy) -> Iterator[Statement]:
    seen, limits = figures.seen, bounce_limits(policy)
    if runs_away(figures.counts):
        yield _say(_K.RUN_AWAY, limit=limit_text(STAGES.runaway_percent), fewest=str(STAGES.runaway_from))
    if not seen.recipients:
        yield _say(_K.NOTHING_TRIED)
    for limit in passed(limits, seen):
        yield _say(_K.BEYOND, _named(limit), finding=limit.words(seen, limit.verdict))
    if (limit_percent := _complaint_limit(figures, policy)) is not None and figures.complaints is not None:
        yield _say(_K.COMPLAINTS_BEYOND, rate=figures.complaints.text, limit=limit_text(limit_percent))
    for limit in _in_doubt(figures, policy):
        yield _say(_K.MAY_BE_BEYOND, _named(limit), **_doubt(limit, seen))
    if 0 < seen.recipients < policy.few_recipients:
        yield _say(_K.FEW_MESSAGES, tried=_messages(seen.recipients))


def _complaint_limit(figures: FirstFigures, policy: HealthPolicy) -> float | None:
    """The limit above which complaints surely are, in percent; None: above none."""
    if figures.complaints is None:
        return None
    limits = {ComplaintStanding.ALERT: policy.complaint_alert, ComplaintStanding.ABOVE_TARGET: policy.complaint_target}
    return limits.get(figures.complaints.standing(policy.complaint_target, policy.complaint_alert))


def _in_doubt(figures: FirstFigures, policy: HealthPolicy) -> Iterator[Limit]:
    """The nearest limit of each bounce rate of which none is surely passed, where the true rate may be beyond it."""
    seen = figures.seen
    for of_one_rate in bounce_limits(policy):
        if any(limit.is_passed(seen) for limit in of_one_rate):
            continue
        yield from [each for each in reversed(of_one_rate) if _may_be_beyond(each, seen)][:1]


def _may_be_beyond(limit: Limit, seen: SendFigures) -> bool:
    return limit.may_be_reached(seen) or limit.may_be_passed(seen)


def _doubt(limit: Limit, seen: SendFigures) -> dict[str, str]:
    return {
        "name": limit.name,
        "rate": rate_text(limit.rate(seen)),
        "beyond": "below" if limit.is_floor else "above",
        "limit": limit_text(limit.percent),
    }


# The delivery


def _delivery(figures: FirstFigures, policy: HealthPolicy) -> Iterator[Statement]:
    counts, seen = figures.counts, figures.seen
    if seen.recipients:
        yield _say(_K.DELIVERED, tried=_messages(seen.recipients), delivered=rate_text(seen.delivery_rate))
        if not any(passed(delivery_limits(policy), figures.at_best)):
            yield _say(_K.DELIVERY_WITHIN_LIMITS)
        if counts.opened:
            yield _say(_K.OPENED, opened=rate_text(counts.rate(Figure.OPEN)))
    look = figures.early.look if figures.early is not None else Look.UNREAD
    if look is Look.UNREAD:
        yield _say(_K.OPERATORS_LATER)
    elif not _unusual(figures):
        yield _say(_K.NO_OPERATOR_STANDS_OUT)


def _technical(figures: FirstFigures, policy: HealthPolicy) -> Iterator[Statement]:
    counts, seen, limits = figures.counts, figures.seen, delivery_limits(policy)
    surely = list(passed(limits, figures.at_best))
    for number, group in enumerate(_unusual(figures), start=1):
        yield _say(_K.STANDS_OUT, number, finding=group.text(named=False))
    if figures.early is not None and figures.early.look is Look.UNREAD:
        yield _say(_K.OPERATORS_UNKNOWN)
    for limit in surely:
        yield _say(_K.DELIVERY_BEYOND, finding=limit.words(seen, limit.verdict))
    for what, count in ((_K.BLOCKED, counts.blocked), (_K.TRIED_AGAIN, counts.deferred), (_K.QUEUED, counts.queued)):
        if count:
            yield _say(what, messages=_messages(count))
    doubted = [] if surely else [each for of_one in limits for each in reversed(of_one) if _may_be_beyond(each, seen)]
    for limit in doubted[:1]:
        yield _say(_K.DELIVERY_OPEN, **_doubt(limit, seen))


def _unusual(figures: FirstFigures) -> tuple[UnusualGroup, ...]:
    """The groups that stand out, the gravest first; as many as are told."""
    return figures.early.groups[:_GROUPS_TOLD] if figures.early is not None else ()


# Against earlier sends


def _differences(figures: FirstFigures) -> Iterator[Statement]:
    for compared in figures.compared:
        other = compared.earlier.other
        shown = [each for each in compared.deltas if is_shown(each)]
        if compared.deltas and not shown:
            yield _say(_K.NOTHING_SHOWN, other.value, other=other.label)
        for each in shown:
            kind = _K.WORSE if is_worse(each) else _K.BETTER
            yield _say(kind, _about(compared, each), **_difference(compared, each), direction=each.direction.value)
        if not compared.earlier.counts.is_early:
            yield _say(_K.OLDER_FIGURES, other.value, other=other.label)
        for each in compared.deltas:
            if each.direction is Direction.CANNOT_TELL:
                yield _say(
                    _K.CANNOT_TELL,
                    _about(compared, each),
                    figure=each.figure.label,
                    other=other.label,
                    low=f"{each.low:+.1f}",
                    high=f"{each.high:+.1f}",
                )


def _about(compared: Compared, delta: Delta) -> str:
    return f"{compared.earlier.other.value}_{delta.figure.value}"


def _difference(compared: Compared, delta: Delta) -> dict[str, str]:
    return {"other": compared.earlier.other.label, "figure": delta.figure.label.lower(), "points": delta.text}


# What to do

_FOR_LIMIT: Mapping[str, SendStatement] = {
    "hard_bounce_rate": _K.CHECK_NEW_CONTACTS,
    "soft_bounce_rate": _K.CHECK_SOFT,
    "bounce_rate": _K.CHECK_BOUNCES,
}


def _urgent(figures: FirstFigures, policy: HealthPolicy) -> Iterator[Statement]:
    """What the figures surely ask for, the gravest first."""
    seen = figures.seen
    unusual = _unusual(figures)
    if is_alarm(figures.counts, figures.early):
        if figures.is_sending:
            yield _say(_K.STOP_THIS)
        if figures.next_at is not None and runs_away(figures.counts):
            yield _say(_K.STOP_NEXT, at=instant_text(figures.next_at))
        elif figures.next_at is not None:
            at, where = instant_text(figures.next_at), unusual[0].where_unnamed
            yield _say(_K.STOP_NEXT_FOR_OPERATOR, at=at, where=where)
    if unusual:
        yield _say(_K.ASK_OPERATOR, where=unusual[0].where_unnamed)
    if not seen.recipients:
        yield _say(_K.FIND_OUT_WHY_NOTHING)
    for limit in passed(bounce_limits(policy), seen):
        yield _say(_FOR_LIMIT[_named(limit)], list=figures.list_label, limit=limit_text(limit.percent))
    for limit in passed(delivery_limits(policy), figures.at_best):
        yield _say(_K.CHECK_SENDER, limit=limit_text(limit.percent))
    if (complaints := _complaint_limit(figures, policy)) is not None:
        yield _say(_K.CHECK_CONSENT, list=figures.list_label, limit=limit_text(complaints))
    for compared in figures.compared:
        if any(map(is_worse, compared.deltas)):
            other = compared.earlier.other
            yield _say(_K.CHECK_WORSE, other.value, other=other.label)


def _usual(figures: FirstFigures, rules: SendVerdicts) -> Iterator[Statement]:
    """What is worth doing after any send."""
    open_messages = _open(figures)
    # Where something speaks against going on, it recommends something above: there are three in any case.
    is_worse_than_any = any(is_worse(one) for each in figures.compared for one in each.deltas)
    if rules.quality.is_fine and rules.performance.is_fine and not is_worse_than_any:
        yield _say(_K.KEEP_COURSE)
    if open_messages:
        yield _say(_K.WAIT_FOR_OPEN, messages=_messages(open_messages))
    if figures.seen.hard:
        yield _say(_K.LET_MAINTENANCE)
    for compared in figures.compared:
        other = compared.earlier.other
        shown = [each for each in compared.deltas if is_shown(each)]
        if shown and not any(map(is_worse, shown)):
            yield _say(_K.KEEP_WHAT_WORKED, other.value, other=other.label)
        if compared.deltas and not shown:
            yield _say(_K.ACT_ON_NO_DIFFERENCE, other.value, other=other.label)
    yield _say(_K.KEEP_COMPARABLE)
    yield _say(_K.DAY_AFTER)


def _open(figures: FirstFigures) -> int:
    return figures.counts.queued + figures.counts.deferred


def _predictions(figures: FirstFigures) -> Iterator[Statement]:
    seen = figures.seen
    rates = [("bounce", seen.bounce_rate), ("hard bounce", seen.hard_rate)]
    if not figures.counts.deferred:
        # While messages are tried again, their delivery rate is too low for a forecast.
        rates.insert(0, ("delivery", seen.delivery_rate))
    for name, rate in rates:
        ends = predicted(rate)
        if ends is not None and rate.percent is not None:
            _, low, high = interval_ends(rate.percent, *ends)
            yield _say(_K.NEXT_RATE, name.replace(" ", "_"), figure=name, low=f"{low:g} %", high=f"{high:g} %")


def predicted(rate: Rate) -> tuple[float, float] | None:
    """Where the same rate of another round of this size lies with 95 %, in percent; None: nothing was tried."""
    if rate.percent is None or rate.low is None or rate.high is None:
        return None
    wider = math.sqrt(2)
    low = rate.percent - wider * (rate.percent - rate.low)
    high = rate.percent + wider * (rate.high - rate.percent)
    return max(low, 0.0), min(high, 100.0)


def _risks(figures: FirstFigures, policy: HealthPolicy) -> Iterator[Statement]:
    for compared in figures.compared:
        if any(map(is_worse, compared.deltas)):
            other = compared.earlier.other
            yield _say(_K.WORSE_THAN_BEFORE, other.value, other=other.label)
    if open_messages := _open(figures):
        yield _say(_K.STILL_OPEN, messages=_messages(open_messages))
    for limit in _in_doubt(figures, policy):
        yield _say(_K.RATE_RISK, _named(limit), **_doubt(limit, figures.seen))
    if figures.next_at is not None:
        yield _say(_K.NEXT_SOON, at=instant_text(figures.next_at))
    yield _say(_K.EARLY)
