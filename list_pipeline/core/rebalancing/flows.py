"""When the campaign lists are rebalanced, and how many contacts go from where to where.

Belongs here: the policy, the restrictions of an open cycle and of frozen lists, and the plan in counts with its
certificate. Does not belong here: the search for the fewest moves (``minimal_moves``), which contacts they are
(``queue_order``), what a cycle is (``core.campaigns.cycles``).

The rules: a deviation above the trigger starts a rebalancing, which then brings it down to the repair level (between
the two levels nothing moves, so that one repair lasts for several campaigns). Newcomers come first, since they grow
the audience and need no move. While a cycle is open a contact may only move between lists that were both already sent
in it, or both not: otherwise somebody would get the same content twice, or never. Newcomers did not get the open cycle
yet, so they join lists that are still to be sent in it. What the restriction forbids is recorded as deferred, and planned
again from the sizes of that day once it is lifted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.rebalancing.balance import BalanceState, Pair, Sizes, assess_balance, checked_sizes, deviation
from list_pipeline.core.rebalancing.minimal_moves import (
    EVERY_LIST,
    FREE,
    Group,
    GroupBound,
    Solution,
    smallest_gap,
    solve,
)
from list_pipeline.core.wording import (
    Percent,
    count_text,
    exact_share,
    limit_text,
    lists_text,
    percent_text,
    share_percent_text,
)


class EnrolNewcomers(StrEnum):
    """The choice of newcomers: contacts of the master list in no campaign list that are enrolled."""

    NEEDED = "needed"
    """At most the smallest number after which no move is needed, and only when a rebalancing is triggered."""
    ALL = "all"
    """Everybody, spread as evenly as possible, also when no rebalancing is triggered."""
    OFF = "off"
    """Nobody."""


@dataclass(frozen=True, slots=True)
class RebalancingPolicy:
    """The figures of a rebalancing, all in percent.

    A deviation above ``trigger_percent`` of the mean starts one, which aims at ``repair_percent``. From
    ``max_changed_share_percent`` of the contacts in the three lists on, moves and enrolments together need a person's
    approval. So does every plan when others took more than ``max_taken_off_percent`` of a list off it: whoever emptied it may
    have wanted it empty. The defaults are those of the specification: 5 % tolerance, under 2 % as the goal, under 10 % of
    contacts moved, and 5 % as the loss of a list that is an alert.

    Raises:
        ConfigurationError: a figure is no usable percentage, or the goal is above the trigger.
    """

    trigger_percent: Percent = 5
    repair_percent: Percent = 2
    enrol: EnrolNewcomers = EnrolNewcomers.NEEDED
    max_changed_share_percent: Percent = 10
    max_taken_off_percent: Percent = 5

    def __post_init__(self) -> None:
        tried = "reading the rebalancing policy"
        try:
            trigger, repair, _ = self.trigger, self.repair, self.max_changed_share
        except ValueError as error:
            raise ConfigurationError(tried, str(error), "Give a percentage of zero or more") from error
        if repair > trigger:
            raise ConfigurationError(
                tried,
                f"the repair level of {self.repair_percent} % is above the trigger of {self.trigger_percent} %",
                "Set LIST_BALANCE_TARGET to at most LIST_BALANCE_THRESHOLD",
            )

    @property
    def trigger(self) -> Fraction:
        """The trigger as a share of the mean."""
        return exact_share(self.trigger_percent)

    @property
    def repair(self) -> Fraction:
        """The goal as a share of the mean."""
        return exact_share(self.repair_percent)

    @property
    def max_changed_share(self) -> Fraction:
        """The share of contacts that may move or enter a list without a person."""
        return exact_share(self.max_changed_share_percent)

    def are_many(self, changed: int, contacts: int) -> bool:
        """Whether so many moves and enrolments among so many contacts of the three lists need a person."""
        return changed > 0 and changed >= self.max_changed_share * contacts


@dataclass(frozen=True, slots=True)
class MoveCertificate:
    """Why no plan under the same restriction could reach the same deviation with fewer moves.

    Every move lowers the surplus over the band ``lo..hi`` and the deficit under it by at most one, every newcomer the
    deficit alone. ``surplus`` and ``deficit`` are sums over the lists that may change; with a restriction the bound
    is the sum of the bounds of each group of lists, in ``groups``.
    """

    lower_bound: int
    moves: int
    surplus: int
    deficit: int
    newcomers: int
    newcomers_available: int
    lo: int
    hi: int
    groups: tuple[GroupBound, ...]
    restriction: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class FlowPlan:
    """The plan in counts of contacts. Sizes are mailable members of list 1, 2 and 3; deviations are shares of the mean.

    ``required`` is true when a rebalancing was triggered and there is something to change, now or (deferred) later.
    The mappings hold positive counts only. ``deferred_*`` is what an unrestricted plan would still do on top of this
    one. ``is_repaired`` says that a triggered rebalancing reaches its goal, or the best that whole contacts allow.
    """

    sizes: Sizes
    target_sizes: Sizes
    triggered: bool
    required: bool
    moves: Mapping[Pair, int]
    enrolments: Mapping[ListRole, int]
    deferred_moves: Mapping[Pair, int]
    deferred_enrolments: Mapping[ListRole, int]
    deviation_before: Fraction | None
    deviation_after: Fraction | None
    is_repaired: bool
    is_above_trigger_after: bool
    certificate: MoveCertificate | None
    review_reason: str | None
    reasons: tuple[str, ...]

    @property
    def move_count(self) -> int:
        """Contacts that change lists."""
        return sum(self.moves.values())

    @property
    def enrolment_count(self) -> int:
        """Newcomers that join a list."""
        return sum(self.enrolments.values())

    @property
    def changes_nothing(self) -> bool:
        """Neither a move nor an enrolment."""
        return not self.moves and not self.enrolments


def plan_flows(
    sizes: Sizes,
    newcomers_available: int,
    sent_in_open_cycle: frozenset[ListRole] = frozenset(),
    frozen: frozenset[ListRole] = frozenset(),
    policy: RebalancingPolicy | None = None,
) -> FlowPlan:
    """Decide whether to rebalance, and the counts: smallest deviation, then fewest moves, then fewest newcomers.

    Args:
        sizes: mailable members of list 1, 2 and 3, quarantined ones included.
        newcomers_available: contacts of the master list that may be enrolled; none of them got the open cycle.
        sent_in_open_cycle: the lists that were already sent in the open cycle; empty when no cycle is open.
        frozen: lists that must not be changed at all, because they are validated or being sent.
        policy: the figures; the defaults where None.

    Returns:
        The plan. With enrolment ``all``, newcomers whose share belongs to a list that they may not join now wait.

    Raises:
        ValueError: a negative count, or a role that is no campaign list.
    """
    rules = policy if policy is not None else RebalancingPolicy()
    if newcomers_available < 0:
        raise ValueError(f"the number of newcomers must not be negative: {newcomers_available}")
    for role in sent_in_open_cycle | frozen:
        if role not in CAMPAIGN_LISTS:
            raise ValueError(f"{role.value} is not a campaign list")
    before = deviation(checked_sizes(sizes))
    triggered = before is not None and before > rules.trigger
    groups, joinable = _groups(sent_in_open_cycle, frozen), _joinable(sent_in_open_cycle)
    offered = 0 if rules.enrol is EnrolNewcomers.OFF else newcomers_available
    restriction = _restriction(sent_in_open_cycle, frozen)
    solution: Solution | None
    later = certificate = None
    if triggered:
        solution = _solve_triggered(sizes, offered, groups, joinable, rules)
        left = offered - sum(solution.enrolments)
        later = solve(solution.sizes, range(left + 1), FREE, rules.repair)
        certificate = _certificate(solution, newcomers_available, restriction)
    else:
        solution = _solve_untriggered(sizes, offered, groups, joinable, rules)

    target = solution.sizes if solution is not None else sizes
    after = deviation(target)
    moves, enrolments = _by_pair(solution), _by_role(solution)
    deferred_moves, deferred_enrolments = _by_pair(later), _by_role(later)
    best_now = assess_balance(target, rules.repair_percent).state is not BalanceState.UNBALANCED
    review = _review_reason(sum(moves.values()), sum(enrolments.values()), sum(sizes), rules)
    plan = FlowPlan(
        sizes=sizes,
        target_sizes=target,
        triggered=triggered,
        required=triggered and bool(moves or enrolments or deferred_moves or deferred_enrolments),
        moves=moves,
        enrolments=enrolments,
        deferred_moves=deferred_moves,
        deferred_enrolments=deferred_enrolments,
        deviation_before=before,
        deviation_after=after,
        is_repaired=triggered and best_now,
        is_above_trigger_after=after is not None and after > rules.trigger,
        certificate=certificate,
        review_reason=review,
        reasons=(),
    )
    return _with_reasons(plan, rules, restriction, newcomers_available)


def _groups(sent: frozenset[ListRole], frozen: frozenset[ListRole]) -> tuple[Group, ...]:
    """The lists between which contacts may move: not frozen, and of the same state in the open cycle."""
    by_state: dict[bool, list[int]] = {}
    for index, role in enumerate(CAMPAIGN_LISTS):
        if role not in frozen:
            by_state.setdefault(role in sent, []).append(index)
    return tuple(sorted(tuple(group) for group in by_state.values()))


def _joinable(sent: frozenset[ListRole]) -> frozenset[int]:
    """The lists that newcomers may join: those still to be sent in the open cycle, so that they get it once."""
    if sent.issuperset(CAMPAIGN_LISTS):
        return EVERY_LIST
    return frozenset(index for index, role in enumerate(CAMPAIGN_LISTS) if role not in sent)


def _solve_triggered(
    sizes: Sizes, offered: int, groups: tuple[Group, ...], joinable: frozenset[int], rules: RebalancingPolicy
) -> Solution:
    least = solve(sizes, range(offered + 1), groups, rules.repair, joinable)
    if rules.enrol is not EnrolNewcomers.ALL:
        return least
    count = _most_newcomers(sizes, offered, groups, joinable, _ceiling(least.sizes, rules))
    return solve(sizes, range(count, count + 1), groups, rules.repair, joinable)


def _solve_untriggered(
    sizes: Sizes, offered: int, groups: tuple[Group, ...], joinable: frozenset[int], rules: RebalancingPolicy
) -> Solution | None:
    """Enrol without moving anybody; None when nobody is enrolled."""
    if rules.enrol is not EnrolNewcomers.ALL:
        return None
    alone: tuple[Group, ...] = tuple((index,) for index in sorted(index for group in groups for index in group))
    count = _most_newcomers(sizes, offered, alone, joinable, _ceiling(sizes, rules))
    return solve(sizes, range(count, count + 1), alone, rules.repair, joinable) if count else None


def _ceiling(reached: Sizes, rules: RebalancingPolicy) -> Fraction:
    """The deviation that more newcomers may lead to: the goal, or what these sizes have where that is more."""
    share = deviation(reached)
    return rules.repair if share is None else max(rules.repair, share)


def _most_newcomers(
    sizes: Sizes, offered: int, groups: tuple[Group, ...], joinable: frozenset[int], ceiling: Fraction
) -> int:
    """The largest number that can be enrolled without a deviation above the ceiling, which some number can keep.

    With all lists open to them that is everybody: they fill the smallest lists, which can only make the lists more even
    (but for the last contact of a total that is no multiple of three). A list that they may not join cannot take its share.
    """
    may_exchange = {index for group in groups for index in group}
    if joinable.isdisjoint(may_exchange):
        return 0
    # The most that the smallest list can have that no newcomer joins: its own size, or the mean of those it exchanges with.
    unreached = [sizes[index] for index in range(3) if index not in may_exchange]
    unreached += [sum(sizes[i] for i in group) // len(group) for group in groups if joinable.isdisjoint(group)]
    if not unreached:
        return offered
    most = offered
    if ceiling < 1:
        most = min(offered, int(3 * min(unreached) / (1 - ceiling)) - sum(sizes))
    return next(
        count
        for count in reversed(range(most + 1))
        if smallest_gap(sizes, count, groups, joinable) <= ceiling * (sum(sizes) + count)
    )


def _by_pair(solution: Solution | None) -> dict[Pair, int]:
    flows = solution.flows if solution is not None else {}
    return {(CAMPAIGN_LISTS[donor], CAMPAIGN_LISTS[receiver]): count for (donor, receiver), count in flows.items()}


def _by_role(solution: Solution | None) -> dict[ListRole, int]:
    counts = solution.enrolments if solution is not None else (0, 0, 0)
    return {role: count for role, count in zip(CAMPAIGN_LISTS, counts, strict=True) if count}


def _review_reason(moves: int, enrolments: int, contacts: int, rules: RebalancingPolicy) -> str | None:
    if not rules.are_many(moves + enrolments, contacts):
        return None
    share = f" ({share_percent_text(moves + enrolments, contacts)})" if contacts else ""
    return (
        f"{count_text(moves, 'move')} and {count_text(enrolments, 'enrolment')}{share} among the {contacts:,} contacts in the "
        f"three lists; from {limit_text(rules.max_changed_share * 100)} on a person decides"
    )


def _restriction(sent: frozenset[ListRole], frozen: frozenset[ListRole]) -> str | None:
    held = tuple(role for role in CAMPAIGN_LISTS if role in frozen)
    done = tuple(role for role in CAMPAIGN_LISTS if role in sent - frozen)
    due = tuple(role for role in CAMPAIGN_LISTS if role not in sent | frozen)
    parts = []
    if held:
        parts.append(
            f"{lists_text(held)} may not be changed now (being sent or sent soon, it is not known yet who was mailed, "
            "a send fits no cycle or cannot be read, others changed it at large and nobody decided on that, or an entry of it "
            "names nobody)"
        )
    if done and due:
        parts.append(
            f"the open cycle was already sent to {lists_text(done)} and not yet to {lists_text(due)}: "
            "contacts move only between lists of the same state, and newcomers join lists still to be sent"
        )
    return "; ".join(parts) or None


def _certificate(solution: Solution, available: int, restriction: str | None) -> MoveCertificate:
    bounds = solution.bounds
    newcomers = sum(solution.enrolments)
    clauses = []
    for bound in bounds:
        if len(bounds) > 1 and not (bound.surplus or bound.deficit or bound.newcomers):
            continue
        where = "" if len(bound.lists) == 3 else lists_text(CAMPAIGN_LISTS[i] for i in bound.lists) + ": "
        need = bound.least_moves
        # Of three lists one group at most has two of them, so that all moves are between its lists.
        verdict = (
            f"at least {need:,} {'move is' if need == 1 else 'moves are'} needed; "
            f"{solution.moves:,} {'is' if solution.moves == 1 else 'are'} planned"
            if need
            else "no move is needed; none is planned"
        )
        clauses.append(
            f"{where}surplus {bound.surplus:,}, deficit {bound.deficit:,}, newcomers {bound.newcomers:,}: {verdict}"
        )
    return MoveCertificate(
        lower_bound=sum(bound.least_moves for bound in bounds),
        moves=solution.moves,
        surplus=sum(bound.surplus for bound in bounds),
        deficit=sum(bound.deficit for bound in bounds),
        newcomers=newcomers,
        newcomers_available=available,
        lo=solution.lo,
        hi=solution.hi,
        groups=bounds,
        restriction=restriction,
        sentence=". ".join(clauses) or "no allowed move or enrolment brings the lists nearer to even; none is planned",
    )


def _with_reasons(plan: FlowPlan, rules: RebalancingPolicy, restriction: str | None, available: int) -> FlowPlan:
    trigger, goal = limit_text(rules.trigger_percent), limit_text(rules.repair_percent)
    before, reached = (
        percent_text(None if share is None else 100 * share) for share in (plan.deviation_before, plan.deviation_after)
    )
    deviate = f"the lists deviate by {before} from their mean"
    reasons = []
    if plan.deviation_before is None:
        reasons.append("the three lists are empty: there is no mean to deviate from")
    elif not plan.triggered:
        reasons.append(f"{deviate}; only above {trigger} is it repaired")
    else:
        reasons.append(f"{deviate}, more than the tolerance of {trigger}")
    if plan.triggered:
        if assess_balance(plan.target_sizes, rules.repair_percent).state is BalanceState.BALANCED:
            reasons.append(f"the plan brings them to {reached}; the goal is {goal}")
        elif plan.is_repaired:
            reasons.append(f"{reached} is as even as possible for {sum(plan.target_sizes):,} contacts")
        else:
            still = f", still above {trigger}" if plan.is_above_trigger_after else ""
            reasons.append(f"only {reached} can be reached now{still}; the goal is {goal}; {restriction}")
    if plan.deferred_moves or plan.deferred_enrolments:
        reasons.append(
            f"deferred until the restriction is lifted: moves {sum(plan.deferred_moves.values()):,}, "
            f"enrolments {sum(plan.deferred_enrolments.values()):,}"
        )
    if not plan.triggered and plan.enrolments:
        reasons.append(f"newcomers enrolled without a move: {plan.enrolment_count:,}")
    waiting = available - plan.enrolment_count
    if rules.enrol is EnrolNewcomers.ALL and waiting:
        reasons.append(f"newcomers who wait for a list that they may not join now: {waiting:,}")
    if plan.review_reason:
        reasons.append(plan.review_reason)
    return replace(plan, reasons=tuple(reasons))
