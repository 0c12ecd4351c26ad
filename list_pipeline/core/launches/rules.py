"""What is refused of a launch change, what its content hash covers, and until when it holds.

Belongs here: the rules, each a function over what was read. Does not belong here: reading it (``operations.launches``), and
what Mailjet made of it (``effects``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.launches.changes import WITH_INSTANT, LaunchAction
from list_pipeline.core.launches.policy import LAUNCHES
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.core.observations import DraftSeen, DraftStatus
from list_pipeline.core.validation.mail_body import MailBody
from list_pipeline.core.wording import duration_text, instant_text

_OF_STATUS = {
    DraftStatus.SENT: "Mailjet has begun to send it, or sent it",
    DraftStatus.DELETED: "it is deleted at Mailjet",
    DraftStatus.ARCHIVED: "it is archived at Mailjet",
}
OFF = (
    "LAUNCHES_FROM_HERE is off",
    "Do it at Mailjet, or have an administrator set LAUNCHES_FROM_HERE=true (docs/operations.md, Launch changes)",
)
"""What happened and what to do, where the setting is off."""


@dataclass(frozen=True, slots=True)
class LaunchContent:
    """Everything that a content hash covers. Instants in UTC.

    Attributes:
        sender_hash: of the sender's name and address, which is kept nowhere (``hash_of_sender``). body_hash: of the parts of
            the mail (``hash_of_body``).
        programmed_for: when Mailjet sends it as things are; None: it is not programmed.
        wanted_at: the instant that is asked for; None: the action has none.
    """

    action: LaunchAction
    draft_id: int
    list_id: int | None
    segmentation_id: int | None
    subject: str
    sender_hash: str
    body_hash: str
    programmed_for: datetime | None
    wanted_at: datetime | None

    @property
    def hash(self) -> str:
        """SHA-256 as 64 hexadecimal digits: the same exactly for the same content."""
        values = [
            self.action.value,
            self.draft_id,
            self.list_id,
            self.segmentation_id or 0,
            self.subject,
            self.sender_hash,
            self.body_hash,
            _second(self.programmed_for),
            _second(self.wanted_at),
        ]
        return _hash(values)


def hash_of_sender(draft: DraftSeen) -> str:
    """What is kept of who a draft is sent for, to see whether it is another one."""
    return _hash([draft.sender_name, draft.sender_email])


def hash_of_body(body: MailBody) -> str:
    """What is kept of a mail, to see whether it was edited."""
    return _hash([body.html, body.text])


def sender_words(draft: DraftSeen) -> str:
    """Who a draft is sent for, as people are shown it: without the address."""
    domain = draft.sender_email.rpartition("@")[2].casefold()
    return redact_foreign_text(f"{draft.sender_name or 'no name'}, at {domain or 'no domain'}")


def _hash(values: Sequence[object]) -> str:
    return sha256(json.dumps(values, ensure_ascii=False).encode()).hexdigest()


def _second(at: datetime | None) -> int:
    # Mailjet keeps whole seconds.
    return int(at.timestamp()) if at is not None else 0


def what_changed(before: LaunchContent, now: LaunchContent) -> tuple[str, ...]:
    """What is not as it was approved, in words that are no content of the mail; empty: nothing."""
    found = [
        ("the list", before.list_id, now.list_id),
        ("the segment", before.segmentation_id or 0, now.segmentation_id or 0),
        ("the subject", before.subject, now.subject),
        ("the sender", before.sender_hash, now.sender_hash),
        ("the content of the mail", before.body_hash, now.body_hash),
        ("its schedule at Mailjet", _second(before.programmed_for), _second(now.programmed_for)),
    ]
    return tuple(what for what, was, is_now in found if was != is_now)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a launch change is not made, and what to do instead: phrases without a final stop."""

    happened: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What stands beside the draft.

    Attributes:
        role: the campaign list that it goes to; None: it goes to none of the three.
        is_blocked: a validation or a person blocks its campaign, and it is still scheduled or was taken back by that block.
        is_changing: a block, or a person who let it go, changes its schedule at this moment.
        open_launch: the number of another launch change of this draft that is open; None: there is none.
        send_posted_at: when a send of this draft was posted from here; None: never.
    """

    role: ListRole | None
    is_blocked: bool = False
    is_changing: bool = False
    open_launch: int | None = None
    send_posted_at: datetime | None = None


def why_refused(content: LaunchContent, draft: DraftSeen, beside: Circumstances, now: datetime) -> Refusal | None:
    """Why a launch change cannot be asked for; None: it can."""
    return (
        _of_others(beside)
        or _of_draft(content.action, draft, beside)
        or _already_so(content)
        or _of_block(content.action, beside)
        or _of_instant(content, now, LAUNCHES.shortest_lead.total_seconds())
        or _of_send(content.action, beside)
    )


def why_stale(content: LaunchContent, draft: DraftSeen, beside: Circumstances, now: datetime) -> Refusal | None:
    """Why one that was approved is not carried out, of what the content hash does not cover; None: it may be."""
    return (
        _of_draft(content.action, draft, beside)
        or _of_block(content.action, beside)
        or _of_instant(content, now, LAUNCHES.latest_before.total_seconds())
        or _of_send(content.action, beside)
    )


def _of_others(beside: Circumstances) -> Refusal | None:
    if beside.open_launch is None:
        return None
    return Refusal(
        f"launch change {beside.open_launch} of this draft is open",
        f"Decide on that one first: `list-pipeline launch show {beside.open_launch}`",
    )


def _of_draft(action: LaunchAction, draft: DraftSeen, beside: Circumstances) -> Refusal | None:
    look = "Look at the draft at Mailjet"
    if draft.status in _OF_STATUS:
        return Refusal(_OF_STATUS[DraftStatus(draft.status)], look)
    if draft.status not in (DraftStatus.DRAFT, DraftStatus.PROGRAMMED):
        return Refusal(f"its status at Mailjet is {draft.status}, which is neither draft nor programmed", look)
    if beside.role not in CAMPAIGN_LISTS:
        return Refusal("it goes to a list that is none of the three campaign lists", "Do it at Mailjet")
    if draft.segmentation_id:
        return Refusal("it goes to a segment of a list, so it is no round of a cycle", "Do it at Mailjet")
    if draft.is_ab_test:
        return Refusal("it is part of an A/B test, so it goes to a part of its list", "Do it at Mailjet")
    if beside.is_changing:
        return Refusal("its schedule is being changed by a block at this moment", "Ask again in a minute")
    return None


def _already_so(content: LaunchContent) -> Refusal | None:
    at = content.programmed_for
    if at is None and content.action in (LaunchAction.MOVE, LaunchAction.CANCEL):
        return Refusal("it is not scheduled at Mailjet", "Schedule it: `list-pipeline launch look schedule`")
    if at is None:
        return None
    if content.action is LaunchAction.SCHEDULE:
        return Refusal(f"it is scheduled already, for {instant_text(at)}", "Move it instead")
    if content.action is LaunchAction.SEND:
        # Mailjet does not say what `send` does to a draft that is programmed.
        return Refusal(f"it is scheduled for {instant_text(at)}", "Move it to an earlier time, or cancel it first")
    if content.action is LaunchAction.MOVE and _second(at) == _second(content.wanted_at):
        return Refusal(f"it is scheduled for {instant_text(at)} already", "Nothing needs to be done")
    return None


def _of_block(action: LaunchAction, beside: Circumstances) -> Refusal | None:
    # A cancellation stops: what is blocked is best cancelled.
    if not beside.is_blocked or action is LaunchAction.CANCEL:
        return None
    return Refusal(
        "its campaign is blocked", "Repair what its validation found and validate again, or `list-pipeline unblock` it"
    )


def _of_instant(content: LaunchContent, now: datetime, lead_s: float) -> Refusal | None:
    if content.action not in WITH_INSTANT:
        return None
    at = content.wanted_at
    if at is None or at.tzinfo is None:
        return Refusal("no instant is named", "Name one in UTC, such as 2026-12-01T09:00Z")
    if at <= now:
        return Refusal(f"{instant_text(at)} has passed", "Name an instant that is to come (UTC)")
    if (at - now).total_seconds() < lead_s:
        return Refusal(
            f"{instant_text(at)} is nearer than {duration_text(lead_s)}",
            f"Name an instant at least {duration_text(LAUNCHES.shortest_lead)} ahead",
        )
    if at - now > LAUNCHES.longest_ahead:
        return Refusal(f"{instant_text(at)} is more than {LAUNCHES.longest_ahead.days} days ahead", "Name a nearer one")
    return None


def _of_send(action: LaunchAction, beside: Circumstances) -> Refusal | None:
    if action is not LaunchAction.SEND or beside.send_posted_at is None:
        return None
    return Refusal(
        f"a send of this draft was posted at {instant_text(beside.send_posted_at)}, and a draft is sent from here once at most",
        "Look at Mailjet whether it was sent; if it was not, send it there, or schedule it",
    )


def expires_at(content: LaunchContent, asked_at: datetime) -> datetime:
    """Until when (UTC) a launch change can be decided and carried out."""
    ends: list[datetime] = [asked_at + LAUNCHES.decided_within]
    if content.action is LaunchAction.SEND:
        ends.append(asked_at + LAUNCHES.send_within)
    if content.action in WITH_INSTANT and content.wanted_at is not None:
        ends.append(content.wanted_at - LAUNCHES.latest_before)
    if content.programmed_for is not None:
        # By then Mailjet sends it as it is scheduled now.
        ends.append(content.programmed_for)
    return min(ends)


def instant_of(text: str, tried: str) -> datetime:
    """The instant (UTC, whole seconds) that a person typed, such as ``2026-12-01T09:00``; without a zone it is meant in UTC.

    Raises:
        RefusedError: it is no instant.
    """
    try:
        return utc_second(datetime.fromisoformat(text.strip()))
    except ValueError:
        raise RefusedError(tried, "that is no instant", "Name one in UTC, such as 2026-12-01T09:00") from None


def utc_second(at: datetime) -> datetime:
    """An instant in UTC and whole seconds, which is what Mailjet keeps; one without a zone is meant in UTC."""
    if at.tzinfo is None:
        return at.replace(tzinfo=UTC, microsecond=0)
    try:
        return at.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        # At the ends of the calendar; it is refused as too far ahead, or past.
        return at.replace(tzinfo=UTC, microsecond=0)


def collision_words(others: Sequence[tuple[str, ListRole, datetime]], role: ListRole, at: datetime) -> tuple[str, ...]:
    """Other campaigns to the same list around an instant, as sentences.

    Args:
        others: key, list and time (UTC) of each.
    """
    return tuple(
        f"{key} goes to {role.label} as well, at {instant_text(when)}: {duration_text(abs(at - when))} "
        f"{'before' if when < at else 'after'} it."
        for key, other, when in others
        if other is role and abs(at - when) <= LAUNCHES.near
    )
