"""The maintenance message: from facts to a short card, and the details in its thread.

Belongs here: what the details say, in which order, in words that a marketer understands. Does not belong here: the card
(``card``), Slack's limits and escaping (``core.messages.slack_blocks``), and the facts themselves (``facts``).

Planned and executed figures are never mixed: a count that is shown as done was confirmed at Mailjet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.slack_blocks import (
    ALL_BLOCKS_LENGTH,
    Block,
    Mrkdwn,
    SlackMessage,
    as_text,
    compose,
    context,
    divider,
    fields,
    header,
    section,
    untrusted,
)
from list_pipeline.core.reports.card import WAITING, card, complaint_remark
from list_pipeline.core.reports.facts import (
    AttemptFacts,
    ExecutiveReport,
    KeyMetric,
    ListChange,
    MaintenanceFacts,
    MaintenanceLinks,
    Metric,
    QuarantineFacts,
    RebalancingFacts,
    SenderFault,
    StageErrors,
    Standing,
    SuppressionFacts,
    key_metrics,
)
from list_pipeline.core.reports.sections import assessment, attention, list_health, metric_value
from list_pipeline.core.sender_faults.listing import FaultTrend
from list_pipeline.core.wording import WAIT, count_text, instant_text, percent_text

__all__ = [
    "WAITING",
    "AttemptFacts",
    "ExecutiveReport",
    "KeyMetric",
    "ListChange",
    "MaintenanceFacts",
    "MaintenanceLinks",
    "MaintenanceReport",
    "RebalancingFacts",
    "ReportSection",
    "SenderFault",
    "StageErrors",
    "Standing",
    "SuppressionFacts",
    "as_text",
    "maintenance_message",
    "maintenance_report",
    "slack_message",
]

_SECTION_LIMITS = (1_000, 800, 600, 400)
"""Characters a section may take: the first with which all blocks together stay below what Slack takes."""
_ASSESSMENT = "AI Assessment"
_MOST_FIGURES = 3
_ON_THE_CARD = (
    Metric.CONTACTS_SUPPRESSED,
    Metric.CONTACTS_REBALANCED,
    Metric.HELD_FOR_REVIEW,
    Metric.FAILED_SUPPRESSIONS,
)
_MOST_LINES = 12
_COMPLAINT = "complaint"
_UNREACHABLE = ("hard_bounce", "soft_bounce_pattern", "second_hit")
_REASONS = {
    "hard_bounce": "address does not exist",
    "soft_bounce_pattern": "failed again and again over weeks",
    "second_hit": "failed for the second time, a week or more apart",
    "complaint": "complained about spam",
    "manual": "by hand",
}

_CLASSES = {
    "hard": "permanent",
    "soft": "passing",
    "block": "refused because of the sender",
    "content": "refused because of the content",
    "complaint": "complained",
    "not_evidence": "not attempted",
    "unknown": "unclear",
}


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A title and its lines, in composed markup."""

    title: str
    lines: tuple[Mrkdwn, ...]


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """The details before they are laid out: header, figures beside those of the card, sections in order, small print."""

    header: str
    figures: tuple[tuple[str, str], ...]
    sections: tuple[ReportSection, ...]
    small_print: tuple[Mrkdwn, ...]


def maintenance_message(facts: MaintenanceFacts) -> SlackMessage:
    """The whole way: facts to a card and its details, both within Slack's limits. Of a past campaign the card is all."""
    return card(facts, None if facts.judged_as_of is not None else slack_message(maintenance_report(facts)))


def slack_message(report: MaintenanceReport) -> SlackMessage:
    """Lay the details out in blocks; where they come out too long together, with shorter sections."""
    blocks: list[Block] = []
    for limit in _SECTION_LIMITS:
        blocks = _blocks(report, limit)
        if len(json.dumps(blocks, ensure_ascii=False)) <= ALL_BLOCKS_LENGTH:
            break
    return SlackMessage(untrusted(report.header, 300), blocks)


