"""Who was mailed by a campaign: what is recorded, whether it is proven, and what follows for the open cycle.

Belongs here: statements about ``campaign_recipient`` and the columns of ``campaign_schedule`` that say how it is known. Does
not belong here: campaigns and cycles as such (``sent_campaigns``), and when a reading is whole (``core.campaigns.recipients``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.campaigns.eligibility import SENT_STATUSES
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.reviews.questions import MAILED_TWICE
from list_pipeline.storage.campaigns.sent_campaigns import Campaign, campaigns_where, lists_of_rounds
from list_pipeline.storage.database import copy_rows, execute, fetch_all, fetch_one, sql_list, sql_word
from list_pipeline.storage.history import IS_SUMMARISED
from list_pipeline.storage.quarantine import was_active
from list_pipeline.storage.unreadable_rows import UNTOLD_RECIPIENT

FROM_MESSAGES = "messages"
"""Source of recipients that were read from the messages of the send. Versions before proven readings also knew ``membership``:
our rows of the list, as they were when it was sent."""

RECIPIENTS = """
    case when s.send_start_at is null then s.expected_recipients
         else coalesce(s.recipient_count, (
             select m.processed from campaign_metrics m
             where m.campaign_schedule_id = s.id and m.collected_at >= s.send_end_at order by m.collected_at desc limit 1))
    end"""
"""Recipients of a campaign ``s`` in SQL: the number that is expected until it begins; from then on who was mailed, else the
messages that Mailjet counted after its end. Null: not known, which what was expected does not tell."""


def recipients_missing(
    connection: Connection, *, young_since: datetime, tried_before: datetime
) -> tuple[Campaign, ...]:
    """Sent campaigns of which it is not proven who was mailed, oldest first; those sent before ``young_since`` only if they
    were not tried since ``tried_before``."""
    return campaigns_where(
        connection,
        "s.recipients_proven_at is null and s.send_start_at is not null and s.mailjet_campaign_id is not null"
        f" and s.status in {sql_list(*SENT_STATUSES)} and s.retired_at is null and not {IS_SUMMARISED}"
        " and (coalesce(s.send_end_at, s.send_start_at) >= :young or s.recipients_tried_at is null"
        "      or s.recipients_tried_at <= :tried)"
        " order by s.send_start_at",
        young=young_since,
        tried=tried_before,
    )


def unrecorded_in_cycle(connection: Connection, number: int) -> frozenset[ListRole]:
    """The lists sent in a cycle of which it is not known yet who was mailed, or not of everybody."""
    return unproven_in_cycle(connection, number) | untold_in_cycle(connection, number)


def unproven_in_cycle(connection: Connection, number: int) -> frozenset[ListRole]:
    """The lists sent in a cycle of which it is not known yet who was mailed. The next reading tells."""
    return _sent_in_cycle(connection, number, "s.recipients_proven_at is null")


def untold_in_cycle(connection: Connection, number: int) -> frozenset[ListRole]:
    """The lists sent in a cycle of which somebody was mailed who cannot be told. No later reading need tell."""
    return _sent_in_cycle(connection, number, UNTOLD_RECIPIENT)


def _sent_in_cycle(connection: Connection, number: int, condition: str) -> frozenset[ListRole]:
    found = fetch_all(
        connection,
        f"""
        select s.round_number from campaign_schedule s join cycle c using (cycle_id)
        where c.number = :number and s.mailjet_campaign_id is not null and {condition}
        """,
        number=number,
    )
    return lists_of_rounds(found)


RECEIVED_CYCLE = """exists (
    select 1 from (select c.contact_id union all
                   select o.contact_id from contact_list_membership o where o.address_key = c.address_key) same
    cross join lateral (select 1 from campaign_recipient r where r.contact_id = same.contact_id and r.campaign_id = any(array(
        select s.id from campaign_schedule s join cycle y using (cycle_id) where y.number = :cycle)) limit 1) got)"""
"""Whether the contact ``c`` was a recipient of a round of the cycle ``:cycle``, under this id or an earlier one: who was
imported anew has another id and the same address. Without a cycle nobody was."""


def received_in_cycle(connection: Connection, number: int | None, contact_ids: Sequence[int]) -> frozenset[int]:
    """The contacts among these that got a cycle already, under this id or an earlier one of the same address."""
    found = fetch_all(
        connection,
        f"select c.contact_id from contact_list_membership c where c.contact_id = any(:ids) and {RECEIVED_CYCLE}",
        cycle=number,
        ids=list(contact_ids),
    )
    return frozenset(int(row["contact_id"]) for row in found)


def recipients_by_membership(connection: Connection, role: ListRole, sent_at: datetime) -> frozenset[int]:
    """The contacts that were on a list and could be mailed at an instant, as far as our rows tell. Who was in quarantine then
    was not mailed."""
    found = fetch_all(
        connection,
        f"""
        select m.contact_id from list_membership m join contact_list_membership c using (contact_id)
        where m.list_role = :role
          and (m.subscribed_at is null or m.subscribed_at <= :at)
          and (m.left_at is null or m.left_at > :at)
          and (not m.is_unsubscribed or m.unsubscribed_at > :at)
          and not c.is_anonymised
          and (not c.is_excluded or exists (
                select 1 from change ch join change_step st using (change_id)
                where ch.contact_id = c.contact_id and st.action = {sql_word(StepAction.EXCLUDE)}
                  and st.state = {sql_word(StepState.CONFIRMED)} and st.changed_at > :at))
          and not {was_active("c.contact_id", ":at")}
        """,
        role=role.value,
        at=sent_at,
    )
    return frozenset(int(row["contact_id"]) for row in found)


def save_recipients(connection: Connection, campaign_id: int, contact_ids: Iterable[int], now: datetime) -> int:
    """Record who was mailed, as it was proven by the messages; what was recorded without proof is replaced."""
    row = fetch_one(
        connection, "select recipients_proven_at from campaign_schedule where id = :id for update", id=campaign_id
    )
    if row is None or row["recipients_proven_at"] is not None:
        # Another process read the same campaign at the same time and was first.
        return 0
    execute(connection, "delete from campaign_recipient where campaign_id = :id", id=campaign_id)
    count = copy_rows(
        connection, "campaign_recipient", ("campaign_id", "contact_id"), ((campaign_id, i) for i in set(contact_ids))
    )
    execute(
        connection,
        """
        update campaign_schedule set recipients_source = :source, recipients_known_at = :now, recipients_proven_at = :now,
               recipient_count = :count, updated_at = :now where id = :id
        """,
        source=FROM_MESSAGES,
        now=now,
        count=count,
        id=campaign_id,
    )
    return count


def mailed_twice(connection: Connection, campaign_id: int, earlier: Collection[int]) -> tuple[int, ...]:
    """The recipients of a campaign who were recipients of an earlier send of the same mailing too, and whom no finding about
    the campaign names yet; nobody of a campaign that was sent before this product began to work.

    Args:
        earlier: the earlier sends, by their ids at Mailjet (``core.campaigns.same_mailing``).
    """
    found = fetch_all(
        connection,
        """
        select r.contact_id from campaign_recipient r join campaign_schedule s on s.id = r.campaign_id
        where s.id = :id and s.send_start_at >= (select first_started_at from mode_state) and exists (
            select 1 from campaign_schedule o join campaign_recipient e on e.campaign_id = o.id
            where o.mailjet_campaign_id = any(:earlier) and e.contact_id = r.contact_id)
          and not exists (
            select 1 from review_item i where i.campaign_id = s.id and i.details ->> 'about' = :about
                and i.details -> 'contact_ids' @> to_jsonb(r.contact_id))
        order by r.contact_id
        """,
        id=campaign_id,
        earlier=list(earlier),
        about=MAILED_TWICE,
    )
    return tuple(int(row["contact_id"]) for row in found)


def prove_recipients(connection: Connection, campaign_id: int, now: datetime) -> None:
    """What is recorded agrees with Mailjet's counters."""
    execute(
        connection,
        """update campaign_schedule set recipients_proven_at = :now
           where id = :id and recipients_proven_at is null and recipients_source is not null""",
        now=now,
        id=campaign_id,
    )


