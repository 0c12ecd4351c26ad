"""The one resource: settings, clock, database and clients as a plain object, opened when first used, closed after the run.

It has no configuration of its own, so that no secret can be typed into it and shown: everything comes from the environment.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg
from pydantic import PrivateAttr

from list_pipeline.core.clock import Clock
from list_pipeline.operations.services import Services
from list_pipeline.settings import Settings


class ServicesResource(dg.ConfigurableResource[Services]):
    """Hands ``Services`` to assets and sensors. Loading it reads no setting; using it names the one that is missing."""

    _settings: Settings | None = PrivateAttr(default=None)
    _clock: Clock | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings, clock: Clock | None = None) -> ServicesResource:
        """A resource on given settings and clock instead of the environment's and the system's; for tests."""
        resource = cls()
        resource._settings = settings
        resource._clock = clock
        return resource

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Services]:
        """One object for the run, or for one evaluation of a sensor."""
        with self.open() as services:
            yield services

    @contextmanager
    def open(self) -> Generator[Services]:
        """The same outside a run."""
        with Services(self._settings, self._clock) as services:
            yield services
