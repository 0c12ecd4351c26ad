"""A rebalancing plan in figures, as it is stored with the plan.

Belongs here: the summary and how a flow between two lists is named in it. Does not belong here: how the flows come about
(``flows``), and the contacts who move (the plan's items).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from list_pipeline.core.advice.records import AdvisedSummary
from list_pipeline.core.lists import ListRole
from list_pipeline.core.rebalancing.balance import Sizes
from list_pipeline.core.rebalancing.flows import Pair

_ARROW = "->"


def flow_name(pair: Pair) -> str:
    """The name of a flow, e.g. ``campaign_1->campaign_2``."""
    return f"{pair[0].value}{_ARROW}{pair[1].value}"


def pair_of(name: str) -> Pair:
    """The two lists of a flow.

    Raises:
        ValueError: the text is no name of a flow.
    """
    giver, _, taker = name.partition(_ARROW)
    return ListRole(giver), ListRole(taker)


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalancingSummary(AdvisedSummary):
    """A rebalancing plan in figures: no contact id is in it.

    Attributes:
        required: something is to be changed, now or later; ``triggered``: the deviation was above the trigger.
        sizes: mailable members of the three lists before the plan; ``target_sizes``: after it.
        moves: contacts by flow (``flow_name``); ``deferred_moves``: those that wait until a restriction is lifted.
        enrolments: newcomers by the list they join; ``deferred_enrolments`` likewise.
        deviation_before_percent: in percent of the mean; None when the lists are empty.
        certificate: why no fewer moves would do, in a sentence; ``lower_bound`` is their number.
        restriction: what keeps the plan from its goal; None when nothing does.
        reasons: sentences for people.
        suppressed: contacts by list that the suppressions of this run took off it.
        newcomers_available: contacts in master and in no campaign list that could be enrolled.
    """

    required: bool
    triggered: bool
    sizes: Sizes
    target_sizes: Sizes
    moves: Mapping[str, int]
    enrolments: Mapping[ListRole, int]
    deferred_moves: Mapping[str, int]
    deferred_enrolments: Mapping[ListRole, int]
    deviation_before_percent: float | None
    deviation_after_percent: float | None
    is_repaired: bool
    certificate: str
    lower_bound: int
    restriction: str | None
    reasons: tuple[str, ...]
    sent_in_open_cycle: tuple[ListRole, ...]
    frozen: tuple[ListRole, ...]
    suppressed: Mapping[ListRole, int] = field(default_factory=dict)
    newcomers_available: int = 0
    alternatives_considered: tuple[str, ...] = ()

    @property
    def move_count(self) -> int:
        """Contacts that change lists."""
        return sum(self.moves.values())

    @property
    def enrolment_count(self) -> int:
        """Newcomers who join a list."""
        return sum(self.enrolments.values())

    @property
    def deferred_move_count(self) -> int:
        """Moves that wait until a restriction is lifted."""
        return sum(self.deferred_moves.values())

    @property
    def deferred_count(self) -> int:
        """Moves and enrolments that wait until a restriction is lifted."""
        return self.deferred_move_count + sum(self.deferred_enrolments.values())
