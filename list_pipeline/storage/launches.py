"""Launch changes: their rows, and the lock under which one is carried out.

Belongs here: the table ``launch_change``. Does not belong here: when one is refused or over (``core.launches``), and what a
block does to a schedule by itself (``validation.campaign_block``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.errors import LockHeldError
from list_pipeline.core.launches.changes import LAUNCH_LIFE, OPEN_LAUNCHES, TO_CARRY_OUT, LaunchAction, LaunchState
from list_pipeline.core.launches.rules import LaunchContent
from list_pipeline.core.lists import ListRole
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.database import (
    Database,
    execute,
    fetch_all,
    fetch_one,
    fetch_scalar,
    left_for,
    require_one,
    sql_list,
    sql_word,
)
from list_pipeline.storage.validation.campaign_block import ScheduleLock

_OPEN, _TO_CARRY_OUT = sql_list(*OPEN_LAUNCHES), sql_list(*TO_CARRY_OUT)
_WAITING, _APPROVED = sql_word(LaunchState.WAITING), sql_word(LaunchState.APPROVED)
_SUBMITTING, _SEND = sql_word(LaunchState.SUBMITTING), sql_word(LaunchAction.SEND)


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch change. Instants in UTC, None where something did not happen.

    Attributes:
        campaign: the key of its campaign; None: its draft stands in no schedule of ours.
        programmed_for: when Mailjet was to send it when it was asked for. wanted_at: the instant that is asked for.
        notes: what was shown beside it, as sentences. words: what became of it, as a sentence.
        attempts: requests that were written down. submitting_at: when the latest one was.
    """

    launch_id: int
    draft_id: int
    campaign_id: int | None
    campaign: str | None
    action: LaunchAction
    state: LaunchState
    content_hash: str
    list_role: ListRole
    list_id: int
    subject: str
    sender: str
    sender_hash: str
    body_hash: str
    programmed_for: datetime | None
    wanted_at: datetime | None
    expected: int | None
    notes: tuple[str, ...]
    asked_by: str
    asked_at: datetime
    note: str
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decided_via: Way | None
    decision_note: str | None
    attempts: int
    submitting_at: datetime | None
    ended_at: datetime | None
    words: str

    @property
    def content(self) -> LaunchContent:
        """What its hash covers."""
        return LaunchContent(
            self.action,
            self.draft_id,
            self.list_id,
            None,
            self.subject,
            self.sender_hash,
            self.body_hash,
            self.programmed_for,
            self.wanted_at,
        )

    @property
    def is_open(self) -> bool:
        """Whether it waits for a person, or is to be carried out or continued."""
        return self.state in OPEN_LAUNCHES


@dataclass(frozen=True, slots=True)
class NewLaunch:
    """A launch change that is asked for, as ``Launch`` has it."""

    content: LaunchContent
    campaign_id: int | None
    list_role: ListRole
    list_id: int
    sender: str
    expected: int | None
    notes: Sequence[str]
    asked_by: str
    note: str
    expires_at: datetime


_SELECT = """
    select l.launch_id, l.mailjet_draft_id as draft_id, l.campaign_id, s.campaign_key as campaign, l.action, l.state,
           l.content_hash, l.list_role, l.list_id, l.subject, l.sender, l.sender_hash, l.body_hash, l.programmed_for,
           l.wanted_at, l.expected, l.notes, l.asked_by, l.asked_at, l.note, l.expires_at, l.decided_by, l.decided_at,
           l.decided_via, l.decision_note, l.attempts, l.submitting_at, l.ended_at, l.words
    from launch_change l left join campaign_schedule s on s.id = l.campaign_id
"""


def _launch(row: RowMapping) -> Launch:
    via = row["decided_via"]
    return Launch(
        **{
            **row,
            "action": LaunchAction(row["action"]),
            "state": LaunchState(row["state"]),
            "list_role": ListRole(row["list_role"]),
            "notes": tuple(row["notes"]),
            "decided_via": Way(via) if via else None,
        }
    )


