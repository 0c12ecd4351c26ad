"""The key of a request's run, and what tells two requests under one Idempotency-Key apart."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from list_pipeline.core.run_requests import ANSWERS_KEPT, RequestKind, request_hash, run_key


def test_each_request_has_a_key_of_its_own_whose_format_stays() -> None:
    assert (run_key(7), run_key(8)) == ("request:7", "request:8")


def test_requests_differ_in_kind_or_in_what_is_asked_for() -> None:
    hashes = {request_hash(kind, asked) for kind in RequestKind for asked in ("", "a", "b")}
    assert len(hashes) == 6
    assert request_hash(RequestKind.MAINTENANCE, "a") == hashlib.sha256(b"maintenance\na").hexdigest()


def test_an_answer_is_kept_for_a_day() -> None:
    assert timedelta(hours=24) == ANSWERS_KEPT
