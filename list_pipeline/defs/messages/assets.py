"""How messages to people fare: whether they arrive, and how fast."""

from datetime import timedelta

import dagster as dg

from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import DAILY, product_asset
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.messages.links import delivery_figures
from list_pipeline.operations.services import Services

_LOOKED_AT = timedelta(days=1)


@product_asset(
    group="observe",
    kinds={"slack", "postgres"},
    freshness_policy=DAILY,
    description=(
        "The messages of the last 24 hours: how many arrived, were e-mailed or given up, and in how many seconds. Too many "
        "failing ones, or too slow ones, are logged as errors. Reads stored rows only."
    ),
)
def notification_delivery(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with clear_failures():
        figures = delivery_figures(services, services.clock.now() - _LOOKED_AT)
    for words in figures.alerts:
        context.log.error(words)
    rate = figures.delivery_rate
    return dg.MaterializeResult(
        metadata={
            **md.counts(
                {
                    "messages": figures.messages,
                    "delivered": figures.delivered,
                    "failing": figures.failing,
                    "given_up": figures.expired,
                    "emailed": figures.emailed,
                    "repeated_attempts": figures.repeated,
                    "later_than_30_s": figures.late,
                    "delivered_percent": None if rate is None else round(100 * rate, 2),
                    "median_s": figures.median_s,
                    "p95_s": figures.p95_s,
                    "slowest_s": figures.slowest_s,
                    "longest_wait_s": figures.longest_wait_s,
                }
            ),
            "needs attention": md.lines(figures.alerts),
        }
    )
