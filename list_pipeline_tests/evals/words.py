"""How well the reading of diagnostics does on texts that nobody in this project wrote.

The texts are not part of the repository: their licences differ row by row. Without the folder nothing is measured.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from list_pipeline.core.bounces.diagnostics import TextEvidence, read_diagnostic
from list_pipeline_tests.paths import CHECKOUT

LABELLED = CHECKOUT.parent / "shared" / "data" / "diagnostics_labelled.csv"
DEAD = frozenset({TextEvidence.NO_SUCH_USER, TextEvidence.NO_SUCH_DOMAIN, TextEvidence.MAILBOX_INACTIVE})
LEAST_PRECISION, LEAST_RECALL, MOST_SENDER_SIDE = 0.97, 0.65, 3


@dataclass(frozen=True)
class Measured:
    """Precision and recall are shares; ``sender_side``: texts read as a dead address that are about the sender."""

    rows: int
    found: int
    precision: float
    recall: float
    sender_side: int
    about_sender: int

    @property
    def is_good_enough(self) -> bool:
        """Whether all three bars are passed. A reading that recognised nothing would have a perfect precision."""
        return (
            self.precision >= LEAST_PRECISION and self.recall >= LEAST_RECALL and self.sender_side <= MOST_SENDER_SIDE
        )

    def __str__(self) -> str:
        return (
            f"receivers' words: of {self.rows} labelled texts {self.found} are read as a dead address, precision "
            f"{self.precision:.3f}, recall {self.recall:.3f}, sender-side removed {self.sender_side} of {self.about_sender}"
        )


def labelled_rows() -> list[dict[str, str]]:
    """The labelled texts without those on which labels conflict; empty where they are not on this machine."""
    if not LABELLED.is_file():
        return []
    with LABELLED.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["conflict"] != "1"]


def measure(rows: Sequence[Mapping[str, str]]) -> Measured:
    """The reading against the labels of some texts, at least one of them dead."""
    found = [row for row in rows if read_diagnostic(row["diagnostic"]) in DEAD]
    right = sum(row["expected_class"] == "hard" for row in found)
    hard = sum(row["expected_class"] == "hard" for row in rows)
    return Measured(
        rows=len(rows),
        found=len(found),
        precision=right / len(found) if found else 0.0,
        recall=right / hard,
        sender_side=sum(row["never_suppress"] == "1" for row in found),
        about_sender=sum(row["never_suppress"] == "1" for row in rows),
    )
