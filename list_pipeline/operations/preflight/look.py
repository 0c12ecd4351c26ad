"""One look at everything that has to be there before going live. Nothing is changed, at Mailjet or in the database."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote, urlsplit

from list_pipeline.clock import SystemClock
from list_pipeline.core.errors import ConfigurationError, RemoteNotFoundError
from list_pipeline.core.preflight import installation
from list_pipeline.core.preflight import services as outside
from list_pipeline.core.preflight.checks import Check, Finding, is_ready, not_tried
from list_pipeline.core.preflight.installation import ServerSeen
from list_pipeline.core.preflight.services import Answer, ListAtMailjet, RegisteredUrl
from list_pipeline.core.urls import is_loopback
from list_pipeline.integrations.mailjet import MailjetClient
from list_pipeline.operations.campaigns.automations import lists_seen_with_automations
from list_pipeline.operations.five_lists.look import look_at
from list_pipeline.operations.messages.outbox import ways_of_alerts
from list_pipeline.operations.monitoring.asking import Answered, ask_all
from list_pipeline.operations.monitoring.dependencies import Health, SystemHealth, check_all
from list_pipeline.operations.safety.modes import operating_mode
from list_pipeline.operations.safety.restore_guard import why_stopped
from list_pipeline.operations.services import Services
from list_pipeline.settings import Settings
from list_pipeline.storage import backups, migrations, safety
from list_pipeline.storage.database import fetch_row
from list_pipeline.storage.server_clock import ServerClock, server_time

TIMEOUT_S = 30.0
"""Seconds that each check gets; all are made at the same time."""
EVENT_PATH = "/webhooks/mailjet"
"""The route of ``list-pipeline serve`` that takes Mailjet's events."""

