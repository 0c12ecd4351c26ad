"""The five lists for a person who is to confirm them: ids, names, sizes, overlaps, and what speaks for each role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from list_pipeline.cli.common import give, say, show_table
from list_pipeline.cli.output import plain
from list_pipeline.core.five_lists.confirmation import CONFIRM, DESPITE
from list_pipeline.core.five_lists.policy import FIVE_LISTS
from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.wording import instant_text, lists_text

if TYPE_CHECKING:
    from list_pipeline.core.five_lists.plausibility import FiveListsFacts
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
    say(f"Confirmed by {by.strip()}: changes may go on as the mode allows.")


def show(found: LookedAt, *, is_confirmed_now: bool = False) -> None:
    """The table, the rules and what to do."""
    facts = found.facts
    show_table(
        ("role", "id", "name at Mailjet", "contacts", "mailable", f"sends in {FIVE_LISTS.recent.days} days", "also on"),
        (_row(facts, role) for role in ALL_LISTS),
    )
    _give(found, is_confirmed_now)
    for verdict in found.verdicts:
        say(f"{'✓' if verdict.holds else '✗'} {verdict.words}")
    if is_confirmed_now:
        return
    last = found.confirmation
    if last is not None and not found.changed:
        note = f": {last.note}" if last.note else ""
        say(f"Confirmed by {last.confirmed_by}, {instant_text(last.confirmed_at)}{note}")
        return
    say(f"No list is changed until a person confirms these five: {'; '.join(found.changed)}.")
    if found.unread:
        labels = lists_text(found.unread)
        say(f"Read them first: `list-pipeline sync` ({labels} was not read under its id).")
    elif found.is_plausible:
        say(f"Are they right? {CONFIRM}")
    else:
        say("What has a cross looks wrong: correct the five MAILJET_*_LIST_ID settings.")
        say(f"They are right all the same: {DESPITE}")


def _row(facts: FiveListsFacts, role: ListRole) -> tuple[str, ...]:
    one = facts.lists[role]
    shared = [
        f"{facts.shared(role, other):,} {other.label}"
        for other in ALL_LISTS
        if other is not role and facts.shared(role, other)
    ]
    return (
        role.label,
        str(one.list_id),
        one.name or "not read yet",
        f"{one.raw:,}",
        f"{one.mailable:,}",
        str(one.recent_sends),
        ", ".join(shared) or "-",
    )


def _give(found: LookedAt, is_confirmed_now: bool) -> None:
    last = found.confirmation
    give(
        {
            "five_lists": [{"role": role, **plain(found.facts.lists[role])} for role in ALL_LISTS],
            "rules": [{"holds": verdict.holds, "words": verdict.words} for verdict in found.verdicts],
            "is_confirmed": is_confirmed_now or (last is not None and not found.changed),
            "changed_since": found.changed,
            "confirmed_by": last.confirmed_by if last else None,
            "confirmed_at": last.confirmed_at if last else None,
        }
    )
