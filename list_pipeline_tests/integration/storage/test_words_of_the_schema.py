"""The words that the schema allows in a column are the members of the enum that the product has for them: neither knows one
that the other refuses."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import psycopg
import pytest

from list_pipeline.core.alarms.events import AlarmAction, Receiver
from list_pipeline.core.alarms.problems import AlarmKind
from list_pipeline.core.campaign_stages.early_incidents import Look
from list_pipeline.core.campaigns.cycles import RoundDoubt
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.digest.periods import Period
from list_pipeline.core.erasure import DeletionState
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.delivery import Channel, DeliveryState
from list_pipeline.core.observations import RowKind
from list_pipeline.core.plans.journal import JobState, StepAction, StepState
from list_pipeline.core.plans.plan import CHANGING_ACTIONS, ItemAction, PlanKind, PlanStatus, Sweep
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.run_requests import RequestKind, RequestOutcome
from list_pipeline.core.suppression.verdicts import VerdictAction
from list_pipeline.core.tokens import Role
from list_pipeline.core.validation.schedule_changes import ScheduleAction, ScheduleState
from list_pipeline.stack.databases import with_database

WORDS: Mapping[str, Collection[str]] = {
    "campaign_schedule.round_doubt": RoundDoubt,
    "campaign_schedule.status": CampaignStatus,
    "plan.kind": PlanKind,
    "plan.status": PlanStatus,
    "plan.sweep": Sweep,
    "plan_item.action": ItemAction,
    "plan_item.from_role": CAMPAIGN_LISTS,
    "plan_item.to_role": (*CAMPAIGN_LISTS, ListRole.SUPPRESSION),
    # What changes nothing has no entry in the journal.
    "change.kind": CHANGING_ACTIONS,
    "change_step.action": StepAction,
    "change_step.list_role": ListRole,
    "change_step.state": StepState,
    "early_incident_look.look": Look,
    "erasure.state": DeletionState,
    "incident_count.kind": GroupKind,
    "mailjet_job.state": JobState,
    "notification.channel_kind": Channel,
    "notification.state": DeliveryState,
    "plan.decided_via": Way,
    "plan_approval.way": Way,
    "review_item.decided_via": Way,
    "review_item.kind": ReviewKind,
    "review_item.status": ReviewStatus,
    "launch_change.action": LaunchAction,
    "launch_change.decided_via": Way,
    "launch_change.list_role": CAMPAIGN_LISTS,
    "launch_change.state": LaunchState,
    "schedule_change.action": ScheduleAction,
    "schedule_change.state": ScheduleState,
    "api_token.role": Role,
    "digest.period": Period,
    "alarm.kind": AlarmKind,
    "alarm_delivery.receiver": Receiver,
    "alarm_delivery.action": AlarmAction,
    "alarm_delivery.state": DeliveryState,
    "run_request.kind": RequestKind,
    "run_request.outcome": RequestOutcome,
    "run_request.sweep": Sweep,
    "shadow_comparison.sweep": Sweep,
    "shadow_difference.present_action": VerdictAction,
    "shadow_difference.shadow_action": VerdictAction,
    "unreadable_row.kind": RowKind,
}

_ONE_OF = re.compile(r"^CHECK \(\((\w+) = ANY \(ARRAY\[(.*)\]\)\)\)$")


@pytest.fixture(scope="module")
def allowed(admin: str, migrated: str) -> dict[str, set[str]]:
    """Table and column to the words that a CHECK allows there."""
    statement = """
        select r.relname, pg_get_constraintdef(c.oid) from pg_constraint c join pg_class r on r.oid = c.conrelid
        where c.contype = 'c' and c.connamespace = 'list_pipeline'::regnamespace
    """
    with psycopg.connect(with_database(admin, migrated)) as connection:
        found = connection.execute(statement).fetchall()
    matched = ((table, _ONE_OF.match(definition)) for table, definition in found)
    return {f"{table}.{one[1]}": set(re.findall(r"'(\w+)'::text", one[2])) for table, one in matched if one}


@pytest.mark.parametrize("column", WORDS)
def test_a_column_takes_exactly_the_words_of_its_enum(allowed: dict[str, set[str]], column: str) -> None:
    assert allowed[column] == {str(word) for word in WORDS[column]}


def test_no_status_of_a_life_cycle_is_without_an_enum(allowed: dict[str, set[str]]) -> None:
    tables = {column.partition(".")[0] for column in WORDS} - {"campaign_schedule"}
    assert {column for column in allowed if column.partition(".")[0] in tables} <= set(WORDS)
