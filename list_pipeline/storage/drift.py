"""Reconciliations: comparing what was read whole with our rows, and their findings.

Belongs here: the comparison in sets, by contact id and by case-folded address, and the rows it leaves. Does not belong
here: what a difference means (``core.drift.findings``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.drift.findings import Finding, Standing
from list_pipeline.core.drift.mass_changes import PUT_BACK
from list_pipeline.core.lists import ListRole
from list_pipeline.core.monitoring.stuck_sessions import LockName
from list_pipeline.core.plans.journal import OPEN_JOBS, UNSETTLED, StepAction, StepState
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.questions import REVIEW_LIFE, ReviewKind, ReviewStatus
from list_pipeline.storage.database import (
    copy_rows,
    execute,
    fetch_all,
    fetch_one,
    fetch_scalar,
    left_for,
    require_all,
    sql_list,
    sql_word,
    to_json,
)
from list_pipeline.storage.lock import is_held
from list_pipeline.storage.stuck_sessions import hold
from list_pipeline.storage.unreadable_rows import UNREADABLE_CONTACTS

_DRIFT, _ASKED = sql_word(ReviewKind.DRIFT), sql_word(ReviewStatus.OPEN)
_CAMPAIGN = "('campaign_1', 'campaign_2', 'campaign_3')"


# Comparing


def reading_token(connection: Connection) -> tuple[int, int, int]:
    """Differs when a bulk job or a sync came in between: what was read meanwhile must not be compared."""
    row = fetch_one(
        connection,
        f"""
        select (select coalesce(max(job_id), 0) from mailjet_job) as job,
               (select count(*) from mailjet_job where state in {sql_list(*OPEN_JOBS)}) as open,
               (select coalesce(max(sync_run_id), 0) from sync_run) as sync
        """,
    )
    return (int(row["job"]), int(row["open"]), int(row["sync"])) if row is not None else (0, 0, 0)


def compare(
    session: Connection, started_at: datetime, nameless: Collection[ListRole | None] = ()
) -> tuple[Standing, ...]:
    """Contacts that differ from what the session's staging tables hold, or break a rule there; those that cannot be read are
    left out.

    Args:
        nameless: lists with an entry that does not say whose it is, which may be anybody's who was not seen there; None: so the
            excluded contacts.
        session: holds the five lists whole, the excluded contacts, and the addresses of contacts that we do not know.
        started_at: when the reading began (UTC); rows of ours that came or went later are left out.
    """
    # Its key begins with the list; looked up by contact, a drift of thousands would read everything thousands of times.
    execute(session, "create index on seen_recipient (contact_id)")
    execute(session, "drop table if exists drifting")
    execute(
        session,
        """create temporary table drifting (contact_id bigint primary key, suppressed_as bigint,
           has_unsubscribed boolean not null)""",
    )
    execute(
        session,
        f"""
        insert into drifting (contact_id, suppressed_as, has_unsubscribed)
        with address as (
            select contact_id, address_key(email) as address_key from seen_contact
            where not is_anonymised and not is_unreadable
            union select contact_id, address_key from contact_list_membership where not is_anonymised),
        confirmed as ({_CONFIRMED}),
        suppressed as (
            select a.address_key, min(a.contact_id) as contact_id from address a
            join seen_recipient r on r.contact_id = a.contact_id and r.list_role = 'suppression' group by a.address_key
            union select address_key, min(contact_id) from confirmed group by address_key
            union select address_key, min(pseudonym) from erased_person
            where kept_off_because && array['suppressed', 'complained'] group by address_key),
        listed as (
            select distinct r.contact_id, a.address_key from seen_recipient r left join address a using (contact_id)
            where r.list_role in {_CAMPAIGN}),
        place as (
            select coalesce(o.contact_id, t.contact_id) as contact_id
            from (select list_role, contact_id, is_unsubscribed, first_seen_at from list_membership
                  where left_at is null) o
            full join seen_recipient t using (list_role, contact_id)
            where (t.contact_id is null and o.first_seen_at <= :started and o.list_role <> all(:nameless))
               or o.contact_id is null
               or o.is_unsubscribed <> t.is_unsubscribed),
        recently_left as (select contact_id from list_membership where left_at > :started),
        exclusion as (
            select c.contact_id from contact_list_membership c
            left join seen_contact s on s.contact_id = c.contact_id and s.is_excluded
            where not c.is_anonymised and c.is_excluded <> (s.contact_id is not null)
              and (:all_named or s.contact_id is not null)),
        twice as (
            select contact_id from seen_recipient where list_role in {_CAMPAIGN} group by contact_id having count(*) > 1),
        undone as (
            select h.contact_id from confirmed h join contact_list_membership c using (contact_id)
            where not c.is_anonymised and 'suppression' <> all(:nameless) and not exists (
                select 1 from seen_recipient r where r.contact_id = h.contact_id and r.list_role = 'suppression')),
        reentered as (
            select l.contact_id, min(s.contact_id) as suppressed_as from listed l
            join suppressed s on s.address_key = l.address_key and s.contact_id <> l.contact_id group by l.contact_id),
        unsubscribed as ({_UNSUBSCRIBED}),
        suppressed_and_listed as (
            select l.contact_id from listed l
            join seen_recipient r on r.contact_id = l.contact_id and r.list_role = 'suppression'),
        everybody as (
            select contact_id from place where contact_id not in (select contact_id from recently_left)
            union select contact_id from exclusion union select contact_id from twice union select contact_id from undone
            union select contact_id from reentered union select contact_id from suppressed_and_listed
            union select contact_id from unsubscribed)
        select e.contact_id, r.suppressed_as, e.contact_id in (select contact_id from unsubscribed)
        from everybody e left join reentered r using (contact_id)
        where e.contact_id not in ({UNREADABLE_CONTACTS})
          and not exists (select 1 from seen_recipient u where u.contact_id = e.contact_id and u.is_unreadable)
          and not exists (select 1 from seen_contact u where u.contact_id = e.contact_id and u.is_unreadable)
        """,
        started=started_at,
        nameless=[role.value for role in nameless if role is not None],
        all_named=None not in nameless,
    )
    is_worked_on = is_held(session)
    return tuple(_standing(row, is_worked_on) for row in fetch_all(session, _STANDINGS))


_OPEN, _IN_EFFECT = sql_list(*UNSETTLED), sql_word(StepState.CONFIRMED)
_ADD, _REMOVE = sql_word(StepAction.ADD), sql_word(StepAction.REMOVE)

# Suppressions that our journal confirmed and that nobody took back.
_CONFIRMED = f"""
    select h.contact_id, h.address_key from contact_suppression_history h
    where h.added_to_suppression_list and h.reinstated_at is null
      and not exists (select 1 from change_step s where s.change_id = h.change_id and s.action = {_ADD}
                      and s.state = {sql_word(StepState.COMPENSATED)} offset 0)
