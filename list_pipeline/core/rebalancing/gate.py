"""The safety gate for rebalancing plans: moves and enrolments.

Belongs here: the checks on where contacts would go. Does not belong here: choosing them (``flows``), and the
vocabulary of the gate (``core.plans.gate``).

The sizes are counted again out of the items and the certificate's claim is compared with them: a gate that believes the
planner's own sums would check nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.automations import Automations
from list_pipeline.core.plans.gate import (
    CheckSeverity,
    GateCheck,
    GateDecision,
    GateOutcome,
    flag_check,
    mode_check,
)
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.rebalancing.balance import Sizes, deviation
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.wording import (
    confidence_text,
    count_text,
    exceeds_percent,
    limit_text,
    names_text,
    percent_text,
)

REVIEW_CONFIDENCE = SuppressionPolicy().review_confidence
"""Below this share an advisor's doubt makes the plan wait: the figure below which a suppression plan waits too."""


@dataclass(frozen=True, slots=True)
class TakenOff:
    """Contacts that others took off a list, and how many it would have with them."""

    contacts: int
    size_before: int


@dataclass(frozen=True, slots=True)
class RebalancingGateFacts:
    """The facts about a rebalancing plan that its gate judges.

    ``items`` are the plan's moves and enrolments. ``sizes_before`` are mailable members of list 1, 2 and 3 as they are
    now, ``sizes_after`` what the plan says they will be. ``never_move``: contacts that are suppressed, unsubscribed,
    excluded or anonymised. ``is_best_reachable``: the planner's certificate says that nothing more even can be reached,
    and ``restriction`` why. ``taken_off``: what others took off the campaign lists since moves were decided on last.
    ``advisor_confidence``: of the advisor that the plan should run, a share from 0 to 1; None when there is no usable
    opinion. ``untimely``: why the campaign is outside the age at which it is maintained by itself. ``automations``: the lists
    where being added may start one.
    """

    items: tuple[PlanItem, ...]
    sizes_before: Sizes
    sizes_after: Sizes
    never_move: frozenset[int]
    is_best_reachable: bool
    mode: Mode
    flag_enabled: bool
    restriction: str | None = None
    taken_off: Mapping[ListRole, TakenOff] = field(default_factory=dict)
    advisor_confidence: float | None = None
    untimely: str | None = None
    automations: Automations = field(default_factory=Automations)


def judge_rebalancing(facts: RebalancingGateFacts, policy: RebalancingPolicy) -> GateDecision:
    """Whether a rebalancing plan may run. It runs or waits as a whole: parts of it would leave the lists uneven.

    The advisor's confidence can only make it wait: however sure it is, no other check is passed by it.
    """
    contacts = sorted({item.contact_id for item in facts.items})
    mode = mode_check(facts.mode, facts.untimely, bool(facts.items))
    checks = (
        flag_check(facts.flag_enabled),
        mode,
        _kinds_check(facts.items),
        _once_check(facts.items),
        _nobody_check(facts),
        _sizes_check(facts),
        _moves_check(facts, policy),
        _taken_off_check(facts, policy),
        _balance_check(facts, policy),
        _advice_check(facts),
        facts.automations.check(item.to_role for item in facts.items),
    )
    failed = {check.name for check in checks if not check.passed}
    broken = failed & {"actions", "once", "never_moved", "sizes"}
    if broken or "flag" in failed:
        return GateDecision(GateOutcome.REFUSED, checks, (), (), alert=bool(broken))
    waiting = bool(failed & {"moves", "taken_off", "balance", "advice", "automations"})
    if facts.mode is Mode.READ_ONLY:
        return GateDecision(GateOutcome.READ_ONLY, checks, (), (), alert=False)
    # Nothing to do and still uneven: that is news for people, but there is nothing that they could approve.
    if facts.items and (waiting or not mode.passed):
        alert = bool(failed & {"moves", "taken_off", "advice"})
        return GateDecision(GateOutcome.NEEDS_REVIEW, checks, (), tuple(contacts), alert)
    return GateDecision(GateOutcome.APPROVED, checks, tuple(contacts), (), alert=False)


def _kinds_check(items: Iterable[PlanItem]) -> GateCheck:
    strange = sum(item.action not in (ItemAction.MOVE, ItemAction.ENROL) for item in items)
    words = f"{strange} items are neither moves nor enrolments." if strange else "All items are moves or enrolments."
    return GateCheck("actions", not strange, CheckSeverity.ERROR, words)


def _once_check(items: Iterable[PlanItem]) -> GateCheck:
    repeated = sum(times > 1 for times in Counter(item.contact_id for item in items).values())
    words = f"{repeated} contacts are in the plan more than once." if repeated else "Nobody is in the plan twice."
    return GateCheck("once", not repeated, CheckSeverity.ERROR, words)


