"""The groups of contacts that an outage can strike together: those of a mail operator, and those of a domain.

Belongs here: which groups a domain is in, and the counts of a campaign in each. Does not belong here: the table of operators
(``operators``) and what is unusual (``strata``).

Operators are grouped because one operator hosts thousands of company domains, too small each to show anything. Custom domains
whose operator is not known are one pool: it has its own usual rate, and a large outage at a host shows in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from list_pipeline.core.incidents.operators import Operators
from list_pipeline.core.incidents.policy import IncidentPolicy


class GroupKind(StrEnum):
    """What the contacts of a group have in common. ``pool``: that nothing is known of who runs their mail."""

    OPERATOR = "operator"
    POOL = "pool"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Contacts that an outage can strike together; ``name`` is the operator's or the domain's."""

    kind: GroupKind
    name: str


POOL = Group(GroupKind.POOL, "other domains")
"""All domains whose operator is not known."""


@dataclass(frozen=True, slots=True)
class DomainCount:
    """A domain in one campaign: its established contacts (delivered to before) that were attempted, and those of them that
    bounced hard, disputed ones included."""

    domain: str
    attempted: int
    hard: int

    def __post_init__(self) -> None:
        if not 0 <= self.hard <= self.attempted:
            raise ValueError("between none and all of the attempted contacts bounce hard")


@dataclass(frozen=True, slots=True)
class GroupCount:
    """The same figures of a group."""

    group: Group
    attempted: int
    hard: int


def domain_group(domain: str) -> Group:
    """The group of a domain's own contacts."""
    return Group(GroupKind.DOMAIN, domain)


def operator_group(domain: str, operators: Operators) -> Group:
    """The group of all contacts at the operator of a domain; the pool where the operator is not known."""
    operator = operators.of(domain)
    return POOL if operator is None else Group(GroupKind.OPERATOR, operator)


def count_groups(
    domains: Iterable[DomainCount], operators: Operators, policy: IncidentPolicy
) -> tuple[GroupCount, ...]:
    """The counts of a campaign in every group, in the order of the groups; a domain that comes twice is added up.

    A domain with nearly all contacts of its operator is no group of its own: the same contacts would be tested twice, and two
    unusual groups weigh more than one.
    """
    attempted: Counter[Group] = Counter()
    hard: Counter[Group] = Counter()
    above: dict[Group, Group] = {}
    for one in domains:
        own = domain_group(one.domain)
        above[own] = operator_group(one.domain, operators)
        for group in (above[own], own):
            attempted[group] += one.attempted
            hard[group] += one.hard
    operator_itself = {
        own
        for own, operator in above.items()
        if operator is not POOL and attempted[own] >= policy.operator_itself * attempted[operator]
    }
    return tuple(
        GroupCount(group, attempted[group], hard[group]) for group in sorted(attempted) if group not in operator_itself
    )
