"""What the JSON columns of plans hold: the summary by the plan's kind, the gate's record, the evidence of an item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, SerializerFunctionWrapHandler, WrapSerializer

from list_pipeline.core.bounces.classes import DecidedBy
from list_pipeline.core.bounces.evidence import FailureEvidence
from list_pipeline.core.drift.findings import RepairSummary
from list_pipeline.core.plans.corrections import CorrectionSummary
from list_pipeline.core.plans.evidence import Evidence
from list_pipeline.core.plans.gate import GateRecord
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.rebalancing.summary import RebalancingSummary
from list_pipeline.core.suppression.plan import SuppressionSummary
from list_pipeline.storage.json_columns import JsonColumn

PlanSummary = SuppressionSummary | RebalancingSummary | CorrectionSummary | RepairSummary
"""What a plan of each kind is in figures and words."""

_CORRECTION: JsonColumn[PlanSummary] = JsonColumn("plan.summary", CorrectionSummary)
SUMMARIES: Mapping[PlanKind, JsonColumn[PlanSummary]] = {
    PlanKind.SUPPRESSION: JsonColumn("plan.summary", SuppressionSummary),
    PlanKind.REBALANCING: JsonColumn("plan.summary", RebalancingSummary),
    PlanKind.ROLLBACK: _CORRECTION,
    PlanKind.UNDO: _CORRECTION,
    PlanKind.MANUAL: _CORRECTION,
    PlanKind.REPAIR: JsonColumn("plan.summary", RepairSummary),
}
"""How the column ``summary`` is read and written, by the kind of the plan."""

GATE: JsonColumn[GateRecord] = JsonColumn("plan.gate", GateRecord)
"""How the column ``gate`` is read and written; it is an empty object until a gate judged the plan."""


def _named(value: Any) -> Any:
    """A failure by the names of its fields: stored, its class is called ``class``.

    Evidence of before ``decided_by`` was kept says only whether the receiver's words decided (``by_text``).
    """
    if not isinstance(value, dict) or value.get("kind") != "failure":
        return value
    before = {"decided_by": DecidedBy.RECEIVERS_WORDS} if value.get("by_text") else {}
    return {**before, **value, "bounce_class": value.get("class")}


def _as_stored(value: Any, handler: SerializerFunctionWrapHandler) -> Any:
    plain = handler(value)
    if isinstance(value, FailureEvidence):
        plain["class"] = plain.pop("bounce_class")
    return plain


# One entry of the column ``evidence``.
_StoredEvidence = Annotated[Evidence, Discriminator("kind"), BeforeValidator(_named), WrapSerializer(_as_stored)]
EVIDENCE: JsonColumn[tuple[Evidence, ...]] = JsonColumn("plan_item.evidence", tuple[_StoredEvidence, ...])


def summary_as_json(kind: PlanKind, summary: PlanSummary) -> Mapping[str, object]:
    """The summary of a plan as its column holds it, for the ledger, which repeats it."""
    plain: Mapping[str, object] = SUMMARIES[kind].plain(summary)
    return plain
