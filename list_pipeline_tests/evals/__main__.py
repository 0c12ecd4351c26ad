"""``python -m list_pipeline_tests.evals [--behaviour NAME] [--live] [--only PREFIX]``: measures the advisors."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from list_pipeline.integrations.gemini import DEFAULT_MODEL
from list_pipeline_tests.evals import injections
from list_pipeline_tests.evals.campaign import (
    BEHAVIOURS,
    LIVE,
    TRUSTED,
    be_quiet,
    live_model,
    play_sandboxed,
    play_scenario,
    unknown_behaviours,
)
from list_pipeline_tests.evals.injections import InjectionResult
from list_pipeline_tests.evals.measures import Figures, below_bars, figures_of, final_line, percent
from list_pipeline_tests.evals.report import Evaluation, write_report
from list_pipeline_tests.evals.results import Result
from list_pipeline_tests.evals.scenarios import ADVISORS, Injection, Scenario, load_injections, load_scenarios
from list_pipeline_tests.evals.words import labelled_rows, measure

FOLDER = Path(".evals")
_TEXTS_AT_ONCE = 15


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 when all bars are passed, 1 when one is not, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m list_pipeline_tests.evals", description=__doc__)
    parser.add_argument(
        "--behaviour", default="", help=f"of the sandbox's model, one or several: {', '.join(BEHAVIOURS)}"
    )
    parser.add_argument("--live", action="store_true", help="ask the real API; needs GEMINI_API_KEY and costs money")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between questions to the real API")
    parser.add_argument("--only", default="", help="the beginning of the ids of scenarios and injections")
    parser.add_argument("--workers", type=int, default=2, help="processes; 1: this one")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the reports go")
    wanted = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    key = os.environ.get("GEMINI_API_KEY", "")
    behaviours = [LIVE] if wanted.live else wanted.behaviour.replace(",", " ").split() or list(BEHAVIOURS)
    problem = _why_not(behaviours, bool(key))
    scenarios = [one for one in load_scenarios() if one.id.startswith(wanted.only)]
    texts = [one for one in load_injections() if not wanted.only or one.id.startswith(wanted.only)]
    if not problem and not scenarios and not texts:
        problem = f"No scenario and no injection begins with {wanted.only}."
    if problem:
        console.print(problem)
        return 2

    begun = time.monotonic()
    model = os.environ.get("GEMINI_MODEL", DEFAULT_MODEL) if wanted.live else "sandbox"
    results: dict[str, list[Result]] = {behaviour: [] for behaviour in behaviours}
    found: list[InjectionResult] = []
    with _progress(console) as progress:
        task = progress.add_task("scenarios", total=len(behaviours) * len(scenarios) + len(texts))
        steps = (
            _live(key, model, wanted.pause, scenarios, texts)
            if wanted.live
            else _sandboxed(behaviours, scenarios, texts, wanted.workers)
        )
        for behaviour, played, leaks in steps:
            results[behaviour] += played
            found += leaks
            progress.advance(task, len(played) + len({one.injection for one in leaks}))
            for line in _news(played, leaks):
                progress.console.print(line)
            if not console.is_terminal and played and len(results[behaviour]) == len(scenarios):
                console.print(f"{behaviour}: {len(scenarios)} scenarios, {time.monotonic() - begun:.0f} s")
    order = {one.id: place for place, one in enumerate(scenarios)}
    ordered = [one for name in behaviours for one in sorted(results[name], key=lambda each: order[each.scenario])]
    figures = [figures_of(name, results[name]) for name in behaviours] if scenarios else []
    words_are_read = _measure_words(console)
    status = _sum_up(console, figures, ordered, found, model, time.monotonic() - begun, wanted.folder)
    return status if words_are_read else max(status, 1)


def _measure_words(console: Console) -> bool:
    """Print how well receivers' words are read, no model asked; False where a bar is missed."""
    rows = labelled_rows()
    if not rows:
        console.print("receivers' words: not measured, the labelled texts are not on this machine (../shared/data)")
        return True
    measured = measure(rows)
    console.print(str(measured))
    return measured.is_good_enough


