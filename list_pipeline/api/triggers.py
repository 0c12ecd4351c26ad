"""Work that is asked for, and its rows: ``/api/list-management``. What is asked for is written down and started by a sensor."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import RowMapping

from list_pipeline.api.common import (
    After,
    IdempotencyKey,
    KeyFilter,
    Limit,
    Model,
    Number,
    Operator,
    Reader,
    shown_as,
)
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.foreign_text import LARGEST_COUNT
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.campaigns.scheduled_campaigns import key_of_campaign
from list_pipeline.operations.run_requests.asking import request_health_check, request_maintenance
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.pages import checks_page, logs_page
from list_pipeline.storage.runs.ledger import log_by_id
from list_pipeline.storage.views import CheckRow, LogRow
from list_pipeline.storage.weekly import row_by_id

BASE = "/api/list-management"


class TriggerMaintenance(Model):
    """Which campaign is maintained."""

    campaign_id: (
        Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\w.:-]+$")]
        | Annotated[int, Field(strict=True, ge=1, le=LARGEST_COUNT)]
    ) = Field(description="The campaign's key, or its number.", examples=["2026-11-20-r1-7", 12])


class MaintenanceTriggered(Model):
    """The maintenance that is under way, over, or asked for now."""

    success: bool
    maintenance_log_id: int = Field(examples=[7])


class HealthCheckTriggered(Model):
    """The check that is under way, over, or asked for now."""

    success: bool
    health_check_id: int = Field(examples=[3])


class MaintenanceLog(Model):
    """A row of the ledger. Instants are UTC; None: not known yet."""

    id: int
    maintenance_type: str
    sweep: str
    attempt: int
    status: str
    executed_at: datetime
    finished_at: datetime | None
    contacts_suppressed: int
    contacts_rebalanced: int
    execution_time_ms: int | None
    slack_notification_sent: bool
    run_id: str | None


class HealthCheck(Model):
    """The check of a week. None: not known, at first or because it failed."""

    id: int
    week: date
    status: str
    executed_at: datetime
    is_balanced: bool | None
    balance_deviation: float | None
    urgency: str | None
    master_list_size: int | None
    campaign_list_1_size: int | None = Field(alias="campaignList1Size")
    campaign_list_2_size: int | None = Field(alias="campaignList2Size")
    campaign_list_3_size: int | None = Field(alias="campaignList3Size")
    suppression_list_size: int | None
    average_bounce_rate: float | None
    average_delivery_rate: float | None
    critical_issue_count: int | None


class MaintenanceLogs(Model):
    """Attempts at maintenances and validations, the latest first."""

    model_config = shown_as(
        logs=[
            {
                "number": 7,
                "campaign": "2026-11-20-r1-7",
                "kind": "post_campaign",
                "sweep": "24h",
                "attempt": 1,
                "status": "success",
                "executedAt": "2026-11-21T10:00:00Z",
                "finishedAt": "2026-11-21T10:02:00Z",
                "contactsSuppressed": 51,
                "contactsRebalanced": 17,
                "executionTimeMs": 76000,
                "runId": None,
                "errors": [],
                "statusBeforeUndo": None,
                "changesTakenBack": None,
                "changesLeft": None,
            }
        ],
        nextAfter=None,
    )

    logs: tuple[LogRow, ...]
    next_after: int | None


class HealthChecks(Model):
    """Weekly checks, the latest first."""

    model_config = shown_as(
        checks=[
            {
                "number": 3,
                "week": "2026-11-16",
                "status": "success",
                "executedAt": "2026-11-16T10:00:00Z",
                "isBalanced": True,
                "balanceDeviation": 2.0,
                "urgency": "medium",
                "criticalIssues": 0,
            }
        ],
        nextAfter=None,
    )

    checks: tuple[CheckRow, ...]
    next_after: int | None


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix=BASE, tags=["maintenance"])

    @routes.post("/trigger-maintenance")
    def trigger_maintenance(
        asked: TriggerMaintenance, who: Operator, key: IdempotencyKey = None
    ) -> MaintenanceTriggered:
        campaign = asked.campaign_id
        named = campaign if isinstance(campaign, str) else key_of_campaign(services, campaign)
        number = request_maintenance(services, named, who, key)
        return MaintenanceTriggered(success=True, maintenance_log_id=number)

    @routes.post("/trigger-health-check")
    def trigger_health_check(who: Operator, key: IdempotencyKey = None) -> HealthCheckTriggered:
        return HealthCheckTriggered(success=True, health_check_id=request_health_check(services, who, key))

    @routes.get("/logs")
    def maintenance_logs(
        _: Reader,
        after: After = 0,
        limit: Limit = 50,
        campaign: KeyFilter = None,
        status: RunStatus | None = None,
        sweep: Sweep | None = None,
    ) -> MaintenanceLogs:
        found = logs_page(services, after=after, limit=limit, campaign=campaign, status=status, sweep=sweep)
        return MaintenanceLogs(logs=found.entries, next_after=found.next_after)

    @routes.get("/health-checks")
    def health_checks(_: Reader, after: After = 0, limit: Limit = 50, status: RunStatus | None = None) -> HealthChecks:
        found = checks_page(services, after=after, limit=limit, status=status)
        return HealthChecks(checks=found.entries, next_after=found.next_after)

    @routes.get("/logs/{number}")
    def maintenance_log(number: Number, _: Reader) -> MaintenanceLog:
        with services.database.begin() as connection:
            row = log_by_id(connection, number)
        return MaintenanceLog(**_columns(MaintenanceLog, row, f"Reading maintenance log {number}"))

    @routes.get("/health-checks/{number}")
    def health_check(number: Number, _: Reader) -> HealthCheck:
        with services.database.begin() as connection:
            row = row_by_id(connection, number)
        return HealthCheck(**_columns(HealthCheck, row, f"Reading health check {number}"))

    return routes


def _columns(model: type[Model], row: RowMapping | None, tried: str) -> dict[str, Any]:
    if row is None:
        raise NotFoundError(tried, "there is no such row", "The answer to the trigger names its number")
    return {name: row[name] for name in model.model_fields}
