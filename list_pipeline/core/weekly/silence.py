"""Contacts that gave no sign of life for long: counted and reported. Nobody is ever suppressed for it.

A sign is an open or a click by a person (``core.engagement``): a delivery alone shows that the address works, and not that
anybody reads. Who was not even delivered to is counted apart.

Belongs here: when they can be counted at all, and the words. Does not belong here: the counting (``storage.engagement``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from list_pipeline.core.wording import count_text, date_text

SIGNS_EXPECTED_FROM = 300
"""A campaign with so many recipients of which no open or click was ever told was not told of: at an open rate of 2 % it happens
to one of four hundred otherwise. Who got only such campaigns is not called silent."""


@dataclass(frozen=True, slots=True)
class Silence:
    """The contacts without a sign of life.

    Attributes:
        days: how long without one.
        contacts: of those that can be mailed, were on our lists all that time and were mailed in it; None: not known.
        unreached: of these, those that no campaign of that time was delivered to.
        signs_since: when the first open or click was told (UTC); None: none ever was.
    """

    days: int
    contacts: int | None = None
    unreached: int | None = None
    signs_since: datetime | None = None


def can_be_counted(signs_since: datetime | None, days: int, at: datetime) -> bool:
    """Whether opens and clicks were told for all of the days before an instant: without them everybody would be silent."""
    return signs_since is not None and signs_since <= at - timedelta(days=days)


def silence_text(silence: Silence) -> str:
    """The contacts in one sentence, or why they are not known."""
    if silence.contacts is None:
        if silence.signs_since is None:
            return "Who gave no sign of life is not known: Mailjet never told of an open or click"
        known_from = date_text(silence.signs_since + timedelta(days=silence.days))
        since = date_text(silence.signs_since)
        return (
            f"Who gave no sign of life in {silence.days} days is not known before {known_from}: opens and clicks are told "
            f"since {since}"
        )
    if not silence.contacts:
        return f"Every contact that was mailed gave a sign of life within {silence.days} days"
    reached = f"; {silence.unreached:,} of them were not delivered to either" if silence.unreached else ""
    return (
        f"{count_text(silence.contacts, 'contact')} opened and clicked nothing for {silence.days} days{reached}. "
        "Reported only: nobody is suppressed for it (`list-pipeline silent`)"
    )
