"""The end of a weekly check: its report, its row, its messages; and the whole check in order, for callers without
Dagster.

Belongs here: putting what was measured together, keeping it, sending it. Does not belong here: the measuring
(``steps``) and the words (``agents.weekly_report``, ``core.weekly.message``).

The row is written before anything is sent, and a Slack that fails changes nothing about it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import structlog

from list_pipeline.agents.weekly_report import SUBJECT, question_about_week, write_week
from list_pipeline.core.advice import ConsultationSummary
from list_pipeline.core.campaigns.next_campaign import next_campaign_text
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.slack_blocks import SlackMessage
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.reports.facts import StoredReport, stored_report
from list_pipeline.core.weekly.facts import WeekFacts, WeekLinks
from list_pipeline.core.weekly.figures import (
    WEEK,
    Week,
    WeekFigures,
    compare,
    critical_issues,
    issues_of,
    overall_urgency,
)
from list_pipeline.core.weekly.message import critical_alert, weekly_message
from list_pipeline.core.wording import limit_text, percent_text
from list_pipeline.operations.advice.advisors import keep_record, model_access
from list_pipeline.operations.campaigns.scheduled_campaigns import next_campaign
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.list_states import history as state_history
from list_pipeline.operations.messages.outbox import Delivery, deliver
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import follow_up
from list_pipeline.operations.weekly.steps import (
    WeekRun,
    assess_week,
    assessments_of,
    begin,
    compute_metrics,
    current,
    figures_kept,
    find_week,
    stage,
    take_sizes,
    tell_failure,
    week_before,
)
from list_pipeline.storage import health as health_rows
from list_pipeline.storage import weekly as weekly_rows

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WeekReport:
    """The facts of a week and the message made of them; ``advice``: how its sentences came about."""

    facts: WeekFacts
    message: SlackMessage
    advice: ConsultationSummary | None = None


@dataclass(frozen=True, slots=True)
class WeekNotified:
    """The delivery of the report's message, and of the critical alert (None: nothing was urgent)."""

    report: Delivery
    alert: Delivery | None = None


@dataclass(frozen=True, slots=True)
class WeekChecked:
    """A weekly check from beginning to end."""

    run: WeekRun
    report: WeekReport
    notified: WeekNotified


def check_week(
    services: Services, monday: date | None = None, *, run_id: str | None = None, progress: Progress = logged
) -> WeekChecked:
    """The whole check of a week. Running it again continues it, or shows what was found; nothing is measured or sent twice.

    Raises:
        RefusedError: the date is no Monday, or the check is not due yet.
        ListPipelineError: a step failed; it stands in the week's row, and people were told.
    """
    run = begin(services, monday, run_id=run_id)
    try:
        return _check(services, run, progress)
    except Exception:
        tell_failure(services, run)
        raise


def _check(services: Services, run: WeekRun, progress: Progress) -> WeekChecked:
    with stage(services, run, "sizes"):
        taken = take_sizes(services, run, progress)
        progress(f"sizes of {len(taken.sizes)} lists, {taken.requests} requests" if taken.sizes else taken.note)
    with stage(services, run, "metrics"):
        compute_metrics(services, run)
    with stage(services, run, "assessments"):
        assess_week(services, run)
    with stage(services, run, "report"):
        report = write_report(services, run)
    with stage(services, run, "row"):
        record(services, run, report)
    note_list_states(services, run)
    with stage(services, run, "notification"):
        notified = notify(services, run, report)
    return WeekChecked(run, report, notified)


def note_list_states(services: Services, run: WeekRun) -> None:
    """The lists were looked at in this week. A fault in noting it changes nothing about the check: it is logged."""
    for role in CAMPAIGN_LISTS:
        follow_up(
            "noting the states of the lists",
            partial(state_history.note_monitored, services, role, run.week.monday),
            week=run.week.key,
        )


