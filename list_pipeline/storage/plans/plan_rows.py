"""Plans and what waits for a person. A plan's items are written once, together with the plan, and never changed.

Belongs here: also what the JSON columns of plans hold: the summary by the plan's kind, the gate's record, the evidence
of an item.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Discriminator, SerializerFunctionWrapHandler, WrapSerializer
from sqlalchemy import Connection, RowMapping

from list_pipeline.core.audience.audience import SplitSummary
from list_pipeline.core.bounces.classes import DecidedBy, FailureEvidence
from list_pipeline.core.drift.findings import RepairSummary
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.plans.corrections import CorrectionSummary
from list_pipeline.core.plans.evidence import Evidence
from list_pipeline.core.plans.gate import GateRecord
from list_pipeline.core.plans.plan import (
    CHANGING_ACTIONS,
    MAINTENANCE_PLANS,
    PLAN_LIFE,
    ItemAction,
    PlanItem,
    PlanKind,
    PlanStatus,
    Sweep,
)
from list_pipeline.core.rebalancing.balance import RebalancingSummary
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.suppression.plan import SuppressionSummary
from list_pipeline.storage.database import (
    JsonColumn,
    copy_rows,
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
    fetch_scalar,
    fetch_tuples,
    left_for,
    look_again_after,
    require_one,
    require_row,
    sql_list,
    sql_word,
    to_json,
)
from list_pipeline.storage.plans.journal import ITEM_ACTIONS, ROLES

PlanSummary = SuppressionSummary | RebalancingSummary | CorrectionSummary | RepairSummary | SplitSummary
"""What a plan of each kind is in figures and words."""


def _incident(value: Any) -> Any:
    """An incident as its fields are called now. Before operators were told apart, it was always one of a domain."""
    if not isinstance(value, dict) or "domain" not in value:
        return value
    figures = {"hard_bounces": value.get("hard_bounces"), "attempted": value.get("recipients"), "expected": None}
    return {"kind": GroupKind.DOMAIN, "name": value["domain"], **figures}


def _suppression(value: Any) -> Any:
    if isinstance(value, dict) and isinstance(value.get("incidents"), list):
        return {**value, "incidents": [_incident(one) for one in value["incidents"]]}
    return value


_SUPPRESSION: JsonColumn[PlanSummary] = JsonColumn(
    "plan.summary", cast("type[PlanSummary]", Annotated[SuppressionSummary, BeforeValidator(_suppression)])
)
_CORRECTION: JsonColumn[PlanSummary] = JsonColumn("plan.summary", CorrectionSummary)
SUMMARIES: Mapping[PlanKind, JsonColumn[PlanSummary]] = {
    PlanKind.SUPPRESSION: _SUPPRESSION,
    PlanKind.REBALANCING: JsonColumn("plan.summary", RebalancingSummary),
    PlanKind.ROLLBACK: _CORRECTION,
    PlanKind.UNDO: _CORRECTION,
    PlanKind.REDO: _CORRECTION,
    PlanKind.MANUAL: _CORRECTION,
    PlanKind.REPAIR: JsonColumn("plan.summary", RepairSummary),
    PlanKind.IMPORT: _CORRECTION,
    PlanKind.QUARANTINE: _CORRECTION,
    PlanKind.RELEASE: _CORRECTION,
    PlanKind.SPLIT: JsonColumn("plan.summary", SplitSummary),
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


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan without its items. ``campaign_id`` and ``sweep`` are None for what belongs to no campaign.

    ``gate`` is None until a gate judged it. ``requested_by`` and ``note``: who asked for a correction, and why.
    ``withdrawn_by``: who undid its maintenance before it was carried out to the end; ``decided_by`` stays who decided.
    ``decided_via``: which way a person took to decide; None where none did, or it is not known.
    """

    plan_id: int
    campaign_id: int | None
    kind: PlanKind
    sweep: Sweep | None
    revision: int
    content_hash: str
    policy_version: str
    status: PlanStatus
    summary: PlanSummary
    gate: GateRecord | None
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    executed_at: datetime | None
    requested_by: str | None
    note: str | None
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    decided_via: Way | None = None

    @property
    def suppression_summary(self) -> SuppressionSummary:
        """The summary of a suppression plan.

        Raises:
            TypeError: it is another kind of plan.
        """
        if not isinstance(self.summary, SuppressionSummary):
            raise TypeError(f"plan {self.plan_id} is no suppression plan")
        return self.summary

    @property
    def rebalancing_summary(self) -> RebalancingSummary:
        """The summary of a rebalancing plan.

        Raises:
            TypeError: it is another kind of plan.
        """
        if not isinstance(self.summary, RebalancingSummary):
            raise TypeError(f"plan {self.plan_id} is no rebalancing plan")
        return self.summary

    @property
    def split_summary(self) -> SplitSummary:
        """The summary of a plan that divides a new audience.

        Raises:
            TypeError: it is another kind of plan.
        """
        if not isinstance(self.summary, SplitSummary):
            raise TypeError(f"plan {self.plan_id} divides no audience")
        return self.summary


