"""The shared parts of the command line: the console, and services opened for one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from list_pipeline.logs import configure_logging, flush_errors
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import logged_with
from list_pipeline.settings import read_settings

console = Console(soft_wrap=True)


@contextmanager
def opened_services() -> Iterator[Services]:
    """Services made of the environment, closed after the command."""
    settings = read_settings()
    configure_logging(settings)
    with Services(settings) as services:
        try:
            with logged_with(run_id=services.run_id):
                yield services
        finally:
            flush_errors()
