"""Observing: who is on the lists, what a campaign's figures are, what failed, how large the lists are."""

import dagster as dg

from list_pipeline.core.balance import deviation_percent
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS
from list_pipeline.defs import metadata as md
from list_pipeline.defs.campaign_runs import OWNERS, maintenance_of
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.partitions import CAMPAIGNS
from list_pipeline.operations import bounces, campaigns, workflow
from list_pipeline.operations.services import Services
from list_pipeline.operations.snapshots import Sizes, take_snapshot

GROUP = "observe"


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"mailjet", "postgres"},
    code_version="1",
    description=(
        "Our rows of the five lists, the sends, who was mailed, and past bounces. Full at first start, afterwards only "
        "what came since; full again weekly or when numbers cannot be explained. Its requests are its own."
    ),
)
def membership_sync(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with clear_failures():
        report = workflow.synchronise(services, progress=context.log.info)
    return dg.MaterializeResult(
        metadata={
            **md.counts(
                {
                    "requests": report.requests,
                    "rows_read": report.rows_read,
                    "rows_changed": report.rows_changed,
                    "lists_read_whole": len(report.full_lists),
                }
            ),
            "sizes": md.table(
                [
                    {
                        "list": role.label,
                        "contacts": f"{report.sizes[role].raw:,}",
                        "mailable": f"{report.sizes[role].mailable:,}",
                        "unsubscribed": f"{report.sizes[role].unsubscribed:,}",
                        "excluded": f"{report.sizes[role].excluded:,}",
                        "read": "whole" if role in report.full_lists else f"{report.tail_rows.get(role, 0)} new rows",
                    }
                    for role in ALL_LISTS
                ]
            ),
            "findings": md.lines(report.findings),
        }
    )


@dg.asset(
    partitions_def=CAMPAIGNS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"mailjet", "postgres"},
    code_version="1",
    deps=[membership_sync],
    description="What Mailjet counts for the campaign: processed, delivered, bounced, opened; rates in percent.",
)
def campaign_metrics(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, "fetch_bounces") as run:
        stored = campaigns.collect_metrics(services, run.campaign, run.sweep)
    names = ("processed", "delivered", "hard_bounces", "soft_bounces", "blocked", "complained", "unsubscribed")
    rates = ("delivery_rate", "bounce_rate", "hard_bounce_rate", "soft_bounce_rate")
    return dg.MaterializeResult(
        metadata={
            **md.counts({name: stored[name] for name in (*names, *rates)}),
            "campaign": md.text(
                f"{run.campaign.name}, round {run.campaign.round_number} to {run.campaign.list_role.label}"
            ),
            "sent": md.text(f"{run.campaign.sent_at:%Y-%m-%d %H:%M} UTC"),
        }
    )


@dg.asset(
    partitions_def=CAMPAIGNS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"mailjet", "postgres"},
    code_version="1",
    deps=[membership_sync],
    description=(
        "Every failed message of the campaign from both of Mailjet's sources, one event a contact, reconciled with "
        "Mailjet's own counters. Fewer rows than counted stop the run."
    ),
)
def bounce_data(context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, "fetch_bounces") as run:
        data = bounces.fetch_bounces(services, run.campaign, run.sweep)
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
        }
    )


@dg.asset(
    partitions_def=CAMPAIGNS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"mailjet", "postgres"},
    code_version="1",
    deps=[membership_sync],
    description="Sizes of the five lists before anything is changed: everybody, and those who would get mail.",
)
def list_snapshot_before(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, "fetch_bounces") as run:
        sizes = take_snapshot(services, run, "before")
    return dg.MaterializeResult(metadata=snapshot_metadata(sizes))


def snapshot_metadata(sizes: Sizes) -> dict[str, dg.MetadataValue]:
    """Sizes as figures, table and picture."""
    first, second, third = (sizes[role][1] for role in CAMPAIGN_LISTS)
    return {
        **md.counts({f"{role.value}_mailable": sizes[role][1] for role in ALL_LISTS}),
        **md.counts({"deviation_percent": deviation_percent((first, second, third))}),
        "sizes": md.table(
            [
                {"list": role.label, "contacts": f"{sizes[role][0]:,}", "mailable": f"{sizes[role][1]:,}"}
                for role in ALL_LISTS
            ]
        ),
        "picture": md.bars("Mailable contacts", {role.label: sizes[role][1] for role in CAMPAIGN_LISTS}),
    }


@dg.asset(
    partitions_def=CAMPAIGNS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres"},
    code_version="1",
    deps=[campaign_metrics, bounce_data, list_snapshot_before],
    description=(
        "The failures by class and reason: the contacts' own (hard, soft, complaint), the sender's faults that we have to "
        "repair, and what is no evidence at all."
    ),
)
def bounce_analysis(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with maintenance_of(context, services, "ai_analysis") as run:
        data = bounces.fetch_bounces(services, run.campaign, run.sweep)
        analysis = bounces.analyse(data, run.campaign.recipient_count or 0)
    return dg.MaterializeResult(
        metadata={
            **md.counts(analysis.by_class),
            **md.counts(
                {
                    "contradictions": analysis.contradictions,
                    "complaint_rate_percent": analysis.complaint_rate_percent,
                }
            ),
            "picture": md.bars("Failed contacts by class", dict(analysis.by_class)),
            "reasons": md.table(
                [{"reason": r.replace("_", " "), "contacts": n} for r, n in analysis.by_reason.items()]
            ),
            "to repair on our side": md.table(
                [
                    {"reason": reason.replace("_", " "), "contacts kept": count, "what to do": advice}
                    for reason, (count, advice) in analysis.to_repair.items()
                ]
            ),
        }
    )
