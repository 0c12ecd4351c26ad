"""Contacts without a sign of life: counted for a week, and listed for whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from list_pipeline.core.weekly.silence import Silence, can_be_counted
from list_pipeline.operations.access import Deciding
from list_pipeline.storage import engagement


def count_silence(connection: Connection, days: int, at: datetime) -> Silence:
    """How many there are at an instant (UTC), or that it is not known."""
    since = engagement.recorded_since(connection)
    if not can_be_counted(since, days, at):
        return Silence(days, signs_since=since)
    contacts, unreached = engagement.count_silent(connection, at - timedelta(days=days), at)
    return Silence(days, contacts, unreached, since)


@dataclass(frozen=True, slots=True)
class SilentContacts:
    """``shown``: contact ids with whether any campaign of that time was delivered to it, by id."""

    silence: Silence
    shown: tuple[tuple[int, bool], ...]


def silent_now(services: Deciding, *, after: int = 0, limit: int = 1_000) -> SilentContacts:
    """The contacts without a sign of life now, a page of them from an id on."""
    days, now = services.settings.no_sign_of_life_days, services.clock.now()
    with services.database.begin() as connection:
        silence = count_silence(connection, days, now)
        if silence.contacts is None:
            return SilentContacts(silence, ())
        since = now - timedelta(days=days)
        return SilentContacts(silence, engagement.silent_contacts(connection, since, now, after=after, limit=limit))
