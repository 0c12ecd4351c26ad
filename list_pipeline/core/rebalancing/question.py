"""The plan of a rebalancing as its advisor gets it: in counts of lists, without a contact.

Belongs here: the plan with the figures that it was made from. Does not belong here: the plan itself (``flows``), what can
be said of it (``statements``), and asking (``agents.rebalancing``).
"""

from __future__ import annotations

from dataclasses import dataclass

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.rebalancing.balance import Sizes
from list_pipeline.core.rebalancing.flows import FlowPlan, RebalancingPolicy


@dataclass(frozen=True, slots=True)
class RebalancingQuestion:
    """The plan in counts, and the sizes and newcomers it was made from. No contact is in it.

    Attributes:
        flows: the plan, made on the sizes after this run's suppressions.
        suppressed: contacts that this run took off List 1, 2 and 3.
        newcomers_available: contacts in master and in no campaign list that may be enrolled; no suppressed one.
        sent_in_open_cycle: lists to which the open cycle was already sent; empty when no cycle is open.
        frozen: lists that may not be changed now.
        round_number: the campaign's round in its cycle; None when it belongs to none.
    """

    flows: FlowPlan
    policy: RebalancingPolicy
    suppressed: Sizes
    newcomers_available: int
    sent_in_open_cycle: frozenset[ListRole]
    frozen: frozenset[ListRole]
    round_number: int | None

    @property
    def is_worth_asking(self) -> bool:
        """Whether there is anything to explain: something changes now, or has to wait."""
        flows = self.flows
        return not flows.changes_nothing or bool(flows.deferred_moves or flows.deferred_enrolments)

    @property
    def is_split(self) -> bool:
        """Whether the open cycle keeps some lists apart."""
        open_lists = frozenset(CAMPAIGN_LISTS) - self.frozen
        return bool(open_lists & self.sent_in_open_cycle) and bool(open_lists - self.sent_in_open_cycle)