"""

# Who is subscribed on a campaign list and unsubscribed anywhere, ever: on an entry that Mailjet shows, on one that we remember
# and that does not say subscribed now, or by an unsubscription that is kept, also under another id of the same address.
_UNSUBSCRIBED = f"""
    select l.contact_id from listed l
    where exists (select 1 from seen_recipient r where r.contact_id = l.contact_id and r.list_role in {_CAMPAIGN}
                    and not r.is_unsubscribed)
      and (exists (select 1 from seen_recipient r where r.contact_id = l.contact_id and r.is_unsubscribed)
        or exists (
            select 1 from list_membership o where o.contact_id = l.contact_id and o.is_unsubscribed and not exists (
                select 1 from seen_recipient r where r.list_role = o.list_role and r.contact_id = o.contact_id
                   and r.recipient_id = o.recipient_id and not r.is_unsubscribed))
        or l.address_key in (select c.address_key from kept_unsubscription k
                             join contact_list_membership c using (contact_id) where k.taken_back_at is null))
"""

_STANDINGS = f"""
    select d.contact_id, d.suppressed_as, d.has_unsubscribed, m.contact_id is not null as is_known,
           coalesce(m.is_excluded, false) as excluded_ours,
           exists (select 1 from seen_contact s where s.contact_id = d.contact_id and s.is_excluded) as excluded_theirs,
           coalesce(m.is_anonymised, false) as is_anonymised,
           ours.roles as ours, ours.unsubscribed as unsubscribed_ours,
           theirs.roles as theirs, theirs.unsubscribed as unsubscribed_theirs, theirs.first_on,
           steps.open_removals, coalesce(steps.is_under_way, false) as is_under_way, steps.confirmed_adds,
           steps.last_added_to,
           exists (select 1 from ({_CONFIRMED}) h where h.contact_id = d.contact_id) as was_suppressed
    from drifting d left join contact_list_membership m using (contact_id)
    cross join lateral (
        select array_agg(list_role) as roles, array_agg(list_role) filter (where is_unsubscribed) as unsubscribed
        from list_membership l where l.contact_id = d.contact_id and l.left_at is null) ours
    cross join lateral (
        select array_agg(r.list_role) as roles, array_agg(r.list_role) filter (where r.is_unsubscribed) as unsubscribed,
               (array_agg(r.list_role order by l.first_seen_at, r.recipient_id)
                   filter (where r.list_role in {_CAMPAIGN}))[1] as first_on
        from seen_recipient r
        left join list_membership l on l.contact_id = r.contact_id and l.list_role = r.list_role and l.left_at is null
        where r.contact_id = d.contact_id) theirs
    cross join lateral (
        select array_agg(s.list_role) filter (where s.action = {_REMOVE} and s.state in {_OPEN}) as open_removals,
               bool_or(s.state in {_OPEN}) as is_under_way,
               array_agg(s.list_role) filter (where s.action = {_ADD} and s.state = {_IN_EFFECT}) as confirmed_adds,
               (array_agg(s.list_role order by s.changed_at desc, s.change_id desc)
                   filter (where s.action = {_ADD} and s.state = {_IN_EFFECT} and s.list_role in {_CAMPAIGN}))[1]
                   as last_added_to
        from change c join change_step s using (change_id) where c.contact_id = d.contact_id) steps
    order by d.contact_id
