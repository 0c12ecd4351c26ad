"""Gemini's generateContent: one question, one answer in JSON, within a deadline.

Belongs here: the request, retries, typed errors. Does not belong here: prompts and what an answer may say (``agents``).

The SDK is imported at the first question only: it takes half a second and 40 MB. Its own retries stay off, since they
ignore the delay that the service asks for; there is one retry loop, here. An SDK client that is garbage-collected
closes its connections, so one is kept for life.
"""

from __future__ import annotations

import json
import math
import queue
import re
import threading
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

import structlog
from pydantic import ValidationError
from tenacity import RetryCallState, Retrying, retry_if_exception

from list_pipeline.core.advice import ModelAnswer, ModelRequest
from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import (
    AuthenticationError,
    IntegrationError,
    PermanentError,
    RateLimitedError,
    RemoteNotFoundError,
    TransientError,
)
from list_pipeline.core.foreign_text import storable
from list_pipeline.core.urls import is_loopback
from list_pipeline.integrations.answer_times import AnswerTimes, Service

if TYPE_CHECKING:
    from google import genai
    from google.genai.errors import APIError
    from google.genai.types import GenerateContentResponse

DEFAULT_MODEL = "gemini-3.5-flash-lite"
"""Google's named replacement of its 2.x flash models, of which 2.0 was shut down in June 2026."""

DEFAULT_BASE_URL = "https://generativelanguage.googleapis.com"

TARGET_S = 5.0
"""Seconds that a question should take at most; longer ones are logged."""

log = structlog.get_logger(__name__)

_TRIED = "Asking Gemini"
_ENDING_STAGES = frozenset({"LEGACY", "DEPRECATED", "RETIRED"})
_NEWER = ".* is not a valid (FinishReason|BlockedReason|ModelStage)"
_TRANSIENT_CODES = frozenset({408, 500, 502, 503, 504})
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 16.0
T = TypeVar("T")
_MODEL_NAME = re.compile(r"^gemini-(\d+)(?:\.(\d+))?-(.+)$")


class ModelRetiredError(RemoteNotFoundError):
    """The configured model does not exist (any more)."""


class DailyQuotaError(RateLimitedError):
    """The quota of the day is used up: nothing to wait for within a run."""


def accepts_sampling(model: str) -> bool:
    """Whether temperature and its kin mean something to a model.

    From 3.6 Flash and 3.5 Flash-Lite on they are deprecated and ignored, so they are not sent; nor to an unknown name.
    """
    version, kind = _parts(model)
    if version is None:
        return False
    return version < (3, 5) or (version == (3, 5) and not kind.startswith("flash-lite"))


def accepts_thinking_level(model: str) -> bool:
    """Whether a model takes a thinking level: from 3 on; those before take a number of tokens, which is not used."""
    version, _ = _parts(model)
    return version is not None and version >= (3, 0)


def _parts(model: str) -> tuple[tuple[int, int] | None, str]:
    """Version and kind in a model's name; None for a name of another form, such as an alias."""
    found = _MODEL_NAME.match(model.removeprefix("models/"))
    return (None, "") if found is None else ((int(found[1]), int(found[2] or 0)), found[3])


