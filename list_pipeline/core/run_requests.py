"""Work that was asked for over HTTP: its kinds, its key for Dagster, what became of it, how long an answer is remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

ANSWERS_KEPT = timedelta(hours=24)
"""For so long the same Idempotency-Key is answered as before."""
CLAIM_KEPT = timedelta(minutes=1)
"""For so long nobody else answers under a key for which no answer stands yet; by then whoever began it has died."""
MOST_CONTACTS = 1_000
"""So many contacts are suppressed by one request; more come as a file."""


class RequestKind(StrEnum):
    """What was asked for. All but the first two are corrections, which a person with a role that decides asks for."""

    MAINTENANCE = "maintenance"
    HEALTH_CHECK = "health_check"
    UNDO = "undo"
    REDO = "redo"
    REINSTATE = "reinstate"
    RELEASE = "release"
    SUPPRESS = "suppress"


RUNS = (RequestKind.MAINTENANCE, RequestKind.HEALTH_CHECK)
"""The kinds whose run fills a row of its own."""

CORRECTIONS = (RequestKind.UNDO, RequestKind.REDO, RequestKind.REINSTATE, RequestKind.RELEASE, RequestKind.SUPPRESS)
"""The kinds of which a row says by itself what became of them."""

ONE_AT_A_TIME = (RequestKind.UNDO, RequestKind.REDO, RequestKind.REINSTATE, RequestKind.RELEASE)
"""The corrections of which the same, asked for again before it ended, is one request; each list of suppressions is its own."""


class RequestOutcome(StrEnum):
    """What became of a correction that was asked for.

    ``incomplete``: some of it failed or is open. ``waits``: its plan waits for a person. ``nothing``: nothing was left to do.
    ``refused``: a safety rule forbade it. ``failed``: something went wrong; asked for again, it goes on.
    """

    DONE = "done"
    INCOMPLETE = "incomplete"
    WAITS = "waits"
    NOTHING = "nothing"
    REFUSED = "refused"
    FAILED = "failed"


def outcome_of(complete: Iterable[bool]) -> RequestOutcome:
    """The outcome of corrections that were carried out.

    Args:
        complete: of each, whether all of it was done.
    """
    each = tuple(complete)
    if not each:
        return RequestOutcome.NOTHING
    return RequestOutcome.DONE if all(each) else RequestOutcome.INCOMPLETE


def run_key(request_id: int) -> str:
    """The key under which Dagster is asked for the run of a request: one run each, ever."""
    return f"request:{request_id}"


def request_hash(kind: RequestKind, asked: str) -> str:
    """What tells two requests under one Idempotency-Key apart: SHA-256 of the kind and of what was asked for."""
    return hashlib.sha256(f"{kind.value}\n{asked}".encode()).hexdigest()
