"""``python -m list_pipeline_tests.chaos [--only NAME] [--seed N] [--all]``: plays every fault and says what survived."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from list_pipeline_tests.chaos.campaign import Outcome, cases_of, played, prepared, sample

SEED = 20261121


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 when every fault was survived."""
    parser = argparse.ArgumentParser(prog="python -m list_pipeline_tests.chaos", description=__doc__)
    parser.add_argument("--only", default="", help="a family, or a case as family/name; the beginning is enough")
    parser.add_argument("--seed", type=int, default=SEED, help="of the larger account, and of the sample")
    parser.add_argument("--workers", type=int, default=2, help="cases at once")
    parser.add_argument("--all", action="store_true", help="every variation and every kill; takes some twice as long")
    parser.add_argument("--list", action="store_true", help="only name the cases")
    wanted = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    folder = Path(tempfile.mkdtemp(prefix="list_pipeline-chaos-"))
    started = time.monotonic()
    outcomes: list[Outcome] = []
    with prepared(folder, wanted.seed) as grounds:
        every = cases_of(grounds)
        chosen = every if wanted.only or wanted.all else sample(every, wanted.seed)
        cases = [case for case in chosen if case.full_name.startswith(wanted.only)]
        if wanted.list:
            for case in cases:
                console.print(case.full_name)
            return 0
        console.print(f"seed {wanted.seed}, {len(cases)} faults, prepared in {time.monotonic() - started:.0f} s")
        with _progress(console) as progress:
            task = progress.add_task("faults", total=len(cases))
            for outcome in played(grounds, cases, wanted.workers):
                outcomes.append(outcome)
                progress.advance(task)
                if outcome.problems:
                    progress.console.print(_words(outcome, wanted.seed))
    status = _sum_up(console, outcomes, time.monotonic() - started)
    if status == 0:
        # The logs are of use only where something is broken.
        shutil.rmtree(folder, ignore_errors=True)
    return status


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _words(outcome: Outcome, seed: int) -> str:
    repeat = f"python -m list_pipeline_tests.chaos --seed {seed} --only {outcome.case.full_name}"
    lines = [
        f"[red]not survived[/red] {outcome.case.full_name} {outcome.case}",
        *(f"    {one}" for one in outcome.problems),
    ]
    return "\n".join([*lines, f"    again: {repeat}", f"    logs: {outcome.folder}"])


def _sum_up(console: Console, outcomes: list[Outcome], seconds: float) -> int:
    families: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        families.setdefault(outcome.case.family, []).append(outcome)
    for family, members in families.items():
        run = [one for one in members if one.skipped is None]
        survived = sum(1 for one in run if not one.problems)
        line = f"{family:18} {len(run):4} faults, {survived:4} survived, {sum(one.seconds for one in members):6.1f} s"
        skipped = [one for one in members if one.skipped is not None]
        console.print(line + (f", {len(skipped)} skipped ({skipped[0].skipped})" if skipped else ""))
    faults = sum(1 for one in outcomes if one.skipped is None)
    survived = sum(1 for one in outcomes if one.skipped is None and not one.problems)
    console.print(f"in {seconds:.0f} s")
    console.print(f"{faults} faults, {survived} survived")
    return 0 if faults and faults == survived else 1


if __name__ == "__main__":
    sys.exit(main())
