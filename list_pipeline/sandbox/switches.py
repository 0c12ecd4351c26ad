"""Switches for each thing that is not known about Mailjet: a default, the allowed values and the reason.

Belongs here: every behaviour for which public evidence is missing or contradictory, so that a client can be rehearsed
against each possibility. Does not belong here: behaviour that recordings show (it is simply implemented), and faults of
single requests (``faults``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

SwitchValue = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch. ``allowed`` is empty for numbers, which must be zero or more."""

    name: str
    default: SwitchValue
    description: str
    allowed: tuple[SwitchValue, ...] = ()

    def checked(self, value: object) -> SwitchValue:
        """The value in the switch's own type.

        Raises:
            ValueError: another type, a negative number or a word that is not allowed.
        """
        kind = type(self.default)
        if kind is bool:
            if not isinstance(value, bool):
                raise ValueError(f"{self.name} is true or false")
            return value
        if kind in (int, float):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise ValueError(f"{self.name} is a number of zero or more")
            if kind is int and value != int(value):
                raise ValueError(f"{self.name} is a whole number")
            return int(value) if kind is int else float(value)
        if value not in self.allowed:
            raise ValueError(f"{self.name} is one of {', '.join(map(str, self.allowed))}")
        return str(value)


_TABLE = (
    Switch("strict_parameters", False, "Refuse unknown query parameters with a 400 instead of ignoring them."),
    Switch(
        "limit_above_1000",
        "capped",
        "Limit above 1000: cut to 1000 rows, refused, or honoured.",
        ("capped", "refused", "honoured"),
    ),
    Switch("largest_page", 0, "Most rows on a page, whatever Limit asks for; 0 is no limit."),
    Switch(
        "comma_lists",
        "refused",
        "A comma list in MessageStatus: refused with 400, or meant as OR.",
        ("refused", "or"),
    ),
    Switch("offset_ignored_with_limit_0", True, "Limit=0 ignores Offset, as one user saw."),
    Switch("campaign_id_lifts_today", False, "CampaignID alone lifts the today-only default of the event resources."),
    Switch("preblocked_in_bounces", False, "Messages that Mailjet blocked itself are rows of bouncestatistics too."),
    Switch("duplicate_bounce_rows", False, "A send writes a second, softer row for every second failed contact."),
    Switch("unknown_state_every", 0, "A send gives every n-th bounce a StateID outside the table; 0 is never."),
    Switch("stats_lag_seconds", 0.0, "statcounters show the world as it was so many seconds ago."),
    Switch("bounce_lag_seconds", 0.0, "message and bouncestatistics show failures so many seconds late."),
    Switch("bounce_log_lag_seconds", 0.0, "bouncestatistics alone shows failures so many seconds late."),
    Switch(
        "bounce_ids",
        "own",
        "ID of a row of bouncestatistics: its own, or its message's, which several rows then share.",
        ("own", "message"),
    ),
    Switch(
        "erased_in_logs",
        "kept",
        "ContactID of an erased contact in message and bouncestatistics: kept, 0, -1 or left out.",
        ("kept", "zero", "minus_one", "absent"),
    ),
    Switch("ab_test_untold", False, "A draft that is part of an A/B test looks like any other."),
    Switch(
        "refused_draft",
        "draft",
        "What a draft is whose send Mailjet refused: a draft again, still programmed, or cancelled.",
        ("draft", "programmed", "cancelled"),
    ),
    Switch("draft_filters_ignored", False, "campaigndraft shows every draft, whatever it is filtered by."),
    Switch("campaign_status_when_sent", 0, "Status of a finished campaign; a recording has 0, the SDKs say 2."),
    Switch(
        "job_vocabulary",
        "guide",
        "Job statuses of the guide (Allocated ... Completed) or of the node SDK (In Progress, Completed).",
        ("guide", "node"),
    ),
    Switch("job_latency_seconds", 0.3, "Seconds from a bulk job's POST to its end."),
    Switch("job_latency_per_1000_seconds", 0.0, "Seconds more for each 1000 contacts in the job."),
    Switch("job_visible_after_seconds", 0.0, "Seconds after its POST in which a bulk job answers 404."),
    Switch("job_status_code", 201, "HTTP status of an accepted bulk job: 201 by issues, 200 by a fixture."),
    Switch("job_max_contacts", 10000, "Most contacts in one bulk job; 10000 worked for a user, 50000 did not."),
    Switch(
        "job_above_max",
        "dropped",
        "A larger job: connection dropped, refused with 400, or accepted and nothing imported.",
        ("dropped", "refused", "accepted_without_import"),
    ),
    Switch("job_dates", "rfc3339", "JobStart and JobEnd of a bulk job.", ("rfc3339", "unix")),
    Switch("jobs_create_contacts", True, "A bulk job creates contacts that do not exist, also to remove them."),
    Switch("jobs_without_effect", False, "Every bulk job ends Completed and has changed nothing."),
    Switch("jobs_in_batchjob", True, "Bulk jobs are visible in /batchjob."),
    Switch(
        "contact_limit",
        0,
        "Contacts that the account may hold; above it jobs end Completed without effect. 0 is no limit.",
    ),
    Switch(
        "list_error_under",
        "ErrorInfo",
        "Where the object about invalid lists stands in a 400.",
        ("ErrorInfo", "ErrorMessage"),
    ),
    Switch(
        "unsub_of_non_member",
        "ignored",
        "Action unsub for a contact that is not on the list.",
        ("ignored", "creates_row"),
    ),
    Switch("unsub_survives_remove", False, "remove and then addnoforce brings the unsubscribed state back."),
    Switch("preblock_after_hard_bounce", True, "A contact that bounced hard is preblocked in later sends."),
    Switch("rate_limit_per_minute", 1200, "Requests in any 60 seconds before a 429; 0 is no limit."),
    Switch("rate_limit_retry_after", False, "A 429 carries Retry-After."),
    Switch(
        "rate_limit_body", "json", "Body of a 429: JSON, nothing, or a gateway's web page.", ("json", "empty", "html")
    ),
    Switch("contact_list_counts_lag_seconds", 0.0, "SubscriberCount follows bulk jobs so many seconds late."),
    Switch("event_urls_given_up", False, "eventcallbackurl shows every URL as dead, as after a day of failures."),
    Switch("date_ahead_seconds", 0.0, "The Date of every answer is so many seconds ahead of the sandbox's clock."),
    Switch(
        "event_order", "in_order", "Told events come in their order, or the latest first.", ("in_order", "reversed")
    ),
    Switch("event_duplicates", False, "Every request with told events is posted twice."),
    Switch("event_lost_every", 0, "Every n-th told event never comes; 0 is none."),
    Switch("event_broken_every", 0, "Every n-th told event is null instead of an object; 0 is none."),
    Switch("event_delay_seconds", 0.0, "Told events come so many seconds after what they tell of."),
    Switch(
        "event_fields",
        "full",
        "Told events with all fields, or without comment, CustomID, Payload and ids of contact and list.",
        ("full", "bare"),
    ),
    Switch(
        "event_agents",
        "people",
        "Opens and clicks are people's, a mail program's before anybody looked, or scanners'.",
        ("people", "prefetch", "scanners"),
    ),
)

