"""Who did what: the decisions and wishes of people, gathered out of the tables in which each is recorded.

Belongs here: one statement over all of them. Does not belong here: a log of its own. What a person decided stands beside
what it is about, and a copy of it could say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.plans.gate import DECIDED_BY_GATE
from list_pipeline.core.quarantine.life import BY_ITSELF
from list_pipeline.storage.database import fetch_all


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Something that a person did.

    Attributes:
        number: of the row that records it.
        about: what it was done to, in words: a plan, a question, a campaign, the mode.
        note: why, in the person's own words; None: nothing was said.
    """

    at: datetime
    by: str
    what: str
    about: str
    campaign: str | None
    note: str | None
    source: str
    number: int


_OF_PLAN = "'plan ' || p.plan_id || ' (' || p.kind || ')'"
_SOURCES: Mapping[str, str] = {
    "plan_decision": f"""
        select p.decided_at as at, p.decided_by as by, 'plan_' || case when p.status = 'executed' then 'approved'
               when p.status = 'withdrawn' then 'decided' when p.status = 'superseded' then 'edited' else p.status end as what,
               {_OF_PLAN} as about, p.campaign_id,
               -- What a person said stands with the question; the plan's own note is why it was asked for.
               coalesce((select max(r.note) from review_item r where r.plan_id = p.plan_id and r.kind = 'plan'
                         and r.decided_at = p.decided_at and r.decided_by = p.decided_by),
                        case when p.requested_by is null then p.note end) as note,
               p.plan_id as number
        -- Who asks for a correction approves it with that, in the same moment; a plan that waited was decided on later.
        from plan p where p.decided_at is not null
              and (p.requested_by is null or p.decided_by <> p.requested_by or p.decided_at > p.created_at)""",
    "plan_approval": f"""
        select a.approved_at, a.person, 'plan_approved_by_one_of_several', {_OF_PLAN}, p.campaign_id, a.note, p.plan_id
        from plan_approval a join plan p using (plan_id)
        -- Of several people the last one decides, and stands above.
        where p.decided_by is distinct from a.person or p.status in ('rejected', 'expired', 'superseded')""",
    "plan_request": f"""
        select p.created_at, p.requested_by, p.kind || '_asked', {_OF_PLAN}, p.campaign_id, p.note, p.plan_id
        from plan p where p.requested_by is not null""",
    "plan_withdrawal": f"""
        select p.withdrawn_at, p.withdrawn_by, 'plan_withdrawn', {_OF_PLAN}, p.campaign_id, null, p.plan_id
        from plan p where p.withdrawn_at is not null""",
    "question": """
        select r.decided_at, r.decided_by, 'question_' || r.status, 'question ' || r.review_id, r.campaign_id, r.note,
               r.review_id
        from review_item r
        where r.decided_at is not null and not (r.kind = 'plan' and r.contact_id is null and exists (
            select from plan d where d.plan_id = r.plan_id and d.decided_at = r.decided_at and d.decided_by = r.decided_by))""",
    "mode": """
        select changed_at, changed_by, 'mode_' || coalesce(mode, 'graduated'), 'the mode', null, note, mode_change_id
        from mode_change""",
    "confirmation": """
        select confirmed_at, confirmed_by, 'lists_confirmed', 'the five lists', null, note, confirmation_id
        from list_confirmation""",
    "override": """
        select overridden_at, overridden_by, 'campaign_let_go', 'a blocked campaign', campaign_id, note, override_id
        from campaign_override""",
    "test_seen": """
        select tested_at, tested_by, 'test_seen', 'a test of a campaign', campaign_id, note, campaign_test_id
        from campaign_test""",
    "mass_change": """
        select closed_at, closed_by, 'mass_change_' || status, 'mass change ' || mass_change_id, null, note, mass_change_id
        from mass_change where closed_at is not null""",
    "cycle_closing": """
        select closed_at, closed_by, 'cycle_closed', 'cycle ' || cycle_number, null, note, closing_id from cycle_closing""",
    "cycle_reopening": """
        select reopened_at, reopened_by, 'cycle_reopened', 'cycle ' || cycle_number, null, reopened_note, closing_id
        from cycle_closing where reopened_at is not null""",
    "round_ruling": """
        select round_ruled_at, round_ruled_by, 'round_' || round_ruling, 'a round', id, round_note, id from campaign_schedule
        where round_ruled_at is not null""",
    "unreadable_ruling": """
        select ruled_at, ruled_by, case when is_no_round then 'ruled_no_round' else 'ruled_may_be_round' end,
               'a row that cannot be read', null, note, ruling_id
        from unreadable_ruling""",
    "unsubscription": """
        select taken_back_at, taken_back_by, 'unsubscription_taken_back', 'contact ' || contact_id, null, note, 0
        from kept_unsubscription where taken_back_at is not null""",
    "dead_job": """
        select dead_at, dead_by, 'job_declared_dead', 'plan ' || plan_id, null, dead_note, job_id from mailjet_job
        where dead_at is not null""",
    "erasure": """
        select requested_at, requested_by, 'erasure_asked', 'a person', null, reason, erasure_id from erasure""",
    "shadow_start": """
        select started_at, started_by, 'shadow_started', 'shadow policy ' || shadow_id, null, reason, shadow_id
        from shadow_policy""",
    "shadow_end": """
        select ended_at, ended_by, 'shadow_stopped', 'shadow policy ' || shadow_id, null, ended_why, shadow_id
        from shadow_policy where ended_by is not null""",
    "token": """
        select created_at, created_by, 'token_made', 'token ' || token_id || ' of ' || name || ' (' || role || ')', null, null,
               token_id
        from api_token""",
    "token_end": """
        select revoked_at, revoked_by, 'token_revoked', 'token ' || token_id || ' of ' || name, null, revoked_why, token_id
        from api_token where revoked_at is not null""",
    "launch_request": """
        select asked_at, asked_by, 'launch_' || action || '_asked', 'draft ' || mailjet_draft_id, campaign_id, note, launch_id
        from launch_change""",
    "launch_decision": """
        select decided_at, decided_by,
               'launch_' || action || case when state = 'rejected' then '_rejected' else '_approved' end,
               'draft ' || mailjet_draft_id, campaign_id, nullif(decision_note, ''), launch_id
        from launch_change where decided_at is not null""",
    "run_request": """
        select requested_at, requested_by, kind || '_requested', 'request ' || request_id, null, note, request_id
        from run_request""",
}
"""What each source has, in the order of the first one's columns; ``campaign_id`` and ``note`` may be null."""

