"""The test of a campaign: the groups in which more established contacts bounced hard than dead addresses explain.

Belongs here: chance and verdict of each group. Does not belong here: counting (``groups``), what is usual (``usual``) and what
follows for the contacts (``core.suppression``).

Only established contacts are counted, those delivered to before. A dirty import bounces for its own reasons and would look like
an outage of every operator at once; its bouncers were never delivered to, so it flags nothing.

A fixed share of a domain's recipients was rejected: an outage that strikes a fifth of a large operator's recipients never
reaches 60 %, and five colleagues at a small company reach it on any day.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from list_pipeline.core.incidents.beta_binomial import limit_of, log_tail
from list_pipeline.core.incidents.groups import (
    POOL,
    Group,
    GroupCount,
    GroupKind,
    domain_group,
    operator_group,
)
from list_pipeline.core.incidents.operators import Operators
from list_pipeline.core.incidents.policy import IncidentPolicy
from list_pipeline.core.incidents.usual import PastCount, Usual


@dataclass(frozen=True, slots=True)
class TestedGroup:
    """A group of a campaign with its verdict.

    Attributes:
        count: its established contacts: attempted, and bounced hard.
        expected_rate: the share of hard bounces that was expected.
        log_chance: natural logarithm of the chance of so many or more; some are too small for a float.
        is_flagged: more than dead addresses explain: its bounces are taken for the group's fault.
    """

    __test__ = False  # pytest takes the name for a test's

    count: GroupCount
    expected_rate: float
    log_chance: float
    is_flagged: bool = False

    @property
    def group(self) -> Group:
        """Shorthand for the group of its count."""
        return self.count.group

    @property
    def chance(self) -> float:
        """The chance of so many hard bounces or more, from 0 to 1; 0 where it is below 1e-308."""
        return math.exp(self.log_chance)


def examine(
    counts: Iterable[GroupCount], usual: Usual, operators: Operators, policy: IncidentPolicy
) -> tuple[TestedGroup, ...]:
    """Every group of a campaign that is large enough, with its chance and verdict, in the order of the counts.

    The pool is flagged only where it is unusual also without the domains that are flagged themselves: a company that closed
    says nothing about other domains, which share nothing that is known.

    Args:
        counts: the groups of the campaign (``count_groups``).
        usual: what was usual before it (``usual_of``).
        operators: who runs the mail of a domain, as far as is known.
        policy: the figures.
    """
    tested = [_tested(one, usual, policy) for one in counts if one.attempted >= policy.least_attempted]
    limit = limit_of((one.chance for one in tested), policy.false_share)
    if limit is None:
        return tuple(tested)
    judged = [replace(one, is_flagged=_is_unusual(one, limit, policy)) for one in tested]
    explained = [
        one.count
        for one in judged
        if one.is_flagged and one.group.kind is GroupKind.DOMAIN and operator_group(one.group.name, operators) == POOL
    ]
    return tuple(_without(one, explained, limit, usual, policy) if one.group == POOL else one for one in judged)


def _without(
    pool: TestedGroup, explained: Collection[GroupCount], limit: float, usual: Usual, policy: IncidentPolicy
) -> TestedGroup:
    rest = GroupCount(
        POOL,
        pool.count.attempted - sum(one.attempted for one in explained),
        pool.count.hard - sum(one.hard for one in explained),
    )
    return replace(pool, is_flagged=_is_unusual(_tested(rest, usual, policy), limit, policy))


def _tested(count: GroupCount, usual: Usual, policy: IncidentPolicy) -> TestedGroup:
    expected = usual.rate(count.group, policy)
    return TestedGroup(count, expected, log_tail(count.hard, count.attempted, expected, usual.overdispersion))


def _is_unusual(one: TestedGroup, limit: float, policy: IncidentPolicy) -> bool:
    return one.chance <= limit and one.count.hard >= policy.least_hard


def remembered(
    counts: Iterable[GroupCount], tested: Iterable[TestedGroup], policy: IncidentPolicy
) -> tuple[PastCount, ...]:
    """What is kept of a campaign for later ones: each operator and the pool, and domains that are large enough to be tested.

    Args:
        counts: the groups of the campaign (``count_groups``).
        tested: their verdicts (``examine``).
        policy: the figures.

    Returns:
        Never nothing: a campaign without established contacts is remembered by an empty pool, so that it is counted once.
    """
    flagged = flagged_groups(tested)
    kept = tuple(
        PastCount(one.group, one.attempted, one.hard, is_flagged=one.group in flagged)
        for one in counts
        if one.group.kind is not GroupKind.DOMAIN or one.attempted >= policy.least_attempted
    )
    return kept or (PastCount(POOL, 0, 0),)


def flagged_groups(tested: Iterable[TestedGroup]) -> frozenset[Group]:
    """The groups that were flagged."""
    return frozenset(one.group for one in tested if one.is_flagged)


def holding_group(domain: str, flagged: Collection[Group], operators: Operators) -> Group | None:
    """The flagged group that holds a contact at a domain, established or not: its operator's before its domain's own."""
    for group in (operator_group(domain, operators), domain_group(domain)):
        if group in flagged:
            return group
    return None
