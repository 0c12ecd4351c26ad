"""The contacts of a seed: roles, lists, addresses. Everything is drawn from one generator.

Belongs here: dividing the contacts among lists and traps, and making up addresses (reserved domains only). Does not
belong here: sends and rows (``seeding``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from list_pipeline.sandbox.seed.recipe import (
    EXCLUDED_NEWCOMERS,
    EXCLUDED_PER_LIST,
    FIXED_TRAPS,
    GHOST_NEWCOMERS,
    GHOSTS,
    LAST_LIST_SHARE,
    LAST_SEND_TRAPS,
    NEWCOMERS,
    OTHER_SHARES,
    SUPPRESSED,
    SUPPRESSED_KEYS,
    SUPPRESSED_NEWCOMERS,
    UNSUBSCRIBED_NEWCOMERS,
    UNSUBSCRIBED_PER_LIST,
    SeedRequest,
    Trap,
)

Numbers = npt.NDArray[np.int64]

INCIDENT_DOMAIN = "steelworks.example"

_PROVIDERS = (
    ("mail.example", 0.36),
    ("post.example", 0.14),
    ("webmail.test", 0.12),
    ("inbox.example", 0.07),
    ("fastpost.test", 0.04),
    ("letterbox.example", 0.02),
)
_COMPANIES = 300
_FIRST = ("anna", "ben", "carla", "david", "elena", "felix", "greta", "hugo", "ines", "jonas", "karin", "leo", "mona")
_LAST = ("adler", "berg", "conrad", "dietz", "ebner", "frank", "graf", "huber", "iller", "jung", "koch")


@dataclass(slots=True)
class People:
    """Contacts by index (0 is the oldest). ``lists`` are the members of the three campaign lists."""

    total: int
    lists: tuple[Numbers, Numbers, Numbers]
    unsubscribed: tuple[Numbers, Numbers, Numbers]
    excluded: tuple[Numbers, Numbers, Numbers]
    suppressed: Numbers
    suppressed_newcomers: Numbers
    newcomers: Numbers
    unsubscribed_newcomers: Numbers
    excluded_newcomers: Numbers
    ghost_newcomers: Numbers
    ghosts: Numbers
    in_two_lists: int
    plain: tuple[Numbers, Numbers, Numbers]
    trapped: list[tuple[Trap, Numbers]] = field(default_factory=list)


def draw(request: SeedRequest, chance: np.random.Generator) -> People:
    """Divide the contacts among lists, traps and newcomers."""
    ghosts, fresh = GHOSTS, request.scaled(NEWCOMERS)
    unsubscribed_fresh = request.scaled(UNSUBSCRIBED_NEWCOMERS)
    excluded_fresh = request.scaled(EXCLUDED_NEWCOMERS)
    newcomers = fresh + unsubscribed_fresh + excluded_fresh + GHOST_NEWCOMERS
    old = request.contacts + ghosts - newcomers
    deck = _Deck(chance.permutation(old))
    suppressed = deck.deal(request.scaled(SUPPRESSED))
    lifted = deck.deal(request.scaled(SUPPRESSED_NEWCOMERS))
    ghost_ids = deck.deal(ghosts)
    traps = [(trap, request.failures(trap.count)) for trap in LAST_SEND_TRAPS]
    traps += [(trap, trap.count) for trap in FIXED_TRAPS]
    sizes = _sizes(request, deck.left, traps)
    members: list[Numbers] = []
    unsubscribed: list[Numbers] = []
    excluded: list[Numbers] = []
    plain: list[Numbers] = []
    trapped: list[tuple[Trap, Numbers]] = []
    for index, size in enumerate(sizes):
        whole = deck.deal(size)
        inner = _Deck(whole)
        unsubscribed.append(inner.deal(request.scaled(UNSUBSCRIBED_PER_LIST)))
        excluded.append(inner.deal(request.scaled(EXCLUDED_PER_LIST)))
        if index == request.last_round:
            trapped = [(trap, inner.deal(count)) for trap, count in traps]
        plain.append(inner.deal(inner.left))
        members.append(whole)
    first, second = (index for index in range(3) if index != request.last_round)
    shared = int(plain[first][0])
    members[second] = np.append(members[second], shared)
    plain[first] = plain[first][1:]
    young = _Deck(old + chance.permutation(newcomers))
    return People(
        total=request.contacts + ghosts,
        lists=(members[0], members[1], members[2]),
        unsubscribed=(unsubscribed[0], unsubscribed[1], unsubscribed[2]),
        excluded=(excluded[0], excluded[1], excluded[2]),
        suppressed=suppressed,
        suppressed_newcomers=lifted,
        newcomers=young.deal(fresh),
        unsubscribed_newcomers=young.deal(unsubscribed_fresh),
        excluded_newcomers=young.deal(excluded_fresh),
        ghost_newcomers=young.deal(GHOST_NEWCOMERS),
        ghosts=ghost_ids,
        in_two_lists=shared,
        plain=(plain[0], plain[1], plain[2]),
        trapped=trapped,
    )


class _Deck:
    """Contacts that are dealt out once each."""

    def __init__(self, cards: Numbers) -> None:
        self._cards = cards
        self._next = 0

    @property
    def left(self) -> int:
        return len(self._cards) - self._next

    def deal(self, count: int) -> Numbers:
        if count > self.left:
            raise ValueError("too few contacts for this recipe")
        self._next += count
        return self._cards[self._next - count : self._next]


def _sizes(request: SeedRequest, members: int, traps: list[tuple[Trap, int]]) -> tuple[int, int, int]:
    """Raw sizes of the three lists, before one contact of one list is put on another as well."""
    if request.balance == "even":
        third = members // 3
        return (third, third, members - 2 * third)
    lost = sum(count for trap, count in traps if trap.key in SUPPRESSED_KEYS)
    unmailable = request.scaled(UNSUBSCRIBED_PER_LIST) + request.scaled(EXCLUDED_PER_LIST)
    after = members - 3 * unmailable - lost
    sizes = [0, 0, 0]
    shares = iter(OTHER_SHARES)
    for index in range(3):
        share = LAST_LIST_SHARE if index == request.last_round else next(shares)
        sizes[index] = round(after / 3 * share) + unmailable
    sizes[request.last_round] += lost
    spare = next(index for index in (1, 0) if index != request.last_round)
    sizes[spare] += members - sum(sizes)
    return (sizes[0], sizes[1], sizes[2])


def addresses(people: People, chance: np.random.Generator, special: dict[int, str]) -> Iterator[str]:
    """One address for each contact; ``special`` gives some their domain. A few have capitals or an umlaut."""
    weights = np.array([share for _, share in _PROVIDERS] + [1.0 / (rank + 8) for rank in range(_COMPANIES)])
    company_share = 1.0 - weights[: len(_PROVIDERS)].sum()
    weights[len(_PROVIDERS) :] *= company_share / weights[len(_PROVIDERS) :].sum()
    names = [name for name, _ in _PROVIDERS] + [f"company-{rank:03d}.example" for rank in range(_COMPANIES)]
    drawn = chance.choice(len(names), people.total, p=weights / weights.sum()).tolist()
    first = chance.integers(len(_FIRST), size=people.total).tolist()
    last = chance.integers(len(_LAST), size=people.total).tolist()
    for index in range(people.total):
        local = f"{_FIRST[first[index]]}.{_LAST[last[index]]}{index}"
        if index % 97 == 0:
            local = local.title()
        elif index % 499 == 0:
            local = f"jürgen.{local}"
        yield f"{local}@{special.get(index) or names[drawn[index]]}"


def special_domains(people: People, earlier: dict[int, str]) -> dict[int, str]:
    """Domains that explain a bounce. ``earlier`` maps suppressed contacts to why they are. Never five alike."""
    found: dict[int, str] = {}
    reasons = dict(earlier)
    for trap, members in people.trapped:
        for contact in members.tolist():
            if trap.key.startswith("incident_domain"):
                found[contact] = INCIDENT_DOMAIN
            elif trap.outcomes[2] is not None:
                reasons[contact] = trap.outcomes[2]
    for number, (contact, reason) in enumerate(sorted(reasons.items())):
        if reason == "invalid_domain":
            found[contact] = f"closed-shop-{number}.example"
        elif reason == "no_mail_host":
            found[contact] = f"dark-host-{number}.example"
        elif reason == "typofix":
            found[contact] = f"mial-{number // 3}.example"
    return found
