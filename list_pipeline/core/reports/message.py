"""The maintenance report: from facts to the Slack message.

Belongs here: what the message says, in which order, in words that a marketer understands. Does not belong here: Slack's
limits and escaping (``core.messages.slack_blocks``), and the facts themselves (``facts``).

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
    link,
    section,
    untrusted,
)
from list_pipeline.core.monitoring.complaints import ComplaintRate, standing_text
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
    SuppressionFacts,
    done_of,
    key_metrics,
)
from list_pipeline.core.reports.sections import assessment, attention, list_health, metric_value, taken_back
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.sender_faults.listing import FaultTrend
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.wording import WAIT, count_text, instant_text, percent_text, share_percent_text

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
    "SuppressionFacts",
    "as_text",
    "maintenance_message",
    "maintenance_report",
    "slack_message",
]

_SECTION_LIMITS = (1_000, 800, 600, 400)
"""Characters a section may take: the first with which all blocks together stay below what Slack takes."""
_ASSESSMENT = "AI Assessment"
WAITING = "Waiting for a decision"
"""Title of the section below which stands what a person has to do."""
_MOST_FIGURES = 4
"""Two that every message has, and two that matter most in this run."""
_MOST_LINES = 12
_FALLBACK_LIMIT = 1_500
_POLICY = SuppressionPolicy()

_HEADERS = {
    RunStatus.RUNNING: "🔄 Post-Campaign List Maintenance Running",
    RunStatus.SUCCESS: "🔄 Post-Campaign List Maintenance Complete",
    RunStatus.PARTIAL_SUCCESS: "⚠️ Partial suppression",
    RunStatus.FAILED: "❌ Post-Campaign List Maintenance Failed",
    RunStatus.PENDING_REVIEW: "👀 Post-Campaign List Maintenance Waits for a Person",
    RunStatus.REJECTED: "🚫 Post-Campaign List Maintenance: Plan Rejected",
    RunStatus.ROLLED_BACK: "↩️ Post-Campaign List Maintenance Rolled Back",
    RunStatus.PARTLY_ROLLED_BACK: "↩️ Post-Campaign List Maintenance Partly Rolled Back",
    RunStatus.READ_ONLY: "🔍 Post-Campaign List Maintenance: Read-Only, Nothing Was Changed",
}

_STOPPED_MIDWAY = "⛔ Post-Campaign List Maintenance Stopped Before Its End"
"""Lists may not be changed any more, and some were: what was half done goes on when they may."""

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
    "complaint": "complaints",
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
    """The report before it is laid out: header, the two main figures, sections in order, small print."""

    header: str
    figures: tuple[tuple[str, str], ...]
    sections: tuple[ReportSection, ...]
    small_print: tuple[Mrkdwn, ...]
    fallback: Mrkdwn


def maintenance_message(facts: MaintenanceFacts) -> SlackMessage:
    """The whole way: facts to a message that keeps Slack's limits."""
    return slack_message(maintenance_report(facts))


def slack_message(report: MaintenanceReport) -> SlackMessage:
    """Lay a report out in blocks; where they come out too long together, with shorter sections."""
    blocks: list[Block] = []
    for limit in _SECTION_LIMITS:
        blocks = _blocks(report, limit)
        if len(json.dumps(blocks, ensure_ascii=False)) <= ALL_BLOCKS_LENGTH:
            break
    return SlackMessage(report.fallback, blocks)


def _blocks(report: MaintenanceReport, limit: int) -> list[Block]:
    blocks: list[Block] = [header(report.header), fields(report.figures)]
    for each in report.sections:
        # The assessment is prose in few long lines: a whole line too many would take most of it away.
        room = 2 * limit if each.title == _ASSESSMENT else limit
        blocks.append(section([compose("*{title}*", title=each.title), *each.lines], room))
    return [*blocks, divider(), context(report.small_print)]


def maintenance_report(facts: MaintenanceFacts) -> MaintenanceReport:
    """Put the facts into words."""
    candidates = (
        ("Campaign", _campaign(facts)),
        ("Taken back", taken_back(facts)),
        ("What happens next", _attempt(facts)),
        (WAITING, _waiting(facts)),
        (_ASSESSMENT, assessment(facts)),
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
        ("Next campaign", [untrusted(facts.next_campaign)] if facts.next_campaign else []),
    )
    figures = _figures(facts)
    summary = "; ".join(f"{label}: {value}" for label, value in figures[:2])
    fallback = f"{_header(facts)}. {facts.campaign_name}. {summary}"
    return MaintenanceReport(
        header=_header(facts),
        figures=figures,
        sections=tuple(ReportSection(title, tuple(_capped(lines))) for title, lines in candidates if lines),
        small_print=tuple(_small_print(facts)),
        fallback=untrusted(fallback, _FALLBACK_LIMIT),
    )


