"""The counts by which incidents are told: established contacts of a campaign by domain, and of past campaigns by group.

Belongs here: counting in sets over the recipients and failures of a campaign, and keeping what was counted. Does not belong
here: groups, chances and verdicts (``core.incidents``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from list_pipeline.core.bounces.classes import BounceClass
from list_pipeline.core.incidents.groups import DomainCount, Group, GroupKind
from list_pipeline.core.incidents.usual import PastCount
from list_pipeline.core.monitoring.stuck_sessions import LockName
from list_pipeline.core.suppression.new_contacts import NewContacts
from list_pipeline.storage.database import copy_rows, execute, fetch_all, sql_word
from list_pipeline.storage.stuck_sessions import hold

_HARD, _NOT_TRIED, _UNKNOWN = (
    sql_word(one) for one in (BounceClass.HARD, BounceClass.NOT_EVIDENCE, BounceClass.UNKNOWN)
)

CAMPAIGNS_REMEMBERED = 60
"""Older campaigns weigh less than 0.2 % of the last one, and are not read."""


_LATELY = 3
"""Sends in which most of a campaign's recipients were reached: the last ones to its own list, and else the last ones."""

_KNOWN = """
    with earlier as materialized (
        select s.id as campaign_id, f.sweep, s.list_id, coalesce(s.send_start_at, s.send_end_at) as sent_at
        from campaign_schedule s join lateral (
            select sweep from bounce_fetch where campaign_id = s.id and is_complete order by fetched_at desc limit 1
        ) f on true
        where coalesce(s.send_start_at, s.send_end_at) < (
            select coalesce(send_start_at, send_end_at) from campaign_schedule where id = :campaign)
    ), since as materialized (
        -- This campaign and those sent after it.
        select s.id as campaign_id, coalesce(s.send_start_at, s.send_end_at) as sent_at from campaign_schedule s
        where coalesce(s.send_start_at, s.send_end_at) >= (
            select coalesce(send_start_at, send_end_at) from campaign_schedule where id = :campaign)
    ), lately as materialized (
        select campaign_id, sweep from earlier
        order by list_id = (select list_id from campaign_schedule where id = :campaign) desc, sent_at desc, campaign_id desc
        limit :lately
    ), counted as materialized (
        -- Sent to in more of the last sends than failed: reached in one of them. Added up, not joined, so that the work is the
        -- same whatever the planner takes the tables to be like.
        select contact_id, sum(tried) > 0 as is_reached, bool_or(is_hard) as is_hard, bool_or(is_untried) as is_untried
        from (
            select contact_id, 0 as tried, true as is_recipient, false as is_hard, false as is_untried
            from campaign_recipient where campaign_id = :campaign and contact_id <> all(:without)
            union all
            select contact_id, 0, false, is_hard, is_untried from ({failed}) failed (contact_id, is_hard, is_untried)
            union all
            select r.contact_id, 1, false, false, false from lately l join campaign_recipient r using (campaign_id)
            union all
            select b.contact_id, -1, false, false, false
            from lately l join bounce_event b on b.campaign_id = l.campaign_id and b.sweep = l.sweep
        ) sent group by contact_id having bool_or(is_recipient)
    ), known as (
        select contact_id, is_reached, is_hard, is_untried from counted where is_reached
        union all
        -- The others are looked at one by one. One delivery is enough, and most have one: the limit stops there.
        select n.contact_id, coalesce(d.is_delivered, t.is_told, false), n.is_hard, n.is_untried
        from (select * from counted where not is_reached) n
        left join lateral (
            select true as is_delivered from campaign_recipient p join earlier e using (campaign_id)
            where p.contact_id = n.contact_id and not exists (
                select 1 from bounce_event b
                where b.campaign_id = p.campaign_id and b.sweep = e.sweep and b.contact_id = p.contact_id)
            limit 1
        ) d on true
        left join lateral (
            -- Before we read anything of a contact ourselves, Mailjet's count says it, less what was sent since.
            select c.delivered_count > (
                       select count(*) from since t
                       where t.sent_at < c.delivered_counted_at and exists (
                           select 1 from campaign_recipient q
                           where q.campaign_id = t.campaign_id and q.contact_id = c.contact_id))
                   and not exists (select 1 from campaign_recipient p join earlier e using (campaign_id)
                                   where p.contact_id = c.contact_id) as is_told
            from contact_list_membership c where c.contact_id = n.contact_id and d.is_delivered is null limit 1
        ) t on true
    )
"""
"""``known``: the recipients of ``:campaign`` with whether they are established, which is whether they were delivered to before,
whether they bounced hard by now, and whether nobody tried them. Contacts in ``:without`` are left out."""

