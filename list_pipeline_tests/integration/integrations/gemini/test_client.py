"""The Gemini client against the sandbox's Gemini, with the real SDK over a socket."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from list_pipeline.core.advice import ModelRequest
from list_pipeline.core.errors import (
    AuthenticationError,
    IntegrationError,
    PermanentError,
    RateLimitedError,
    TransientError,
)
from list_pipeline.integrations.gemini import DailyQuotaError, GeminiClient, ModelRetiredError
from list_pipeline.operations.services import Services
from list_pipeline.sandbox.gemini.service import GeminiService
from list_pipeline.settings import Settings
from list_pipeline_tests.integration.views.serving import Served, serving
from list_pipeline_tests.virtual_clock import VirtualClock

KEY = "synthetic-key-AIza"
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
SCHEMA = {"type": "object", "properties": {"kind": {"type": "string", "enum": ["a", "b"]}}, "required": ["kind"]}
ClientFor = Callable[..., GeminiClient]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def gemini(tmp_path: Path, clock: VirtualClock) -> Iterator[Served]:
    service = GeminiService(tmp_path, clock)
    with serving(service, "gemini") as served:
        yield served
    service.close()


@pytest.fixture
def client_for(gemini: Served, clock: VirtualClock) -> Iterator[ClientFor]:
    made: list[GeminiClient] = []

    def make(**settings: Any) -> GeminiClient:
        made.append(GeminiClient(settings.pop("api_key", KEY), clock=clock, base_url=gemini.url, **settings))
        return made[-1]

    yield make
    for client in made:
        client.close()


def ask(client: GeminiClient) -> str:
    return client.generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, 0.3, 512)).text


def test_an_answer_comes_with_its_usage(gemini: Served, client_for: ClientFor) -> None:
    answer = client_for().generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, 0.3, 512))

    assert json.loads(answer.text) == {"kind": "a"}
    assert (answer.finish_reason, answer.model_version) == ("STOP", "gemini-3.5-flash-lite")
    assert answer.prompt_tokens > 0
    assert answer.output_tokens > 0
    assert answer.thought_tokens > 0


def test_the_request_uses_the_system_field_json_mode_and_the_schema_as_it_is(
    gemini: Served, client_for: ClientFor
) -> None:
    ask(client_for())

    (exchange,) = gemini.control("messages")
    config = exchange["request"]["generationConfig"]
    assert exchange["agent"] == ""
    assert exchange["request"]["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert config["responseJsonSchema"] == SCHEMA
    assert config["responseMimeType"] == "application/json"
    assert config["maxOutputTokens"] == 512
    assert not {"temperature", "topP", "topK", "thinkingConfig"} & set(config)


SAMPLING = {"top_p": 0.95, "top_k": 40, "thinking_level": "low"}


@pytest.mark.parametrize(
    ("model", "sampling", "thinking"),
    [
        ("gemini-3.5-flash-lite", {}, "LOW"),
        ("gemini-3.8-flash", {}, "LOW"),
        ("gemini-3.5-flash", {"temperature": 0.3, "topP": 0.95, "topK": 40}, "LOW"),
        ("gemini-2.5-flash-lite", {"temperature": 0.3, "topP": 0.95, "topK": 40}, None),
    ],
)
def test_a_model_is_sent_what_it_takes_of_sampling_and_thinking(
    gemini: Served, client_for: ClientFor, model: str, sampling: dict[str, float], thinking: str | None
) -> None:
    ask(client_for(model=model, **SAMPLING))

    (exchange,) = gemini.control("messages")
    config = exchange["request"]["generationConfig"]
    assert exchange["status"] == 200
    assert {name: config[name] for name in ("temperature", "topP", "topK") if name in config} == sampling
    assert config.get("thinkingConfig", {}).get("thinkingLevel") == thinking


def test_the_settings_reach_the_service(gemini: Served) -> None:
    settings = Settings.model_validate(
        {
            "gemini_api_key": KEY,
            "gemini_base_url": gemini.url,
            "gemini_model": "gemini-3.5-flash",
            "gemini_api_version": "v1beta",
            "gemini_thinking_level": "high",
            "gemini_top_p": 0.5,
            "gemini_top_k": 7,
        }
    )
    with Services(settings, clock=VirtualClock(START)) as services:
        assert services.model is not None
        ask(services.model)

    (exchange,) = gemini.control("messages")
    config = exchange["request"]["generationConfig"]
    assert (config["topP"], config["topK"], config["temperature"]) == (0.5, 7, 0.3)
    assert config["thinkingConfig"] == {"thinkingLevel": "HIGH"}


def test_a_thinking_level_that_a_model_has_not_names_the_setting(client_for: ClientFor) -> None:
    with pytest.raises(PermanentError, match="GEMINI_THINKING_LEVEL"):
        ask(client_for(model="gemini-3.8-flash", thinking_level="minimal"))


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_both_versions_of_the_api_answer(client_for: ClientFor, version: str) -> None:
    assert json.loads(ask(client_for(api_version=version))) == {"kind": "a"}


def test_an_older_model_gets_its_temperature_also_when_it_is_zero(gemini: Served, client_for: ClientFor) -> None:
    client_for(model="gemini-2.5-flash-lite").generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, 0.0, 512))

    assert gemini.control("messages")[0]["request"]["generationConfig"]["temperature"] == 0


@pytest.mark.parametrize(
    ("behaviour", "finish", "has_text"),
    [
        ("sloppy", "STOP", True),
        ("wrong_shape", "STOP", True),
        ("truncated", "MAX_TOKENS", True),
        ("thought_away", "MAX_TOKENS", False),
        ("malformed_json", "STOP", True),
        ("safety", "SAFETY", False),
        ("recitation", "RECITATION", False),
        ("unknown_finish", "SOMETHING_NEWER", True),
        ("empty", "", False),
        ("blocked", "BLOCKED:PROHIBITED_CONTENT", False),
    ],
)
def test_an_odd_answer_is_an_answer(
    gemini: Served, client_for: ClientFor, behaviour: str, finish: str, has_text: bool
) -> None:
    gemini.control("scenarios", {"behaviour": behaviour})

    answer = client_for().generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, None, 512))

    assert answer.finish_reason == finish
    assert bool(answer.text) is has_text


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ({"behaviour": "unavailable"}, TransientError),
        ({"behaviour": "off"}, TransientError),
        ({"behaviour": "html"}, TransientError),
        ({"behaviour": "rate_limited"}, RateLimitedError),
        ({"behaviour": "rate_limited", "daily": True}, DailyQuotaError),
        ({"behaviour": "retired"}, ModelRetiredError),
    ],
)
def test_each_failure_that_stays_has_its_type(
    gemini: Served, client_for: ClientFor, scenario: dict[str, Any], expected: type[IntegrationError]
) -> None:
    gemini.control("scenarios", {**scenario, "times": None})

    with pytest.raises(expected) as caught:
        ask(client_for())

    assert type(caught.value) is expected


def test_what_cannot_help_is_not_repeated(gemini: Served, client_for: ClientFor) -> None:
    gemini.control("scenarios", {"behaviour": "rate_limited", "daily": True, "times": None})

    with pytest.raises(DailyQuotaError):
        ask(client_for())

    assert len(gemini.control("messages")) == 1


def test_a_retired_model_names_the_setting(gemini: Served, client_for: ClientFor) -> None:
    with pytest.raises(ModelRetiredError, match=r"gemini-2\.0-flash-exp.*GEMINI_MODEL"):
        ask(client_for(model="gemini-2.0-flash-exp"))

    assert len(gemini.control("messages")) == 1


@pytest.mark.parametrize("key", ["bad"])
def test_a_refused_key_names_the_setting_and_not_the_key(client_for: ClientFor, key: str) -> None:
    with pytest.raises(AuthenticationError, match="GEMINI_API_KEY"):
        ask(client_for(api_key=key))


@pytest.mark.parametrize("behaviour", ["unavailable", "off", "html"])
def test_what_passes_is_waited_out(gemini: Served, client_for: ClientFor, clock: VirtualClock, behaviour: str) -> None:
    gemini.control("scenarios", {"behaviour": behaviour, "times": 2})

    answer = client_for().generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, None, 512))

    assert json.loads(answer.text) == {"kind": "a"}
    assert clock.now() - START == timedelta(seconds=3)
    assert answer.latency_ms == 3000


def test_the_delay_that_the_service_asks_for_is_kept(
    gemini: Served, client_for: ClientFor, clock: VirtualClock
) -> None:
    gemini.control("scenarios", {"behaviour": "rate_limited", "retry_delay": "7.5s"})

    ask(client_for())

    assert clock.now() - START == timedelta(seconds=7.5)


def test_a_delay_beyond_the_deadline_is_not_begun(gemini: Served, client_for: ClientFor, clock: VirtualClock) -> None:
    gemini.control("scenarios", {"behaviour": "rate_limited", "retry_delay": "60s", "times": None})

    with pytest.raises(RateLimitedError) as caught:
        ask(client_for(deadline_s=30.0))

    assert caught.value.retry_after_s == 60
    assert clock.now() == START


@pytest.mark.parametrize("within_s", [0.0, 1.5])
def test_the_time_of_one_question_can_be_shorter_than_the_clients_own(
    gemini: Served, client_for: ClientFor, clock: VirtualClock, within_s: float
) -> None:
    gemini.control("scenarios", {"behaviour": "unavailable", "times": None})

    with pytest.raises(TransientError):
        client_for().generate(ModelRequest("Be brief.", "Say a or b.", SCHEMA, None, 512, within_s))

    assert (clock.now() - START).total_seconds() <= within_s


@pytest.mark.parametrize("behaviour", ["unavailable", "off", "html", "rate_limited"])
def test_no_pauses_lead_beyond_the_deadline(
    gemini: Served, client_for: ClientFor, clock: VirtualClock, behaviour: str
) -> None:
    gemini.control("scenarios", {"behaviour": behaviour, "times": None, "retry_delay": "9s"})

    with pytest.raises(TransientError):
        ask(client_for(deadline_s=30.0, attempts=50))

    assert (clock.now() - START).total_seconds() <= 30


def test_silence_ends_with_the_timeout(gemini: Served, client_for: ClientFor) -> None:
    gemini.control("scenarios", {"behaviour": "slow", "seconds": 1.0})

    with pytest.raises(TransientError, match="no answer in time"):
        ask(client_for(timeout_s=0.2, attempts=1))


def test_a_refused_connection_is_transient(clock: VirtualClock) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    client = GeminiClient(KEY, clock=clock, base_url=f"http://127.0.0.1:{port}", attempts=2)

    with pytest.raises(TransientError):
        ask(client)
    client.close()


def test_a_closed_client_opens_again(client_for: ClientFor) -> None:
    client = client_for()
    ask(client)
    client.close()

    assert json.loads(ask(client)) == {"kind": "a"}


def test_check_asks_for_the_model_only(gemini: Served, client_for: ClientFor) -> None:
    assert client_for().check() == "models/gemini-3.5-flash-lite"
    with pytest.raises(ModelRetiredError):
        client_for(model="gemini-1.0-gone").check()
    assert gemini.control("messages") == []


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert json.loads(ask(client_for())) == {"kind": "a"}


def test_the_sdks_own_variables_do_not_redirect_a_question(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_ENTERPRISE", "true")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GENAI_CLIENT_MODE", "replay")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GOOGLE_API_KEY", "bad")

    assert json.loads(ask(client_for())) == {"kind": "a"}


def test_key_and_prompt_are_in_no_error_log_or_repr(
    gemini: Served, client_for: ClientFor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = client_for(attempts=1)
    gemini.control("scenarios", {"behaviour": "unavailable"})
    with pytest.raises(TransientError) as caught:
        ask(client)
    ask(client)

    shown = repr(client) + repr(caught.value) + str(caught.value) + caplog.text
    assert KEY not in shown
    assert "Say a or b" not in shown


def test_four_threads_share_one_client_and_get_their_own_answers(gemini: Served, client_for: ClientFor) -> None:
    client = client_for()

    def asked(number: int) -> str:
        schema = {"type": "object", "properties": {"kind": {"type": "string", "enum": [f"answer {number}"]}}}
        return str(
            json.loads(client.generate(ModelRequest("Be brief.", f"Question {number}", schema, None, 512)).text)["kind"]
        )

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(asked, range(40)))

    assert answers == [f"answer {number}" for number in range(40)]
    assert len(gemini.control("messages")) == 40


def test_a_model_that_is_going_to_be_retired_is_named_once(gemini: Served, client_for: ClientFor) -> None:
    gemini.control("scenarios", {"behaviour": "retiring", "times": None})
    client = client_for()

    with capture_logs() as logs:
        ask(client)
        ask(client)

    (warning,) = logs
    assert warning["log_level"] == "warning"
    assert (warning["model"], warning["stage"]) == ("gemini-3.5-flash-lite", "DEPRECATED")
    assert warning["retired_at"] == "2027-03-01T00:00:00+00:00"


@pytest.mark.parametrize(("delay", "warnings"), [("4s", 0), ("6s", 1)])
def test_a_question_that_takes_longer_than_its_target_is_logged(
    gemini: Served, client_for: ClientFor, delay: str, warnings: int
) -> None:
    gemini.control("scenarios", {"behaviour": "rate_limited", "retry_delay": delay})

    with capture_logs() as logs:
        ask(client_for())

    assert len(logs) == warnings
    assert all(each["seconds"] == 6 and each["attempts"] == 2 for each in logs)


def test_the_sdk_is_imported_at_the_first_question_only() -> None:
    program = (
        "import sys\n"
        "from list_pipeline.clock import SystemClock\n"
        "from list_pipeline.integrations.gemini import GeminiClient\n"
        "GeminiClient('key', clock=SystemClock())\n"
        "assert not any(name.startswith('google.genai') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
