"""What the answers of rule sets add up to: who is removed when, what became of those contacts, and where the rules differ.

Belongs here: the record of a rule set through the campaigns, its figures, the differences contact by contact. Does not belong
here: the answers (``rule_sets``, ``peers``), and the words (``statements``).

Whom a rule set removed gets no further campaign in its replay. What really became of the contact afterwards says whether that
was right; where nothing was sent to it any more, because it was really suppressed, that is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from list_pipeline.core.bounces.classes import BounceClass, FailureEvent
from list_pipeline.core.replay.rule_sets import Judgement, Outcome, RuleSet


@dataclass(frozen=True, slots=True)
class Replayed:
    """A campaign of a replay. ``failed``: contacts with a failure in any of its readings; ``suppressed``: those that were
    really suppressed after it."""

    campaign_id: int
    key: str
    sent_at: datetime
    recipients: int
    failed: int
    suppressed: int


@dataclass(frozen=True, slots=True)
class Later:
    """What really became of a contact: the starts of the last sends that reached it, and that it bounced hard in, and its last
    open or click, a fetch by its mail program too (UTC); None: there is none."""

    reached_at: datetime | None = None
    hard_at: datetime | None = None
    engaged_at: datetime | None = None

    def was_alive_after(self, at: datetime) -> bool:
        """Whether a send that began after an instant reached the contact, or it opened or clicked after it."""
        return any(sign is not None and sign > at for sign in (self.reached_at, self.engaged_at))


@dataclass(frozen=True, slots=True)
class Position:
    """The last answer of a rule set about a contact. ``campaign``: the key of the campaign that was judged; ``at``: the moment
    that it was judged for (UTC)."""

    campaign: str
    at: datetime
    judgement: Judgement

    @property
    def is_removed(self) -> bool:
        """Whether the rule set would mail it no more."""
        return self.judgement.outcome is Outcome.REMOVED


@dataclass(frozen=True, slots=True)
class InCampaign:
    """The answers of a rule set in one campaign: contacts removed, held (and not removed), and kept. ``good``: those of the
    removed who were alive afterwards."""

    removed: int
    held: int
    kept: int
    good: int = 0


@dataclass(slots=True)
class Record:
    """How contacts fare under one rule set, campaign after campaign. ``removed``: those that are removed so far."""

    positions: dict[int, Position] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    by_campaign: dict[str, dict[int, Outcome]] = field(default_factory=dict)
    hard_again: set[int] = field(default_factory=set)
    _hard_in: dict[int, int] = field(default_factory=dict)

    def add(
        self, campaign: str, as_of: datetime, events: Iterable[FailureEvent], judgements: Iterable[Judgement]
    ) -> None:
        """Take up the answers about a reading.

        Args:
            campaign: its key.
            as_of: the moment that was judged for.
            events: the failures that were judged.
            judgements: one a contact, none of a contact that is removed already.
        """
        for event in events:
            is_hard = event.counts and event.bounce_class is BounceClass.HARD and event.occurred_at <= as_of
            if is_hard and self._hard_in.setdefault(event.contact_id, event.campaign_id) != event.campaign_id:
                self.hard_again.add(event.contact_id)
        outcomes = self.by_campaign.setdefault(campaign, {})
        for one in judgements:
            self.positions[one.contact_id] = Position(campaign, as_of, one)
            outcomes[one.contact_id] = one.outcome
            if one.outcome is Outcome.REMOVED:
                self.removed.add(one.contact_id)

    def in_campaign(self, campaign: str, good: Collection[int] = ()) -> InCampaign:
        """The figures of one campaign, over all of its readings.

        Args:
            good: the removed contacts who were alive afterwards.
        """
        found = self.by_campaign.get(campaign, {})
        removed, held, kept = (
            [number for number, outcome in found.items() if outcome is one]
            for one in (Outcome.REMOVED, Outcome.HELD, Outcome.KEPT)
        )
        return InCampaign(len(removed), len(held), len(kept), sum(one in good for one in removed))

    def good(self, later: Mapping[int, Later]) -> frozenset[int]:
        """The removed contacts who were alive afterwards: a later send reached them, or they opened or clicked."""
        return frozenset(one for one in self.removed if _is_good(self.positions[one], later.get(one, Later())))


@dataclass(frozen=True, slots=True)
class Figures:
    """A rule set through all campaigns, in contacts.

    Attributes:
        removed: would be mailed no more. Of them ``reached_later``: a later send reached them, or they opened or clicked
            later, so they were good; ``failed_later``: neither, and bounced hard again; the rest is not known.
        held: not removed, because their last failure was part of an incident.
        hard_again: bounced hard in more than one campaign while they were kept: the dead that were not removed in time.
    """

    name: str
    title: str
    removed: int
    reached_later: int
    failed_later: int
    held: int
    hard_again: int

    @property
    def not_known(self) -> int:
        """Removed, and nothing was sent afterwards that tells."""
        return self.removed - self.reached_later - self.failed_later


@dataclass(frozen=True, slots=True)
class Difference:
    """A contact that some rule sets remove and others do not. ``positions``: by name of the rule set; one that judged nothing
    of it is missing. ``is_good``: it was alive after its earliest removal; None: not known."""

    contact_id: int
    positions: Mapping[str, Position]
    is_good: bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rule sets over the same campaigns.

    Attributes:
        campaigns: oldest first.
        in_campaigns: by key of a campaign and name of a rule set.
        differences: contact by contact, in the order of the first removal.
        left_out: contacts with a failure of which we have no row any more, or that were erased: no rule set judges them.
        readings: those of failures that were judged.
    """

    campaigns: tuple[Replayed, ...]
    figures: tuple[Figures, ...]
    in_campaigns: Mapping[str, Mapping[str, InCampaign]]
    differences: tuple[Difference, ...]
    left_out: int
    readings: int

    def differences_in(self, campaign: str) -> tuple[Difference, ...]:
        """The contacts that some rule set removes after this campaign, and another does not, or did at another time."""
        return tuple(
            one
            for one in self.differences
            if any(position.is_removed and position.campaign == campaign for position in one.positions.values())
        )


