"""What is usual for an account and each of its groups: rates of hard bounces, and how much they differ between campaigns.

Belongs here: the history with its decay, the expected rate, the estimate of the overdispersion. Does not belong here: the test
of a campaign (``strata``), and keeping the counts of past campaigns.

A campaign in which a group was flagged says nothing about what is usual for it, so it is left out: of an operator together with
all of its domains, and of a domain out of its operator's counts too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from list_pipeline.core.incidents.groups import Group, GroupCount, GroupKind, operator_group
from list_pipeline.core.incidents.operators import Operators
from list_pipeline.core.incidents.policy import IncidentPolicy


@dataclass(frozen=True, slots=True)
class PastCount(GroupCount):
    """The counts of a group in an earlier campaign. ``is_flagged``: its bounces were taken for the group's fault."""

    is_flagged: bool = False


@dataclass(frozen=True, slots=True)
class Weighted:
    """Contacts of past campaigns, each campaign with its weight: ``hard`` bounces of ``attempted``."""

    attempted: float = 0.0
    hard: float = 0.0

    def after(self, attempted: int, hard: int, decay: float) -> Weighted:
        """The history one campaign later."""
        return Weighted(decay * self.attempted + attempted, decay * self.hard + hard)


_NOTHING = Weighted()
_LARGEST = 0.5
"""No estimate above this: such rates are no longer those of one group."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual before a campaign.

    Attributes:
        account: all established contacts, each once a campaign.
        groups: the same by group; a group that is not there has no history.
        overdispersion: of the rates of a group between campaigns; a share.
    """

    account: Weighted = _NOTHING
    groups: Mapping[Group, Weighted] = field(default_factory=dict)
    overdispersion: float = IncidentPolicy().overdispersion

    def account_rate(self, policy: IncidentPolicy) -> float:
        """The share of hard bounces among all established contacts that is expected."""
        weight = policy.starting_contacts
        return (self.account.hard + weight * policy.starting_rate) / (self.account.attempted + weight)

    def rate(self, group: Group, policy: IncidentPolicy) -> float:
        """The share of hard bounces among a group's established contacts that is expected: its own history, and the account's
        rate with the weight of 500 contacts."""
        return _expected(self.groups.get(group, _NOTHING), self.account_rate(policy), policy)


def usual_of(past: Iterable[Sequence[PastCount]], operators: Operators, policy: IncidentPolicy) -> Usual:
    """What is usual after some campaigns.

    Args:
        past: the counts of each campaign of the account, oldest first; a group of which nothing was attempted may be missing.
        operators: who runs the mail of a domain, as far as is known today.
        policy: the figures.
    """
    account, histories, estimate, campaigns = _NOTHING, _Histories(policy.decay), _Estimate(policy), 0
    for counts in past:
        rate = Usual(account).account_rate(policy)
        attempted = hard = 0
        for one in _what_is_usual(counts, operators):
            if one.group.kind is not GroupKind.DOMAIN:
                attempted, hard = attempted + one.attempted, hard + one.hard
                estimate.add(one, _expected(histories.before(one.group, campaigns), rate, policy))
            histories.add(one, campaigns)
        account = account.after(attempted, hard, policy.decay)
        campaigns += 1
    groups = {group: histories.before(group, campaigns) for group in histories.groups}
    return Usual(account, groups, estimate.value(campaigns))


def _expected(own: Weighted, account_rate: float, policy: IncidentPolicy) -> float:
    weight = policy.prior_contacts
    return (own.hard + weight * account_rate) / (own.attempted + weight)


def _what_is_usual(counts: Sequence[PastCount], operators: Operators) -> Iterable[GroupCount]:
    """The counts of a campaign without those of flagged groups."""
    flagged = {one.group for one in counts if one.is_flagged}
    if not flagged:
        return counts
    above = {
        one.group: operator_group(one.group.name, operators) for one in counts if one.group.kind is GroupKind.DOMAIN
    }
    taken_out: dict[Group, list[PastCount]] = {}
    for one in counts:
        if one.is_flagged and one.group in above:
            taken_out.setdefault(above[one.group], []).append(one)
    return [
        _without(one, taken_out.get(one.group, ()))
        for one in counts
        if one.group not in flagged and above.get(one.group) not in flagged
    ]


def _without(count: GroupCount, parts: Sequence[GroupCount]) -> GroupCount:
    """The rest of a group. A domain that came to the operator since was not among its contacts then: never fewer than none."""
    attempted = max(0, count.attempted - sum(part.attempted for part in parts))
    return GroupCount(count.group, attempted, min(attempted, max(0, count.hard - sum(part.hard for part in parts))))


class _Histories:
    """The weighted counts of each group, brought up to date when they are asked for: most groups are in few campaigns."""

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._known: dict[Group, tuple[int, Weighted]] = {}

    @property
    def groups(self) -> Iterable[Group]:
        return self._known

    def before(self, group: Group, campaign: int) -> Weighted:
        """The history of a group as of a campaign, by the campaign's place among all."""
        known = self._known.get(group)
        if known is None:
            return _NOTHING
        place, history = known
        faded = self._decay ** (campaign - place - 1)
        return Weighted(faded * history.attempted, faded * history.hard)

    def add(self, count: GroupCount, campaign: int) -> None:
        before = self.before(count.group, campaign)
        self._known[count.group] = (campaign, before.after(count.attempted, count.hard, self._decay))


class _Estimate:
    """The overdispersion out of how far operators were from what was expected of them: a weighted moment estimate.

    The square of a group's distance from what is expected, in units of its binomial variance, is 1 + (n - 1) times the
    overdispersion on average. Each counts by how closely it tells that. Domains are left out: they are in their operator.
    """

    def __init__(self, policy: IncidentPolicy) -> None:
        self._policy, self._above, self._below = policy, 0.0, 0.0

    def add(self, count: GroupCount, expected: float) -> None:
        n = count.attempted
        if n < self._policy.least_attempted:
            return
        variance = n * expected * (1 - expected)
        excess = (count.hard - n * expected) ** 2 / variance - 1
        spread = 2 * (1 + (n - 1) * self._policy.overdispersion) ** 2 + 1 / variance
        self._above += (n - 1) * excess / spread
        self._below += (n - 1) ** 2 / spread

    def value(self, campaigns: int) -> float:
        policy = self._policy
        if campaigns < policy.overdispersion_campaigns:
            return policy.overdispersion
        before = policy.overdispersion_error**-2
        found = (self._above + before * policy.overdispersion) / (self._below + before)
        return min(max(found, policy.overdispersion_least), _LARGEST)
