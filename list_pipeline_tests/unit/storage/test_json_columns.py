"""JSON columns: what is written comes back, rows of the version before are read, and damage is an error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.audience.audience import SplitSummary
from list_pipeline.core.bounces.classes import BounceClass, BounceReason, DecidedBy, FailureEvidence
from list_pipeline.core.drift.findings import DriftKind, RepairSummary
from list_pipeline.core.health.figures import ShownFigures, ShownRate
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.corrections import CorrectionSummary
from list_pipeline.core.plans.evidence import ContactFlag, Evidence, ReversedChange
from list_pipeline.core.plans.gate import GateOutcome, GateRecord
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.rebalancing.balance import RebalancingSummary
from list_pipeline.core.reports.facts import StoredReport
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.suppression.plan import SuppressionSummary
from list_pipeline.core.suppression.verdicts import SuppressionRule
from list_pipeline.storage.database import JsonColumn, UnreadableRowError
from list_pipeline.storage.health import FIGURES
from list_pipeline.storage.plans.plan_rows import EVIDENCE, GATE, SUMMARIES
from list_pipeline.storage.runs.ledger import REPORT
from list_pipeline_tests.unit.storage.json_column_cases import BEFORE


@dataclass(frozen=True, slots=True)
class Small:
    size: int
    words: tuple[str, ...] = ()


COLUMN = JsonColumn("table.column", Small)


class TestAnyColumn:
    def test_a_key_of_a_later_version_is_left_out_and_a_missing_one_gets_its_default(self) -> None:
        assert COLUMN.read({"size": 3, "colour": "red"}) == Small(3, ())

    def test_a_row_without_what_every_version_wrote_is_an_error_that_names_the_field(self) -> None:
        with pytest.raises(UnreadableRowError, match=r"table\.column.*size: missing"):
            COLUMN.read({"words": []})

    def test_the_error_holds_no_value_of_the_row(self) -> None:
        with pytest.raises(UnreadableRowError) as raised:
            COLUMN.read({"size": "ada@example.org"})
        assert "ada" not in str(raised.value)
        assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("kind", "summary"),
    [
        (PlanKind.SUPPRESSION, SuppressionSummary),
        (PlanKind.REBALANCING, RebalancingSummary),
        (PlanKind.ROLLBACK, CorrectionSummary),
        (PlanKind.UNDO, CorrectionSummary),
        (PlanKind.MANUAL, CorrectionSummary),
        (PlanKind.REPAIR, RepairSummary),
        (PlanKind.SPLIT, SplitSummary),
    ],
)
@given(data=st.data())
def test_the_summary_of_a_plan_comes_back_as_it_was_written(kind: PlanKind, summary: type, data: st.DataObject) -> None:
    written = data.draw(st.from_type(summary))
    column = SUMMARIES[kind]
    assert column.read(json.loads(column.text(written))) == written


@given(st.from_type(GateRecord))
def test_what_a_gate_decided_comes_back_as_it_was_written(written: GateRecord) -> None:
    assert GATE.read(json.loads(GATE.text(written))) == written


@given(st.lists(st.from_type(FailureEvidence | ContactFlag | ReversedChange)).map(tuple))
def test_evidence_comes_back_as_it_was_written(written: tuple[Evidence, ...]) -> None:
    assert EVIDENCE.read(json.loads(EVIDENCE.text(written))) == written


@given(st.from_type(StoredReport))
def test_a_report_comes_back_as_it_was_written(written: StoredReport) -> None:
    assert REPORT.read(json.loads(REPORT.text(written))) == written


@given(st.from_type(ShownFigures))
def test_the_figures_of_a_list_come_back_as_they_were_written(written: ShownFigures) -> None:
    assert FIGURES.read(json.loads(FIGURES.text(written))) == written


class TestPlansOfTheVersionBefore:
    def read(self, kind: PlanKind) -> object:
        (row,) = [row for row in BEFORE["plan"] if row["kind"] == kind.value]
        return SUMMARIES[kind].read(row["summary"])

    def test_a_suppression_plan(self) -> None:
        summary = self.read(PlanKind.SUPPRESSION)
        assert isinstance(summary, SuppressionSummary)
        assert (summary.recipients, summary.suppress.total, summary.held) == (935, 44, 6)
        assert summary.by_class[BounceClass.HARD] == 48
        assert summary.by_rule[SuppressionRule.SECOND_HIT] == 5
        assert summary.not_evidence[0].reason is BounceReason.PREBLOCKED
        assert summary.as_of == datetime(2026, 11, 20, 9, tzinfo=UTC)
        assert summary.advice is not None
        assert summary.advice.prompt_version == "optimization-2"

    def test_a_rebalancing_plan(self) -> None:
        summary = self.read(PlanKind.REBALANCING)
        assert isinstance(summary, RebalancingSummary)
        assert (summary.sizes, summary.target_sizes) == ((981, 972, 893), (969, 969, 941))
        assert (summary.move_count, summary.enrolments) == (15, {ListRole.CAMPAIGN_3: 33})

    def test_corrections(self) -> None:
        assert self.read(PlanKind.UNDO) == CorrectionSummary("Undo", {"complaint": (254510284,)})
        assert self.read(PlanKind.REPAIR) == RepairSummary(DriftKind.IN_TWO_CAMPAIGN_LISTS, 2)

    @pytest.mark.parametrize("row", BEFORE["plan"], ids=[row["kind"] for row in BEFORE["plan"]])
    def test_nothing_of_them_is_lost_when_they_are_written_again(self, row: dict[str, dict[str, object]]) -> None:
        column = SUMMARIES[PlanKind(str(row["kind"]))]
        again = column.plain(column.read(row["summary"]))
        # The same instant, spelled with Z; and what corrections say by now.
        again = {name: value for name, value in again.items() if name not in ("as_of", "despite_complaint")}
        before = {name: value for name, value in row["summary"].items() if name != "as_of"}
        assert again.pop("incidents", []) == [
            {"kind": "domain", "name": one["domain"], "attempted": one["recipients"], "expected": None}
            | {"hard_bounces": one["hard_bounces"]}
            for one in before.pop("incidents", [])  # type: ignore[attr-defined]
        ]
        assert again == before

    def test_a_plan_of_before_plans_were_explained_speaks_with_the_policys_voice(self) -> None:
        (row,) = [row for row in BEFORE["plan"] if row["kind"] == "rebalancing"]
        said = {"advice", "rationale", "expected_impact", "advised_by", "advisor_confidence", "concerns",
                "alternatives_considered", "suppressed", "newcomers_available"}  # fmt: skip
        unexplained = {name: value for name, value in row["summary"].items() if name not in said}
        summary = SUMMARIES[PlanKind.REBALANCING].read(unexplained)
        assert isinstance(summary, RebalancingSummary)
        assert (summary.advised_by.value, summary.advice, summary.rationale) == ("policy", None, "")

    def test_what_the_gate_decided(self) -> None:
        row = BEFORE["plan"][0]
        record = GATE.read(row["gate"])
        assert (record.outcome, record.may_run, len(record.waiting)) == (GateOutcome.APPROVED, 42, 8)
        assert [check.name for check in record.checks if not check.passed] == ["review_band", "incidents"]
        assert GATE.plain(record) == row["gate"]

    @pytest.mark.parametrize("row", BEFORE["plan_item"], ids=[row["rule"] for row in BEFORE["plan_item"]])
    def test_the_evidence_of_an_item(self, row: dict[str, list[dict[str, object]]]) -> None:
        found = EVIDENCE.read(row["evidence"])
        assert [one.kind for one in found] == [one["kind"] for one in row["evidence"]]
        for one, stored in zip(found, row["evidence"], strict=True):
            if isinstance(one, FailureEvidence):
                assert (one.bounce_class, one.counts, one.occurred_at.isoformat()) == (
                    stored["class"],
                    stored["counts"],
                    stored["occurred_at"],
                )
                assert one.decided_by is (DecidedBy.RECEIVERS_WORDS if stored["by_text"] else None)

    def test_an_unknown_kind_of_evidence_is_an_error(self) -> None:
        with pytest.raises(UnreadableRowError, match=r"plan_item\.evidence"):
            EVIDENCE.read([{"kind": "hearsay"}])


class TestReportsOfTheVersionBefore:
    def test_a_report_with_what_it_is_about_and_how_its_sentences_came_about(self) -> None:
        stored = BEFORE["list_maintenance_log"][0]["ai_assessments"]["reporting"]
        report = REPORT.read(stored)
        assert (report.status, report.results) == (RunStatus.SUCCESS, stored["results"])
        assert report.advice is not None
        assert report.advice.prompt_version == "reporting-2"
        again = REPORT.plain(report)
        # A report of a campaign says now that it has none of what belongs to a week.
        assert {name: again[name] for name in stored} == stored
        assert again.keys() - stored.keys() == {"highlights", "action_items", "week_over_week"}

    def test_the_figures_of_a_list(self) -> None:
        stored = BEFORE["list_health_assessment"][0]["figures"]
        figures = FIGURES.read(stored)
        assert figures.last_campaign is not None
        assert figures.last_campaign.bounces == ShownRate(12, 1.22, 0.7, 2.13)
        # Complaints were not counted then.
        sends = ("last_campaign", "recent_campaigns")
        told = {name: {**stored[name], "complaints": None} for name in sends}
        assert FIGURES.plain(figures) == {**stored, **told}
