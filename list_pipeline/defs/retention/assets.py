"""What the daily clean-up removed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from list_pipeline.core.retention import RETENTION, history_sentences
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import product_asset
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.retention.dagster_runs import delete_runs, old_runs, runs_that_name_somebody
from list_pipeline.operations.retention.old_records import remove_old_records
from list_pipeline.operations.services import Services


class RetentionConfig(dg.Config):
    """Configuration of a clean-up."""

    dry_run: bool = False


@product_asset(
    group="report",
    kinds={"postgres", "dagster"},
    description=(
        "Old messages, errors of runs, texts of the advisors, requests and runs of Dagster, removed in bounded batches when "
        "nobody waits for them; and contacts erased at Mailjet. Who was mailed and what failed is summarised after "
        "`HISTORY_KEPT_MONTHS`. Campaigns, figures, ledger, journal and histories stay. With `dry_run` it counts only."
    ),
)
def retention(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], config: RetentionConfig
) -> dg.MaterializeResult[None]:
    with clear_failures():
        removed = remove_old_records(services, dry_run=config.dry_run)
        settings = services.settings
        policy = replace(RETENTION, partition_runs=timedelta(days=settings.dagster_partition_runs_kept_days))
        runs = old_runs(context.instance, datetime.now(UTC), timedelta(days=settings.dagster_runs_kept_days), policy)
        naming = [run_id for run_id in runs_that_name_somebody(context.instance) if run_id not in runs]
        if not config.dry_run:
            delete_runs(context.instance, runs + naming)
    words = "Counted only; nothing was removed." if config.dry_run else "Removed."
    if not removed.is_all:
        words += " There is more, which the next run removes."
    context.log.info(words)
    return dg.MaterializeResult(
        metadata={
            "clean-up": md.text(words),
            **md.counts({kind.value: rows for kind, rows in removed.rows.items()}),
            **md.counts(
                {"dagster_runs": len(runs), "dagster_runs_with_addresses": len(naming), "erased": removed.erased}
            ),
            "history": md.lines(history_sentences(removed.history, is_dry_run=config.dry_run)),
            "findings": md.lines(removed.failures),
        }
    )
