"""People who unsubscribe or are erased while a plan is carried out: looked for between two jobs, and written to the journal.

That a job creates a contact out of an erased contact's address cannot be prevented within one request, so what came of it is
found and taken off again.

Belongs here: looking at Mailjet and our rows, and writing what follows. Does not belong here: what follows
(``core.plans.concurrent_edits``), posting jobs (``execution``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import structlog

from list_pipeline.core.errors import RemoteNotFoundError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.concurrent_edits import (
    ChangeNow,
    FollowUp,
    erased,
    is_created_again,
    late_unsubscription,
    may_hide_erasure,
    reversal,
    settlement,
)
from list_pipeline.core.plans.journal import StepAction
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.integrations.mailjet import MailjetClient
from list_pipeline.operations.access import ReadingMailjet
from list_pipeline.operations.membership.sync import follow_unsubscribed, learn_contacts, refresh_contacts
from list_pipeline.storage.lock import MutationLock
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import concurrent_edits as edit_rows
from list_pipeline.storage.plans import journal, plan_rows
from list_pipeline.storage.plans.journal import NewChange, NewStep, Step

log = structlog.get_logger(__name__)


class ConcurrentEdits:
    """Watches one plan while it is carried out. Its requests are those of the client that carries the plan out.

    ``look_again`` brings our rows of contacts that are on a list up to date, by the places at which they stand.
    """

    def __init__(
        self,
        services: ReadingMailjet,
        mailjet: MailjetClient,
        plan_id: int,
        lock: MutationLock,
        look_again: Callable[[ListRole, Sequence[int]], None],
    ) -> None:
        self._services = services
        self._mailjet = mailjet
        self._plan_id = plan_id
        self._lock = lock
        self._look_again = look_again

    def reverse_unsubscribed(self, steps: Sequence[Step]) -> bool:
        """Right before contacts are removed from their old lists: changes of contacts that unsubscribed there are turned back.

        With its entry an unsubscription is forgotten, so a number that agrees is no proof here: one may have unsubscribed and
        another subscribed again. Where anybody is unsubscribed on the old list, the entries of these contacts are looked at,
        which costs one request for neighbours in the queue, and one a contact at the most. Enrolments leave no entry, so what
        the number hides there is found by the next thorough sync.

        Args:
            steps: the removals about to be posted; of suppressions nothing is turned back. Empty: enrolments, which have no
                old campaign list, are held against the master list.

        Returns:
            Whether something was turned back, so that the steps have to be read again.
        """
        old_lists = _old_lists(steps)
        if steps and not old_lists:
            return False
        for role in follow_unsubscribed(self._services, old_lists or {ListRole.MASTER}) & old_lists:
            leaving = {step.contact_id for step in steps if step.action is StepAction.REMOVE and step.list_role is role}
            self._look_again(role, sorted(leaving))
        return self._follow_up(reversal) > 0

    def note_unsubscribed(self, steps: Sequence[Step]) -> None:
        """Right after a removal was handed in, while it may not be carried out yet: the last moment at which the old entries
        can say who unsubscribed since they were looked at, a moment ago. By number: entries that are gone cannot be looked at,
        and between the two looks one would have to unsubscribe and another to subscribe again."""
        if old_lists := _old_lists(steps):
            follow_unsubscribed(self._services, old_lists)

    def unsubscribe_where_added(self) -> None:
        """Contacts that unsubscribed on an old list that they left by now are to be unsubscribed on the new one."""
        self._follow_up(late_unsubscription)

    def settle_reversed(self) -> None:
        """At the end of the execution: what was added and removed again is neither done nor failed."""
        self._follow_up(settlement)

    def _follow_up(self, rule: Callable[[ChangeNow], FollowUp | None]) -> int:
        """Write what a rule says about the changes of contacts that unsubscribed. Returns to how many it applied."""
        with self._lock.writing() as connection:
            changes = edit_rows.changes_of_unsubscribed(connection, self._plan_id)
            found = [follow_up for change in changes if (follow_up := rule(change)) is not None]
            edit_rows.write_follow_ups(connection, found, self._services.clock.now())
        if any(follow_up.added for follow_up in found):
            log.warning("contacts unsubscribed while they were moved", plan=self._plan_id, contacts=len(found))
        return len(found)

    def erased_among(
        self, contact_ids: Sequence[int], known: int, sizes: Mapping[str, int], is_suspected: bool = False
    ) -> frozenset[int]:
        """The contacts among these that were erased since the last look. Looked for when the master list shrank, and where
        something else calls for it.

        Args:
            known: the raw size of the master list in our rows. sizes: those that Mailjet counts.
            is_suspected: a job did not change everybody: one erased and one newcomer leave the size as it was.
        """
        if not is_suspected and not may_hide_erasure(known, sizes[ListRole.MASTER.value]):
            return frozenset()
        refresh_contacts(self._services, contact_ids)
        with self._lock.writing() as connection:
            facts = members.facts_of(connection, contact_ids)
        return erased(contact_ids, {contact_id: row["is_anonymised"] for contact_id, row in facts.items()})

    def undo_creation(self, contact_id: int, address: str) -> None:
        """A job that reached an erased person's address may have made a new contact: it is excluded and taken off its lists, in
        the same journal, and a person is asked to erase it again."""
        try:
            seen = self._mailjet.contact_by_address(address)
        except RemoteNotFoundError:
            return
        if not is_created_again(contact_id, seen):
            return
        learn_contacts(self._services, [seen.contact_id])
        roles = self._places(seen.contact_id)
        now = self._services.clock.now()
        with self._lock.writing() as connection:
            steps = [NewStep(StepAction.EXCLUDE, None), *(NewStep(StepAction.REMOVE, role) for role in roles)]
            before = {"places": [], "is_excluded": seen.is_excluded}
            change = NewChange(seen.contact_id, ItemAction.REMOVE, before, steps)
            journal.open_changes(connection, self._plan_id, [change], now)
            edit_rows.note_created_again(connection, self._plan_id, [seen.contact_id])
            plan = plan_rows.plan_by_id(connection, self._plan_id)
            plan_rows.add_review_item(
                connection,
                campaign_id=plan.campaign_id if plan else None,
                plan_id=self._plan_id,
                kind=ReviewKind.FINDING,
                contact_id=contact_id,
                summary=(
                    f"Contact {contact_id} was erased while it was being changed, and the bulk job created it again as contact "
                    f"{seen.contact_id}. That one is excluded and taken off the lists. Erase it again in Mailjet"
                ),
                details={"created_again": seen.contact_id},
                now=now,
            )
        log.error("an erased contact was created again", contact_id=contact_id, created=seen.contact_id)

    def _places(self, contact_id: int) -> Collection[ListRole]:
        """The lists that a contact we just learned of is on, master left out; our rows know them from here on."""
        found = []
        for role in (*CAMPAIGN_LISTS, ListRole.SUPPRESSION):
            row = self._mailjet.recipient(self._services.list_ids[role], contact_id)
            if row is not None:
                found.append(role)
                with self._lock.writing() as connection:
                    members.note_added(connection, role, [row], self._services.clock.now())
        return found


def _old_lists(steps: Sequence[Step]) -> frozenset[ListRole]:
    """The campaign lists that contacts are moved away from by these steps."""
    return frozenset(
        step.list_role
        for step in steps
        if step.action is StepAction.REMOVE
        and step.list_role in CAMPAIGN_LISTS
        and step.kind is not ItemAction.SUPPRESS
    )
