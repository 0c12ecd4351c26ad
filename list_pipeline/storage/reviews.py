"""Questions to people: single ones found, decided and marked as done, overdue ones, and who waits because of them.

Belongs here: the rows of ``review_item`` once they were asked, and the view of contacts who wait. Does not belong here:
asking (``storage.plans``), and who may decide (``operations.reviews.decisions``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.incidents.groups import Group, GroupKind
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import CHANGING_ACTIONS, ItemAction, PlanKind, PlanStatus
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.questions import REVIEW_LIFE, ReviewKind, ReviewStatus, is_about_contacts
from list_pipeline.storage.database import (
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
    fetch_scalar,
    left_for,
    require_all,
    require_row,
    sql_list,
    sql_word,
)

_OPEN, _APPROVED = sql_word(ReviewStatus.OPEN), sql_word(ReviewStatus.APPROVED)
_PLAN, _INCIDENT = sql_word(ReviewKind.PLAN), sql_word(ReviewKind.INCIDENT)
_ABOUT_CONTACTS = f"""(r.kind in {sql_list(ReviewKind.INCIDENT, ReviewKind.FAILED_ITEM)}
                       or r.kind = {_PLAN} and r.contact_id is not null)"""
"""Questions about single contacts, as opposed to those about a whole plan and to news: ``is_about_contacts``."""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A question. ``contact_ids`` are those it is about: one, or all of an incident; none when it is about a whole plan.

    ``executed_at``: when what was approved was carried out. ``about``: what a finding is about, None where that is not noted.
    """

    review_id: int
    campaign_id: int | None
    plan_id: int | None
    kind: ReviewKind
    contact_ids: tuple[int, ...]
    summary: str
    status: ReviewStatus
    decided_at: datetime | None
    decided_by: str | None
    executed_at: datetime | None
    about: str | None = None
    decided_via: Way | None = None

    @property
    def is_about_contacts(self) -> bool:
        """Whether it can be decided without deciding on a whole plan."""
        return is_about_contacts(self.kind, bool(self.contact_ids))


@dataclass(frozen=True, slots=True)
class OpenReview:
    """An entry of the review queue that nobody has decided, beside its campaign and the content hash of its plan.

    ``contact_id`` is None where it is about a whole plan, or about several contacts. ``contacts``: how many it is about, 0
    for a whole plan.
    """

    review_id: int
    campaign_id: int | None
    plan_id: int | None
    contact_id: int | None
    kind: ReviewKind
    summary: str
    created_at: datetime
    campaign_key: str | None
    content_hash: str | None
    contacts: int

    @property
    def is_about_contacts(self) -> bool:
        """Whether it can be decided without deciding on a whole plan."""
        return is_about_contacts(self.kind, self.contact_id is not None)

    def is_alone(self, waiting_plans: Collection[int]) -> bool:
        """Whether it is decided by itself: whom a plan that waits as a whole is in doubt about is decided with it, who is held
        because of an incident is not."""
        return self.is_about_contacts and (self.kind is not ReviewKind.PLAN or self.plan_id not in waiting_plans)


@dataclass(frozen=True, slots=True)
class WaitingContact:
    """A contact that waits for a decision: the plan's intention, and since when (UTC)."""

    contact_id: int
    plan_id: int
    kind: PlanKind
    action: ItemAction
    campaign_key: str | None
    waiting_since: datetime


_WAITS = sql_word(PlanStatus.PENDING_REVIEW)
_COLUMNS = """r.review_id, r.campaign_id, r.plan_id, r.kind, r.contact_id, r.details, r.summary, r.status, r.decided_at,
              r.decided_by, r.executed_at, r.decided_via"""


def review_by_id(connection: Connection, review_id: int) -> ReviewItem | None:
    """A question, or None."""
    row = fetch_one(connection, f"select {_COLUMNS} from review_item r where r.review_id = :id", id=review_id)
    return _review(row) if row is not None else None


def _review(row: RowMapping) -> ReviewItem:
    values = dict(row)
    contact_id, details = values.pop("contact_id"), values.pop("details")
    found: Sequence[Any] = [contact_id] if contact_id is not None else details.get("contact_ids", ())
    via = values["decided_via"]
    values |= {
        "kind": ReviewKind(values["kind"]),
        "status": ReviewStatus(values["status"]),
        "decided_via": Way(via) if via else None,
    }
    about = details.get("about", details.get("kind"))
    return ReviewItem(**values, contact_ids=tuple(map(int, found)), about=about)


