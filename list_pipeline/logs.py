"""How the product logs: structured, to standard error, as console lines or JSON. Addresses are redacted on the way out."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog

from list_pipeline.core.masking import redact_addresses
from list_pipeline.settings import Settings

_QUIET = ("httpx", "httpcore", "httpx2", "httpcore2", "google_genai", "slack_sdk", "yoyo", "alembic")


def configure_logging(settings: Settings, *, level: str | None = None) -> None:
    """Set the level and the format once, at the start of a process.

    Args:
        level: another level than the setting's.
    """
    number = logging.getLevelNamesMapping()[(level or settings.log_level).upper()]
    is_json = settings.log_format == "json"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Plain tracebacks, written out before the redaction: pretty ones show local variables, addresses among them.
            structlog.processors.format_exc_info,
            _redacted,
            structlog.processors.JSONRenderer()
            if is_json
            else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(_stderr()),
        cache_logger_on_first_use=False,
    )
    # These name requests in their own way; what matters of them is logged by our clients.
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _stderr() -> Any:
    import sys

    return sys.stderr


def _redacted(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = redact_addresses(value)
    return event
