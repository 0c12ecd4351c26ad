"""A holder that lost the lock without noticing: another one goes on, and what the first one knew is old."""

from __future__ import annotations

import ast
from contextlib import suppress

import httpx
import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.operations.maintenance.workflow import maintain
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.lock import LockLostError, mutation_lock
from list_pipeline.storage.plans import bulk_jobs, journal
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.interception import before
from list_pipeline_tests.paths import CHECKOUT

JOURNAL = "select change_id, ordinal, state, note, attempts, job_id from change_step order by 1, 2"


def lose_the_lock(made: Installation) -> None:
    """PostgreSQL ends the session of whoever holds the lock, as a network that was cut does."""
    made.query(
        """select pg_terminate_backend(a.pid) from pg_stat_activity a
           where a.datname = current_database() and a.application_name like 'list_pipeline: %'"""
    )


def is_asked(request: httpx.Request) -> bool:
    """Whether a request is one to Mailjet's API."""
    return "/REST/" in request.url.path


def changing_requests(install: Install) -> list[int]:
    """The numbers of those requests of an undisturbed maintenance from the first bulk job on."""
    with install() as made, pytest.MonkeyPatch.context() as patch:
        seen = before(patch, is_asked, lambda: None, nth=0)
        maintain(made.services, made.key, run_id="alone", progress=quietly)
    first = next(n for n, one in enumerate(seen, start=1) if one.startswith("POST") and "managemany" in one)
    return list(range(first, len(seen) + 1))


def test_a_holder_that_lost_its_lock_writes_nothing_more(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = changing_requests(install_small)
    for nth in numbers[:: max(1, len(numbers) // 8)]:
        with install_small() as made:
            after: list[object] = []

            def another_goes_on(made: Installation = made, after: list[object] = after) -> None:
                lose_the_lock(made)
                monkeypatch.undo()
                maintain(made.another(), made.key, run_id="another", progress=quietly)
                after.append(made.query(JOURNAL))

            before(monkeypatch, is_asked, another_goes_on, nth=nth)
            with suppress(LockLostError):
                maintain(made.services, made.key, run_id="first", progress=quietly)
            monkeypatch.undo()
            assert after, f"nothing happened at request {nth}"
            assert made.query(JOURNAL) == after[0], f"the first holder wrote on, after request {nth}"
            undo_maintenance(made.services, made.key, by="ada", progress=quietly)
            suppressed = made.members(ListRole.SUPPRESSION)
            assert not suppressed & {i for role in CAMPAIGN_LISTS for i in made.members(role)}


def test_the_next_holder_waits_for_what_the_one_before_is_writing(small: Installation) -> None:
    database = small.services.database
    with mutation_lock(database, small.clock, "the first") as first:
        with first.writing():
            lose_the_lock(small)
            # Until the transaction of the first one ends, nobody becomes the next.
            assert small.query("select pg_try_advisory_xact_lock(:key)", key=lock_numbers.FENCE) == [(False,)]
        with mutation_lock(small.another().database, small.clock, "the next", wait_s=5) as second:
            with second.writing():
                pass
            with pytest.raises(LockLostError), first.writing():
                raise AssertionError("the first one is written for")


def test_every_step_of_the_journal_is_written_under_the_lock() -> None:
    writers = {"begin_job", "job_submitted", "job_ended", "settle_steps", "note_steps", "fail_unstarted", "job_lost",
               "end_lost_jobs", "note_dead", "give_back", "skip_unstarted", "retry_failed", "open_changes"}  # fmt: skip
    assert writers <= {name for module in (journal, bulk_jobs) for name, one in vars(module).items() if callable(one)}
    unguarded = []
    for path in (CHECKOUT / "list_pipeline" / "operations").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.With) and "database.begin()" in ast.unparse(node.items[0]):
                calls = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
                names = {
                    one.attr
                    for one in calls
                    if isinstance(one, ast.Attribute) and ast.unparse(one.value) in ("journal", "bulk_jobs")
                }
                unguarded += [f"{path.name}:{node.lineno} {name}" for name in names & writers]
    assert unguarded == []
