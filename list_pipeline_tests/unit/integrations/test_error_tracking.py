"""Errors on their way to Sentry: started only where a DSN is set, and nothing in them that could name a person."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import structlog

from list_pipeline import logs
from list_pipeline.core.errors import ConfigurationError
from list_pipeline.integrations.error_tracking import ErrorTracking, stripped
from list_pipeline.logs import configure_logging, flush_errors
from list_pipeline.settings import Settings

DSN = "https://public@errors.example.com/1"
ADDRESS = "jane.doe@example.com"


class Scope:
    def __init__(self) -> None:
        self.context: dict[str, Any] = {}
        self.tags: dict[str, str] = {}
        self.extra: dict[str, Any] = {}

    def __enter__(self) -> Scope:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def set_context(self, name: str, value: dict[str, Any]) -> None:
        self.context[name] = value

    def set_tag(self, name: str, value: str) -> None:
        self.tags[name] = value

    def set_extra(self, name: str, value: Any) -> None:
        self.extra[name] = value


class FakeSentry(ModuleType):
    """Notes how it was started and what it was given."""

    class HttpTransport:
        """Sends nothing."""

    def __init__(self) -> None:
        super().__init__("sentry_sdk")
        self.options: list[dict[str, Any]] = []
        self.captured: list[Any] = []
        self.scopes: list[Scope] = []
        self.flushed = 0

    def init(self, **options: Any) -> None:
        if not str(options["dsn"]).rpartition("/")[2].isdigit():
            raise ValueError(f"Unsupported scheme in {options['dsn']}")
        self.options.append(options)

    def new_scope(self) -> Scope:
        self.scopes.append(Scope())
        return self.scopes[-1]

    def capture_exception(self, error: Any) -> None:
        self.captured.append(error)

    def capture_message(self, message: str, level: str) -> None:
        self.captured.append((level, message))

    def flush(self, timeout: float) -> None:
        self.flushed += 1


@pytest.fixture
def sentry(monkeypatch: pytest.MonkeyPatch) -> FakeSentry:
    fake = FakeSentry()
    monkeypatch.setitem(sys.modules, "sentry_sdk", fake)
    return fake


@pytest.fixture(autouse=True)
def _untracked() -> Iterator[None]:
    before = structlog.get_config()
    yield
    logs._tracking = None
    structlog.configure(**before)


def settings(**more: Any) -> Settings:
    return Settings(**{"log_format": "json", "sentry_dsn": None, **more})


def test_without_a_dsn_nothing_is_started(sentry: FakeSentry) -> None:
    configure_logging(settings())
    structlog.get_logger().error("maintenance failed")
    flush_errors()
    assert (sentry.options, sentry.captured, sentry.flushed) == ([], [], 0)


def test_a_dsn_without_the_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(ConfigurationError, match=r"sentry-sdk is not installed.*list_pipeline\[sentry\]"):
        configure_logging(settings(sentry_dsn=DSN))


def test_a_wrong_dsn_is_not_shown(sentry: FakeSentry) -> None:
    with pytest.raises(ConfigurationError) as refused:
        configure_logging(settings(sentry_dsn="https://hush-hush@example.com/no-number"))
    assert "hush-hush" not in f"{refused.value} {refused.value.__cause__}"
    assert refused.value.__suppress_context__


def test_it_is_started_once_and_as_privately_as_it_can_be(sentry: FakeSentry) -> None:
    for _ in range(2):
        configure_logging(settings(sentry_dsn=DSN))
    (options,) = sentry.options
    assert options["include_local_variables"] is False
    assert options["include_source_context"] is False
    assert options["send_default_pii"] is False
    assert options["max_request_body_size"] == "never"
    assert options["max_breadcrumbs"] == 0
    assert options["default_integrations"] is False
    assert options["auto_enabling_integrations"] is False
    assert options["server_name"] == ""
    assert options["before_send"] is stripped


def test_an_error_of_the_log_is_captured_with_what_is_bound(sentry: FakeSentry) -> None:
    configure_logging(settings(sentry_dsn=DSN))
    log = structlog.get_logger()
    with structlog.contextvars.bound_contextvars(run_id="r1", stage="suppression", campaign="letter-1"):
        try:
            raise RuntimeError("broken")
        except RuntimeError as error:
            log.exception("maintenance failed", log_id=7)
            raised = error
        log.error(f"a message for {ADDRESS} never arrived")
        log.warning("only a warning")
    assert sentry.captured[0] is raised
    assert sentry.captured[1:] == [("error", "a message for [address] never arrived")]
    assert sentry.scopes[0].context["run"] | {"timestamp": ""} == {
        "run_id": "r1", "stage": "suppression", "campaign": "letter-1", "log_id": 7, "level": "error", "timestamp": "",
    }  # fmt: skip
    assert sentry.scopes[0].tags == {"stage": "suppression", "campaign": "letter-1"}
    flush_errors()
    assert sentry.flushed == 1


def test_what_leaves_the_machine_holds_no_address_no_variable_and_no_request() -> None:
    event = {
        "message": f"for {ADDRESS}",
        "request": {"data": ADDRESS, "url": "https://api.example.com/contact/x"},
        "user": {"email": ADDRESS},
        "breadcrumbs": {"values": [{"message": ADDRESS}]},
        "server_name": "host-1",
        "modules": {"a": "1"},
        "extra": {"list": [{"to": ADDRESS}], f"{ADDRESS}": 1},
        "contexts": {"run": {"who": ADDRESS}, "device": {"name": "host-1"}},
        "exception": {"values": [{
            "type": "RuntimeError", "value": f"cannot mail {ADDRESS}",
            "stacktrace": {"frames": [{
                "filename": "a.py", "function": "f", "lineno": 3, "vars": {"email": ADDRESS},
                "context_line": f"mail('{ADDRESS}')", "pre_context": [ADDRESS], "post_context": [ADDRESS],
            }]},
        }]},
    }  # fmt: skip
    sent = stripped(event)
    assert ADDRESS not in str(sent)
    assert "host-1" not in str(sent)
    assert set(sent) == {"message", "extra", "contexts", "exception"}
    assert sent["exception"]["values"][0]["stacktrace"]["frames"] == [
        {"filename": "a.py", "function": "f", "lineno": 3}
    ]
    assert sent["exception"]["values"][0]["value"] == "cannot mail [address]"


def test_the_real_sdk_sends_nothing_but_what_is_allowed() -> None:
    sdk: Any = pytest.importorskip("sentry_sdk", reason="the optional part `sentry` is not installed")
    transport_class: Any = sdk.transport.Transport

    class Noting(transport_class):  # type: ignore[misc]
        sent: list[Any] = []  # noqa: RUF012

        def capture_envelope(self, envelope: Any) -> None:
            self.sent.append(envelope.get_event())

        def flush(self, timeout: float, callback: Any = None) -> None:
            return None

    tracking = ErrorTracking(DSN, environment="test", transport=Noting)
    secret_local = ADDRESS
    try:
        raise RuntimeError(f"cannot mail {secret_local}")
    except RuntimeError as error:
        tracking.capture("maintenance failed", {"run_id": "r1", "stage": "suppression"}, error)
    tracking.capture(f"lost {ADDRESS}", {}, None)
    tracking.flush()
    failed, lost = Noting.sent
    assert ADDRESS not in str(Noting.sent)
    assert failed["contexts"]["run"] == {"run_id": "r1", "stage": "suppression"}
    assert failed["tags"] == {"stage": "suppression"}
    frames = failed["exception"]["values"][0]["stacktrace"]["frames"]
    assert frames
    assert not any(set(frame) & {"vars", "context_line", "pre_context", "post_context", "abs_path"} for frame in frames)
    assert lost["message"] == "lost [address]"
    # Bare, it would listen to every request of the process from here on.
    sdk.init(default_integrations=False, auto_enabling_integrations=False)
