"""Every setting of the product, read from the environment only, each with its default and meaning.

Belongs here: names, types, defaults, and the sentence that says what is missing. Does not belong here: anything that
acts on a setting. ``.env.example`` lists the same names; a test holds the two together.

Nothing is required to import this module or to load the code location: what needs a missing setting fails when it runs,
naming the variable.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.foreign_text import LARGEST_COUNT, LARGEST_ID, address_problem
from list_pipeline.core.lists import ListIds, ListRole
from list_pipeline.core.quarantine.life import QuarantineReason
from list_pipeline.core.retention import LEAST_DAYS, LEAST_HISTORY_MONTHS
from list_pipeline.core.tokens import people_of_proxy
from list_pipeline.core.urls import (
    WHERE_POSTGRES_IS,
    check_dns_servers,
    check_error_tracker,
    check_link_base,
    check_postgres_url,
    check_redis_url,
    check_service_url,
    check_webhook,
    encrypted_postgres_url,
    is_loopback,
)

_HOUR_S = 3600
_DECADE_DAYS = 3653
"""The most of every setting is far beyond what anybody means, and near enough that no date and no wait runs out of its type."""
LEAST_PASSWORD = 16
"""Characters of a password that strangers may try."""


class OperatingMode(StrEnum):
    """``graduated``: read_only for 24 h, then approval_required until 5 approvals and 14 days, then auto."""

    GRADUATED = "graduated"
    READ_ONLY = "read_only"
    APPROVAL_REQUIRED = "approval_required"
    AUTO = "auto"


class Settings(BaseSettings):
    """The settings, one field a variable. Field names are the variables' names in lower case."""

    model_config = SettingsConfigDict(
        env_file=None,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    # Mailjet
    mailjet_api_key: SecretStr | None = Field(None, description="API key (user name of HTTP Basic). Required.")
    mailjet_secret_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("mailjet_secret_key", "mailjet_api_secret"),
        description="Secret key; MAILJET_API_SECRET is accepted too. Required.",
    )
    mailjet_base_url: str = Field("https://api.mailjet.com", description="Host of the API; the sandbox is another one.")
    mailjet_master_list_id: int | None = Field(
        None, gt=0, le=LARGEST_ID, description="List that holds everybody, e.g. 5776. Required."
    )
    mailjet_campaign_list_1_id: int | None = Field(
        None, gt=0, le=LARGEST_ID, description="List of round 1, e.g. 10503497. Required."
    )
    mailjet_campaign_list_2_id: int | None = Field(
        None, gt=0, le=LARGEST_ID, description="List of round 2, e.g. 10503498. Required."
    )
    mailjet_campaign_list_3_id: int | None = Field(
        None, gt=0, le=LARGEST_ID, description="List of round 3, e.g. 10503499. Required."
    )
    mailjet_suppression_list_id: int | None = Field(
        None, gt=0, le=LARGEST_ID, description="List of those never to be mailed again, e.g. 10503500. Required."
    )
    mailjet_requests_per_minute: int = Field(
        300, ge=1, le=10_000_000, description="Requests in any 60 s, all processes together."
    )
    mailjet_timeout_seconds: float = Field(30.0, gt=0, le=_HOUR_S, description="Longest wait for one answer.")
    mailjet_job_contacts: int = Field(1000, ge=1, le=5000, description="Contacts in one bulk job.")
    mailjet_job_poll_seconds: float = Field(
        1.0, gt=0, le=_HOUR_S, description="First pause between two looks at a bulk job."
    )
    mailjet_job_timeout_seconds: float = Field(
        900.0, gt=0, le=24 * _HOUR_S, description="Longest wait for a bulk job to end."
    )
    bounce_texts_max: int = Field(
        60,
        ge=0,
        le=100_000,
        description="Most failures of one reading whose receiver's words are read, one request each; 0: none.",
    )
    mail_host_resolver: str = Field(
        "",
        description="DNS servers asked for the mail hosts of custom domains: system, or addresses; empty: nobody is asked.",
    )

    event_webhook_user: str = Field("mailjet", min_length=1, description="User name that Mailjet's events come with.")
    event_webhook_password: SecretStr | None = Field(
        None, description="Their password, 16 characters at least; without it no events are received."
    )

    # Stores
    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL 15+, e.g. postgresql://user@host/db; TLS unless it is this machine. Required.",
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Redis 6.2+ for the cache (rediss:// unless it is this machine); without it nothing is cached.",
    )
    dagster_postgres_url: SecretStr | None = Field(
        None, description="Dagster's own storage, with driver: postgresql+psycopg2://user@host/dagster."
    )
    postgres_tools_folder: str | None = Field(
        None, description="Folder of pg_dump and pg_restore, where they are not on PATH; not older than the server."
    )
    cache_ttl_seconds: int = Field(3600, ge=1, le=24 * 30 * _HOUR_S, description="How long a cached read is shown.")

    # Advisors
    gemini_api_key: SecretStr | None = Field(None, description="Without it the policy explains itself.")
    gemini_base_url: str | None = Field(None, description="Another host for the Gemini API, e.g. the sandbox.")
    gemini_api_version: str = Field("v1", description="Version in the path of the Gemini API.")
    gemini_model: str = Field("gemini-3.5-flash-lite", description="Model that the advisors ask.")
    gemini_thinking_level: str = Field(
        "low",
        pattern="^(none|minimal|low|medium|high)$",
        description="How much the model thinks; none: its own default.",
    )
    gemini_temperature_health: float = Field(0.7, ge=0, le=2, description="Sent only to models that take one.")
    gemini_temperature_optimization: float = Field(0.3, ge=0, le=2, description="Likewise.")
    gemini_temperature_rebalancing: float = Field(0.5, ge=0, le=2, description="Likewise.")
    gemini_temperature_reporting: float = Field(0.6, ge=0, le=2, description="Likewise.")
    gemini_temperature_wrapup: float = Field(
        0.7, ge=0, le=2, description="Likewise; of the five advisors on a wrap-up."
    )
    gemini_top_p: float = Field(0.95, gt=0, le=1, description="Likewise.")
    gemini_top_k: int = Field(40, ge=1, le=1_000, description="Likewise.")
    gemini_input_usd_per_million: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="Price of a million prompt tokens, where the model's own is not known or has changed.",
    )
    gemini_output_usd_per_million: float | None = Field(
        None, ge=0, le=1e6, description="The same for tokens of answers."
    )
    advisors_token_budget: int = Field(
        200_000, ge=0, le=LARGEST_COUNT, description="Most tokens of all advisors in one run."
    )
    advisors_cost_budget_usd: float = Field(
        0.50, ge=0, le=1e6, description="Most US dollars of all advisors in one run."
    )

    # Slack
    slack_bot_token: SecretStr | None = Field(None, description="Bot token; without it reports stay in the database.")
    slack_app_token: SecretStr | None = Field(
        None, description="App-level token (xapp-) of Socket Mode; without it messages have no buttons that decide."
    )
    slack_escalation: str = Field(
        "",
        pattern="^([USW][A-Z0-9]{2,30})?$",
        description="User or user group of Slack, by id, called in when half the time of a plan is over; empty: nobody.",
    )
    slack_base_url: str = Field("https://slack.com/api/", description="Host of the Web API.")
    slack_channel_id: str = Field(
        "#_traction", description="Channel of all messages, as an id where threads are wanted."
    )
    slack_webhook_url: SecretStr | None = Field(None, description="Fallback without threads.")
    slack_charts: str = Field(
        "native", pattern="^(native|text)$", description="Charts as Slack's own blocks, or written out."
    )
    alert_email_to: SecretStr | None = Field(
        None, description="The company's addresses for alerts that Slack does not take, separated by commas."
    )
    alert_email_from: SecretStr | None = Field(None, description="Their sender, validated at Mailjet.")
    pagerduty_routing_key: SecretStr | None = Field(
        None, description="Integration key of PagerDuty's Events API v2; without it PagerDuty is told of no alarm."
    )
    pagerduty_base_url: str = Field(
        "https://events.pagerduty.com", description="Host of the Events API; EU: events.eu."
    )
    alarm_webhook_url: SecretStr | None = Field(None, description="Alarms are posted there as JSON; off without it.")
    digests: str = Field(
        "",
        pattern="^(|day|week|day,week)$",
        description="Digests that are sent: day, week, both with a comma, or none.",
    )
    digest_hour: int = Field(7, ge=0, le=23, description="Hour of a digest, in UTC.")
    digest_weekday: int = Field(1, ge=0, le=6, description="Day of the week's digest; 0 is Sunday, 1 Monday.")
    digest_email_to: SecretStr | None = Field(
        None, description="Addresses that digests are e-mailed to as well, separated by commas."
    )
    app_url: str | None = Field(None, description="Base of the links to the detail views; without it no such links.")
    dagster_url: str | None = Field(None, description="Base of the links to runs in the Dagster UI.")

    # Rules that people may turn
    list_management_enabled: bool = Field(True, description="Off: nothing is changed, also not by a run in progress.")
    list_management_mode: OperatingMode = Field(
        OperatingMode.GRADUATED, description="graduated, read_only, approval_required or auto."
    )
    list_balance_threshold: float = Field(
        5.0, gt=0, lt=100, description="Percent of deviation that starts a rebalancing."
    )
    list_balance_target: float = Field(2.0, ge=0, lt=100, description="Percent of deviation it is repaired to.")
    list_maintenance_delay_hours: float = Field(24.0, ge=0, le=24 * 365, description="Hours after the end of sending.")
    list_maintenance_lookback_days: int = Field(
        3, ge=1, le=_DECADE_DAYS, description="Days before the first start within which past campaigns are taken up."
    )
    list_history_lookback_days: int = Field(
        90, ge=1, le=_DECADE_DAYS, description="Days of past campaigns loaded at first start."
    )
    list_maintenance_max_attempts: int = Field(
        3, ge=1, le=1_000, description="Attempts before a campaign is reported as failing."
    )
    list_maintenance_deadline_minutes: float = Field(
        60.0, gt=0, le=24 * 60, description="Minutes after which an attempt begins no further change."
    )
    enrol_newcomers: str = Field("needed", pattern="^(needed|all|off)$", description="needed, all or off.")
    suppression_cap_percent: float = Field(
        10.0, gt=0, le=100, description="Most of a campaign's recipients, in percent."
    )
    quarantine_reasons: str = Field(
        "incident",
        pattern="^(off|incident|incident,disputed_first_hit|disputed_first_hit)$",
        description="For what contacts are kept from mail for a week: incident, disputed_first_hit, both with a comma, or off.",
    )
    suppression_test_percent: float = Field(
        0.0,
        ge=0,
        le=20,
        description="Would-be suppressions that are tested by a mailing first, percent, drawn at random; 0: none.",
    )
    list_review_expiry_hours: int = Field(
        72, ge=1, le=24 * 365, description="Hours after which a plan or question that nobody decided on expires."
    )
    list_reviewers: str = Field(
        "", description="Names of those who may decide, separated by commas; empty: whoever gives a name."
    )
    list_approvals_over_cap: int = Field(
        1, ge=1, le=2, description="Different people who have to approve a plan that is over the cap."
    )
    lists_with_automations: str = Field(
        "",
        description="Lists that have automations at Mailjet: ids of the five, or campaign_1, ...; -campaign_1: none any more.",
    )
    automations_may_start: bool = Field(
        False, description="Plans may add contacts to such lists without a person, although that may mail them."
    )
    no_sign_of_life_days: int = Field(
        365,
        ge=30,
        le=_DECADE_DAYS,
        description="Days without an open or click after which a contact is reported; nobody is suppressed for it.",
    )
    weekly_health_check_day: int = Field(1, ge=0, le=6, description="0 is Sunday, 1 Monday.")
    weekly_health_check_hour: int = Field(10, ge=0, le=23, description="Hour in UTC.")
    campaign_senders: str = Field(
        "", description="Addresses, or domains as @example.com, that campaigns may be sent from, separated by commas."
    )
    require_test_send: bool = Field(
        False,
        description="A person has to say of each campaign that they saw a test of its content; else it is a warning.",
    )
    block_cancels_schedule: bool = Field(False, description="A blocked campaign also loses its schedule at Mailjet.")
    launches_from_here: bool = Field(
        False,
        description="People may schedule, move, cancel and send drafts from here, each with a reviewer's approval.",
    )

    messages_kept_days: int = Field(
        90, ge=LEAST_DAYS, le=_DECADE_DAYS, description="Days that messages are kept after they were written."
    )
    errors_kept_days: int = Field(
        30, ge=LEAST_DAYS, le=_DECADE_DAYS, description="Days that ended runs and their errors are kept."
    )
    advice_texts_kept_days: int = Field(
        90, ge=LEAST_DAYS, le=_DECADE_DAYS, description="Days that the advisors' questions and answers are kept."
    )
    dagster_runs_kept_days: int = Field(
        30, ge=LEAST_DAYS, le=_DECADE_DAYS, description="Days that Dagster's runs without a partition are kept."
    )
    dagster_partition_runs_kept_days: int = Field(
        365,
        ge=LEAST_DAYS,
        le=_DECADE_DAYS,
        description="Days that Dagster's runs of a campaign, a week or a day are kept, with what the UI shows of them.",
    )

    history_kept_months: int = Field(
        0,
        ge=0,
        le=_DECADE_DAYS // 30,
        description="Months after which who was mailed and what failed is summarised, e.g. 36; 0: it is kept for good.",
    )

    # Running
    rehearsal_clock_url: str | None = Field(
        None, description="The sandbox whose clock counts instead of the database server's; for rehearsals only."
    )
    schedules_enabled: bool = Field(True, description="Sensors and schedules start switched on.")
    step_processes: int = Field(
        0,
        ge=0,
        le=8,
        description="Steps of a run that work at once, each in a process of its own; 0: all in one process, in turn.",
    )
    log_level: str = Field(
        "info", pattern="^(?i:debug|info|warning|error)$", description="debug, info, warning, error."
    )
    log_format: str = Field("console", pattern="^(console|json)$", description="console or json.")
    api_token: SecretStr | None = Field(
        None, description="A token of the HTTP service for programs: starts work, decides nothing."
    )
    proxy_auth_header: str | None = Field(
        None,
        pattern=r"^[A-Za-z][A-Za-z0-9-]{0,99}$",
        description="Header in which an authenticating proxy says who it let in; trusted with --behind-proxy only.",
    )
    proxy_people: SecretStr | None = Field(
        None, description="Whom it may let in: login=Name:role for each, separated by commas."
    )
    mcp_token: SecretStr | None = Field(
        None,
        description="A token of the HTTP service, as whose person `list-pipeline mcp` acts; without it, it only reads.",
    )
    sentry_dsn: SecretStr | None = Field(None, description="Error tracking; off without it.")

    @field_validator("app_url", "dagster_url")
    @classmethod
    def _base_of_links(cls, value: str | None) -> str | None:
        if not value:
            return None
        check_link_base(value)
        return value.rstrip("/")

    @field_validator(
        "mailjet_base_url", "slack_base_url", "gemini_base_url", "pagerduty_base_url", "rehearsal_clock_url"
    )
    @classmethod
    def _encrypted_unless_loopback(cls, value: str | None) -> str | None:
        """TLS for everything that is not loopback: credentials and addresses travel over these."""
        if value is not None:
            check_service_url(value)
        return value

    @field_validator("mail_host_resolver")
    @classmethod
    def _addresses_of_servers(cls, value: str) -> str:
        check_dns_servers(value)
        return value.strip()

    @field_validator("event_webhook_user")
    @classmethod
    def _user_of_basic(cls, value: str) -> str:
        if ":" in value:
            raise ValueError("must hold no colon: HTTP Basic separates name and password by one")
        return value

    @field_validator("event_webhook_password")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < LEAST_PASSWORD:
            raise ValueError(f"must have {LEAST_PASSWORD} characters or more: whoever guesses it can write evidence")
        return value

    @field_validator("slack_app_token")
    @classmethod
    def _of_the_app(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith("xapp-"):
            raise ValueError("must be an app-level token, which begins with xapp-")
        return value

    @field_validator("slack_webhook_url", "alarm_webhook_url")
    @classmethod
    def _encrypted_webhook(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_webhook(value.get_secret_value())
        return value

    @field_validator("sentry_dsn")
    @classmethod
    def _encrypted_tracker(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_error_tracker(value.get_secret_value())
        return value

    @field_validator("redis_url")
    @classmethod
    def _encrypted_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_redis_url(value.get_secret_value())
        return value

    @field_validator("dagster_postgres_url")
    @classmethod
    def _encrypted_dagster(cls, value: SecretStr | None) -> SecretStr | None:
        # Dagster reads the variable itself, so nothing can be added to it here.
        if value is not None:
            check_postgres_url(value.get_secret_value(), mode_needed=True, is_overruled=_is_postgres_elsewhere())
        return value

    @field_validator("database_url")
    @classmethod
    def _encrypted_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        check_postgres_url(value.get_secret_value(), is_overruled=_is_postgres_elsewhere())
        return SecretStr(encrypted_postgres_url(value.get_secret_value(), is_overruled=_is_postgres_elsewhere()))

    @field_validator("proxy_people")
    @classmethod
    def _people_with_roles(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            people_of_proxy(value.get_secret_value())
        return value

    @field_validator("list_reviewers")
    @classmethod
    def _names_of_people(cls, value: str) -> str:
        """What names nobody would let anybody decide, and what nobody can be called would let nobody."""
        names = [name for part in value.split(",") if (name := part.strip())]
        if value.strip() and not names:
            raise ValueError("must name somebody, or be empty")
        if any(
            "@" in name or ";" in name or not (name.isprintable() and any(map(str.isalnum, name))) for name in names
        ):
            raise ValueError("must hold names separated by commas: no addresses, and nothing that is not shown")
        return value

    @field_validator("campaign_senders")
    @classmethod
    def _senders_in_words(cls, value: str) -> str:
        for part in _parts(value):
            if address_problem(f"anybody{part}" if part.startswith("@") else part):
                raise ValueError("must hold addresses, or domains as @example.com, separated by commas")
        return value

    @field_validator("lists_with_automations")
    @classmethod
    def _lists_in_words(cls, value: str) -> str:
        for part in (part.removeprefix("-") for part in _parts(value)):
            if not (part.isascii() and part.isdigit()) and part not in tuple(ListRole):
                roles = ", ".join(role.value for role in ListRole)
                raise ValueError(f"must name lists by their ids at Mailjet or as {roles}, separated by commas")
        return value

    @model_validator(mode="after")
    def _automations_of_our_lists(self) -> Self:
        """A wrong id would leave the right list unprotected. Asked here where the five are known already."""
        known = [getattr(self, name) for name in _LIST_ID_NAMES]
        if None not in known and len(set(known)) == len(known):
            try:
                self.automated_lists()
            except ConfigurationError as error:
                raise ValueError(error.happened) from None
        return self

    @model_validator(mode="after")
    def _history_for_long_enough(self) -> Self:
        """What looks back for months would be worked out from a part."""
        months = self.history_kept_months
        if 0 < months < LEAST_HISTORY_MONTHS:
            raise ValueError(f"HISTORY_KEPT_MONTHS must be {LEAST_HISTORY_MONTHS} or more, or 0: nothing is summarised")
        if months and months * 30 < self.no_sign_of_life_days:
            raise ValueError(
                "HISTORY_KEPT_MONTHS must be longer than NO_SIGN_OF_LIFE_DAYS, or 0: nothing is summarised"
            )
        return self

    @model_validator(mode="after")
    def _rehearsal_alone(self) -> Self:
        """Another clock than the database server's would decide what is due at real people."""
        if self.rehearsal_clock_url is not None:
            for name in ("rehearsal_clock_url", "mailjet_base_url"):
                if not is_loopback(urlsplit(getattr(self, name)).hostname):
                    raise ValueError(
                        "REHEARSAL_CLOCK_URL is for rehearsals only: it and MAILJET_BASE_URL must point to this machine"
                    )
        return self

    @property
    def quarantined_for(self) -> frozenset[QuarantineReason]:
        """The reasons for which contacts are kept from mail without a person who asks for it."""
        named = frozenset(QuarantineReason(part) for part in self.quarantine_reasons.split(",") if part != "off")
        return named | ({QuarantineReason.TESTED_SAMPLE} if self.suppression_test_percent else frozenset())

    @property
    def reviewers(self) -> frozenset[str]:
        """Names of those who may decide, case-folded; none when anybody may."""
        return frozenset(name for part in self.list_reviewers.split(",") if (name := part.strip().casefold()))

    @property
    def reviewer_names(self) -> tuple[str, ...]:
        """Names of those who may decide, as they are written; none when anybody may."""
        return tuple(name for part in self.list_reviewers.split(",") if (name := part.strip()))

    @property
    def hears_clicks(self) -> bool:
        """Whether buttons in Slack are listened to: both of Slack's tokens are set."""
        return self.slack_app_token is not None and self.slack_bot_token is not None

    def secret(self, name: str) -> str:
        """The plain value of a secret that is needed now.

        Raises:
            ConfigurationError: it is not set; the message names the variable.
        """
        value = getattr(self, name)
        if value is None:
            raise missing(name.upper())
        return str(value.get_secret_value())

    def list_ids(self) -> ListIds:
        """The five list ids.

        Raises:
            ConfigurationError: one or more are not set, or two are the same; all missing ones are named at once.
        """
        absent = [name.upper() for name in _LIST_ID_NAMES if getattr(self, name) is None]
        if absent:
            raise missing(*absent)
        try:
            return ListIds(*(int(getattr(self, name)) for name in _LIST_ID_NAMES))
        except ValueError as error:
            raise ConfigurationError(
                "Reading the five MAILJET_*_LIST_ID settings", str(error), "Give each list its own id"
            ) from error

    def automated_lists(self) -> frozenset[ListRole]:
        """The lists that are said to have automations.

        Raises:
            ConfigurationError: an id is none of the five, a list is said to have automations and none, or the five are not set.
        """
        return self._lists_said()[0]

    def lists_without_automations(self) -> frozenset[ListRole]:
        """The lists that are said to have no automations any more, whatever was seen. Raises as ``automated_lists``."""
        return self._lists_said()[1]

    def allowed_senders(self) -> frozenset[str]:
        """The addresses, and domains as ``@example.com``, that campaigns may be sent from, lower case; empty: all."""
        return frozenset(_parts(self.campaign_senders))

    def _lists_said(self) -> tuple[frozenset[ListRole], frozenset[ListRole]]:
        parts = _parts(self.lists_with_automations)
        if not parts:
            return frozenset(), frozenset()
        list_ids, said = self.list_ids(), (set[ListRole](), set[ListRole]())
        problem = ""
        for part in parts:
            name = part.removeprefix("-")
            role = ListRole(name) if name in tuple(ListRole) else list_ids.role_of(int(name))
            if role is None:
                problem = problem or f"names {name}, which is none of the five lists"
            else:
                said[part != name].add(role)
        if both := said[0] & said[1]:
            problem = problem or f"says of {min(both).value} that it has automations and that it has none"
        if problem:
            raise ConfigurationError(
                "Reading LISTS_WITH_AUTOMATIONS",
                f"LISTS_WITH_AUTOMATIONS {problem}",
                "Name each list once, by the ids of the MAILJET_*_LIST_ID settings",
            )
        return frozenset(said[0]), frozenset(said[1])


_LIST_ID_NAMES = (
    "mailjet_master_list_id",
    "mailjet_campaign_list_1_id",
    "mailjet_campaign_list_2_id",
    "mailjet_campaign_list_3_id",
    "mailjet_suppression_list_id",
)


def _is_postgres_elsewhere() -> bool:
    return any(os.environ.get(name) for name in WHERE_POSTGRES_IS)


def _parts(value: str) -> tuple[str, ...]:
    return tuple(part.strip().casefold() for part in value.split(",") if part.strip())


def missing(*variables: str) -> ConfigurationError:
    """The error for variables that are needed now and not set."""
    named = ", ".join(variables)
    plural = "are" if len(variables) > 1 else "is"
    return ConfigurationError(
        "Reading the settings", f"{named} {plural} not set", "Set it in the environment; .env.example explains each"
    )


def read_settings() -> Settings:
    """The settings as the environment has them now.

    Raises:
        ConfigurationError: a value is not of its kind; the variable is named, its value is not shown.
    """
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        # The values are left out: one of them may be a secret in the wrong variable.
        found = "; ".join(": ".join([*(str(part).upper() for part in e["loc"]), e["msg"]]) for e in error.errors())
        raise ConfigurationError("Reading the settings", found, "Correct it; .env.example explains each") from None
