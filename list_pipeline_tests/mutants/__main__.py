"""``python -m list_pipeline_tests.mutants [--sample N] [--seed S] [--only PREFIX]``: which faults the tests do not notice."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
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
    parser.add_argument("--jobs", type=int, default=2, help="mutants at once")
    wanted = parser.parse_args(arguments)
    answers, began = read_answers(), time.monotonic()
    modules = {
        group: [module for module in group.paths(ROOT) if module.startswith(f"list_pipeline/{wanted.only}")]
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
    try:
        fates = {group: _fates(group, mutants, wanted.jobs) for group, mutants in chosen.items() if mutants}
    except TestsFailError as error:
        print(error)
        return 2
    status = _sum_up(fates, answers)
    for key in outdated:
        print("answered, and no mutant any more: " + " | ".join(key))
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if outdated else status


def _fates(group: Group, mutants: Sequence[Mutant], jobs: int) -> Mapping[Mutant, Fate]:
    print(f"{group.name}: {len(mutants)} mutants", flush=True)
    found: dict[Mutant, Fate] = {}

    def told(number: int, fate: Fate) -> None:
        found[mutants[number]] = fate

    run_group(ROOT, mutants, group.tests, jobs, told)
    if missing := len(mutants) - len(found):
        raise TestsFailError(f"of {missing} mutants of {group.name} nothing was told")
    return found


def _sum_up(fates: Mapping[Group, Mapping[Mutant, Fate]], answers: Answers) -> int:
    unanswered, open_modules = 0, Counter[str]()
    for group, found in fates.items():
        survivors = [mutant for mutant, fate in found.items() if fate in _UNNOTICED]
        answered = [mutant for mutant in survivors if mutant.key in answers.reasons]
        print(
            f"{group.name:14} {len(found):5} mutants, {len(found) - len(survivors):5} noticed, {len(answered):4} answered"
        )
        for mutant in survivors:
            if mutant.key in answers.reasons:
                continue
            _show(mutant, found[mutant])
            if mutant.module in answers.modules:
                unanswered += 1
            else:
                open_modules[mutant.module] += 1
        noticed = [m for m, fate in found.items() if m.key in answers.reasons and fate not in _UNNOTICED]
        for mutant in noticed:
            print(f"    a test notices it by now, so it needs no answer: {' | '.join(mutant.key)}")
    if open_modules:
        print(f"not answered yet: {open_modules.total()} in " + ", ".join(sorted(open_modules)))
    if unanswered:
        print(
            f"{unanswered} unanswered in modules that were answered whole: write a test, or an answer in answered.toml"
        )
    return 1 if unanswered else 0


def _show(mutant: Mutant, fate: Fate) -> None:
    reached = "" if fate is Fate.SURVIVED else " (no test gets there)"
    print(f"    {mutant.module}, {mutant.where or 'the module'}: {mutant.operator}{reached}")
    print(f"      - {mutant.was}\n      + {mutant.becomes}")


if __name__ == "__main__":
    sys.exit(main())
