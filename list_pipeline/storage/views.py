"""Rows as people are shown them page by page: campaigns, plans, the ledger, weekly checks, validations and questions.

Belongs here: filters and the order of pages. Does not belong here: anything that decides; no statement here reads an address.

A page is one entry longer than it is shown, which tells whether another one follows. The newest come first: a page goes on
below the number of the last entry of the page before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.campaign_stages.times import Stage, StageState
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import CHANGING_ACTIONS, PlanKind, PlanStatus, Sweep
from list_pipeline.core.quarantine.life import QuarantineState
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.validation.checklist import Severity
from list_pipeline.storage.campaigns.recipients import RECIPIENTS
from list_pipeline.storage.database import fetch_all, fetch_one, fetch_scalar, sql_list, sql_word
from list_pipeline.storage.plans.plan_groups import ASKED_ALONE


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign with the state of its maintenance after a day. Instants are UTC.

    Attributes:
        number: its place in the schedule, by which pages go on.
        recipients: mailed; before the send the number that is expected; None: not known, or not yet.
        maintenance: None: none yet. changes_left: changes that stand after an undo; None: there was none.
    """

    number: int
    key: str
    name: str
    list: ListRole
    round: int
    cycle: int | None
    status: CampaignStatus
    scheduled_at: datetime
    sent_at: datetime | None
    recipients: int | None
    maintenance: RunStatus | None
    changes_left: int | None


@dataclass(frozen=True, slots=True)
class LogRow:
    """An attempt at a maintenance or a validation, as the ledger has it. Instants are UTC; None: not known yet.

    ``changes_taken_back`` and ``changes_left``: of its changes by an undo, None where there was none; ``status_before_undo``:
    how the attempt itself ended then.
    """

    number: int
    campaign: str | None
    kind: str
    sweep: str
    attempt: int
    status: RunStatus
    executed_at: datetime
    finished_at: datetime | None
    contacts_suppressed: int
    contacts_rebalanced: int
    execution_time_ms: int | None
    run_id: str | None
    errors: tuple[str, ...]
    status_before_undo: RunStatus | None
    changes_taken_back: int | None
    changes_left: int | None


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan without its items. ``changes``: contacts that it changes; ``held``: those that wait whatever becomes of it."""

    number: int
    campaign: str | None
    kind: PlanKind
    sweep: Sweep | None
    revision: int
    status: PlanStatus
    content_hash: str
    changes: int
    held: int
    created_at: datetime
    requested_by: str | None
    decided_at: datetime | None
    decided_by: str | None
    executed_at: datetime | None
    withdrawn_by: str | None


@dataclass(frozen=True, slots=True)
class CheckRow:
    """The check of a week. None: not known."""

    number: int
    week: date
    status: RunStatus
    executed_at: datetime
    is_balanced: bool | None
    balance_deviation: float | None
    urgency: str | None
    critical_issues: int | None


@dataclass(frozen=True, slots=True)
class ValidationRow:
    """A validation of the list of a campaign before its send."""

    number: int
    campaign: str
    list: ListRole
    scheduled_at: datetime
    validated_at: datetime
    verdict: Severity
    is_blocking: bool
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class StageRow:
    """What became of a stage of a campaign, for one time of its launch. ``told_at``: arrival of its message, if any.

    ``reason``: why it was skipped; of a preflight, what its validation said.
    """

    stage: Stage
    state: StageState
    launch_at: datetime
    due_at: datetime
    noted_at: datetime
    told_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """A person's word that a blocked campaign may go, at an instant (UTC)."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class LaunchRow:
    """A launch change of a campaign. Instants in UTC, None where something did not happen. ``words``: what became of it."""

    number: int
    action: LaunchAction
    state: LaunchState
    programmed_for: datetime | None
    wanted_at: datetime | None
    asked_at: datetime
    asked_by: str
    decided_at: datetime | None
    decided_by: str | None
    ended_at: datetime | None
    words: str


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """Something that people were asked or told. ``content_hash``: of its plan; ``contact_ids``: whom it is about, none where it
    is about a whole plan or about nobody."""

    number: int
    campaign: str | None
    plan: int | None
    plan_status: PlanStatus | None
    content_hash: str | None
    kind: ReviewKind
    status: ReviewStatus
    summary: str
    contact_ids: tuple[int, ...]
    asked_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    note: str | None
    executed_at: datetime | None


