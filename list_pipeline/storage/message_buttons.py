"""What messages ask with buttons, and which of them do not say yet what became of it.

A message is behind where what it shows differs from how its plan or question stands: that is compared, not told, so that it
does not matter who decided, where, and what died afterwards.

Does not belong here: what a message says by then (``operations.reviews.message_updates``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.messages.delivery import Channel, DeliveryState
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.buttons import Subject, SubjectKind
from list_pipeline.core.reviews.questions import ReviewStatus
from list_pipeline.storage.database import execute, fetch_all, fetch_scalar, sql_list, sql_word


@dataclass(frozen=True, slots=True)
class ButtonRow:
    """What a message asks about, and how that stands now, in the words of ``shown``."""

    button_id: int
    plan_id: int | None
    review_id: int | None
    shown: str
    stands: str
    attempts: int


_STANDS = f"""
    case when p.plan_id is null then
        case when r.status = {sql_word(ReviewStatus.OPEN)} then 'waits:0' else r.status end
    when p.status = {sql_word(PlanStatus.PENDING_REVIEW)} then
        'waits:' || (select count(*) from plan_approval a where a.plan_id = p.plan_id)
    when p.status in {sql_list(PlanStatus.APPROVED, PlanStatus.EXECUTED)} then {sql_word(PlanStatus.APPROVED)}
    else p.status end
"""
_FROM = """
    message_button b join notification n using (notification_id)
    left join plan p on p.plan_id = b.plan_id left join review_item r on r.review_id = b.review_id
"""
_IN_SLACK = f"""n.state = {sql_word(DeliveryState.SENT)} and n.channel_kind = {sql_word(Channel.SLACK)}
    and n.message_ts <> ''"""


def add(connection: Connection, notification_id: int, subjects: Sequence[Subject]) -> None:
    """Note what a message asks with buttons; once for each."""
    for subject in subjects:
        is_plan = subject.kind is SubjectKind.PLAN
        execute(
            connection,
            """insert into message_button (notification_id, plan_id, review_id) values (:message, :plan, :review)
               on conflict (notification_id, plan_id, review_id) do nothing""",
            message=notification_id,
            plan=subject.number if is_plan else None,
            review=None if is_plan else subject.number,
        )


def asks(connection: Connection, channel: str, message_ts: str, subject: Subject) -> bool:
    """Whether the message at this place asks about a plan or question with buttons."""
    column = "plan_id" if subject.kind is SubjectKind.PLAN else "review_id"
    return bool(
        fetch_scalar(
            connection,
            f"""select exists (select 1 from message_button b join notification n using (notification_id)
                where n.channel = :channel and n.message_ts = :ts and {_IN_SLACK} and b.{column} = :number)""",
            channel=channel,
            ts=message_ts,
            number=subject.number,
        )
    )


def behind(connection: Connection, now: datetime, most: int) -> tuple[int, ...]:
    """Messages that do not say yet what became of what they ask and are due, the oldest first."""
    found = fetch_all(
        connection,
        f"""select distinct b.notification_id from {_FROM}
            where {_IN_SLACK} and b.given_up_why is null and coalesce(b.next_attempt_at, :now) <= :now
              and b.shown <> {_STANDS}
            order by b.notification_id limit :most""",
        now=now,
        most=most,
    )
    return tuple(int(row["notification_id"]) for row in found)


def of_message(connection: Connection, notification_id: int) -> tuple[ButtonRow, ...]:
    """Everything that a message asks with buttons, and how it stands."""
    found = fetch_all(
        connection,
        f"""select b.button_id, b.plan_id, b.review_id, b.shown, {_STANDS} as stands, b.attempts from {_FROM}
            where b.notification_id = :id order by b.button_id""",
        id=notification_id,
    )
    return tuple(ButtonRow(**row) for row in found)


def shown(connection: Connection, rows: Sequence[ButtonRow]) -> None:
    """The message says by now how these stand."""
    for row in rows:
        execute(
            connection,
            """update message_button set shown = :stands, attempts = 0, next_attempt_at = null
               where button_id = :id and shown = :seen""",
            id=row.button_id,
            stands=row.stands,
            seen=row.shown,
        )


def attempted(connection: Connection, notification_id: int, next_attempt_at: datetime) -> None:
    """A change of the message is tried now; if it does not come about, it is tried again."""
    execute(
        connection,
        """update message_button set attempts = attempts + 1, next_attempt_at = :next where notification_id = :id""",
        id=notification_id,
        next=next_attempt_at,
    )


def give_up(connection: Connection, notification_id: int, why: str) -> None:
    """The message is left as it is."""
    execute(
        connection,
        "update message_button set given_up_why = :why where notification_id = :id and given_up_why is null",
        id=notification_id,
        why=why,
    )
