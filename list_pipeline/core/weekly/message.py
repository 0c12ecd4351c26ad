"""The messages of a weekly check: the report, the critical alert, and the alert that a check failed.

Belongs here: what they say and in which order. Does not belong here: Slack's limits and escaping
(``core.messages.slack_blocks``), and the facts themselves (``facts``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.assessment import HealthAssessment
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
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
from list_pipeline.core.messages.slack_charts import sizes_chart, trend_chart
from list_pipeline.core.monitoring.complaints import standing_text
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.sections import HEALTH_ICONS, who_chose
from list_pipeline.core.weekly.facts import WeekFacts, change_text
from list_pipeline.core.weekly.figures import WeekFigures, WeekSends
from list_pipeline.core.weekly.silence import silence_text
from list_pipeline.core.wording import UNKNOWN, count_text, instant_text, limit_text, percent_text, rate_text, utc_text

_SECTION_LIMIT = 1_500
_MOST_LINES = 6
_SHOWN_ITEMS = 3
"""Action items that the card shows, the most urgent first."""
_SHOWN = (*CAMPAIGN_LISTS, ListRole.SUPPRESSION)


def weekly_message(facts: WeekFacts) -> SlackMessage:
    """The report of a week: a card with what to do, the rest in its thread. The mark at its head is ✅ only when the lists are
    balanced and nothing is urgent."""
    title = f"{'✅' if facts.is_fine else '⚠️'} Weekly List Health Check"
    report = facts.report
    summary = report.executive_summary if report is not None else ""
    blocks: list[Block] = [
        header(title),
        section([_bold(summary or "No summary was written."), *_sizes_note(facts)]),
        fields([(role.label, _size(facts.figures, role)) for role in _SHOWN]),
    ]
    items = list(_items(facts))
    if items:
        more = [Mrkdwn(f"{len(items) - _SHOWN_ITEMS} more below.")] if len(items) > _SHOWN_ITEMS else []
        blocks.append(section([Mrkdwn("*Action items*"), *items[:_SHOWN_ITEMS], *more], _SECTION_LIMIT))
    blocks += [divider(), context(_small_print(facts))]
    text = untrusted(f"{title}, week of {facts.figures.week.key}. {summary}", 1_500)
    return SlackMessage(text, blocks, _details(facts, items[_SHOWN_ITEMS:]))


def _details(facts: WeekFacts, further_items: Sequence[Mrkdwn]) -> SlackMessage:
    report, title = facts.report, f"Details: week of {facts.figures.week.key}"
    source = report.source if report is not None else AdviceSource.POLICY
    blocks: list[Block] = [header(title), *_charts(facts)]
    parts: Sequence[tuple[str, Sequence[Mrkdwn]]] = (
        ("Health of the lists", list(_health(facts))),
        ("The seven days", list(_week(facts))),
        ("Against the week before", list(_comparison(facts))),
        ("What needs attention", _entries(report.concerns if report else ())),
        ("Recommendations", _entries(report.recommendations if report else ())),
        ("Further action items", further_items),
        ("Next campaign", [untrusted(facts.next_campaign)] if facts.next_campaign else []),
    )
    for name, lines in parts:
        if lines:
            blocks.append(section([compose("*{title}*", title=name), *lines], _SECTION_LIMIT))
    chosen = Mrkdwn(f"_{who_chose(source)}_")
    blocks += [divider(), context([chosen, Mrkdwn("why a contact is where it is: `list-pipeline why CONTACT`")])]
    return SlackMessage(untrusted(title, 300), blocks)


def critical_alert(facts: WeekFacts) -> SlackMessage:
    """The message that calls people, beside the report, when something is urgent."""
    urgent = [issue for issue in facts.issues if issue.urgency.pages_people]
    lines = [compose("• {what} {todo}", what=issue.text, todo=issue.action) for issue in urgent]
    return alert(
        f"{facts.urgency.value.capitalize()}: List Health Needs Attention",
        lines[:_MOST_LINES] or [Mrkdwn("The weekly report says why.")],
        level=AlertLevel.CRITICAL,
        small_print=_small_print(facts),
    )


def failure_alert(week: date, stage: str, error: str, attempt: int) -> SlackMessage:
    """The message that a check failed. Nothing of the week is guessed.

    Args:
        error: without addresses and secrets, as the product's errors are.
    """
    return alert(
        "Weekly List Health Check Failed",
        [
            compose(
                "Week of {week}, attempt {attempt}: {stage}.", week=week, attempt=attempt, stage=stage.replace("_", " ")
            ),
            untrusted(error, 900),
        ],
        level=AlertLevel.CRITICAL,
        what_to_do=[
            compose(
                "To continue: `list-pipeline weekly --week {week}`, or materialize {week} of weekly_health_check in "
                "Dagster. What was measured is not measured again.",
                week=week,
            )
        ],
        small_print=[compose("Urgency: {urgency}", urgency=Urgency.CRITICAL.value)],
    )


def _bold(text: str) -> Mrkdwn:
    # An asterisk inside would end the bold part.
    return joined([Mrkdwn("*"), untrusted(text.replace("*", ""), 800), Mrkdwn("*")], "")


def _sizes_note(facts: WeekFacts) -> list[Mrkdwn]:
    return [untrusted(facts.sizes_note)] if facts.sizes_note else []


def _size(figures: WeekFigures, role: ListRole) -> str:
    size = figures.sizes.get(role)
    if size is None:
        return UNKNOWN
    contacts = count_text(size.raw, "contact")
    return contacts if role is ListRole.SUPPRESSION else f"{contacts}, {size.mailable:,} can be mailed"


def _charts(facts: WeekFacts) -> Iterator[Block]:
    """The sizes side by side, and where they went over the weeks; neither where too little is known."""
    known = {each.role.label: each.size.mailable for each in facts.figures.lists if each.size is not None}
    sizes = sizes_chart("Contacts that can be mailed", known) if known else None
    if sizes is not None:
        yield sizes
    lines = {
        role.label: [each.sizes[role].mailable if role in each.sizes else None for each in facts.weeks]
        for role in CAMPAIGN_LISTS
    }
    weeks = [each.week.key for each in facts.weeks]
    trend = trend_chart("Can be mailed, week by week", weeks, lines, x_label="week of", y_label="contacts")
    if trend is not None:
        yield trend


def _health(facts: WeekFacts) -> Iterator[Mrkdwn]:
    assessed = {each.role: each for each in facts.assessments}
    for metrics in facts.figures.lists:
        each = assessed.get(metrics.role)
        if each is None:
            yield compose("• *{list}* was not assessed", list=metrics.role.label)
            continue
        yield _of_list(each, metrics.sends)


def _of_list(health: HealthAssessment, sends: WeekSends) -> Mrkdwn:
    urgency = f", urgency {health.urgency.value}" if health.urgency is not Urgency.LOW else ""
    if sends.read is not None:
        rates = f": delivered {rate_text(sends.read.delivery_rate)}, bounced {rate_text(sends.read.bounce_rate)}"
    elif sends.unread:
        rates = ": the bounces of its campaign are not read yet"
    else:
        rates = ": nothing was sent to it in these days"
    return compose(
        "{icon} *{list}* {status}{urgency}{rates}",
        icon=HEALTH_ICONS[health.status],
        list=health.role.label,
        status=health.status.value,
        urgency=urgency,
        rates=rates,
    )


def _week(facts: WeekFacts) -> Iterator[Mrkdwn]:
    figures, done = facts.figures, facts.figures.activity
    sent = figures.all_sends
    yield compose(
        "{start} to {end}: {campaigns} sent{read}{unread}",
        start=utc_text(figures.week.starts_after),
        end=instant_text(figures.week.due_at),
        campaigns=count_text(done.campaigns_sent, "campaign"),
        read=f", the bounces of {count_text(sent.recipients, 'recipient')} are read" if sent is not None else "",
        unread=f", those of {count_text(figures.unread, 'campaign')} not yet" if figures.unread else "",
    )
    yield compose(
        "• Average bounce rate {bounce}, delivery rate {delivery}",
        bounce=rate_text(figures.bounce_rate),
        delivery=rate_text(figures.delivery_rate),
    )
    if figures.complaint_rate is not None:
        said = standing_text(figures.complaint_rate)
        yield compose(
            "• Complaint rate {rate}{remark}",
            rate=figures.complaint_rate.text,
            remark=f": {said}" if said else "",
        )
    if figures.deviation_percent is not None:
        yield compose(
            "• Largest distance from the mean {deviation}, up to {tolerance} is balanced",
            deviation=percent_text(figures.deviation_percent),
            tolerance=limit_text(figures.tolerance_percent),
        )
    yield compose(
        "• {new}, {suppressed} suppressed, {moved} moved or enrolled in {plans}",
        new=count_text(done.new_contacts, "new contact"),
        suppressed=f"{done.suppressed:,}",
        moved=f"{done.rebalanced:,}",
        plans=count_text(done.rebalancings, "rebalancing"),
    )
    if facts.silence is not None:
        yield compose("• {silence}", silence=silence_text(facts.silence))


def _comparison(facts: WeekFacts) -> Iterator[Mrkdwn]:
    if facts.report is not None and facts.report.week_over_week:
        yield untrusted(facts.report.week_over_week, 800)
    for change in facts.changes:
        if change.unit == "percent" and change.difference is not None:
            yield compose("• {words}", words=change_text(change))


def _entries(entries: Sequence[str]) -> list[Mrkdwn]:
    return [compose("• {entry}", entry=entry) for entry in entries[:_MOST_LINES]]


def _items(facts: WeekFacts) -> Iterator[Mrkdwn]:
    for item in (facts.report.action_items if facts.report is not None else ())[:_MOST_LINES]:
        yield compose("• [{priority}] {text}", priority=item.priority.value, text=item.text)


def _small_print(facts: WeekFacts) -> list[Mrkdwn]:
    links = facts.links
    parts = [
        compose("Health Check ID: {id}", id=links.check_id),
        compose("Week of {week}", week=facts.figures.week.key),
        compose("Urgency: {urgency}", urgency=facts.urgency.value),
    ]
    if links.app_url:
        parts.append(link(f"{links.app_url}/admin/list-health/{links.check_id}", "View Full Report"))
    if links.run_url:
        parts.append(link(links.run_url, "Dagster run"))
    if links.partition_url:
        parts.append(link(links.partition_url, "Partition"))
    return parts
