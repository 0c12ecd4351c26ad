"""The check-list before going live."""

from __future__ import annotations

from typing import Annotated

import typer

from list_pipeline.cli.common import give, opened_whatever_schema, say, show_table, working
from list_pipeline.core.preflight.checks import CheckState
from list_pipeline.core.wording import count_text, utc_text

_MARKS = {CheckState.PASSED: "✓", CheckState.ADVISED: "!", CheckState.MISSING: "✗", CheckState.NOT_TRIED: "?"}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(preflight)


def preflight(
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds that each check gets.")] = 30.0,
) -> None:
    """Say what is missing before going live: settings, TLS, pooler, clocks, lists, automations, events, Slack's scopes, alerts.
    Changes nothing. Exit code 1 when something is missing or could not be looked at."""
    from list_pipeline.operations.preflight.look import preflight as look

    with opened_whatever_schema() as services, working("Looking"):
        found = look(services, timeout_s=timeout)
    show_table(
        ("", "check", "state", "what was seen", "what to do"),
        (
            (
                _MARKS[one.state],
                one.check.value.replace("_", " "),
                one.state.value.replace("_", " "),
                one.words,
                one.next_step,
            )
            for one in found.findings
        ),
    )
    counts = {state: sum(one.state is state for one in found.findings) for state in CheckState}
    left = [
        count_text(counts[CheckState.MISSING], "check") + " missing",
        count_text(counts[CheckState.NOT_TRIED], "check") + " not tried",
        count_text(counts[CheckState.ADVISED], "check") + " advised",
    ]
    say(f"{'Ready' if found.is_ready else 'NOT ready'} to go live: {', '.join(left)}, {utc_text(found.looked_at)} UTC")
    give({"ready": found.is_ready, "looked_at": found.looked_at, "checks": found.findings})
    if not found.is_ready:
        raise typer.Exit(1)