def open_reviews(connection: Connection, campaign_id: int | None = None) -> tuple[OpenReview, ...]:
    """The entries that nobody has decided yet, oldest first; all, or those of a campaign."""
    found = fetch_all(
        connection,
        f"""
        select r.review_id, r.campaign_id, r.plan_id, r.contact_id, r.kind, r.summary, r.created_at, s.campaign_key,
               p.content_hash,
               case when r.contact_id is not null then 1
                    else coalesce(jsonb_array_length(r.details -> 'contact_ids'), 0) end as contacts
        from review_item r
        left join campaign_schedule s on s.id = r.campaign_id left join plan p on p.plan_id = r.plan_id
        where r.status = {_OPEN} and (cast(:campaign as int) is null or r.campaign_id = :campaign) order by r.review_id
        """,
        campaign=campaign_id,
    )
    return tuple(OpenReview(**{**row, "kind": ReviewKind(row["kind"])}) for row in found)


def decide_review(
    connection: Connection,
    review_id: int,
    status: ReviewStatus,
    by: str,
    note: str | None,
    now: datetime,
    via: Way | None = None,
) -> ReviewItem:
    """Write the decision on a question that is open. Returns the question as it is now.

    Raises:
        StateChangedError: somebody else decided in between.
    """
    row = fetch_one(
        connection,
        f"""update review_item r set status = :status, decided_at = :now, decided_by = :by, note = :note, decided_via = :via
            where r.review_id = :id and r.status in {left_for(REVIEW_LIFE, status, ReviewStatus.OPEN)}
            returning {_COLUMNS}""",
        id=review_id,
        status=status,
        by=by,
        note=note,
        now=now,
        via=via,
    )
    return _review(require_row(row, f"Making question {review_id} {status.value}"))


def decide_about_plan(
    connection: Connection,
    plan_id: int,
    status: ReviewStatus,
    by: str,
    note: str | None,
    now: datetime,
    via: Way | None = None,
) -> int:
    """Close what is asked about a plan as a whole and its contacts below the automatic band; how many were open."""
    return execute(
        connection,
        f"""
        update review_item set status = :status, decided_at = :now, decided_by = :by, note = :note, decided_via = :via
        where plan_id = :plan and kind = {_PLAN} and status in {left_for(REVIEW_LIFE, status, ReviewStatus.OPEN)}
        """,
        via=via,
        plan=plan_id,
        status=status,
        by=by,
        note=note,
        now=now,
    )


def close_questions(
    connection: Connection,
    plan_id: int,
    status: ReviewStatus,
    by: str,
    note: str | None,
    now: datetime,
    via: Way | None = None,
) -> int:
    """Close what a plan asked when the plan itself is turned down or expires. What was approved and not yet done is withdrawn,
    and stays approved by whoever approved it. Returns how many were closed.

    What failed stays open: it says how the lists are, whatever became of the plan.
    """
    withdrawn = execute(
        connection,
        f"""
        update review_item set status = :status, withdrawn_at = :now, withdrawn_by = :by
        where plan_id = :plan and kind in ({_PLAN}, {_INCIDENT}) and executed_at is null
          and status in {left_for(REVIEW_LIFE, ReviewStatus.WITHDRAWN, ReviewStatus.APPROVED)}
        """,
        plan=plan_id,
        status=ReviewStatus.WITHDRAWN,
        by=by,
        now=now,
    )
    return withdrawn + execute(
        connection,
        f"""
        update review_item set status = :status, decided_at = :now, decided_by = :by, note = :note, decided_via = :via
        where plan_id = :plan and kind in ({_PLAN}, {_INCIDENT}) and executed_at is null
          and status in {left_for(REVIEW_LIFE, status, ReviewStatus.OPEN)}
        """,
        via=via,
        plan=plan_id,
        status=status,
        by=by,
        note=note,
        now=now,
    )