_PAGE = "(:after = 0 or {number} < :after)"
_NOT_FILTERED = "(cast(:{name} as {type}) is null or {column} = :{name})"


def _where(number: str, **columns: tuple[str, str]) -> str:
    conditions = [_PAGE.format(number=number)]
    conditions += [
        _NOT_FILTERED.format(name=name, column=column, type=kind) for name, (column, kind) in columns.items()
    ]
    return " and ".join(conditions)


_CAMPAIGNS = f"""
    select s.id as number, s.campaign_key as key, s.campaign_name as name, s.round_number as round, c.number as cycle, s.status,
           (s.scheduled_date + s.scheduled_time) at time zone 'UTC' as scheduled_at,
           coalesce(s.send_end_at, s.send_start_at) as sent_at,
           {RECIPIENTS} as recipients, l.status as maintenance, l.changes_left
    from campaign_schedule s left join cycle c using (cycle_id)
    left join lateral (
        select status, changes_left from list_maintenance_log
        where campaign_schedule_id = s.id and maintenance_type = 'post_campaign' and sweep = '24h'
        order by attempt desc limit 1) l on true
"""


def campaigns(
    connection: Connection,
    *,
    after: int,
    most: int,
    status: CampaignStatus | None = None,
    role: ListRole | None = None,
    cycle: int | None = None,
) -> list[CampaignRow]:
    """Campaigns that are not retired, those that were found last first."""
    found = fetch_all(
        connection,
        f"""{_CAMPAIGNS} where s.retired_at is null
            and {_where("s.id", status=("s.status", "text"), round=("s.round_number", "int"), cycle=("c.number", "int"))}
            order by s.id desc limit :most""",
        after=after,
        most=most,
        status=status,
        round=CAMPAIGN_LISTS.index(role) + 1 if role in CAMPAIGN_LISTS else (None if role is None else 0),
        cycle=cycle,
    )
    return [_campaign(row) for row in found]


def coming_campaigns(connection: Connection, now: datetime, *, most: int) -> list[CampaignRow]:
    """Campaigns that are not retired and whose send lies ahead (UTC), the next one first."""
    found = fetch_all(
        connection,
        f"""{_CAMPAIGNS} where s.retired_at is null and s.send_start_at is null
            and (s.scheduled_date + s.scheduled_time) at time zone 'UTC' > :now
            order by s.scheduled_date, s.scheduled_time, s.id limit :most""",
        now=now,
        most=most,
    )
    return [_campaign(row) for row in found]


def campaign(connection: Connection, key: str) -> CampaignRow | None:
    """One campaign, or None."""
    row = fetch_one(connection, f"{_CAMPAIGNS} where s.campaign_key = :key", key=key)
    return _campaign(row) if row is not None else None


def _campaign(row: RowMapping) -> CampaignRow:
    return CampaignRow(
        **{
            **row,
            "list": CAMPAIGN_LISTS[row["round"] - 1],
            "status": CampaignStatus(row["status"]),
            "maintenance": RunStatus(row["maintenance"]) if row["maintenance"] else None,
        }
    )


def logs(
    connection: Connection,
    *,
    after: int = 0,
    most: int | None = None,
    campaign: str | None = None,
    status: RunStatus | None = None,
    sweep: str | None = None,
) -> list[LogRow]:
    """Attempts, the latest first."""
    found = fetch_all(
        connection,
        f"""select l.id as number, s.campaign_key as campaign, l.maintenance_type as kind, l.sweep, l.attempt, l.status,
                   l.executed_at, l.finished_at, l.contacts_suppressed, l.contacts_rebalanced, l.execution_time_ms, l.run_id,
                   l.errors, l.status_before_undo, l.changes_taken_back, l.changes_left
            from list_maintenance_log l left join campaign_schedule s on s.id = l.campaign_schedule_id
            where {
            _where("l.id", campaign=("s.campaign_key", "text"), status=("l.status", "text"), sweep=("l.sweep", "text"))
        } order by l.id desc limit :most""",
        after=after,
        most=most,
        campaign=campaign,
        status=status,
        sweep=sweep,
    )
    return [
        LogRow(
            **{
                **row,
                "status": RunStatus(row["status"]),
                "status_before_undo": RunStatus(row["status_before_undo"]) if row["status_before_undo"] else None,
                "errors": tuple(f"{one.get('stage', '-')}: {one.get('error', '')}" for one in row["errors"] or ()),
            }
        )
        for row in found
    ]