_NO_PERSON = (
    DECIDED_BY_GATE, BY_ITSELF, "nobody", "maintenance", "reconciliation", "the journal", "the quarantine rule",
    "the rollback rule",
)  # fmt: skip
"""Who decides where no person does."""

_ALL = " union all ".join(
    f"""select '{name}' as source, x.at, x.by, x.what, x.about, cast(x.campaign_id as integer) as campaign_id,
               cast(x.note as text) as note, cast(x.number as bigint) as number
        from ({statement}) x (at, by, what, about, campaign_id, note, number)"""
    for name, statement in _SOURCES.items()
)


def entries(
    connection: Connection,
    *,
    before: tuple[datetime, str, int] | None,
    most: int,
    by: str | None = None,
    campaign: str | None = None,
    since: datetime | None = None,
) -> list[AuditRow]:
    """What people did, the latest first.

    Args:
        before: instant, source and number of the last entry of the page before; None: the first page.
        by: only of this person, whatever the case of the letters.
    """
    at, source, number = before or (None, None, None)
    found = fetch_all(
        connection,
        f"""select e.at, e.by, e.what, e.about, s.campaign_key as campaign, e.note, e.source, e.number from ({_ALL}) e
            left join campaign_schedule s on s.id = e.campaign_id
            where e.by <> all(:nobody)
              and (cast(:at as timestamptz) is null or (e.at, e.source, e.number) < (:at, cast(:source as text), :number))
              and (cast(:by as text) is null or lower(e.by) = lower(:by))
              and (cast(:campaign as text) is null or s.campaign_key = :campaign)
              and (cast(:since as timestamptz) is null or e.at >= :since)
            order by e.at desc, e.source desc, e.number desc limit :most""",
        nobody=list(_NO_PERSON),
        at=at,
        source=source,
        number=number,
        by=by,
        campaign=campaign,
        since=since,
        most=most,
    )
    return [AuditRow(**row) for row in found]
