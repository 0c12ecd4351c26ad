"""The incidents of a campaign, with the contacts that each holds.

Belongs here: which hard bounces belong to a flagged group. Does not belong here: flagging a group (``strata``), and what
follows for a contact (``core.suppression``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.bounces.classes import BounceClass, FailureEvent
from list_pipeline.core.incidents.groups import Group, GroupKind
from list_pipeline.core.incidents.operators import Operators
from list_pipeline.core.incidents.strata import TestedGroup, flagged_groups, holding_group


class IncidentCause(StrEnum):
    """Whose fault the hard bounces of a group are. ``sender``: ours, as the words of its refusals say."""

    GROUP = "group"
    SENDER = "sender"


@dataclass(frozen=True, slots=True)
class Incident:
    """A group in which more contacts bounced hard at once than dead addresses explain, or whose refusals refuse us.

    Attributes:
        attempted: its established contacts (delivered to before) that the campaign was sent to; where we are the cause: its
            refusals whose words were read.
        hard_bounces: those of them that bounced hard; where we are the cause: the refusals that refuse us.
        expected: how many hard bounces were expected of them.
        contact_ids: everybody of the group who bounced hard, never delivered to or not, in order; where we are the cause: those
            whose refusals were not read.
    """

    group: Group
    attempted: int
    hard_bounces: int
    expected: float
    contact_ids: tuple[int, ...]
    cause: IncidentCause = IncidentCause.GROUP

    @property
    def where(self) -> str:
        """The group as the end of a sentence."""
        if self.group.kind is GroupKind.POOL:
            return "domains whose mail operator is not known"
        return self.group.name


def incidents_of(
    events: Iterable[FailureEvent],
    domain_of: Mapping[int, str],
    tested: Sequence[TestedGroup],
    operators: Operators,
    as_of: datetime,
) -> tuple[Incident, ...]:
    """The incidents of a campaign, in the order of their groups; a flagged group without contacts of its own is none.

    Disputed and contradictory hard bounces belong to it too: waiting is the careful side.

    Args:
        events: the campaign's failures.
        domain_of: contact id to receiving domain; a contact whose domain is not known belongs to no group.
        tested: the campaign's groups with their verdicts (``strata.examine``).
        operators: who runs the mail of a domain, as far as is known.
        as_of: failures that happened later are not known yet.
    """
    by_group, flagged = {one.group: one for one in tested}, flagged_groups(tested)
    held: dict[Group, set[int]] = {}
    for event in events:
        domain = domain_of.get(event.contact_id)
        if domain is None or event.bounce_class is not BounceClass.HARD or event.occurred_at > as_of:
            continue
        group = holding_group(domain, flagged, operators)
        if group is not None:
            held.setdefault(group, set()).add(event.contact_id)
    return tuple(
        Incident(
            group,
            by_group[group].count.attempted,
            by_group[group].count.hard,
            by_group[group].count.attempted * by_group[group].expected_rate,
            tuple(sorted(held[group])),
        )
        for group in sorted(held)
    )
