"""Gemini's generateContent: one question, one answer in JSON, within a deadline.

Belongs here: the request, retries, typed errors. Does not belong here: prompts and what an answer may say (``agents``).

The SDK is imported at the first question only: it takes half a second and 40 MB. Its own retries stay off, since they
ignore the delay that the service asks for; there is one retry loop, here. An SDK client that is garbage-collected
closes its connections, so one is kept for life.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception

from list_pipeline.core.advice import ModelAnswer
from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import (
    AuthenticationError,
    IntegrationError,
    PermanentError,
    RateLimitedError,
    RemoteNotFoundError,
    TransientError,
)

if TYPE_CHECKING:
    from google import genai
    from google.genai.errors import APIError
    from google.genai.types import GenerateContentResponse

DEFAULT_MODEL = "gemini-3.5-flash-lite"
"""Google's named replacement of its 2.x flash models, of which 2.0 was shut down in June 2026."""

DEFAULT_BASE_URL = "https://generativelanguage.googleapis.com"

_TRIED = "Asking Gemini"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
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
    found = _MODEL_NAME.match(model)
    if found is None:
        return False
    version = (int(found[1]), int(found[2] or 0))
    return version < (3, 5) or (version == (3, 5) and not found[3].startswith("flash-lite"))


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
    ) -> None:
        """Args: ``timeout_s`` bounds one attempt, ``deadline_s`` all attempts and pauses of a question, in seconds."""
        self.model = model
        self.base_url = base_url or DEFAULT_BASE_URL
        self._api_key = api_key
        self._api_version = api_version
        self._clock = clock
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._attempts = attempts
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
        return str(described.name)

    def generate(
        self, system: str, prompt: str, schema: dict[str, Any], temperature: float | None, max_output_tokens: int
    ) -> ModelAnswer:
        """Ask once, wait out what passes, and return what came. A blocked or empty answer is an answer, not an error.

        Args:
            schema: JSON schema of the wanted answer. The service keeps to it mostly; the caller validates.
            temperature: sent only to models that take one; None leaves it to the model.
            max_output_tokens: thinking included, so a multiple of the expected answer.

        Raises:
            AuthenticationError: the key is refused.
            ModelRetiredError: the model is unknown or shut down.
            RateLimitedError, TransientError: still so when the deadline came. PermanentError: the request is refused.
        """
        started = self._clock.now()
        deadline = started + timedelta(seconds=self._deadline_s)

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
            return self._ask(system, prompt, schema, temperature, max_output_tokens, timeout_s)

        response = retrying(attempt)
        latency = self._clock.now() - started
        return _answer_of(response, self.model, round(latency / timedelta(milliseconds=1)))

    def _ask(
        self,
        system: str,
        prompt: str,
        schema: dict[str, Any],
        temperature: float | None,
        max_output_tokens: int,
        timeout_s: float,
    ) -> GenerateContentResponse:
        from google.genai import types

        config = types.GenerateContentConfig(
            system_instruction=system,
            response_mime_type="application/json",
            response_json_schema=schema,
            max_output_tokens=max_output_tokens,
            temperature=temperature if accepts_sampling(self.model) else None,
            # On by default: the SDK would send further requests by itself and bill them.
            automatic_continuation=False,
            http_options=types.HttpOptions(timeout=max(1, math.ceil(timeout_s * 1000))),
        )
        client = self._connected()
        return self._guarded(lambda: client.models.generate_content(model=self.model, contents=prompt, config=config))

    def _connected(self) -> genai.Client:
        with self._lock:
            if self._client is None:
                from google import genai
                from google.genai import types
                from google.genai.client import DebugConfig

                loopback = urlsplit(self.base_url).hostname in _LOOPBACK
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
                        # A proxy from the environment would also be asked for this machine.
                        client_args={"trust_env": False} if loopback else None,
                    ),
                )
            return self._client

    def _guarded(self, request: Callable[[], T]) -> T:
        # Causes are cut off ("from None"): the service repeats keys in some of its messages, and prompts in others.
        import httpx
        import httpx2
        from google.genai import errors

        try:
            return request()
        except errors.APIError as error:
            raise _typed(error, self.model) from None
        except (httpx.TimeoutException, httpx2.TimeoutException):
            raise TransientError(_TRIED, "no answer in time", "Try again later") from None
        except (httpx.HTTPError, httpx2.HTTPError) as error:
            raise TransientError(_TRIED, f"the connection failed ({type(error).__name__})", "Try again later") from None
        except json.JSONDecodeError:
            # HTTP 200 with a web page: a proxy or captive portal in between.
            raise TransientError(_TRIED, "the answer was not JSON", "Check GEMINI_BASE_URL and proxies") from None


def _pause(state: RetryCallState) -> float:
    """What the service asks for, else 1, 2, 4 ... seconds."""
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
    if error.code in _TRANSIENT_CODES:
        return TransientError(_TRIED, happened, "Try again later")
    return PermanentError(_TRIED, happened, "Check GEMINI_MODEL, GEMINI_API_VERSION and the billing of the project")


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


def _answer_of(response: GenerateContentResponse, model: str, latency_ms: int) -> ModelAnswer:
    candidate = response.candidates[0] if response.candidates else None
    finish = ""
    if candidate is not None and candidate.finish_reason is not None:
        finish = str(candidate.finish_reason.value)
    elif response.prompt_feedback is not None and response.prompt_feedback.block_reason is not None:
        finish = f"BLOCKED:{response.prompt_feedback.block_reason.value}"
    usage = response.usage_metadata
    return ModelAnswer(
        text=response.text or "",
        finish_reason=finish,
        prompt_tokens=(usage.prompt_token_count if usage else None) or 0,
        output_tokens=(usage.candidates_token_count if usage else None) or 0,
        thought_tokens=(usage.thoughts_token_count if usage else None) or 0,
        model_version=response.model_version or model,
        latency_ms=latency_ms,
    )
