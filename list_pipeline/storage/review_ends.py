"""Questions whose occasion is over: each kind of question that can end by itself, with the condition in SQL.

Belongs here: those conditions, on our rows as the last look at Mailjet left them. Does not belong here: closing and telling
(``operations.reviews.findings``), and drift that the reconciliation finds no more (``storage.drift``).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from list_pipeline.core.campaigns.odd_sends import OddSend
from list_pipeline.core.drift.findings import DriftKind
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus
from list_pipeline.core.reviews.policy import REVIEWS
from list_pipeline.core.reviews.questions import MISSING_ROUND, OTHER_SPELLING, ROUND_DOUBT, ReviewKind, ReviewStatus
from list_pipeline.storage.database import fetch_all, sql_list, sql_word
from list_pipeline.storage.quarantine import is_excluded_for_good


@dataclass(frozen=True, slots=True)
class EndedQuestion:
    """A question whose occasion is over, and why, as the end of a sentence."""

    review_id: int
    campaign_id: int | None
    summary: str
    why: str


def _about(kind: str) -> str:
    return f"r.kind = {sql_word(ReviewKind.FINDING)} and r.details ->> 'about' = '{kind}'"


def _drift(kind: DriftKind) -> str:
    return f"r.kind = {sql_word(ReviewKind.DRIFT)} and r.details ->> 'kind' = {sql_word(kind)}"


def _of_all(condition: str) -> str:
    """A condition on every contact ``c`` that a question names; one that names nobody, or somebody unknown, has none."""
    return f"""(select coalesce(bool_and(c.contact_id is not null and ({condition})), false)
        from (select r.contact_id as named where r.contact_id is not null
              union select cast(jsonb_array_elements_text(r.details -> 'contact_ids') as bigint)) n
        left join contact_list_membership c on c.contact_id = n.named)"""


def _on(role: str) -> str:
    return f"""exists (select 1 from list_membership m
        where m.contact_id = c.contact_id and m.left_at is null and m.list_role {role})"""


_GONE = "(c.is_anonymised or c.in_suppression_list)"
_SUPPRESSED = (
    f"(c.is_anonymised or c.in_suppression_list and c.is_excluded and not {_on(f'in {sql_list(*CAMPAIGN_LISTS)}')})"
)
_PLACED = f"""({_GONE} or exists (
    select 1 from plan_item i where i.plan_id = r.plan_id and i.contact_id = c.contact_id
      and i.action in {sql_list(ItemAction.MOVE, ItemAction.ENROL)} and {_on("= i.to_role")}
      and (i.from_role is null or not {_on("= i.from_role")})))"""
_MAILED_AGAIN = f"""exists (
    select 1 from campaign_recipient a join campaign_schedule n on n.id = a.campaign_id
    where a.contact_id = c.contact_id
      and coalesce(n.send_start_at, n.send_end_at) >= coalesce(s.send_start_at, s.send_end_at)
          + interval '{REVIEWS.incident_answered_after.days} days'
      and exists (select 1 from bounce_fetch f where f.campaign_id = n.id and f.is_complete))"""
_EXCLUDED = is_excluded_for_good("c")
"""For good, as far as anybody knows: a quarantine ends, and the question goes on."""
_NOT_MAILED = f"({_EXCLUDED} or not {_on(f'in {sql_list(*CAMPAIGN_LISTS)}')})"
_ABOUT_CONTACTS = f"""p.status <> {sql_word(PlanStatus.PENDING_REVIEW)}
    and (r.kind in {sql_list(ReviewKind.INCIDENT, ReviewKind.FAILED_ITEM)}
         or r.kind = {sql_word(ReviewKind.PLAN)} and r.contact_id is not null)"""

_ENDS = {
    "somebody said what the send is, or a later cycle did": f"{_about(ROUND_DOUBT)} and s.round_doubt is null",
    "another round of its cycle was sent, or the cycle ended": f"""{_about(MISSING_ROUND)}
        and (y.cycle_id is null or y.closed_at is not null or exists (
            select 1 from campaign_schedule o
            where o.cycle_id = y.cycle_id and r.details -> 'rounds' @> to_jsonb(o.round_number)))""",
    "Mailjet sends it, or it was scheduled anew": f"""{_about(OddSend.NOT_STARTED)}
        and (s.mailjet_campaign_id is not null or s.retired_at is null and s.scheduled_since > r.created_at)""",
    "Mailjet sends it after all": f"{_about(OddSend.TAKEN_BACK)} and s.mailjet_campaign_id is not null",
    "it is scheduled again": f"{_about(OddSend.TAKEN_BACK)} and s.mailjet_campaign_id is null and s.retired_at is null",
    "Mailjet sends it, or its list was validated anew": f"""{_about(OddSend.RESCHEDULED)}
        and (s.mailjet_campaign_id is not null or exists (
            select 1 from campaign_validation v where v.campaign_id = s.id and v.validated_at > r.created_at))""",
    "none of them is mailed any more": f"""{_about(OTHER_SPELLING)}
        and {_of_all(f"{_GONE} or {_EXCLUDED} or c.is_unsubscribed")}""",
    "the contact was erased again": f"""r.kind = {sql_word(ReviewKind.FINDING)} and r.details ? 'created_again' and exists (
        select 1 from contact_list_membership c
        where c.contact_id = cast(r.details ->> 'created_again' as bigint) and c.is_anonymised)""",
    "nothing is left to suppress of its contacts": f"""p.kind = {sql_word(PlanKind.SUPPRESSION)}
        and {_ABOUT_CONTACTS} and {_of_all(_SUPPRESSED)}""",
    "its contacts were mailed again or are mailed no more, and are judged by how that ended": f"""
        r.kind = {sql_word(ReviewKind.INCIDENT)} and {_of_all(f"{_GONE} or {_NOT_MAILED} or {_MAILED_AGAIN}")}""",
    "its contacts stand where they were to go, or get no mail any more": f"""p.kind = {sql_word(PlanKind.REBALANCING)}
        and {_ABOUT_CONTACTS} and {_of_all(_PLACED)}""",
    "nobody of them is on the suppression list any more": f"""{_drift(DriftKind.SUPPRESSED_BY_OTHERS)}
        and {_of_all(f"c.is_anonymised or not {_on(f'= {sql_word(ListRole.SUPPRESSION)}')}")}""",
    "all of them are back on their lists, or were erased": f"""{_drift(DriftKind.MISSING_AT_MAILJET)} and r.details ? 'places'
        and not exists (
            select 1 from jsonb_array_elements(r.details -> 'places') x
            left join contact_list_membership c on c.contact_id = cast(x ->> 0 as bigint)
            where c.contact_id is null or not c.is_anonymised and not {_on("= x ->> 1")})""",
    "their exclusion was changed back, or they were erased": f"""{_drift(DriftKind.EXCLUSION_DIFFERS)}
        and r.details ? 'excluded'
        and {_of_all("c.is_anonymised or c.is_excluded <> (r.details -> 'excluded' @> to_jsonb(c.contact_id))")}""",
}


def ended(connection: Connection) -> tuple[EndedQuestion, ...]:
    """The open questions whose occasion is over, oldest first."""
    why = " ".join(f"when {condition} then '{words}'" for words, condition in _ENDS.items())
    found = fetch_all(
        connection,
        f"""
        select * from (
            select r.review_id, r.campaign_id, r.summary, case {why} end as why
            from review_item r left join campaign_schedule s on s.id = r.campaign_id left join cycle y using (cycle_id)
            left join plan p on p.plan_id = r.plan_id
            where r.status = {sql_word(ReviewStatus.OPEN)}) q
        where why is not null order by review_id
        """,
    )
    return tuple(EndedQuestion(**row) for row in found)
