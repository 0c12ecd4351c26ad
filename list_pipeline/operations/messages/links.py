"""Where messages link to, and how delivery fares.

Does not belong here: posting and retries (``outbox``), the words of a message and its key (``core``).
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import structlog

from list_pipeline.core.messages.delivery import DeliveryFigures
from list_pipeline.core.messages.slack_blocks import Mrkdwn, compose, link
from list_pipeline.operations.access import Deciding, Storing
from list_pipeline.storage import messages as message_rows
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.runs import ledger

log = structlog.get_logger(__name__)

HASH_SHOWN = 12
"""Characters of a plan's hash that people are shown; eight are enough to approve."""
_LOCATION = "list_pipeline.definitions"
"""How Dagster names this code location in its paths: the module that ``workspace.yaml`` loads."""


def links(
    services: Deciding, *, partition: str | None = None, log_id: int | None = None, run_id: str | None = None
) -> list[Mrkdwn]:
    """Links to the record, the run and the partition, as far as their bases are set: no link leads nowhere.

    Args:
        partition: a campaign's key. ``log_id``: its row in the ledger. ``run_id``: Dagster's.
    """
    settings, found = services.settings, []
    if settings.app_url and log_id is not None:
        found.append(link(f"{settings.app_url}/admin/list-management/{log_id}", "View Details"))
    if settings.dagster_url and run_id:
        found.append(link(f"{settings.dagster_url}/runs/{run_id}", "Dagster run"))
    if partition and (at := partition_url(services, partition)):
        found.append(link(at, "Partition"))
    return found


def partition_url(services: Deciding, partition: str) -> str | None:
    """The page of a campaign's report in Dagster; None where no base is set."""
    base = services.settings.dagster_url
    return f"{base}/assets/maintenance_report?partition={quote(partition, safe='')}" if base else None


def launchpad_path(job: str, config: str) -> str:
    """The path of a job's launchpad in Dagster with its configuration filled in, for a person to complete and launch.

    Args:
        config: YAML, without an address.
    """
    return f"/locations/{_LOCATION}/jobs/{job}/playground/setup?config={quote(config, safe='')}"


def decide_path(plan_id: int, content_hash: str) -> str:
    """The launchpad of the job that decides on a plan, filled in but for the name of who decides."""
    config = (
        "ops:\n"
        "  write_plan_decision:\n"
        "    config:\n"
        f"      plan_id: {plan_id}\n"
        "      decision: approve  # or: reject, expire\n"
        f'      content_hash: "{content_hash[:HASH_SHOWN]}"\n'
        '      by: ""  # your name\n'
    )
    return launchpad_path("decide_plan", config)


def decide_item_path(review_id: int, content_hash: str) -> str:
    """The launchpad of the job that decides on a question about single contacts, filled in but for the name of who decides."""
    config = (
        "ops:\n"
        "  write_item_decision:\n"
        "    config:\n"
        f"      review_id: {review_id}\n"
        "      decision: approve  # or: reject\n"
        f'      content_hash: "{content_hash[:HASH_SHOWN]}"\n'
        '      by: ""  # your name\n'
    )
    return launchpad_path("decide_review_item", config)


def decide_url(services: Deciding, plan_id: int, content_hash: str) -> str:
    """Where a plan is decided in Dagster; empty where no base is set."""
    base = services.settings.dagster_url
    return f"{base}{decide_path(plan_id, content_hash)}" if base else ""


def links_of_plan(services: Deciding, plan: StoredPlan) -> list[Mrkdwn]:
    """The plan's own page, and the record, run and partition of its campaign; a repair has no partition."""
    app = services.settings.app_url
    page = [link(f"{app}/admin/plans/{plan.plan_id}", "Look at the plan")] if app else []
    if plan.campaign_id is None or plan.sweep is None:
        return page
    with services.database.begin() as connection:
        about = review_rows.campaign_key_of(connection, plan.plan_id)
        row = ledger.latest_log(connection, plan.campaign_id, plan.sweep.value)
    if row is None:
        return [*page, *links(services, partition=about)]
    number = [] if services.settings.app_url else [compose("Maintenance log {id}", id=row.log_id)]
    return [*page, *number, *links(services, partition=about, log_id=row.log_id, run_id=row.run_id)]


def delivery_figures(services: Storing, since: datetime) -> DeliveryFigures:
    """The delivery of the messages written since an instant (UTC). Figures that people should look at are logged as errors."""
    with services.database.begin() as connection:
        figures = message_rows.delivery_figures(connection, since, services.clock.now())
    for words in figures.alerts:
        log.error("messages do not reach people as they should", what=words, since=since.isoformat())
    return figures