NEEDED = (
    "mailjet_api_key",
    "mailjet_secret_key",
    "mailjet_master_list_id",
    "mailjet_campaign_list_1_id",
    "mailjet_campaign_list_2_id",
    "mailjet_campaign_list_3_id",
    "mailjet_suppression_list_id",
    "database_url",
    "dagster_postgres_url",
)
"""What no installation for real lists works without."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """The findings, one a check, in the order of the list; and when it was looked (UTC)."""

    looked_at: datetime
    findings: tuple[Finding, ...]

    @property
    def is_ready(self) -> bool:
        """Whether the installation may go live."""
        return is_ready(self.findings)


def preflight(services: Services, *, timeout_s: float = TIMEOUT_S) -> Preflight:
    """Make every check of the list at the same time. None takes longer than ``timeout_s``; nothing is raised, and a check that
    could not be made says why."""
    health = check_all(services, timeout_s=timeout_s)
    looked_at, answers = ask_all(services, {check.value: ask for check, ask in _OWN.items()}, timeout_s)
    own = {check: _finding(check, answers[check.value]) for check in _OWN}
    shared = {check: _of_health(check, health) for check in _SERVICES}
    return Preflight(looked_at, tuple({**own, **shared}[check] for check in Check))


def _finding(check: Check, answer: Answered) -> Finding:
    if isinstance(answer.found, Finding):
        return answer.found
    return not_tried(check, (answer.problem or "nothing was found").rstrip("."))


def _of_health(check: Check, health: SystemHealth) -> Finding:
    seen = health.checks[check.value]
    answer = {Health.HEALTHY: Answer.WELL, Health.NOT_CONFIGURED: Answer.NOT_SET_UP}.get(seen.status, Answer.FAILED)
    without, variable = _SERVICES[check]
    return outside.judge_service(check, answer, str(seen.details.get("error", "")).rstrip("."), without, variable)


_SERVICES: Mapping[Check, tuple[str, str]] = {
    Check.MAILJET: ("nothing works", "MAILJET_API_KEY"),
    Check.REDIS: ("what people look at is read from the database", "REDIS_URL"),
    Check.SLACK: ("reports stay in the database", "SLACK_BOT_TOKEN"),
    Check.GEMINI: ("the policy explains itself", "GEMINI_API_KEY"),
}
"""What ``health`` has asked already: what is left out without the service, and the setting that sets it up."""


# Settings


def _settings(services: Services) -> Finding:
    settings, problem = services.settings, None
    absent = [name.upper() for name in NEEDED if getattr(settings, name) is None]
    if not absent:
        try:
            settings.list_ids()
        except ConfigurationError as error:
            problem = error.happened
    return installation.judge_settings(absent, problem)


def _rehearsal(services: Services) -> Finding:
    return installation.judge_rehearsal(
        has_rehearsal_clock=services.settings.rehearsal_clock_url is not None,
        is_mailjet_here=is_loopback(urlsplit(services.settings.mailjet_base_url).hostname),
    )


def _reviewers(services: Services) -> Finding:
    return installation.judge_reviewers(len(services.settings.reviewers))


def _alerts(services: Services) -> Finding:
    return outside.judge_alerts(ways_of_alerts(services.settings))


# Database


def _server(services: Services) -> ServerSeen:
    with services.database.begin() as connection:
        row = fetch_row(
            connection,
            "the server",
            """
            select current_setting('server_version_num')::int as version,
                   inet_server_addr() is null or inet_client_addr() = inet_server_addr()
                       or host(inet_server_addr()) like '127.%' or host(inet_server_addr()) = '::1' as is_here,
                   coalesce((select version from pg_stat_ssl where pid = pg_backend_pid()), '') as tls
            """,
        )
    return ServerSeen(int(row["version"]), bool(row["is_here"]), str(row["tls"]))


def _database(services: Services) -> Finding:
    return installation.judge_database(_server(services))


def _database_tls(services: Services) -> Finding:
    return installation.judge_tls(_server(services))


def _pooler(services: Services) -> Finding:
    try:
        with services.database.session():
            problem = None
    except ConfigurationError as error:
        if not error.happened.startswith("DATABASE_URL leads to a pooler"):
            raise
        problem = error.happened
    return installation.judge_pooler(problem)


def _schema(services: Services) -> Finding:
    with services.database.begin() as connection:
        absent, unknown = migrations.missing(connection), migrations.unknown(connection)
    return installation.judge_schema(migrations.missing_words(absent) if absent else None, unknown)


def _clock(services: Services) -> Finding:
    machine_ahead = None
    with services.mailjet_at_once(TIMEOUT_S) as client:
        client.contact_list(services.list_ids.master)
        told = client.told_time
    with services.database.begin() as connection:
        deciding = server_time(connection) if isinstance(services.clock, ServerClock) else services.clock.now()
        if isinstance(services.clock, ServerClock):
            machine_ahead = SystemClock().now() - deciding
    return installation.judge_clock(None if told is None else deciding - told, machine_ahead)


def _changes(services: Services) -> Finding:
    return installation.judge_changes(
        why_stopped(services), services.settings.list_management_enabled, operating_mode(services)
    )


def _backup(services: Services) -> Finding:
    with services.database.begin() as connection:
        return installation.judge_backup(backups.last(connection), services.clock.now())


def _scheduled_work(services: Services) -> Finding:
    with services.database.begin() as connection:
        alive_at = safety.continuity(connection).last_alive_at
    return installation.judge_scheduled_work(alive_at, services.clock.now())


# Mailjet and Slack


def _five_lists(services: Services) -> Finding:
    with services.mailjet_at_once(TIMEOUT_S) as client:
        seen = {role: _list_seen(client, list_id) for role, list_id in services.list_ids.by_role().items()}
    with services.database.begin() as connection:
        looked = look_at(services, connection)
    unlikely = [verdict.words for verdict in looked.verdicts if not verdict.holds]
    return outside.judge_five_lists(seen, unlikely, looked.changed)


def _list_seen(client: MailjetClient, list_id: int) -> ListAtMailjet:
    try:
        found = client.contact_list(list_id)
    except RemoteNotFoundError:
        return ListAtMailjet("", f"Mailjet knows no list {list_id}")
    return ListAtMailjet(found.name, f"list {list_id} was deleted at Mailjet" if found.is_deleted else "")


def _automations(services: Services) -> Finding:
    settings = services.settings
    with services.database.begin() as connection:
        seen = lists_seen_with_automations(services, connection)
    return outside.judge_automations(
        settings.automated_lists(),
        settings.lists_without_automations(),
        seen,
        may_start=settings.automations_may_start,
    )


def _events(services: Services) -> Finding:
    settings = services.settings
    if settings.event_webhook_password is None:
        return outside.judge_events(False, ())
    with services.mailjet_at_once(TIMEOUT_S) as client:
        registered = [
            RegisteredUrl(one.kind, one.is_alive, *_judged_url(settings, one.url))
            for one in client.event_urls()
            if not one.is_backup
        ]
    return outside.judge_events(True, registered)


def _judged_url(settings: Settings, url: str) -> tuple[bool, bool, bool]:
    """Whether a registered URL leads to our route, is encrypted, and carries our user and password."""
    try:
        parts = urlsplit(url)
        user, word = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        return False, False, False
    is_admitted = hmac.compare_digest(user.encode(), settings.event_webhook_user.encode()) & hmac.compare_digest(
        word.encode(), settings.secret("event_webhook_password").encode()
    )
    return parts.path.rstrip("/").endswith(EVENT_PATH), parts.scheme == "https", is_admitted


def _slack_scopes(services: Services) -> Finding:
    if services.slack is None:
        return outside.judge_scopes(None)
    scopes = services.slack.scopes()
    if scopes is None:
        return not_tried(
            Check.SLACK_SCOPES,
            "Slack did not say what the token may do",
            "See that nothing between here and Slack takes headers away",
        )
    return outside.judge_scopes(scopes)


_OWN: Mapping[Check, Callable[[Services], Finding]] = {
    Check.SETTINGS: _settings,
    Check.REHEARSAL: _rehearsal,
    Check.DATABASE: _database,
    Check.DATABASE_TLS: _database_tls,
    Check.POOLER: _pooler,
    Check.SCHEMA: _schema,
    Check.CLOCK: _clock,
    Check.FIVE_LISTS: _five_lists,
    Check.AUTOMATIONS: _automations,
    Check.EVENTS: _events,
    Check.SLACK_SCOPES: _slack_scopes,
    Check.ALERTS: _alerts,
    Check.REVIEWERS: _reviewers,
    Check.CHANGES: _changes,
    Check.SCHEDULED_WORK: _scheduled_work,
    Check.BACKUP: _backup,
}
"""What is asked here, each by itself."""
