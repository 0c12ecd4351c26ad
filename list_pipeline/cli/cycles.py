"""Commands about cycles and what was sent: seeing them, saying what a send is that fits none, reading figures of past ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import By, Whole, give, opened_services, say, show_table
from list_pipeline.core.campaigns.cycles import RoundRuling
from list_pipeline.core.drift.message import COUNT_NOT_EXACT
from list_pipeline.core.wording import count_text, utc_text

if TYPE_CHECKING:
    from list_pipeline.core.campaigns.cycles import Cycle

_SHOWN = 12


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(cycles)
    app.command("round")(rule_on)
    app.command("close-cycle")(close_cycle)
    app.command("past-metrics")(past_metrics)


def cycles() -> None:
    """Show the latest cycles with their rounds, and the sends that fit none."""
    from list_pipeline.storage.campaigns import rounds, sent_campaigns

    with opened_services() as services, services.database.begin() as connection:
        known, doubted = sent_campaigns.all_cycles(connection), rounds.doubted(connection)
    _show(known)
    for key, doubt in doubted.items():
        say(f"{key} fits no cycle: {doubt.words}. Nobody moves until somebody says what it is.")
    give({"doubted": [{"key": key, "doubt": doubt, "words": doubt.words} for key, doubt in doubted.items()]})


def rule_on(
    key: Annotated[str, typer.Argument(help="The campaign's key, as `cycles` or the message names it.")],
    ruling: Annotated[
        RoundRuling,
        typer.Argument(
            help="not_a_round: an extra mailing. joins: a round of the cycle before it. begins: the first round of a new "
            "cycle. fits: it is where it belongs."
        ),
    ],
    by: By,
    note: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Say what a send is; the sends since then are put into cycles anew. No list is changed."""
    from list_pipeline.operations.campaigns.rounds import rule_on_round

    with opened_services() as services:
        _show(rule_on_round(services, key, ruling, by=by, note=note))


def close_cycle(
    by: By,
    note: Annotated[str, typer.Option(help="Why.")],
    reopen: Annotated[
        bool, typer.Option("--reopen", help="Instead: take the latest closing back, before another cycle begins.")
    ] = False,
) -> None:
    """Close the open cycle, because its missing rounds will not come; what waits for it goes on. No list is changed."""
    from list_pipeline.operations.reviews import closed_cycles

    with opened_services() as services:
        done = (
            closed_cycles.reopen_cycle(services, by=by, note=note)
            if reopen
            else closed_cycles.close_cycle(services, by=by, note=note)
        )
    lists = ", ".join(role.label for role in done.missing)
    give({"cycle": done.number, "missing": list(done.missing), "missed": done.missed, "twice": done.twice})
    if reopen:
        say(f"Cycle {done.number} is open again and waits for {lists}.")
        if done.twice:
            twice = count_text(done.twice, "contact")
            say(f"{twice} there got it already: the validation blocks the send until they are moved.")
        return
    say(f"Cycle {done.number} is closed without the round to {lists}.")
    say(f"Missed by decision: {count_text(done.missed, 'contact')} that did not get it.")
    if not done.is_exact:
        say(f"{COUNT_NOT_EXACT}.")


def _show(known: Iterable[Cycle]) -> None:
    latest = list(known)[-_SHOWN:]
    show_table(
        (Whole("cycle"), "begun (UTC)", "sent to", "still to be sent to", "closed"),
        (
            (
                str(cycle.number),
                utc_text(cycle.opened_at),
                ", ".join(role.label for role in cycle.sent),
                ", ".join(role.label for role in cycle.missing) if cycle.closed_at is None else "",
                cycle.closed_reason.value.replace("_", " ") if cycle.closed_reason else "open",
            )
            for cycle in latest
        ),
    )
    give(
        {
            "cycles": [
                {
                    "number": cycle.number,
                    "opened_at": cycle.opened_at,
                    "sent": list(cycle.sent),
                    "missing": list(cycle.missing) if cycle.closed_at is None else [],
                    "closed_at": cycle.closed_at,
                    "closed_reason": cycle.closed_reason,
                }
                for cycle in latest
            ]
        }
    )


def past_metrics(
    show: Annotated[bool, typer.Option("--show", help="Only how many are missing; nothing is read.")] = False,
) -> None:
    """Read the figures of campaigns that were sent before the first start, at most a hundred at once, or show how many are
    missing. The schedule does it by itself."""
    from list_pipeline.operations.campaigns.past_metrics import collect_past_metrics, past_metrics_counts

    with opened_services() as services:
        found = None if show else collect_past_metrics(services)
        counts = found.counts if found is not None else past_metrics_counts(services)
    if found is not None:
        say(f"Read: {count_text(len(found.read), 'campaign')}, with {count_text(found.requests, 'request')}.")
        for key, why in found.unread.items():
            say(f"{key}: {why}.")
    say(f"In all {counts.read:,} read, {counts.missing:,} still missing, {counts.given_up:,} given up.")
    give(
        {
            "read": found.read if found is not None else (),
            "unread": found.unread if found is not None else {},
            "counts": counts,
        }
    )
