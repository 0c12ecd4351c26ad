#!/usr/bin/env python3
"""Looks right after a deployment whether it works: each check timed and bounded, nothing changed, exit code 1 where one fails.

    deploy/smoke.py --service http://127.0.0.1:8080 --ui http://127.0.0.1:3000 --version 0.1.0

A token of the role reader stands in the environment as SMOKE_TOKEN; without one /metrics is not tried, which is no pass. It
is run by the Python of the installation, whose packages it uses.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import httpx

TIMEOUT_S = 60.0


class CheckFailedError(Exception):
    """A check did not find what it should."""


def command(*arguments: str) -> str:
    """What a command of the product says; it has to end well."""
    done = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "list-pipeline"), *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise CheckFailedError(f"exit code {done.returncode}: {(done.stderr or done.stdout).strip()[:300]}")
    return done.stdout


def fetched(url: str, token: str | None = None, takes: Sequence[int] = (200,)) -> str:
    """The body of an answer with one of the statuses."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.get(url, headers=headers, timeout=TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        raise CheckFailedError(f"no answer ({type(error).__name__})") from None
    if answer.status_code not in takes:
        raise CheckFailedError(f"status {answer.status_code}: {answer.text[:300]}")
    return answer.text


def version(wanted: str | None) -> str:
    """The version that is installed; the one that was deployed, where that is named."""
    said = command("--version").split()[-1]
    if wanted is not None and said != wanted:
        raise CheckFailedError(f"{said} is installed, and {wanted} was deployed")
    return said


def health() -> str:
    """Database, schema, Redis, Mailjet, Slack, Gemini, asked by a command of the deployed version."""
    return str(json.loads(command("health", "--json"))["status"])


def service_health(url: str) -> str:
    """The service's own view. What is not required may be away: that is said, and no failure of the deployment."""
    found = json.loads(fetched(f"{url}/health", takes=(200, 503)))
    bad = [name for name, one in found["checks"].items() if one["status"] == "unhealthy"]
    if {"database", "mailjet"} & set(bad):
        raise CheckFailedError(f"unhealthy: {', '.join(bad)}")
    return str(found["status"])


def metrics(url: str, token: str | None) -> str:
    """The figures for a monitor, with the version that answers."""
    if token is None:
        raise CheckFailedError(
            "not tried: SMOKE_TOKEN is not set (list-pipeline tokens create NAME --role reader --by NAME)"
        )
    lines = [one for one in fetched(f"{url}/metrics", token).splitlines() if not one.startswith("#")]
    if not any(one.startswith("list_pipeline_build_info") for one in lines):
        raise CheckFailedError("the answer holds no figure of ours")
    return f"{len(lines)} figures"


def closed(url: str) -> str:
    """Whoever has no token sees no figures."""
    fetched(f"{url}/metrics", takes=(401,))
    return "refused without a token"


def ui(url: str) -> str:
    """Dagster's UI answers, and knows its version."""
    return str(json.loads(fetched(f"{url}/server_info"))["dagster_version"])


def reading() -> str:
    """A command that only reads rows, and the mode."""
    campaigns = json.loads(command("campaigns", "--json"))["campaigns"]
    mode = json.loads(command("mode", "--json"))["mode"]
    return f"{len(campaigns)} campaigns, mode {mode}"


def main() -> int:
    """Make every check, one after the other."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--service", metavar="URL", help="base of the HTTP service; without it, it is left out")
    asked.add_argument("--ui", metavar="URL", help="base of Dagster's UI; without it, it is left out")
    asked.add_argument("--version", metavar="VERSION", help="the version that was deployed")
    given = asked.parse_args()
    checks: list[tuple[str, Callable[[], str]]] = [
        ("version", lambda: version(given.version)),
        ("health", health),
        ("rows are read", reading),
    ]
    if given.service:
        checks += [
            ("GET /health", lambda: service_health(given.service)),
            ("GET /metrics", lambda: metrics(given.service, os.environ.get("SMOKE_TOKEN"))),
            ("GET /metrics by anybody", lambda: closed(given.service)),
        ]
    if given.ui:
        checks.append(("GET /server_info", lambda: ui(given.ui)))
    failed = 0
    for name, check in checks:
        began = time.monotonic()
        try:
            mark, words = "✓", check()
        except (CheckFailedError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
            mark, words, failed = "✗", str(error), failed + 1
        sys.stdout.write(f"{mark} {name}: {words} ({time.monotonic() - began:.1f} s)\n")
    sys.stdout.write(f"{len(checks) - failed} of {len(checks)} checks passed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