_ITEM_COLUMNS = tuple(PlanItem.__dataclass_fields__)
_PLAN_COLUMNS = ", ".join(StoredPlan.__dataclass_fields__)

_CURRENT_PLAN = f"""
    select {_PLAN_COLUMNS} from plan where campaign_id = :campaign and kind = :kind and sweep = :sweep
    order by revision desc limit 1
"""

_MAINTENANCE_PLANS = f"""
    select distinct on (kind) {_PLAN_COLUMNS} from plan
    where campaign_id = :campaign and kind in {sql_list(*MAINTENANCE_PLANS)} and sweep = :sweep
    order by kind, revision desc
"""


def current_plan(connection: Connection, campaign_id: int, kind: PlanKind, sweep: Sweep) -> StoredPlan | None:
    """The newest revision of a plan, or None."""
    row = fetch_one(connection, _CURRENT_PLAN, campaign=campaign_id, kind=kind, sweep=sweep)
    return _plan(row) if row is not None else None


def maintenance_plans(
    connection: Connection, campaign_id: int, sweep: Sweep
) -> tuple[StoredPlan | None, StoredPlan | None]:
    """The newest revisions of both plans of a maintenance, the suppression's first; None for one that was not made."""
    rows = fetch_all(connection, _MAINTENANCE_PLANS, campaign=campaign_id, sweep=sweep)
    found = {plan.kind: plan for plan in map(_plan, rows)}
    return found.get(PlanKind.SUPPRESSION), found.get(PlanKind.REBALANCING)


def moves_decided_at(connection: Connection, *, before_plan: int) -> datetime | None:
    """When a person or the gate last decided on a rebalancing that moves or enrols somebody, the given plan left out. An edit
    is no such decision."""
    found: datetime | None = fetch_scalar(
        connection,
        f"""
        select max(decided_at) from plan p where p.kind = {sql_word(PlanKind.REBALANCING)} and p.plan_id < :plan
          and p.status <> {sql_word(PlanStatus.SUPERSEDED)}
          and exists (select 1 from plan_item i where i.plan_id = p.plan_id)
        """,
        plan=before_plan,
    )
    return found


def plan_by_id(connection: Connection, plan_id: int) -> StoredPlan | None:
    """A plan, or None."""
    row = fetch_one(connection, f"select {_PLAN_COLUMNS} from plan where plan_id = :id", id=plan_id)
    return _plan(row) if row is not None else None


def existing_plan(connection: Connection, plan_id: int) -> StoredPlan:
    """A plan whose number comes from a row of ours.

    Raises:
        MissingRowError: there is none.
    """
    statement = f"select {_PLAN_COLUMNS} from plan where plan_id = :id"
    return _plan(fetch_row(connection, f"plan {plan_id}", statement, id=plan_id))


def _plan(row: RowMapping) -> StoredPlan:
    values = dict(row)
    kind = PlanKind(values["kind"])
    return StoredPlan(
        **{
            **values,
            "kind": kind,
            "gate": GATE.read(values["gate"]) if values["gate"] else None,
            "summary": SUMMARIES[kind].read(values["summary"]),
            "sweep": Sweep(values["sweep"]) if values["sweep"] else None,
            "status": PlanStatus(values["status"]),
            "decided_via": Way(values["decided_via"]) if values["decided_via"] else None,
        }
    )


