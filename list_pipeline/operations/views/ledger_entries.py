"""One attempt of the ledger, and the check of one week, with everything that people want to read about them.

Does not belong here: lists of them (``pages``), and a whole campaign (``campaign_story``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.health.assessment import HealthAssessment
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.reports.facts import ExecutiveReport
from list_pipeline.core.weekly.figures import Change
from list_pipeline.operations.access import Storing
from list_pipeline.storage import views, weekly
from list_pipeline.storage.advice import AdvicePartition
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.health import assessments
from list_pipeline.storage.monitoring import log_messages
from list_pipeline.storage.monitoring.log_messages import LogMessage
from list_pipeline.storage.runs import ledger
from list_pipeline.storage.views import CheckRow, LogRow, PlanRow

_MOST_PLANS = 50


@dataclass(frozen=True, slots=True)
class SizeChange:
    """The mailable contacts of a list before and after a maintenance; None: no snapshot was taken."""

    list: ListRole
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class MaintenanceShown:
    """One attempt at a maintenance or a validation. ``report``: None: none was written. ``messages``: what people were told."""

    log: LogRow
    report: ExecutiveReport | None
    sizes: tuple[SizeChange, ...]
    plans: tuple[PlanRow, ...]
    messages: tuple[LogMessage, ...]


@dataclass(frozen=True, slots=True)
class WeekShown:
    """The check of a week. ``sizes``: contacts of each list, None where they are not known. Rates are in percent."""

    check: CheckRow
    report: ExecutiveReport | None
    sizes: Mapping[str, int | None]
    sizes_taken_at: datetime | None
    average_bounce_rate: float | None
    average_delivery_rate: float | None
    changes: tuple[Change, ...]
    assessments: tuple[HealthAssessment, ...]
    errors: tuple[str, ...]
    attempt: int
    was_told: bool


def maintenance_shown(services: Storing, number: int) -> MaintenanceShown:
    """One attempt.

    Raises:
        NotFoundError: there is no such attempt.
    """
    with services.database.begin() as connection:
        log = next(iter(views.logs(connection, after=number + 1, most=1)), None)
        if log is None or log.number != number:
            raise NotFoundError(
                f"Reading maintenance log {number}", "there is no such attempt", "Look at the list of them"
            )
        campaign = sent_campaigns.campaign_by_key(connection, log.campaign) if log.campaign else None
        before = after = dict[ListRole, tuple[int, int]]()
        if campaign is not None and log.kind == ledger.POST_CAMPAIGN:
            before = dict(ledger.snapshot(connection, campaign.campaign_id, log.sweep, "before"))
            after = dict(ledger.snapshot(connection, campaign.campaign_id, log.sweep, "after"))
        plans = views.plans(connection, campaign=log.campaign, most=_MOST_PLANS) if log.campaign else []
        return MaintenanceShown(
            log,
            ledger.kept_report(connection, number),
            tuple(
                SizeChange(role, before[role][1] if role in before else None, after[role][1] if role in after else None)
                for role in ALL_LISTS
                if role in before or role in after
            ),
            tuple(one for one in plans if one.sweep is None or one.sweep.value == log.sweep),
            log_messages.of_log(connection, number),
        )


def week_shown(services: Storing, number: int) -> WeekShown:
    """The check of a week.

    Raises:
        NotFoundError: there is no such check.
    """
    with services.database.begin() as connection:
        check = next(iter(views.checks(connection, after=number + 1, most=1)), None)
        row = weekly.row_by_id(connection, number)
        if check is None or check.number != number or row is None:
            raise NotFoundError(f"Reading weekly check {number}", "there is no such check", "Look at the list of weeks")
        whole = weekly.check_of(connection, check.week)
        return WeekShown(
            check,
            whole.weekly_report if whole is not None else None,
            {
                ListRole.MASTER.label: row["master_list_size"],
                **{
                    role.label: row[f"{role.value.replace('campaign', 'campaign_list')}_size"]
                    for role in CAMPAIGN_LISTS
                },
                ListRole.SUPPRESSION.label: row["suppression_list_size"],
            },
            row["sizes_taken_at"],
            row["average_bounce_rate"],
            row["average_delivery_rate"],
            (whole.week_over_week or ()) if whole is not None else (),
            tuple(assessments(connection, AdvicePartition(week=check.week))),
            tuple(f"{one.get('stage', '-')}: {one.get('error', '')}" for one in row["errors"] or ()),
            row["attempt"],
            row["slack_notification_sent"],
        )
