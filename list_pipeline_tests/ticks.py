"""Every sensor and schedule of the code location evaluated as the daemon does it, with what it asks of databases counted.

Belongs here: evaluating and counting, for tests and the bench. Does not belong here: what is expected of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg
from sqlalchemy import event
from sqlalchemy.engine import Engine

from list_pipeline.defs.build import build_defs
from list_pipeline.operations.services import Services


@dataclass
class Asked:
    """What was asked of all databases, ours and Dagster's: statements, rows that were answered, CPU seconds of this process."""

    statements: int = 0
    rows: int = 0
    cpu_s: float = 0.0


@contextmanager
def counted() -> Iterator[Asked]:
    """What is asked inside."""
    asked, began = Asked(), time.process_time()

    def note(_connection: Any, cursor: Any, *_: object) -> None:
        asked.statements += 1
        asked.rows += max(cursor.rowcount, 0) if cursor.description is not None else 0

    event.listen(Engine, "after_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "after_cursor_execute", note)
        asked.cpu_s = time.process_time() - began


class Ticks:
    """The sensors and schedules of the code location on an instance, with their cursors kept from tick to tick."""

    def __init__(
        self, instance: dg.DagsterInstance, services: Callable[[], Services], now: Callable[[], datetime]
    ) -> None:
        @dg.resource
        def opened(_: dg.InitResourceContext) -> Iterator[Services]:
            with services() as made:
                yield made

        self._instance, self._resource, self._now = instance, opened, now
        self._defs = build_defs(opened)
        self._repository = self._defs.get_repository_def()
        self._cursors: dict[str, str | None] = {}

    @property
    def names(self) -> list[str]:
        """Every sensor and schedule there is."""
        both = (*self._repository.sensor_defs, *self._repository.schedule_defs)
        return sorted(each.name for each in both)

    def evaluate(self, name: str) -> Asked:
        """One tick, with the partitions that it wants added."""
        with counted() as asked:
            if self._repository.has_sensor_def(name):
                self._sensor(name)
            else:
                self._schedule(name)
        return asked

    def all(self) -> Mapping[str, Asked]:
        """One tick of each."""
        return {name: self.evaluate(name) for name in self.names}

    def _sensor(self, name: str) -> None:
        with dg.build_sensor_context(
            instance=self._instance,
            definitions=self._defs,
            sensor_name=name,
            cursor=self._cursors.get(name),
            resources={"services": self._resource},
        ) as context:
            result = self._repository.get_sensor_def(name)(context)
            self._cursors[name] = context.cursor
        if isinstance(result, dg.SensorResult):
            self._cursors[name] = result.cursor or self._cursors[name]
            for wanted in result.dynamic_partitions_requests or ():
                assert isinstance(wanted, dg.AddDynamicPartitionsRequest)
                self._instance.add_dynamic_partitions(wanted.partitions_def_name, list(wanted.partition_keys))

    def _schedule(self, name: str) -> None:
        with dg.build_schedule_context(
            instance=self._instance, scheduled_execution_time=self._now(), resources={"services": self._resource}
        ) as context:
            self._repository.get_schedule_def(name)(context)