def _header(facts: MaintenanceFacts) -> str:
    if facts.attempt is not None and facts.attempt.gave_up:
        return "🚨 Post-Campaign List Maintenance Gave Up"
    if facts.attempt is not None and facts.attempt.waits_for_log:
        return "⏳ Post-Campaign List Maintenance Waits for Mailjet's Log"
    if facts.status is RunStatus.PARTIAL_SUCCESS and not _suppression_incomplete(facts):
        return "⚠️ Post-Campaign List Maintenance Partly Complete"
    attempt = facts.attempt
    if facts.status is RunStatus.READ_ONLY and attempt is not None and (attempt.confirmed or attempt.half_done):
        return _STOPPED_MIDWAY
    return _HEADERS[facts.status]


def _suppression_incomplete(facts: MaintenanceFacts) -> bool:
    return facts.suppression.confirmed_total < facts.suppression.planned_total


def _figures(facts: MaintenanceFacts) -> tuple[tuple[str, str], ...]:
    """The confirmed changes, which every message names, and the further figures that the report puts first."""
    known = key_metrics(facts)
    always = (Metric.CONTACTS_SUPPRESSED, Metric.CONTACTS_REBALANCED)
    chosen = [each for each in (facts.report.key_metrics if facts.report else ()) if each.name not in always]
    shown = [*(known[name] for name in always), *chosen][:_MOST_FIGURES]
    return tuple((each.label, metric_value(each)) for each in shown)


def _campaign(facts: MaintenanceFacts) -> list[Mrkdwn]:
    bounced = sum(facts.bounces.values())
    share = f"({share_percent_text(bounced, facts.recipients)})" if facts.recipients else ""
    when = f", sent {instant_text(facts.sent_at)}" if facts.sent_at is not None else ""
    lines = [
        compose(
            "{name}, round {round} to {list}{when}",
            name=facts.campaign_name,
            round=facts.round_number,
            list=facts.list_role.label,
            when=when,
        ),
        compose(
            "{recipients}, {bounced} not delivered or complained {share}",
            recipients=f"{facts.recipients:,} recipients" if facts.recipients else "recipients not known yet",
            bounced=f"{bounced:,}",
            share=share,
        ),
    ]
    if facts.judged_as_of is not None:
        lines.append(
            compose("A past campaign, judged by what was known at {when}", when=instant_text(facts.judged_as_of))
        )
    if facts.complaint_rate is not None:
        lines.append(
            compose(
                "Complaint rate {rate}{remark}",
                rate=facts.complaint_rate.text,
                remark=_complaints(facts.complaint_rate),
            )
        )
    return lines


def _attempt(facts: MaintenanceFacts) -> list[Mrkdwn]:
    """After a failure: when it is tried again, or that it is not, what is half done, and how people continue."""
    attempt = facts.attempt
    if attempt is None:
        return []
    lines = []
    if attempt.passed_deadline:
        lines.append(
            Mrkdwn(
                "The deadline of this attempt passed: what had been begun was brought to its end, the rest was not begun."
            )
        )
    if attempt.gave_up:
        return [
            *lines,
            compose(
                "Urgency: {urgency}. Attempt {n} of {most} failed, and nothing more happens by itself.",
                urgency=attempt.urgency.value,
                n=attempt.number,
                most=attempt.most,
            ),
            compose(
                "Changes confirmed at Mailjet: {confirmed}; failed: {failed}; open: {open}, of these half done: {half_done}.",
                confirmed=f"{attempt.confirmed:,}",
                failed=f"{attempt.failed:,}",
                open=f"{attempt.open:,}",
                half_done=f"{attempt.half_done:,}",
            ),
            compose(
                "To continue: `list-pipeline show-log {log}` says what failed; repair that, then materialize {partition} of "
                "post_campaign_maintenance in Dagster, or run `list-pipeline maintain {partition}`. "
                "What was done is not done again.",
                log=facts.links.log_id,
                partition=facts.links.partition,
            ),
        ]
    if facts.status is RunStatus.READ_ONLY and attempt.stopped_because:
        lines.append(
            compose(
                "No list is changed now: {why}. The maintenance goes on by itself when lists may be changed again.",
                why=attempt.stopped_because,
            )
        )
    if facts.status is RunStatus.READ_ONLY and attempt.half_done:
        lines.append(
            compose(
                "{half_done} contacts are half done: some may stand on two lists and would get a mailing twice. Allow changes "
                "again, and they are brought to their end within a minute; until then send to none of these lists.",
                half_done=f"{attempt.half_done:,}",
            )
        )
    if attempt.waits_for_log and attempt.next_at is not None:
        lines.append(
            compose(
                "One of Mailjet's two bounce sources is late, so nothing was decided. It is read again at {when}, then hourly, "
                "for a day; after that it counts as a failure.",
                when=instant_text(attempt.next_at),
            )
        )
    elif attempt.is_away and attempt.next_at is not None:
        lines.append(
            compose(
                "Mailjet is away, still at work on a bulk job, or does not show yet who was mailed by a send that began "
                "meanwhile. Nothing is lost, and this counts as no attempt: it is looked at again at {when}, then ever more "
                "seldom, and goes on by itself. You are not told again until it does.",
                when=instant_text(attempt.next_at),
            )
        )
    elif facts.status is RunStatus.FAILED and attempt.next_at is not None:
        lines.append(
            compose(
                "Attempt {n} of {most} failed. The next one follows by itself at {when} and continues it.",
                n=attempt.number,
                most=attempt.most,
                when=instant_text(attempt.next_at),
            )
        )
    return lines


