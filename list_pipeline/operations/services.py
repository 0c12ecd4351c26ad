"""The services of an operation: settings, clock, database and the clients, each made when it is first needed.

Belongs here: the wiring of settings to clients. Does not belong here: any decision.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import structlog

from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import ConfigurationError, RateLimitedError, TransientError
from list_pipeline.core.lists import ListIds
from list_pipeline.core.monitoring.exported import WAITED
from list_pipeline.integrations.answer_times import AnswerTimes
from list_pipeline.integrations.limits import RequestLimiter
from list_pipeline.integrations.mailjet import MailjetClient
from list_pipeline.integrations.rehearsal_clock import RehearsalClock
from list_pipeline.settings import Settings, read_settings
from list_pipeline.storage.database import Database
from list_pipeline.storage.database_errors import StatementFailedError
from list_pipeline.storage.limiter import SharedLimiter
from list_pipeline.storage.lock import give_sign_of_life
from list_pipeline.storage.monitoring import totals
from list_pipeline.storage.server_clock import ServerClock

if TYPE_CHECKING:
    from list_pipeline.integrations.cache import Cache
    from list_pipeline.integrations.gemini import GeminiClient
    from list_pipeline.integrations.mail_hosts import MailHostResolver
    from list_pipeline.integrations.slack import SlackClient
    from list_pipeline.integrations.slack_interaction import SlackInteraction

log = structlog.get_logger(__name__)


class HeartbeatLimiter:
    """The limiter, with a sign of life at each request: whoever works long with Mailjet is seen to live."""

    def __init__(self, limiter: RequestLimiter, services: Services) -> None:
        self._limiter, self._services = limiter, services

    def acquire(self) -> datetime:
        counted_at = self._limiter.acquire()
        give_sign_of_life()
        if self._services.heartbeat is not None:
            self._services.heartbeat()
        return counted_at

    def slow_down(self, asked_at: datetime, retry_after_s: float | None) -> None:
        self._limiter.slow_down(asked_at, retry_after_s)


class NonBlockingLimiter:
    """A limiter that raises instead of waiting when no request is allowed now."""

    def __init__(self, limiter: SharedLimiter) -> None:
        self._limiter = limiter

    def acquire(self) -> datetime:
        if (counted_at := self._limiter.take_if_free()) is None:
            raise RateLimitedError(
                "Asking Mailjet at once",
                "the requests of this minute are used up by work in progress",
                "Ask in a minute",
            )
        return counted_at

    def slow_down(self, asked_at: datetime, retry_after_s: float | None) -> None:
        self._limiter.slow_down(asked_at, retry_after_s)


class Services:
    """Settings, clock, database and clients of one process. Use as a context manager, or call ``close``.

    Nothing is opened until it is used, so that a missing setting is named by what needs it.
    """

    def __init__(self, settings: Settings | None = None, clock: Clock | None = None) -> None:
        self.settings = settings or read_settings()
        self.clock: Clock = clock or self._clock()
        """The database server's time, which all machines share; in a rehearsal the sandbox's."""
        self.run_id = uuid.uuid4().hex
        """The run that this works for, in logs and timings: Dagster's where there is one, else a number of its own."""
        self.heartbeat: Callable[[], None] | None = None
        """Called with each request to Mailjet; set by whoever has to be seen to live."""
        self.answer_times = AnswerTimes()
        """What the services outside were asked, not written down yet (``keep_totals``)."""
        self._waited_kept_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _clock(self) -> Clock:
        if self.settings.rehearsal_clock_url:
            return RehearsalClock(self.settings.rehearsal_clock_url)
        return ServerClock(lambda: self.database)

    @cached_property
    def database(self) -> Database:
        """PostgreSQL."""
        return Database(self.settings.secret("database_url"))

    @cached_property
    def mail_hosts(self) -> MailHostResolver | None:
        """DNS for the mail hosts of custom domains; None: it is not asked."""
        servers = self.settings.mail_host_resolver.strip()
        if not servers:
            return None
        # Few installations need it, and it is slow to load.
        from list_pipeline.integrations.mail_hosts import MailHostResolver

        return MailHostResolver(servers)

    @cached_property
    def list_ids(self) -> ListIds:
        """Mailjet's ids of the five lists."""
        return self.settings.list_ids()

    @cached_property
    def mailjet(self) -> MailjetClient:
        """Mailjet for reading. Changes go through ``mailjet_for_changes``."""
        return self._mailjet(None)

    def mailjet_beside(self) -> MailjetClient:
        """A client of the caller's own for reading beside others, which counts its requests by itself; to be closed."""
        return self._mailjet(None)

    def mailjet_for_changes(self, before_mutation: Callable[[], None]) -> MailjetClient:
        """A client that calls ``before_mutation`` right before each request that changes anything."""
        return self._mailjet(before_mutation)

    def mailjet_for_one_request(self, before_mutation: Callable[[], None]) -> MailjetClient:
        """As ``mailjet_for_changes``, for what must never go out twice: a request is repeated for no reason at all, not even
        after a refusal with 429."""
        return self._mailjet(before_mutation, attempts=1, limited_for_s=0.0)

    def mailjet_at_once(self, timeout_s: float) -> MailjetClient:
        """A client of the caller's own that asks once and neither waits for an allowance nor repeats; to be closed.

        Its requests raise ``RateLimitedError`` where none is allowed now.
        """
        settings = self.settings
        return MailjetClient(
            base_url=settings.mailjet_base_url,
            api_key=settings.secret("mailjet_api_key"),
            secret_key=settings.secret("mailjet_secret_key"),
            limiter=NonBlockingLimiter(self._limiter),
            clock=self.clock,
            timeout_s=timeout_s,
            attempts=1,
            limited_for_s=0.0,
            answer_times=self.answer_times,
        )

    @cached_property
    def _limiter(self) -> SharedLimiter:
        return SharedLimiter(self.database, self.clock, self.settings.mailjet_requests_per_minute)

    @property
    def waited_s(self) -> float:
        """Seconds that requests to Mailjet waited for the limiter so far."""
        limiter: SharedLimiter | None = self.__dict__.get("_limiter")
        return limiter.waited_s if limiter is not None else 0.0

    def requests_so_far(self) -> Mapping[str, int]:
        """Requests made to Mailjet by method and resource. Opens nothing."""
        client: MailjetClient | None = self.__dict__.get("mailjet")
        return client.request_counts if client is not None else {}

    def _mailjet(self, before_mutation: Callable[[], None] | None, **parts: Any) -> MailjetClient:
        settings = self.settings
        return MailjetClient(
            base_url=settings.mailjet_base_url,
            api_key=settings.secret("mailjet_api_key"),
            secret_key=settings.secret("mailjet_secret_key"),
            limiter=HeartbeatLimiter(self._limiter, self),
            clock=self.clock,
            timeout_s=settings.mailjet_timeout_seconds,
            job_contacts_max=settings.mailjet_job_contacts,
            job_poll_s=settings.mailjet_job_poll_seconds,
            job_timeout_s=settings.mailjet_job_timeout_seconds,
            before_mutation=before_mutation,
            answer_times=self.answer_times,
            **parts,
        )

    @cached_property
    def slack(self) -> SlackClient | None:
        """Slack, or None when no token is set."""
        return self.slack_interaction

    @cached_property
    def slack_interaction(self) -> SlackInteraction | None:
        """Slack with what is said to one person, or None when no token is set."""
        if self.settings.slack_bot_token is None:
            return None
        from list_pipeline.integrations.slack_interaction import SlackInteraction

        return SlackInteraction(
            base_url=self.settings.slack_base_url,
            token=self.settings.secret("slack_bot_token"),
            channel=self.settings.slack_channel_id,
            clock=self.clock,
            answer_times=self.answer_times,
        )

    @cached_property
    def model(self) -> GeminiClient | None:
        """The language model of the advisors, or None when no key is set."""
        if self.settings.gemini_api_key is None:
            return None
        from list_pipeline.integrations.gemini import GeminiClient

        return GeminiClient(
            self.settings.secret("gemini_api_key"),
            model=self.settings.gemini_model,
            api_version=self.settings.gemini_api_version,
            base_url=self.settings.gemini_base_url,
            thinking_level=self.settings.gemini_thinking_level,
            top_p=self.settings.gemini_top_p,
            top_k=self.settings.gemini_top_k,
            clock=self.clock,
            answer_times=self.answer_times,
        )

    @cached_property
    def cache(self) -> Cache:
        """The cache; without Redis it remembers nothing."""
        from list_pipeline.integrations.cache import open_cache

        url = self.settings.redis_url.get_secret_value() if self.settings.redis_url else None
        return open_cache(url, self.settings.cache_ttl_seconds, self.clock, self._installation_name)

    def _installation_name(self) -> str:
        from list_pipeline.storage.membership.data_versions import installation_name

        with self.database.begin() as connection:
            return installation_name(connection)

    def keep_totals(self) -> None:
        """Write down what the services outside were asked since the last time. Without a database it is lost, and the log says
        so: a figure for a monitor is no reason to fail."""
        told, waited_s = self.answer_times.take(), self.waited_s
        told.count(WAITED, by=max(waited_s - self._waited_kept_s, 0.0))
        if not told:
            return
        try:
            with self.database.begin() as connection:
                totals.add(connection, told)
        except (ConfigurationError, StatementFailedError, TransientError) as error:
            log.warning("requests were not counted for the monitor", error=type(error).__name__)
            return
        self._waited_kept_s = waited_s

    def close(self) -> None:
        """Close what was opened."""
        if isinstance(self.clock, ServerClock):
            # Asked once more, it would open the database again.
            self.clock.may_guess = True
        self.keep_totals()
        for name in ("mailjet", "model", "cache", "database"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()
