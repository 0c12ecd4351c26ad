"""The wrap-up of a campaign: its first figures beside those of earlier sends."""

import dagster as dg

from list_pipeline.core.campaign_stages.wrapup import Compared, Delta, Figure
from list_pipeline.core.campaign_stages.wrapup_picture import TITLE, rates_picture
from list_pipeline.core.wording import instant_text, rate_text
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import product_asset
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.partitions import CAMPAIGNS
from list_pipeline.operations.campaign_stages.wrapup import Wrapup, wrap_up
from list_pipeline.operations.services import Services


@product_asset(
    partitions_def=CAMPAIGNS,
    group="report",
    kinds={"mailjet", "postgres", "slack"},
    description=(
        "Half an hour after a launch: Mailjet's counters, held against the round before of the same cycle and the last send to "
        "the same list, each difference with its interval. Told in the campaign's thread; an alarm where more than 10 % of at "
        "least 50 messages bounced, or where a mail operator stands out by its hard bounces, in time to pause the next round. "
        "Advisors choose what is said, and may be more careful than the rules. One request, and where three or more bounced "
        "hard the bounces and the recipients; nothing is changed at Mailjet."
    ),
)
def campaign_wrapup(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> dg.MaterializeResult[None]:
    with clear_failures():
        found = wrap_up(services, context.partition_key)
    return dg.MaterializeResult(metadata=wrapup_metadata(found))


def wrapup_metadata(found: Wrapup) -> dict[str, dg.MetadataValue]:
    """The figures, their pictures, the mail operators that stand out, and the comparisons."""
    counts, picture = found.counts, rates_picture(found.counts, found.compared)
    return {
        "summary": md.text(found.report.summary),
        **{
            each.topic.value: md.lines([*([each.verdict] if each.verdict else []), *each.sentences])
            for each in found.report.assessments
        },
        "bounces": md.text("run away" if found.runs_away else "as usual or fewer"),
        **({"mail operators": md.lines(found.early.sentences)} if found.early is not None else {}),
        **md.counts({"requests_for_operators": found.early.requests if found.early is not None else None}),
        "counted at": md.text(instant_text(counts.collected_at)),
        **md.counts({f"{figure.value}_percent": counts.rate(figure).percent for figure in Figure}),
        **md.counts({"messages": counts.processed, "still_to_be_tried": counts.queued, "blocked": counts.blocked}),
        **({"picture": md.picture(TITLE, picture)} if picture is not None else {}),
        "outcomes": md.bars(
            "Messages",
            {
                "delivered": counts.delivered,
                "hard bounces": counts.hard_bounced,
                "soft bounces": counts.soft_bounced,
                "blocked": counts.blocked,
                "being tried again": counts.deferred,
                "still to be tried": counts.queued,
            },
        ),
        "rates": md.table([{"figure": one.label, "rate": rate_text(counts.rate(one))} for one in Figure]),
        **{
            compared.earlier.other.value.replace("_", " "): md.table(
                [_row(compared, figure) for figure in Figure if compared.of(figure) is not None]
            )
            for compared in found.compared
        },
    }


def _row(compared: Compared, figure: Figure) -> dict[str, object]:
    delta = compared.of(figure)
    return {
        "figure": figure.label,
        "before": rate_text(compared.earlier.counts.rate(figure)),
        "difference": _points(delta) if delta is not None else "-",
        "shows": delta.direction.value if delta is not None else "-",
    }


def _points(delta: Delta) -> str:
    return f"{delta.points:+.1f} points ({delta.low:+.1f} to {delta.high:+.1f})"