def facts_of(services: Services, run: WeekRun) -> WeekFacts:
    """The facts of a week from its stored rows. ``report`` is left out."""
    run = current(services, run.week.monday)
    with services.database.begin() as connection:
        stored = health_rows.stored_assessments(connection, run.partition)
    figures, settings = figures_kept(services, run.week), services.settings
    assessments = assessments_of(stored)
    issues = issues_of(figures, assessments)
    if run.row.is_over and run.row.week_over_week is not None:
        # The week before may have been checked later than this one: what was compared then stays.
        changes = run.row.week_over_week
    else:
        changes = compare(figures, week_before(services, run.week))
    urgency = (
        Urgency(run.row.urgency)
        if run.row.is_over and run.row.urgency
        else overall_urgency(assessments, [each.rules_urgency for each in stored], issues)
    )
    return WeekFacts(
        figures=figures,
        assessments=assessments,
        changes=changes,
        issues=issues,
        urgency=urgency,
        links=WeekLinks(
            run.row.check_id,
            run.row.run_id or "",
            settings.app_url,
            f"{settings.dagster_url}/runs/{run.row.run_id}" if settings.dagster_url and run.row.run_id else None,
            f"{settings.dagster_url}/assets/weekly_report?partition={run.week.key}" if settings.dagster_url else None,
        ),
        sizes_note=run.row.sizes_note,
        weeks=recorded_weeks(services, run.week),
        silence=run.row.silence,
        next_campaign=_next_campaign(services, run),
    )


def _next_campaign(services: Services, run: WeekRun) -> str:
    """The campaign that was scheduled next when the week was checked; empty where that was late, and where it is not known."""
    if run.row.is_over or not run.is_current:
        return run.row.next_campaign or ""
    with services.database.begin() as connection:
        return next_campaign_text(next_campaign(connection, services.clock.now()))


def write_report(services: Services, run: WeekRun) -> WeekReport:
    """The report of the week. As long as the figures are the same, the sentences that were written first are kept."""
    facts = facts_of(services, run)
    run = current(services, run.week.monday)
    kept = run.row.weekly_report
    if kept is None or (not run.row.is_over and kept.results != question_about_week(facts).hash):
        kept = _write(services, run, facts)
        with services.database.begin() as connection:
            weekly_rows.keep_report(connection, run.week.monday, kept)
    with services.database.begin() as connection:
        weekly_rows.note_next_campaign(connection, run.week.monday, facts.next_campaign)
    facts = replace(facts, report=kept.as_written)
    return WeekReport(facts, weekly_message(facts), kept.advice)


def _write(services: Services, run: WeekRun, facts: WeekFacts) -> StoredReport:
    written = write_week(model_access(services, run.partition, since=run.row.executed_at), facts)
    keep_record(services, run.partition, written.recorded, asdict(written.report), subject=SUBJECT)
    return stored_report(written.report, written.recorded)


def record(services: Services, run: WeekRun, report: WeekReport) -> int:
    """End the check: its figures and conclusions in the week's row. Returns the row's number.

    Raises:
        StateChangedError: another run of the same week ended it at the same moment.
    """
    facts, row = report.facts, current(services, run.week.monday).row
    if not row.is_over:
        with services.database.begin() as connection:
            weekly_rows.finish(connection, row, services.clock.now(), **_columns(facts))
        log.info(
            "weekly health check completed",
            week=run.week.key,
            check_id=row.check_id,
            urgency=facts.urgency.value,
            critical_issues=critical_issues(facts.issues),
            total_issues=len(facts.issues),
            next_week=(run.week.monday + WEEK).isoformat(),
        )
    return row.check_id