def save_plan(
    connection: Connection,
    *,
    campaign_id: int | None,
    kind: PlanKind,
    sweep: Sweep | None,
    content_hash: str,
    policy_version: str,
    status: PlanStatus,
    summary: PlanSummary,
    items: Iterable[PlanItem],
    now: datetime,
    revision: int = 1,
    requested_by: str | None = None,
    note: str | None = None,
) -> StoredPlan:
    """Write a revision of a plan with its items; one that another run wrote first stays, and is returned."""
    row = fetch_one(
        connection,
        f"""
        insert into plan (campaign_id, kind, sweep, revision, content_hash, policy_version, status, summary, created_at,
               requested_by, note)
        values (:campaign, :kind, :sweep, :revision, :hash, :policy, :status, cast(:summary as jsonb), :now, :by, :note)
        on conflict (campaign_id, kind, sweep, revision) do nothing returning {_PLAN_COLUMNS}
        """,
        campaign=campaign_id,
        kind=kind,
        sweep=sweep,
        hash=content_hash,
        policy=policy_version,
        status=status,
        summary=SUMMARIES[kind].text(summary),
        now=now,
        revision=revision,
        by=requested_by,
        note=note,
    )
    if row is None:
        what = f"the {kind.value} plan of campaign {campaign_id}"
        return _plan(fetch_row(connection, what, _CURRENT_PLAN, campaign=campaign_id, kind=kind, sweep=sweep))
    plan = _plan(row)
    written = copy_rows(
        connection,
        "plan_item",
        ("plan_id", *_ITEM_COLUMNS),
        ((plan.plan_id, *(_column(item, name) for name in _ITEM_COLUMNS)) for item in items),
    )
    look_again_after(connection, written, "plan_item")
    return plan


def plan_items(
    connection: Connection, plan_id: int, actions: Collection[ItemAction] | None = None
) -> tuple[PlanItem, ...]:
    """The items of a plan by contact id; all, or those with one of the actions."""
    found = fetch_tuples(
        connection,
        f"""select {", ".join(_ITEM_COLUMNS)} from plan_item
            where plan_id = :id and (cast(:actions as text[]) is null or action = any(:actions)) order by contact_id""",
        id=plan_id,
        actions=None if actions is None else sorted(actions),
    )
    return tuple(_item(row) for row in found)


def page_of_items(connection: Connection, plan_id: int, *, after: int, limit: int) -> tuple[PlanItem, ...]:
    """A page of the items of a plan by contact id, without the first ``after`` of them."""
    found = fetch_tuples(
        connection,
        f"""select {", ".join(_ITEM_COLUMNS)} from plan_item
            where plan_id = :id order by contact_id offset :after limit :limit""",
        id=plan_id,
        after=after,
        limit=limit,
    )
    return tuple(_item(row) for row in found)


def count_items(connection: Connection, plan_id: int) -> int:
    """How many items a plan has, whatever is intended with them."""
    return int(fetch_scalar(connection, "select count(*) from plan_item where plan_id = :id", id=plan_id))


def changes_if_approved(connection: Connection, plan_id: int) -> int:
    """How many contacts a plan changes once it is approved: what it holds is decided by itself."""
    return int(
        fetch_scalar(
            connection,
            f"""select count(*) from plan_item
                where plan_id = :id and action in {sql_list(*sorted(CHANGING_ACTIONS))} and not is_held""",
            id=plan_id,
        )
    )


def _column(item: PlanItem, name: str) -> Any:
    value = getattr(item, name)
    if name == "evidence":
        return EVIDENCE.text(value)
    return value.value if isinstance(value, Enum) else value


_ACTION, _FROM, _TO, _EVIDENCE = (_ITEM_COLUMNS.index(name) for name in ("action", "from_role", "to_role", "evidence"))


def _item(row: Sequence[Any]) -> PlanItem:
    """The item of a row of ``_ITEM_COLUMNS``. A plan may have a hundred thousand of them, most without evidence."""
    values = list(row)
    values[_ACTION] = ITEM_ACTIONS[values[_ACTION]]
    values[_FROM], values[_TO] = ROLES[values[_FROM]], ROLES[values[_TO]]
    values[_EVIDENCE] = EVIDENCE.read(values[_EVIDENCE]) if values[_EVIDENCE] else ()
    return PlanItem(*values)


def set_gate(
    connection: Connection,
    seen: StoredPlan,
    status: PlanStatus,
    gate: GateRecord,
    now: datetime,
    decided_by: str | None,
) -> None:
    """Write what the gate saw and decided. A plan that a person has to decide has no decision yet.

    Raises:
        IllegalTransitionError: from where the plan was seen it may not get there.
        StateChangedError: somebody decided in between, and that stands.
    """
    if status is not seen.status:
        PLAN_LIFE.advance(seen.status, status)
    touched = execute(
        connection,
        """
        update plan set status = :status, gate = cast(:gate as jsonb), decided_by = :by,
               decided_at = case when cast(:by as text) is null then null else cast(:now as timestamptz) end
        where plan_id = :id and status = :seen and coalesce(decided_by, 'gate') = 'gate'
        """,
        id=seen.plan_id,
        seen=seen.status,
        status=status,
        gate=GATE.text(gate),
        by=decided_by,
        now=now,
    )
    require_one(touched, f"Writing what the gate decided on plan {seen.plan_id}")