def plans(
    connection: Connection,
    *,
    after: int = 0,
    most: int | None = None,
    campaign: str | None = None,
    status: PlanStatus | None = None,
    kind: PlanKind | None = None,
) -> list[PlanRow]:
    """Plans without their items, the latest first."""
    changing = sql_list(*sorted(CHANGING_ACTIONS))
    found = fetch_all(
        connection,
        f"""select p.plan_id as number, s.campaign_key as campaign, p.kind, p.sweep, p.revision, p.status, p.content_hash,
                   (select count(*) from plan_item i where i.plan_id = p.plan_id and i.action in {changing}) as changes,
                   (select count(*) from plan_item i where i.plan_id = p.plan_id and {ASKED_ALONE}) as held,
                   p.created_at, p.requested_by, p.decided_at, p.decided_by, p.executed_at, p.withdrawn_by
            from plan p left join campaign_schedule s on s.id = p.campaign_id
            where {
            _where(
                "p.plan_id", campaign=("s.campaign_key", "text"), status=("p.status", "text"), kind=("p.kind", "text")
            )
        } order by p.plan_id desc limit :most""",
        after=after,
        most=most,
        campaign=campaign,
        status=status,
        kind=kind,
    )
    return [
        PlanRow(
            **{
                **row,
                "kind": PlanKind(row["kind"]),
                "sweep": Sweep(row["sweep"]) if row["sweep"] else None,
                "status": PlanStatus(row["status"]),
            }
        )
        for row in found
    ]


def checks(connection: Connection, *, after: int, most: int, status: RunStatus | None = None) -> list[CheckRow]:
    """Weekly checks, the latest first."""
    found = fetch_all(
        connection,
        f"""select id as number, week, status, executed_at, is_balanced, balance_deviation, urgency,
                   critical_issue_count as critical_issues
            from list_health_check where {_where("id", status=("status", "text"))} order by id desc limit :most""",
        after=after,
        most=most,
        status=status,
    )
    return [CheckRow(**{**row, "status": RunStatus(row["status"])}) for row in found]


def validations(
    connection: Connection,
    *,
    after: int = 0,
    most: int | None = None,
    campaign: str | None = None,
    verdict: Severity | None = None,
) -> list[ValidationRow]:
    """Validations, the latest first."""
    found = fetch_all(
        connection,
        f"""select v.validation_id as number, s.campaign_key as campaign, v.list_role as list, v.scheduled_at, v.validated_at,
                   v.verdict, v.is_blocking, v.finished_at
            from campaign_validation v join campaign_schedule s on s.id = v.campaign_id
            where {_where("v.validation_id", campaign=("s.campaign_key", "text"), verdict=("v.verdict", "text"))}
            order by v.validation_id desc limit :most""",
        after=after,
        most=most,
        campaign=campaign,
        verdict=verdict,
    )
    return [
        ValidationRow(**{**row, "list": ListRole(row["list"]), "verdict": Severity(row["verdict"])}) for row in found
    ]


def stages(connection: Connection, campaign: str) -> list[StageRow]:
    """The stages of a campaign, those of each launch in their order."""
    found = fetch_all(
        connection,
        """
        select g.stage, g.state, g.launch_at, g.due_at, g.noted_at, n.sent_at as told_at, g.reason
        from campaign_stage g join campaign_schedule s on s.id = g.campaign_id left join notification n using (message_key)
        where s.campaign_key = :campaign order by g.noted_at, g.campaign_stage_id
        """,
        campaign=campaign,
    )
    return [StageRow(**{**row, "stage": Stage(row["stage"]), "state": StageState(row["state"])}) for row in found]