class GeminiClient:
    """One model behind one key. Safe to share between threads."""

    def __init__(
        self,
        api_key: str,
        *,
        clock: Clock,
        model: str = DEFAULT_MODEL,
        api_version: str = "v1",
        base_url: str | None = None,
        timeout_s: float = 20.0,
        deadline_s: float = 30.0,
        attempts: int = 4,
        thinking_level: str = "none",
        top_p: float | None = None,
        top_k: int | None = None,
        answer_times: AnswerTimes | None = None,
    ) -> None:
        """Make a client; nothing is opened before the first question.

        Args:
            timeout_s: bounds one attempt, in seconds.
            deadline_s: bounds all attempts and pauses of a question, in seconds.
            thinking_level: minimal, low, medium or high; "none" leaves it to the model. Not every model has each.
            top_p: like ``top_k`` and the temperature of a question, sent only to models that take it.
            answer_times: told of each request; None: nobody asks.
        """
        self.model = model
        self.base_url = base_url or DEFAULT_BASE_URL
        self._api_key = api_key
        self._api_version = api_version
        self._clock = clock
        self._answer_times = answer_times or AnswerTimes()
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._attempts = attempts
        self._thinking_level = thinking_level
        self._top_p, self._top_k = top_p, top_k
        self._warned_stage: str | None = None
        self._lock = threading.Lock()
        self._client: genai.Client | None = None

    def __repr__(self) -> str:
        return f"GeminiClient(model={self.model!r}, base_url={self.base_url!r})"

    def close(self) -> None:
        """Close connections; the next question opens new ones."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def check(self) -> str:
        """Whether key and model work, for about no cost; returns the model's full name. Raises as ``generate``."""
        described = self._guarded(lambda: self._connected().models.get(model=self.model))
        return _model_name(described.name, self.model)

    def generate(self, request: ModelRequest) -> ModelAnswer:
        """Ask once, wait out what passes, and return what came. A blocked or empty answer is an answer, not an error.

        Raises:
            AuthenticationError: the key is refused.
            ModelRetiredError: the model is unknown or shut down.
            RateLimitedError, TransientError: still so when the deadline came. PermanentError: the request is refused.
        """
        started = self._clock.now()
        within_s = self._deadline_s if request.within_s is None else min(self._deadline_s, request.within_s)
        deadline = started + timedelta(seconds=within_s)

        def must_stop(state: RetryCallState) -> bool:
            # A pause that ends after the deadline is not begun.
            resumed = self._clock.now() + timedelta(seconds=state.upcoming_sleep)
            return state.attempt_number >= self._attempts or resumed >= deadline

        retrying = Retrying(
            retry=retry_if_exception(lambda e: isinstance(e, TransientError) and not isinstance(e, DailyQuotaError)),
            wait=_pause,
            stop=must_stop,
            sleep=self._clock.sleep,
            reraise=True,
        )

        def attempt() -> GenerateContentResponse:
            left_s = (deadline - self._clock.now()).total_seconds()
            timeout_s = max(min(self._timeout_s, left_s), 0.001)
            return self._ask(request, timeout_s)

        try:
            response = retrying(attempt)
        finally:
            taken_s = (self._clock.now() - started).total_seconds()
            if taken_s > TARGET_S:
                log.warning(
                    "a question took long",
                    model=self.model,
                    seconds=round(taken_s, 1),
                    target_seconds=TARGET_S,
                    attempts=retrying.statistics.get("attempt_number"),
                )
        self._warn_of_retirement(response)
        return _answer_of(response, self.model, round(taken_s * 1000))

    def _warn_of_retirement(self, response: GenerateContentResponse) -> None:
        """Say once that the service calls the model old: the only notice before it answers 404."""
        status = response.model_status
        stage = status.model_stage.value if status is not None and status.model_stage is not None else ""
        if status is None or stage not in _ENDING_STAGES or stage == self._warned_stage:
            return
        self._warned_stage = stage
        until = status.retirement_time
        log.warning(
            "the model is going to be retired; set GEMINI_MODEL to a newer one",
            model=self.model,
            stage=stage,
            retired_at=until.isoformat() if until is not None else None,
        )

    def _ask(self, request: ModelRequest, timeout_s: float) -> GenerateContentResponse:
        from google.genai import types

        sampled = accepts_sampling(self.model)
        level = self._thinking_level if accepts_thinking_level(self.model) else "none"
        config = types.GenerateContentConfig(
            system_instruction=request.system,
            response_mime_type="application/json",
            response_json_schema=dict(request.schema),
            max_output_tokens=request.max_output_tokens,
            temperature=request.temperature if sampled else None,
            top_p=self._top_p if sampled else None,
            top_k=self._top_k if sampled else None,
            thinking_config=None
            if level == "none"
            else types.ThinkingConfig(thinking_level=types.ThinkingLevel(level)),
            # On by default: the SDK would send further requests by itself and bill them.
            automatic_continuation=False,
            http_options=types.HttpOptions(timeout=max(1, math.ceil(timeout_s * 1000))),
        )
        client = self._connected()
        return self._guarded(
            lambda: _within(
                timeout_s,
                lambda: client.models.generate_content(model=self.model, contents=request.prompt, config=config),
            )
        )

    def _connected(self) -> genai.Client:
        with self._lock:
            if self._client is None:
                from google import genai
                from google.genai import types
                from google.genai.client import DebugConfig

                # What is newer than the SDK comes with a warning besides its name.
                warnings.filterwarnings("ignore", message=_NEWER, category=UserWarning)
                loopback = is_loopback(urlsplit(self.base_url).hostname)
                # Everything is said explicitly: what is left out, the SDK takes from variables of its own, which may
                # send prompts to another host or product.
                self._client = genai.Client(
                    enterprise=False,
                    debug_config=DebugConfig(client_mode=None),
                    api_key=self._api_key,
                    http_options=types.HttpOptions(
                        base_url=self.base_url,
                        api_version=self._api_version,
                        timeout=max(1, round(self._timeout_s * 1000)),
                        # The SDK follows redirects by itself, and hands the key to the other host. A proxy from the
                        # environment would also be asked for this machine.
                        client_args={"follow_redirects": False, "trust_env": not loopback},
                    ),
                )
            return self._client

    def _guarded(self, request: Callable[[], T]) -> T:
        with self._answer_times.measured(Service.GEMINI):
            return self._typed_errors(request)

    def _typed_errors(self, request: Callable[[], T]) -> T:
        # Causes are cut off ("from None"): the service repeats keys in some of its messages, and prompts in others.
        import httpx
        import httpx2
        from google.genai import errors

        try:
            return request()
        except errors.APIError as error:
            raise _typed(error, self.model) from None
        except (httpx.TimeoutException, httpx2.TimeoutException, TimeoutError):
            raise TransientError(_TRIED, "no answer in time", "Try again later") from None
        except (httpx.HTTPError, httpx2.HTTPError) as error:
            raise TransientError(_TRIED, f"the connection failed ({type(error).__name__})", "Try again later") from None
        except json.JSONDecodeError:
            # HTTP 200 with a web page: a proxy or captive portal in between.
            raise TransientError(_TRIED, "the answer was not JSON", "Check GEMINI_BASE_URL and proxies") from None
        except (ValidationError, AttributeError, TypeError):
            # Raised by the SDK for JSON that is no answer of the API; its messages quote what came.
            raise TransientError(_TRIED, "the answer had another form", "Check GEMINI_BASE_URL and proxies") from None


