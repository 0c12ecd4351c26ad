"""The choice of contacts that a rebalancing moves and enrols: first in, first out.

Belongs here: the queue order and who is taken from which end of which queue. Does not belong here: how many
(``flows``), how the queues are read (storage), how a move is carried out.

Every contact has one key, set once and kept for ever: the time it was first seen subscribed, then its id. A list is a
queue in the order of the keys. Towards an earlier list go the donor's oldest members, towards a later list its newest,
and a contact that was moved keeps its key, so that the relative order inside a list never changes. Newcomers come
oldest first, the older ones to the earlier list. Rejected: one global queue over the three lists, in which only the cut
points move; it needs up to twice as many moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.rebalancing.flows import FlowPlan


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A contact's place in a queue. ``queued_at`` (aware) is when it was first seen subscribed, not Mailjet's date.

    Raises:
        ValueError: the time has no timezone.
    """

    contact_id: int
    queued_at: datetime

    def __post_init__(self) -> None:
        if self.queued_at.tzinfo is None:
            raise ValueError(f"contact {self.contact_id}: the queue time needs a timezone")

    @property
    def key(self) -> tuple[datetime, int]:
        """The sort key of the queue."""
        return self.queued_at, self.contact_id


@dataclass(frozen=True, slots=True)
class EndsNeeded:
    """The numbers of contacts that are taken from each end of one queue."""

    oldest: int
    newest: int


@dataclass(frozen=True, slots=True)
class Move:
    """One contact goes from one campaign list to another."""

    contact_id: int
    from_role: ListRole
    to_role: ListRole


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One newcomer of the master list joins a campaign list."""

    contact_id: int
    to_role: ListRole


def needed_from(flows: FlowPlan) -> Mapping[ListRole, EndsNeeded]:
    """The numbers of oldest and of newest members that each giving list has to offer; other lists are absent.

    So many rows of each end are all that has to be read. Of the newcomers, the oldest ``flows.enrolment_count``.
    """
    needed: dict[ListRole, EndsNeeded] = {}
    for role in CAMPAIGN_LISTS:
        given = [(receiver, count) for (donor, receiver), count in flows.moves.items() if donor is role]
        if given:
            earlier = sum(count for receiver, count in given if receiver.round_number < role.round_number)
            needed[role] = EndsNeeded(earlier, sum(count for _, count in given) - earlier)
    return needed


def choose_contacts(
    flows: FlowPlan, donors: Mapping[ListRole, Sequence[QueueEntry]], newcomers: Sequence[QueueEntry]
) -> tuple[Move | Enrolment, ...]:
    """Name the contacts behind the counts: moves first, by donor, receiver and queue order, then enrolments.

    Args:
        flows: the plan in counts.
        donors: for each giving list its whole queue, or at least both ends that ``needed_from`` asks for, in any order.
        newcomers: the enrollable contacts of the master list, or at least as many of the oldest as are enrolled.

    Raises:
        IncompleteDataError: fewer candidates than the plan counts, or one contact is offered twice. Fewer moves than
            planned are never chosen silently.
    """
    needed = needed_from(flows)
    queues = {role: sorted(donors.get(role, ()), key=lambda entry: entry.key) for role in needed}
    waiting = sorted(newcomers, key=lambda entry: entry.key)
    for role, ends in needed.items():
        _require_enough(role.label, len(queues[role]), ends.oldest + ends.newest)
    _require_enough("the newcomers", len(waiting), flows.enrolment_count)
    _require_once(entry.contact_id for queue in (*queues.values(), waiting) for entry in queue)

    chosen: list[Move | Enrolment] = []
    for role, ends in needed.items():
        queue = queues[role]
        # Both ends are cut off in list order: the oldest of all go to the earliest list, the newest to the latest.
        oldest, newest = iter(queue[: ends.oldest]), iter(queue[len(queue) - ends.newest :])
        for receiver in CAMPAIGN_LISTS:
            count = flows.moves.get((role, receiver), 0)
            end = oldest if receiver.round_number < role.round_number else newest
            chosen += [Move(next(end).contact_id, role, receiver) for _ in range(count)]
    following = iter(waiting)
    for receiver in CAMPAIGN_LISTS:
        count = flows.enrolments.get(receiver, 0)
        chosen += [Enrolment(next(following).contact_id, receiver) for _ in range(count)]
    return tuple(chosen)


def _require_enough(source: str, offered: int, planned: int) -> None:
    if offered < planned:
        raise IncompleteDataError(
            "choosing the contacts of a rebalancing",
            f"{source} offered {offered} of the {planned} contacts that the plan counts",
            "Read the memberships again and plan anew: the lists changed, or were not read whole",
        )


def _require_once(contact_ids: Iterable[int]) -> None:
    seen: set[int] = set()
    for contact_id in contact_ids:
        if contact_id in seen:
            raise IncompleteDataError(
                "choosing the contacts of a rebalancing",
                f"contact {contact_id} was offered twice, in one queue or in two",
                "Finish or repair the open removal of this contact, read the memberships again and plan anew",
            )
        seen.add(contact_id)
