"""Telling people how far long work is: a sentence at a time, to whoever is looking.

Where nobody asked, the sentences are logged (``logged``). The method of a module's log is no default for that: it would be
bound when the module is imported, so before anybody said where the log goes and from which level on.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

Progress = Callable[[str], None]
"""Takes a sentence without addresses about what is being done."""


def logged(step: str) -> None:
    """Progress for the log, as it is configured by then."""
    log.info(step)
