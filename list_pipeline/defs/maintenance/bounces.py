"""What failed, and what that means."""

import dagster as dg

from list_pipeline.core.bounces.classes import BounceReason
from list_pipeline.core.sender_faults.listing import ListedFault
from list_pipeline.core.suppression.policy import POLICY_REVISION
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import versions
from list_pipeline.defs.maintenance.campaign_assets import campaign_asset, maintenance_of
from list_pipeline.defs.maintenance.campaigns import campaign_metrics
from list_pipeline.defs.maintenance.membership import membership_sync
from list_pipeline.defs.maintenance.snapshots import list_snapshot_before
from list_pipeline.defs.maintenance.sweeps import MaintenanceConfig
from list_pipeline.operations.bounces import fetch as bounces
from list_pipeline.operations.sender_faults.listing import faults_after
from list_pipeline.operations.services import Services
from list_pipeline.operations.told_events.beside import compare, compared_text


@campaign_asset(
    group="observe",
    kinds={"mailjet", "postgres"},
    deps=[membership_sync],
    description=(
        "Every failed message of the campaign from both of Mailjet's sources, one event a contact, reconciled with "
        "Mailjet's own counters. Fewer rows than counted stop the run."
    ),
)
def bounce_data(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, maintenance, "fetch_bounces") as run:
        data = bounces.fetch_bounces(services, run.campaign, run.sweep)
        told = compare(services, run.campaign, run.sweep)
    beside = {}
    if told is not None:
        beside = {
            "told_by_mailjet": md.text(compared_text(told, run.campaign)),
            **md.counts({"failures_told": told.told, "failures_not_told": told.missed, "only_told": told.only_told}),
        }
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(data.events),
            **md.counts(
                {
                    "contacts_failed": len(data.events),
                    "rows_read": data.fetch.rows_read,
                    "duplicate_rows": data.fetch.duplicates,
                    "requests": data.fetch.requests,
                }
            ),
            "warnings": md.lines(list(data.fetch.warnings)),
            **beside,
        }
    )


@campaign_asset(
    group="observe",
    kinds={"postgres"},
    deps=[campaign_metrics, bounce_data, list_snapshot_before],
    code_version=versions(POLICY_REVISION),
    description=(
        "The failures by class and reason: the contacts' own (hard, soft, complaint), the sender's faults that we have to "
        "repair, and what is no evidence at all."
    ),
)
def bounce_analysis(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services], maintenance: MaintenanceConfig
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, maintenance, "ai_analysis") as run:
        data = bounces.fetch_bounces(services, run.campaign, run.sweep)
        analysis = bounces.analyse(data, run.campaign.recipient_count or 0)
        faults = faults_after(services, run.campaign, run.sweep)
    return dg.MaterializeResult(
        metadata={
            **md.counts(analysis.by_class),
            **md.counts(
                {
                    "contradictions": analysis.contradictions,
                    "complaint_rate_percent": analysis.complaints.percent if analysis.complaints else None,
                }
            ),
            "picture": md.bars("Failed contacts by class", dict(analysis.by_class)),
            "reasons": md.table(
                [{"reason": r.replace("_", " "), "contacts": n} for r, n in analysis.by_reason.items()]
            ),
            "contacts kept because of us": dg.MetadataValue.int(sum(one.contacts for one in faults)),
            "to repair on our side": md.table([_row(one) for one in faults]),
            "what to repair": md.bars(
                "Contacts kept because of us, by operator and cause",
                {f"{one.operator}: {_words(one.reason)}": one.contacts for one in faults if one.contacts},
            ),
        }
    )


def _row(one: ListedFault) -> dict[str, object]:
    return {
        "mail operator": one.operator,
        "cause": _words(one.reason),
        "contacts kept": one.contacts,
        "campaigns before": ", ".join(map(str, one.before)) or "-",
        "change": one.trend.value,
        "what to do": one.advice,
    }


def _words(reason: BounceReason) -> str:
    return reason.value.replace("_", " ")