def note_recipients_tried(connection: Connection, campaign_id: int, now: datetime) -> None:
    """Who was mailed was read, and it was not whole."""
    execute(
        connection, "update campaign_schedule set recipients_tried_at = :now where id = :id", now=now, id=campaign_id
    )


def doubt_recipients(connection: Connection, campaign_id: int, now: datetime) -> None:
    """What is recorded is not all: it is not known who was mailed until the messages are read again."""
    execute(
        connection,
        "update campaign_schedule set recipients_proven_at = null, recipients_tried_at = :now where id = :id",
        now=now,
        id=campaign_id,
    )


def note_ranges(connection: Connection) -> None:
    """Write down which recipients of its cycle each round had, counted through: ``1-1000``, ``1001-1980``. Left open where a
    round before it was not sent, was sent twice, or where it is not known who was mailed."""
    execute(
        connection,
        """
        update campaign_schedule s set recipient_range = r.recipient_range
        from (
            select id, case when count(*) over w = round_number and bool_and(coalesce(recipient_count, 0) > 0) over w
                            then (sum(recipient_count) over w - recipient_count + 1) || '-' || sum(recipient_count) over w
                       end as recipient_range
            from campaign_schedule where cycle_id is not null and mailjet_campaign_id is not null
            window w as (partition by cycle_id order by round_number)) r
        where s.id = r.id and s.recipient_range is distinct from r.recipient_range
        """,
    )


def recipients_among(connection: Connection, campaign_id: int, contact_ids: Sequence[int]) -> frozenset[int]:
    """The contacts among these that were mailed by a campaign."""
    found = fetch_all(
        connection,
        "select contact_id from campaign_recipient where campaign_id = :id and contact_id = any(:contacts)",
        id=campaign_id,
        contacts=list(contact_ids),
    )
    return frozenset(int(row["contact_id"]) for row in found)


def complaining_recipients(connection: Connection, campaign_id: int) -> tuple[int, ...]:
    """Recipients of a campaign whom Mailjet flags as complaining and who are not suppressed yet."""
    found = fetch_all(
        connection,
        """
        select r.contact_id from campaign_recipient r join contact_list_membership c using (contact_id)
        where r.campaign_id = :id and c.is_complaining and not c.in_suppression_list order by r.contact_id
        """,
        id=campaign_id,
    )
    return tuple(int(row["contact_id"]) for row in found)


def recipients_per_domain(connection: Connection, campaign_id: int, contact_ids: Sequence[int]) -> dict[str, int]:
    """Recipients of a campaign per receiving domain, for the domains of the given contacts."""
    found = fetch_all(
        connection,
        """
        with wanted as (select distinct domain from contact_list_membership
                        where contact_id = any(:contacts))
        select w.domain, count(*) as recipients
        from campaign_recipient r join contact_list_membership c using (contact_id)
        join wanted w on w.domain = c.domain
        where r.campaign_id = :id group by w.domain
        """,
        id=campaign_id,
        contacts=list(contact_ids),
    )
    return {str(row["domain"]): int(row["recipients"]) for row in found}
