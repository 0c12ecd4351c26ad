"""How often the incident test is wrong in a world: false holds of quiet campaigns, missed outages, good contacts suppressed.

``python -m bench incidents`` prints the table of docs/incidents.md.
"""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache

from list_pipeline.core.bounces.classes import FailureEvent, classify
from list_pipeline.core.incidents.groups import Group, GroupCount, count_groups, domain_group
from list_pipeline.core.incidents.operators import Operators
from list_pipeline.core.incidents.policy import INCIDENTS, IncidentPolicy
from list_pipeline.core.incidents.strata import TestedGroup, examine, flagged_groups, holding_group, remembered
from list_pipeline.core.incidents.usual import PastCount, Usual, usual_of
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import (
    Attempt,
    AttemptOutcome,
    CampaignContext,
    ContactFacts,
    VerdictAction,
)
from list_pipeline_tests.incident_worlds import OVERDISPERSION, Outage, Sent, World

WARM_UP = 12
CAMPAIGNS = 40
"""A world is mailed so often after the campaigns that made its history."""
HOSTED = "aspmx.l.google.com"
WITHOUT_GRACE = SuppressionPolicy(grace_days=0)


@dataclass
class Account:
    """A world with the memory that the product would have of it."""

    world: World
    operators: Operators
    policy: IncidentPolicy = INCIDENTS

    def __post_init__(self) -> None:
        self.past: list[tuple[PastCount, ...]] = []
        self._usual: Usual | None = None
        for _ in range(WARM_UP):
            self.remember(self.world.send())

    @classmethod
    def of(
        cls, seed: int, contacts: int, *, knows_hosts: bool = False, overdispersion: float = OVERDISPERSION
    ) -> Account:
        """An account that has sent its first campaigns."""
        world = World(seed, contacts, overdispersion)
        return cls(world, Operators(world.mail_hosts) if knows_hosts else Operators())

    def twin(self) -> Account:
        """An account with the same past and the same future, that can be mailed without a trace in this one."""
        twin = copy(self)
        twin.world = deepcopy(self.world)
        return twin

    def usual(self) -> Usual:
        if self._usual is None:
            self._usual = usual_of(self.past, self.operators, self.policy)
        return self._usual

    def test(self, sent: Sent) -> tuple[TestedGroup, ...]:
        return examine(self._groups(sent), self.usual(), self.operators, self.policy)

    def remember(self, sent: Sent) -> frozenset[Group]:
        """Test a campaign, and keep its counts as past ones. Returns the groups that were flagged."""
        tested = self.test(sent)
        kept = remembered(self._groups(sent), tested, self.policy)
        self.past, self._usual = [*self.past[-39:], kept], None
        return flagged_groups(tested)

    def _groups(self, sent: Sent) -> tuple[GroupCount, ...]:
        return count_groups(self.world.counts(sent), self.operators, self.policy)


@dataclass(frozen=True)
class Quiet:
    """Quiet campaigns, those with a false hold, and the bouncers: all, and held wrongly."""

    campaigns: int
    false_holds: int
    bouncers: int
    wrongly_held: int


def quiet(account: Account, campaigns: int) -> Quiet:
    """Mail a world without any outage. A domain that died whole is not held wrongly; everything else is."""
    false_holds = bouncers = wrongly = 0
    for _ in range(campaigns):
        sent = account.world.send()
        flagged = account.remember(sent)
        false_holds += bool(flagged - {domain_group(name) for name in sent.dead})
        for name, hard, hard_new in zip(account.world.domains, sent.hard, sent.hard_new, strict=True):
            bouncers += hard + hard_new
            if name not in sent.dead and holding_group(name, flagged, account.operators):
                wrongly += hard + hard_new
    return Quiet(campaigns, false_holds, bouncers, wrongly)


@dataclass(frozen=True)
class Struck:
    """A campaign with an outage: whether it was missed, and the good contacts that it would cost.

    ``lost``: suppressed with both parts; ``lost_without_grace``: with the incident test alone; ``lost_without_both``: with
    neither.
    """

    is_missed: bool
    lost: int
    lost_without_grace: int
    lost_without_both: int


def strike(account: Account, share: float, domains: frozenset[str]) -> Struck:
    """One campaign with an outage at some domains; the account forgets it.

    Each good contact that it strikes fails once, as an unknown user and with the permanence flag. Whoever is held is not
    suppressed; about everybody else the rules of suppression decide. An outage is missed when no fewer of the contacts that it
    struck are free than held.
    """
    sent = account.world.send(Outage(domains, share))
    flagged = flagged_groups(account.test(sent))
    free = free_new = everybody = 0
    for name, falsely, falsely_new in zip(account.world.domains, sent.falsely, sent.falsely_new, strict=True):
        everybody += falsely + falsely_new
        if holding_group(name, flagged, account.operators) is None:
            free, free_new = free + falsely, free_new + falsely_new

    def suppressed(policy: SuppressionPolicy) -> int:
        return free * is_suppressed(True, policy) + free_new * is_suppressed(False, policy)

    is_missed = 2 * (free + free_new) >= everybody
    return Struck(is_missed, suppressed(SuppressionPolicy()), suppressed(WITHOUT_GRACE), everybody)


@cache
def is_suppressed(is_established: bool, policy: SuppressionPolicy) -> bool:
    """What the rules of suppression make of one certain hard bounce, of a contact that was reached a month before or never."""
    at = datetime(2026, 11, 2, 9, tzinfo=UTC)
    bounce = FailureEvent(1, 2, at, 1, True, MessageStatus.BOUNCE, classify(1, True), True, True)
    past = [Attempt(1, at - timedelta(days=30), AttemptOutcome.DELIVERED)] if is_established else []
    campaign = CampaignContext(2, 1000, {1: "gmail.com"}, at)
    (verdict,) = decide([bounce], {1: past}, {1: ContactFacts()}, campaign, policy, at + timedelta(days=1))
    return verdict.action is VerdictAction.SUPPRESS


def quiet_together(contacts: int, campaigns: int, seed: int, overdispersion: float = OVERDISPERSION) -> Quiet:
    """Several worlds, together so many quiet campaigns."""
    found = [
        quiet(Account.of(seed + number, contacts, overdispersion=overdispersion), min(CAMPAIGNS, campaigns - begun))
        for number, begun in enumerate(range(0, campaigns, CAMPAIGNS))
    ]
    return Quiet(
        campaigns=sum(one.campaigns for one in found),
        false_holds=sum(one.false_holds for one in found),
        bouncers=sum(one.bouncers for one in found),
        wrongly_held=sum(one.wrongly_held for one in found),
    )


class Where(StrEnum):
    """The domains that an outage strikes: those of an operator, each drawn as often as it has contacts; or the custom domains
    that one operator hosts, with their mail hosts known or not."""

    OPERATOR = "operator"
    HOSTED = "hosted"
    POOLED = "pooled"


@cache
def _begun(seed: int, contacts: int, knows_hosts: bool) -> Account:
    return Account.of(seed, contacts, knows_hosts=knows_hosts)


def outages(contacts: int, share: float, campaigns: int, seed: int, where: Where = Where.OPERATOR) -> list[Struck]:
    """So many campaigns with an outage, ten in each world."""
    found = []
    for begun in range(0, campaigns, 10):
        account = _begun(seed + begun, contacts, where is Where.HOSTED).twin()
        hosted = frozenset(name for name, host in account.world.mail_hosts.items() if host == HOSTED)
        for _ in range(min(10, campaigns - begun)):
            domains = account.world.an_operators_domains() if where is Where.OPERATOR else hosted
            found.append(strike(account, share, domains))
    return found
