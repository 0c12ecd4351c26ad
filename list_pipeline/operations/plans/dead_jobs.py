"""Bulk jobs whose end nobody sees: looked for before lists are compared, or declared dead by a person who knows it.

Belongs here: finding the job, and noting who declared it dead. Does not belong here: what its steps become (``settling``).
"""

from __future__ import annotations

import structlog

from list_pipeline.core.errors import LockHeldError, NotFoundError, RefusedError, TransientError
from list_pipeline.operations.access import Changing
from list_pipeline.operations.membership.sync import refresh_contacts
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.operations.plans.execution import settle_dead, settle_lost_jobs
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.storage.lock import mutation_lock
from list_pipeline.storage.plans import bulk_jobs

log = structlog.get_logger(__name__)


def look_for_lost_jobs(services: Changing, progress: Progress = logged) -> None:
    """Before our rows are compared with the lists: what bulk jobs did whose answer was lost is no drift. Nothing is posted.

    Where somebody else is at work, or Mailjet is away, the next look does it.
    """
    try:
        settle_lost_jobs(services, progress)
    except (LockHeldError, TransientError) as error:
        log.warning("lost bulk jobs were not looked for", why=error.happened)


def declare_dead(services: Changing, number: int, *, by: str, note: str) -> int:
    """A person says that a bulk job will do nothing any more: what the lists show of it is confirmed, the rest planned again.

    Nothing is changed at Mailjet. The plan goes on with its next run.

    Args:
        number: Mailjet's number of the job, or ours. by: who says so. note: how they know.

    Returns:
        The plan that the job belongs to.

    Raises:
        NotFoundError: no such job is under way.
        RefusedError: nobody is named, or no reason; or two jobs have that number.
    """
    tried = f"Declaring bulk job {number} dead"
    by = reviewer(services, by, tried)
    why = reason_of(note, tried, "there is no reason", "Say how you know that it will do nothing any more")
    with mutation_lock(services.database, services.clock, f"ending bulk job {number}") as lock:
        with lock.writing() as connection:
            found = bulk_jobs.unended_jobs(connection, number)
        if not found:
            raise NotFoundError(tried, "no such job is under way", "`list-pipeline reviews` names the one that is")
        if len(found) > 1:
            raise RefusedError(tried, "one job has it as our number, another as Mailjet's", "Wait for the other to end")
        (job,) = found
        with lock.writing() as connection:
            steps = bulk_jobs.steps_of_job(connection, job.job_id)
            bulk_jobs.note_dead(connection, job.job_id, by, why, services.clock.now())
        refresh_contacts(services, [step.contact_id for step in steps])
        settle_dead(services, job, lock, f"declared dead by {by}: {why}")
    log.warning("a bulk job was declared dead", job=job.job_id, plan=job.plan_id, by=by)
    return job.plan_id