def _blocks(report: MaintenanceReport, limit: int) -> list[Block]:
    blocks: list[Block] = [header(report.header)]
    if report.figures:
        blocks.append(fields(report.figures))
    for each in report.sections:
        # The assessment is prose in few long lines: a whole line too many would take most of it away.
        room = 2 * limit if each.title == _ASSESSMENT else limit
        blocks.append(section([compose("*{title}*", title=each.title), *each.lines], room))
    return [*blocks, divider(), context(report.small_print)]


def maintenance_report(facts: MaintenanceFacts) -> MaintenanceReport:
    """Put the facts into words."""
    candidates = (
        (_ASSESSMENT, [*assessment(facts), *_effect(facts)]),
        ("What needs attention", attention(facts)),
        ("Cleanup", _cleanup(facts)),
        ("To repair on our side", _sender_faults(facts)),
        ("Lists before and after", _lists(facts)),
        ("Rebalancing", _rebalancing(facts)),
        ("Health of the lists", list_health(facts)),
        (
            "Errors",
            [compose("• {stage}: {count}", stage=e.stage, count=f"{e.count:,}") for e in facts.errors if e.count],
        ),
        ("Shadow policy", [untrusted(facts.shadow)] if facts.shadow else []),
        ("Event API", [untrusted(facts.told)] if facts.told else []),
        ("Next campaign", [untrusted(facts.next_campaign)] if facts.next_campaign else []),
    )
    return MaintenanceReport(
        header=f"Details: {facts.campaign_name}, round {facts.round_number}",
        figures=_figures(facts),
        sections=tuple(ReportSection(title, tuple(_capped(lines))) for title, lines in candidates if lines),
        small_print=tuple(_small_print(facts)),
    )


def _figures(facts: MaintenanceFacts) -> tuple[tuple[str, str], ...]:
    """The figures beside the card's that the report puts first."""
    known = key_metrics(facts)
    chosen = [each.name for each in (facts.report.key_metrics if facts.report else ())]
    shown = [known[Metric(name)] for name in chosen if name in known and name not in _ON_THE_CARD]
    return tuple((each.label, metric_value(each)) for each in shown[:_MOST_FIGURES])


def _effect(facts: MaintenanceFacts) -> list[Mrkdwn]:
    """Whom the next rounds no longer mail and why: those who cannot be reached are not those who complained."""
    suppression = facts.suppression
    is_done = suppression.standing is not Standing.WOULD
    counted = suppression.confirmed if is_done else suppression.planned
    if not sum(counted.values()) or facts.taken_back is not None:
        return []
    total, complained = sum(counted.values()), counted.get(_COMPLAINT, 0)
    by_hand = sum(count for reason, count in counted.items() if reason not in (*_UNREACHABLE, _COMPLAINT))
    parts = [
        f"{count:,} {words}"
        for count, words in (
            (total - complained - by_hand, "that cannot be reached"),
            (complained, "who complained about spam"),
            (by_hand, "for other reasons"),
        )
        if count
    ]
    return [
        compose(
            "*Expected effect:* the next rounds {verb} {contacts}: {parts}.",
            verb="no longer mail" if is_done else "would no longer mail",
            contacts=count_text(total, "contact"),
            parts=", ".join(parts),
        )
    ]


