"""Mailjet's lists against our rows."""

import dagster as dg

from list_pipeline.core.drift.findings import POLICY_VERSION
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import DAILY, product_asset, versions
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.plans.dead_jobs import look_for_lost_jobs
from list_pipeline.operations.services import Services


@product_asset(
    group="observe",
    kinds={"mailjet", "postgres"},
    code_version=versions(POLICY_VERSION),
    freshness_policy=DAILY,
    description=(
        "The five lists read whole and compared with our rows. What differs is written down before our rows follow Mailjet; "
        "broken rules become a proposed repair that waits for a person. Changes nothing at Mailjet."
    ),
)
def list_reconciliation(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with clear_failures():
        look_for_lost_jobs(services, context.log.info)
        found = reconcile(services, run_id=context.run.run_id, progress=context.log.info)
    return dg.MaterializeResult(
        metadata={
            **md.counts(
                {
                    "contacts_compared": found.contacts_compared,
                    "findings": len(found.findings),
                    "repairs_proposed": len(found.proposals),
                    "requests": found.requests,
                    **{kind.value: count for kind, count in found.counts.items()},
                }
            ),
            "table": md.table(
                [
                    {
                        "contact": finding.contact_id,
                        "list": finding.list_role.label if finding.list_role else "-",
                        "what": finding.kind.words,
                        "ours": finding.ours,
                        "Mailjet": finding.theirs,
                        "explanation": finding.explanation,
                    }
                    for finding in found.findings
                ]
            ),
            "waiting for a person": md.lines(
                [f"plan {plan_id} ({hashed[:12]})" for plan_id, hashed in found.proposals]
            ),
            "our rows followed Mailjet": md.text("yes" if found.followed else "nothing to follow"),
            "changes are stopped": md.text(found.stopped_because or "no"),
        }
    )