def _within(seconds: float, request: Callable[[], T]) -> T:
    """The result of a request, or ``TimeoutError`` after so many seconds of the machine.

    The timeouts of an HTTP client are for one look-up, one connection and one read each: an answer that comes byte by
    byte, or a name server that is silent, outlasts them. A request that is given up ends by itself later on, unheard.
    """
    found: queue.SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = queue.SimpleQueue()

    def run() -> None:
        try:
            found.put((request(), None))
        except BaseException as error:  # noqa: BLE001 - raised again below, where the request was made
            found.put((None, error))

    threading.Thread(target=run, name="gemini", daemon=True).start()
    try:
        result, error = found.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return cast("T", result)


def _pause(state: RetryCallState) -> float:
    """The pause before the next attempt in seconds: the service's own wish, else 1, 2, 4 ..."""
    failure = state.outcome.exception() if state.outcome is not None else None
    wanted = failure.retry_after_s if isinstance(failure, RateLimitedError) else None
    growing = min(_FIRST_PAUSE_S * 2 ** (state.attempt_number - 1), _LONGEST_PAUSE_S)
    return max(wanted, 0.1) if wanted is not None else growing


def _typed(error: APIError, model: str) -> IntegrationError:
    """The service's refusal in our tree, by code and status only."""
    details = _details(error)
    reasons = {str(each.get("reason")) for each in details}
    happened = f"HTTP {error.code}" + (f" {error.status}" if re.fullmatch(r"[A-Z_]{1,40}", str(error.status)) else "")
    if error.code in (401, 403) or "API_KEY_INVALID" in reasons:
        return AuthenticationError(_TRIED, f"{happened}: the key is refused", "Check GEMINI_API_KEY")
    if error.code == 404:
        return ModelRetiredError(
            _TRIED,
            f"model {model} is unknown or was shut down",
            f"Set GEMINI_MODEL to a current one, e.g. {DEFAULT_MODEL}",
        )
    if error.code == 429:
        quotas = " ".join(str(v.get("quotaId", "")) for each in details for v in each.get("violations") or ())
        if "PerDay" in quotas:
            return DailyQuotaError(_TRIED, "the quota of the day is used up", "Try tomorrow or raise the quota")
        return RateLimitedError(_TRIED, happened, "Try again later", _retry_delay(details))
    if 300 <= error.code < 400:
        return PermanentError(
            _TRIED, f"{happened}: a redirect, which is not followed with a key", "Check GEMINI_BASE_URL and proxies"
        )
    if error.code in _TRANSIENT_CODES:
        return TransientError(_TRIED, happened, "Try again later")
    return PermanentError(
        _TRIED,
        happened,
        "Check GEMINI_MODEL, whether it has the GEMINI_THINKING_LEVEL, GEMINI_API_VERSION and the project's billing",
    )


