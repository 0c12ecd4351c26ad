"""The product at work on a database alone: what is decided there needs no Mailjet, and a test of it takes a moment.

Belongs here: such an installation, and the plans and questions that people find in it. Does not belong here: what changes lists
(``accounts``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from list_pipeline.core.audience.audience import SplitSummary
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.drift.findings import DriftKind, RepairSummary
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.corrections import CorrectionSummary
from list_pipeline.core.plans.journal import StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, PlanStatus, Sweep, content_hash
from list_pipeline.core.rebalancing.balance import RebalancingSummary
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.suppression.plan import SuppressionBreakdown, SuppressionSummary
from list_pipeline.operations.services import Services
from list_pipeline.settings import Settings
from list_pipeline.storage import safety
from list_pipeline.storage.database import fetch_all, fetch_scalar
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.runs import ledger, life
from list_pipeline_tests.integration.storage.test_schema_constraints import SCHEDULE
from list_pipeline_tests.virtual_clock import VirtualClock

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

SUMMARIES: dict[PlanKind, Any] = {
    PlanKind.SUPPRESSION: SuppressionSummary(
        recipients=100,
        contacts=0,
        suppress=SuppressionBreakdown(0, 0, 0, 0, 0),
        held=0,
        monitor=0,
        keep=0,
        by_class={},
        by_rule={},
        sender_faults=(),
        not_evidence=(),
        incidents=(),
        complaint_rate_percent=None,
    ),
    PlanKind.REBALANCING: RebalancingSummary(
        required=True,
        triggered=True,
        sizes=(20, 20, 20),
        target_sizes=(20, 20, 20),
        moves={},
        enrolments={},
        deferred_moves={},
        deferred_enrolments={},
        deviation_before_percent=0.0,
        deviation_after_percent=0.0,
        is_repaired=True,
        certificate="none",
        lower_bound=0,
        restriction=None,
        reasons=(),
        sent_in_open_cycle=(),
        frozen=(),
    ),
    PlanKind.REPAIR: RepairSummary(DriftKind.IN_TWO_CAMPAIGN_LISTS, 1),
    PlanKind.QUARANTINE: CorrectionSummary("Contacts kept from mail"),
    PlanKind.IMPORT: CorrectionSummary("Contacts suppressed on request"),
    PlanKind.SPLIT: SplitSummary(
        audience=3,
        asked=3,
        sizes=(20, 20, 20),
        target_sizes=(21, 21, 21),
        waiting=0,
        restriction="",
        pause_days=3,
        is_usual_pause=True,
    ),
    **dict.fromkeys(
        (PlanKind.UNDO, PlanKind.REDO, PlanKind.ROLLBACK, PlanKind.MANUAL), CorrectionSummary("taken back")
    ),
}

_OF_NO_CAMPAIGN = (PlanKind.REPAIR, PlanKind.MANUAL, PlanKind.IMPORT, PlanKind.SPLIT)

_WAYS_TO = {
    PlanStatus.PLANNED: (),
    PlanStatus.EXECUTED: (PlanStatus.APPROVED, PlanStatus.EXECUTED),
    PlanStatus.REJECTED: (PlanStatus.PENDING_REVIEW, PlanStatus.REJECTED),
    PlanStatus.WITHDRAWN: (PlanStatus.WITHDRAWN,),
    PlanStatus.EXPIRED: (PlanStatus.PENDING_REVIEW, PlanStatus.EXPIRED),
}
"""What a plan was before, where it does not come there at once."""


@dataclass
class Office:
    """Services on a database of their own, and its clock. No request goes anywhere."""

    services: Services
    clock: VirtualClock

    def query(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        with self.services.database.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, statement, **parameters)]

    def stop(self) -> None:
        """A person says that nothing may be changed."""
        with self.services.database.begin() as connection:
            safety.set_mode(connection, "read_only", "a person", self.clock.now())

    def campaign(self, status: CampaignStatus = CampaignStatus.SCHEDULED) -> int:
        """One more campaign, and its id: the first to list 1, the next to list 2, and so on."""
        number = len(self.query("select 1 from campaign_schedule"))
        weeks, before = divmod(number, 3)
        key = f"2026-11-{20 + weeks}-r{before + 1}-7"
        with self.services.database.begin() as connection:
            more, values = ", mailjet_campaign_id, status", f", {number + 7}, '{status.value}'"
            connection.execute(text(SCHEDULE.format(key=key, round=before + 1, more=more, values=values)))
            return int(fetch_scalar(connection, "select max(id) from campaign_schedule"))

    def plan(
        self,
        kind: PlanKind = PlanKind.SUPPRESSION,
        status: PlanStatus = PlanStatus.PENDING_REVIEW,
        items: Sequence[PlanItem] = (),
        campaign_id: int | None = None,
    ) -> StoredPlan:
        """A plan, about a campaign where its kind is; one that waits has asked about itself."""
        sweep = None if kind in _OF_NO_CAMPAIGN else Sweep.H24
        campaign_id = None if kind in _OF_NO_CAMPAIGN else campaign_id or self.campaign()
        with self.services.database.begin() as connection:
            made = plan_rows.save_plan(
                connection,
                campaign_id=campaign_id,
                kind=kind,
                sweep=sweep,
                content_hash=content_hash(campaign_id, kind, sweep, "test", items),
                policy_version="test",
                status=PlanStatus.PLANNED,
                summary=SUMMARIES[kind],
                items=items,
                now=self.clock.now(),
            )
            for step in _WAYS_TO.get(status, (status,)):
                connection.execute(
                    text(
                        "update plan set status = :status, executed_at = case when :status = 'executed' then created_at end,"
                        " withdrawn_at = case when :status = 'withdrawn' then created_at end,"
                        " withdrawn_by = case when :status = 'withdrawn' then 'ada' end where plan_id = :id"
                    ),
                    {"status": step.value, "id": made.plan_id},
                )
        if status is PlanStatus.PENDING_REVIEW:
            self.ask(made, ReviewKind.PLAN)
        return self.stored(made.plan_id)

    def change(
        self,
        plan: StoredPlan,
        contact_id: int,
        *steps: tuple[StepAction, ListRole | None, StepState] | tuple[StepAction, ListRole | None, StepState, StepNote],
        kind: ItemAction = ItemAction.MOVE,
        reverses: int | None = None,
    ) -> int:
        """A change in the journal whose steps stand as they are given, and its number."""
        with self.services.database.begin() as connection:
            change_id = fetch_scalar(
                connection,
                "insert into change (plan_id, contact_id, kind, before, created_at, reverses_change_id)"
                " values (:plan, :contact, :kind, '{}', :now, :reverses) returning change_id",
                plan=plan.plan_id,
                contact=contact_id,
                kind=kind,
                reverses=reverses,
                now=self.clock.now(),
            )
            for ordinal, (action, role, state, *note) in enumerate(steps, start=1):
                connection.execute(
                    text(
                        "insert into change_step (change_id, ordinal, action, list_role, state, note, changed_at)"
                        " values (:change, :ordinal, :action, :role, :state, :note, :now)"
                    ),
                    {
                        "change": change_id,
                        "ordinal": ordinal,
                        "action": action.value,
                        "role": role.value if role else None,
                        "state": state.value,
                        "note": note[0].value if note else None,
                        "now": self.clock.now(),
                    },
                )
        return int(change_id)

    def attempt(self, campaign_id: int, status: RunStatus = RunStatus.SUCCESS) -> int:
        """The first attempt at the maintenance of a campaign, which ended so, and its number."""
        with self.services.database.begin() as connection:
            row = ledger.begin_log(connection, campaign_id, Sweep.H24.value, 1, "run", self.clock.now())
            life.change_status(connection, life.LEDGER, row.log_id, RunStatus.RUNNING, status, self.clock.now())
        return row.log_id

    def let_through(self, kind: PlanKind, items: Sequence[PlanItem] = ()) -> StoredPlan:
        """A plan that a person approves right now."""
        plan = self.plan(kind, PlanStatus.PLANNED, items)
        with self.services.database.begin() as connection:
            return plan_rows.decide(
                connection, plan.plan_id, PlanStatus.PLANNED, PlanStatus.APPROVED, "ada", self.clock.now()
            )

    def stored(self, plan_id: int) -> StoredPlan:
        """A plan as it is now."""
        with self.services.database.begin() as connection:
            return plan_rows.existing_plan(connection, plan_id)

    def ask(self, plan: StoredPlan, kind: ReviewKind, contact_id: int | None = None, **details: Any) -> int:
        """A question about a plan, and its number."""
        with self.services.database.begin() as connection:
            plan_rows.add_review_item(
                connection,
                campaign_id=plan.campaign_id,
                plan_id=plan.plan_id,
                kind=kind,
                contact_id=contact_id,
                summary=f"may it? {kind.value} {contact_id} {details}",
                details=details,
                now=self.clock.now(),
            )
            return int(fetch_scalar(connection, "select max(review_id) from review_item"))


@contextmanager
def office(database_url: str, **settings: Any) -> Iterator[Office]:
    """An installation on a migrated database, without a place to tell anything to."""
    clock = VirtualClock(NOW)
    values: dict[str, Any] = {
        "database_url": database_url,
        "mailjet_base_url": "http://127.0.0.1:9",
        "list_management_mode": "auto",
        **settings,
    }
    with Services(Settings(**values), clock) as services:
        yield Office(services, clock)


def suppress_items(*contact_ids: int) -> list[PlanItem]:
    """Suppressions for a hard bounce."""
    return [
        PlanItem(one, ItemAction.SUPPRESS, rule="hard_bounce", to_role=ListRole.SUPPRESSION, reason="hard_bounce")
        for one in contact_ids
    ]
