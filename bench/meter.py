"""What work costs: CPU seconds of this process and of PostgreSQL, waiting, memory.

Belongs here: reading what the operating system counted. The sandbox runs in a process of its own (``bench.account``), so that
what Mailjet would do is counted nowhere.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg


@dataclass
class Cost:
    """CPU seconds of the product and of PostgreSQL, and seconds by the clock on the wall; filled when the work is over."""

    product_s: float = 0.0
    postgres_s: float = 0.0
    wall_s: float = 0.0

    @property
    def cpu_s(self) -> float:
        """CPU seconds of both."""
        return self.product_s + self.postgres_s


class PostgresMeter:
    """Counts the CPU seconds of all processes of a PostgreSQL server on this machine."""

    def __init__(self, admin_url: str) -> None:
        with psycopg.connect(admin_url) as connection:
            row = connection.execute("select pg_backend_pid()").fetchone()
            assert row is not None
            parent = psutil.Process(int(row[0])).parent()
        if parent is None:
            raise RuntimeError("the bench needs a PostgreSQL server on this machine")
        self._server = parent

    def cpu_s(self) -> float:
        """CPU seconds so far, those of sessions that ended included."""
        own = self._server.cpu_times()
        total = own.user + own.system + own.children_user + own.children_system
        for child in self._server.children(recursive=True):
            try:
                times = child.cpu_times()
            except psutil.NoSuchProcess:
                # It ended meanwhile, and is among the children that the server counted.
                continue
            total += times.user + times.system
        return float(total)


@contextmanager
def metered(postgres: PostgresMeter) -> Iterator[Cost]:
    """The cost of what happens inside."""
    cost = Cost()
    postgres_s, product_s, began = postgres.cpu_s(), time.process_time(), time.perf_counter()
    try:
        yield cost
    finally:
        cost.wall_s = time.perf_counter() - began
        cost.product_s = time.process_time() - product_s
        cost.postgres_s = postgres.cpu_s() - postgres_s


def peak_mb() -> float:
    """The most memory that this process ever held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # What the operating system counts for a process begins with what its parent held when it was started.
        line = next(one for one in status.read_text(encoding="ascii").splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, others KiB.
    return peak / (1024 * 1024) if sys.platform == "darwin" else peak / 1024
