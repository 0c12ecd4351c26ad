"""A plan: its kinds, its items, its identity and its life.

Belongs here: the vocabulary that suppression and rebalancing plans share, the content hash and the legal transitions.
Does not belong here: how items come about (``core.suppression``, ``core.rebalancing``) and whether a plan may run
(``gate``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from list_pipeline.core.life_cycles import life_cycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.evidence import Evidence


class PlanKind(StrEnum):
    """The kind of a plan. The first two are a campaign's maintenance; the others correct, and people ask for most of them.

    ``rollback``: a rebalancing that failed midway is taken back by itself. ``undo``: a person takes a whole maintenance
    back. ``redo``: a person takes that back, and what was undone is done again. ``manual``: a person suppresses or reinstates
    one contact. ``repair``: what the reconciliation proposes, or a person asks for after a mass
    change. ``import``: suppressions that a file asks for. ``quarantine``: contacts are kept from mail for a while, after a
    campaign or because a person asks; ``release``: they are mailed again. ``split``: a new audience is divided over the
    campaign lists.
    """

    SUPPRESSION = "suppression"
    REBALANCING = "rebalancing"
    ROLLBACK = "rollback"
    UNDO = "undo"
    REDO = "redo"
    MANUAL = "manual"
    REPAIR = "repair"
    IMPORT = "import"
    QUARANTINE = "quarantine"
    RELEASE = "release"
    SPLIT = "split"


BY_HAND, IMPORTED = "manual", "import"
"""The rules of a suppression that a person asks for: of one contact, and of those in a file. The first is also the reason that
the history names for both."""

MAINTENANCE_PLANS = (PlanKind.SUPPRESSION, PlanKind.REBALANCING)
"""The plans of a campaign's maintenance, in the order in which they are carried out."""

CORRECTIONS = (
    PlanKind.ROLLBACK,
    PlanKind.UNDO,
    PlanKind.REDO,
    PlanKind.MANUAL,
    PlanKind.REPAIR,
    PlanKind.IMPORT,
    PlanKind.QUARANTINE,
    PlanKind.RELEASE,
    PlanKind.SPLIT,
)
"""The plans that correct what is or was done, or that a person asks for, outside the maintenance of a campaign."""

TAKEN_BACK_BY_UNDO = (*MAINTENANCE_PLANS, PlanKind.QUARANTINE)
"""The plans that an undo of a campaign's maintenance takes back, in the order in which they are carried out."""


class Sweep(StrEnum):
    """One look at a campaign, named after the time since the end of sending: the main run, and two for late bounces."""

    H24 = "24h"
    H72 = "72h"
    D7 = "7d"

    @property
    def hours(self) -> int:
        """Hours after the end of sending."""
        return {"24h": 24, "72h": 72, "7d": 168}[self.value]


class PlanStatus(StrEnum):
    """Where a plan is in its life.

    ``withdrawn``: its maintenance was undone before it was carried out to the end. Whoever had decided on it stays named.
    """

    PLANNED = "planned"
    PENDING_REVIEW = "pending_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    EXECUTED = "executed"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


_P = PlanStatus

PLAN_LIFE = life_cycle(
    "a plan",
    {
        _P.PLANNED: {_P.PENDING_REVIEW, _P.APPROVED, _P.WITHDRAWN, _P.SUPERSEDED},
        _P.PENDING_REVIEW: {_P.APPROVED, _P.REJECTED, _P.EXPIRED, _P.WITHDRAWN, _P.SUPERSEDED},
        # Planned, waiting: what only the gate let through is judged again as long as nothing of it is begun. A new revision
        # voids an approval, but only before execution.
        _P.APPROVED: {_P.EXECUTED, _P.WITHDRAWN, _P.SUPERSEDED, _P.PLANNED, _P.PENDING_REVIEW},
        _P.REJECTED: {_P.SUPERSEDED},
        _P.EXPIRED: {_P.SUPERSEDED},
        _P.EXECUTED: (),
        _P.SUPERSEDED: (),
        _P.WITHDRAWN: (),
    },
)

