"""How well the reading of diagnostics does on texts that nobody in this project wrote.

The texts are not part of the repository: their licences differ row by row. Without the folder this is skipped.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import pytest

from list_pipeline.core.bounces.classes import BounceClass, classify
from list_pipeline.core.bounces.smtp_vocabulary import TextEvidence, read_diagnostic
from list_pipeline_tests.paths import CHECKOUT

LABELLED = CHECKOUT.parent / "shared" / "data" / "diagnostics_labelled.csv"
ABSENT = {TextEvidence.NO_SUCH_USER, TextEvidence.NO_SUCH_DOMAIN}


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
    found = [row for row in rows if read_diagnostic(row["diagnostic"]) in ABSENT]
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
    assert measured.recall >= 0.35


def test_a_text_about_the_sender_never_turns_a_disputed_bounce_into_a_certain_one(rows: list[dict[str, str]]) -> None:
    certain = [
        row
        for row in rows
        if row["never_suppress"] == "1"
        and (found := classify(1, False, None, row["diagnostic"])).bounce_class is BounceClass.HARD
        and not found.is_disputed
    ]
    assert len(certain) <= 3


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("550 5.1.1 <someone@example.com>... User unknown", TextEvidence.NO_SUCH_USER),
        ("550 No such user here", TextEvidence.NO_SUCH_USER),
        ("550-5.1.1 The email account that you tried to reach does not exist.", TextEvidence.NO_SUCH_USER),
        ("550 Empfänger unbekannt", TextEvidence.NO_SUCH_USER),
        ("451 4.1.1 User unknown, try again later", None),
        ("450 User unknown in local table (greylisted)", None),
        ("550 5.7.1 User unknown: your IP is on a blacklist", TextEvidence.SENDER_SIDE),
        ("550 Sender address rejected: user unknown", TextEvidence.SENDER_SIDE),
        ("550 Too many invalid recipients", TextEvidence.SENDER_SIDE),
        ("552 5.2.2 Mailbox full", TextEvidence.MAILBOX_FULL),
        ("550 mailbox disabled", None),
        ("550 user suspended", None),
        ("NXDOMAIN", TextEvidence.NO_SUCH_DOMAIN),
        ("", None),
        (None, None),
    ],
)
def test_plain_statements_are_recognised_and_ambiguous_ones_are_not(
    text: str | None, evidence: TextEvidence | None
) -> None:
    assert read_diagnostic(text) is evidence


def test_an_address_cannot_speak_for_the_receiver() -> None:
    assert read_diagnostic("550 <user.unknown@no-such-user.example.com> please look at our help pages") is None


def test_an_endless_text_is_read_only_at_its_beginning() -> None:
    assert read_diagnostic("x " * 100_000 + "user unknown") is None
