"""The settings: every variable has a default or is named when it is missing, and no secret is ever shown."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from pydantic import SecretStr, ValidationError

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.lists import ListRole
from list_pipeline.settings import OperatingMode, Settings, read_settings
from list_pipeline_tests.paths import CHECKOUT

EXAMPLE = CHECKOUT / ".env.example"
FIELDS = sorted(Settings.model_fields)
SECRETS = sorted(name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))
SECRET = "hush-hush-value"  # pragma: allowlist secret
LIST_IDS = [
    "mailjet_master_list_id",
    "mailjet_campaign_list_1_id",
    "mailjet_campaign_list_2_id",
    "mailjet_campaign_list_3_id",
    "mailjet_suppression_list_id",
]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*FIELDS, "mailjet_api_secret"):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)


def example_lines() -> dict[str, str]:
    found = re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(found)


def test_nothing_is_required_to_read_the_settings() -> None:
    settings = read_settings()
    assert settings.list_management_mode is OperatingMode.GRADUATED
    assert settings.list_management_enabled is True


def test_the_example_lists_exactly_the_settings() -> None:
    assert sorted(example_lines()) == sorted(name.upper() for name in FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_the_example_shows_the_default(name: str) -> None:
    shown, default = example_lines()[name.upper()], Settings.model_fields[name].default
    if default is None:
        assert shown == ""
    elif isinstance(default, bool):
        assert shown == str(default).lower()
    elif isinstance(default, (int, float)):
        assert float(shown) == default
    else:
        assert shown == str(getattr(default, "value", default))


def test_the_example_itself_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in example_lines().items():
        monkeypatch.setenv(name, value)
    assert {name: getattr(read_settings(), name) for name in FIELDS} == {
        name: field.default for name, field in Settings.model_fields.items()
    }


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_says_what_it_means(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description
    assert description.endswith(".")


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in SECRETS])
def test_every_setting_is_read_from_the_variable_of_its_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    default = Settings.model_fields[name].default
    annotation = str(Settings.model_fields[name].annotation)
    other: str
    if isinstance(default, bool):
        other = str(not default).lower()
    elif name == "list_management_mode":
        other = "auto"
    elif name in ("enrol_newcomers", "quarantine_reasons"):
        other = "off"
    elif name == "log_level":
        other = "debug"
    elif name == "log_format":
        other = "json"
    elif name == "event_webhook_user":
        other = "somebody"
    elif name == "list_approvals_over_cap":
        other = "2"
    elif name == "slack_escalation":
        other = "S0TEAM"
    elif name == "digests":
        other = "day,week"
    elif name == "slack_charts":
        other = "text"
    elif name == "gemini_thinking_level":
        other = "high"
    elif name == "lists_with_automations":
        other = "campaign_1,5776"
    elif name == "campaign_senders":
        other = "news@firm.example,@other.example"
    elif name == "proxy_auth_header":
        other = "x-forwarded-user"
    elif name == "mail_host_resolver":
        other = "192.0.2.53:5353"
    elif name == "history_kept_months":
        other = "24"
    elif name.endswith("_kept_days") or name == "no_sign_of_life_days":
        other = "400"
    elif name.startswith(("gemini_temperature", "gemini_top_p")):
        other = "0.1"
    elif "int" in annotation or "float" in annotation:
        other = "6" if default != 6 else "5"
    else:
        other = "https://other.example"
    if name == "rehearsal_clock_url":
        other = "http://localhost:8025"
        monkeypatch.setenv("MAILJET_BASE_URL", other)
    monkeypatch.setenv(name.upper(), other)
    read = getattr(read_settings(), name)
    assert read != default
    assert str(getattr(read, "value", read)).lower().removesuffix(".0") == other.lower()


def five_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(
        ("MASTER", "CAMPAIGN_LIST_1", "CAMPAIGN_LIST_2", "CAMPAIGN_LIST_3", "SUPPRESSION"), 11
    ):
        monkeypatch.setenv(
            f"MAILJET_{name}_ID" if name.startswith("CAMPAIGN") else f"MAILJET_{name}_LIST_ID", str(number)
        )


@pytest.mark.parametrize(
    ("value", "roles"),
    [
        ("", set()),
        (" , ", set()),
        ("12", {ListRole.CAMPAIGN_1}),
        (" 13 , Suppression,13", {ListRole.CAMPAIGN_2, ListRole.SUPPRESSION}),
        ("master,campaign_1,campaign_2,campaign_3,15", set(ListRole)),
    ],
)
def test_lists_with_automations_are_named_by_id_or_role(
    monkeypatch: pytest.MonkeyPatch, value: str, roles: set[ListRole]
) -> None:
    five_lists(monkeypatch)
    monkeypatch.setenv("LISTS_WITH_AUTOMATIONS", value)
    assert read_settings().automated_lists() == roles


def test_a_list_may_be_said_to_have_no_automations_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    five_lists(monkeypatch)
    monkeypatch.setenv("LISTS_WITH_AUTOMATIONS", "12,-13,-suppression")
    settings = read_settings()
    assert settings.automated_lists() == {ListRole.CAMPAIGN_1}
    assert settings.lists_without_automations() == {ListRole.CAMPAIGN_2, ListRole.SUPPRESSION}


@pytest.mark.parametrize(
    "value",
    ["99", "12,99", "list 2", "12;13", "--12", "-", "-99", "12,-12", "-12,campaign_1", "1e1", "١٢", "campaign_4"],
)
def test_a_list_with_automations_that_is_none_of_the_five_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    five_lists(monkeypatch)
    monkeypatch.setenv("LISTS_WITH_AUTOMATIONS", value)
    with pytest.raises(ConfigurationError, match="LISTS_WITH_AUTOMATIONS"):
        read_settings()


def test_an_id_with_automations_is_compared_with_the_five_as_soon_as_they_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LISTS_WITH_AUTOMATIONS", "12")
    settings = read_settings()
    with pytest.raises(ConfigurationError, match="MAILJET_MASTER_LIST_ID"):
        settings.automated_lists()
    with pytest.raises(ConfigurationError, match="names 99, which is none of the five"):
        Settings(
            mailjet_master_list_id=1, mailjet_campaign_list_1_id=2, mailjet_campaign_list_2_id=3,
            mailjet_campaign_list_3_id=4, lists_with_automations="99", mailjet_suppression_list_id=None,
        ).model_copy(update={"mailjet_suppression_list_id": 5}).automated_lists()  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_a_missing_secret_is_named_by_what_needs_it(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name.upper()):
        read_settings().secret(name)


URLS = {
    "database_url": "postgresql://somebody:{}@localhost/lists",
    "dagster_postgres_url": "postgresql+psycopg2://somebody:{}@localhost/dagster",
    "redis_url": "redis://:{}@localhost:6379/0",
    "slack_webhook_url": "https://hooks.example.com/services/{}",
    "slack_app_token": "xapp-{}",
    "alarm_webhook_url": "https://hooks.example.com/alarms/{}",
    "sentry_dsn": "https://{}@errors.example.com/1",
    "event_webhook_password": "{}-long-enough",
    "proxy_people": "{}=Ada:reader",
}
"""Secrets that are part of a URL, or have a length or a form that is asked for."""


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_not_shown_by_the_settings(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    value = URLS.get(name, "{}").format("hush-hush-value")
    monkeypatch.setenv(name.upper(), value)
    settings = read_settings()
    assert isinstance(getattr(settings, name), SecretStr)
    assert settings.secret(name) == value
    assert "hush-hush" not in f"{settings} {settings!r} {settings.model_dump_json()}"


def test_the_secret_key_may_have_the_name_that_mailjet_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILJET_API_SECRET", "hush-hush-value")
    assert read_settings().secret("mailjet_secret_key") == "hush-hush-value"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAILJET_REQUESTS_PER_MINUTE", "hush-hush-value"),
        ("MAILJET_REQUESTS_PER_MINUTE", "0"),
        ("MAILJET_MASTER_LIST_ID", "hush-hush-value"),
        ("LIST_MANAGEMENT_MODE", "hush-hush-value"),
        ("LIST_MANAGEMENT_ENABLED", "hush-hush-value"),
        ("SUPPRESSION_CAP_PERCENT", "101"),
        ("DATABASE_URL", "hush-hush-value"),
        ("DATABASE_URL", f"mysql://somebody:{SECRET}@localhost/lists"),
        ("DATABASE_URL", f"postgresql://somebody:@{SECRET}@db.example.com/lists"),
        (
            "DATABASE_URL",
            f"postgresql://somebody:{SECRET}@db.example.com/lists?sslmode=disable",
        ),
        (
            "DAGSTER_POSTGRES_URL",
            f"postgresql://somebody:{SECRET}@db.example.com/dagster",
        ),
        ("REDIS_URL", f"redis://:{SECRET}@cache.example.com:6379/0"),
        ("SLACK_WEBHOOK_URL", "http://hooks.example.com/services/hush-hush-value"),
        ("SLACK_WEBHOOK_URL", "file:///hush-hush-value"),
        ("SENTRY_DSN", f"http://{SECRET}@errors.example.com/1"),
        ("SENTRY_DSN", "hush-hush-value"),
        ("MAILJET_BASE_URL", f"https://mailjet.example.com?key={SECRET}"),
        ("DAGSTER_URL", f"https://dagster.example.com?token={SECRET}"),
        ("SLACK_BASE_URL", f"https://somebody:{SECRET}@slack.example.com/api/"),
        ("APP_URL", "javascript:alert('hush-hush-value')"),
        ("REHEARSAL_CLOCK_URL", "http://localhost:8025/hush-hush-value"),
        ("REHEARSAL_CLOCK_URL", f"http://somebody:{SECRET}@127.0.0.1:8025"),
        ("REHEARSAL_CLOCK_URL", "//127.0.0.1/hush-hush-value"),
        ("REDIS_URL", "redis://127.0.0.1/hush-hush-value"),
        ("LIST_REVIEWERS", ","),
        ("LIST_REVIEWERS", " , ,"),
        ("LIST_REVIEWERS", "ada, hush-hush-value@example.com"),
        ("LIST_REVIEWERS", "ada; hush-hush-value"),
        ("LIST_REVIEWERS", "hush-hush-value\u200b"),
        ("LIST_REVIEWERS", "ada, --"),
        ("DAGSTER_POSTGRES_URL", f"postgresql://somebody@127.0.0.1/dagster?password={SECRET}"),
        ("MAILJET_JOB_CONTACTS", "5001"),
        ("MAIL_HOST_RESOLVER", "hush-hush-value"),
        ("MAIL_HOST_RESOLVER", "192.0.2.53:hush-hush-value"),
        ("MAIL_HOST_RESOLVER", "192.0.2.53:0"),
        ("MAIL_HOST_RESOLVER", "192.0.2.53:65536"),
        ("WEEKLY_HEALTH_CHECK_DAY", "7"),
        ("LOG_LEVEL", "hush-hush-value"),
        ("ENROL_NEWCOMERS", "hush-hush-value"),
        ("MAILJET_BASE_URL", "http://hush-hush-value.example"),
        ("SLACK_BASE_URL", "ftp://hush-hush-value.example"),
        ("GEMINI_BASE_URL", "hush-hush-value"),
    ],
)
def test_a_wrong_value_names_its_variable_and_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        read_settings()
    assert name in str(caught.value)
    assert "hush-hush" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("variable", ["PGHOSTADDR", "PGSERVICE"])
def test_a_database_of_this_machine_that_a_variable_of_libpq_moves_elsewhere_is_asked_for_tls(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    local = "postgresql://somebody@localhost/lists"
    assert Settings(database_url=local).secret("database_url") == local
    monkeypatch.setenv(variable, "192.0.2.1")
    assert Settings(database_url=local).secret("database_url") == f"{local}?sslmode=require"
    with pytest.raises(ValidationError, match="sslmode"):
        Settings(database_url=f"{local}?sslmode=prefer")
    with pytest.raises(ValidationError, match="sslmode"):
        Settings(dagster_postgres_url=local)
    Settings(dagster_postgres_url=f"{local}?sslmode=verify-full")


NUMBERS = [
    name
    for name, field in Settings.model_fields.items()
    if {int, float} & {field.annotation, *get_args(field.annotation)} and field.annotation is not bool
]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["inf", "nan", "-1", "1" + "0" * 30, "1e300"])
def test_a_number_that_nobody_can_mean_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name.upper(), value)
    with pytest.raises(ConfigurationError, match=name.upper()):
        read_settings()


def test_a_wrong_value_is_not_repeated_where_the_settings_are_made_directly() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(database_url=f"mysql://somebody:{SECRET}@localhost/lists")
    assert SECRET not in str(caught.value)


def test_all_missing_lists_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILJET_MASTER_LIST_ID", "1")
    with pytest.raises(ConfigurationError) as caught:
        read_settings().list_ids()
    assert all(name.upper() in str(caught.value) for name in LIST_IDS[1:])
    assert "MAILJET_MASTER_LIST_ID" not in str(caught.value)


def test_two_lists_with_one_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(LIST_IDS):
        monkeypatch.setenv(name.upper(), str(max(number, 1)))
    with pytest.raises(ConfigurationError, match="differ"):
        read_settings().list_ids()


def test_the_five_lists_have_the_roles_that_their_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(LIST_IDS, start=1):
        monkeypatch.setenv(name.upper(), str(number))
    ids = read_settings().list_ids()
    assert (ids.master, ids.campaign_1, ids.campaign_2, ids.campaign_3, ids.suppression) == (1, 2, 3, 4, 5)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:1", "https://api.example.com"])
def test_plain_http_is_for_this_machine_only(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MAILJET_BASE_URL", url)
    assert read_settings().mailjet_base_url == url


def test_a_remote_database_is_reached_with_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://somebody:{SECRET}@db.example.com/lists")
    assert read_settings().secret("database_url").endswith("/lists?sslmode=require")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILJET_REQUESTS_PER_MINUTE", "")
    monkeypatch.setenv("GEMINI_API_KEY", "")
    settings = read_settings()
    assert settings.mailjet_requests_per_minute == Settings.model_fields["mailjet_requests_per_minute"].default
    assert settings.gemini_api_key is None


def test_a_link_base_has_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_URL", "https://app.example.com/")
    assert read_settings().app_url == "https://app.example.com"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("EVENT_WEBHOOK_USER", "a:b", "no colon"), ("EVENT_WEBHOOK_PASSWORD", "x" * 15, "16 characters")],
)
def test_what_mailjets_events_come_with_is_hard_to_guess_and_fits_http_basic(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_settings()
    assert value not in str(caught.value)
    monkeypatch.setenv("EVENT_WEBHOOK_USER", "ab")
    monkeypatch.setenv("EVENT_WEBHOOK_PASSWORD", "x" * 16)
    assert read_settings().secret("event_webhook_password") == "x" * 16
