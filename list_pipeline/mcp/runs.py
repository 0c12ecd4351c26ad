"""Tools about work: attempts at maintenances and validations, weekly checks, and asking for one. A sensor starts what is asked
for."""

from __future__ import annotations

from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.mcp.arguments import Arguments, Key, KeyFilter, Page, RepeatKey
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, reading, starting
from list_pipeline.operations.run_requests.asking import request_health_check, request_maintenance
from list_pipeline.operations.views.pages import checks_page, logs_page
from list_pipeline.storage.views import CheckRow, LogRow


class RunsWanted(Page):
    """Which attempts."""

    campaign: KeyFilter = None
    status: RunStatus | None = None
    sweep: Sweep | None = None


class Runs(Result):
    """A page of attempts."""

    runs: tuple[LogRow, ...]
    next_after: int | None


class ChecksWanted(Page):
    """Which checks."""

    status: RunStatus | None = None


class Checks(Result):
    """A page of weekly checks."""

    checks: tuple[CheckRow, ...]
    next_after: int | None


class MaintenanceWanted(Arguments):
    """The maintenance of which campaign."""

    campaign: Key
    repeat_key: RepeatKey = None


class CheckWanted(Arguments):
    """The check of the latest week that is due."""

    repeat_key: RepeatKey = None


class Started(Result):
    """The number of the attempt, or of the check, that is under way, over, or asked for now."""

    number: int


def maintenance_runs(call: Call, asked: RunsWanted) -> Runs:
    """List attempts at the maintenance or validation of campaigns, the latest first: status, how many contacts were suppressed
    and moved, how long it took, what went wrong."""
    found = logs_page(
        call.services,
        after=asked.after,
        limit=asked.limit,
        campaign=asked.campaign,
        status=asked.status,
        sweep=asked.sweep,
    )
    return Runs(runs=found.entries, next_after=found.next_after)


def weekly_checks(call: Call, asked: ChecksWanted) -> Checks:
    """List the weekly looks at the health of the lists, the latest first: whether they were balanced, how urgent it is, and
    how many critical issues there were."""
    found = checks_page(call.services, after=asked.after, limit=asked.limit, status=asked.status)
    return Checks(checks=found.entries, next_after=found.next_after)


def trigger_maintenance(call: Call, asked: MaintenanceWanted) -> Started:
    """Ask for the maintenance of a campaign that was sent; it starts within half a minute, and its plans pass the gate or wait
    for a person as always. Asked for twice it runs once. `maintenance_runs` says how it went."""
    return Started(number=request_maintenance(call.services, asked.campaign, call.who, asked.repeat_key))


def trigger_health_check(call: Call, asked: CheckWanted) -> Started:
    """Ask for the weekly check of the lists; it starts within half a minute and changes nothing at Mailjet. `weekly_checks`
    says how it went."""
    return Started(number=request_health_check(call.services, call.who, asked.repeat_key))


TOOLS = (
    reading(maintenance_runs, "Attempts at maintenances"),
    reading(weekly_checks, "Weekly checks"),
    starting(trigger_maintenance, "Ask for a maintenance"),
    starting(trigger_health_check, "Ask for a weekly check"),
)