"""


def _standing(row: RowMapping, is_worked_on: bool) -> Standing:
    return Standing(
        contact_id=int(row["contact_id"]),
        is_known=bool(row["is_known"]),
        ours=_roles(row["ours"]),
        theirs=_roles(row["theirs"]),
        unsubscribed_ours=_roles(row["unsubscribed_ours"]),
        unsubscribed_theirs=_roles(row["unsubscribed_theirs"]),
        excluded_ours=bool(row["excluded_ours"]),
        excluded_theirs=bool(row["excluded_theirs"]),
        open_removals=_roles(row["open_removals"]),
        is_under_way=bool(row["is_under_way"]),
        is_stopped=bool(row["is_under_way"]) and not is_worked_on,
        confirmed_adds=_roles(row["confirmed_adds"]),
        was_suppressed=bool(row["was_suppressed"]),
        suppressed_as=int(row["suppressed_as"]) if row["suppressed_as"] is not None else None,
        has_unsubscribed=bool(row["has_unsubscribed"]),
        last_added_to=ListRole(row["last_added_to"]) if row["last_added_to"] else None,
        first_on=ListRole(row["first_on"]) if row["first_on"] else None,
        exists=False if row["is_anonymised"] else True if row["theirs"] else None,
    )


def _roles(values: Sequence[str] | None) -> frozenset[ListRole]:
    return frozenset(ListRole(value) for value in values or ())


def contacts_read(session: Connection) -> int:
    """Contacts that the session's staging tables hold a place of."""
    return int(fetch_scalar(session, "select count(distinct contact_id) from seen_recipient"))


# What a reconciliation leaves


def begin(connection: Connection, run_id: str | None, now: datetime) -> int:
    """Note that a reconciliation begins, and return its number."""
    return int(
        fetch_scalar(
            connection,
            "insert into reconciliation (started_at, run_id) values (:now, :run) returning reconciliation_id",
            now=now,
            run=run_id,
        )
    )


def one_writer(connection: Connection) -> None:
    """Until this transaction ends nobody else writes findings: two at once would propose everything twice."""
    hold(connection, LockName.DRIFT)


def finish(
    connection: Connection, reconciliation_id: int, *, contacts: int, requests: int, own_work: int, now: datetime
) -> None:
    """The findings are written."""
    execute(
        connection,
        """
        update reconciliation set finished_at = :now, contacts_compared = :contacts, requests = :requests,
               own_work = :own_work where reconciliation_id = :id
        """,
        id=reconciliation_id,
        contacts=contacts,
        requests=requests,
        own_work=own_work,
        now=now,
    )


