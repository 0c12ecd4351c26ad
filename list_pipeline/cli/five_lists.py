"""The five lists for a person who is to confirm them: ids, names, sizes, overlaps, and what speaks for each role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from list_pipeline.cli.common import console
from list_pipeline.core.five_lists.confirmation import CONFIRM, DESPITE
from list_pipeline.core.five_lists.policy import FIVE_LISTS
from list_pipeline.core.lists import ALL_LISTS
from list_pipeline.core.wording import instant_text, names_text

if TYPE_CHECKING:
    from list_pipeline.operations.five_lists.look import LookedAt
    from list_pipeline.operations.services import Services


def show_five_lists(services: Services) -> None:
    """Show the five lists as they were read last, judged, and whether they are confirmed."""
    from list_pipeline.operations.five_lists.look import look_at

    with services.database.begin() as connection:
        found = look_at(services, connection)
    show(found)


def confirm_five_lists(services: Services, *, by: str, note: str | None, despite: bool) -> None:
    """Confirm the five lists, and show what was confirmed."""
    from list_pipeline.operations.reviews.confirmed_lists import confirm_lists

    show(confirm_lists(services, by=by, note=note, despite=despite), is_confirmed_now=True)
    console.print(f"Confirmed by {by.strip()}: changes may go on as the mode allows.", markup=False)


def show(found: LookedAt, *, is_confirmed_now: bool = False) -> None:
    """The table, the rules and what to do."""
    facts = found.facts
    table = Table(
        "role", "id", "name at Mailjet", "contacts", "mailable", f"sends in {FIVE_LISTS.recent.days} days", "also on"
    )
    for role in ALL_LISTS:
        one = facts.lists[role]
        shared = [
            f"{facts.shared(role, other):,} {other.label}"
            for other in ALL_LISTS
            if other is not role and facts.shared(role, other)
        ]
        table.add_row(
            role.label,
            str(one.list_id),
            one.name or "not read yet",
            f"{one.raw:,}",
            f"{one.mailable:,}",
            str(one.recent_sends),
            ", ".join(shared) or "-",
        )
    console.print(table)
    for verdict in found.verdicts:
        console.print(f"{'✓' if verdict.holds else '✗'} {verdict.words}", markup=False)
    if is_confirmed_now:
        return
    last = found.confirmation
    if last is not None and not found.changed:
        note = f": {last.note}" if last.note else ""
        console.print(f"Confirmed by {last.confirmed_by}, {instant_text(last.confirmed_at)}{note}", markup=False)
        return
    console.print(f"No list is changed until a person confirms these five: {'; '.join(found.changed)}.", markup=False)
    if found.unread:
        labels = names_text([role.label for role in found.unread])
        console.print(f"Read them first: `list-pipeline sync` ({labels} was not read under its id).", markup=False)
    elif found.is_plausible:
        console.print(f"Are they right? {CONFIRM}", markup=False)
    else:
        console.print("What has a cross looks wrong: correct the five MAILJET_*_LIST_ID settings.", markup=False)
        console.print(f"They are right all the same: {DESPITE}", markup=False)
