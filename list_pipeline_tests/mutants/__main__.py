"""``python -m list_pipeline_tests.mutants [--sample N] [--seed S] [--only PREFIX]``: which faults the tests do not notice.

While a guard is being worked on, ``--within FUNCTION --tests FILE`` asks about its faults and the tests at hand alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# Loaded once, before anything is forked: importing them takes longer than most tests. Nothing of the product is among them.
import httpx  # noqa: F401
import psycopg  # noqa: F401
import sqlalchemy  # noqa: F401
import structlog  # noqa: F401

from list_pipeline_tests.mutants.answers import Answers, drawn, read_answers, seed_of, stale
from list_pipeline_tests.mutants.groups import GROUPS, Group
from list_pipeline_tests.mutants.making import Mutant, mutants_of
from list_pipeline_tests.mutants.running import Fate, TestsFailError, run_group

ROOT = Path(__file__).parents[2]
_UNNOTICED = (Fate.SURVIVED, Fate.NOT_REACHED)


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 when every survivor of the modules that are answered has an answer."""
    parser = argparse.ArgumentParser(prog="python -m list_pipeline_tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="so many mutants of the answered modules, instead of all")
    parser.add_argument(
        "--seed", type=int, help="of the sample; without it a number that follows from modules and tests"
    )
    parser.add_argument("--only", default="", help="modules whose path below list_pipeline/ begins so")
    parser.add_argument("--within", nargs="+", default=(), help="functions or classes, as survivors name them")
    parser.add_argument("--tests", nargs="+", default=(), help="instead of the group's: what these notice, and no more")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at once")
    wanted = parser.parse_args(arguments)
    answers, began = read_answers(), time.monotonic()
    modules = {
        group: [
            module
            for module in group.paths(ROOT)
            if module.startswith(f"list_pipeline/{wanted.only}") and (not wanted.sample or module in answers.modules)
        ]
        for group in GROUPS
    }
    made = {
        group: [m for module in paths for m in mutants_of(ROOT, module)] for group, paths in modules.items() if paths
    }
    outdated = stale(
        answers, [m for found in made.values() for m in found], [m for paths in modules.values() for m in paths]
    )
    if wanted.sample:
        seed = seed_of(ROOT, answers) if wanted.seed is None else wanted.seed
        chosen = drawn(made, answers, wanted.sample, seed)
        print(
            f"a sample of {sum(map(len, chosen.values()))}; the same again: make mutants SAMPLE={wanted.sample} SEED={seed}"
        )
    else:
        chosen = made
    if wanted.within:
        chosen = {group: [m for m in found if _is_within(m, wanted.within)] for group, found in chosen.items()}
    unanswered = 0
    try:
        for group, mutants in chosen.items():
            if mutants:
                fates = _fates(group, mutants, wanted.tests or group.tests, wanted.jobs, answers)
                unanswered += _sum_up(group, fates, answers)
    except TestsFailError as error:
        print(error)
        return 2
    for key in outdated:
        print("answered, and no mutant any more: " + " | ".join(key))
    if unanswered:
        print(
            f"{unanswered} unanswered in modules that were answered whole: write a test, or an answer in answered.toml"
        )
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if outdated or unanswered else 0


def _is_within(mutant: Mutant, names: Sequence[str]) -> bool:
    return any(mutant.where == name or mutant.where.startswith(f"{name}.") for name in names)


def _fates(
    group: Group, mutants: Sequence[Mutant], tests: Sequence[str], jobs: int, answers: Answers
) -> Mapping[Mutant, Fate]:
    """What becomes of each mutant. A survivor is shown at once: whoever ends a run of hours has what it found so far."""
    print(f"{group.name}: {len(mutants)} mutants", flush=True)
    found: dict[Mutant, Fate] = {}

    def told(number: int, fate: Fate) -> None:
        found[mutants[number]] = fate
        if fate in _UNNOTICED and mutants[number].key not in answers.reasons:
            _show(mutants[number], fate)

    run_group(ROOT, mutants, tests, jobs, told)
    if missing := len(mutants) - len(found):
        raise TestsFailError(f"of {missing} mutants of {group.name} nothing was told")
    return found


def _sum_up(group: Group, fates: Mapping[Mutant, Fate], answers: Answers) -> int:
    """Tell what became of a group's mutants. Returns the number of survivors that should have an answer."""
    survivors = [mutant for mutant, fate in fates.items() if fate in _UNNOTICED]
    unanswered = [mutant for mutant in survivors if mutant.key not in answers.reasons]
    noticed, answered = len(fates) - len(survivors), len(survivors) - len(unanswered)
    print(f"{group.name}: {noticed} noticed, {answered} answered, {len(unanswered)} neither")
    for mutant, fate in fates.items():
        if mutant.key in answers.reasons and fate not in _UNNOTICED:
            print(f"    a test notices it by now, so it needs no answer: {' | '.join(mutant.key)}")
    not_yet = {mutant.module for mutant in unanswered} - answers.modules
    if not_yet:
        print(f"    not answered yet: {', '.join(sorted(not_yet))}")
    sys.stdout.flush()
    return sum(mutant.module in answers.modules for mutant in unanswered)


def _show(mutant: Mutant, fate: Fate) -> None:
    reached = "" if fate is Fate.SURVIVED else " (no test gets there)"
    print(f"    {mutant.module}, {mutant.where or 'the module'}: {mutant.operator}{reached}")
    print(f"      - {mutant.was}\n      + {mutant.becomes}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
