"""JSON columns: what is written comes back, rows of the version before are read, and damage is an error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.bounces.classes import BounceClass, BounceReason
from list_pipeline.core.drift.findings import DriftKind, RepairSummary
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.corrections import CorrectionSummary
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.rebalancing.summary import RebalancingSummary
from list_pipeline.core.suppression.plan import SuppressionSummary
from list_pipeline.core.suppression.verdicts import SuppressionRule
from list_pipeline.storage.json_columns import JsonColumn, UnreadableRowError
from list_pipeline.storage.plans.plan_rows import SUMMARY_COLUMNS
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
    ],
)
@given(data=st.data())
def test_the_summary_of_a_plan_comes_back_as_it_was_written(kind: PlanKind, summary: type, data: st.DataObject) -> None:
    written = data.draw(st.from_type(summary))
    column = SUMMARY_COLUMNS[kind]
    assert column.read(json.loads(column.text(written))) == written


class TestPlansOfTheVersionBefore:
    def read(self, kind: PlanKind) -> object:
        (row,) = [row for row in BEFORE["plan"] if row["kind"] == kind.value]
        return SUMMARY_COLUMNS[kind].read(row["summary"])

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
        column = SUMMARY_COLUMNS[PlanKind(str(row["kind"]))]
        again = column.plain(column.read(row["summary"]))
        # The same instant, spelled with Z.
        again.pop("as_of", None)
        assert again == {name: value for name, value in row["summary"].items() if name != "as_of"}

    def test_a_plan_of_before_plans_were_explained_speaks_with_the_policys_voice(self) -> None:
        (row,) = [row for row in BEFORE["plan"] if row["kind"] == "rebalancing"]
        said = {"advice", "rationale", "expected_impact", "advised_by", "advisor_confidence", "concerns",
                "alternatives_considered", "suppressed", "newcomers_available"}  # fmt: skip
        unexplained = {name: value for name, value in row["summary"].items() if name not in said}
        summary = SUMMARY_COLUMNS[PlanKind.REBALANCING].read(unexplained)
        assert isinstance(summary, RebalancingSummary)
        assert (summary.advised_by.value, summary.advice, summary.rationale) == ("policy", None, "")