def add(connection: Connection, wanted: NewLaunch, now: datetime) -> int | None:
    """Write down what is asked for; its number. None: another one of this draft is open."""
    content = wanted.content
    number = fetch_scalar(
        connection,
        f"""
        insert into launch_change (mailjet_draft_id, campaign_id, action, state, content_hash, list_role, list_id, subject,
            sender, sender_hash, body_hash, programmed_for, wanted_at, expected, notes, asked_by, asked_at, note, expires_at)
        values (:draft, :campaign, :action, {_WAITING}, :hash, :role, :list_id, :subject, :sender, :sender_hash, :body_hash,
            :programmed_for, :wanted_at, :expected, :notes, :by, :now, :note, :expires_at)
        on conflict (mailjet_draft_id) where state in {_OPEN} do nothing returning launch_id
        """,
        draft=content.draft_id,
        campaign=wanted.campaign_id,
        action=content.action,
        hash=content.hash,
        role=wanted.list_role.value,
        list_id=wanted.list_id,
        subject=content.subject,
        sender=wanted.sender,
        sender_hash=content.sender_hash,
        body_hash=content.body_hash,
        programmed_for=content.programmed_for,
        wanted_at=content.wanted_at,
        expected=wanted.expected,
        notes=list(wanted.notes),
        by=wanted.asked_by,
        now=now,
        note=wanted.note,
        expires_at=wanted.expires_at,
    )
    return None if number is None else int(number)


def launch_by_id(connection: Connection, launch_id: int) -> Launch | None:
    """A launch change, or None."""
    row = fetch_one(connection, _SELECT + "where l.launch_id = :id", id=launch_id)
    return None if row is None else _launch(row)


def open_of_draft(connection: Connection, draft_id: int) -> int | None:
    """The number of the launch change of a draft that is open; None: there is none."""
    found: int | None = fetch_scalar(
        connection,
        f"select launch_id from launch_change where mailjet_draft_id = :draft and state in {_OPEN}",
        draft=draft_id,
    )
    return found


def send_posted_at(connection: Connection, draft_id: int) -> datetime | None:
    """When (UTC) a send of this draft was posted from here; None: never."""
    found: datetime | None = fetch_scalar(
        connection,
        f"""select max(submitting_at) from launch_change
            where mailjet_draft_id = :draft and action = {_SEND} and submitting_at is not null""",
        draft=draft_id,
    )
    return found


def page(
    connection: Connection,
    *,
    after: int = 0,
    most: int | None = None,
    state: LaunchState | None = None,
    campaign: str | None = None,
    only_open: bool = False,
) -> list[Launch]:
    """Launch changes, the latest first.

    Args:
        after: the number that the page before ended with; 0: the first page.
    """
    found = fetch_all(
        connection,
        f"""{_SELECT} where (:after = 0 or l.launch_id < :after) and (cast(:state as text) is null or l.state = :state)
              and (cast(:campaign as text) is null or s.campaign_key = :campaign)
              and (not :only_open or l.state in {_OPEN})
            order by l.launch_id desc limit :most""",
        after=after,
        most=most,
        state=state,
        campaign=campaign,
        only_open=only_open,
    )
    return [_launch(row) for row in found]


def decide(
    connection: Connection,
    launch_id: int,
    state: LaunchState,
    by: str,
    note: str,
    via: Way | None,
    now: datetime,
) -> None:
    """Write a person's decision on one that waits, or take an approval back that was not carried out.

    Raises:
        StateChangedError: somebody else decided, or carries it out.
    """
    is_over = state is not LaunchState.APPROVED
    touched = execute(
        connection,
        f"""update launch_change set state = :state, decided_by = :by, decided_at = :now, decided_via = :via,
                   decision_note = :note, ended_at = case when :is_over then :now end
            where launch_id = :id and state in {left_for(LAUNCH_LIFE, state)}""",
        id=launch_id,
        state=state,
        by=by,
        note=note,
        via=via,
        is_over=is_over,
        now=now,
    )
    require_one(touched, f"Making launch change {launch_id} {state.value}")


