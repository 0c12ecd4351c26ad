"""The calendar as calendar clients read it: iCalendar (RFC 5545), with events that keep their UID when they are moved.

Belongs here: the form of the feed. Does not belong here: what stands in it (``calendar``), and who may read it (the HTTP
service). Folding of lines and escaping of texts are the library's.
"""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version as installed_version
from uuid import UUID, uuid5

from icalendar import Calendar as ICalendar
from icalendar import Event

from list_pipeline.core.campaign_stages.calendar import CalendarEntry, EntryState
from list_pipeline.core.campaign_stages.policy import CALENDAR
from list_pipeline.core.foreign_text import tamed
from list_pipeline.core.masking import redact_addresses
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.campaign_stages.calendar import Calendar, window

MEDIA_TYPE = "text/calendar; charset=utf-8"
_OURS = UUID("6f1d2a57-3c0e-5b7e-9b0a-3a2f7f7d1c55")
"""The namespace of our UIDs."""
_REFRESH = timedelta(hours=1)
_LONGEST = 500
"""Characters of one text."""
_SAID_FIRST = {
    EntryState.LATE: "Late: ",
    EntryState.SKIPPED: "Skipped: ",
    EntryState.CANCELLED: "Cancelled: ",
}


def feed(services: Deciding) -> bytes:
    """The feed: what was in the last month, what is late, and what is to come in three.

    Raises:
        ConfigurationError: the ids of the five lists are not set: by them the events of two installations are told apart.
    """
    now = services.clock.now()
    first, last = (now - CALENDAR.fed_back).date(), (now + CALENDAR.fed_ahead).date()
    found = window(services, first, (last - first).days + 1)
    entries = {one.name: one for one in (*found.late, *found.entries)}
    made = ICalendar()
    made.add("prodid", f"-//list_pipeline//{installed_version('list_pipeline')}//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("name", "Campaigns")
    made.add("x-wr-calname", "Campaigns")
    made.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    installation = services.settings.list_ids().master
    for one in entries.values():
        made.add_component(_event(one, found, installation, services.settings.app_url))
    return bytes(made.to_ical())


def _event(one: CalendarEntry, found: Calendar, installation: int, app_url: str | None) -> Event:
    event = Event()
    event.add("uid", f"urn:uuid:{uuid5(_OURS, f'{installation}/{one.name}')}")
    event.add("dtstamp", found.as_of.replace(microsecond=0))
    if one.changed_at is not None:
        event.add("last-modified", one.changed_at.replace(microsecond=0))
    event.add("dtstart", one.at.replace(microsecond=0))
    if one.until is not None and one.until > one.at + timedelta(seconds=1):
        event.add("dtend", one.until.replace(microsecond=0))
    event.add("summary", _text(f"{_SAID_FIRST.get(one.state, '')}{one.title}"))
    event.add("description", _text(one.words))
    event.add("categories", [one.kind.value.replace("_", " ").upper()])
    event.add("status", "CANCELLED" if one.state is EntryState.CANCELLED else "CONFIRMED")
    # Nobody is busy because a campaign is sent.
    event.add("transp", "TRANSPARENT")
    if app_url and one.campaign is not None:
        event.add("url", f"{app_url}/admin/campaigns/{one.campaign}")
    return event


def _text(words: str) -> str:
    """A text without addresses and control characters: names of campaigns come from others."""
    return redact_addresses(tamed(words, _LONGEST))