def _complaints(rate: ComplaintRate) -> str:
    said = standing_text(rate, _POLICY.complaint_target_percent, _POLICY.complaint_alert_percent)
    return f": {said}" if said else ""


def _waiting(facts: MaintenanceFacts) -> list[Mrkdwn]:
    if facts.status is not RunStatus.PENDING_REVIEW:
        return []
    reason = facts.review_reason or "A safety rule asks for a person's decision"
    return [
        untrusted(reason),
        Mrkdwn("Nothing was changed for this plan. Approve or reject it in the Dagster UI or with the command line."),
    ]


def _cleanup(facts: MaintenanceFacts) -> list[Mrkdwn]:
    suppression = facts.suppression
    lines: list[Mrkdwn] = []
    for reason in _largest_first(suppression.planned):
        planned, confirmed = suppression.planned[reason], suppression.confirmed.get(reason, 0)
        failed = suppression.failed.get(reason, 0)
        lines.append(
            compose(
                "• {reason}: {done} suppressed{failed}",
                reason=_REASONS.get(reason, reason.replace("_", " ")),
                done=f"{confirmed:,} of {planned:,}" if confirmed != planned else f"{confirmed:,}",
                failed=f", {failed:,} failed and {WAIT} to look at" if failed else "",
            )
        )
    if not lines:
        lines.append(Mrkdwn("Nobody had to be suppressed."))
    if suppression.held_for_review:
        lines.append(compose("• {n} held for a person to look at", n=f"{suppression.held_for_review:,}"))
    lines += _quarantine(facts.quarantine)
    found = ", ".join(
        f"{facts.bounces[k]:,} {_CLASSES.get(k, k.replace('_', ' '))}" for k in _largest_first(facts.bounces)
    )
    if found:
        lines.append(compose("Failures found: {found}", found=found))
    if facts.not_evidence:
        lines.append(
            compose("• {n} were not attempted at all, which says nothing about them", n=f"{facts.not_evidence:,}")
        )
    if facts.unknown:
        lines.append(compose("• {n} failed for a reason that is not clear; they stay", n=f"{facts.unknown:,}"))
    return lines


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
    if plan.moves_planned:
        lines.append(compose("• moved between lists: {n}", n=done_of(plan.moves_confirmed, plan.moves_planned, facts)))
    if plan.enrolments_planned:
        lines.append(
            compose(
                "• added from the master list: {n}",
                n=done_of(plan.enrolments_confirmed, plan.enrolments_planned, facts),
            )
        )
    if not lines:
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
                "or an entry of it cannot be read ({command}, {other}); the next maintenance plans anew",
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
    links = facts.links
    parts = [compose("Maintenance log {id}", id=links.log_id)]
    if links.app_url:
        parts.append(link(f"{links.app_url.rstrip('/')}/admin/list-management/{links.log_id}", "View Details"))
    if links.run_url:
        parts.append(link(links.run_url, "Dagster run"))
    elif links.run_id:
        parts.append(compose("run {id}", id=links.run_id[:8]))
    at = links.partition_url
    parts.append(link(at, links.partition) if at else compose("{partition}", partition=links.partition))
    parts.append(compose("mode {mode}", mode=facts.mode.replace("_", " ")))
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
