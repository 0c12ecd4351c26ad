"""Sends that went otherwise than they were scheduled: what is odd about one, in words with figures.

Belongs here: the rules, each a function over what was scheduled and what Mailjet shows. Does not belong here: sends that fit
no cycle (``cycles``), rounds that do not come (``missing_rounds``), looking (``operations.campaigns``) and the message
(``core.drift.message``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.lists import ListRole
from list_pipeline.core.wording import (
    count_text,
    duration_text,
    exceeds_percent,
    instant_text,
    share_percent_text,
    short_name_text,
)


class OddSend(StrEnum):
    """In which way a send went otherwise than scheduled. The value is what the finding in the review queue is about."""

    BLOCKED_SENT = "blocked_sent"
    """Mailjet sent a campaign that its validation, or a person, had blocked."""
    NOT_STARTED = "not_started"
    """Its time has passed, and Mailjet has not begun to send it."""
    STARTED_EARLY = "started_early"
    OTHER_LIST = "other_list"
    """It went to another campaign list than it was scheduled for."""
    TAKEN_BACK = "taken_back"
    """It is not scheduled any more, shortly before its time or after people were told of it; nobody of ours took it back."""
    RESCHEDULED = "rescheduled"
    """It was moved to another time or list, shortly before the old or the new time or after people were told of it."""
    RECIPIENTS_OFF = "recipients_off"
    """It was sent to many more, or many fewer, than expected."""


@dataclass(frozen=True, slots=True)
class ScheduledSend:
    """A campaign as it stood in the schedule. ``at``: when Mailjet was to begin (UTC). ``is_blocked``: and must not.
    ``is_announced``: people were told of this launch."""

    name: str
    role: ListRole
    at: datetime
    is_blocked: bool = False
    is_announced: bool = False


@dataclass(frozen=True, slots=True)
class Oddity:
    """What is odd about a send. ``words``: a sentence with campaign, list and figures, without a full stop."""

    kind: OddSend
    words: str


def odd_start(scheduled: ScheduledSend, role: ListRole, started_at: datetime) -> tuple[Oddity, ...]:
    """What is odd about a scheduled send that has begun.

    Args:
        role: the list that it goes to. started_at: when it began (UTC).
    """
    found = []
    began = f"{_quoted(scheduled.name)} was begun at {instant_text(started_at)}, to {role.label}"
    if scheduled.is_blocked:
        found.append(Oddity(OddSend.BLOCKED_SENT, f"{began}, although it is blocked"))
    if role is not scheduled.role:
        found.append(Oddity(OddSend.OTHER_LIST, f"{began}; it was scheduled for {scheduled.role.label}"))
    early = scheduled.at - started_at
    if early > CAMPAIGNS.started_early_by:
        when = f"{duration_text(early)} before its time ({instant_text(scheduled.at)})"
        found.append(Oddity(OddSend.STARTED_EARLY, f"{began}, {when}"))
    return tuple(found)


def odd_place(scheduled: ScheduledSend, where: str, started_at: datetime) -> Oddity:
    """What is odd about a scheduled send that has begun and is no round. ``where``: what it went to instead, in words."""
    words = (
        f"{_quoted(scheduled.name)} was begun at {instant_text(started_at)}, to {where}; it was scheduled for "
        f"{scheduled.role.label} and is taken for no round"
    )
    return Oddity(OddSend.OTHER_LIST, words)


def not_started(scheduled: ScheduledSend, now: datetime) -> Oddity | None:
    """Whether a scheduled campaign that Mailjet does not show among its sends should have begun."""
    if scheduled.is_blocked or now - scheduled.at < CAMPAIGNS.not_started_after:
        return None
    words = (
        f"{_quoted(scheduled.name)} to {scheduled.role.label} was scheduled for {instant_text(scheduled.at)}, and Mailjet has "
        "not begun to send it"
    )
    return Oddity(OddSend.NOT_STARTED, words)


def taken_back(scheduled: ScheduledSend, now: datetime) -> Oddity | None:
    """Whether it is news that a campaign is not scheduled any more: near its time, and where people were told of it."""
    if scheduled.at - now > CAMPAIGNS.near_send and not scheduled.is_announced:
        return None
    words = (
        f"{_quoted(scheduled.name)} to {scheduled.role.label} is not scheduled any more: its draft was deleted, taken back or "
        f"given a list that is none of the three, {duration_text(scheduled.at - now)} before its time "
        f"({instant_text(scheduled.at)})"
    )
    return Oddity(OddSend.TAKEN_BACK, words)


def rescheduled(before: ScheduledSend, after: ScheduledSend, now: datetime) -> Oddity | None:
    """Whether it is news that a campaign was moved to another time or list, or is scheduled again: near the old or new time,
    and where people were told of it."""
    if min(before.at, after.at) - now > CAMPAIGNS.near_send and not before.is_announced:
        return None
    if (before.role, before.at) == (after.role, after.at):
        # Mailjet's interface takes a campaign off the schedule before it can be edited.
        words = (
            f"{_quoted(after.name)} to {after.role.label} is scheduled again, for {instant_text(after.at)} as before"
        )
        return Oddity(OddSend.RESCHEDULED, words)
    words = (
        f"{_quoted(after.name)} was moved from {before.role.label} at {instant_text(before.at)} to {after.role.label} at "
        f"{instant_text(after.at)}"
    )
    return Oddity(OddSend.RESCHEDULED, words)


def recipients_off(name: str, role: ListRole, mailed: int, expected: int, known_by: str) -> Oddity | None:
    """Whether a send reached a number of contacts that is far from the one expected.

    Args:
        mailed: messages of the send. expected: contacts that could be mailed. known_by: by what it was expected, in words.
    """
    off = abs(mailed - expected)
    if off <= CAMPAIGNS.recipients_off_contacts or not exceeds_percent(
        off, expected, float(CAMPAIGNS.recipients_off_percent)
    ):
        return None
    share = f" ({share_percent_text(off, expected)})" if expected else ""
    words = (
        f"{_quoted(name)} to {role.label} was sent to {count_text(mailed, 'contact')}, {off:,}{share} "
        f"{'more' if mailed > expected else 'fewer'} than the {expected:,} expected by {known_by}"
    )
    return Oddity(OddSend.RECIPIENTS_OFF, words)


def _quoted(name: str) -> str:
    return f'"{short_name_text(name)}"'


def what_to_do(kind: OddSend) -> Sequence[str]:
    """What a person can do about it, as sentences."""
    return _TO_DO[kind]


_TO_DO = {
    OddSend.BLOCKED_SENT: (
        "If Mailjet is still sending, stop it there.",
        "Its validation says who should not have got it: see the message about it, or `list-pipeline validate`.",
    ),
    OddSend.NOT_STARTED: (
        "Look at the campaign at Mailjet: was it taken back, held for approval, or is the account out of credit?",
        "Its list may be changed again a day after its time; schedule it again, or delete the draft.",
    ),
    OddSend.STARTED_EARLY: (
        "Its list may not have been validated: compare the campaign at Mailjet with what was meant.",
        "Ask who sent it by hand; what it changes for the cycle shows `list-pipeline cycles`.",
    ),
    OddSend.OTHER_LIST: (
        "If Mailjet is still sending, stop it there.",
        "See with `list-pipeline cycles` which round it counts as; say what it is with `list-pipeline round`.",
    ),
    OddSend.TAKEN_BACK: (
        "If that was meant, nothing is to be done; the cycle waits for the round.",
        "If the round will not come: `list-pipeline close-cycle`.",
    ),
    OddSend.RESCHEDULED: (
        "It is validated anew, for the time and list that it has now.",
        "Plans that wait for approval may lapse earlier now: `list-pipeline reviews`.",
    ),
    OddSend.RECIPIENTS_OFF: (
        "Compare list and segment of the campaign at Mailjet with what was meant.",
        "`list-pipeline reconcile` says whether the list was changed by others.",
    ),
}
