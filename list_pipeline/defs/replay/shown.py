"""A replay as metadata: figures, charts, tables. No address is in it."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from list_pipeline.core.replay.comparison import Comparison, Difference
from list_pipeline.core.replay.statements import LIMITS, difference_rows, figures_line, headline
from list_pipeline.defs import metadata as md


def replay_metadata(found: Comparison) -> dict[str, dg.MetadataValue]:
    """A whole replay: a line a rule set, whom each removes, and whom of them wrongly."""
    return {
        "replayed": md.text(headline(found)),
        "rule sets": md.lines([figures_line(one) for one in found.figures]),
        "removed": md.bars("Contacts removed", {one.name: one.removed for one in found.figures}),
        "removed wrongly": md.bars(
            "Good contacts removed",
            {one.name: one.reached_later for one in found.figures},
            "A later send reached them, or they opened or clicked later.",
        ),
        "by campaign": md.table(
            [
                {
                    "campaign": one.key,
                    "recipients": f"{one.recipients:,}",
                    "failed": f"{one.failed:,}",
                    "really suppressed": f"{one.suppressed:,}",
                    **{each.name: f"{found.in_campaigns[one.key][each.name].removed:,}" for each in found.figures},
                }
                for one in found.campaigns
            ]
        ),
        "what a replay cannot know": md.lines(LIMITS),
        **md.counts({"left_out": found.left_out}),
    }


def campaign_metadata(found: Comparison, key: str) -> dict[str, dg.MetadataValue]:
    """One campaign of a replay; its figures plot over the campaigns."""
    figures = found.in_campaigns.get(key)
    if figures is None:
        return {
            "state": md.text("NOT REPLAYED. Its failures were not read whole yet, or it is not known who was mailed.")
        }
    removed = {name: one.removed for name, one in figures.items()}
    return {
        "state": md.text("replayed"),
        **md.counts({f"{name.replace('-', '_')}_removed": count for name, count in removed.items()}),
        **md.counts({f"{name.replace('-', '_')}_held": one.held for name, one in figures.items() if one.held}),
        **md.counts({f"{name.replace('-', '_')}_good": one.good for name, one in figures.items()}),
        "removed after this campaign": md.bars("Contacts removed after this campaign", removed),
        "removed wrongly after this campaign": md.bars(
            "Good contacts removed after this campaign",
            {name: one.good for name, one in figures.items()},
            "A later send reached them, or they opened or clicked later.",
        ),
        **differences_metadata(found, found.differences_in(key)),
    }


def differences_metadata(found: Comparison, differences: Sequence[Difference]) -> dict[str, dg.MetadataValue]:
    """Contact by contact, where rule sets differ."""
    return {
        **md.counts({"differences": len(differences)}),
        "who and why": md.table(difference_rows(found, tuple(differences))),
    }