def _cleanup(facts: MaintenanceFacts) -> list[Mrkdwn]:
    suppression = facts.suppression
    lines: list[Mrkdwn] = []
    for reason in _largest_first(suppression.planned):
        planned, confirmed = suppression.planned[reason], suppression.confirmed.get(reason, 0)
        failed = suppression.failed.get(reason, 0)
        lines.append(
            compose(
                "• {reason}: {done}{failed}",
                reason=_REASONS.get(reason, reason.replace("_", " ")),
                done=_done(confirmed, planned, suppression.standing, "suppressed", "be suppressed"),
                failed=f", {failed:,} failed and {WAIT} to look at" if failed else "",
            )
        )
    if not lines:
        lines.append(Mrkdwn("Nobody has to be suppressed."))
    if suppression.held_for_review:
        lines.append(
            compose("• {n} held until a mailing answers, or a person decides", n=f"{suppression.held_for_review:,}")
        )
    lines += _quarantine(facts.quarantine)
    if facts.complaint_rate is not None:
        lines.append(
            compose(
                "Complaint rate {rate}{remark}",
                rate=facts.complaint_rate.text,
                remark=complaint_remark(facts.complaint_rate),
            )
        )
    found = ", ".join(
        f"{facts.bounces[k]:,} {_CLASSES.get(k, k.replace('_', ' '))}" for k in _largest_first(facts.bounces)
    )
    if found:
        lines.append(compose("Failures found: {found}", found=found))
    if facts.not_evidence:
        lines.append(
            compose(
                "• {n} {was} not attempted at all, which says nothing about them",
                n=f"{facts.not_evidence:,}",
                was="was" if facts.not_evidence == 1 else "were",
            )
        )
    if facts.unknown:
        lines.append(
            compose(
                "• {n} failed for an unclear reason{disputed}; they stay",
                n=f"{facts.unknown:,}",
                disputed=_disputed(facts),
            )
        )
    return lines


def _disputed(facts: MaintenanceFacts) -> str:
    """Those whose failure only one of Mailjet's sources knows are no failures that were found, and are counted here."""
    return f", {facts.contradictions:,} of them by one of Mailjet's two sources alone" if facts.contradictions else ""


def _quarantine(kept: QuarantineFacts) -> list[Mrkdwn]:
    """Who is kept from mail, and stays on the lists."""
    until = instant_text(kept.until)
    lines = [
        compose(
            "• {n} kept from mail until {until}, because {why}; they stay on their lists",
            n=count_text(count, "contact"),
            until=until,
            why=reason.words,
        )
        for reason, count in sorted(kept.active.items())
        if count
    ]
    if kept.waiting:
        lines.append(
            compose(
                "• {n} to be kept from mail until {until}, once a person lets it through",
                n=f"{kept.waiting:,}",
                until=until,
            )
        )
    if kept.would:
        lines.append(compose("• {n} would be kept from mail until {until}", n=f"{kept.would:,}", until=until))
    return lines


def _done(confirmed: int, planned: int, standing: Standing, done: str, would: str) -> str:
    """A count of a plan as a phrase: done, or in the conditional while the plan waits, or left out after it was turned down."""
    if confirmed == planned:
        return f"{confirmed:,} {done}"
    if standing is Standing.WOULD:
        at_once = f"{confirmed:,} {done} at once, " if confirmed else ""
        return f"{at_once}{planned - confirmed:,} would {would}"
    if standing.is_turned_down:
        already = f"{confirmed:,} {done}, " if confirmed else ""
        return f"{already}{planned - confirmed:,} left out"
    return f"{confirmed:,} of {planned:,} {done}"


def _sender_faults(facts: MaintenanceFacts) -> list[Mrkdwn]:
    ordered = sorted(facts.sender_faults, key=lambda fault: (-fault.contacts, fault.operator, fault.reason))
    lines = [_refused(fault) for fault in ordered if fault.contacts]
    gone = [
        compose("• {fault}: gone, it was {before}", fault=_fault(fault), before=_numbers(fault.before))
        for fault in ordered
        if fault.trend is FaultTrend.GONE
    ]
    return [*([Mrkdwn("These contacts did nothing wrong and stay:")] if lines else []), *lines, *gone]


def _refused(fault: SenderFault) -> Mrkdwn:
    compared = ""
    if fault.trend is FaultTrend.NEW:
        compared = ", new"
    elif fault.trend is not FaultTrend.UNKNOWN:
        compared = f", {fault.trend.value} ({_numbers(fault.before)})"
    return compose(
        "• {fault}: {n} refused{compared}{advice}",
        fault=_fault(fault),
        n=f"{fault.contacts:,}",
        compared=compared,
        advice=f". {fault.advice}" if fault.advice else "",
    )


def _fault(fault: SenderFault) -> str:
    reason = fault.reason.replace("_", " ")
    return f"{reason} at {fault.operator}" if fault.operator else reason


