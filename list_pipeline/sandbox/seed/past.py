"""The past of a seed: the time and recipients of every send, and the failures among them.

Belongs here: times, outcomes and the truth about them, as arrays by contact index. Does not belong here: rows
(``seeding``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from list_pipeline.sandbox.seed.people import INCIDENT_DOMAIN, Numbers, People, draw
from list_pipeline.sandbox.seed.recipe import (
    CYCLE_GAP,
    CYCLES,
    DAY,
    EARLIER_HARD,
    EARLIER_NOISE,
    HOUR,
    LATE_JOINERS_PER_LIST,
    ROUND_GAP,
    SINCE_LAST_SEND,
    SUPPRESSED_KEYS,
    SeedRequest,
)
from list_pipeline.sandbox.store import FIRST_NUMBERS


@dataclass(slots=True)
class Send:
    """One past send. ``recipients`` are contact indices in the order of sending."""

    cycle: int
    round_index: int
    start: int
    end: int
    recipients: Numbers
    campaign_id: int
    draft_id: int


class Past:
    """The sends and failures before the anchor time."""

    def __init__(self, request: SeedRequest, now: int) -> None:
        self.request = request
        self.anchor = int(request.anchor.timestamp()) if request.anchor is not None else now
        self.chance = np.random.default_rng(request.seed)
        self.people: People = draw(request, self.chance)
        total = self.people.total
        self.contact_ids: Numbers = FIRST_NUMBERS["contact"] + np.cumsum(self.chance.integers(1, 9, total))
        self.created = self._created()
        self.joined: tuple[Numbers, ...] = self._joined()
        self.excluded_at = np.zeros(total, dtype=np.int64)
        self.unsubscribed_at = np.zeros(total, dtype=np.int64)
        self.complaining: set[int] = set()
        self.condition: dict[int, str] = {}
        self.block: dict[int, int] = {}
        self.earlier: dict[int, str] = {}
        # What ends differently than delivered, by (cycle, round): contact to outcome.
        self.outcomes: dict[tuple[int, int], dict[int, str]] = {}
        self.suppressed_in: dict[int, tuple[int, int]] = {}

    def id_of(self, index: int) -> int:
        return int(self.contact_ids[index])

    def ids_of(self, indices: Numbers) -> list[int]:
        return sorted(int(value) for value in self.contact_ids[indices])

    def _created(self) -> Numbers:
        young = len(self.people.newcomers) + len(self.people.unsubscribed_newcomers)
        young += len(self.people.excluded_newcomers) + len(self.people.ghost_newcomers)
        old = self.people.total - young
        past = np.sort(self.chance.integers(self.anchor - 900 * DAY, self.anchor - 46 * DAY, old))
        recent = np.sort(self.chance.integers(self.anchor - 20 * DAY, self.anchor - 2 * HOUR, young))
        return np.concatenate([past, recent])

    def _joined(self) -> tuple[Numbers, ...]:
        """When each member joined its campaign list: soon after sign-up, a few only between the cycles."""
        found = []
        new = {contact for trap, members in self.people.trapped if trap.is_new for contact in members.tolist()}
        for members, plain in zip(self.people.lists, self.people.plain, strict=True):
            times = self.created[members] + self.chance.integers(60, 3 * DAY, len(members))
            late = set(plain[-self.request.scaled(LATE_JOINERS_PER_LIST) :].tolist())
            mask = np.array([member in late for member in members.tolist()])
            recent = self.chance.integers(self.anchor - 30 * DAY, self.anchor - 10 * DAY, len(members))
            times = np.where(mask, recent, times)
            times[[member in new for member in members.tolist()]] = self.anchor - SINCE_LAST_SEND - 4 * DAY
            found.append(times)
        return tuple(found)

    def plan_outcomes(self) -> None:
        """The failures of every send: traps on the last list, noise everywhere, and the causes of past suppressions."""
        last = self.request.last_round
        sends = [(cycle, index) for cycle in range(CYCLES) for index in range(3) if self._is_sent(cycle, index)]
        self.outcomes = {key: {} for key in sends}
        for trap, members in self.people.trapped:
            for contact in members.tolist():
                for cycle, name in enumerate(trap.outcomes):
                    if name is not None:
                        self.outcomes[cycle, last][contact] = name
                if trap.condition is not None:
                    self.condition[contact] = trap.condition
                if trap.block is not None:
                    self.block[contact] = trap.block
                if trap.key == "complaint":
                    self.complaining.add(contact)
        earlier = [key for key in sends if key != (CYCLES - 1, last)]
        late = self.request.scaled(LATE_JOINERS_PER_LIST)
        taken = [0, 0, 0]
        for cycle, index in earlier:
            for name, count in EARLIER_NOISE:
                size = self.request.scaled(count)
                pool = self.people.plain[index][:-late]
                for contact in pool[taken[index] : taken[index] + size].tolist():
                    self.outcomes[cycle, index][contact] = name
                taken[index] += size
        for number, contact in enumerate(self.people.suppressed.tolist()):
            key = earlier[number % len(earlier)]
            name = EARLIER_HARD[number % len(EARLIER_HARD)]
            self.suppressed_in[contact] = key
            self.outcomes[key][contact] = self.earlier[contact] = name
            self.block[contact] = 21 if name == "complained" else 14
            self.excluded_at[contact] = self._times(*key)[1] + 25 * HOUR
            if name == "complained":
                self.complaining.add(contact)
        for contact in self.people.suppressed_newcomers.tolist():
            self.block[contact] = 14
        for index in range(3):
            mine = [key for key in earlier if key[1] == index]
            for number, contact in enumerate(self.people.unsubscribed[index].tolist()):
                key = mine[number % len(mine)]
                self.outcomes[key][contact] = "unsubscribed"
                self.unsubscribed_at[contact] = self._times(*key)[0] + HOUR
            for number, contact in enumerate(self.people.excluded[index].tolist()):
                self.excluded_at[contact] = self._times(*mine[number % len(mine)])[0] + 5 * HOUR
        for contact in self.people.excluded_newcomers.tolist():
            self.excluded_at[contact] = self.created[contact] + HOUR
        for contact in self.people.unsubscribed_newcomers.tolist():
            self.unsubscribed_at[contact] = self.created[contact] + HOUR

    def _is_sent(self, cycle: int, round_index: int) -> bool:
        return cycle < CYCLES - 1 or round_index <= self.request.last_round

    def _times(self, cycle: int, round_index: int) -> tuple[int, int]:
        """Start and end of a send. The last one ended 25 hours before the anchor."""
        duration = max(600, len(self.people.lists[round_index]) // 50)
        back = (CYCLES - 1 - cycle) * CYCLE_GAP + (self.request.last_round - round_index) * ROUND_GAP
        end = self.anchor - SINCE_LAST_SEND - back
        return end - duration, end

    def _recipients(self, cycle: int, index: int, start: int) -> Numbers:
        """Members then mailable, and those who have been suppressed since, in the order of their ids."""
        members = self.people.lists[index]
        left = self.unsubscribed_at[members]
        excluded = self.excluded_at[members]
        mask = (self.joined[index] < start) & ((left == 0) | (left > start)) & ((excluded == 0) | (excluded > start))
        since = [who for who, key in self.suppressed_in.items() if key[1] == index and key[0] >= cycle]
        return np.sort(np.concatenate([members[mask], np.array(since, dtype=np.int64)]))

    def planned_sends(self) -> list[Send]:
        """Every past send with its recipients, oldest first."""
        sends = []
        for number, (cycle, index) in enumerate(sorted(self.outcomes, key=lambda key: self._times(*key))):
            start, end = self._times(cycle, index)
            recipients = self._recipients(cycle, index, start)
            campaign_id = FIRST_NUMBERS["campaign"] + 11 * number
            draft_id = FIRST_NUMBERS["draft"] + 7 * number
            sends.append(Send(cycle, index, start, end, recipients, campaign_id, draft_id))
        return sends

    def contradicting(self) -> tuple[int, int]:
        """The contact whose hard bounce is in one source only, and the one whose sources differ."""
        found = [members[0] for trap, members in self.people.trapped if trap.key == "contradictions"]
        return int(found[0]), int(found[1])

    def with_two_rows(self) -> dict[int, int]:
        """Contacts with a second bounce row, and its StateID: two hard ones and two soft ones."""
        hard = next(members for trap, members in self.people.trapped if trap.outcomes[2] == "user_unknown")
        soft = next(members for trap, members in self.people.trapped if trap.key == "single_soft")
        return {int(hard[0]): 13, int(hard[1]): 13, int(soft[0]): 12, int(soft[1]): 12}

    def answers(self, sends: list[Send]) -> dict[str, Any]:
        """The truth: for each trap the contact ids."""
        people = self.people
        found: dict[str, list[int]] = {}
        for trap, members in people.trapped:
            found.setdefault(trap.key, []).extend(self.ids_of(members))
        found["suppress"] = sorted(number for key in SUPPRESSED_KEYS for number in found[key])
        twice = np.array(sorted(self.with_two_rows()), dtype=np.int64)
        found |= {
            "duplicate_rows": self.ids_of(twice),
            "ghosts": self.ids_of(people.ghosts),
            "ghost_newcomer": self.ids_of(people.ghost_newcomers),
            "unsubscribed_newcomer": self.ids_of(people.unsubscribed_newcomers),
            "excluded_newcomer": self.ids_of(people.excluded_newcomers),
            "suppressed_newcomer": self.ids_of(people.suppressed_newcomers),
            "newcomer": self.ids_of(people.newcomers),
            "suppressed": self.ids_of(people.suppressed),
            "unsubscribed_member": self.ids_of(np.concatenate(people.unsubscribed)),
            "excluded_member": self.ids_of(np.concatenate(people.excluded)),
            "in_two_lists": [self.id_of(people.in_two_lists)],
        }
        facts = {
            "last_campaign_id": sends[-1].campaign_id,
            "last_list_id": self.request.campaign_lists[self.request.last_round],
            "last_recipients": len(sends[-1].recipients),
            "incident_domain_name": INCIDENT_DOMAIN,
            "campaign_ids": [send.campaign_id for send in sends],
            "anchor": self.anchor,
        }
        return {**{key: sorted(ids) for key, ids in found.items()}, **facts}