def waiting_plans(connection: Connection) -> Mapping[int, datetime]:
    """Plans that wait for a person, oldest first, with the instant at which people were asked (UTC)."""
    found = fetch_all(
        connection,
        f"""
        select p.plan_id, coalesce(
            (select max(r.created_at) from review_item r
             where r.plan_id = p.plan_id and r.kind = {_PLAN} and r.contact_id is null), p.created_at) as asked_at
        from plan p where p.status = {_WAITS} order by p.plan_id
        """,
    )
    return {int(row["plan_id"]): row["asked_at"] for row in found}


def lists_of_plan(connection: Connection, plan_id: int) -> frozenset[ListRole]:
    """The campaign lists that a plan concerns: those that contacts leave or join by it, and those they stand on."""
    found = fetch_all(
        connection,
        f"""
        select unnest(array[i.from_role, i.to_role]) as list_role from plan_item i
        where i.plan_id = :plan and i.action in {sql_list(*CHANGING_ACTIONS)}
        union
        select m.list_role from plan_item i join list_membership m using (contact_id)
        where i.plan_id = :plan and m.left_at is null and i.action in {sql_list(*CHANGING_ACTIONS)}
        """,
        plan=plan_id,
    )
    return frozenset(ListRole(row["list_role"]) for row in found if row["list_role"] is not None) & set(CAMPAIGN_LISTS)


def expire_questions(
    connection: Connection, before: datetime, incidents_before: datetime, now: datetime
) -> tuple[int, ...]:
    """Expire open questions about suppressing single contacts that were asked before an instant (UTC), and those about
    incidents asked before another one; their numbers.

    Those of a plan that waits go with their plan, and what failed stays open.
    """
    found = fetch_all(
        connection,
        f"""
        update review_item r set status = :expired, decided_at = :now, decided_by = 'nobody'
        from plan p
        where p.plan_id = r.plan_id and p.status <> {_WAITS}
          and r.status in {left_for(REVIEW_LIFE, ReviewStatus.EXPIRED, ReviewStatus.OPEN)}
          and (r.kind = {_INCIDENT} and r.created_at < :incidents_before
               or r.kind = {_PLAN} and r.contact_id is not null and r.created_at < :before)
        returning r.review_id
        """,
        expired=ReviewStatus.EXPIRED,
        before=before,
        incidents_before=incidents_before,
        now=now,
    )
    return tuple(sorted(int(row["review_id"]) for row in found))


def approved_items(connection: Connection, plan_id: int) -> tuple[ReviewItem, ...]:
    """Questions about single contacts of a plan that were approved and not carried out yet, oldest first."""
    found = fetch_all(
        connection,
        f"""select {_COLUMNS} from review_item r
            where r.plan_id = :plan and r.status = {_APPROVED} and r.executed_at is null and {_ABOUT_CONTACTS}
            order by r.review_id""",
        plan=plan_id,
    )
    return tuple(_review(row) for row in found)


def asked_as_failed(connection: Connection, plan_id: int) -> frozenset[int]:
    """Contacts of a plan about whom people were asked because they failed, whatever became of the question."""
    found = fetch_all(
        connection,
        f"""select {_COLUMNS} from review_item r
            where r.plan_id = :plan and r.kind = {sql_word(ReviewKind.FAILED_ITEM)}""",
        plan=plan_id,
    )
    return frozenset(contact_id for row in found for contact_id in _review(row).contact_ids)


def resolve_job(connection: Connection, job_id: int, note: str, now: datetime) -> None:
    """What people were told of a bulk job that did not end is over."""
    execute(
        connection,
        f"""
        update review_item set status = :resolved, decided_at = :now, decided_by = 'maintenance', note = :note
        where kind = {sql_word(ReviewKind.FINDING)} and details ->> 'bulk_job' = :job
          and status in {left_for(REVIEW_LIFE, ReviewStatus.RESOLVED)}
        """,
        resolved=ReviewStatus.RESOLVED,
        job=str(job_id),
        note=note,
        now=now,
    )