def _numbers(counts: Sequence[int]) -> str:
    return ", ".join(f"{count:,}" for count in counts)


def _lists(facts: MaintenanceFacts) -> list[Mrkdwn]:
    lines = []
    for each in facts.lists:
        if each.role is ListRole.SUPPRESSION:
            # Nobody on it is mailed, so the one figure of it is how long it is.
            sizes = _change(each.raw_before, each.raw_after)
            lines.append(compose("• {list}: {sizes} entries", list=each.role.label, sizes=sizes))
            continue
        lines.append(
            compose(
                "• {list}: {mailable} can be mailed (all entries: {raw}){unread}",
                list=each.role.label,
                mailable=_change(each.mailable_before, each.mailable_after),
                raw=_change(each.raw_before, each.raw_after),
                unread=", not read again" if each.mailable_after is None else "",
            )
        )
    if facts.deviation_before is not None:
        after = "" if facts.deviation_after is None else f"→ {percent_text(facts.deviation_after)}"
        lines.append(
            compose(
                "Largest distance from the average: {before} {after}",
                before=percent_text(facts.deviation_before),
                after=after,
            )
        )
    return lines


def _change(before: int, after: int | None) -> str:
    return f"{before:,}" if after is None else f"{before:,} → {after:,}"


def _rebalancing(facts: MaintenanceFacts) -> list[Mrkdwn]:
    plan = facts.rebalancing
    lines: list[Mrkdwn] = []
    for confirmed, planned, done, would in (
        (plan.moves_confirmed, plan.moves_planned, "moved between lists", "be moved between lists"),
        (
            plan.enrolments_confirmed,
            plan.enrolments_planned,
            "added from the master list",
            "be added from the master list",
        ),
    ):
        if planned:
            lines.append(compose("• {n}", n=_done(confirmed, planned, plan.standing, done, would)))
    if plan.forecast is not None:
        lines.append(
            compose(
                "• on the lists as they are now, {moves} would then be moved and {enrolments} added from the master list",
                moves=f"{plan.forecast.moves:,}",
                enrolments=f"{plan.forecast.enrolments:,}",
            )
        )
    if not plan.planned and (plan.not_begun or plan.forecast is None):
        lines.append(untrusted(plan.not_begun or "No contact had to change lists."))
    if plan.met_a_send:
        lines.append(
            compose(
                "• {n} stay where they were, because a send to one of their lists is near or began meanwhile; the next "
                "maintenance plans anew",
                n=f"{plan.met_a_send:,}",
            )
        )
    if plan.list_frozen:
        lines.append(
            compose(
                "• {n} stay where they were, because one of their lists is frozen for rebalancing: others changed it at large, "
                "or an entry of it cannot be read (`{command}`, `{other}`); the next maintenance plans anew",
                n=f"{plan.list_frozen:,}",
                command="list-pipeline mass-changes",
                other="list-pipeline unreadable",
            )
        )
    if plan.deferred:
        lines.append(
            compose(
                "• {n} moves wait until this cycle has reached all three lists, so that nobody gets a campaign "
                "twice or not at all",
                n=f"{plan.deferred:,}",
            )
        )
    if plan.certificate:
        lines.append(untrusted(plan.certificate, 400))
    return lines


def _small_print(facts: MaintenanceFacts) -> list[Mrkdwn]:
    parts = []
    if facts.mailjet_requests is not None:
        parts.append(compose("{n} requests to Mailjet", n=f"{facts.mailjet_requests:,}"))
    parts.append(Mrkdwn("why a contact is where it is: `list-pipeline why CONTACT`"))
    return parts


def _largest_first(counts: Mapping[str, int]) -> list[str]:
    return [name for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) if count]


def _capped(lines: Sequence[Mrkdwn]) -> list[Mrkdwn]:
    if len(lines) <= _MOST_LINES:
        return list(lines)
    return [*lines[: _MOST_LINES - 1], compose("_and {n} more_", n=len(lines) - _MOST_LINES + 1)]