SWITCHES: Mapping[str, Switch] = {switch.name: switch for switch in _TABLE}


class Switches:
    """The present positions. Safe to share between threads; ``on_change`` is called with every new table."""

    def __init__(self, on_change: Callable[[dict[str, SwitchValue]], None] | None = None) -> None:
        self._values: dict[str, SwitchValue] = {}
        self._lock = threading.Lock()
        self._on_change = on_change

    def set(self, **values: object) -> None:
        """Set some switches; all or none.

        Raises:
            ValueError: a name is unknown or a value not allowed.
        """
        unknown = sorted(set(values) - set(SWITCHES))
        if unknown:
            raise ValueError(f"no such switch: {', '.join(unknown)}")
        checked = {name: SWITCHES[name].checked(value) for name, value in values.items()}
        with self._lock:
            self._values.update(checked)
            changed = dict(self._values)
        if self._on_change is not None:
            self._on_change(changed)

    def reset(self) -> None:
        """Back to the defaults."""
        with self._lock:
            self._values.clear()
        if self._on_change is not None:
            self._on_change({})

    def _value(self, name: str) -> SwitchValue:
        with self._lock:
            return self._values.get(name, SWITCHES[name].default)

    def flag(self, name: str) -> bool:
        """A switch that is true or false."""
        return bool(self._value(name))

    def number(self, name: str) -> float:
        """A switch that is a number."""
        return float(self._value(name))

    def count(self, name: str) -> int:
        """A switch that is a whole number."""
        return int(self._value(name))

    def word(self, name: str) -> str:
        """A switch that is one of some words."""
        return str(self._value(name))

    def table(self) -> list[dict[str, object]]:
        """Every switch with its value, default, allowed values and description."""
        return [
            {
                "name": switch.name,
                "value": self._value(switch.name),
                "default": switch.default,
                "allowed": list(switch.allowed),
                "description": switch.description,
            }
            for switch in _TABLE
        ]
