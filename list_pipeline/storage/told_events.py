"""Told events: keeping them, whatever their order, and joining them to the contacts and campaigns that they are about.

A failure stands in ``bounce_event`` like one that was read: in the campaign's reading "told", which is never whole, until a
whole reading of the logs shows the same contact; then it is that row, which says since when it was told.

Belongs here: statements. Does not belong here: what an event means (``core.told_events``), opens and clicks (``engagement``),
how many there are (``told_figures``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from list_pipeline.core.engagement import TakenBy, taken_by
from list_pipeline.core.lists import ListRole
from list_pipeline.core.told_events.events import FAILURES, SIGNS, EventKind, EventOutcome, ToldEvent
from list_pipeline.core.told_events.failures import classification_of, status_of
from list_pipeline.storage.database import execute, fetch_all, sql_list, sql_word, to_json
from list_pipeline.storage.engagement import Sign, note
from list_pipeline.storage.membership import members

_SIGNS = sql_list(*sorted(SIGNS))

TOLD = "told"
"""The reading that holds what was told and no whole reading shows."""


@dataclass(frozen=True, slots=True)
class _Named:
    """Whom an event is about, by our rows. ``identity``: the keyed hash."""

    identity: str
    address_key: str | None
    contact_id: int | None
    is_erased: bool


def keep(
    connection: Connection, events: Sequence[ToldEvent], lists: Mapping[int, ListRole], now: datetime
) -> list[EventOutcome]:
    """Keep events, and say of each what became of it, in the order given.

    Args:
        lists: our lists by their ids at Mailjet.
        now: when they came (UTC).
    """
    named = _named(connection, events)
    outcomes: list[EventOutcome | None] = [_outcome_at_once(e, named[n]) for n, e in enumerate(events)]
    signs, rows = [], {}
    for number, event in enumerate(events):
        if outcomes[number] is not None:
            continue
        its = named[number]
        if event.kind in SIGNS and its.contact_id is not None:
            signs.append(_sign(event, its.contact_id))
            outcomes[number] = EventOutcome.KEPT
        elif its.identity in rows:
            outcomes[number] = EventOutcome.REPEATED
        else:
            rows[its.identity] = (number, _row(event, its, now))
    note(connection, signs)
    new = _insert(connection, [row for _, row in rows.values()])
    joined = join(connection, lists, now, only=list(new.values()))
    for identity, (number, _) in rows.items():
        if identity not in new:
            outcomes[number] = EventOutcome.REPEATED
        else:
            outcomes[number] = EventOutcome.KEPT if new[identity] in joined else EventOutcome.ASIDE
    return [one or EventOutcome.KEPT for one in outcomes]


def _outcome_at_once(event: ToldEvent, named: _Named) -> EventOutcome | None:
    """What becomes of an event of which nothing is kept; None: it is kept somewhere."""
    if not event.names_somebody:
        return EventOutcome.NOBODY
    if named.is_erased:
        return EventOutcome.ERASED
    if event.kind is EventKind.SENT:
        return EventOutcome.COUNTED
    if event.kind in SIGNS and taken_by(event.agent) is TakenBy.SCANNER:
        return EventOutcome.SCANNER
    return None


def _sign(event: ToldEvent, contact_id: int) -> Sign:
    is_prefetch = event.kind is EventKind.OPEN and taken_by(event.agent) is TakenBy.PREFETCH
    return Sign(contact_id, event.mailjet_campaign_id, event.kind, event.occurred_at, is_prefetch)


_NEWEST_WITH_ADDRESS = """(select max(m.contact_id) from contact_list_membership m
    where m.address_key = {key} and not m.is_anonymised and m.contact_id > 0)"""
"""The contact that has an address now: one that came back has a new id, the largest."""


def _named(connection: Connection, events: Sequence[ToldEvent]) -> list[_Named]:
    rows = [
        {"place": n, "contact_id": e.contact_id, "address": e.address or None, "name": e.identity}
        for n, e in enumerate(events)
    ]
    found = fetch_all(
        connection,
        f"""
        select g.place, cast(encode(substr(keyed_hash('event:' || g.name), 1, 16), 'hex') as uuid) as identity,
               k.key as address_key, w.contact_id,
               exists (select 1 from erased_person e
                       where e.pseudonym = contact_pseudonym(g.contact_id)
                          or w.contact_id is null and e.address_key = k.key) as is_erased
        from jsonb_to_recordset(cast(:rows as jsonb)) as g (place int, contact_id bigint, address text, name text)
        cross join lateral (select case when g.address is not null then address_key(g.address) end as key) k
        cross join lateral (
            select coalesce(g.contact_id, {_NEWEST_WITH_ADDRESS.format(key="k.key")}) as contact_id) w
        order by g.place
        """,
        rows=to_json(rows),
    )
    return [
        _Named(
            identity=str(row["identity"]),
            address_key=str(row["address_key"]) if row["address_key"] is not None else None,
            contact_id=row["contact_id"],
            is_erased=row["is_erased"],
        )
        for row in found
    ]


_COLUMNS: Mapping[str, str] = {
    "identity": "uuid",
    "kind": "text",
    "occurred_at": "timestamptz",
    "received_at": "timestamptz",
    "mailjet_campaign_id": "bigint",
    "contact_id": "bigint",
    "address_key": "uuid",
    "mailjet_list_id": "bigint",
    "state_id": "integer",
    "is_permanent": "boolean",
    "message_status": "text",
    "bounce_class": "text",
    "reason": "text",
    "is_disputed": "boolean",
    "decided_by": "text",
    "server_words": "text",
    "is_prefetch": "boolean",
}


def _row(event: ToldEvent, named: _Named, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "identity": named.identity,
        "kind": event.kind.value,
        "occurred_at": event.occurred_at.isoformat(),
        "received_at": now.isoformat(),
        "mailjet_campaign_id": event.mailjet_campaign_id,
        "contact_id": named.contact_id,
        "address_key": named.address_key,
        "mailjet_list_id": event.list_id,
        "state_id": event.state_id,
        "is_permanent": event.is_permanent,
        "is_disputed": False,
        "server_words": "",
        "is_prefetch": event.kind is EventKind.OPEN and taken_by(event.agent) is TakenBy.PREFETCH,
    }
    if event.kind in FAILURES:
        found = classification_of(event)
        row |= {
            "message_status": status_of(event).value,
            "bounce_class": found.bounce_class.value,
            "reason": found.reason.value,
            "is_disputed": found.is_disputed,
            "decided_by": found.decided_by.value,
            "server_words": found.server_words,
        }
    return row


def _insert(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
    """Write events; those that came before are left as they are. Returns the number of each new one by its identity."""
    if not rows:
        return {}
    names = ", ".join(_COLUMNS)
    found = fetch_all(
        connection,
        f"""
        insert into told_event ({names})
        select {names} from jsonb_to_recordset(cast(:rows as jsonb)) as g ({", ".join(f"{n} {t}" for n, t in _COLUMNS.items())})
        order by identity on conflict (identity) do nothing returning told_event_id, identity
        """,
        rows=to_json(sorted(rows, key=lambda row: str(row["identity"]))),
    )
    return {str(row["identity"]): int(row["told_event_id"]) for row in found}


def join(
    connection: Connection, lists: Mapping[int, ListRole], now: datetime, only: Sequence[int] | None = None
) -> frozenset[int]:
    """Put events that were kept aside where they belong, as far as their contacts and campaigns are known now.

    Args:
        lists: our lists by their ids at Mailjet.
        only: numbers of events; None: all that are aside.

    Returns:
        the numbers of those that were joined.
    """
    if only is not None and not only:
        return frozenset()
    chosen = {"only": None if only is None else list(only)}
    execute(
        connection,
        f"""
        update told_event e set contact_id = {_NEWEST_WITH_ADDRESS.format(key="e.address_key")}
        where {_ASIDE} and e.contact_id is null and e.address_key is not null
        """,
        **chosen,
    )
    _join_signs(connection, chosen)
    _join_complaints(connection, chosen, now)
    _join_unsubscriptions(connection, chosen, lists, now)
    _join_failures(connection, chosen, now)
    found = fetch_all(
        connection,
        "select told_event_id from told_event e where joined_at = :now"
        " and (cast(:only as bigint[]) is null or e.told_event_id = any(:only))",
        now=now,
        **chosen,
    )
    return frozenset(int(row["told_event_id"]) for row in found)


_ASIDE = "e.joined_at is null and (cast(:only as bigint[]) is null or e.told_event_id = any(:only))"


def _join_signs(connection: Connection, chosen: Mapping[str, Any]) -> None:
    """Opens and clicks of a contact that is known now go where all others are."""
    found = fetch_all(
        connection,
        f"""
        delete from told_event e where {_ASIDE} and e.kind in {_SIGNS} and e.contact_id is not null
        returning e.contact_id, e.mailjet_campaign_id, e.kind, e.occurred_at, e.is_prefetch
        """,
        **chosen,
    )
    note(
        connection,
        [
            Sign(
                int(row["contact_id"]),
                row["mailjet_campaign_id"],
                EventKind(row["kind"]),
                row["occurred_at"],
                row["is_prefetch"],
            )
            for row in found
        ],
    )


def _join_complaints(connection: Connection, chosen: Mapping[str, Any], now: datetime) -> None:
    """A complaint counts as soon as its contact is known, whatever campaign it was about."""
    execute(
        connection,
        f"""
        update contact_list_membership m set is_complaining = true, last_updated = :now
        where not m.is_complaining and m.contact_id in (
            select e.contact_id from told_event e where {_ASIDE} and e.bounce_class = 'complaint')
        """,
        now=now,
        **chosen,
    )
    execute(
        connection,
        f"""
        update told_event e set joined_at = :now
        where {_ASIDE} and e.bounce_class = 'complaint' and e.mailjet_campaign_id is null
          and exists (select 1 from contact_list_membership m where m.contact_id = e.contact_id)
        """,
        now=now,
        **chosen,
    )


def _join_unsubscriptions(
    connection: Connection, chosen: Mapping[str, Any], lists: Mapping[int, ListRole], now: datetime
) -> None:
    """An unsubscription from one of our lists, or by a mail of one of our campaigns, is kept until the list's entry shows it.

    One from a list that is not ours changes nothing here.
    """
    found = fetch_all(
        connection,
        f"""
        update told_event e set joined_at = :now
        from (select t.told_event_id, coalesce(l.role, 'campaign_' || s.round_number) as role
              from told_event t
              join contact_list_membership m on m.contact_id = t.contact_id
              left join unnest(cast(:lists as bigint[]), cast(:roles as text[])) as l (list_id, role)
                on l.list_id = t.mailjet_list_id
              left join campaign_schedule s on s.mailjet_campaign_id = t.mailjet_campaign_id and t.mailjet_list_id is null
              where t.kind = {sql_word(EventKind.UNSUB)} and t.joined_at is null) o
        where o.told_event_id = e.told_event_id and {_ASIDE} and (o.role is not null or e.mailjet_list_id is not null)
        returning e.contact_id, o.role, e.occurred_at, e.received_at
        """,
        lists=list(lists),
        roles=[role.value for role in lists.values()],
        now=now,
        **chosen,
    )
    ours = [row for row in found if row["role"] is not None]
    if not ours:
        return
    execute(
        connection,
        """
        insert into kept_unsubscription as k (contact_id, list_role, unsubscribed_at, kept_at, told_at)
        select distinct on (g.contact) g.contact, g.role, g.at, :now, g.told
        from unnest(cast(:contacts as bigint[]), cast(:roles as text[]), cast(:ats as timestamptz[]),
                    cast(:tolds as timestamptz[])) as g (contact, role, at, told)
        where not exists (select 1 from list_membership l
                          where l.contact_id = g.contact and l.is_unsubscribed and l.left_at is null)
        order by g.contact, g.at desc, g.role
        on conflict (contact_id) do update set list_role = excluded.list_role, told_at = excluded.told_at,
               unsubscribed_at = excluded.unsubscribed_at, kept_at = excluded.kept_at, taken_back_at = null,
               taken_back_by = null, note = null
        where k.taken_back_at < excluded.unsubscribed_at
        """,
        contacts=[row["contact_id"] for row in ours],
        roles=[row["role"] for row in ours],
        ats=[row["occurred_at"] for row in ours],
        tolds=[row["received_at"] for row in ours],
        now=now,
    )
    members.refresh_flags(connection, now, sorted({int(row["contact_id"]) for row in ours}))


def release_shown_unsubscriptions(connection: Connection) -> int:
    """Let go of told unsubscriptions that the entry of a list shows now: from here on the entry speaks for itself."""
    return execute(
        connection,
        """
        delete from kept_unsubscription k using list_membership l
        where k.told_at is not null and k.taken_back_at is null
          and l.contact_id = k.contact_id and l.is_unsubscribed and l.left_at is null
        """,
    )


_READY = f"""
    select e.*, s.id as campaign_id from told_event e
    join campaign_schedule s on s.mailjet_campaign_id = e.mailjet_campaign_id
    join contact_list_membership m on m.contact_id = e.contact_id
    where {_ASIDE} and e.bounce_class is not null"""


def _join_failures(connection: Connection, chosen: Mapping[str, Any], now: datetime) -> None:
    found = fetch_all(
        connection,
        f"""
        insert into bounce_fetch as f (campaign_id, sweep, fetched_at, is_complete, rows_read)
        select campaign_id, '{TOLD}', :now, false, count(*) from ({_READY}) r group by campaign_id order by campaign_id
        on conflict (campaign_id, sweep) do update set fetched_at = :now, rows_read = f.rows_read + excluded.rows_read
        returning campaign_id
        """,
        now=now,
        **chosen,
    )
    if not found:
        return
    execute(
        connection,
        f"""
        insert into bounce_event as b (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason, is_disputed,
               decided_by, state_id, is_permanent, message_status, server_words, in_bounce_log, in_message_log, told_at)
        select distinct on (campaign_id, contact_id) campaign_id, '{TOLD}', contact_id, occurred_at, bounce_class, reason,
               is_disputed, decided_by, state_id, is_permanent, message_status, server_words, false, false, received_at
        from ({_READY}) r
        order by campaign_id, contact_id, bounce_class = 'complaint' desc, occurred_at desc, told_event_id
        on conflict (campaign_id, sweep, contact_id) do update set occurred_at = excluded.occurred_at,
               bounce_class = excluded.bounce_class, reason = excluded.reason, is_disputed = excluded.is_disputed,
               decided_by = excluded.decided_by, state_id = excluded.state_id, is_permanent = excluded.is_permanent,
               message_status = excluded.message_status, server_words = excluded.server_words
        -- A complaint stands; of the rest the later one, whatever came first.
        where b.bounce_class <> 'complaint'
          and (excluded.bounce_class = 'complaint' or excluded.occurred_at > b.occurred_at)
        """,
        **chosen,
    )
    execute(
        connection,
        f"update told_event e set joined_at = :now from ({_READY}) r where r.told_event_id = e.told_event_id",
        now=now,
        **chosen,
    )
    for row in found:
        meet(connection, int(row["campaign_id"]))


def let_go(connection: Connection, before: datetime) -> int:
    """Forget events that are aside and belong nowhere here; how many.

    An account sends more than the campaigns that are kept here: those are the failures of mails without a campaign and of sends
    that are known not to be ours, and whatever found neither contact nor campaign since an instant (UTC). A complaint stays
    until its contact is known, and an unsubscription by a send to a list of ours until the instant comes.
    """
    return execute(
        connection,
        """
        delete from told_event e where e.joined_at is null and (
            e.received_at < :before
            or (e.bounce_class is null or e.bounce_class <> 'complaint'
                or exists (select 1 from contact_list_membership m where m.contact_id = e.contact_id))
               and (e.bounce_class is not null and e.mailjet_campaign_id is null
                    or exists (select 1 from ignored_send i where i.mailjet_campaign_id = e.mailjet_campaign_id
                               and (e.bounce_class is not null or i.reason in ('list_not_ours', 'no_list')))))
        """,
        before=before,
    )


def meet(connection: Connection, campaign_id: int) -> None:
    """Let what was told of a campaign and what was read of it be one row a contact: the one that was read, which says since
    when it was told. A complaint stays beside a reading that shows none."""
    execute(
        connection,
        """
        update bounce_event b set told_at = o.told_at
        from (select contact_id, min(told_at) as told_at from bounce_event
              where campaign_id = :campaign and told_at is not null group by contact_id) o
        where b.campaign_id = :campaign and o.contact_id = b.contact_id and b.told_at is null
        """,
        campaign=campaign_id,
    )
    execute(
        connection,
        f"""
        delete from bounce_event t where t.campaign_id = :campaign and t.sweep = '{TOLD}' and exists (
            select 1 from bounce_event b join bounce_fetch f using (campaign_id, sweep)
            where b.campaign_id = :campaign and b.contact_id = t.contact_id and f.is_complete
              and (t.bounce_class <> 'complaint' or b.bounce_class = 'complaint'))
        """,
        campaign=campaign_id,
    )