_FAILED = f"""
    select contact_id, bounce_class = {_HARD} and occurred_at <= :as_of, bounce_class = {_NOT_TRIED}
    from bounce_event where campaign_id = :campaign and sweep = :sweep"""

_BOUNCED_HARD = "select contact_id, true, false from unnest(cast(:hard as bigint[])) h (contact_id)"


def established_by_domain(
    connection: Connection, campaign_id: int, sweep: str, as_of: datetime, without: Collection[int] = ()
) -> tuple[DomainCount, ...]:
    """The established contacts of a campaign by domain, in the order of the domains.

    Established is who was delivered to before: a recipient, without any failure, of a campaign that was sent earlier and whose
    failures were read whole; or, of whom no such campaign is known, who was delivered to by Mailjet's count when we saw it
    first. Nobody is attempted whom Mailjet did not try. Erased contacts have no domain any more.

    Args:
        campaign_id: ours.
        sweep: the reading of the campaign's failures that counts.
        as_of: failures that happened later are not known yet.
        without: contacts that are left out.
    """
    found = fetch_all(
        connection,
        f"""
        {_KNOWN.format(failed=_FAILED)}
        select c.domain, count(*) as attempted, count(*) filter (where k.is_hard) as hard
        from known k join contact_list_membership c using (contact_id)
        where k.is_reached and not k.is_untried and not c.is_anonymised
        group by 1 order by 1
        """,
        campaign=campaign_id,
        sweep=sweep,
        as_of=as_of,
        without=list(without),
        lately=_LATELY,
    )
    return tuple(DomainCount(row["domain"], int(row["attempted"]), int(row["hard"])) for row in found)


def established_so_far(
    connection: Connection, campaign_id: int, hard: Collection[int], not_tried: Collection[int]
) -> tuple[DomainCount, ...]:
    """The same counts while the failures of a campaign are not kept yet: established contacts by domain.

    Args:
        campaign_id: ours; its recipients are known.
        hard: the contacts that bounced hard by now.
        not_tried: those of whom Mailjet has not tried the message, or will not.
    """
    found = fetch_all(
        connection,
        f"""
        {_KNOWN.format(failed=_BOUNCED_HARD)}
        select c.domain, count(*) as attempted, count(*) filter (where k.is_hard) as hard
        from known k join contact_list_membership c using (contact_id)
        where k.is_reached and not c.is_anonymised
        group by 1 order by 1
        """,
        campaign=campaign_id,
        hard=list(hard),
        without=list(not_tried),
        lately=_LATELY,
    )
    return tuple(DomainCount(row["domain"], int(row["attempted"]), int(row["hard"])) for row in found)


def new_contacts(
    connection: Connection, campaign_id: int, sweep: str, as_of: datetime, without: Collection[int] = ()
) -> NewContacts:
    """The recipients of a campaign that are not established: nothing is known to have been delivered to them before. Nobody is
    attempted whom Mailjet did not try, and erased contacts count no more. The arguments are those of ``established_by_domain``.
    """
    (row,) = fetch_all(
        connection,
        f"""
        {_KNOWN.format(failed=_FAILED)}
        select count(*) as attempted, count(*) filter (where k.is_hard) as hard
        from known k join contact_list_membership c using (contact_id)
        where not k.is_reached and not k.is_untried and not c.is_anonymised
        """,
        campaign=campaign_id,
        sweep=sweep,
        as_of=as_of,
        without=list(without),
        lately=_LATELY,
    )
    return NewContacts(int(row["attempted"]), int(row["hard"]))


