"""The key of a request's run, and what tells two requests under one Idempotency-Key apart."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from list_pipeline.core.run_requests import (
    ANSWERS_KEPT,
    CORRECTIONS,
    MOST_CONTACTS,
    ONE_AT_A_TIME,
    RUNS,
    RequestKind,
    RequestOutcome,
    outcome_of,
    request_hash,
    run_key,
)


def test_each_request_has_a_key_of_its_own_whose_format_stays() -> None:
    assert (run_key(7), run_key(8)) == ("request:7", "request:8")


def test_requests_differ_in_kind_or_in_what_is_asked_for() -> None:
    hashes = {request_hash(kind, asked) for kind in RequestKind for asked in ("", "a", "b")}
    assert len(hashes) == 3 * len(RequestKind)
    assert request_hash(RequestKind.MAINTENANCE, "a") == hashlib.sha256(b"maintenance\na").hexdigest()


def test_an_answer_is_kept_for_a_day() -> None:
    assert timedelta(hours=24) == ANSWERS_KEPT


def test_whatever_can_be_asked_for_fills_a_row_or_is_a_correction() -> None:
    assert {*RUNS, *CORRECTIONS} == set(RequestKind)
    assert not set(RUNS) & set(CORRECTIONS)
    assert set(ONE_AT_A_TIME) == {*CORRECTIONS} - {RequestKind.SUPPRESS}
    assert MOST_CONTACTS == 1000


def test_corrections_are_done_where_each_of_them_is_and_nothing_where_there_are_none() -> None:
    assert outcome_of([]) is RequestOutcome.NOTHING
    assert outcome_of([True, True]) is RequestOutcome.DONE
    assert outcome_of([True, False]) is RequestOutcome.INCOMPLETE
    assert outcome_of(iter([False])) is RequestOutcome.INCOMPLETE
