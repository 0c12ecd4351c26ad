"""Whether the product could work now: each service that it uses is asked once, cheaply and within a time.

Belongs here: the questions and the verdict. Does not belong here: the health of the lists (``operations.health``).

Nothing is changed and nothing costs money: the database is asked for a one, the schema which migrations it has, Mailjet for the
row of one list (one request through the limiter), Slack whether the token works, Gemini for the description of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from list_pipeline.clock import SystemClock
from list_pipeline.core.errors import RateLimitedError
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.monitoring.stuck_sessions import LockName
from list_pipeline.core.request_rate import rate_text
from list_pipeline.operations.monitoring.asking import Answered, ask_all
from list_pipeline.operations.services import Services
from list_pipeline.storage import migrations
from list_pipeline.storage.database import fetch_scalar
from list_pipeline.storage.limiter import learned_rate
from list_pipeline.storage.monitoring.metrics import server_connections
from list_pipeline.storage.server_clock import ServerClock, present, server_time
from list_pipeline.storage.stuck_sessions import holders

TIMEOUT_S = 10.0
"""Seconds that one service gets; all are asked at the same time."""


class Health(StrEnum):
    """The health of a service, or of the whole."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """Only of the whole: something that is not required does not answer."""
    UNHEALTHY = "unhealthy"
    NOT_CONFIGURED = "not_configured"
    """It is not required and not set up; its part of the product is off."""


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """One service. ``latency_ms`` None when it did not answer; ``details`` are figures, or the error in words."""

    status: Health
    is_required: bool
    latency_ms: int | None
    details: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        latency = {} if self.latency_ms is None else {"latency_ms": self.latency_ms}
        return {"status": self.status.value, "required": self.is_required, **latency, **self.details}


@dataclass(frozen=True, slots=True)
class SystemHealth:
    """All services at an instant (UTC)."""

    timestamp: datetime
    checks: Mapping[str, DependencyHealth]

    @property
    def status(self) -> Health:
        """Unhealthy when something required is, degraded when anything else is."""
        bad = [one for one in self.checks.values() if one.status is Health.UNHEALTHY]
        if any(one.is_required for one in bad):
            return Health.UNHEALTHY
        return Health.DEGRADED if bad else Health.HEALTHY

    def as_json(self) -> dict[str, Any]:
        """``status``, ``timestamp`` and ``checks``."""
        return {
            "status": self.status.value,
            "timestamp": self.timestamp.isoformat(),
            "checks": {name: one.as_json() for name, one in self.checks.items()},
        }


def check_all(services: Services, *, timeout_s: float = TIMEOUT_S) -> SystemHealth:
    """Ask every service at the same time. None is waited for longer than ``timeout_s``; nothing is raised."""
    started, answers = ask_all(services, {name: question for name, (question, _) in _QUESTIONS.items()}, timeout_s)
    return SystemHealth(started, {name: _judged(answers[name], required) for name, (_, required) in _QUESTIONS.items()})


def _judged(answer: Answered, is_required: bool) -> DependencyHealth:
    if answer.problem is not None:
        return DependencyHealth(Health.UNHEALTHY, is_required, None, {"error": answer.problem})
    found = answer.found
    if found is None:
        return DependencyHealth(Health.NOT_CONFIGURED, is_required, None, {})
    if isinstance(found, str):
        return DependencyHealth(Health.UNHEALTHY, is_required, None, {"error": found})
    status = Health.UNHEALTHY if "error" in found else Health.HEALTHY
    return DependencyHealth(status, is_required, answer.latency_ms, found)


def _database(services: Services) -> Mapping[str, Any] | str:
    with services.database.begin() as connection:
        fetch_scalar(connection, "select 1")
        used, allowed = server_connections(connection)
        held = holders(connection)
        clock = {}
        if isinstance(services.clock, ServerClock):
            off = SystemClock().now() - server_time(connection)
            clock = {"machine_clock_ahead_s": round(off.total_seconds(), 1)}
    pool = services.database.pool
    figures = {"connections": used, "connections_allowed": allowed, "pool_in_use": pool.in_use, "pool_most": pool.most}
    if stuck := [one for one in held if one.is_stuck]:
        return f"the lock on {stuck[0].lock.value} is held by {stuck[0].words}; the session is ended within a minute"
    changing = next((one for one in held if one.lock is LockName.MUTATION), None)
    return {**figures, **clock, **({"lists_changed_by": changing.words} if changing else {})}


def _schema(services: Services) -> Mapping[str, Any]:
    with services.database.begin() as connection:
        missing = migrations.missing(connection)
    error = {"error": f"{migrations.missing_words(missing)}; run `list-pipeline migrate`"} if missing else {}
    return {"migrations_missing": len(missing), **error}


def _redis(services: Services) -> Mapping[str, Any] | str | None:
    if services.settings.redis_url is None:
        return None
    if services.cache.is_reachable():
        return {}
    return services.cache.unusable or "Redis does not answer; reads go to the database"


def _mailjet(services: Services) -> Mapping[str, Any]:
    with services.database.begin() as connection:
        rate = rate_text(
            services.settings.mailjet_requests_per_minute, learned_rate(connection), present(connection, services.clock)
        )
    with services.mailjet_at_once(TIMEOUT_S) as client:
        try:
            seen = client.contact_list(services.list_ids.master)
        except RateLimitedError as error:
            # It answers, or we are too busy asking it: neither is a reason to call the product unhealthy.
            return {"limited": redact_addresses(error.happened), "requests": rate}
    return {"master_list_contacts": seen.subscriber_count, "requests": rate}


def _slack(services: Services) -> Mapping[str, Any] | None:
    if services.slack is None:
        return None
    services.slack.check()
    return {}


def _gemini(services: Services) -> Mapping[str, Any] | None:
    return None if services.model is None else {"model": services.model.check()}


_QUESTIONS: Mapping[str, tuple[Callable[[Services], Any], bool]] = {
    "database": (_database, True),
    "schema": (_schema, True),
    "redis": (_redis, False),
    "mailjet": (_mailjet, True),
    "slack": (_slack, False),
    "gemini": (_gemini, False),
}
"""Each service with its question, and whether the product needs it. A question gives figures, an ``error`` among them where the
service is not well, or the error alone; None where it is not set up."""
