"""What was decided on a day, by whom, and whether people agreed: one partition a day."""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.monitoring.decision_review import (
    AdvisorFigures,
    Agreement,
    DayFigures,
    RuleCount,
)
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.wording import confidence_text, dollars_text, percent_text
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import DAILY, product_asset
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.monitoring.decision_review import ShownDecision, history, review_day
from list_pipeline.operations.services import Services
from list_pipeline.storage.monitoring.decision_review import KeptReview

DAYS = dg.DailyPartitionsDefinition(start_date="2026-01-01", timezone="UTC")
"""No plan of this product is older. The command shows any day, also one without a partition."""


@product_asset(
    partitions_def=DAYS,
    group="report",
    kinds={"postgres"},
    freshness_policy=DAILY,
    description=(
        "A day's decisions: by which rule, let through by whom, what the advisors made of them, how many of their answers "
        "could not be read, how often people agreed, and how many suppressions were taken back. Reads stored rows only."
    ),
)
def decision_review(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    day = date.fromisoformat(context.partition_key)
    with clear_failures():
        review = review_day(services, day, run_id=context.run.run_id)
        lately = history(services, MONITORING.trend_days, until=day)
    return dg.MaterializeResult(
        metadata={
            "findings": md.lines(review.findings),
            **md.counts(_plotted(review.figures)),
            "by rule": md.table([_rule_row(one) for one in review.figures.rules]),
            "by advisor": md.table([_advisor_row(one) for one in review.figures.advisors]),
            "agreement day by day": md.table([_agreement_row(one) for one in reversed(lately)]),
            "decisions": _decisions(review.decisions),
        }
    )


def _plotted(figures: DayFigures) -> dict[str, int | float | None]:
    """What is drawn over the days. A share of nothing is left out, so that the line has a gap there instead of a zero."""
    advisors, people = figures.all_advisors, figures.people
    return {
        "contacts": figures.contacts,
        **{f"action_{name}": count for name, count in figures.actions.items()},
        **{f"confidence_{name}": count for name, count in figures.bands.items()},
        **{f"decided_by_{name}": count for name, count in figures.deciders.items()},
        **{f"advice_{name}": count for name, count in figures.advised.items() if name != "none"},
        "automatic_percent": figures.automatic_percent,
        "questions": advisors.questions,
        "parse_failure_percent": advisors.parse_failure_percent,
        "mean_confidence": advisors.mean_confidence,
        "tokens": advisors.tokens,
        "cost_usd": advisors.cost_usd,
        "latency_median_ms": advisors.latency_median_ms,
        "latency_p95_ms": advisors.latency_p95_ms,
        "people_approved": people.approved,
        "people_rejected": people.rejected,
        "people_expired": people.expired,
        "agreement_with_policy_30_days_percent": figures.people_lately.policy_percent,
        "agreement_with_advisor_30_days_percent": figures.people_lately.advisor_percent,
        "suppressions_reviewed": figures.suppressions.reviewed,
        "suppressions_taken_back": figures.suppressions.reinstated,
        "suppressions_taken_back_30_days": figures.suppressions_lately.reinstated,
        "suppressions_whose_address_worked": figures.suppressions.worked,
        "suppressions_rejected": figures.suppressions.rejected,
        "false_suppressions_bound_percent": figures.suppressions.bound_percent,
        "kept_after_a_hard_bounce": figures.kept.kept,
        "kept_and_bounced_hard_again": figures.kept.failed_again,
    }


def _rule_row(one: RuleCount) -> dict[str, object]:
    return {
        "plan": one.kind,
        "rule": one.rule,
        "action": one.action,
        "contacts": f"{one.contacts:,}",
        "mean confidence": confidence_text(one.mean_confidence, unknown="-"),
    }


def _advisor_row(one: AdvisorFigures) -> dict[str, object]:
    return {
        "advisor": one.agent,
        **one.outcomes,
        "asked twice": one.repaired,
        "could not be read": percent_text(one.parse_failure_percent, unknown="-"),
        "mean confidence": confidence_text(one.mean_confidence, unknown="-"),
        "tokens": f"{one.tokens:,}",
        "cost": dollars_text(one.cost_usd) + (f" and {one.without_price} without a price" if one.without_price else ""),
        "median ms": "-" if one.latency_median_ms is None else one.latency_median_ms,
        "p95 ms": "-" if one.latency_p95_ms is None else one.latency_p95_ms,
    }


def _agreement_row(one: KeptReview) -> dict[str, object]:
    people: Agreement = one.figures.people
    return {
        "day": one.day.isoformat(),
        "approved": people.approved,
        "rejected": people.rejected,
        "expired": people.expired,
        "with the policy": percent_text(people.policy_percent, unknown="-"),
        "with the advisor": percent_text(people.advisor_percent, unknown="-"),
    }


def _decisions(shown: Sequence[ShownDecision]) -> dg.MetadataValue:
    """A table that opens in a window of its own: two hundred rows would bury the rest of the page."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "contact": one.item.contact_id,
                    "address": one.masked,
                    "plan": one.item.plan_id,
                    "action": one.item.action,
                    "rule": one.item.rule,
                    "confidence": confidence_text(one.item.confidence, unknown="-"),
                    "advisor": one.item.advice.value,
                    "decided by": redact_addresses(one.item.decided_by or one.item.decider.value),
                }
            )
            for one in shown
        ],
        schema=dg.TableSchema(
            columns=[
                dg.TableColumn("contact", "int"),
                dg.TableColumn("address", "string", "masked"),
                dg.TableColumn("plan", "int"),
                *(dg.TableColumn(name) for name in ("action", "rule", "confidence", "advisor", "decided by")),
            ]
        ),
    )
