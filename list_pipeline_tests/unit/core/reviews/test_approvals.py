"""How many people have to approve a plan, what is said of it, and when two names are one person."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from list_pipeline.core.plans.gate import CheckSeverity, GateCheck, GateOutcome, GateRecord
from list_pipeline.core.reviews.approvals import Approval, Approvals, Way, approvals_needed, person_key

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def gate(*, cap: bool, mode: bool = True) -> GateRecord:
    checks = (
        GateCheck("mode", mode, CheckSeverity.WARNING, "the mode"),
        GateCheck("cap", cap, CheckSeverity.WARNING, "the cap"),
    )
    return GateRecord(GateOutcome.NEEDS_REVIEW, alert=False, may_run=0, waiting=(1,), checks=checks)


def given(*people: str, needed: int = 2) -> Approvals:
    return Approvals(tuple(Approval(one, AT) for one in people), needed)


@pytest.mark.parametrize(
    ("seen", "over_cap", "needed"),
    [
        (gate(cap=False), 2, 2),
        (gate(cap=False), 1, 1),
        (gate(cap=True), 2, 1),
        (gate(cap=True, mode=False), 2, 1),
        (None, 2, 1),
        (gate(cap=False), 0, 1),
    ],
)
def test_only_a_plan_over_the_cap_needs_more_than_one(seen: GateRecord | None, over_cap: int, needed: int) -> None:
    assert approvals_needed(seen, over_cap) == needed


def test_what_is_missing_is_counted_and_said() -> None:
    assert [given(needed=2).missing, given("ada").missing, given("ada", "bob").missing] == [2, 1, 0]
    assert given("ada", "bob", "eve").missing == 0
    assert given().words == "Over the cap: 2 people have to approve."
    assert given("ada").words == "Approved by ada; one person more has to approve."
    assert given("ada", needed=3).words == "Approved by ada; 2 people more have to approve."
    assert given("ada", "bob").words == "Approved by ada and bob."
    assert given("ada", needed=1).words == ""


@pytest.mark.parametrize("name", ["Ada Lovelace", " ada  lovelace ", "ADA LOVELACE", "\uff21da\u00a0Lovelace"])
def test_neither_case_nor_width_nor_spaces_make_another_person(name: str) -> None:
    assert person_key(name) == "ada lovelace"


def test_another_name_is_another_person() -> None:
    assert person_key("ada") != person_key("ada l.")


def test_each_way_has_its_words() -> None:
    assert [way.words for way in Way] == [
        "on the command line",
        "over HTTP",
        "in Dagster",
        "in Slack",
        "on a page",
        "over MCP",
    ]