def replace_incident(connection: Connection, campaign_id: int, group: Group, plan_id: int, now: datetime) -> None:
    """An incident is asked about anew, with new figures: what was asked about it after an earlier look is over."""
    execute(
        connection,
        f"""
        update review_item set status = :resolved, decided_at = :now, decided_by = 'maintenance', note = :note
        where campaign_id = :campaign and kind = {_INCIDENT} and plan_id <> :plan
          and coalesce(details ->> 'group', details ->> 'domain') = :group
          and coalesce(details ->> 'kind', :domain) = :kind
          and status in {left_for(REVIEW_LIFE, ReviewStatus.RESOLVED, ReviewStatus.OPEN)}
        """,
        resolved=ReviewStatus.RESOLVED,
        campaign=campaign_id,
        plan=plan_id,
        group=group.name,
        kind=group.kind,
        domain=GroupKind.DOMAIN,
        note=f"more contacts belong to it: asked anew with plan {plan_id}",
        now=now,
    )


def asked_of_other_looks(connection: Connection, plan_id: int) -> frozenset[int]:
    """Contacts about whose failure people were asked after another look at a plan's campaign, for a plan of the same kind, and
    have not decided."""
    found = fetch_all(
        connection,
        f"""select {_COLUMNS} from review_item r join plan o on o.plan_id = r.plan_id
            join plan p on p.campaign_id = o.campaign_id and p.kind = o.kind and p.plan_id <> o.plan_id
            where p.plan_id = :plan and r.kind = {sql_word(ReviewKind.FAILED_ITEM)} and r.status = {_OPEN}""",
        plan=plan_id,
    )
    return frozenset(contact_id for row in found for contact_id in _review(row).contact_ids)


def waiting_rebalancings(connection: Connection, except_plan: int) -> tuple[int, ...]:
    """Rebalancing plans that wait for a person, one left out, oldest first."""
    found = fetch_all(
        connection,
        f"""select plan_id from plan where kind = {sql_word(PlanKind.REBALANCING)} and status = {_WAITS}
            and plan_id <> :plan order by plan_id""",
        plan=except_plan,
    )
    return tuple(int(row["plan_id"]) for row in found)


def plans_to_continue(connection: Connection) -> Mapping[int, datetime]:
    """Executed plans with approved questions that were not carried out, each with the newest approval's instant (UTC)."""
    found = fetch_all(
        connection,
        f"""
        select r.plan_id, max(r.decided_at) as decided_at from review_item r join plan p using (plan_id)
        where p.status = {sql_word(PlanStatus.EXECUTED)} and r.status = {_APPROVED} and r.executed_at is null
          and {_ABOUT_CONTACTS}
        group by r.plan_id order by r.plan_id
        """,
    )
    return {int(row["plan_id"]): row["decided_at"] for row in found}


def mark_executed(connection: Connection, review_ids: Sequence[int], now: datetime) -> None:
    """Note that approved questions were carried out.

    Raises:
        StateChangedError: the approval of one was withdrawn, or somebody else noted it.
    """
    touched = execute(
        connection,
        f"""update review_item set executed_at = :now
            where review_id = any(:ids) and status = {_APPROVED} and executed_at is null""",
        ids=list(review_ids),
        now=now,
    )
    require_all(touched, len(review_ids), "Noting that approved questions were carried out")


def was_rolled_back(connection: Connection, plan_id: int) -> bool:
    """Whether changes of a plan were taken back."""
    return bool(
        fetch_scalar(
            connection,
            """select exists (select 1 from change c join change r on r.reverses_change_id = c.change_id
                              where c.plan_id = :plan)""",
            plan=plan_id,
        )
    )


def campaign_key_of(connection: Connection, plan_id: int) -> str:
    """The campaign of a plan in words: its key, or the plan's number."""
    row = fetch_row(
        connection,
        f"plan {plan_id}",
        """select coalesce(s.campaign_key, 'plan ' || p.plan_id) as name from plan p
           left join campaign_schedule s on s.id = p.campaign_id where p.plan_id = :plan""",
        plan=plan_id,
    )
    return str(row["name"])


def contacts_waiting(connection: Connection) -> tuple[WaitingContact, ...]:
    """All contacts that wait for a decision, by plan and contact."""
    found = fetch_all(
        connection,
        """
        select w.contact_id, w.plan_id, w.kind, w.action, s.campaign_key, w.waiting_since from contact_waiting w
        left join campaign_schedule s on s.id = w.campaign_id order by w.plan_id, w.contact_id
        """,
    )
    return tuple(
        WaitingContact(**{**row, "kind": PlanKind(row["kind"]), "action": ItemAction(row["action"])}) for row in found
    )
