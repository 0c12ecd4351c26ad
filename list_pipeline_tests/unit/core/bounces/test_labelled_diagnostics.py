"""How well the reading of diagnostics does on texts that nobody in this project wrote.

The texts are not part of the repository: their licences differ row by row. Without the folder this is skipped.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import pytest

from list_pipeline.core.bounces.classes import BounceClass, classify
from list_pipeline.core.bounces.diagnostics import TextEvidence, read_diagnostic
from list_pipeline_tests.paths import CHECKOUT

LABELLED = CHECKOUT.parent / "shared" / "data" / "diagnostics_labelled.csv"
DEAD = {TextEvidence.NO_SUCH_USER, TextEvidence.NO_SUCH_DOMAIN, TextEvidence.MAILBOX_INACTIVE}


@dataclass(frozen=True)
class Measured:
    """Precision and recall are shares; ``sender_side``: texts about the sender that were read as a dead address."""

    rows: int
    found: int
    precision: float
    recall: float
    sender_side: int


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    if not LABELLED.is_file():
        pytest.skip("the labelled diagnostics are not on this machine (../shared/data)")
    with LABELLED.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["conflict"] != "1"]


def measure(rows: list[dict[str, str]]) -> Measured:
    found = [row for row in rows if read_diagnostic(row["diagnostic"]) in DEAD]
    right = sum(row["expected_class"] == "hard" for row in found)
    hard = sum(row["expected_class"] == "hard" for row in rows)
    return Measured(
        len(rows), len(found), right / len(found), right / hard, sum(row["never_suppress"] == "1" for row in found)
    )


def test_texts_read_as_a_dead_address_are_right_and_hardly_ever_about_the_sender(
    rows: list[dict[str, str]], record_property: pytest.RecordProperty
) -> None:
    measured = measure(rows)
    for name in ("rows", "found", "precision", "recall", "sender_side"):
        record_property(name, getattr(measured, name))
    print(f"labelled diagnostics: {measured}")
    assert measured.precision >= 0.97
    assert measured.sender_side <= 3
    # A reading that recognised nothing would have a perfect precision.
    assert measured.recall >= 0.65


def test_a_text_about_the_sender_never_turns_a_disputed_bounce_into_a_certain_one(rows: list[dict[str, str]]) -> None:
    certain = [
        row
        for row in rows
        if row["never_suppress"] == "1"
        and (found := classify(1, False, None, row["diagnostic"])).bounce_class is BounceClass.HARD
        and not found.is_disputed
    ]
    assert len(certain) <= 3
