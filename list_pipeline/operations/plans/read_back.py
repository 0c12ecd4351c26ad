"""Reading back what a bulk job did: the tail of a list that was added to, the pages on which those stood who were to leave,
single look-ups for whom neither shows. What was read is taken over into our rows at once.

A step is confirmed by who is there. A size or a number of contacts only says where to read: somebody else may be at work on the
same list, and then equal numbers hide an exchange.

Belongs here: whether a step is in effect. Does not belong here: what follows from it (``execution``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, islice

import structlog

from list_pipeline.core.errors import IncompleteDataError, RemoteNotFoundError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import ContactSeen, RecipientSeen
from list_pipeline.core.plans.journal import StepAction
from list_pipeline.integrations.mailjet import PAGE, MailjetClient
from list_pipeline.operations.access import ReadingMailjet
from list_pipeline.operations.membership.pages import Page, Wanted, pages_spanned, read_on, search
from list_pipeline.operations.membership.sync import list_sizes
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans.journal import Step

log = structlog.get_logger(__name__)

_ATTEMPTS = 3
_SINGLE_READS_MAX = 20
_FEW_PAGES = 4
"""So many pages by place cost no more than asking for all members of a list in one state, with their number."""
_BEHIND_ALL = 2**63
"""Behind every entry of a list: looked for, it has the list read to its end."""


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

    def sizes(self) -> dict[str, int]:
        """Raw sizes of the five lists: one request."""
        self.latest = {role.value: size for role, size in list_sizes(self._services).items()}
        return dict(self.latest)

    def effect_of(self, steps: Sequence[Step], before: Mapping[str, int]) -> Effect:
        """The steps in effect: each is confirmed by who is there, never by how many.

        Args:
            before: the sizes before their job, at which what was added begins. With the sizes of now, everybody that was to
                be added is looked up.
        """
        by_target: dict[tuple[StepAction, ListRole | None], list[Step]] = defaultdict(list)
        for step in steps:
            by_target[(step.action, step.list_role)].append(step)
        after = self.sizes()
        confirmed: set[Step] = set()
        for (action, role), group in by_target.items():
            ids = [step.contact_id for step in group]
            if role is None:
                done = self._flagged_among(ids, action is StepAction.EXCLUDE)
            elif action is StepAction.UNSUB:
                done = self._unsubscribed_among(role, ids, after[role.value])
            elif action is StepAction.ADD:
                done = self._added_among(role, ids, before[role.value], after[role.value])
            else:
                done = self._removed_among(role, ids, before[role.value], after[role.value])
            confirmed.update(step for step in group if step.contact_id in done)
        return Effect([step for step in steps if step in confirmed], [step for step in steps if step not in confirmed])

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
        """The contacts that are no longer on the list, because the page on which their entry stood does not show it.

        One request for each removed contact or for each 950 entries between the first and the last of them, whichever is
        less: 1 for neighbours in the queue, 1,000 at most for 20,000 contacts spread over a list of a million. Where the size
        does not fit, somebody else was at work too: then the end of the list is read as well, for entries that are newer.
        Of many contacts that are excluded from campaigns it is read first who of the list is: nobody, as a rule.
        """
        now = self._services.clock.now()
        with self._services.database.begin() as connection:
            places = members.places_in_order(connection, role, ids)
            known = members.raw_size(connection, role)
        # Whoever was taken off stands in front of nobody any more.
        wanted = [Wanted(place.row_id, place.rank - gone) for gone, place in enumerate(places)]
        if (
            len(places) == len(set(ids)) == before - after
            and pages_spanned(wanted, PAGE) > _FEW_PAGES
            and self._are_excluded(ids)
            and self._is_none_of(ids, role, excluded=True)
        ):
            with self._services.database.begin() as connection:
                members.note_removed(connection, role, sorted(ids), now)
            return frozenset(ids)
        if places and before - after != len(places):
            wanted.append(Wanted(_BEHIND_ALL, max(known - len(places), 0)))
        named = set(ids)
        found = search(self._entries_from(role, after), wanted, PAGE)
        still = {row.contact_id: row for row in found.rows.values() if row.contact_id in named}
        unplaced = named - {place.contact_id for place in places} - still.keys()
        still |= self._members_among(role, sorted(unplaced), after)
        # An entry that is there is its contact's, also where the row does not say whose it is.
        entries = {place.contact_id for place in places if place.row_id in found.rows}
        gone = sorted(named - still.keys() - entries)
        with self._services.database.begin() as connection:
            members.note_removed(connection, role, gone, now)
            members.note_added(connection, role, still.values(), now)
        return frozenset(gone)

    def _are_excluded(self, ids: Sequence[int]) -> bool:
        with self._services.database.begin() as connection:
            facts = members.facts_of(connection, ids)
        return all(contact_id in facts and facts[contact_id]["is_excluded"] for contact_id in ids)

    def _are_all_excluded(self, ids: Sequence[int], *, fresh: int) -> bool:
        """Whether these contacts are excluded: all of them are on the suppression list, none of them is one of that list who is
        not, and as many are excluded as then must be. Three requests.

        Args:
            fresh: how many of them our rows do not have as excluded yet.
        """
        with self._services.database.begin() as connection:
            listed = members.places_in_order(connection, ListRole.SUPPRESSION, ids)
            known = members.excluded_contacts(connection)
        return (
            len(listed) == len(set(ids))
            and self._mailjet.count_contacts(excluded=True) == known + fresh
            and self._is_none_of(ids, ListRole.SUPPRESSION, excluded=False)
        )

    def _is_none_of(self, ids: Sequence[int], role: ListRole, *, excluded: bool) -> bool:
        """Whether none of these contacts is among those of a list that are excluded from campaigns, or are not: two requests
        where these are few. False: one is, or that cannot be told from a few pages.

        A filter that Mailjet ignored would show the whole list, which is more than a few pages, or more than were counted.
        """
        list_id, named = self._services.list_ids[role], set(ids)
        counted = self._mailjet.count_recipients(list_id, excluded=excluded)
        if counted >= _FEW_PAGES * PAGE:
            return False
        seen = list(islice(members.iterate(self._mailjet.recipients(list_id, excluded=excluded)), counted + 1))
        # As many as were counted before and after: nobody is missing from a page that was cut.
        if {len(seen), self._mailjet.count_recipients(list_id, excluded=excluded)} != {counted}:
            return False
        return not any(row.problem or row.contact_id in named for row in seen)

    def _entries_from(self, role: ListRole, counted: int) -> Callable[[int], Page[RecipientSeen]]:
        """Reads a page of a list. One that ends before the list does, as it was counted, is read on; if nothing follows it
        although more was counted, it was cut and proves nothing."""
        list_id = self._services.list_ids[role]
        size = counted

        def read(offset: int) -> Page[RecipientSeen]:
            nonlocal size
            for _ in range(_ATTEMPTS):
                rows, is_last = read_on(
                    partial(self._mailjet.recipients_page, list_id), offset, size, lambda row: row.recipient_id, PAGE
                )
                if not is_last or offset + len(rows) >= size:
                    return Page({row.recipient_id: row for row in rows}, is_last)
                size = self.sizes()[role.value]
            raise IncompleteDataError(
                f"Reading back who is on the {role.label}",
                f"a page ended at {offset + len(rows)} of {size} entries",
                "Nothing was concluded from it; run it again to continue",
            )

        return read

    def _flagged_among(self, ids: Sequence[int], excluded: bool) -> Collection[int]:
        """The contacts that are excluded from campaigns now, or no longer: looked for among all excluded ones.

        One request for each contact or for each 950 excluded ones between the first and the last of them, whichever is less;
        where more of them are not shown than are looked up singly, the same once more, with their number. Of many that are on
        the suppression list it is read first who of that list is not excluded: nobody, as a rule.
        """
        with self._services.database.begin() as connection:
            places = members.places_among_excluded(connection, ids)
            facts = members.facts_of(connection, ids)
        changing = [facts[place.contact_id]["is_excluded"] is not excluded for place in places]
        before = accumulate(changing, initial=0)
        wanted = [
            Wanted(place.row_id, place.rank + (fresh if excluded else -fresh))
            for place, fresh in zip(places, before, strict=False)
        ]
        if excluded and pages_spanned(wanted, PAGE) > _FEW_PAGES and self._are_all_excluded(ids, fresh=sum(changing)):
            with self._services.database.begin() as connection:
                members.note_excluded(connection, sorted(ids), self._services.clock.now(), excluded)
            return frozenset(ids)
        counted = 0 if excluded else self._mailjet.count_contacts(excluded=True)

        def read(offset: int) -> Page[ContactSeen]:
            rows, is_last = read_on(self._mailjet.excluded_page, offset, counted, lambda row: row.contact_id, PAGE)
            if not excluded and is_last and offset + len(rows) < counted:
                raise IncompleteDataError(
                    "Reading back who is excluded from campaigns",
                    f"a page ended at {offset + len(rows)} of {counted}",
                    "Nothing was concluded from it; run it again to continue",
                )
            return Page({row.contact_id: row for row in rows}, is_last)

        flagged = search(read, wanted, PAGE).rows.keys()
        placed = {place.contact_id for place in places}
        if excluded and len(placed - flagged) > _SINGLE_READS_MAX:
            # So many are not shown: a page may be shorter than it was asked for, which only their number tells.
            counted = self._mailjet.count_contacts(excluded=True)
            flagged = search(read, wanted, PAGE).rows.keys()
        done = {i for i in placed if (i in flagged) is excluded}
        if excluded and len(unsure := sorted(placed - done)) <= _SINGLE_READS_MAX:
            done.update(self._flagged_singly(unsure, excluded))
        done.update(self._flagged_singly(sorted(set(ids) - placed), excluded))
        with self._services.database.begin() as connection:
            members.note_excluded(connection, sorted(done), self._services.clock.now(), excluded)
        return frozenset(done)

    def look_again(self, role: ListRole, ids: Sequence[int]) -> None:
        """Bring our rows of contacts that a list is to have up to date. Costs as a removal: 1 for those at its end.

        Whoever has left the place at which we know it is looked up, since somebody may have taken it off and put it on again.
        """
        with self._services.database.begin() as connection:
            places = members.places_in_order(connection, role, ids)
        wanted = [Wanted(place.row_id, place.rank) for place in places]
        rows = search(self._entries_from(role, 0), wanted, PAGE).rows
        named = set(ids)
        found = {row.contact_id: row for row in rows.values() if row.contact_id in named}
        if astray := sorted(named - found.keys()):
            found |= self._members_among(role, astray, self.sizes()[role.value])
        now = self._services.clock.now()
        with self._services.database.begin() as connection:
            members.note_added(connection, role, found.values(), now)
            members.note_removed(connection, role, sorted(named - found.keys()), now)
            members.refresh_flags(connection, now, sorted(named))

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
