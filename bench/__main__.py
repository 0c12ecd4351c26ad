"""Measures the speed on large accounts, prints a table, and keeps every figure with its method as JSON.

Belongs here: which measurements there are, and running each in a process of its own, so that each has its own peak of memory.
Does not belong here: any limit that a test should hold. Seconds depend on the machine and are shown for orientation; what
counts are the ratios to a reference of the same run. Without DATABASE_URL the embedded PostgreSQL is measured on.

    python -m bench [--only PART ...] [--scale 0.1] [--out bench-results.json]
    python -m bench incidents [contacts ...]        how often the incident test is wrong; default: 1000 3000 10000
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from bench import incidents
from bench.account import admin_url
from bench.figures import Figure, line, loaded, save

PARTS = {
    "planning": "suppressions over ten million failures and moves of a million members, held against DuckDB",
    "orchestration": "Dagster's job, start, ticks and backfill, held against the operations alone",
    "growth": "what hourly and five-minute jobs do behind ten times the history",
    "large_lists": "the first reading of a million contacts, a maintenance, the weekly check: requests, waiting, memory",
}


def _measure(part: str, scale: float, out: Path) -> None:
    """One measurement, in this process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    began, clock = datetime.now(UTC), time.perf_counter()
    figures: list[Figure] = importlib.import_module(f"bench.{part}").measure(admin_url(), scale)
    save(figures, out, began=began, seconds=time.perf_counter() - clock, scale=scale)


def _measure_all(parts: Sequence[str], scale: float, out: Path) -> int:
    """All measurements, each in a process of its own. Returns how many of them failed."""
    began, clock = datetime.now(UTC), time.perf_counter()
    figures: list[Figure] = []
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for part in parts:
            part_began = time.perf_counter()
            print(f"{part}: {PARTS[part]}", flush=True)
            kept = Path(folder) / f"{part}.json"
            command = [sys.executable, "-m", "bench", "--part", part, "--scale", str(scale), "--out", str(kept)]
            if subprocess.run(command, check=False).returncode:
                print(f"  {part} could not be measured, see above", flush=True)
                failed += 1
                continue
            found = loaded(json.loads(kept.read_text(encoding="utf-8")))
            for figure in found:
                print(line(figure), flush=True)
            print(f"  measured in {time.perf_counter() - part_began:.0f} s", flush=True)
            figures += found
    save(figures, out, began=began, seconds=time.perf_counter() - clock, scale=scale)
    missed = [figure for figure in figures if figure.is_held is False]
    held = sum(figure.is_held is True for figure in figures)
    print(f"{held} goals held, {len(missed)} missed; {out} has every figure with its method")
    return failed


def main(arguments: list[str]) -> int:
    """Measure what was asked for, else everything."""
    if arguments[:1] == ["incidents"]:
        incidents.show(sizes=[int(argument) for argument in arguments[1:]] or incidents.SIZES)
        return 0
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the speed on large accounts.")
    parser.add_argument(
        "--only", nargs="+", choices=sorted(PARTS), default=list(PARTS), help="these measurements alone"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="multiply all sizes, for a quick try")
    parser.add_argument("--out", type=Path, default=Path("bench-results.json"), help="where the figures are kept")
    parser.add_argument("--part", choices=sorted(PARTS), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.part:
        _measure(asked.part, asked.scale, asked.out)
        return 0
    return _measure_all(asked.only, asked.scale, asked.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
