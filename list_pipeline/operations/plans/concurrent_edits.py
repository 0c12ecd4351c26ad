"""People who unsubscribe or are erased while a plan is carried out: seen between two jobs, and what was begun turned round.

A job knows addresses only. Added to a new list somebody is subscribed there, and removing the old entry would forget that the
person just left; an erased person's address makes a new contact. The second cannot be prevented within one request, so what
came of it is found and taken off again.

Belongs here: noticing, and what the journal has to do then. Does not belong here: posting jobs (``execution``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import structlog

from list_pipeline.core.errors import RemoteNotFoundError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.integrations.mailjet import MailjetClient
from list_pipeline.operations.membership.sync import follow_unsubscribed, learn_contacts, refresh_contacts
from list_pipeline.operations.services import Services
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import concurrent_edits as edit_rows
from list_pipeline.storage.plans import journal, plan_rows
from list_pipeline.storage.plans.journal import NewChange, NewStep, Step

log = structlog.get_logger(__name__)


class ConcurrentEdits:
    """Watches one plan while it is carried out. Its requests are those of the client that carries the plan out."""

    def __init__(self, services: Services, mailjet: MailjetClient, plan_id: int) -> None:
        self._services = services
        self._mailjet = mailjet
        self._plan_id = plan_id

    def reverse_unsubscribed(self, steps: Sequence[Step]) -> bool:
        """Right before contacts are removed from their old lists: who unsubscribed there keeps the old entry.

        Args:
            steps: the removals about to be posted; of suppressions nothing is turned round. Empty: enrolments, which have no
                old campaign list, are held against the master list.

        Returns:
            Whether something was turned round, so that the steps have to be read again.
        """
        roles = {s.list_role for s in steps if s.list_role in CAMPAIGN_LISTS and s.kind != "suppress"}
        if steps and not roles:
            return False
        follow_unsubscribed(self._services, [role for role in roles if role] or [ListRole.MASTER])
        with self._services.database.begin() as connection:
            count = edit_rows.reverse_unsubscribed(connection, self._plan_id, self._services.clock.now())
        if count:
            log.warning("contacts unsubscribed while they were moved", plan=self._plan_id, contacts=count)
        return count > 0

    def note_unsubscribed(self, steps: Sequence[Step]) -> None:
        """Right after a removal was handed in, while it may not be carried out yet: the last moment at which the old entries
        can say who unsubscribed since they were looked at."""
        roles = {s.list_role for s in steps if s.list_role in CAMPAIGN_LISTS and s.action == "remove"}
        if roles and steps[0].kind != "suppress":
            follow_unsubscribed(self._services, [role for role in roles if role])

    def unsubscribe_where_added(self) -> None:
        """Who unsubscribed on an old list that it left by now is unsubscribed on the new one."""
        with self._services.database.begin() as connection:
            count = edit_rows.unsubscribe_where_added(connection, self._plan_id, self._services.clock.now())
        if count:
            log.warning("contacts unsubscribed while they were moved", plan=self._plan_id, contacts=count)

    def settle_reversed(self) -> None:
        """At the end: what was added and removed again is neither done nor failed."""
        with self._services.database.begin() as connection:
            edit_rows.settle_reversed(connection, self._plan_id, self._services.clock.now())

    def erased_among(self, contact_ids: Sequence[int], sizes: Mapping[str, int]) -> frozenset[int]:
        """Those of the contacts that were erased since the last look. Looked for only when the master list shrank: nothing of
        ours makes it shorter, and an erased contact leaves it."""
        with self._services.database.begin() as connection:
            known = members.stored_sizes(connection)[ListRole.MASTER].raw
        if sizes[ListRole.MASTER.value] >= known:
            return frozenset()
        refresh_contacts(self._services, contact_ids)
        with self._services.database.begin() as connection:
            facts = members.facts_of(connection, contact_ids)
        return frozenset(i for i in contact_ids if i not in facts or facts[i]["is_anonymised"])

    def undo_creation(self, contact_id: int, address: str) -> None:
        """A job that reached an erased person's address may have made a new contact: it is excluded and taken off its lists, in
        the same journal, and a person is asked to erase it again."""
        try:
            seen = self._mailjet.contact_by_address(address)
        except RemoteNotFoundError:
            return
        if seen.contact_id == contact_id or seen.is_anonymised:
            return
        learn_contacts(self._services, [seen.contact_id])
        roles = self._places(seen.contact_id)
        now = self._services.clock.now()
        with self._services.database.begin() as connection:
            steps = [NewStep("exclude", None), *(NewStep("remove", role) for role in roles)]
            before = {"places": [], "is_excluded": seen.is_excluded}
            journal.open_changes(connection, self._plan_id, [NewChange(seen.contact_id, "remove", before, steps)], now)
            edit_rows.note_created_again(connection, self._plan_id, [seen.contact_id])
            plan = plan_rows.plan_by_id(connection, self._plan_id)
            plan_rows.add_review_item(
                connection,
                campaign_id=plan.campaign_id if plan else None,
                plan_id=self._plan_id,
                kind="finding",
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
                with self._services.database.begin() as connection:
                    members.note_added(connection, role, [row], self._services.clock.now())
        return found