TURNED_DOWN = frozenset({_P.REJECTED, _P.EXPIRED, _P.WITHDRAWN})
"""Nothing more of such a plan is begun."""


class ItemAction(StrEnum):
    """The intention for one contact. ``monitor`` and ``keep`` change nothing and are there to be seen.

    ``restore`` takes an earlier change back; ``remove`` takes a contact off one of two campaign lists it is on; ``quarantine``
    keeps it from mail for a while, on its list.
    """

    SUPPRESS = "suppress"
    MONITOR = "monitor"
    KEEP = "keep"
    MOVE = "move"
    ENROL = "enrol"
    RESTORE = "restore"
    REMOVE = "remove"
    QUARANTINE = "quarantine"


CHANGING_ACTIONS = frozenset(ItemAction) - {ItemAction.MONITOR, ItemAction.KEEP}
"""The actions that lead to a request."""


@dataclass(frozen=True, slots=True)
class PlanItem:
    """An item of a plan: the intention for one contact, and its reason. No address is in it.

    ``is_held``: waits for a person whatever happens to the rest. ``has_evidence``: a suppression that rests on a failure that
    counts or on a complaint. ``is_permanent_hard``: its latest failure is a hard bounce that leaves no doubt.

    Raises:
        ValueError: the lists do not fit the action.
    """

    contact_id: int
    action: ItemAction
    rule: str
    from_role: ListRole | None = None
    to_role: ListRole | None = None
    is_held: bool = False
    reason: str = ""
    bounce_class: str | None = None
    bounce_type: str | None = None
    bounce_count: int | None = None
    confidence: float | None = None
    has_evidence: bool = False
    is_permanent_hard: bool = False
    evidence: tuple[Evidence, ...] = ()
    explanation: str = ""

    def __post_init__(self) -> None:
        leaves = self.action in (ItemAction.MOVE, ItemAction.REMOVE)
        placed = self.action in (ItemAction.MOVE, ItemAction.ENROL)
        if leaves != (self.from_role in CAMPAIGN_LISTS) or (not leaves and self.from_role is not None):
            raise ValueError("a move or a removal, and nothing else, leaves a campaign list")
        if placed != (self.to_role in CAMPAIGN_LISTS) or self.from_role is self.to_role is not None:
            raise ValueError("a move or an enrolment goes to another campaign list")
        if not placed and self.to_role is not (ListRole.SUPPRESSION if self.action is ItemAction.SUPPRESS else None):
            raise ValueError("a suppression goes to the suppression list, and what changes nothing goes nowhere")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise ValueError("a confidence is a share from 0 to 1")


def content_hash(
    campaign_id: int | None, kind: PlanKind, sweep: Sweep | None, policy_version: str, items: Iterable[PlanItem]
) -> str:
    """The identity of a plan's content: SHA-256 as 64 hexadecimal digits.

    Covers campaign, kind, sweep, policy version and every item's contact, action, lists, rule and hold. Prose, evidence
    and time are left out: a plan that would do the same is the same plan. The order of the items does not matter.

    Raises:
        ValueError: a contact is in the plan twice.
    """
    rows = sorted(
        (
            item.contact_id,
            item.action.value,
            item.from_role.value if item.from_role else "",
            item.to_role.value if item.to_role else "",
            item.rule,
            item.is_held,
        )
        for item in items
    )
    if len({row[0] for row in rows}) != len(rows):
        raise ValueError("a contact is in the plan twice")
    content = {
        "campaign": campaign_id,
        "kind": kind.value,
        "sweep": sweep.value if sweep else None,
        "policy": policy_version,
        "items": rows,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


class Urgency(StrEnum):
    """The urgency with which a person is needed; high and critical page somebody."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def pages_people(self) -> bool:
        """Whether somebody is called at once."""
        return self in (Urgency.HIGH, Urgency.CRITICAL)


def max_urgency(*urgencies: Urgency | None) -> Urgency:
    """The highest of the rules' and the advisors' urgencies; a missing opinion changes nothing, none at all is low."""
    order = list(Urgency)
    return max((urgency for urgency in urgencies if urgency is not None), key=order.index, default=Urgency.LOW)
