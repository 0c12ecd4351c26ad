"""Campaigns that are scheduled at Mailjet and not sent yet: their rows in the schedule, and the freeze of their lists.

Belongs here: reading and writing those rows of ``campaign_schedule`` until Mailjet begins to send. Does not belong
here: sends (``sent_campaigns``), and validations with what they do (``storage.validation``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.campaigns.eligibility import CAMPAIGN_LIFE, CampaignStatus
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.observations import DraftSeen, SendSeen
from list_pipeline.storage.database import (
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
    fetch_scalar,
    require_one,
    sql_word,
)

_SCHEDULED, _READY = sql_word(CampaignStatus.SCHEDULED), sql_word(CampaignStatus.READY)


@dataclass(frozen=True, slots=True)
class UpcomingCampaign:
    """A row of the schedule with what concerns the time before the send. Instants in UTC.

    ``scheduled_since``: since when this date and list stand. ``expected``: mailable contacts at ``expected_at``.
    """

    campaign_id: int
    key: str
    name: str
    round_number: int
    list_id: int
    draft_id: int | None
    mailjet_campaign_id: int | None
    status: CampaignStatus
    scheduled_at: datetime
    scheduled_since: datetime | None
    expected: int | None
    expected_at: datetime | None
    frozen_at: datetime | None
    blocked_by: str | None
    retired_at: datetime | None
    subject: str

    @property
    def list_role(self) -> ListRole:
        """The campaign list that it is for."""
        return CAMPAIGN_LISTS[self.round_number - 1]


_SELECT = """
    select id as campaign_id, campaign_key as key, campaign_name as name, round_number, list_id,
           mailjet_draft_id as draft_id, mailjet_campaign_id, status,
           (scheduled_date + scheduled_time) at time zone 'UTC' as scheduled_at, scheduled_since,
           expected_recipients as expected, expected_at, frozen_at, blocked_by, retired_at, subject
    from campaign_schedule
