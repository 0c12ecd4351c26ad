#!/usr/bin/env python3
"""Rehearses a rollback on staging and times each step: stop changes, back up, take the newest migration back, bring it forward,
restore the backup, look. Everything together has to take less than half an hour, the stop less than five minutes.

    DATABASE_URL=... deploy/rehearse_rollback.py --this-is-staging --backups /var/tmp/rehearsal

It takes tables away and puts them back: never on the database of real lists. No list is changed: LIST_MANAGEMENT_ENABLED is off
for every step, and at its end the restored database waits for a reconciliation, as a real one would.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

STOP_WITHIN_S, ALL_WITHIN_S = 5 * 60, 30 * 60
"""Limits of the rollout plan."""
WHO = ("--by", "Rollback Rehearsal", "--note", "a rehearsal of the rollback")


@dataclass(frozen=True)
class Step:
    """A step. ``takes``: exit codes that are well."""

    name: str
    arguments: Sequence[str]
    takes: Sequence[int] = (0,)


def run(step: Step) -> tuple[float, dict[str, object]]:
    """Seconds that a step took, and its document."""
    began = time.monotonic()
    done = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "list-pipeline"), *step.arguments, "--json"],
        capture_output=True,
        text=True,
        timeout=ALL_WITHIN_S,
        env={**os.environ, "LIST_MANAGEMENT_ENABLED": "false"},
        check=False,
    )
    seconds = time.monotonic() - began
    try:
        document = json.loads(done.stdout)
    except ValueError:
        document = {}
    if done.returncode not in step.takes:
        error = document.get("error", {})
        words = error.get("message") if isinstance(error, dict) else None
        raise SystemExit(f"✗ {step.name} failed after {seconds:.1f} s: {words or done.stderr.strip()[:300]}")
    sys.stdout.write(f"✓ {step.name}: {seconds:.1f} s\n")
    sys.stdout.flush()
    return seconds, document


def main() -> int:
    """Take every step in its order."""
    asked = argparse.ArgumentParser(description="Rehearses a rollback on staging and times each step.")
    asked.add_argument(
        "--this-is-staging", action="store_true", required=True, help="the database is none of real lists"
    )
    asked.add_argument(
        "--backups", required=True, metavar="FOLDER", help="where the backup of the rehearsal is written"
    )
    given = asked.parse_args()
    stop, _ = run(Step("stop changes", ("mode", "read_only", *WHO)))
    backup, document = run(Step("back up", ("backup", "--to", given.backups)))
    folder = str(document["path"])
    spent = [stop, backup]
    for step in (
        Step("take the newest migration back", ("rollback", "--yes")),
        Step("bring it forward again", ("migrate",)),
        Step("restore the backup", ("restore", folder, "--replace", "--yes", *WHO)),
        # Mailjet or Slack may be away on staging; what counts is that the command answers.
        Step("look whether it works", ("health",), takes=(0, 1)),
        Step("read rows", ("campaigns",)),
    ):
        spent.append(run(step)[0])
    total = sum(spent)
    sys.stdout.write(f"In all {total:.1f} s; changes were stopped after {stop:.1f} s.\n")
    if stop > STOP_WITHIN_S or total > ALL_WITHIN_S:
        sys.stdout.write("✗ That is longer than the plan allows.\n")
        return 1
    sys.stdout.write("✓ Within five minutes and half an hour.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