def overrides(connection: Connection, campaign: str) -> list[OverrideRow]:
    """Who let a campaign go in spite of what its validation found, the first one first."""
    found = fetch_all(
        connection,
        """
        select o.overridden_at as at, o.overridden_by as by from campaign_override o
        join campaign_schedule s on s.id = o.campaign_id where s.campaign_key = :campaign order by o.override_id
        """,
        campaign=campaign,
    )
    return [OverrideRow(**row) for row in found]


def launches(connection: Connection, campaign: str) -> list[LaunchRow]:
    """The launch changes of a campaign, the latest first."""
    found = fetch_all(
        connection,
        """
        select l.launch_id as number, l.action, l.state, l.programmed_for, l.wanted_at, l.asked_at, l.asked_by, l.decided_at,
               l.decided_by, l.ended_at, l.words
        from launch_change l join campaign_schedule s on s.id = l.campaign_id where s.campaign_key = :campaign
        order by l.launch_id desc
        """,
        campaign=campaign,
    )
    return [
        LaunchRow(**{**row, "action": LaunchAction(row["action"]), "state": LaunchState(row["state"])}) for row in found
    ]


_QUESTIONS = """
    select r.review_id as number, s.campaign_key as campaign, r.plan_id as plan, p.status as plan_status, p.content_hash,
           r.kind, r.status, r.summary, r.contact_id, r.details -> 'contact_ids' as several, r.created_at as asked_at,
           r.decided_at, r.decided_by, r.note, r.executed_at
    from review_item r left join campaign_schedule s on s.id = r.campaign_id left join plan p on p.plan_id = r.plan_id
"""


def questions(
    connection: Connection,
    *,
    after: int = 0,
    most: int | None = None,
    campaign: str | None = None,
    status: ReviewStatus | None = None,
    kind: ReviewKind | None = None,
    plan: int | None = None,
) -> list[QuestionRow]:
    """Questions and findings, the latest first."""
    filters = _where(
        "r.review_id",
        campaign=("s.campaign_key", "text"),
        status=("r.status", "text"),
        kind=("r.kind", "text"),
        plan=("r.plan_id", "int"),
    )
    found = fetch_all(
        connection,
        f"{_QUESTIONS} where {filters} order by r.review_id desc limit :most",
        after=after,
        most=most,
        campaign=campaign,
        status=status,
        kind=kind,
        plan=plan,
    )
    return [_question(row) for row in found]


def question_count(connection: Connection, status: ReviewStatus) -> int:
    """How many questions and findings have a status."""
    return int(fetch_scalar(connection, "select count(*) from review_item where status = :status", status=status))


def question(connection: Connection, review_id: int) -> QuestionRow | None:
    """One question, or None."""
    row = fetch_one(connection, f"{_QUESTIONS} where r.review_id = :id", id=review_id)
    return _question(row) if row is not None else None


def _question(row: RowMapping) -> QuestionRow:
    values = dict(row)
    one, several = values.pop("contact_id"), values.pop("several")
    ids: Sequence[Any] = [one] if one is not None else several or ()
    return QuestionRow(
        **{
            **values,
            "plan_status": PlanStatus(row["plan_status"]) if row["plan_status"] else None,
            "kind": ReviewKind(row["kind"]),
            "status": ReviewStatus(row["status"]),
            "contact_ids": tuple(map(int, ids)),
        }
    )


def quarantined_on_lists(connection: Connection) -> Mapping[ListRole, int]:
    """How many members of each list are in quarantine."""
    found = fetch_all(
        connection,
        f"""select m.list_role, count(distinct m.contact_id) as contacts
            from quarantine q join list_membership m using (contact_id)
            where q.state = {sql_word(QuarantineState.ACTIVE)} and m.left_at is null group by m.list_role""",
    )
    return {ListRole(row["list_role"]): int(row["contacts"]) for row in found}