def lock_counts(connection: Connection) -> None:
    """Wait until no other run counts; held until the transaction ends."""
    hold(connection, LockName.INCIDENTS)


def uncounted(connection: Connection, campaign_id: int) -> tuple[tuple[int, str], ...]:
    """The campaigns sent before this one whose failures were read whole and whose counts were never kept, oldest first, each
    with the latest complete reading."""
    found = fetch_all(
        connection,
        """
        select * from (
            select s.id, f.sweep, coalesce(s.send_start_at, s.send_end_at) as sent_at
            from campaign_schedule s join lateral (
                select sweep from bounce_fetch where campaign_id = s.id and is_complete order by fetched_at desc limit 1
            ) f on true
            where coalesce(s.send_start_at, s.send_end_at) < (
                select coalesce(send_start_at, send_end_at) from campaign_schedule where id = :campaign)
            order by sent_at desc, s.id desc limit :campaigns) newest
        where not exists (select 1 from incident_count where campaign_id = newest.id)
          -- A part of a campaign is not counted for the whole.
          and not exists (select 1 from summarised_campaign where campaign_id = newest.id)
        order by sent_at, id
        """,
        campaign=campaign_id,
        campaigns=CAMPAIGNS_REMEMBERED,
    )
    return tuple((int(row["id"]), str(row["sweep"])) for row in found)


def flagged_in(connection: Connection, campaign_ids: Collection[int]) -> Mapping[int, frozenset[Group]]:
    """The flagged groups of each of the campaigns that had any."""
    found = fetch_all(
        connection,
        "select campaign_id, kind, name from incident_count where campaign_id = any(:ids) and is_flagged",
        ids=list(campaign_ids),
    )
    groups: dict[int, set[Group]] = {}
    for row in found:
        groups.setdefault(int(row["campaign_id"]), set()).add(Group(GroupKind(row["kind"]), row["name"]))
    return {campaign_id: frozenset(names) for campaign_id, names in groups.items()}


def flag(connection: Connection, campaign_id: int, groups: Collection[Group]) -> None:
    """Flag further groups of a campaign, for another reason than their counts."""
    for group in groups:
        execute(
            connection,
            """
            insert into incident_count (campaign_id, kind, name, attempted, hard, is_flagged)
            values (:campaign, :kind, :name, 0, 0, true)
            on conflict (campaign_id, kind, name) do update set is_flagged = true
            """,
            campaign=campaign_id,
            kind=group.kind,
            name=group.name,
        )


_LAST_SEND = """
    with sends as materialized (
        select s.id as campaign_id, f.sweep, coalesce(s.send_start_at, s.send_end_at) as sent_at
        from campaign_schedule s join lateral (
            select sweep from bounce_fetch where campaign_id = s.id and is_complete order by fetched_at desc limit 1
        ) f on true
        where coalesce(s.send_start_at, s.send_end_at) <= :as_of and {since}
    )
    -- The newest send first, and in it one contact after the other, until somebody is found: at a domain that answers that is
    -- nearly the first one, at one that does not its own contacts are all that is read. The limits keep both in this order.
    select d.domain, found.sent_at
    from unnest(cast(:domains as text[])) d (domain) cross join lateral (
        select s.sent_at from (select * from sends order by sent_at desc offset 0) s cross join lateral (
            select 1 from (select contact_id from contact_list_membership
                           where domain = d.domain and not is_anonymised offset 0) c
            cross join lateral (
                select 1 from campaign_recipient r
                left join bounce_event b on b.campaign_id = r.campaign_id and b.sweep = s.sweep and b.contact_id = r.contact_id
                where r.campaign_id = s.campaign_id and r.contact_id = c.contact_id and {shows} limit 1) shown
            limit 1) somebody
        order by s.sent_at desc limit 1) found
"""
"""The start of the last send in which somebody at each of the ``:domains`` showed something."""


