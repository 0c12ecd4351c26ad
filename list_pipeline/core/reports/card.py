"""The card of a maintenance: what happened or would happen, what waits, and how to decide, as short as a phone shows it.

Belongs here: what whoever reads nothing else has to know, first. Does not belong here: the details below it (``message``), the
commands for what waits (``core.reviews.messages``), Slack's limits and escaping (``core.messages.slack_blocks``).

Planned and executed figures are never mixed: a count that is shown as done was confirmed at Mailjet, and what waits or was
only looked at is told in the conditional (``facts.Standing``).
"""

from __future__ import annotations

from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import (
    Block,
    Mrkdwn,
    SlackMessage,
    compose,
    context,
    divider,
    fields,
    header,
    joined,
    link,
    section,
    untrusted,
)
from list_pipeline.core.monitoring.complaints import ComplaintRate, ComplaintStanding, standing_text
from list_pipeline.core.reports.facts import MaintenanceFacts, Metric, key_metrics
from list_pipeline.core.reports.sections import MOST_ENTRIES, taken_back
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.wording import count_text, instant_text, share_percent_text

WAITING = "*Why it waits:*"
"""How the section begins below which stands what a person has to do."""
_SECTION_LIMIT = 900
_REASON_LIMIT = 360
"""Characters of why a plan waits; the whole reason stands with the plan."""
_FALLBACK_LIMIT = 1_500
_POLICY = SuppressionPolicy()
_FIGURES = (
    Metric.CONTACTS_SUPPRESSED,
    Metric.CONTACTS_REBALANCED,
    Metric.HELD_FOR_REVIEW,
    Metric.FAILED_SUPPRESSIONS,
)
"""What every card shows; the last two where there are any."""

_TITLES = {
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

_PAST = "🗄️ Past Campaign Looked At"
_NO_NEWS_OF_THE_PAST = (RunStatus.SUCCESS, RunStatus.READ_ONLY)
"""Statuses of a past campaign that ask nobody for anything."""
_LAPSED = "⌛ Post-Campaign List Maintenance: Nobody Decided, Nothing Is Done"
_STOPPED_MIDWAY = "⛔ Post-Campaign List Maintenance Stopped Before Its End"
"""Lists may not be changed any more, and some were: what was half done goes on when they may."""


def card(facts: MaintenanceFacts, details: SlackMessage | None = None) -> SlackMessage:
    """The card, and below it its details."""
    title, figures = card_title(facts), card_figures(facts)
    summary = "; ".join(f"{label}: {value}" for label, value in figures[:2])
    blocks: list[Block] = [header(title), section(_campaign(facts), _SECTION_LIMIT), fields(figures)]
    if concern := _first_concern(facts, has_details=details is not None):
        blocks.append(section(concern, _SECTION_LIMIT))
    for name, lines in (
        ("Taken back", taken_back(facts)),
        ("What happens next", _attempt(facts)),
    ):
        if lines:
            blocks.append(section([compose("*{title}*", title=name), *lines], _SECTION_LIMIT))
    if waiting := _waiting(facts):
        blocks.append(section(waiting, _SECTION_LIMIT))
    text = untrusted(f"{title}. {facts.campaign_name}. {summary}", _FALLBACK_LIMIT)
    return SlackMessage(text, [*blocks, divider(), context(_small_print(facts))], details)


def is_news_of_the_past(facts: MaintenanceFacts) -> bool:
    """Whether it is about a past campaign and asks nobody for anything."""
    return facts.judged_as_of is not None and facts.status in _NO_NEWS_OF_THE_PAST


def past_campaigns_message() -> SlackMessage:
    """What the reports of past campaigns stand below, so that a backfill is one message in the channel."""
    return alert(
        "🗄️ Past Campaigns Are Looked At",
        [Mrkdwn("One card each follows in this thread. What a person has to decide is a message of its own.")],
    )


def card_title(facts: MaintenanceFacts) -> str:
    """The first line: how the maintenance stands."""
    if is_news_of_the_past(facts):
        return _PAST
    if facts.attempt is not None and facts.attempt.gave_up:
        return "🚨 Post-Campaign List Maintenance Gave Up"
    if facts.attempt is not None and facts.attempt.waits_for_log:
        return "⏳ Post-Campaign List Maintenance Waits for Mailjet's Log"
    if facts.status is RunStatus.PARTIAL_SUCCESS and not _suppression_incomplete(facts):
        return "⚠️ Post-Campaign List Maintenance Partly Complete"
    attempt = facts.attempt
    if facts.status is RunStatus.READ_ONLY and attempt is not None and (attempt.confirmed or attempt.half_done):
        return _STOPPED_MIDWAY
    if facts.status is RunStatus.REJECTED and not facts.is_rejected:
        return _LAPSED
    return _TITLES[facts.status]


def _suppression_incomplete(facts: MaintenanceFacts) -> bool:
    return facts.suppression.confirmed_total < facts.suppression.planned_total


def card_figures(facts: MaintenanceFacts) -> tuple[tuple[str, str], ...]:
    """Label and value of the figures that every card shows."""
    known = key_metrics(facts)
    return tuple((known[name].label, known[name].value) for name in _FIGURES if name in known)


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
            compose(
                "A past campaign, judged by what was known at {when}. {rebalancing}",
                when=instant_text(facts.judged_as_of),
                rebalancing=facts.rebalancing.not_begun,
            )
        )
    if facts.complaint_rate is not None and _is_told(facts.complaint_rate):
        lines.append(
            compose(
                "Complaint rate {rate}{remark}",
                rate=facts.complaint_rate.text,
                remark=complaint_remark(facts.complaint_rate),
            )
        )
    return lines


def _first_concern(facts: MaintenanceFacts, *, has_details: bool) -> list[Mrkdwn]:
    concerns = facts.report.concerns if facts.report is not None else ()
    if not concerns:
        return []
    # Those that the details name; all of them stand on the page.
    further = len(concerns[:MOST_ENTRIES]) - 1 if has_details else 0
    more = f"({count_text(further, 'further concern')} below)" if further else ""
    return [compose("{mark} {concern} {more}", mark=AlertLevel.WARNING.value, concern=concerns[0][:300], more=more)]


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


def _is_told(rate: ComplaintRate) -> bool:
    """Whether so many complained that whoever reads nothing else has to know."""
    standing = rate.standing(_POLICY.complaint_target_percent, _POLICY.complaint_alert_percent)
    return standing in (ComplaintStanding.ABOVE_TARGET, ComplaintStanding.ALERT)


def complaint_remark(rate: ComplaintRate) -> str:
    """What a complaint rate means, behind a colon; empty where it is as it should be."""
    said = standing_text(rate, _POLICY.complaint_target_percent, _POLICY.complaint_alert_percent)
    return f": {said}" if said else ""


def _waiting(facts: MaintenanceFacts) -> list[Mrkdwn]:
    if facts.status is not RunStatus.PENDING_REVIEW:
        return []
    reason = facts.review_reason or "A safety rule asks for a person's decision"
    return [joined([Mrkdwn(WAITING), untrusted(reason, _REASON_LIMIT)], " ")]


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
    return parts
