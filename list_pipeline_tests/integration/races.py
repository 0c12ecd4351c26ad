"""Two transactions that want the same rows at the same time, on a real PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection

from list_pipeline.storage.database import Database, fetch_scalar

Write = Callable[[Connection], object]


def lose_race(database: Database, winner: Write, loser: Write) -> BaseException | None:
    """Let both write, the winner first: the loser waits for its rows, and sees them only when the winner has committed.

    Returns:
        What the loser raised; None when it wrote.
    """
    raised: list[BaseException] = []

    def lose() -> None:
        try:
            with database.begin() as connection:
                loser(connection)
        except Exception as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=lose)
    with database.begin() as connection:
        winner(connection)
        thread.start()
        _wait_for_a_waiter(database, thread)
    thread.join(20)
    assert not thread.is_alive()
    return raised[0] if raised else None


def _wait_for_a_waiter(database: Database, thread: threading.Thread) -> None:
    """Until a statement waits for a row; one that waits for none has failed or written already."""
    waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    for _ in range(500):
        with database.begin() as connection:
            if fetch_scalar(connection, waits):
                return
        if not thread.is_alive():
            return
        time.sleep(0.01)
    raise AssertionError("nobody waited")
