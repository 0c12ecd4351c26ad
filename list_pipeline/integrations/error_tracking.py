"""Errors on their way to Sentry: what the log calls an error, stripped of everything that could name a person.

Belongs here: starting and feeding the SDK. Does not belong here: which entries of the log are errors (``logs``).

The SDK is an optional part of the installation (``list_pipeline[sentry]``) and is imported only where ``SENTRY_DSN`` is set.
Sent are: the error's type, its text and frames with addresses redacted, and the facts bound to the log entry. Never sent: local
variables, source lines around them, request bodies, breadcrumbs (they would hold URLs), user data and the machine's name. The
SDK's own integrations are off: they would listen to HTTP clients and to logging.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.urls import is_loopback

_FLUSH_S = 2.0
_KEPT = frozenset(
    {"event_id", "timestamp", "platform", "level", "logger", "message", "logentry", "exception", "tags", "contexts",
     "extra", "release", "environment", "sdk", "fingerprint", "type"}
)  # fmt: skip
_KEPT_CONTEXTS = frozenset({"run", "runtime", "trace"})
_FRAME = frozenset({"filename", "module", "function", "lineno", "in_app"})


def stripped(event: dict[str, Any], _hint: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An event as it may leave the machine: an allow-list of parts, no variables, every text without addresses."""
    kept = {name: value for name, value in event.items() if name in _KEPT}
    kept["contexts"] = {name: one for name, one in (kept.get("contexts") or {}).items() if name in _KEPT_CONTEXTS}
    for one in (kept.get("exception") or {}).get("values") or ():
        trace = one.get("stacktrace") or {}
        trace["frames"] = [{k: v for k, v in frame.items() if k in _FRAME} for frame in trace.get("frames") or ()]
        if one.get("stacktrace") is not None:
            one["stacktrace"] = {"frames": trace["frames"]}
    return {name: _redacted(value) for name, value in kept.items()}


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact_addresses(value)
    if isinstance(value, dict):
        return {redact_addresses(str(name)): _redacted(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(one) for one in value]
    return value


def _staying_transport(sdk: Any) -> Any:
    """The SDK's way out, without its habit of going wherever an answer points to: the key would go along, and what is sent."""

    class Staying(sdk.HttpTransport):  # type: ignore[misc]
        def __init__(self, options: dict[str, Any]) -> None:
            super().__init__(options)
            self._pool.request = partial(self._pool.request, redirect=False)

    return Staying


class ErrorTracking:
    """Sentry, started once for this process."""

    def __init__(self, dsn: str, *, environment: str, transport: Any | None = None) -> None:
        """Start the SDK.

        Args:
            environment: where this runs, as Sentry shows it.
            transport: another way out than HTTP, for tests.

        Raises:
            ConfigurationError: the SDK is not installed, or the DSN is none.
        """
        try:
            # By name: where the part is not installed there is nothing that a type checker could look at.
            self._sdk: Any = importlib.import_module("sentry_sdk")
        except ImportError as error:
            raise ConfigurationError(
                "Starting error tracking",
                "SENTRY_DSN is set, and the package sentry-sdk is not installed",
                "Install list_pipeline[sentry], or unset SENTRY_DSN",
            ) from error
        try:
            self._sdk.init(
                dsn=dsn,
                environment=environment,
                release=f"list_pipeline@{version('list_pipeline')}",
                transport=transport or _staying_transport(self._sdk),
                before_send=stripped,
                # With the SDK's own parts off there is nothing that listens to requests, logging or arguments.
                default_integrations=False,
                auto_enabling_integrations=False,
                include_local_variables=False,
                include_source_context=False,
                send_default_pii=False,
                max_request_body_size="never",
                max_breadcrumbs=0,
                server_name="",
                traces_sample_rate=None,
                send_client_reports=False,
                auto_session_tracking=False,
                **({"http_proxy": "", "https_proxy": ""} if is_loopback(urlsplit(dsn).hostname) else {}),
            )
        except ValueError:
            # The SDK's own text quotes the DSN, and causes are logged.
            raise ConfigurationError(
                "Starting error tracking", "SENTRY_DSN is not a DSN", "Copy it from Sentry's project settings"
            ) from None

    def capture(self, event: str, facts: Mapping[str, Any], error: BaseException | None) -> None:
        """Send one entry of the log. It never raises: tracking an error must not make another one."""
        message = redact_addresses(event)
        shown = {name: value for name, value in facts.items() if isinstance(value, str | int | float | bool)}
        with self._sdk.new_scope() as scope:
            scope.set_context("run", shown)
            for name in ("workflow", "stage", "sweep", "campaign"):
                if name in shown:
                    scope.set_tag(name, str(shown[name]))
            if error is not None:
                scope.set_extra("event", message)
                self._sdk.capture_exception(error)
            else:
                self._sdk.capture_message(message, level="error")

    def flush(self) -> None:
        """Wait a moment until what was captured is sent."""
        self._sdk.flush(timeout=_FLUSH_S)
