"""When the holder of a lock counts as stuck, and what people are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from list_pipeline.core.monitoring.stuck_sessions import LockHolder, LockName, StuckSession, stuck_session_message
from list_pipeline.storage import lock_numbers

HOLDER = LockHolder(
    LockName.MUTATION,
    "maintenance of 2026-11-20-r3-7",
    4711,
    "idle",
    datetime(2026, 11, 20, 9, 1, 12, tzinfo=UTC),
    900.0,
)


@pytest.mark.parametrize(
    ("lock", "state", "silent_s", "stuck"),
    [
        (LockName.MUTATION, "idle", 899.9, False),
        (LockName.MUTATION, "idle", 900.0, True),
        (LockName.MUTATION, "idle in transaction", 899.9, False),
        (LockName.FENCE, "active", 899.9, False),
        (LockName.FENCE, "active", 900.0, True),
        (LockName.FENCE, "idle in transaction", 59.9, False),
        (LockName.FENCE, "idle in transaction (aborted)", 60.0, True),
        (LockName.LIMITER, "active", 59.9, False),
        (LockName.LIMITER, "active", 60.0, True),
    ],
)
def test_a_holder_is_stuck_when_it_is_silent_for_longer_than_any_work(
    lock: LockName, state: str, silent_s: float, stuck: bool
) -> None:
    assert replace(HOLDER, lock=lock, state=state, silent_s=silent_s).is_stuck is stuck


def test_every_lock_but_that_of_the_migrations_is_watched() -> None:
    numbers = {name for name in vars(lock_numbers) if name.isupper()}
    assert {name.name for name in LockName} == numbers - {"SCHEMA"}


def test_the_words_say_who_holds_it_since_when_and_what_it_does() -> None:
    words = "maintenance of 2026-11-20-r3-7 since 09:01:12 UTC (session 4711, idle, silent for 15 min)"
    assert HOLDER.words == words
    hidden = replace(HOLDER, began_at=None, state="hidden", silent_s=0.0)
    assert hidden.words == "maintenance of 2026-11-20-r3-7 (session 4711 of another user of the database)"


def test_people_are_told_what_hung_and_whether_it_was_ended() -> None:
    ended = stuck_session_message(StuckSession(1, HOLDER, was_ended=True))
    assert ended.text.startswith(
        "⚠️ A Session Held a Lock and Did Nothing: maintenance of 2026-11-20-r3-7 held the lock on"
    )
    assert "goes on from the journal" in ended.text
    assert "2026-11-20 09:01:12 UTC" in str(ended.blocks)
    left = stuck_session_message(StuckSession(1, replace(HOLDER, began_at=None), was_ended=False))
    assert left.text.startswith("🚨 A Stuck Session Holds Everything Up: ")
    assert "not known" in str(left.blocks)
    assert "pg_terminate_backend(4711)" in left.text
