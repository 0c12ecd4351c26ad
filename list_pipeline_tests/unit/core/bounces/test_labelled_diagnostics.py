"""How well the reading of diagnostics does on texts that nobody in this project wrote; skipped where they are not at hand."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from list_pipeline.core.bounces.classes import BounceClass, classify
from list_pipeline_tests.evals.words import Measured, labelled_rows, measure


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    found = labelled_rows()
    if not found:
        pytest.skip("the labelled diagnostics are not on this machine (../shared/data)")
    return found


def test_texts_read_as_a_dead_address_are_right_and_hardly_ever_about_the_sender(
    rows: list[dict[str, str]], record_property: pytest.RecordProperty
) -> None:
    measured = measure(rows)
    for name, value in asdict(measured).items():
        record_property(name, value)
    print(measured)
    assert measured.is_good_enough, str(measured)


def test_a_text_about_the_sender_never_turns_a_disputed_bounce_into_a_certain_one(rows: list[dict[str, str]]) -> None:
    certain = [
        row
        for row in rows
        if row["never_suppress"] == "1"
        and (found := classify(1, False, None, row["diagnostic"])).bounce_class is BounceClass.HARD
        and not found.is_disputed
    ]
    assert len(certain) <= 3


def test_each_bar_is_held() -> None:
    enough = Measured(rows=400, found=100, precision=0.97, recall=0.65, sender_side=3, about_sender=160)
    assert enough.is_good_enough
    assert not replace(enough, precision=0.969).is_good_enough
    assert not replace(enough, recall=0.649).is_good_enough
    assert not replace(enough, sender_side=4).is_good_enough


def test_what_is_measured_is_counted_by_the_labels() -> None:
    texts = [
        ("550 user unknown", "hard", ""),
        ("550 no reason", "hard", ""),
        ("550 no such user", "block", "1"),
        ("550 spam", "block", "1"),
    ]
    rows = [{"diagnostic": text, "expected_class": label, "never_suppress": never} for text, label, never in texts]
    assert measure(rows) == Measured(4, 2, 0.5, 0.5, 1, 2)
    assert measure(rows[1:2]) == Measured(1, 0, 0.0, 0.0, 0, 0)