def _details(error: APIError) -> list[dict[str, Any]]:
    body = error.details if isinstance(error.details, dict) else {}
    inner = body.get("error", body)
    listed = inner.get("details") if isinstance(inner, dict) else None
    return [each for each in listed or () if isinstance(each, dict)]


def _retry_delay(details: list[dict[str, Any]]) -> float | None:
    """Seconds out of ``RetryInfo``, which writes them as ``26s`` or ``55.57s``."""
    for each in details:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(each.get("retryDelay", "")))
        if found:
            return float(found[1])
    return None


def _count(tokens: int | None) -> int:
    return max(tokens or 0, 0)


def _word(value: object) -> str:
    """A word of the API, of a newer one perhaps a word that we do not know, but a word."""
    return re.sub(r"[^A-Z_]", "", str(value).upper())[:40] or "UNKNOWN"


def _model_name(said: str | None, configured: str) -> str:
    """The name that the service gives its model, where it is one; else the configured one."""
    return said if said and re.fullmatch(r"[\w./-]{1,80}", said, re.ASCII) else configured


def _answer_of(response: GenerateContentResponse, model: str, latency_ms: int) -> ModelAnswer:
    candidate = response.candidates[0] if response.candidates else None
    finish = ""
    if candidate is not None and candidate.finish_reason is not None:
        finish = _word(candidate.finish_reason.value)
    elif response.prompt_feedback is not None and response.prompt_feedback.block_reason is not None:
        finish = f"BLOCKED:{_word(response.prompt_feedback.block_reason.value)}"
    usage = response.usage_metadata
    return ModelAnswer(
        text=storable(response.text or ""),
        finish_reason=finish,
        prompt_tokens=_count(usage.prompt_token_count if usage else None),
        output_tokens=_count(usage.candidates_token_count if usage else None),
        thought_tokens=_count(usage.thoughts_token_count if usage else None),
        model_version=_model_name(response.model_version, model),
        latency_ms=latency_ms,
    )
