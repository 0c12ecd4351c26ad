"""What becomes of bulk jobs, on a database alone: what the lists show is confirmed, the rest is posted again or given to
people, and nothing is given up or taken back while a job may still be running. Mailjet and the lists say what they are told to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from list_pipeline.core.errors import RemoteNotFoundError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import JobSeen
from list_pipeline.core.plans.journal import JobState, StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanKind
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.integrations.mailjet import JobTimeoutError
from list_pipeline.operations.plans.read_back import Effect
from list_pipeline.operations.plans.settling import Settling
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.plans import bulk_jobs, journal
from list_pipeline.storage.plans.bulk_jobs import Job
from list_pipeline.storage.plans.journal import NewChange, NewStep, Step
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.accounts import quietly
from list_pipeline_tests.integration.offices import Office, office

ADD, REMOVE = StepAction.ADD, StepAction.REMOVE
ONE, TWO = ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2
NUMBER = 999
LONGEST = EXECUTION.job_may_run


@dataclass
class AtWork:
    """A plan whose moves were posted, and what Mailjet and the lists say of them.

    ``there``: contacts of whom the step is in effect. ``seen``: what Mailjet says of the job, or of each by its number.
    """

    here: Office
    plan: StoredPlan
    lock: MutationLock
    there: set[int] = field(default_factory=set)
    erased: set[int] = field(default_factory=set)
    seen: JobSeen | Exception | Mapping[int, JobSeen | Exception] | None = None
    error_file: Any = ()
    looked: list[float] = field(default_factory=list)
    created_again: list[int] = field(default_factory=list)

    def settling(self) -> Settling:
        mailjet: Any = SimpleNamespace(wait_for_job=self._wait, job_errors=self._errors)
        lists: Any = SimpleNamespace(effect_of=self._effect, sizes=dict, latest={ListRole.MASTER.value: 0})
        edits: Any = SimpleNamespace(
            erased_among=self._erased, undo_creation=lambda contact_id, _: self.created_again.append(contact_id)
        )
        services: Any = self.here.services
        return Settling(services, self.plan.plan_id, self.lock, mailjet, lists, edits, quietly)

    def _wait(self, number: int) -> JobSeen:
        said = self.seen[number] if isinstance(self.seen, Mapping) else self.seen
        if isinstance(said, Exception):
            raise said
        assert said is not None
        return said

    def _errors(self, number: int) -> Any:
        if isinstance(self.error_file, Exception):
            raise self.error_file
        return self.error_file

    def _effect(self, steps: Sequence[Step], before: Mapping[str, int]) -> Effect:
        self.looked.append(self.here.clock.now().timestamp())
        return Effect(
            [one for one in steps if one.contact_id in self.there],
            [one for one in steps if one.contact_id not in self.there],
        )

    def _erased(self, ids: Collection[int], *_: Any) -> frozenset[int]:
        return frozenset(self.erased & set(ids))

    def posted(self, *contact_ids: int, number: int | None = NUMBER, attempt: int = 1) -> Job:
        """A job that adds these contacts to list 2; without a number its answer did not come."""
        now = self.here.clock.now()
        with self.lock.writing() as connection:
            steps = [NewStep(ADD, TWO), NewStep(REMOVE, ONE)]
            changes = [NewChange(one, ItemAction.MOVE, {}, steps) for one in contact_ids]
            journal.open_changes(connection, self.plan.plan_id, changes, now)
        self.here.query("update change_step set attempts = :made where action = 'add' returning 1", made=attempt - 1)
        with self.lock.writing() as connection:
            planned = [
                one
                for one in journal.steps_of(connection, self.plan.plan_id)
                if one.action is ADD and one.contact_id in contact_ids
            ]
            job_id, begun = bulk_jobs.begin_job(
                connection, self.plan.plan_id, planned, {}, len(planned), {}, self.lock.fence, now
            )
            if number is not None:
                bulk_jobs.job_submitted(connection, job_id, begun, number, now)
            return next(one for one in bulk_jobs.open_jobs(connection, self.plan.plan_id) if one.job_id == job_id)

    def steps(self, action: StepAction = ADD) -> dict[int, tuple[str, str | None, int]]:
        """State, note and attempts of the steps, by contact."""
        found = self.here.query(
            "select contact_id, state, note, attempts from change_step join change using (change_id) where action = :action",
            action=action.value,
        )
        return {contact_id: (state, note, attempts) for contact_id, state, note, attempts in found}

    def jobs(self) -> list[tuple[str, str | None]]:
        return [
            (state, error) for state, error in self.here.query("select state, error from mailjet_job order by job_id")
        ]


@pytest.fixture
def work(copy_of: Callable[[str], str], migrated: str) -> Iterator[AtWork]:
    with office(copy_of(migrated)) as here:
        plan = here.let_through(PlanKind.REBALANCING)
        with mutation_lock(here.services.database, here.clock, "a test") as lock:
            yield AtWork(here, plan, lock)


def ended(status: str = "Completed", *, failed: bool = False, error: str = "", error_file: bool = False) -> JobSeen:
    return JobSeen(NUMBER, status, 0, is_finished=True, is_failed=failed, error=error, has_error_file=error_file)


def endless() -> JobTimeoutError:
    return JobTimeoutError("Waiting for a job", "it did not end", "Run it again")


# A job that ended


def test_of_a_job_that_ended_only_the_lists_tell_what_it_did(work: AtWork) -> None:
    job = work.posted(1, 2)
    work.seen, work.there = ended(), {1}
    work.settling().finish([job])
    assert work.steps() == {1: ("confirmed", None, 1), 2: ("planned", "had_no_effect", 1)}
    assert work.jobs() == [("finished", None)]


def test_what_had_no_effect_three_times_is_given_up(work: AtWork) -> None:
    job = work.posted(1, 2, attempt=3)
    work.seen, work.there = ended(), {1}
    work.settling().finish([job])
    assert work.steps() == {1: ("confirmed", None, 3), 2: ("failed", "had_no_effect", 3)}


def test_nobody_is_given_up_while_another_job_of_the_plan_may_take_effect(work: AtWork) -> None:
    work.posted(9, number=None)
    work.settling().resume()
    job = work.posted(1, attempt=3)
    work.seen = ended()
    with pytest.raises(JobTimeoutError, match="may still take effect"):
        work.settling().finish([job])
    assert work.steps()[1] == ("planned", "answer_lost", 3)


@pytest.mark.parametrize(
    ("seen", "error_file", "state", "words"),
    [
        (ended("Error", failed=True, error="Import failed"), (), "failed", "Error: Import failed; no error file"),
        (ended("Abort", failed=True), (), "failed", "Abort: no text; no error file"),
        (ended(error="odd"), (), "finished", "Completed: odd; no error file"),
        (ended(error_file=True), ("a", "b"), "finished", "Completed: no text; 2 contacts in the error file"),
        (
            ended(error_file=True),
            RemoteNotFoundError("Reading", "no file", "-"),
            "finished",
            "Completed: no text; the error file could not be read (RemoteNotFoundError)",
        ),
    ],
)
def test_a_job_keeps_what_mailjet_said_of_it_and_is_settled_all_the_same(
    work: AtWork, seen: JobSeen, error_file: Any, state: str, words: str
) -> None:
    job = work.posted(1)
    work.seen, work.there, work.error_file = seen, {1}, error_file
    work.settling().finish([job])
    assert work.jobs() == [(state, words)]
    assert work.steps()[1][0] == "confirmed"


def test_who_was_erased_meanwhile_is_left_out_whatever_the_lists_show(work: AtWork) -> None:
    job = work.posted(1, 2, 3)
    work.seen, work.there, work.erased = ended(), {1, 3}, {2, 3}
    for contact_id in (1, 2, 3):
        work.here.query(
            "insert into contact_list_membership (contact_id, email, queued_at, last_updated, is_anonymised)"
            " values (:id, :email, now(), now(), :gone) returning 1",
            id=contact_id,
            email=f"{contact_id}@example.com",
            gone=contact_id == 3,
        )
    work.settling().finish([job])
    assert work.steps() == {
        1: ("confirmed", None, 1),
        2: ("skipped", "contact_gone", 1),
        3: ("skipped", "contact_gone", 1),
    }
    # Only an address that was still known can have been used to create somebody.
    assert work.created_again == [2]


# Several jobs at once


def test_several_jobs_are_settled_by_one_look_at_the_lists_each_with_its_own_steps(work: AtWork) -> None:
    one, two = work.posted(1, 2), work.posted(3, 4)
    work.seen, work.there = ended(), {1, 3, 4}
    assert work.settling().finish([one, two]) is False
    assert len(work.looked) == 1
    assert {contact_id: state for contact_id, (state, _, _) in work.steps().items()} == {
        1: "confirmed",
        2: "planned",
        3: "confirmed",
        4: "confirmed",
    }
    assert work.jobs() == [("finished", None), ("finished", None)]


def test_a_job_that_does_not_end_keeps_no_other_from_being_settled(work: AtWork) -> None:
    one, two, three = work.posted(1), work.posted(2, number=NUMBER + 1), work.posted(3, number=NUMBER + 2)
    work.seen, work.there = {NUMBER: ended(), NUMBER + 1: endless(), NUMBER + 2: ended()}, {1, 3}
    with pytest.raises(JobTimeoutError, match="did not end"):
        work.settling().finish([one, two, three])
    assert {contact_id: state for contact_id, (state, _, _) in work.steps().items()} == {
        1: "confirmed",
        2: "submitted",
        3: "confirmed",
    }


def test_a_job_that_mailjet_forgot_keeps_no_other_from_being_settled(work: AtWork) -> None:
    one, two = work.posted(1), work.posted(2, number=NUMBER + 1)
    work.seen = {NUMBER: RemoteNotFoundError("Looking at a job", "there is none", "-"), NUMBER + 1: ended()}
    work.there = {1, 2}
    assert work.settling().finish([one, two]) is True
    assert {state for state, _, _ in work.steps().values()} == {"confirmed"}


# A job that does not end


def test_a_job_that_never_says_that_it_ended_is_over_when_everything_is_done(work: AtWork) -> None:
    job = work.posted(1)
    work.seen, work.there = endless(), {1}
    work.settling().finish([job])
    assert work.steps()[1][0] == "confirmed"
    assert work.jobs() == [("finished", "Mailjet did not say that it ended")]


def test_people_are_told_once_of_a_job_that_does_not_end_and_nothing_of_it_is_settled(work: AtWork) -> None:
    job = work.posted(1, 2)
    work.seen, work.there = endless(), {1}
    for _ in range(2):
        with pytest.raises(JobTimeoutError, match="did not end"):
            work.settling().finish([job])
    assert {state for state, _, _ in work.steps().values()} == {"submitted"}
    ((summary, details, campaign),) = work.here.query("select summary, details, campaign_id from review_item")
    assert f"bulk job {NUMBER} does not end" in summary
    assert (details, campaign) == ({"bulk_job": job.job_id}, work.plan.campaign_id)


@pytest.mark.parametrize("then", [ended(), RemoteNotFoundError("Looking at a job", "there is none", "-")])
def test_what_people_were_told_of_a_job_is_over_when_it_ended_or_mailjet_forgot_it(
    work: AtWork, then: JobSeen | Exception
) -> None:
    job = work.posted(1)
    work.seen = endless()
    with pytest.raises(JobTimeoutError):
        work.settling().finish([job])
    work.seen = then
    work.settling().resume()
    assert work.here.query("select status from review_item") == [("resolved",)]


# A job whose answer was lost


def test_a_lost_job_is_looked_for_twice_and_what_is_missing_is_planned_again_without_an_attempt(work: AtWork) -> None:
    job, began = work.posted(1, 2, number=None), work.here.clock.now().timestamp()
    work.there = {1}
    assert not work.settling().settle_lost(job)
    assert [at - began for at in work.looked] == [20.0, 40.0]
    assert work.steps() == {1: ("confirmed", None, 1), 2: ("planned", "answer_lost", 0)}
    assert work.jobs() == [("lost", "the answer to its submission was lost")]


def test_a_lost_job_that_did_everything_is_over_and_looked_for_once(work: AtWork) -> None:
    job = work.posted(1, number=None)
    work.there = {1}
    assert work.settling().settle_lost(job)
    assert len(work.looked) == 1
    assert work.jobs()[0][0] == "failed"
    assert work.steps()[1][0] == "confirmed"


def test_a_job_that_mailjet_forgot_is_settled_as_one_whose_answer_was_lost(work: AtWork) -> None:
    job = work.posted(1)
    work.seen = RemoteNotFoundError("Looking at a job", "there is none", "-")
    work.settling().finish([job])
    assert work.jobs()[0][0] == "lost"
    assert work.steps()[1] == ("planned", "answer_lost", 0)


# Whoever goes on


def test_whoever_goes_on_first_ends_the_jobs_of_an_earlier_run(work: AtWork) -> None:
    work.posted(1)
    work.posted(2, number=None)
    work.seen, work.there = ended(), {1, 2}
    work.settling().resume()
    assert {state for state, _, _ in work.steps().values()} == {"confirmed"}
    assert [state for state, _ in work.jobs()] == ["finished", "failed"]


def test_what_a_lost_job_did_late_is_found(work: AtWork) -> None:
    work.posted(1, 2, number=None)
    work.settling().resume()
    work.there = {1}
    work.settling().resume()
    assert work.steps() == {1: ("confirmed", "took_effect_late", 0), 2: ("planned", "answer_lost", 0)}
    assert work.jobs()[0][0] == "lost"


def test_where_no_job_is_lost_nobody_looks(work: AtWork) -> None:
    job = work.posted(1)
    work.seen, work.there = ended(), {1}
    work.settling().finish([job])
    work.looked.clear()
    work.settling().resume()
    assert work.looked == []


def test_a_lost_job_is_over_when_it_may_run_no_longer_and_not_before(work: AtWork) -> None:
    work.posted(1, number=None)
    work.settling().resume()
    posted_at = work.here.clock.now() - timedelta(seconds=40)
    work.here.clock.set(posted_at + LONGEST - timedelta(seconds=1))
    work.settling().resume()
    assert work.jobs()[0][0] == "lost"
    work.here.clock.advance(timedelta(seconds=1))
    work.settling().resume()
    assert work.jobs() == [("failed", "the answer to its submission was lost; it was looked for for 6 hours")]
    assert work.steps()[1] == ("planned", "had_no_effect", 0)


def test_before_something_is_posted_again_it_is_waited_and_looked_whether_it_took_effect_late(work: AtWork) -> None:
    job = work.posted(1, 2, 3, attempt=2)
    work.seen = ended()
    work.settling().finish([job])
    with work.lock.writing() as connection:
        planned = [one for one in journal.steps_of(connection, work.plan.plan_id) if one.action is ADD]
    began, work.there = work.here.clock.now(), {2}
    assert [one.contact_id for one in work.settling().look_before_repeating(planned)] == [1, 3]
    assert work.here.clock.now() - began == timedelta(seconds=20)
    assert work.steps()[2] == ("confirmed", "took_effect_late", 2)


def test_what_was_never_posted_is_posted_at_once(work: AtWork) -> None:
    with work.lock.writing() as connection:
        change = NewChange(1, ItemAction.MOVE, {}, [NewStep(ADD, TWO)])
        journal.open_changes(connection, work.plan.plan_id, [change], work.here.clock.now())
        planned = list(journal.steps_of(connection, work.plan.plan_id))
    began = work.here.clock.now()
    assert work.settling().look_before_repeating(planned) == planned
    assert (work.here.clock.now(), work.looked) == (began, [])


# A plan that is taken back


def test_of_a_plan_that_is_taken_back_nothing_more_is_begun_and_what_was_begun_stays(work: AtWork) -> None:
    job = work.posted(1, 2)
    work.seen, work.there = ended(), {1}
    work.settling().finish([job])
    work.settling().stop(StepNote.UNDONE)
    assert work.steps() == {1: ("confirmed", None, 1), 2: ("skipped", "undone", 1)}
    assert {one: state for one, (state, _, _) in work.steps(REMOVE).items()} == {1: "planned", 2: "skipped"}


def test_nothing_is_taken_back_while_a_job_of_the_plan_may_take_effect(work: AtWork) -> None:
    work.posted(1, number=None)
    work.settling().resume()
    with pytest.raises(JobTimeoutError, match="for 6 hours; ask for it again then"):
        work.settling().stop(StepNote.UNDONE)
    assert work.steps()[1][0] == "planned"
    work.here.clock.advance(LONGEST)
    work.settling().stop(StepNote.UNDONE)
    assert work.steps()[1][:2] == ("skipped", "undone")


def test_a_lost_job_of_which_everything_was_found_keeps_nobody_from_taking_back(work: AtWork) -> None:
    work.posted(1, number=None)
    work.settling().resume()
    work.there = {1}
    work.settling().stop(StepNote.UNDONE)
    assert work.steps()[1][0] == "confirmed"


# A person says that a job is dead


def test_of_a_job_that_a_person_declares_dead_what_is_there_is_confirmed_and_the_rest_planned_again(
    work: AtWork,
) -> None:
    job = work.posted(1, 2)
    work.there = {1}
    work.settling().settle_dead(job, "declared dead")
    assert work.jobs() == [("failed", "declared dead")]
    assert work.steps() == {1: ("confirmed", None, 1), 2: ("planned", "had_no_effect", 1)}


def test_a_lost_job_that_a_person_declares_dead_is_over(work: AtWork) -> None:
    job = work.posted(1, number=None)
    work.settling().settle_lost(job)
    with work.lock.writing() as connection:
        (lost,) = bulk_jobs.unended_jobs(connection, job.job_id)
    assert lost.state is JobState.LOST
    work.settling().settle_dead(lost, "declared dead")
    assert work.jobs() == [("failed", "declared dead")]
    assert work.steps()[1][0] == StepState.PLANNED.value


# Nothing of a job was accepted, or of a contact


def test_the_steps_of_who_was_erased_are_left_out_of_the_others(work: AtWork) -> None:
    with work.lock.writing() as connection:
        changes = [NewChange(one, ItemAction.MOVE, {}, [NewStep(ADD, TWO)]) for one in (1, 2)]
        journal.open_changes(connection, work.plan.plan_id, changes, work.here.clock.now())
        planned = list(journal.steps_of(connection, work.plan.plan_id))
    assert [one.contact_id for one in work.settling().leave_out(planned, {1})] == [2]
    assert work.steps() == {1: ("skipped", "contact_gone", 0), 2: ("planned", None, 0)}


def test_of_several_jobs_that_have_not_ended_the_one_that_is_asked_for_is_found(work: AtWork) -> None:
    first, second = work.posted(1), work.posted(2, number=None)
    assert [work.settling().open_job(one.job_id) for one in (first, second)] == [first, second]


def test_what_was_refused_is_still_to_be_done_and_counts_no_attempt(work: AtWork) -> None:
    job = work.posted(1, number=None)
    with work.lock.writing() as connection:
        begun = bulk_jobs.steps_of_job(connection, job.job_id)
    work.settling().give_back(job.job_id, begun, "401")
    assert work.steps()[1] == ("planned", None, 0)
    assert work.jobs() == [("failed", "401")]