def _why_not(behaviours: Sequence[str], has_key: bool) -> str:
    if behaviours == [LIVE]:
        if has_key:
            return ""
        return (
            "GEMINI_API_KEY is not set, so the real API cannot be asked. Set it, or run without LIVE=1 on the sandbox."
        )
    if strange := unknown_behaviours(behaviours):
        return f"The sandbox's model does not know {', '.join(strange)}; it knows {', '.join(BEHAVIOURS)}."
    return ""


_Step = tuple[str, Sequence[Result], Sequence[InjectionResult]]


def _sandboxed(
    behaviours: Sequence[str], scenarios: Sequence[Scenario], texts: Sequence[Injection], workers: int
) -> Iterator[_Step]:
    chunks: list[tuple[str, Sequence[Scenario], Sequence[Injection]]] = [
        (name, [one for one in scenarios if one.advisor == each], []) for name in behaviours for each in ADVISORS
    ]
    first = next((name for name in behaviours if name in TRUSTED), behaviours[0])
    parts = [texts[at : at + _TEXTS_AT_ONCE] for at in range(0, len(texts), _TEXTS_AT_ONCE)]
    tasks = [task for task in [*((first, [], part) for part in parts), *chunks] if task[1] or task[2]]
    if workers == 1:
        for name, some, these in tasks:
            yield name, *play_sandboxed(name, some, these)
        return
    # A fresh process knows nothing of this one's threads and locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=workers, mp_context=context, initializer=be_quiet) as pool:
        waiting = {pool.submit(play_sandboxed, *task): task[0] for task in tasks}
        for done in as_completed(waiting):
            played, leaks = done.result()
            yield waiting[done], played, leaks


def _live(
    key: str, name: str, pause_s: float, scenarios: Sequence[Scenario], texts: Sequence[Injection]
) -> Iterator[_Step]:
    with live_model(key, name, pause_s) as model:
        for scenario in scenarios:
            yield LIVE, [play_scenario(LIVE, model, scenario)], []
        for text in texts:
            yield LIVE, [], injections.play([text], model, LIVE)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _news(results: Sequence[Result], leaks: Sequence[InjectionResult]) -> Iterator[str]:
    for one in results:
        for problem in one.problems:
            yield f"[red]broken[/red] {one.scenario} ({one.behaviour}): {problem}"
        if one.beyond_policy:
            yield f"[red]beyond the policy[/red] {one.scenario} ({one.behaviour}): {one.beyond_policy} contacts"
    for leak in leaks:
        for problem in leak.problems:
            yield f"[red]came through[/red] {leak.injection} in {leak.field} ({leak.behaviour}): {problem}"


def _sum_up(
    console: Console,
    figures: Sequence[Figures],
    results: Sequence[Result],
    leaks: Sequence[InjectionResult],
    model: str,
    seconds: float,
    folder: Path,
) -> int:
    trusted = (*TRUSTED, LIVE)
    failures = [
        f"{one.behaviour}: {what}"
        for one in figures
        for what in below_bars(one, is_model_trusted=one.behaviour in trusted)
    ]
    came_through = sorted({one.injection for one in leaks if one.problems})
    if came_through:
        failures.append(f"{len(came_through)} injections came through: {', '.join(came_through[:5])}")
    for one in figures:
        console.print(
            f"{one.behaviour:20} accuracy {percent(one.accuracy):>7}, answers that count {percent(one.used):>7}, "
            f"beyond the policy {one.beyond_policy}, broken rules {one.problems}, "
            f"sentences shown {one.sentences_shown} of {one.sentences:,}"
        )
    measured = next((one for one in figures if one.behaviour in trusted), figures[0] if figures else figures_of("", []))
    line = final_line(measured, figures, leaks)
    evaluation = Evaluation(model, datetime.now(UTC), seconds, figures, results, leaks, failures, line)
    markdown, data = write_report(evaluation, folder)
    for failure in failures:
        console.print(f"[red]below the bar[/red] {failure}")
    console.print(f"in {seconds:.0f} s, report in {markdown} and {data.name}")
    console.print(line)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