def overdue(connection: Connection, now: datetime) -> list[int]:
    """Launch changes that nobody decided on, or nobody carried out, in time."""
    found = fetch_all(
        connection,
        f"""select launch_id from launch_change where state in {left_for(LAUNCH_LIFE, LaunchState.EXPIRED)}
              and expires_at <= :now order by launch_id""",
        now=now,
    )
    return [int(row["launch_id"]) for row in found]


def to_carry_out(connection: Connection) -> list[Launch]:
    """Launch changes that were approved and are not at their end, oldest first."""
    found = fetch_all(connection, f"{_SELECT} where l.state in {_TO_CARRY_OUT} order by l.launch_id")
    return [_launch(row) for row in found]


def in_campaign(connection: Connection, launch_id: int, campaign_id: int | None) -> None:
    """The campaign of its draft stands in our schedule now."""
    execute(
        connection,
        "update launch_change set campaign_id = :campaign where launch_id = :id",
        id=launch_id,
        campaign=campaign_id,
    )


def submitting(connection: Connection, launch_id: int, attempts: int, now: datetime) -> None:
    """Committed before the request goes out.

    Args:
        attempts: the requests that were written down before, as far as the caller knows.

    Raises:
        StateChangedError: somebody else posted it, or it is over: it is not to be posted.
    """
    touched = execute(
        connection,
        f"""update launch_change set state = {_SUBMITTING}, submitting_at = :now, attempts = attempts + 1
            where launch_id = :id and attempts = :attempts and state in {_TO_CARRY_OUT}
              and (action <> {_SEND} or attempts = 0)""",
        id=launch_id,
        attempts=attempts,
        now=now,
    )
    require_one(touched, f"Submitting launch change {launch_id}")


def end(connection: Connection, launch_id: int, state: LaunchState, words: str, now: datetime) -> None:
    """Write what became of it.

    Raises:
        StateChangedError: it is over, or somebody else moved it on.
    """
    touched = execute(
        connection,
        f"""update launch_change set state = :state, words = :words, ended_at = :now
            where launch_id = :id and state in {left_for(LAUNCH_LIFE, state)}""",
        id=launch_id,
        state=state,
        words=words,
        now=now,
    )
    require_one(touched, f"Making launch change {launch_id} {state.value}")


def campaigns_changing(connection: Connection, since: datetime) -> frozenset[int]:
    """Campaigns whose schedule we change right now, or changed after an instant: what was read before says nothing of them."""
    found = fetch_all(
        connection,
        f"""select campaign_id from launch_change where campaign_id is not null and (
              state = {_SUBMITTING} or (action = {_SEND} and state = {_APPROVED})
              or (submitting_at is not null and ended_at > :since))""",
        since=since,
    )
    return frozenset(int(row["campaign_id"]) for row in found)


def is_being_sent(connection: Connection, campaign_id: int) -> bool:
    """Whether a send of this campaign was approved, and is carried out once its validation lets it."""
    found = fetch_scalar(
        connection,
        f"""select exists (select from launch_change
                           where campaign_id = :campaign and action = {_SEND} and state in {_TO_CARRY_OUT})""",
        campaign=campaign_id,
    )
    return bool(found)


@contextmanager
def launch_lock(database: Database, launch_id: int) -> Iterator[ScheduleLock]:
    """One process at a time carries a launch change out; a killed one frees it at once. Whoever is silent with it for a quarter
    of an hour loses it, as with every lock, and finds that out before the next request.

    Raises:
        LockHeldError: another process does so now.
    """
    with database.session() as connection:
        is_ours = fetch_scalar(
            connection, "select pg_try_advisory_lock(:key, :id)", key=lock_numbers.LAUNCH, id=launch_id
        )
        if not is_ours:
            raise LockHeldError(
                f"Carrying out launch change {launch_id}",
                "another process does so now",
                f"See what became of it: `list-pipeline launch show {launch_id}`",
            )
        yield ScheduleLock(connection)
