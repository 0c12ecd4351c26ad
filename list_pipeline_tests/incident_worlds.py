"""Accounts whose campaigns fail as real ones do, to measure how often the incident test is wrong.

Belongs here: the world (who is mailed, who bounces and why) and the counts of its campaigns. Does not belong here: what is
measured in it (``list_pipeline_tests/incident_measures.py``).

The world: 0.3 % of the established and 3 % of the new contacts bounce hard in a campaign, more or less by an overdispersion of
0.002 an operator; one campaign in ten carries a dirty import; a custom domain in 2,000 dies whole. In an outage an operator
refuses a share of its good contacts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from list_pipeline.core.incidents.groups import DomainCount
from list_pipeline.core.incidents.operators import Operators

ESTABLISHED_HAZARD = 0.003
NEW_HAZARD = 0.03
OVERDISPERSION = 0.002
NEW_SHARE = 0.05
IMPORT_EVERY = 10
IMPORT_SHARE, IMPORT_DEAD = 0.2, 0.24
DEATH_OF_A_DOMAIN = 0.0005

SHARES: Mapping[str, float] = {
    "gmail.com": 0.29,
    "googlemail.com": 0.01,
    "hotmail.com": 0.06,
    "outlook.com": 0.05,
    "web.de": 0.05,
    "gmx.de": 0.04,
    "yahoo.com": 0.06,
    "t-online.de": 0.05,
    "icloud.com": 0.04,
    "orange.fr": 0.03,
    "libero.it": 0.02,
}
"""Of the contacts; the rest is at custom domains."""
HOSTS = {"aspmx.l.google.com": 0.35, "company-com.mail.protection.outlook.com": 0.3, "mx00.ionos.de": 0.15}
"""Of the custom domains; the rest has a mail host of its own."""


@dataclass(frozen=True)
class Outage:
    """An operator's fault: a share of the good contacts at some domains is refused as unknown."""

    domains: frozenset[str]
    share: float


@dataclass(frozen=True)
class Sent:
    """A campaign of a world, by domain in the world's order: contacts and hard bounces, new ones apart.

    ``falsely``: the good contacts among the hard bounces. ``dead``: domains that died with this campaign.
    """

    established: Sequence[int]
    new: Sequence[int]
    hard: Sequence[int]
    hard_new: Sequence[int]
    falsely: Sequence[int]
    falsely_new: Sequence[int]
    dead: frozenset[str]


@dataclass
class World:
    """An account with some thousand contacts and their domains; the same for the same seed."""

    seed: int
    contacts: int
    overdispersion: float = OVERDISPERSION
    domains: list[str] = field(init=False)
    mail_hosts: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        sizes = {name: max(1, round(share * self.contacts)) for name, share in SHARES.items()}
        left = self.contacts - sum(sizes.values())
        self.mail_hosts = {}
        while left > 0:
            # Most companies have one or two people on a list, few have dozens.
            size = min(left, int(self._random.zipf(1.9)), 60)
            name = f"company{len(sizes)}.example"
            at = self._random.random()
            for host, share in HOSTS.items():
                at -= share
                if at < 0:
                    self.mail_hosts[name] = host
                    break
            sizes[name] = size
            left -= size
        self.domains = list(sizes)
        self.sizes = np.array(list(sizes.values()))
        self._is_custom = np.array([name not in SHARES for name in self.domains])
        self._campaigns = 0

    def send(self, outage: Outage | None = None) -> Sent:
        """The next campaign."""
        random, size = self._random, (1 - self.overdispersion) / self.overdispersion
        self._campaigns += 1
        new = random.binomial(self.sizes, NEW_SHARE)
        established = self.sizes - new
        chances = random.beta(ESTABLISHED_HAZARD * size, (1 - ESTABLISHED_HAZARD) * size, len(self.domains))
        hard, hard_new = random.binomial(established, chances), random.binomial(new, NEW_HAZARD)
        died = self._is_custom & (random.random(len(self.domains)) < DEATH_OF_A_DOMAIN)
        hard, hard_new = np.where(died, established, hard), np.where(died, new, hard_new)
        if self._campaigns % IMPORT_EVERY == 0:
            imported = random.binomial(self.sizes, IMPORT_SHARE)
            new, hard_new = new + imported, hard_new + random.binomial(imported, IMPORT_DEAD)
        falsely = falsely_new = np.zeros_like(hard)
        if outage is not None:
            share = np.array([outage.share if name in outage.domains else 0.0 for name in self.domains])
            falsely = random.binomial(established - hard, share)
            falsely_new = random.binomial(new - hard_new, share)
        return Sent(
            established.tolist(),
            new.tolist(),
            (hard + falsely).tolist(),
            (hard_new + falsely_new).tolist(),
            falsely.tolist(),
            falsely_new.tolist(),
            frozenset(name for name, dead in zip(self.domains, died, strict=True) if dead),
        )

    def counts(self, sent: Sent) -> list[DomainCount]:
        """The established contacts of a campaign by domain."""
        rows = zip(self.domains, sent.established, sent.hard, strict=True)
        return [DomainCount(name, attempted, hard) for name, attempted, hard in rows if attempted]

    def an_operators_domains(self) -> frozenset[str]:
        """The domains of an operator, each operator as often as it has contacts."""
        shares = np.array(list(SHARES.values()))
        drawn = Operators().of(str(self._random.choice(list(SHARES), p=shares / shares.sum())))
        return frozenset(name for name in SHARES if Operators().of(name) == drawn)