def _columns(facts: WeekFacts) -> dict[str, Any]:
    """What the week's row holds of its facts."""
    figures = facts.figures
    raw = {role: size.raw for role, size in figures.sizes.items()}
    bounce, delivery = figures.bounce_rate, figures.delivery_rate
    return {
        "master_list_size": raw.get(ListRole.MASTER),
        "campaign_list_1_size": raw.get(ListRole.CAMPAIGN_1),
        "campaign_list_2_size": raw.get(ListRole.CAMPAIGN_2),
        "campaign_list_3_size": raw.get(ListRole.CAMPAIGN_3),
        "suppression_list_size": raw.get(ListRole.SUPPRESSION),
        "balance_deviation": figures.deviation_percent,
        "is_balanced": figures.is_balanced,
        "average_bounce_rate": None if bounce is None else bounce.percent,
        "average_delivery_rate": None if delivery is None else delivery.percent,
        "critical_issue_count": critical_issues(facts.issues),
        "total_issue_count": len(facts.issues),
        "urgency": facts.urgency.value,
        "health_assessments": [each.as_json() for each in facts.assessments],
        "action_items": [asdict(item) for item in (facts.report.action_items if facts.report is not None else ())],
        "week_over_week": [{**asdict(each), "difference": each.difference} for each in facts.changes],
    }


def notify(services: Services, run: WeekRun, report: WeekReport) -> WeekNotified:
    """Send the report, and below it the alert where something is urgent: each once, whoever asks again. No failure of Slack
    is raised: what did not arrive stays in the outbox, and the row says so."""
    thread = keys.week_thread(run.week.monday)
    sent = deliver(
        services,
        keys.weekly_report(run.week.monday),
        report.message,
        health_check_id=run.row.check_id,
        thread_key=thread,
    )
    alert = None
    if report.facts.urgency.pages_people:
        message = critical_alert(report.facts)
        alert = deliver(
            services, keys.weekly_alert(run.week.monday), message, thread_key=thread, important=True, broadcast=True
        )
    log.info("weekly messages sent", week=run.week.key, report=sent.state, alert=alert.state if alert else "none")
    return WeekNotified(sent, alert)


def recorded_weeks(services: Services, until: Week, most: int = 12) -> tuple[WeekFigures, ...]:
    """The figures of the last weeks that were checked, oldest first, up to one that may still be under way."""
    with services.database.begin() as connection:
        known = weekly_rows.latest_checks(connection, until.monday - (most - 1) * WEEK)
    mondays = [
        monday for monday, row in known.items() if monday <= until.monday and (row.is_over or monday == until.monday)
    ]
    return tuple(figures_kept(services, find_week(services, monday)) for monday in mondays)


# What the checks say


def lists_are_balanced(facts: WeekFacts) -> CheckResult:
    """The three campaign lists are balanced within LIST_BALANCE_THRESHOLD."""
    figures = facts.figures
    if figures.is_balanced is None or figures.deviation_percent is None:
        return CheckResult(False, facts.sizes_note or "The lists are empty.", is_serious=False)
    deviation, tolerance = percent_text(figures.deviation_percent), limit_text(figures.tolerance_percent)
    words = f"One list is {deviation} from the mean; up to {tolerance} is balanced"
    return CheckResult(figures.is_balanced, words, is_serious=False)


def no_list_is_urgent(facts: WeekFacts) -> CheckResult:
    """Nothing about the lists calls for people at once: no urgency of high or critical."""
    urgent = [issue.text for issue in facts.issues if issue.urgency.pages_people]
    words = " ".join(urgent) or f"The urgency of the week is {facts.urgency.value}."
    return CheckResult(not facts.urgency.pages_people, words, is_serious=False)


def averages_are_known(facts: WeekFacts) -> CheckResult:
    """The bounce and delivery rates of the week's campaigns are known, where any were sent."""
    figures = facts.figures
    if not figures.activity.campaigns_sent:
        return CheckResult(True, "No campaign was sent, so there is no rate.", is_serious=False)
    read = 0 if figures.all_sends is None else figures.all_sends.campaigns
    words = f"The bounces of {read} of {figures.activity.campaigns_sent} campaigns are read"
    return CheckResult(bool(read) and not figures.unread, words, is_serious=False)


def every_size_is_known(facts: WeekFacts) -> CheckResult:
    """The sizes of the five lists were measured in the week itself."""
    words = facts.sizes_note or f"The sizes of {len(facts.figures.sizes)} lists were taken when the check was due"
    return CheckResult(bool(facts.figures.sizes), words, is_serious=False)


WEEK_RULES = (lists_are_balanced, no_list_is_urgent, averages_are_known, every_size_is_known)
