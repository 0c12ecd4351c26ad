"""The one resource: settings, clock, database and clients as a plain object, opened when first used, closed after the run.

It has no configuration of its own, so that no secret can be typed into it and shown: everything comes from the environment.
Tests put a plain Dagster resource that yields ``Services`` in its place.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from list_pipeline.logs import configure_logging
from list_pipeline.operations.services import Services


class ServicesResource(dg.ConfigurableResource[Services]):
    """Hands ``Services`` to assets and sensors. Loading it reads no setting; using it names the one that is missing."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Services]:
        """One object for the run, or for one evaluation of a sensor."""
        with Services() as services:
            # Also where Dagster's own logging would show a traceback with what stood in its frames.
            configure_logging(services.settings)
            yield services
