"""Opens and clicks, contact by contact: the first and the last of each kind in each campaign.

Belongs here: statements about ``contact_engagement``. Does not belong here: which of them mean anything (``core.engagement``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.engagement import Engagement
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.told_events.events import SIGNS, EventKind
from list_pipeline.core.weekly.silence import SIGNS_EXPECTED_FROM
from list_pipeline.storage.database import execute, fetch_all, fetch_row, fetch_scalar, in_parts, sql_list, to_json
from list_pipeline.storage.membership.members import LIST_FLAG

_KINDS = ("open", "click", "prefetch")


@dataclass(frozen=True, slots=True)
class Sign:
    """One open or click of a contact. ``mailjet_campaign_id``: None where it belongs to none."""

    contact_id: int
    mailjet_campaign_id: int | None
    kind: EventKind
    occurred_at: datetime
    is_prefetch: bool = False

    @property
    def column(self) -> str:
        """The kind as the columns call it."""
        return "prefetch" if self.is_prefetch else self.kind.value


def note(connection: Connection, signs: Iterable[Sign]) -> None:
    """Remember signs, in whatever order they come and however often."""
    spans: dict[tuple[int, int], dict[str, list[datetime]]] = {}
    for sign in signs:
        place = (sign.contact_id, sign.mailjet_campaign_id or 0)
        spans.setdefault(place, {}).setdefault(sign.column, []).append(sign.occurred_at)
    if not spans:
        return
    rows = [
        {
            "contact_id": contact_id,
            "mailjet_campaign_id": campaign_id,
            **{f"first_{kind}_at": min(instants).isoformat() for kind, instants in found.items()},
            **{f"last_{kind}_at": max(instants).isoformat() for kind, instants in found.items()},
        }
        # In one order, so that two processes that write the same contacts wait for each other.
        for (contact_id, campaign_id), found in sorted(spans.items())
    ]
    columns = [f"{end}_{kind}_at" for kind in _KINDS for end in ("first", "last")]
    better = [
        f"{name} = {'least' if name.startswith('first') else 'greatest'}(e.{name}, excluded.{name})" for name in columns
    ]
    for part in in_parts(rows):
        execute(
            connection,
            f"""
            insert into contact_engagement as e (contact_id, mailjet_campaign_id, {", ".join(columns)})
            select contact_id, mailjet_campaign_id, {", ".join(columns)}
            from jsonb_to_recordset(cast(:rows as jsonb)) as g (contact_id bigint, mailjet_campaign_id bigint,
                 {", ".join(f"{name} timestamptz" for name in columns)})
            on conflict (contact_id, mailjet_campaign_id) do update set {", ".join(better)}
            """,
            rows=to_json(part),
        )


def engagement_of(connection: Connection, contact_ids: Sequence[int], known_by: datetime) -> Mapping[int, Engagement]:
    """The latest signs of contacts up to an instant (UTC); a contact without any is not among them.

    Of a campaign with signs before and after the instant the first one stands for those before: what lay between is not kept.
    """
    latest = ", ".join(
        f"max(case when last_{kind}_at <= :by then last_{kind}_at when first_{kind}_at <= :by then first_{kind}_at end)"
        f" as {kind}_at"
        for kind in _KINDS
    )
    found = fetch_all(
        connection,
        f"select contact_id, {latest} from contact_engagement where contact_id = any(:ids) group by contact_id",
        ids=list(contact_ids),
        by=known_by,
    )
    return {
        int(row["contact_id"]): Engagement(row["open_at"], row["click_at"], row["prefetch_at"])
        for row in found
        if row["open_at"] or row["click_at"] or row["prefetch_at"]
    }


def recorded_since(connection: Connection) -> datetime | None:
    """When the first open or click was told; None: none ever was, and nobody can say who reads."""
    since: datetime | None = fetch_scalar(
        connection, f"select min(first_at) from told_count where kind in {sql_list(*sorted(SIGNS))}"
    )
    return since


_SILENT = f"""
    with sent as (
        select s.id, f.sweep from campaign_schedule s
        left join lateral (select b.sweep from bounce_fetch b where b.campaign_id = s.id and b.is_complete
                           order by b.fetched_at desc limit 1) f on true
        where coalesce(s.send_start_at, s.send_end_at) > :since and coalesce(s.send_start_at, s.send_end_at) <= :until
          and s.retired_at is null
          and ((select count(*) from (select 1 from campaign_recipient r where r.campaign_id = s.id limit :expected_from)
                few) < :expected_from
               or s.mailjet_campaign_id in (select g.mailjet_campaign_id from contact_engagement g))),
    mailed as (
        select r.contact_id, bool_or(sent.sweep is not null and e.contact_id is null) as was_reached
        from sent join campaign_recipient r on r.campaign_id = sent.id
        left join bounce_event e on e.campaign_id = sent.id and e.sweep = sent.sweep and e.contact_id = r.contact_id
        group by r.contact_id),
    silent as (
        select m.contact_id, t.was_reached from mailed t join contact_list_membership m using (contact_id)
        where ({" or ".join(LIST_FLAG[role] for role in CAMPAIGN_LISTS)}) and not m.in_suppression_list
          and not m.is_unsubscribed and not m.is_excluded and not m.is_anonymised and m.queued_at <= :since
          and not exists (select 1 from contact_engagement g where g.contact_id = m.contact_id
                          and greatest(g.last_open_at, g.last_click_at) > :since))"""
"""Contacts that could be mailed all the time, were mailed in it, and opened and clicked nothing. A campaign whose signs were
never told counts for nobody."""


def count_silent(connection: Connection, since: datetime, until: datetime) -> tuple[int, int]:
    """The contacts without an open or click in a time (UTC), and how many of them no campaign of it was delivered to."""
    row = fetch_row(
        connection,
        "the silent contacts",
        f"{_SILENT} select count(*) as contacts, count(*) filter (where not was_reached) as unreached from silent",
        since=since,
        until=until,
        expected_from=SIGNS_EXPECTED_FROM,
    )
    return int(row["contacts"]), int(row["unreached"])


def silent_contacts(
    connection: Connection, since: datetime, until: datetime, *, after: int, limit: int
) -> tuple[tuple[int, bool], ...]:
    """So many of these contacts by id, from one id on, each with whether a campaign of that time was delivered to it."""
    found = fetch_all(
        connection,
        f"""{_SILENT} select contact_id, was_reached from silent where contact_id > :after
            order by contact_id limit :limit""",
        since=since,
        until=until,
        expected_from=SIGNS_EXPECTED_FROM,
        after=after,
        limit=limit,
    )
    return tuple((int(row["contact_id"]), bool(row["was_reached"])) for row in found)
