"""The report of a wrap-up: a card of the first figures with their picture, comparisons below it; and the alarm of bounces that
run away, of all messages or at a mail operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.campaign_stages.assessment_report import SendReport
from list_pipeline.core.campaign_stages.assessment_statements import Topic
from list_pipeline.core.campaign_stages.early_incidents import EarlyIncidents, Look, is_alarm
from list_pipeline.core.campaign_stages.policy import STAGES
from list_pipeline.core.campaign_stages.wrapup import Compared, Delta, Direction, Figure, SendCounts, runs_away
from list_pipeline.core.campaign_stages.wrapup_picture import NAMES, rate_charts
from list_pipeline.core.campaigns.next_campaign import NextCampaign, next_campaign_text
from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import Block, Mrkdwn, SlackMessage, compose, section, with_blocks
from list_pipeline.core.wording import count_text, instant_text, limit_text, rate_text

_ON_THE_CARD = (Figure.DELIVERY, Figure.BOUNCE, Figure.HARD_BOUNCE, Figure.OPEN)


@dataclass(frozen=True, slots=True)
class WrapupFacts:
    """A send at its wrap-up.

    Attributes:
        began_at: when Mailjet began to send (UTC).
        is_sending: it has not ended yet.
        expected: recipients expected by the validation or our rows; None: not known.
        next_campaign: the one that is scheduled next; None: there is none.
        report: what rules and advisors make of it.
        early: the mail operators that stand out; None: nobody looked.
    """

    campaign_key: str
    name: str
    list_label: str
    began_at: datetime
    is_sending: bool
    counts: SendCounts
    expected: int | None
    compared: Sequence[Compared]
    next_campaign: NextCampaign | None
    report: SendReport | None = None
    early: EarlyIncidents | None = None


def wrapup_message(facts: WrapupFacts) -> SlackMessage:
    """The report of a wrap-up."""
    counts, early = facts.counts, facts.early
    lines = [
        compose(
            "*{name}* to {label}: begun at {at}, {count} {state}.",
            name=facts.name,
            label=facts.list_label,
            at=instant_text(facts.began_at),
            count=count_text(counts.attempted, "message"),
            state="tried so far" if facts.is_sending or counts.queued else "sent",
        )
    ]
    if counts.queued:
        lines.append(compose("{n} still to be tried.", n=f"{counts.queued:,}"))
    if early is not None and (early.groups or early.look is Look.UNREAD):
        lines += [compose("{found}", found=sentence) for sentence in early.sentences]
    lines += [line for compared in facts.compared if (line := _shown(compared)) is not None]
    if facts.report is not None:
        lines.append(compose("{summary}", summary=facts.report.summary))
    message = alert(
        _headline(facts),
        lines,
        level=AlertLevel.CRITICAL if is_alarm(facts.counts, facts.early) else None,
        facts=[(figure.label, rate_text(counts.rate(figure))) for figure in _ON_THE_CARD],
        what_to_do=_what_to_do(facts) if is_alarm(facts.counts, facts.early) else [],
        about=facts.campaign_key,
        below=_details(facts),
    )
    if pictured := _pictured(facts):
        message = with_blocks(message, pictured)
    if facts.report is None or message.details is None:
        return message
    return message._replace(details=with_blocks(message.details, [section(_assessments(facts.report))]))


def _headline(facts: WrapupFacts) -> str:
    if runs_away(facts.counts):
        return "Bounces Run Away"
    if facts.early is not None and facts.early.groups:
        return f"Unusual Bounces at {facts.early.where}"
    return "🏁 Campaign Wrap-Up"


_BESIDE = (Figure.BOUNCE, Figure.HARD_BOUNCE, Figure.DELIVERY)


def _pictured(facts: WrapupFacts) -> list[Block]:
    """The rates as charts; below them what a chart cannot show: the intervals of the earlier sends."""
    charts = rate_charts(facts.counts, facts.compared)
    lines = [
        compose(
            "• {name}: {rates}",
            name=NAMES[compared.earlier.other],
            rates=", ".join(
                f"{figure.label.lower()} {rate_text(compared.earlier.counts.rate(figure))}" for figure in _BESIDE
            ),
        )
        for compared in facts.compared
        if compared.deltas
    ]
    return [*charts, section([Mrkdwn("*Earlier sends, with their intervals (95 %)*"), *lines])] if lines else charts


_TITLES = {
    Topic.LIST_QUALITY: "List Quality",
    Topic.DELIVERY: "Delivery",
    Topic.COMPARISON: "Trend",
    Topic.RECOMMENDATION: "Recommendations",
}


def _assessments(report: SendReport) -> list[Mrkdwn]:
    """The assessments, each below its title and verdict."""
    lines: list[Mrkdwn] = []
    for each in report.assessments:
        verdict = f": {each.verdict}" if each.verdict else ""
        lines.append(compose("*{title}{verdict}*", title=_TITLES[each.topic], verdict=verdict))
        lines += [compose("• {sentence}", sentence=sentence) for sentence in each.sentences]
    return lines


def _shown(compared: Compared) -> Mrkdwn | None:
    """What a comparison shows, in one line; None where it shows nothing."""
    told = [_told(one) for one in compared.deltas if one.direction is not Direction.CANNOT_TELL]
    if not told:
        return None
    return compose("Against {other}: {differences}.", other=compared.earlier.other.label, differences=", ".join(told))


def _told(delta: Delta) -> str:
    return f"{delta.figure.label.lower()} {delta.text} {delta.direction.value}"


def _what_to_do(facts: WrapupFacts) -> list[Mrkdwn]:
    lines = []
    if runs_away(facts.counts):
        limit = limit_text(STAGES.runaway_percent)
        lines.append(compose("More than {limit} bounced: find out why before the next round.", limit=limit))
    if facts.early is not None and facts.early.groups:
        lines.append(
            compose(
                "Find out what is wrong at {where}, there or on our side: the next round would meet it too.",
                where=facts.early.where,
            )
        )
    if facts.is_sending:
        lines.append(Mrkdwn("Mailjet is still sending: stop it there if it should not go on."))
    if (coming := facts.next_campaign) is not None:
        at = instant_text(coming.at)
        lines.append(
            compose("{key} is to be launched at {at}; take it back at Mailjet to pause it.", key=coming.key, at=at)
        )
    return lines


def _details(facts: WrapupFacts) -> list[Mrkdwn]:
    counts = facts.counts
    lines = [
        compose("• {label}: {rate}", label=figure.label, rate=rate_text(counts.rate(figure)))
        for figure in Figure
        if figure not in _ON_THE_CARD
    ]
    lines.append(compose("• Blocked by our fault or Mailjet: {n}", n=f"{counts.blocked:,}"))
    lines.append(compose("• Being tried again: {n}", n=f"{counts.deferred:,}"))
    if facts.early is not None and facts.early.look is not Look.UNREAD and not facts.early.groups:
        lines += [compose("• {found}", found=sentence) for sentence in facts.early.sentences]
    if facts.expected is not None:
        lines.append(
            compose("• Recipients: {n}, expected {expected}", n=f"{counts.processed:,}", expected=f"{facts.expected:,}")
        )
    for compared in facts.compared:
        lines += _lines(compared)
    lines.append(compose("*Next campaign* {next}", next=next_campaign_text(facts.next_campaign)))
    return lines


def _lines(compared: Compared) -> list[Mrkdwn]:
    earlier = compared.earlier
    age = (
        ""
        if earlier.counts.is_early
        else "; its figures were counted a day after it or later, so only what is known at once is compared"
    )
    head = compose("*Against {other}* ({name}){age}", other=earlier.other.label, name=earlier.name, age=age)
    return [head, *(_line(one) for one in compared.deltas)]


def _line(delta: Delta) -> Mrkdwn:
    if delta.direction is Direction.CANNOT_TELL:
        return compose(
            "• {label}: cannot tell ({low} to {high} points)",
            label=delta.figure.label,
            low=f"{delta.low:+.1f}",
            high=f"{delta.high:+.1f}",
        )
    return compose(
        "• {label}: {points} {direction}",
        label=delta.figure.label,
        points=delta.text,
        direction=delta.direction.value,
    )
