"""One virtual clock for several processes, kept in a file that each of them maps into its memory.

Belongs here: reading and moving that clock. Does not belong here: what happens at a time. Rejected: the product's rehearsal
clock, which waits as long as the machine does, and a lock of ``multiprocessing``, which a killed process never gives back;
a lock on a file ends with its process.
"""

from __future__ import annotations

import fcntl
import mmap
import struct
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

_FORM = struct.Struct("<qdd")  # microseconds since 1970, pace, the machine's monotonic seconds at that instant
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SharedClock:
    """Stands still and is moved by sleeping, or runs ``pace`` times as fast as the machine's clock.

    With a pace sleeping waits: for processes that wait for each other, which a clock that stands still forbids.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("r+b")
        self._memory = mmap.mmap(self._file.fileno(), _FORM.size)
        self._lock = threading.Lock()

    @classmethod
    def create(cls, path: Path, start: datetime, pace: float = 0.0) -> Self:
        """Write the file: from now on it is ``start``."""
        path.write_bytes(_FORM.pack((start - _EPOCH) // _MICROSECOND, pace, time.monotonic()))
        return cls(path)

    def now(self) -> datetime:
        """The present instant, in UTC."""
        moment, pace, since = _FORM.unpack(self._memory[:])
        return _EPOCH + timedelta(microseconds=moment, seconds=(time.monotonic() - since) * pace)

    def sleep(self, seconds: float) -> None:
        """Move the clock, or wait where it runs by itself."""
        if seconds <= 0:
            return
        pace = float(_FORM.unpack(self._memory[:])[1])
        if pace > 0:
            time.sleep(seconds / pace)
        else:
            self.advance(timedelta(seconds=seconds))

    def advance(self, by: timedelta) -> None:
        """Move forward, whoever else moves it at the same time."""
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                moment, pace, since = _FORM.unpack(self._memory[:])
                self._memory[:] = _FORM.pack(moment + by // _MICROSECOND, pace, since)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        self._memory.close()
        self._file.close()