def set_requests(connection: Connection, reconciliation_id: int, requests: int) -> None:
    """Count also the requests of the sync that followed."""
    execute(
        connection,
        "update reconciliation set requests = :requests where reconciliation_id = :id",
        id=reconciliation_id,
        requests=requests,
    )


def add_findings(
    connection: Connection, reconciliation_id: int, findings: Sequence[Finding], plan_of: Mapping[Finding, int]
) -> None:
    """Write findings, each with the plan that proposes its repair."""
    columns = ("contact_id", "list_role", "kind", "ours", "theirs", "explanation", "is_like_our_work")
    copy_rows(
        connection,
        "reconciliation_finding",
        ("reconciliation_id", "plan_id", *columns),
        (
            (reconciliation_id, plan_of.get(finding), *(_plain(getattr(finding, name)) for name in columns))
            for finding in findings
        ),
    )


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def findings_of(connection: Connection, reconciliation_id: int) -> Sequence[RowMapping]:
    """The findings of a reconciliation by kind and contact."""
    return fetch_all(
        connection,
        "select * from reconciliation_finding where reconciliation_id = :id order by kind, contact_id, list_role",
        id=reconciliation_id,
    )


def latest(connection: Connection) -> RowMapping | None:
    """The newest reconciliation that finished, or None."""
    return fetch_one(
        connection,
        "select * from reconciliation where finished_at is not null order by reconciliation_id desc limit 1",
    )


def found_last_time(connection: Connection) -> frozenset[tuple[int, str]]:
    """Contact and kind of everything that the newest finished reconciliation found."""
    found = fetch_all(
        connection,
        """
        select distinct contact_id, kind from reconciliation_finding
        where reconciliation_id = (select max(reconciliation_id) from reconciliation where finished_at is not null)
        """,
    )
    return frozenset((int(row["contact_id"]), str(row["kind"])) for row in found)


def proposed(connection: Connection, statuses: Collection[PlanStatus]) -> Mapping[tuple[int, str], int]:
    """Contact and rule of every item of a repair plan in one of the statuses, with the plan's number; repairs of mass changes,
    which a person asked for, are left out."""
    found = fetch_all(
        connection,
        """
        select i.contact_id, i.rule, max(p.plan_id) as plan_id from plan p join plan_item i using (plan_id)
        where p.kind = 'repair' and p.status = any(:statuses) and i.rule <> :put_back group by i.contact_id, i.rule
        """,
        put_back=PUT_BACK,
        statuses=[status.value for status in statuses],
    )
    return {(int(row["contact_id"]), str(row["rule"])): int(row["plan_id"]) for row in found}


# Telling people


def open_drift_items(connection: Connection) -> Sequence[RowMapping]:
    """Review items about drift that nobody closed: ``review_id``, ``summary``, ``details``."""
    return fetch_all(
        connection, f"select review_id, summary, details from review_item where kind = {_DRIFT} and status = {_ASKED}"
    )


def add_drift_item(connection: Connection, summary: str, details: Mapping[str, Any], now: datetime) -> None:
    """Tell people of drift; the caller makes sure that it is told once."""
    execute(
        connection,
        f"""
        insert into review_item (kind, summary, details, created_at)
        values ({_DRIFT}, :summary, cast(:details as jsonb), :now)
        """,
        summary=summary,
        details=to_json(details),
        now=now,
    )


def close_drift_items(
    connection: Connection, review_ids: Sequence[int], status: ReviewStatus, by: str, note: str | None, now: datetime
) -> None:
    """Close review items about drift that are open.

    Raises:
        StateChangedError: somebody else closed one of them in between; none is closed.
    """
    touched = execute(
        connection,
        f"""
        update review_item set status = :status, decided_at = :now, decided_by = :by, note = :note
        where review_id = any(:ids) and kind = {_DRIFT} and status in {left_for(REVIEW_LIFE, status, ReviewStatus.OPEN)}
        """,
        ids=list(review_ids),
        status=status,
        by=by,
        note=note,
        now=now,
    )
    require_all(touched, len(review_ids), f"Making notes about drift {status.value}")


def own_work_found_since(connection: Connection, since: datetime) -> int | None:
    """The most contacts that a reconciliation since an instant took for our own work; None when none finished since."""
    found = fetch_scalar(
        connection,
        "select max(own_work) from reconciliation where finished_at is not null and started_at >= :since",
        since=since,
    )
    return None if found is None else int(found)
