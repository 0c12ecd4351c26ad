"""Reading back what a bulk job did: sizes before and after, the tail of a list that was added to, single look-ups where these
disagree. What was read is taken over into our rows at once.

Belongs here: whether a step is in effect. Does not belong here: what follows from it (``execution``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from list_pipeline.core.errors import IncompleteDataError, RemoteNotFoundError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import RecipientSeen
from list_pipeline.core.plans.journal import StepAction
from list_pipeline.integrations.mailjet import MailjetClient
from list_pipeline.operations.access import ReadingMailjet
from list_pipeline.operations.membership.sync import list_sizes
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans.journal import Step

log = structlog.get_logger(__name__)

_ATTEMPTS = 3
_SINGLE_READS_MAX = 20
_EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class Effect:
    """The result of a reading back: the steps that took effect and those that did not."""

    confirmed: Sequence[Step]
    missing: Sequence[Step]


class ReadBack:
    """Looks at Mailjet's lists through one client, so that its requests count with those of the changes."""

    def __init__(self, services: ReadingMailjet, mailjet: MailjetClient) -> None:
        self._services = services
        self._mailjet = mailjet
        self.latest: Mapping[str, int] = {}
        """The sizes as they were read last."""

    def sizes(self, with_excluded: bool) -> dict[str, int]:
        """Raw sizes of the five lists, and where asked for the number of excluded contacts."""
        sizes = {role.value: size for role, size in list_sizes(self._services).items()}
        if with_excluded:
            sizes[_EXCLUDED] = self._mailjet.count_contacts(excluded=True)
        self.latest = sizes
        return sizes

    def effect_of(self, steps: Sequence[Step], before: Mapping[str, int]) -> Effect:
        """The steps in effect, given the sizes before their job. With the sizes of now, everybody is looked up."""
        by_target: dict[tuple[StepAction, ListRole | None], list[Step]] = defaultdict(list)
        for step in steps:
            by_target[(step.action, step.list_role)].append(step)
        after = self.sizes(any(role is None for _, role in by_target))
        confirmed: list[Step] = []
        for (action, role), group in by_target.items():
            ids = [step.contact_id for step in group]
            if role is None:
                done = self._flagged_among(ids, action is StepAction.EXCLUDE, before.get(_EXCLUDED), after[_EXCLUDED])
            elif action is StepAction.UNSUB:
                done = self._unsubscribed_among(role, ids, after[role.value])
            elif action is StepAction.ADD:
                done = self._added_among(role, ids, before[role.value], after[role.value])
            else:
                done = self._removed_among(role, ids, before[role.value], after[role.value])
            confirmed.extend(step for step in group if step.contact_id in done)
        missing = [step for step in steps if step not in confirmed]
        return Effect(confirmed, missing)

    def _added_among(self, role: ListRole, ids: Sequence[int], before: int, after: int) -> Collection[int]:
        """The contacts that are on the list now: found in its tail, else looked up."""
        wanted = set(ids)
        tail = members.iterate(self._mailjet.recipients(self._services.list_ids[role], offset=before))
        found = {row.contact_id: row for row in tail if row.contact_id in wanted}
        found |= self._members_among(role, sorted(wanted - found.keys()), after)
        with self._services.database.begin() as connection:
            members.note_added(connection, role, found.values(), self._services.clock.now())
        return found.keys()

    def _unsubscribed_among(self, role: ListRole, ids: Sequence[int], after: int) -> Collection[int]:
        found = {i: row for i, row in self._members_among(role, ids, after).items() if row.is_unsubscribed}
        with self._services.database.begin() as connection:
            members.note_added(connection, role, found.values(), self._services.clock.now())
        return found.keys()

    def _removed_among(self, role: ListRole, ids: Sequence[int], before: int, after: int) -> Collection[int]:
        """The contacts that are no longer on the list: all when its size fell by exactly that much, else looked up."""
        now = self._services.clock.now()
        with self._services.database.begin() as connection:
            places = members.places_of(connection, ids)
            were_there = [i for i in ids if any(place["list"] == role.value for place in places[i])]
            if before - after == len(were_there):
                members.note_removed(connection, role, ids, now)
                return frozenset(ids)
        still = self._members_among(role, ids, after)
        gone = [contact_id for contact_id in ids if contact_id not in still]
        with self._services.database.begin() as connection:
            members.note_removed(connection, role, gone, now)
        return frozenset(gone)

    def _flagged_among(self, ids: Sequence[int], excluded: bool, before: int | None, after: int) -> Collection[int]:
        """The contacts that are excluded from campaigns now, or no longer: all when the count says so, else looked up."""
        with self._services.database.begin() as connection:
            facts = members.facts_of(connection, ids)
            fresh = sum(i in facts and facts[i]["is_excluded"] is not excluded for i in ids)
            if before is not None and after - before == (fresh if excluded else -fresh):
                members.note_excluded(connection, sorted(set(ids)), self._services.clock.now(), excluded)
                return frozenset(ids)
        done = frozenset(self._flagged_singly(ids, excluded))
        with self._services.database.begin() as connection:
            members.note_excluded(connection, sorted(done), self._services.clock.now(), excluded)
        return done

    def _flagged_singly(self, ids: Sequence[int], excluded: bool) -> list[int]:
        found = []
        for contact_id in ids:
            try:
                if self._mailjet.contact(contact_id).is_excluded is excluded:
                    found.append(contact_id)
            except RemoteNotFoundError:
                log.warning("a contact of the plan is gone", contact_id=contact_id)
        return found

    def _members_among(self, role: ListRole, ids: Sequence[int], size: int) -> dict[int, RecipientSeen]:
        """The contacts among these that are on a list now: one by one, or by paging the list where that is cheaper."""
        list_id = self._services.list_ids[role]
        wanted = set(ids)
        if len(ids) <= max(_SINGLE_READS_MAX, size // 1000 + 1):
            singly = (self._mailjet.recipient(list_id, contact_id) for contact_id in ids)
            return {row.contact_id: row for row in singly if row is not None}

        def paged() -> dict[int, RecipientSeen]:
            rows = members.iterate(iter(self._mailjet.read_all_recipients(list_id)))
            return {row.contact_id: row for row in rows if row.contact_id in wanted}

        # Somebody who joins or leaves while the list is paged makes the reading incomplete.
        for _ in range(_ATTEMPTS - 1):
            with suppress(IncompleteDataError):
                return paged()
        return paged()
