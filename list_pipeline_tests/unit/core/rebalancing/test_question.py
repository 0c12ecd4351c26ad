"""When an advisor is asked about a rebalancing at all, and whether it is told that the open cycle keeps lists apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline_tests.unit.core.rebalancing.rebalancing_cases import question

ONE, TWO, THREE = CAMPAIGN_LISTS
NOTHING = question((1_000, 1_000, 1_000))


def test_nothing_to_do_is_not_worth_a_question() -> None:
    assert NOTHING.flows.changes_nothing
    assert not NOTHING.is_worth_asking


@pytest.mark.parametrize(
    "changes",
    [
        {"moves": {(ONE, TWO): 1}},
        {"enrolments": {ONE: 1}},
        {"deferred_moves": {(ONE, TWO): 1}},
        {"deferred_enrolments": {ONE: 1}},
    ],
)
def test_whatever_changes_or_has_to_wait_is_worth_one(changes: dict[str, object]) -> None:
    flows = replace(NOTHING.flows, **changes)  # type: ignore[arg-type]
    assert replace(NOTHING, flows=flows).is_worth_asking


@pytest.mark.parametrize(
    ("sent", "frozen", "split"),
    [
        (set(), set(), False),
        ({ONE}, set(), True),
        ({ONE, TWO}, set(), True),
        ({ONE, TWO, THREE}, set(), False),
        # What is frozen stands still anyway: of the others, some have to be sent and some not.
        ({ONE}, {ONE}, False),
        ({ONE, TWO}, {THREE}, False),
        ({ONE}, {TWO}, True),
    ],
)
def test_a_cycle_that_was_sent_to_some_of_the_open_lists_keeps_them_apart(
    sent: set[ListRole], frozen: set[ListRole], split: bool
) -> None:
    asked = replace(NOTHING, sent_in_open_cycle=frozenset(sent), frozen=frozenset(frozen))
    assert asked.is_split is split