def decide(
    connection: Connection,
    plan_id: int,
    seen: PlanStatus,
    wanted: PlanStatus,
    by: str,
    now: datetime,
    via: Way | None = None,
) -> StoredPlan:
    """A decision on a plan that was seen in a status. Returns the plan as it is now.

    Raises:
        IllegalTransitionError: from there it may not get to ``wanted``.
        StateChangedError: somebody else decided in between.
    """
    row = fetch_one(
        connection,
        f"""update plan set status = :wanted, decided_by = :by, decided_at = :now, decided_via = :via
            where plan_id = :id and status = :seen returning {_PLAN_COLUMNS}""",
        id=plan_id,
        via=via,
        seen=seen,
        wanted=PLAN_LIFE.advance(seen, wanted),
        by=by,
        now=now,
    )
    return _plan(require_row(row, f"Making plan {plan_id} {wanted.value}"))


def mark_executed(connection: Connection, plan_id: int, now: datetime) -> None:
    """Everything of an approved plan is settled. One that somebody else marked already stays as it was marked.

    Raises:
        StateChangedError: it is not approved any more: it was turned down or taken back in between.
    """
    touched = execute(
        connection,
        f"""update plan set status = :executed, executed_at = :now
            where plan_id = :id and status in {left_for(PLAN_LIFE, PlanStatus.EXECUTED)}""",
        id=plan_id,
        executed=PlanStatus.EXECUTED,
        now=now,
    )
    if not touched:
        found = fetch_scalar(connection, "select status from plan where plan_id = :id", id=plan_id)
        touched = int(found == PlanStatus.EXECUTED)
    require_one(touched, f"Marking plan {plan_id} as executed")


def add_review_item(
    connection: Connection,
    *,
    campaign_id: int | None,
    plan_id: int,
    kind: ReviewKind,
    summary: str,
    details: Mapping[str, Any],
    now: datetime,
    contact_id: int | None = None,
) -> None:
    """Ask a person; asking the same twice is one question."""
    execute(
        connection,
        """
        insert into review_item (campaign_id, plan_id, contact_id, kind, summary, details, created_at)
        values (:campaign, :plan, :contact, :kind, :summary, cast(:details as jsonb), :now)
        on conflict (plan_id, kind, coalesce(contact_id, 0), md5(summary)) where plan_id is not null do nothing
        """,
        campaign=campaign_id,
        plan=plan_id,
        contact=contact_id,
        kind=kind,
        summary=summary,
        details=to_json(details),
        now=now,
    )


def ask_about_plan(
    connection: Connection,
    plan: StoredPlan,
    summary: str,
    now: datetime,
    *,
    contact_id: int | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Ask a person about a plan that waits, or about one contact of it; the question names the content that it is about.

    Args:
        more: what its details hold beside that.
    """
    add_review_item(
        connection,
        campaign_id=plan.campaign_id,
        plan_id=plan.plan_id,
        kind=ReviewKind.PLAN,
        contact_id=contact_id,
        summary=summary,
        details={"content_hash": plan.content_hash, **(more or {})},
        now=now,
    )


def add_finding(
    connection: Connection,
    summary: str,
    now: datetime,
    *,
    campaign_id: int | None = None,
    about: str | None = None,
    contact_ids: Sequence[int] = (),
    missing_rounds: Sequence[int] = (),
) -> None:
    """Tell people something that belongs to no plan; the caller makes sure that it is told once.

    Args:
        about: what it is about, for those who look for such findings. contact_ids: everybody whom it concerns, also those
            whom the summary only counts. missing_rounds: the rounds, by number, that it says are missing.
    """
    execute(
        connection,
        """
        insert into review_item (campaign_id, kind, summary, details, created_at)
        values (:campaign, :kind, :summary, cast(:details as jsonb), :now)
        """,
        campaign=campaign_id,
        kind=ReviewKind.FINDING,
        summary=summary,
        details=to_json(
            {
                **({"about": about} if about else {}),
                **({"contact_ids": list(contact_ids)} if contact_ids else {}),
                **({"rounds": list(missing_rounds)} if missing_rounds else {}),
            }
        ),
        now=now,
    )


def approved_operations(connection: Connection, most: int) -> int:
    """Plans that a person approved and that were executed, counted up to so many: five of them are needed before the mode
    becomes auto, and nobody asks how many more there are."""
    return int(
        fetch_scalar(
            connection,
            f"""select count(*) from (
                   select from plan where executed_at is not null and decided_by is not null
                   and decided_by not in ('gate', 'nobody') and kind in {sql_list(*MAINTENANCE_PLANS)} limit :most) approved""",
            most=most,
        )
    )