def last_reached(connection: Connection, domains: Collection[str], as_of: datetime) -> Mapping[str, datetime]:
    """The start of the last send that reached anybody at each of some domains (UTC), of those sent by then and read whole; a
    domain of which nobody was ever reached is missing."""
    if not domains:
        return {}
    found = fetch_all(
        connection,
        _LAST_SEND.format(since="true", shows="b.contact_id is null"),
        domains=sorted(domains),
        as_of=as_of,
    )
    return {str(row["domain"]): row["sent_at"] for row in found}


def domains_of_account(connection: Connection) -> frozenset[str]:
    """The domains of all contacts that we know, lower case."""
    found = fetch_all(
        connection,
        "select distinct domain from contact_list_membership where not is_anonymised",
    )
    return frozenset(str(row["domain"]) for row in found)


def last_answered(
    connection: Connection, domains: Collection[str], unanswered: Collection[str], since: datetime, as_of: datetime
) -> Mapping[str, datetime]:
    """The start of the last send, not before ``since``, in which anybody at each of some domains was answered by a server: was
    delivered to, or refused (UTC); a domain of which nobody was is missing. Sends count as for ``last_reached``.

    Args:
        unanswered: reasons of failures without an answer.
    """
    if not domains:
        return {}
    found = fetch_all(
        connection,
        _LAST_SEND.format(
            since="coalesce(s.send_start_at, s.send_end_at) >= :since",
            shows=f"""(b.contact_id is null
                       or (b.bounce_class not in ({_NOT_TRIED}, {_UNKNOWN}) and b.reason <> all(:unanswered)))""",
        ),
        domains=sorted(domains),
        unanswered=sorted(unanswered),
        since=since,
        as_of=as_of,
    )
    return {str(row["domain"]): row["sent_at"] for row in found}


def keep_counts(connection: Connection, campaign_id: int, counts: Iterable[PastCount]) -> None:
    """Keep the counts of a campaign (``core.incidents.strata.remembered``) instead of those of an earlier look at it."""
    execute(connection, "delete from incident_count where campaign_id = :campaign", campaign=campaign_id)
    copy_rows(
        connection,
        "incident_count",
        ("campaign_id", "kind", "name", "attempted", "hard", "is_flagged"),
        (
            (campaign_id, one.group.kind.value, one.group.name, one.attempted, one.hard, one.is_flagged)
            for one in counts
        ),
    )


def past_counts(connection: Connection, campaign_id: int) -> tuple[tuple[PastCount, ...], ...]:
    """The counts that were kept of the campaigns sent before this one, oldest first, each by group."""
    earlier = "< (select coalesce(send_start_at, send_end_at) from campaign_schedule where id = :campaign)"
    return _counts(connection, earlier, campaign=campaign_id)


def counts_until(connection: Connection, until: datetime) -> tuple[tuple[PastCount, ...], ...]:
    """The same of the campaigns that were sent by an instant."""
    return _counts(connection, "<= :until", until=until)


def _counts(connection: Connection, sent: str, **parameters: object) -> tuple[tuple[PastCount, ...], ...]:
    found = fetch_all(
        connection,
        f"""
        with before as (
            select s.id, coalesce(s.send_start_at, s.send_end_at) as sent_at from campaign_schedule s
            where coalesce(s.send_start_at, s.send_end_at) {sent}
              and exists (select 1 from incident_count where campaign_id = s.id)
            order by sent_at desc, s.id desc limit :campaigns)
        select b.id, i.kind, i.name, i.attempted, i.hard, i.is_flagged
        from before b join incident_count i on i.campaign_id = b.id
        order by b.sent_at, b.id, i.kind, i.name
        """,
        campaigns=CAMPAIGNS_REMEMBERED,
        **parameters,
    )
    return tuple(
        tuple(
            PastCount(
                Group(GroupKind(row["kind"]), row["name"]), row["attempted"], row["hard"], is_flagged=row["is_flagged"]
            )
            for row in rows
        )
        for _, rows in groupby(found, key=lambda row: row["id"])
    )