def _nobody_check(facts: RebalancingGateFacts) -> GateCheck:
    touched = sum(item.contact_id in facts.never_move for item in facts.items)
    words = (
        f"{touched} contacts of the plan are suppressed, unsubscribed, excluded or erased."
        if touched
        else "Nobody in the plan is suppressed, unsubscribed, excluded or erased."
    )
    return GateCheck("never_moved", not touched, CheckSeverity.ERROR, words)


def _counted_sizes(facts: RebalancingGateFacts) -> Sizes:
    """The sizes that the items lead to."""
    sizes = dict(zip(CAMPAIGN_LISTS, facts.sizes_before, strict=True))
    for item in facts.items:
        if item.from_role in sizes:
            sizes[item.from_role] -= 1
        if item.to_role in sizes:
            sizes[item.to_role] += 1
    first, second, third = (sizes[role] for role in CAMPAIGN_LISTS)
    return first, second, third


def _sizes_check(facts: RebalancingGateFacts) -> GateCheck:
    counted = _counted_sizes(facts)
    passed = counted == facts.sizes_after and min(counted) >= 0
    words = f"{_sizes(facts.sizes_before)} become {_sizes(facts.sizes_after)}"
    words += ", as the items say." if passed else f", but the items lead to {_sizes(counted)}."
    return GateCheck("sizes", passed, CheckSeverity.ERROR, words)


def _moves_check(facts: RebalancingGateFacts, policy: RebalancingPolicy) -> GateCheck:
    moves = sum(item.action is ItemAction.MOVE for item in facts.items)
    contacts = sum(facts.sizes_before)
    passed = not policy.are_many(len(facts.items), contacts)
    limit = limit_text(policy.max_changed_share_percent)
    changed = f"{count_text(moves, 'move')} and {count_text(len(facts.items) - moves, 'enrolment')}"
    words = f"{changed} among {count_text(contacts, 'contact')}; the limit is under {limit}."
    return GateCheck("moves", passed, CheckSeverity.WARNING, words)


def _taken_off_check(facts: RebalancingGateFacts, policy: RebalancingPolicy) -> GateCheck:
    """Whoever empties a list by hand may want it empty: contacts of other lists do not fill it without a person."""
    limit = policy.max_taken_off_percent
    much = {
        role: one
        for role, one in facts.taken_off.items()
        if exceeds_percent(one.contacts, one.size_before, float(limit))
    }
    if not much or not facts.items:
        words = f"Nobody but this product took more than {limit_text(limit)} off a campaign list."
        return GateCheck("taken_off", True, CheckSeverity.WARNING, words)
    told = names_text([f"{one.contacts:,} of {one.size_before:,} off {role.label}" for role, one in much.items()])
    words = f"Somebody else took {told}: whether these lists are to be filled again, a person decides."
    return GateCheck("taken_off", False, CheckSeverity.WARNING, words)


def _balance_check(facts: RebalancingGateFacts, policy: RebalancingPolicy) -> GateCheck:
    """Even enough: within the goal when a rebalancing was triggered, else within the trigger, or the best there is."""
    before = deviation(facts.sizes_before)
    after = deviation(facts.sizes_after) if min(facts.sizes_after) >= 0 else None
    triggered = before is not None and before > policy.trigger
    goal = policy.repair if triggered else policy.trigger
    reached = after is None or after <= goal
    # An emptied list is no balance: sizes below zero are refused by the check of the sizes.
    worse = before is not None and after is not None and after > before
    passed = reached or (facts.is_best_reachable and not worse)
    words = (
        f"The deviation goes from {_deviation(before)} to {_deviation(after)}; the goal is {limit_text(100 * goal)}."
    )
    if not reached and facts.is_best_reachable:
        words += f" More even is not possible: {facts.restriction or 'the lists are too small'}."
    return GateCheck("balance", passed, CheckSeverity.WARNING, words)


def _advice_check(facts: RebalancingGateFacts) -> GateCheck:
    """A missing opinion is none, and a plan without items has nothing to hold."""
    sure = facts.advisor_confidence
    # Written so that what is no number at all counts as a doubt.
    doubtful = sure is not None and not sure >= REVIEW_CONFIDENCE
    decides = f"below {confidence_text(REVIEW_CONFIDENCE)} a person decides"
    if sure is None:
        words = "The advisor has no opinion, which changes nothing."
    elif not doubtful:
        words = f"The advisor's confidence is {confidence_text(sure)}; {decides}."
    else:
        follows = f"; {decides}" if facts.items else ", and there is nothing to hold"
        words = f"The advisor is unsure ({confidence_text(sure)}){follows}."
    return GateCheck("advice", not (doubtful and facts.items), CheckSeverity.WARNING, words)


def _deviation(share: Fraction | None) -> str:
    return percent_text(None if share is None else 100 * share, unknown="none (empty lists)")


def _sizes(sizes: Sizes) -> str:
    return " / ".join(f"{size:,}" for size in sizes)
