"""What follows a step that is done: states of lists, messages, caches. It may fail, and the step stays done.

Belongs here: keeping such a fault from undoing the step, and making it visible. Does not belong here: what follows which step;
the workflows say so themselves.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from list_pipeline.core.masking import redact_addresses

log = structlog.get_logger(__name__)


def follow_up(what: str, action: Callable[[], object], **facts: object) -> str:
    """Do what follows a finished step. Whatever fails in it is logged with its trace and not raised.

    Args:
        what: what is done, for people: "noting the states of the lists". ``facts``: what it is about, for the log.

    Returns:
        Why it failed, without addresses; empty when it is done.
    """
    try:
        action()
    except Exception as error:
        why = redact_addresses(f"{what}: {error}")[:1000]
        log.exception("what follows a step failed", what=what, **facts)
        return why
    return ""