"""


def _upcoming(row: RowMapping) -> UpcomingCampaign:
    return UpcomingCampaign(**{**row, "status": CampaignStatus(row["status"])})


def campaign_by_key(connection: Connection, key: str, *, for_update: bool = False) -> UpcomingCampaign:
    """A campaign, whether it was sent or not.

    Raises:
        NotFoundError: no campaign has this key.
    """
    row = fetch_one(connection, _SELECT + "where campaign_key = :key" + (" for update" if for_update else ""), key=key)
    if row is None:
        raise NotFoundError(
            f"Looking for the campaign {key!r}",
            "no campaign has this key",
            "List those that are scheduled with `list-pipeline validate`",
        )
    return _upcoming(row)


def campaign_by_id(connection: Connection, campaign_id: int) -> UpcomingCampaign:
    """The campaign of a row that is known to exist."""
    row = fetch_row(connection, f"campaign {campaign_id}", _SELECT + "where id = :id", id=campaign_id)
    return _upcoming(row)


def key_by_number(connection: Connection, number: int) -> str | None:
    """The key of the campaign with a number; None: there is none."""
    row = fetch_one(connection, "select campaign_key from campaign_schedule where id = :id", id=number)
    return None if row is None else str(row["campaign_key"])


def not_sent_yet(connection: Connection) -> tuple[UpcomingCampaign, ...]:
    """Campaigns that came from a draft and were not sent, retired ones too, by their time."""
    found = fetch_all(
        connection,
        _SELECT
        + """where mailjet_campaign_id is null and mailjet_draft_id is not null
             order by scheduled_date, scheduled_time, id""",
    )
    return tuple(_upcoming(row) for row in found)


def by_draft(connection: Connection, draft_id: int) -> UpcomingCampaign | None:
    """The campaign of a draft that was not sent yet, retired or not; None: there is none."""
    row = fetch_one(
        connection,
        _SELECT + "where mailjet_draft_id = :draft and mailjet_campaign_id is null for update",
        draft=draft_id,
    )
    return None if row is None else _upcoming(row)


def drafts_already_sent(connection: Connection, draft_ids: Collection[int]) -> frozenset[int]:
    """The drafts among these that a send of ours came from."""
    found = fetch_all(
        connection,
        """select mailjet_draft_id as id from campaign_schedule
           where mailjet_draft_id = any(:ids) and mailjet_campaign_id is not null""",
        ids=list(draft_ids),
    )
    return frozenset(int(row["id"]) for row in found)


def insert_draft(
    connection: Connection,
    draft: DraftSeen,
    *,
    key: str,
    name: str,
    role: ListRole,
    scheduled_at: datetime,
    now: datetime,
) -> bool:
    """Add a programmed draft to the schedule; False when somebody else just did."""
    return bool(
        execute(
            connection,
            f"""
            insert into campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,
                list_name, list_id, mailjet_draft_id, subject, sender_name, sender_email, status, scheduled_since,
                created_at, updated_at)
            values (:key, :name, :round, :day, :clock, :role, :list_id, :draft, :subject, :sender_name, :sender_email,
                {_SCHEDULED}, :now, :now, :now)
            on conflict do nothing
            """,
            key=key,
            name=name,
            round=role.round_number,
            day=scheduled_at.date(),
            clock=scheduled_at.time().replace(microsecond=0),
            role=role.value,
            list_id=draft.list_id,
            draft=draft.draft_id,
            subject=draft.subject,
            sender_name=draft.sender_name,
            sender_email=draft.sender_email,
            now=now,
        )
    )


def follow_draft(
    connection: Connection, campaign_id: int, draft: DraftSeen, role: ListRole, scheduled_at: datetime, now: datetime
) -> None:
    """Another date or list, or a schedule that stands again: what was found out before says nothing about it.

    A blocked campaign stays blocked until it is validated again, or a person lets it go.
    """
    execute(
        connection,
        f"""
        update campaign_schedule set scheduled_date = :day, scheduled_time = :clock, round_number = :round,
               list_id = :list_id, list_name = :role, subject = :subject, scheduled_since = :now, retired_at = null,
               frozen_at = null, updated_at = :now,
               status = case when status = {_READY} then {_SCHEDULED} else status end,
               expected_recipients = case when list_id = :list_id then expected_recipients end,
               expected_at = case when list_id = :list_id then expected_at end,
               recipient_range = case when list_id = :list_id then recipient_range end
        where id = :id and mailjet_campaign_id is null
        """,
        id=campaign_id,
        day=scheduled_at.date(),
        clock=scheduled_at.time().replace(microsecond=0),
        round=role.round_number,
        list_id=draft.list_id,
        role=role.value,
        subject=draft.subject,
        now=now,
    )


def retire(connection: Connection, campaign_ids: Collection[int], now: datetime) -> None:
    """Campaigns that are not scheduled any more: kept with a flag, since their partition may be in use."""
    execute(
        connection,
        """update campaign_schedule set retired_at = :now, frozen_at = null, updated_at = :now
           where id = any(:ids) and retired_at is null and mailjet_campaign_id is null""",
        ids=list(campaign_ids),
        now=now,
    )


def expect(connection: Connection, sizes: Mapping[ListRole, int], now: datetime) -> None:
    """Note how many each scheduled campaign may expect, and which of the cycle's recipients these are, counted through the
    lists before it, where that is not known yet or a maintenance has evened the lists out since; unread lists are left out."""
    for role, mailable in sizes.items():
        before = CAMPAIGN_LISTS[: role.round_number - 1]
        first = 1 + sum(sizes.get(each, 0) for each in before)
        execute(
            connection,
            """
            update campaign_schedule set expected_recipients = :mailable, expected_at = :now,
                   recipient_range = case when :mailable > 0 and cardinality(cast(:before as text[])) =
                       (select count(*) from sync_state where list_role = any(:before)) then cast(:range as text) end
            where exists (select 1 from sync_state s where s.list_role = :role) and round_number = :round
              and mailjet_campaign_id is null
              and mailjet_draft_id is not null and retired_at is null
              and (expected_at is null
                   or expected_at < (select max(taken_at) from list_snapshot where list_role = :role and phase = 'after'))
            """,
            mailable=mailable,
            before=[each.value for each in before],
            range=f"{first}-{first + mailable - 1}",
            role=role.value,
            round=role.round_number,
            now=now,
        )


def expect_anew(connection: Connection, campaign_id: int, recipients: int, first: int, now: datetime) -> None:
    """Another expectation of a campaign that had one, because we changed the lists ourselves.

    Args:
        first: the first of these recipients, counted through the cycle. Where the range is not known it stays so.
    """
    execute(
        connection,
        """
        update campaign_schedule set expected_recipients = :recipients, expected_at = :now,
               recipient_range = case when recipient_range is not null and :recipients > 0 then cast(:range as text) end
        where id = :id and mailjet_campaign_id is null and expected_at is not null
        """,
        id=campaign_id,
        recipients=recipients,
        range=f"{first}-{first + recipients - 1}",
        now=now,
    )


def begin_send(
    connection: Connection, send: SendSeen, role: ListRole, status: CampaignStatus, now: datetime, *, is_segment: bool
) -> bool:
    """Mailjet sends a campaign that stood in the schedule: its row and its key go on. False when there is no such row."""
    return bool(
        execute(
            connection,
            """
            update campaign_schedule set mailjet_campaign_id = :id, round_number = :round, list_id = :list_id,
                   list_name = :role, subject = :subject, sender_name = :sender_name, sender_email = :sender_email,
                   status = :status, send_start_at = :started, send_end_at = :ended, retired_at = null,
                   is_segment = :is_segment, recipient_range = null, updated_at = :now
            where mailjet_draft_id = :draft and mailjet_campaign_id is null
            """,
            id=send.mailjet_campaign_id,
            round=role.round_number,
            list_id=send.list_id,
            role=role.value,
            subject=send.subject,
            sender_name=send.sender_name,
            sender_email=send.sender_email,
            status=status,
            started=send.send_started_at,
            ended=send.send_ended_at,
            draft=send.draft_id,
            is_segment=is_segment,
            now=now,
        )
    )


def freeze(connection: Connection, campaign_id: int, now: datetime) -> None:
    """From now on nothing of ours changes the list of this campaign."""
    execute(
        connection,
        """update campaign_schedule set frozen_at = :now
           where id = :id and frozen_at is null and retired_at is null and mailjet_campaign_id is null""",
        id=campaign_id,
        now=now,
    )


def thaw(connection: Connection, campaign_id: int) -> None:
    """The list may be changed again: this campaign is not going to be sent."""
    execute(connection, "update campaign_schedule set frozen_at = null where id = :id", id=campaign_id)


def set_status(
    connection: Connection,
    campaign_id: int,
    seen: CampaignStatus,
    wanted: CampaignStatus,
    blocked_by: str | None,
    now: datetime,
) -> None:
    """Move a campaign that is not being sent from the status that was seen to READY or BLOCKED, with the author of a block.

    Raises:
        IllegalTransitionError: the one may not follow the other.
        StateChangedError: it has another status by now, or Mailjet began to send it. Nothing was written.
    """
    CAMPAIGN_LIFE.advance(seen, wanted)
    touched = execute(
        connection,
        """update campaign_schedule set status = :wanted, blocked_by = :by, updated_at = :now
           where id = :id and status = :seen and mailjet_campaign_id is null""",
        id=campaign_id,
        seen=seen,
        wanted=wanted,
        by=blocked_by,
        now=now,
    )
    require_one(touched, f"Making campaign {campaign_id} {wanted.value}")


def last_synced_at(connection: Connection, role: ListRole) -> datetime | None:
    """When our rows of a list were last read from Mailjet; None: never."""
    found: datetime | None = fetch_scalar(
        connection, "select last_synced_at from sync_state where list_role = :role", role=role.value
    )
    return found
