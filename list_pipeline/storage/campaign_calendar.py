"""Campaigns with everything that their entries in the calendar say: stages, validations, and the looks after the send.

Belongs here: reading those rows for many campaigns at once. Does not belong here: when an entry is, and how it stands
(``core.campaign_stages.calendar``).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.campaign_stages.calendar import CampaignFacts, StageOutcome, SweepOutcome, ValidationOutcome
from list_pipeline.core.campaign_stages.times import Stage, StageState
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.validation.checklist import Severity
from list_pipeline.core.validation.schedule_changes import OwnSchedule
from list_pipeline.storage import audience_batches
from list_pipeline.storage.campaigns.recipients import RECIPIENTS
from list_pipeline.storage.database import fetch_all, fetch_row
from list_pipeline.storage.validation import campaign_block

_CAMPAIGNS = f"""
    select s.id as number, s.campaign_key as key, s.campaign_name as name, s.round_number, c.number as cycle, s.status,
           (s.scheduled_date + s.scheduled_time) at time zone 'UTC' as scheduled_at,
           -- A draft that was taken over before that was kept stands since its row does.
           case when s.mailjet_draft_id is not null then coalesce(s.scheduled_since, s.created_at) end as scheduled_since,
           s.send_start_at as began_at, s.send_end_at as ended_at,
           {RECIPIENTS} as recipients, s.recipient_range, s.frozen_at, s.retired_at,
           s.updated_at as changed_at
    from campaign_schedule s left join cycle c using (cycle_id)
"""


def campaigns_between(connection: Connection, start: datetime, end: datetime) -> tuple[CampaignFacts, ...]:
    """The campaigns whose launch, planned or real, lies within a window (UTC), retired ones too, in order."""
    return _campaigns(
        connection,
        """where coalesce(s.send_start_at, (s.scheduled_date + s.scheduled_time) at time zone 'UTC') >= :start
             and coalesce(s.send_start_at, (s.scheduled_date + s.scheduled_time) at time zone 'UTC') < :end""",
        start=start,
        end=end,
    )


def first_and_last_launch(connection: Connection) -> tuple[datetime, datetime] | None:
    """The first and the last launch (UTC) that is known, planned or real; None: there is none."""
    row = fetch_row(
        connection,
        "the first and last launch",
        """select min(at) as first, max(at) as last
           from (select coalesce(send_start_at, (scheduled_date + scheduled_time) at time zone 'UTC') as at
                 from campaign_schedule) launches""",
    )
    return None if row["first"] is None else (row["first"], row["last"])


def campaign(connection: Connection, key: str) -> CampaignFacts | None:
    """One campaign, retired or not; None: there is none with this key."""
    return next(iter(_campaigns(connection, "where s.campaign_key = :key", key=key)), None)


def _campaigns(connection: Connection, where: str, **parameters: object) -> tuple[CampaignFacts, ...]:
    rows = fetch_all(connection, f"{_CAMPAIGNS} {where} order by scheduled_at, number", **parameters)
    numbers = [int(row["number"]) for row in rows]
    stages, validations = _stages(connection, numbers), _validations(connection, numbers)
    sweeps, ours = _sweeps(connection, numbers), campaign_block.own_schedules(connection)
    newcomers = audience_batches.newcomers_of(connection, numbers)
    return tuple(
        CampaignFacts(
            **{**row, "status": CampaignStatus(row["status"])},
            is_taken_back=ours.get(row["number"]) is OwnSchedule.CANCELLED,
            newcomers=newcomers.get(row["number"], ""),
            stages=stages[row["number"]],
            validations=validations[row["number"]],
            sweeps=sweeps[row["number"]],
        )
        for row in rows
    )


def _stages(connection: Connection, numbers: list[int]) -> defaultdict[int, list[StageOutcome]]:
    found: defaultdict[int, list[StageOutcome]] = defaultdict(list)
    for row in fetch_all(
        connection, "select * from campaign_stage where campaign_id = any(:ids) order by campaign_stage_id", ids=numbers
    ):
        outcome = StageOutcome(
            Stage(row["stage"]),
            row["launch_at"],
            row["due_at"],
            StageState(row["state"]),
            row["reason"] or "",
            row["noted_at"],
        )
        found[row["campaign_id"]].append(outcome)
    return found


def _validations(connection: Connection, numbers: list[int]) -> defaultdict[int, list[ValidationOutcome]]:
    found: defaultdict[int, list[ValidationOutcome]] = defaultdict(list)
    for row in fetch_all(
        connection,
        """select campaign_id, validation_id, scheduled_at, validated_at, verdict, is_blocking, finished_at
           from campaign_validation where campaign_id = any(:ids) order by validation_id""",
        ids=numbers,
    ):
        outcome = ValidationOutcome(
            row["validation_id"],
            row["scheduled_at"],
            row["validated_at"],
            Severity(row["verdict"]),
            row["is_blocking"],
            row["finished_at"],
        )
        found[row["campaign_id"]].append(outcome)
    return found


def _sweeps(connection: Connection, numbers: list[int]) -> defaultdict[int, dict[Sweep, SweepOutcome]]:
    found: defaultdict[int, dict[Sweep, SweepOutcome]] = defaultdict(dict)
    for row in fetch_all(
        connection,
        """select distinct on (campaign_schedule_id, sweep) campaign_schedule_id as number, sweep, status, attempt,
                  coalesce(finished_at, executed_at) as since
           from list_maintenance_log where campaign_schedule_id = any(:ids) and maintenance_type = 'post_campaign'
           order by campaign_schedule_id, sweep, attempt desc""",
        ids=numbers,
    ):
        outcome = SweepOutcome(RunStatus(row["status"]), row["attempt"], row["since"])
        found[row["number"]][Sweep(row["sweep"])] = outcome
    return found
