"""Carries out the journal of one plan in bulk jobs, and reads back what they did.

One engine for suppressions, moves and enrolments: steps of the first wave (add, exclude) are submitted, confirmed from the
lists themselves, and only then the second wave (remove), so that a contact is never in no list. A run that dies at any
point and is run again continues here: what was submitted is waited for, what may have been is read back first.

Belongs here: the order of requests and the reading back. Does not belong here: who is changed and why (the plan), and what
the numbers mean (``core``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from list_pipeline.core.errors import (
    ChangesStoppedError,
    IncompleteDataError,
    IntegrationError,
    RefusedError,
    RemoteNotFoundError,
    TransientError,
)
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import JobSeen, MemberAction, RecipientSeen
from list_pipeline.integrations.mailjet import MailjetClient
from list_pipeline.operations.membership import list_sizes
from list_pipeline.operations.modes import may_change
from list_pipeline.operations.services import Services
from list_pipeline.storage import journal, membership
from list_pipeline.storage.journal import Job, Step
from list_pipeline.storage.lock import MutationLock

log = structlog.get_logger(__name__)

ATTEMPTS_PER_STEP = 3
"""A step that a job left undone is posted again this often altogether, then a person is asked."""

SETTLE_SECONDS = 20.0
"""How long a job whose id was lost gets to take effect before it is looked for, twice over."""

_SINGLE_READS_MAX = 20
_EXCLUDED = "excluded"

FIRST_WAVE = ("add", "exclude")
SECOND_WAVE = ("remove",)


@dataclass(frozen=True, slots=True)
class Effect:
    """What was read back: the steps that took effect and those that did not."""

    confirmed: Sequence[Step]
    missing: Sequence[Step]


def carry_out(services: Services, plan_id: int, lock: MutationLock, progress: Callable[[str], None] = log.info) -> None:
    """Bring every open step of a plan to an end: confirmed, failed after three attempts, or skipped with a reason.

    Args:
        lock: held by the caller until everything is settled.
        progress: told in words how far it is.

    Raises:
        RefusedError: changes were switched off; what was submitted stays in the journal and is picked up later.
        TransientError: Mailjet or the lock failed; run again to continue.
    """
    _Execution(services, plan_id, lock, progress).run()


class _Execution:
    def __init__(self, services: Services, plan_id: int, lock: MutationLock, progress: Callable[[str], None]) -> None:
        self._services = services
        self._plan_id = plan_id
        self._lock = lock
        self._progress = progress
        self._mailjet: MailjetClient = services.mailjet_for_changes(self._before_mutation)

    def _before_mutation(self) -> None:
        """Right before each changing request: is the lock still ours, and may we still?"""
        self._lock.check()
        if why := may_change(self._services):
            raise ChangesStoppedError(
                "Changing a list", why, "Switch it on again and run the maintenance again to continue"
            )

    def run(self) -> None:
        try:
            self._resume()
            for wave in (FIRST_WAVE, SECOND_WAVE):
                while batches := self._batches(wave):
                    for number, batch in enumerate(batches, start=1):
                        self._progress(f"bulk job {number} of {len(batches)}: {_describe(batch)}")
                        self._post(batch)
                self._skip_after_failures()
        finally:
            # Its requests count with those of the reading client: one number for the run.
            self._services.mailjet.add_requests(self._mailjet)
            self._mailjet.close()

    def _resume(self) -> None:
        with self._services.database.begin() as connection:
            jobs = journal.open_jobs(connection, self._plan_id)
        for job in jobs:
            if job.mailjet_job_id is not None:
                self._progress(f"picking up Mailjet's job {job.mailjet_job_id} of an earlier run")
                try:
                    self._finish(job.job_id, job.mailjet_job_id, job.sizes_before)
                except RemoteNotFoundError:
                    # Mailjet has forgotten the job: what it did is read from the lists all the same.
                    self._settle_lost(job)
            else:
                self._settle_lost(job)

    def _batches(self, wave: Sequence[str]) -> list[list[Step]]:
        """Planned steps of a wave in groups that one job can carry out, each within the size of a job."""
        with self._services.database.begin() as connection:
            steps = journal.steps_of(connection, self._plan_id)
        blocked = {s.change_id for s in steps if s.action in FIRST_WAVE and s.state != "confirmed"}
        grouped: dict[object, dict[int, list[Step]]] = defaultdict(lambda: defaultdict(list))
        per_change: dict[int, list[Step]] = defaultdict(list)
        for step in steps:
            ready = step.action in FIRST_WAVE or step.change_id not in blocked
            if step.state == "planned" and step.action in wave and ready:
                per_change[step.change_id].append(step)
        for change_id, group in per_change.items():
            # Taking a contact off a list it is not on changes nothing, so removals of suppressed contacts share a job.
            signature: object = (
                "suppress"
                if wave is SECOND_WAVE and group[0].kind == "suppress"
                else frozenset((s.action, s.list_role) for s in group)
            )
            grouped[signature][change_id] = group
        most = self._services.settings.mailjet_job_contacts
        batches = []
        for changes in grouped.values():
            ordered = list(changes.values())
            for start in range(0, len(ordered), most):
                batches.append([step for group in ordered[start : start + most] for step in group])
        return batches

    def _post(self, steps: list[Step]) -> None:
        contacts = sorted({step.contact_id for step in steps})
        with self._services.database.begin() as connection:
            addresses = membership.addresses_of(connection, contacts)
            gone = [step for step in steps if step.contact_id not in addresses]
            places = membership.places_of(connection, contacts)
            # A suppression names all three lists, since others may have moved the contact since; it leaves those it is on.
            absent = [step for step in steps if step.action == "remove" and not _is_on(places, step)]
            journal.settle_steps(connection, gone, "skipped", self._services.clock.now(), "contact_gone")
            journal.settle_steps(connection, absent, "skipped", self._services.clock.now(), "not_a_member")
        steps = [step for step in steps if step.contact_id in addresses and step not in absent]
        contacts = sorted({step.contact_id for step in steps})
        if not steps:
            return
        actions = {
            step.list_role: MemberAction.ADD if step.action == "add" else MemberAction.REMOVE
            for step in steps
            if step.list_role is not None
        }
        exclude = any(step.action == "exclude" for step in steps)
        before = self._sizes(exclude)
        with self._services.database.begin() as connection:
            job_id = journal.begin_job(
                connection,
                self._plan_id,
                steps,
                {role.value: action.value for role, action in actions.items()},
                len(contacts),
                before,
                self._lock.fence,
                self._services.clock.now(),
            )
        try:
            mailjet_job_id = self._mailjet.submit_job(
                actions={self._services.list_ids[role]: action for role, action in actions.items()},
                emails=[addresses[contact_id] for contact_id in contacts],
                exclude=True if exclude else None,
            )
        except (RefusedError, TransientError) as error:
            if not getattr(error, "may_have_arrived", False):
                # Nothing reached Mailjet: the steps are as they were.
                self._give_back(job_id, steps, str(error))
                raise
            log.warning("the answer to a bulk job was lost", job=job_id)
            with self._services.database.begin() as connection:
                (job,) = (j for j in journal.open_jobs(connection, self._plan_id) if j.job_id == job_id)
            self._settle_lost(job)
            return
        with self._services.database.begin() as connection:
            journal.job_submitted(connection, job_id, mailjet_job_id, self._services.clock.now())
        self._finish(job_id, mailjet_job_id, before)

    def _give_back(self, job_id: int, steps: Sequence[Step], error: str) -> None:
        now = self._services.clock.now()
        with self._services.database.begin() as connection:
            journal.job_ended(connection, job_id, "failed", error, now)
            journal.give_back(connection, steps, now)

    def _finish(self, job_id: int, mailjet_job_id: int, before: Mapping[str, int]) -> None:
        seen = self._mailjet.wait_for_job(mailjet_job_id)
        error = None
        if seen.is_failed or seen.error or seen.has_error_file:
            error = f"{seen.status}: {seen.error or 'no text'}; {self._refused(mailjet_job_id, seen)}"
            log.warning("a bulk job reported errors", job=mailjet_job_id, error=error)
        # "Completed" may mean that nothing changed: only the lists themselves tell.
        self._settle(job_id, before, "failed" if seen.is_failed else "finished", error)

    def _refused(self, mailjet_job_id: int, seen: JobSeen) -> str:
        """How many contacts the error file names. The lists decide; an unreadable file must not stop the settling."""
        if not seen.has_error_file:
            return "no error file"
        try:
            return f"{len(self._mailjet.job_errors(mailjet_job_id))} contact(s) in the error file"
        except IntegrationError as error:
            return f"the error file could not be read ({type(error).__name__})"

    def _settle_lost(self, job: Job) -> None:
        """A job whose id is unknown: give it time, look twice, and take back what is not there."""
        for _ in range(2):
            self._services.clock.sleep(SETTLE_SECONDS)
            with self._services.database.begin() as connection:
                steps = journal.steps_of_job(connection, job.job_id)
            if not self._read_back(steps, job.sizes_before).missing:
                break
        self._settle(job.job_id, job.sizes_before, "failed", "the answer to its submission was lost")

    def _settle(self, job_id: int, before: Mapping[str, int], state: str, error: str | None) -> None:
        with self._services.database.begin() as connection:
            steps = journal.steps_of_job(connection, job_id)
        effect = self._read_back(steps, before)
        now = self._services.clock.now()
        again = [step for step in effect.missing if step.attempts < ATTEMPTS_PER_STEP]
        given_up = [step for step in effect.missing if step.attempts >= ATTEMPTS_PER_STEP]
        with self._services.database.begin() as connection:
            journal.job_ended(connection, job_id, state, error, now)
            journal.settle_steps(connection, effect.confirmed, "confirmed", now)
            journal.settle_steps(connection, again, "planned", now, "had_no_effect")
            journal.settle_steps(connection, given_up, "failed", now, "had_no_effect")
            membership.refresh_flags(connection, now, sorted({step.contact_id for step in steps}))
        if effect.missing:
            log.warning("steps had no effect", job=job_id, again=len(again), given_up=len(given_up))

    def _skip_after_failures(self) -> None:
        """What follows a failed first step is not done: a contact that was not added is not removed.

        A removal that was skipped or failed says nothing about the other removals of its contact.
        """
        with self._services.database.begin() as connection:
            steps = journal.steps_of(connection, self._plan_id)
            broken = {s.change_id for s in steps if s.action in FIRST_WAVE and s.state in ("failed", "skipped")}
            following = [step for step in steps if step.change_id in broken and step.state == "planned"]
            journal.settle_steps(connection, following, "skipped", self._services.clock.now(), "earlier_step_not_done")

    # Reading back

    def _sizes(self, with_excluded: bool) -> dict[str, int]:
        sizes = {role.value: size for role, size in list_sizes(self._services).items()}
        if with_excluded:
            sizes[_EXCLUDED] = self._mailjet.count_contacts(excluded=True)
        return sizes

    def _read_back(self, steps: Sequence[Step], before: Mapping[str, int]) -> Effect:
        by_target: dict[tuple[str, ListRole | None], list[Step]] = defaultdict(list)
        for step in steps:
            by_target[(step.action, step.list_role)].append(step)
        after = self._sizes(any(action == "exclude" for action, _ in by_target))
        confirmed: list[Step] = []
        for (action, role), group in by_target.items():
            ids = [step.contact_id for step in group]
            if role is None:
                done = self._excluded_among(ids, before.get(_EXCLUDED), after[_EXCLUDED])
            elif action == "add":
                done = self._added_among(role, ids, before[role.value], after[role.value])
            else:
                done = self._removed_among(role, ids, before[role.value], after[role.value])
            confirmed.extend(step for step in group if step.contact_id in done)
        missing = [step for step in steps if step not in confirmed]
        return Effect(confirmed, missing)

    def _added_among(self, role: ListRole, ids: Sequence[int], before: int, after: int) -> Collection[int]:
        """Those now on the list: found in what came to its end, else looked up."""
        wanted = set(ids)
        tail = membership.iterate(self._mailjet.recipients(self._services.list_ids[role], offset=before))
        found = {row.contact_id: row for row in tail if row.contact_id in wanted}
        found |= self._members_among(role, sorted(wanted - found.keys()), after)
        with self._services.database.begin() as connection:
            membership.note_added(connection, role, found.values(), self._services.clock.now())
        return found.keys()

    def _removed_among(self, role: ListRole, ids: Sequence[int], before: int, after: int) -> Collection[int]:
        """Those no longer on the list: all when its size fell by exactly that much, else looked up."""
        now = self._services.clock.now()
        with self._services.database.begin() as connection:
            places = membership.places_of(connection, ids)
        were_there = [i for i in ids if any(place["list"] == role.value for place in places[i])]
        still = {} if before - after == len(were_there) else self._members_among(role, ids, after)
        gone = [contact_id for contact_id in ids if contact_id not in still]
        with self._services.database.begin() as connection:
            membership.note_removed(connection, role, gone, now)
        return frozenset(gone)

    def _excluded_among(self, ids: Sequence[int], before: int | None, after: int) -> Collection[int]:
        with self._services.database.begin() as connection:
            facts = membership.facts_of(connection, ids)
            fresh = [i for i in ids if i in facts and not facts[i]["is_excluded"]]
            if before is not None and after - before == len(fresh):
                done: Collection[int] = frozenset(ids)
            else:
                done = frozenset(self._excluded_singly(ids))
            membership.note_excluded(connection, sorted(done), self._services.clock.now())
        return done

    def _excluded_singly(self, ids: Sequence[int]) -> list[int]:
        excluded = []
        for contact_id in ids:
            try:
                if self._mailjet.contact(contact_id).is_excluded:
                    excluded.append(contact_id)
            except RemoteNotFoundError:
                log.warning("a contact of the plan is gone", contact_id=contact_id)
        return excluded

    def _members_among(self, role: ListRole, ids: Sequence[int], size: int) -> dict[int, RecipientSeen]:
        """Those of the contacts that are on a list now: one by one, or by paging the list where that is cheaper."""
        list_id = self._services.list_ids[role]
        wanted = set(ids)
        if len(ids) <= max(_SINGLE_READS_MAX, size // 1000 + 1):
            singly = (self._mailjet.recipient(list_id, contact_id) for contact_id in ids)
            return {row.contact_id: row for row in singly if row is not None}
        for attempt in range(1, ATTEMPTS_PER_STEP + 1):
            try:
                rows = membership.iterate(iter(self._mailjet.read_all_recipients(list_id)))
                return {row.contact_id: row for row in rows if row.contact_id in wanted}
            except IncompleteDataError:
                if attempt == ATTEMPTS_PER_STEP:
                    raise
        raise AssertionError("the loop returns or raises")


def _is_on(places: Mapping[int, Sequence[Mapping[str, Any]]], step: Step) -> bool:
    return any(place["list"] == step.list_role for place in places[step.contact_id])


def _describe(steps: Sequence[Step]) -> str:
    contacts = len({step.contact_id for step in steps})
    parts = {f"{step.action} {step.list_role.label}" if step.list_role else "exclude from campaigns" for step in steps}
    return f"{contacts} contacts, {', '.join(sorted(parts))}"
