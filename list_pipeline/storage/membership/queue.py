"""Who may move from a campaign list and who may enter one, in the order of the queues.

Belongs here: the conditions in SQL under which our rows offer a contact. Does not belong here: how many are needed and who of
those offered is taken (``core.rebalancing``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus
from list_pipeline.storage.campaigns.recipients import RECEIVED_CYCLE
from list_pipeline.storage.database import fetch_all, fetch_row, fetch_scalar, sql_list, sql_word
from list_pipeline.storage.membership.members import LIST_FLAG
from list_pipeline.storage.quarantine import is_excluded_for_good
from list_pipeline.storage.unreadable_rows import UNREADABLE_CONTACTS


@dataclass(frozen=True, slots=True)
class QueuedContact:
    """A contact's place in the queue of a list."""

    contact_id: int
    queued_at: datetime


HAS_SUPPRESSED_ADDRESS = """
    exists (select 1 from contact_suppression_history h
            where h.added_to_suppression_list and h.reinstated_at is null and h.address_key = c.address_key)
    or exists (select 1 from erased_person e where e.address_key = c.address_key and e.kept_off_because <> '{}')"""
"""Whether the address of the contact ``c`` was suppressed and not reinstated, or kept off the campaign lists, under any id."""


def balance_sizes(connection: Connection, without_plan: int | None = None) -> tuple[int, int, int]:
    """Members of the three campaign lists that could be mailed, those in quarantine among them: they are mailed again soon, and
    nobody is moved because of them. Who stands in two lists counts in both: the round of each mails it, and whoever reads the
    sizes of the lists, at Mailjet or in a report, sees it in both.

    Args:
        without_plan: as they would be if everybody was off them whom this plan would suppress, those it holds stay.
    """
    found = fetch_row(
        connection,
        "the sizes of the campaign lists",
        f"""
        select count(*) filter (where in_campaign_list_1) as first,
               count(*) filter (where in_campaign_list_2) as second,
               count(*) filter (where in_campaign_list_3) as third
        from contact_list_membership c
        where (in_campaign_list_1 or in_campaign_list_2 or in_campaign_list_3) and not is_unsubscribed
          and not {is_excluded_for_good("c")}
          and contact_id not in (select contact_id from plan_item where plan_id = cast(:plan as bigint)
                                 and action = {sql_word(ItemAction.SUPPRESS)} and not is_held)
        """,
        plan=without_plan,
    )
    return int(found["first"]), int(found["second"]), int(found["third"])


def queue_ends(
    connection: Connection, role: ListRole, oldest: int, newest: int, cycle: OpenCycle = OpenCycle()
) -> tuple[QueuedContact, ...]:
    """The first ``oldest`` and the last ``newest`` movable members of a campaign list, in the order of the queue.

    Not movable: whoever is unsubscribed, excluded (also by a quarantine), anonymised, suppressed under this id or another one
    of the same address, in two campaign lists, or has a row that cannot be read; and whoever got the open cycle although its
    list is still to be sent in it, or did not although it was: somebody else put it there.
    """
    flag = LIST_FLAG[role]
    others = " and ".join(f"not {LIST_FLAG[other]}" for other in CAMPAIGN_LISTS if other is not role)
    received = f"and {RECEIVED_CYCLE} = :is_sent" if cycle.number is not None else ""
    members = f"""
        select contact_id, queued_at from contact_list_membership c
        where {flag} and {others} and not is_unsubscribed and not is_excluded and not is_anonymised
          and not in_suppression_list and not is_complaining and contact_id not in ({UNREADABLE_CONTACTS})
          and not ({HAS_SUPPRESSED_ADDRESS}) {received}
    """
    found = fetch_all(
        connection,
        f"""
        select contact_id, queued_at from (
            (select * from ({members}) m order by queued_at, contact_id limit :oldest)
            union
            (select * from ({members}) m order by queued_at desc, contact_id desc limit :newest)) ends
        order by queued_at, contact_id
        """,
        oldest=oldest,
        newest=newest,
        **({"cycle": cycle.number, "is_sent": role in cycle.sent} if cycle.number is not None else {}),
    )
    return tuple(QueuedContact(**row) for row in found)


IN_MASTER_ALONE = """in_master_list and not in_campaign_list_1 and not in_campaign_list_2 and not in_campaign_list_3"""

_ENROLLABLE = f"""
    from contact_list_membership c
    where {IN_MASTER_ALONE}
      and not in_suppression_list and not is_unsubscribed and not is_excluded and not is_anonymised and not is_complaining
      and not exists (select 1 from suppressed_address s where s.address_key = c.address_key)
      and not exists (select 1 from erased_person e
                      where e.address_key = c.address_key and e.kept_off_because <> '{{}}')
      and c.contact_id not in ({UNREADABLE_CONTACTS})
"""


