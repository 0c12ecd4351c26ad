"""A plan that its gate holds is told in one way, whatever made it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from list_pipeline.core.plans.gate import CheckSeverity, GateCheck, GateOutcome
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.operations.messages.gate_alerts import tell_gate_alert
from list_pipeline.storage.plans.plan_rows import GATE, GateRecord, StoredPlan
from list_pipeline_tests.integration.offices import Office, office, suppress_items

KINDS = (PlanKind.SUPPRESSION, PlanKind.REBALANCING, PlanKind.QUARANTINE, PlanKind.IMPORT, PlanKind.SPLIT)
CHECKS = (
    GateCheck("cap", False, CheckSeverity.WARNING, "It is a lot."),
    GateCheck("mode", True, CheckSeverity.WARNING, "Fine."),
)


@pytest.fixture
def here(copy_of: Callable[[str], str], migrated: str) -> Iterator[Office]:
    with office(copy_of(migrated), dagster_url="http://127.0.0.1:3000", app_url="http://127.0.0.1:8080") as made:
        yield made


def held(here: Office, kind: PlanKind, status: PlanStatus = PlanStatus.PENDING_REVIEW) -> StoredPlan:
    plan = here.plan(kind, status, items=suppress_items(5) if kind is PlanKind.SUPPRESSION else ())
    record = GateRecord(GateOutcome.NEEDS_REVIEW, alert=True, may_run=0, waiting=(), checks=CHECKS)
    with here.services.database.begin() as connection:
        statement = text("update plan set gate = cast(:gate as jsonb) where plan_id = :id")
        connection.execute(statement, {"gate": GATE.text(record), "id": plan.plan_id})
    return plan


@pytest.mark.parametrize("kind", KINDS)
def test_what_waits_is_told_in_the_channel_with_the_gates_words_and_what_decides(here: Office, kind: PlanKind) -> None:
    plan = held(here, kind)
    tell_gate_alert(here.services, plan.plan_id)
    tell_gate_alert(here.services, plan.plan_id)
    ((blocks, is_important, is_broadcast),) = here.query("select blocks, is_important, is_broadcast from notification")
    assert (is_important, is_broadcast) == (True, True)
    said = json.dumps(blocks)
    assert "It is a lot." in said
    assert "Fine." not in said
    assert any(block["type"] == "actions" for block in blocks)


def test_what_cannot_be_decided_now_has_nothing_to_press(here: Office) -> None:
    tell_gate_alert(here.services, held(here, PlanKind.SUPPRESSION, PlanStatus.PLANNED).plan_id)
    ((blocks,),) = here.query("select blocks from notification")
    assert not any(block["type"] == "actions" for block in blocks)
    assert "Lists may not be changed now" in json.dumps(blocks)


def test_nobody_words_such_a_message_anywhere_else() -> None:
    operations = Path(tell_gate_alert.__code__.co_filename).parents[1]
    users = [each.name for each in operations.rglob("*.py") if "gate_message" in each.read_text()]
    assert users == ["gate_alerts.py"]
