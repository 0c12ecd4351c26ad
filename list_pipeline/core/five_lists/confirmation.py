"""Whether the five lists are those that were confirmed, and the words that say what to do where they are not.

Belongs here: comparing ids and names. Does not belong here: whether the lists are plausible (``plausibility``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from list_pipeline.core.lists import ALL_LISTS, ListRole

BEFORE = "worked with before"
"""Who confirmed lists that an earlier version changed, so that nobody is asked about what works."""

LOOK = "list-pipeline lists"
CONFIRM = "list-pipeline lists --confirm --by NAME"
DESPITE = 'list-pipeline lists --confirm --despite --by NAME --note "WHY"'
"""The commands that people are told."""


@dataclass(frozen=True, slots=True)
class NamedList:
    """A list at Mailjet. ``name``: None where it was not read yet."""

    list_id: int
    name: str | None


NamedLists = Mapping[ListRole, NamedList]


def differences(confirmed: NamedLists | None, present: NamedLists) -> tuple[str, ...]:
    """Why the present lists are not the confirmed ones, a phrase each; empty when they are.

    A name that is not known says nothing.
    """
    if confirmed is None:
        return ("nobody has confirmed them yet",)
    return tuple(
        phrase for role in ALL_LISTS if (phrase := _difference(role.label, confirmed[role], present[role])) is not None
    )


def _difference(label: str, before: NamedList, now: NamedList) -> str | None:
    if now.list_id != before.list_id:
        return f"{label} is Mailjet's list {now.list_id} and was confirmed as {before.list_id}"
    if None not in (now.name, before.name) and now.name != before.name:
        return f"{label} (list {now.list_id}) is called {now.name!r} and was confirmed as {before.name!r}"
    return None


def waiting_words(found: tuple[str, ...]) -> str:
    """Why no list may be changed, and what to do, as a phrase without a final stop."""
    return f"the five lists wait for a person's confirmation ({'; '.join(found)}): look at them with `{LOOK}`, then `{CONFIRM}`"


def fingerprint(present: NamedLists) -> str:
    """Differs with every id and name."""
    named = repr([(role.value, present[role].list_id, present[role].name) for role in ALL_LISTS])
    return hashlib.sha256(named.encode()).hexdigest()[:16]