def _was_listed(*, despite_splits: bool = False) -> str:
    """Whether the contact ``c`` was on a campaign list before, as our rows and the recipients of past sends tell, under this id
    or an earlier one of the same address. An enrolment that we rolled back by ourselves does not count: nobody decided on it.

    Args:
        despite_splits: neither does one by a plan that divided a new audience and was taken back: whoever divides it anew means
            these contacts. Nobody else enrols them.
    """
    forgiven = f"p.kind = {sql_word(PlanKind.ROLLBACK)}"
    if despite_splits:
        forgiven = f"({forgiven} or o.kind = {sql_word(PlanKind.SPLIT)})"
    return f"""exists (
    select 1 from contact_list_membership o
    where o.address_key = c.address_key and (
        exists (select 1 from campaign_recipient r where r.contact_id = o.contact_id)
        or exists (
            select 1 from list_membership l where l.contact_id = o.contact_id
              and l.list_role in {sql_list(*CAMPAIGN_LISTS)}
              and not exists (
                  select 1 from change h join change_step a using (change_id) join plan o on o.plan_id = h.plan_id
                  join change b on b.reverses_change_id = h.change_id join plan p on p.plan_id = b.plan_id
                  where h.contact_id = l.contact_id and h.kind = {sql_word(ItemAction.ENROL)}
                    and a.list_role = l.list_role and {forgiven}))))"""


def is_planned(*kinds: PlanKind) -> str:
    """Whether a plan of these kinds would enrol the contact ``c``, and waits or is about to be carried out."""
    return f"""c.contact_id in (
    select i.contact_id from plan p join plan_item i using (plan_id)
    where i.action = {sql_word(ItemAction.ENROL)} and p.kind in {sql_list(*kinds)}
      and p.status in {sql_list(PlanStatus.PENDING_REVIEW, PlanStatus.APPROVED)})"""


WAS_LISTED, WAS_LISTED_DESPITE_SPLITS = _was_listed(), _was_listed(despite_splits=True)

_NEWCOMER = f"{_ENROLLABLE} and not {is_planned(PlanKind.SPLIT)} and not {WAS_LISTED}"
"""Whom a maintenance may enrol. Whoever a person divides over the lists is left to that plan."""


def with_suppressed_address(connection: Connection, contact_ids: Sequence[int]) -> frozenset[int]:
    """The contacts among these whose address was suppressed and not reinstated, under whatever id: a re-import is a new
    contact, also of somebody who was erased."""
    found = fetch_all(
        connection,
        f"select c.contact_id from contact_list_membership c where c.contact_id = any(:ids) and ({HAS_SUPPRESSED_ADDRESS})",
        ids=list(contact_ids),
    )
    return frozenset(int(row["contact_id"]) for row in found)


def count_newcomers(connection: Connection) -> int:
    """Contacts in master that may enter a campaign list: they are new, nobody took them off one."""
    return int(fetch_scalar(connection, "select count(*) " + _NEWCOMER))


def count_enrollable(connection: Connection) -> tuple[int, int]:
    """As ``count_newcomers`` and ``count_removed``, both at once: whether a contact was listed is looked up once for each."""
    found = fetch_row(
        connection,
        "the contacts in master alone",
        f"""
        select count(*) filter (where not was_listed and not is_planned) as newcomers,
               count(*) filter (where was_listed) as removed
        from (select {WAS_LISTED} as was_listed, {is_planned(PlanKind.SPLIT)} as is_planned {_ENROLLABLE} offset 0) enrollable
        """,
    )
    return int(found["newcomers"]), int(found["removed"])


def count_removed(connection: Connection) -> int:
    """Contacts in master and on no campaign list that were on one before: somebody took them off, so nobody puts them back."""
    return int(fetch_scalar(connection, f"select count(*) {_ENROLLABLE} and {WAS_LISTED}"))


def removed_among(
    connection: Connection, contact_ids: Sequence[int], *, despite_splits: bool = False
) -> frozenset[int]:
    """The contacts among these that are on no campaign list and were on one before.

    Args:
        despite_splits: those left out who were there by a plan alone that divided a new audience and was taken back.
    """
    listed = WAS_LISTED_DESPITE_SPLITS if despite_splits else WAS_LISTED
    found = fetch_all(
        connection,
        f"select c.contact_id {_ENROLLABLE} and {listed} and c.contact_id = any(:ids)",
        ids=list(contact_ids),
    )
    return frozenset(int(row["contact_id"]) for row in found)


def newcomers(connection: Connection, limit: int) -> tuple[QueuedContact, ...]:
    """The oldest contacts in master that may enter a campaign list."""
    found = fetch_all(
        connection,
        "select contact_id, queued_at " + _NEWCOMER + " order by queued_at, contact_id limit :limit",
        limit=limit,
    )
    return tuple(QueuedContact(**row) for row in found)
