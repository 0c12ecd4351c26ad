"""The campaign: accounts made once, undisturbed runs to compare with, and the cases played by two workers.

Belongs here: preparing, distributing, judging. Does not belong here: faults, invariants, what is printed (``__main__``).
"""

from __future__ import annotations

import logging
import os
import shutil
import time
import traceback
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from list_pipeline import stack
from list_pipeline.stack.databases import create_database, drop_database, with_database
from list_pipeline_tests.chaos import (
    daemon,
    edits,
    jobs,
    kills,
    locks,
    mass_changes,
    outages,
    poison,
    positions,
    refusals,
    stops,
    wire,
    worlds,
)
from list_pipeline_tests.chaos.case import Case, NotPlayable
from list_pipeline_tests.chaos.crowd import crowd
from list_pipeline_tests.chaos.invariants import Reference, broken, reference_of
from list_pipeline_tests.chaos.scene import FORKS, Template, staged
from list_pipeline_tests.integration.accounts import (
    COMPLAINED,
    HARD,
    Account,
    prepare_database,
    small_account,
)

FORKS.set_forkserver_preload(["list_pipeline_tests.chaos.children", "list_pipeline_tests.chaos.preload"])


@dataclass(frozen=True)
class Grounds:
    """What every worker needs to play a case."""

    admin: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    folder: Path
    seed: int
    templates: Mapping[str, Template]
    references: Mapping[str, Reference]
    is_embedded: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a case. ``skipped`` says why it could not be played; ``folder`` is kept where something is broken."""

    case: Case
    problems: Sequence[str]
    seconds: float
    folder: Path
    skipped: str | None = None


@contextmanager
def prepared(folder: Path, seed: int, larger: bool = True) -> Iterator[Grounds]:
    """The accounts with databases that know them, and their undisturbed ends."""
    named = os.environ.get("DATABASE_URL")
    urls = None if named else stack.start(with_sandbox=False)
    admin = named or (urls.admin_url if urls else "")
    redis_url = os.environ.get("REDIS_URL") or (urls.redis_url if urls else None)
    databases: list[str] = []

    def database_of(account: Account, name: str) -> str:
        database = f"list_pipeline_chaos_{name}_{uuid.uuid4().hex[:8]}"
        create_database(admin, database)
        databases.append(database)
        prepare_database(account, folder / f"prepare-{name}", with_database(admin, database), synchronised=True)
        return database

    try:
        small = small_account(folder / "small")
        templates = {
            "small": Template("small", small, database_of(small, "small"), frozenset(small.ids(*HARD, COMPLAINED)))
        }
        if larger:
            account, expected = crowd(folder / "larger", seed)
            templates["larger"] = Template(
                "larger", account, database_of(account, "larger"), expected, {"mailjet_job_contacts": 4}
            )
        references = {
            name: _undisturbed(template, admin, folder / f"alone-{name}") for name, template in templates.items()
        }
        yield Grounds(admin, redis_url, folder, seed, templates, references, named is None)
    finally:
        for database in databases:
            drop_database(admin, database)


def _undisturbed(template: Template, admin: str, folder: Path) -> Reference:
    with staged(template, admin, folder) as scene:
        ended = scene.run("tend")
        if ended.status != 0:
            raise AssertionError(f"the undisturbed run of {template.name} failed: {ended.result}, see {ended.log}")
        reference = reference_of(scene)
        if problems := broken(scene, reference):
            raise AssertionError(f"the undisturbed run of {template.name} is broken: {problems}")
    return reference


def cases_of(grounds: Grounds) -> list[Case]:
    """Every case, in the order of the families."""
    small = grounds.references["small"]
    return [
        *daemon.cases(),
        *kills.sweep(small),
        *(kills.around_jobs(grounds.references["larger"], every=4) if "larger" in grounds.references else ()),
        *wire.cases(grounds.seed, small, with_larger="larger" in grounds.references),
        *jobs.cases(),
        *refusals.cases(grounds.seed),
        *poison.cases(),
        *positions.cases(),
        *stops.cases(),
        *outages.cases(small),
        *locks.cases(small),
        *edits.cases(),
        *mass_changes.cases(),
        *(worlds.cases(grounds.seed) if "larger" in grounds.references else ()),
    ]


SAMPLED = frozenset({"requests", "jobs", "stops", "postgres", "edits", "locks", "refused"})
"""Families of which a third is played, another one with each of three seeds, so that the whole stays under ten minutes."""


def sample(cases: Sequence[Case], seed: int) -> list[Case]:
    """What is played when nobody asks for everything.

    Of the kills: before every request, and after every one that is not a mere reading. After a reading nobody saw the answer
    of, both systems are as they were before it, so that kill would be the one before it once more. Of readings of one kind in
    a row (the pages of a synchronisation are half of all requests) the first and a third of the others, another third with
    each of three seeds; every look at a job.
    """
    chosen, seen = seed % 3, dict.fromkeys(SAMPLED, 0)
    kept, before = [], ""
    for case in cases:
        if case.family in seen:
            seen[case.family] += 1
            if seen[case.family] % 3 != chosen:
                continue
        if isinstance(case, kills.Kill) and case.request.startswith("GET "):
            if case.when == "after":
                continue
            if case.request == before and case.nth % 3 != chosen and "/managemanycontacts/" not in case.request:
                continue
        if isinstance(case, kills.Kill):
            before = case.request
        kept.append(case)
    return kept


def play(grounds: Grounds, case: Case) -> Outcome:
    """Play one case in this process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    folder = grounds.folder / case.full_name.replace("/", "-")
    started = time.monotonic()
    problems: list[str] = []
    skipped = None
    try:
        template = grounds.templates[case.template]
        with staged(template, grounds.admin, folder, pace=case.pace, **case.settings) as scene:
            problems = case.play(scene, grounds.references[case.template])
    except NotPlayable as reason:
        skipped = str(reason)
    except Exception as error:  # noqa: BLE001 - whatever it is: the case was not survived
        problems = [f"{type(error).__name__}: {error}", *traceback.format_exc().splitlines()[-6:]]
    if not problems:
        shutil.rmtree(folder, ignore_errors=True)
    return Outcome(case, problems, time.monotonic() - started, folder, skipped)


def played(grounds: Grounds, cases: Sequence[Case], workers: int) -> Iterator[Outcome]:
    """Play cases in ``workers`` processes at once; the outcomes as they come."""
    with ProcessPoolExecutor(workers, mp_context=FORKS) as pool:
        waiting = [pool.submit(play, grounds, case) for case in cases]
        for one in as_completed(waiting):
            yield one.result()
