"""A replay as a document for machines: rule sets side by side, campaign by campaign and contact by contact.

Does not belong here: the replay itself (``replay``), and what its figures mean (``core.replay.comparison``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.replay.comparison import Comparison, InCampaign
from list_pipeline.core.replay.rule_sets import Outcome


@dataclass(frozen=True, slots=True)
class ReplayedCampaign:
    """A campaign in contacts; ``by_rule_set``: what each rule set would have done after it."""

    key: str
    sent_at: datetime
    recipients: int
    failed: int
    suppressed: int
    by_rule_set: Mapping[str, InCampaign]


@dataclass(frozen=True, slots=True)
class RuleSetFigures:
    """A rule set through all campaigns, in contacts."""

    name: str
    title: str
    removed: int
    reached_later: int
    failed_later: int
    not_known: int
    held: int
    hard_again: int


@dataclass(frozen=True, slots=True)
class PositionShown:
    """The last answer of a rule set about a contact, after which campaign, and for which moment it was asked (UTC)."""

    outcome: Outcome
    rule: str
    reason: str
    campaign: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DifferenceShown:
    """A contact that rule sets judge differently. ``is_good``: it was alive afterwards; None: not known."""

    contact_id: int
    is_good: bool | None
    positions: Mapping[str, PositionShown]


@dataclass(frozen=True, slots=True)
class ReplayDocument:
    """Everything that a replay found. ``left_out``: contacts that no rule set judges; ``readings``: those that were judged."""

    campaigns: tuple[ReplayedCampaign, ...]
    rule_sets: tuple[RuleSetFigures, ...]
    differences: tuple[DifferenceShown, ...]
    left_out: int
    readings: int


def document_of(found: Comparison) -> ReplayDocument:
    """The document of a replay."""
    return ReplayDocument(
        tuple(
            ReplayedCampaign(
                one.key, one.sent_at, one.recipients, one.failed, one.suppressed, found.in_campaigns[one.key]
            )
            for one in found.campaigns
        ),
        tuple(
            RuleSetFigures(
                one.name,
                one.title,
                one.removed,
                one.reached_later,
                one.failed_later,
                one.not_known,
                one.held,
                one.hard_again,
            )
            for one in found.figures
        ),
        tuple(
            DifferenceShown(
                one.contact_id,
                one.is_good,
                {
                    name: PositionShown(
                        each.judgement.outcome, each.judgement.rule, each.judgement.reason, each.campaign, each.at
                    )
                    for name, each in one.positions.items()
                },
            )
            for one in found.differences
        ),
        found.left_out,
        found.readings,
    )
