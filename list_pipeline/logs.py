"""How the product logs: structured, to standard error, as console lines or JSON. Addresses are redacted on the way out.

Each entry has a time (UTC), a level, an event and whatever is bound where it is written: run id, workflow, campaign,
sweep, stage, plan, number of the maintenance log (``operations.stages.timed``). The product's entries
through Python's own logging, and those of the libraries that it uses, come out the same way. Errors also go to the
error tracker where one is set.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import structlog

from list_pipeline.core.masking import redact_addresses
from list_pipeline.settings import Settings

if TYPE_CHECKING:
    from list_pipeline.integrations.error_tracking import ErrorTracking

_QUIET = (
    "httpx", "httpcore", "httpx2", "httpcore2", "google_genai", "mcp", "slack_sdk", "yoyo", "alembic",
    # They write the traces of errors that nobody foresaw, whose words may quote a row or a request.
    "uvicorn", "asyncio",
)  # fmt: skip
_OURS = "list_pipeline"

_tracking: tuple[str, ErrorTracking] | None = None
"""Of this process, with the DSN that it was started for."""


def configure_logging(settings: Settings, *, level: str | None = None) -> None:
    """Set level and format once, at the start of a process, and start error tracking where ``SENTRY_DSN`` is set.

    Args:
        level: another level than the setting's.

    Raises:
        ConfigurationError: errors are to be tracked, and the package for it is missing.
    """
    number = logging.getLevelNamesMapping()[(level or settings.log_level).upper()]
    _track_errors(settings)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered: list[Any] = [
        _to_tracker,
        # Plain tracebacks, written out before the redaction: pretty ones show local variables, addresses among them.
        structlog.processors.format_exc_info,
        _redacted,
        structlog.processors.JSONRenderer(default=str) if settings.log_format == "json" else _on_console,
    ]
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # Looked up for each entry: whoever replaces the stream gets what is written from then on.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _format_other_loggers(number, shared, rendered)


def quiet_until_configured() -> None:
    """What a command logs before its settings are read: warnings and worse, plainly, to standard error."""
    if not structlog.is_configured():
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.format_exc_info,
                _redacted,
                _on_console,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
            cache_logger_on_first_use=False,
        )


def flush_errors() -> None:
    """Wait a moment until tracked errors are sent: for processes that end without further ado."""
    if _tracking is not None:
        _tracking[1].flush()


_console = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _on_console(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    """An entry as a line for a terminal, to which no value of it is a command."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", str(_console(logger, method, event)))


def track(event: str, error: BaseException) -> None:
    """Tell the error tracker, where one is set, of an error that is not logged with its trace."""
    if _tracking is not None:
        _tracking[1].capture(event, {}, error)
        flush_errors()


def _format_other_loggers(number: int, shared: list[Any], rendered: list[Any]) -> None:
    """Entries that reach Python's own logging look like ours. Other people's loggers are left to whoever configured them."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
    )
    for name in (_OURS, *_QUIET):
        logger = logging.getLogger(name)
        for old in [one for one in logger.handlers if isinstance(one, _Ours)]:
            logger.removeHandler(old)
        handler = _Ours()
        handler.setFormatter(formatter)
        logger.addHandler(handler)
        # These name requests in their own way; what matters of them is logged by our clients.
        logger.setLevel(number if name == _OURS else max(number, logging.WARNING))


class _Ours(logging.Handler):
    """To standard error, as it is when an entry is written. Recognised when logging is configured again."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")


def _track_errors(settings: Settings) -> None:
    global _tracking
    if settings.sentry_dsn is None:
        _tracking = None
        return
    dsn = settings.sentry_dsn.get_secret_value()
    if _tracking is None or _tracking[0] != dsn:
        from list_pipeline.integrations.error_tracking import ErrorTracking

        _tracking = dsn, ErrorTracking(dsn, environment="rehearsal" if settings.rehearsal_clock_url else "production")


def _to_tracker(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if _tracking is not None and event.get("level") in ("error", "critical", "exception"):
        shown = {name: value for name, value in event.items() if name not in ("event", "exc_info")}
        _tracking[1].capture(str(event.get("event")), shown, _error_of(event.get("exc_info")))
    return event


def _error_of(given: Any) -> BaseException | None:
    if given is True:
        return sys.exc_info()[1]
    if isinstance(given, tuple):
        given = given[1]
    return given if isinstance(given, BaseException) else None


def _redacted(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        event[name] = _without_addresses(value)
    return event


def _without_addresses(value: Any) -> Any:
    if isinstance(value, str):
        return redact_addresses(value)
    if isinstance(value, dict):
        return {_without_addresses(name): _without_addresses(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_addresses(one) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    # Whatever else it is, it is shown as text.
    return redact_addresses(str(value))
