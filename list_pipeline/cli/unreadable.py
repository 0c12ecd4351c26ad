"""The command about rows at Mailjet that cannot be read: seeing them, and saying of a send that it is no round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import By, give, opened_services, say
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.unreadable_rows import consequence_words, row_words, until_sent_words
from list_pipeline.core.wording import utc_text

if TYPE_CHECKING:
    from list_pipeline.operations.services import Services


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(unreadable)


def unreadable(
    ended: Annotated[int, typer.Option(min=0, help="Show so many of the latest that are over, too.")] = 0,
    not_a_round: Annotated[
        int | None, typer.Option(help="The number of a send or draft that is no round of a cycle: nobody waits for it.")
    ] = None,
    may_be_a_round: Annotated[
        int | None, typer.Option(help="The number of one of which somebody said so, and that may be a round after all.")
    ] = None,
    by: By = "",
    note: Annotated[str, typer.Option(help="Why; needed to rule on one.")] = "",
) -> None:
    """Show which rows at Mailjet cannot be read, what is wrong with each, and what is left alone because of it; or say of
    a send or draft among them whether it can be a round. No list is changed."""
    if not_a_round is not None and may_be_a_round is not None:
        raise RefusedError(
            "Ruling on a row that cannot be read", "it is either no round or may be one", "Give one of both"
        )
    number = not_a_round if not_a_round is not None else may_be_a_round
    with opened_services() as services:
        if number is not None:
            _rule(services, number, is_no_round=not_a_round is not None, by=by, note=note)
        else:
            _show(services, ended)


def _rule(services: Services, number: int, *, is_no_round: bool, by: str, note: str) -> None:
    from list_pipeline.operations.reviews.unreadable_sends import rule_on_unreadable

    ruled = rule_on_unreadable(services, number, is_no_round=is_no_round, by=by, note=note)
    give({"ruled": number, "is_no_round": is_no_round, "holds_moves": ruled.holds_moves})
    say(f"{ruled.words}: {'no round of a cycle' if is_no_round else 'may be a round of a cycle'}, says {by}.")
    if not ruled.holds_moves:
        say("Moves and enrolments that waited for it go on.")
    else:
        say(f"{until_sent_words()}." if is_no_round else "Nobody moves between lists while it cannot be read.")


def _show(services: Services, ended: int) -> None:
    from list_pipeline.storage.unreadable_rows import ended_rows, open_rows

    with services.database.begin() as connection:
        kept = (*open_rows(connection), *ended_rows(connection, ended))
    give({"rows": [one.as_json() for one in kept]})
    for one in kept:
        until = f" until {utc_text(one.ended_at)}" if one.ended_at else ""
        said = f"; no round, says {one.no_round.by}: {one.no_round.note}" if one.no_round else ""
        say(f"{one.number}: {row_words(one.row)} (since {utc_text(one.first_seen_at)}{until} UTC){said}")
    unread = [one.row for one in kept if one.ended_at is None]
    say(f"{consequence_words(unread)}." if unread else "Every row at Mailjet can be read.")
    if waited_for := [one for one in kept if one.ended_at is None and one.row.holds_moves and one.no_round is None]:
        say(
            f"If it is no round of a cycle: list-pipeline unreadable --not-a-round {waited_for[0].number} --by NAME --note WHY"
        )