def compare(
    rule_sets: Sequence[RuleSet],
    records: Mapping[str, Record],
    campaigns: Sequence[Replayed],
    later: Mapping[int, Later],
    *,
    left_out: int,
    readings: int,
) -> Comparison:
    """Put the records of rule sets side by side.

    Args:
        records: by name of the rule set.
        later: what really became of the contacts that any of them removed.
    """
    good = {name: record.good(later) for name, record in records.items()}
    return Comparison(
        tuple(campaigns),
        tuple(_figures(one, records[one.name], later) for one in rule_sets),
        {
            one.key: {name: record.in_campaign(one.key, good[name]) for name, record in records.items()}
            for one in campaigns
        },
        _differences(records, later),
        left_out,
        readings,
    )


def _is_good(position: Position, later: Later) -> bool | None:
    if later.was_alive_after(position.at):
        return True
    return False if later.hard_at is not None and later.hard_at > position.at else None


def _figures(rule_set: RuleSet, record: Record, later: Mapping[int, Later]) -> Figures:
    removed = {one: position for one, position in record.positions.items() if position.is_removed}
    ends = [_is_good(position, later.get(one, Later())) for one, position in removed.items()]
    held = sum(one.judgement.outcome is Outcome.HELD for one in record.positions.values())
    return Figures(
        rule_set.name,
        rule_set.title,
        len(removed),
        ends.count(True),
        ends.count(False),
        held,
        len(record.hard_again),
    )


def _differences(records: Mapping[str, Record], later: Mapping[int, Later]) -> tuple[Difference, ...]:
    found = []
    for contact_id in {one for record in records.values() for one in record.positions}:
        positions = {
            name: record.positions[contact_id] for name, record in records.items() if contact_id in record.positions
        }
        removals = [one for one in positions.values() if one.is_removed]
        if removals and (len(removals) < len(records) or len({one.campaign for one in removals}) > 1):
            first = min(removals, key=lambda one: one.at)
            known = later.get(contact_id, Later())
            found.append((first.at, Difference(contact_id, positions, _is_good(first, known))))
    return tuple(one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].contact_id)))
