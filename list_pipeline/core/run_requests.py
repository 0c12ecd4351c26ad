"""Work that was asked for over HTTP: its kinds, its key for Dagster, and how long an answer is remembered."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from enum import StrEnum

ANSWERS_KEPT = timedelta(hours=24)
"""For so long the same Idempotency-Key is answered as before."""


class RequestKind(StrEnum):
    """What was asked for."""

    MAINTENANCE = "maintenance"
    HEALTH_CHECK = "health_check"


def run_key(request_id: int) -> str:
    """The key under which Dagster is asked for the run of a request: one run each, ever."""
    return f"request:{request_id}"


def request_hash(kind: RequestKind, asked: str) -> str:
    """What tells two requests under one Idempotency-Key apart: SHA-256 of the kind and of what was asked for."""
    return hashlib.sha256(f"{kind.value}\n{asked}".encode()).hexdigest()
