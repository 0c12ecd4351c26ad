"""Slack's Web API for one channel: post, update, find again. A lost answer never makes a second message.

Belongs here: requests, retries and typed errors. Does not belong here: what a message says (``core.reports.message``), its
limits (``core.messages.slack_blocks``), and remembering what was sent (the outbox in ``storage``).

Slack has no idempotency key. So each message carries our key in its metadata, only what Slack certainly did not carry
out is repeated here (429), and whoever got ``DeliveryUnknownError`` looks the key up with ``find`` before posting again;
``deliver`` does both in order.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import socket
import ssl
import time
import urllib.error
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPMessage
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from slack_sdk import WebClient, WebhookClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.webhook import WebhookResponse

from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import (
    AuthenticationError,
    IntegrationError,
    PermanentError,
    RateLimitedError,
    RemoteNotFoundError,
    TransientError,
)
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.messages.slack_blocks import Block
from list_pipeline.core.urls import is_loopback
from list_pipeline.integrations.answer_times import AnswerTimes, Service

EVENT_TYPE = "list_pipeline"
"""Type of the metadata that carries our key."""
TIMEOUT_S = 10.0
"""A post and the look-up after a lost answer together stay below the minute that a sensor has."""
RATE_LIMIT_RETRIES = 2
LONGEST_RATE_LIMIT_WAIT_S = 20.0
"""A report should arrive within 30 s of the run's end; a longer wait is left to the outbox."""
_PAGE = 200
_MOST_PAGES = 10
_CLOCK_SKEW = timedelta(minutes=5)
"""Slack dates messages by its own clock."""

_AUTHENTICATION = frozenset(
    {
        "not_authed",
        "invalid_auth",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "not_allowed_token_type",
        "org_login_required",
        "ekm_access_denied",
        "access_denied",
        "accesslimited",
        "enterprise_is_restricted",
        "no_permission",
        "team_access_not_granted",
        "two_factor_setup_required",
    }
)
_CHANNEL = frozenset(
    {
        "channel_not_found",
        "external_channel_migrating",
        "is_archived",
        "messages_tab_disabled",
        "not_in_channel",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
    }
)
_THREAD = frozenset(
    {
        "thread_not_found",
        "message_not_found",
        "invalid_thread_ts",
        "cannot_reply_to_message",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
    }
)
"""Answers to a reply whose parent is gone, or takes none; ``chat.update`` knows the second one too, for a message that is gone
itself."""
_MAY_HAVE_SUCCEEDED = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
)
_WHOLE_ANSWER = 3
"""Times the longest wait for a piece of an answer, within which the whole has to be there."""
_PIECE = 65_536
_CHANNEL_ID = re.compile(r"^[CDG][A-Z0-9]{4,}$")
_LOOK_FIRST = "Look the message up before posting it again"
_NOTHING_WAS_SENT = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)

T = TypeVar("T")


class DeliveryUnknownError(TransientError):
    """The answer was lost after the request went out: the message may be there. Look it up before posting again."""


class ThreadLostError(PermanentError):
    """The message to answer below, or to change, is gone. Nothing was posted."""


class MessageRefusedError(PermanentError):
    """Slack does not take this message as it is (too long, wrong blocks)."""


@dataclass(frozen=True, slots=True)
class PostedMessage:
    """Where a message is.

    ``channel`` is Slack's channel id; ``permalink`` is None where Slack did not tell it. ``thread_ts`` is the message that it
    answers: None, too, where that one was gone, since Slack then posts an answer by itself and says ok.
    """

    channel: str
    ts: str
    permalink: str | None = None
    thread_ts: str | None = None


class _BoundedRateLimitRetry(RateLimitErrorRetryHandler):
    """Waits out a 429 through our clock, and gives up at once where the wait would be too long.

    The SDK's own handler sleeps for whatever Slack says, in real seconds.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(max_retry_count=RATE_LIMIT_RETRIES)
        self._clock = clock

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if response is None or response.status_code != 429:
            return False
        return (_retry_after(response.headers) or 1.0) <= LONGEST_RATE_LIMIT_WAIT_S

    def prepare_for_next_attempt(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        state.next_attempt_requested = True
        wait = _retry_after(response.headers if response is not None else {}) or 1.0
        self._clock.sleep(wait + random.random())
        state.increment_current_attempt()


class _NoRedirect(HTTPRedirectHandler):
    """A redirect is an answer, and an error: followed, it would hand token and message to another host."""

    def redirect_request(self, *_: object) -> None:
        """None: not followed."""


def _ask(
    request: Request, proxy: str | None, context: ssl.SSLContext | None, timeout_s: float
) -> tuple[int, HTTPMessage, str]:
    """What the SDK does with ``urlopen``, but for redirects. ``proxy``: None takes none, also none of the environment's.

    Returns:
        Status, headers and text of the answer.

    Raises:
        HTTPError: any status but 2xx.
    """
    proxies = ProxyHandler({"http": proxy, "https": proxy} if proxy else {})
    answer = build_opener(proxies, HTTPSHandler(context=context), _NoRedirect()).open(request, timeout=timeout_s)
    # The timeout is for each piece of the answer: one that comes byte by byte never meets it.
    pieces, until = [], time.monotonic() + _WHOLE_ANSWER * timeout_s
    while piece := answer.read1(_PIECE):
        pieces.append(piece)
        if time.monotonic() > until:
            raise TimeoutError
    # JSON is UTF-8 (RFC 8259 8.1), and a page in its place may be anything.
    return answer.status, answer.headers, b"".join(pieces).decode("utf-8", "replace")


class _WebClient(WebClient):
    """The SDK's client without redirects. The SDK has no setting for them, so the one method that opens is replaced."""

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        status, headers, body = _ask(req, self.proxy, self.ssl, self.timeout)
        return {"status": status, "headers": headers, "body": body}


class _WebhookClient(WebhookClient):
    """Likewise."""

    def _perform_http_request_internal(self, url: str, req: Request) -> WebhookResponse:
        status, headers, body = _ask(req, self.proxy, self.ssl, self.timeout)
        return WebhookResponse(url=url, status_code=status, body=body, headers=headers)  # type: ignore[arg-type]


class SlackClient:
    """One channel of one workspace. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        token: str,
        channel: str,
        timeout_s: float = TIMEOUT_S,
        *,
        clock: Clock,
        answer_times: AnswerTimes | None = None,
    ) -> None:
        """Args: ``channel`` is an id or a name with ``#``; ``timeout_s`` bounds the wait for one answer, in seconds;
        ``answer_times`` are told of each request, None: nobody asks."""
        self.channel = channel
        self.base_url = base_url
        self._answer_times = answer_times or AnswerTimes()
        self._known_id: str | None = channel if _CHANNEL_ID.match(channel) else None
        # The SDK's default handlers are left out on purpose: they repeat chat.postMessage after a lost answer.
        self._web = _WebClient(
            token=token,
            base_url=base_url,
            timeout=max(1, round(timeout_s)),
            retry_handlers=[_BoundedRateLimitRetry(clock)],
        )
        if is_loopback(urlsplit(base_url).hostname):
            self._web.proxy = None

    def __repr__(self) -> str:
        return f"SlackClient(base_url={self.base_url!r}, channel={self.channel!r})"

    def post(
        self,
        text: str,
        blocks: Sequence[Block],
        key: str,
        thread_ts: str | None = None,
        *,
        broadcast: bool = False,
    ) -> PostedMessage:
        """Post once.

        Args:
            text: fallback for notifications, already escaped.
            key: our name of this message; ``find`` finds it again.
            thread_ts: answer in the thread of this message.
            broadcast: show an answer in the channel as well.

        Raises:
            ThreadLostError: the message to answer below is gone.
            OutcomeUnknownError: the message may or may not be there.
            AuthenticationError, RemoteNotFoundError, MessageRefusedError, RateLimitedError, TransientError: it is not.
        """
        tried = "Posting a message to Slack"
        answer = self._call(
            tried,
            lambda: (
                self._web.chat_postMessage(
                    channel=self.channel,
                    text=text,
                    blocks=list(blocks),
                    thread_ts=thread_ts,
                    reply_broadcast=True if broadcast and thread_ts else None,
                    metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
                    unfurl_links=False,
                    unfurl_media=False,
                ).data
            ),
            changes=True,
        )
        channel, ts = answer.get("channel"), answer.get("ts")
        if not (isinstance(channel, str) and channel and isinstance(ts, str) and ts):
            raise DeliveryUnknownError(tried, "the answer does not say where the message is", _LOOK_FIRST)
        self._known_id = channel
        return self._posted(channel, ts, _part(answer, "message"))

    def find(self, key: str, thread_ts: str | None = None, oldest: datetime | None = None) -> PostedMessage | None:
        """The message that carries our key, or None when the channel (and the thread) certainly does not hold it.

        Args:
            oldest: do not look further back than this instant; bounds the number of requests.

        Raises:
            TransientError: the history could not be read to its end, so nothing is known.
        """
        if thread_ts is not None and (found := self._find(key, thread_ts, oldest)) is not None:
            return found
        # An answer whose parent was gone stands by itself.
        return self._find(key, None, oldest)

    def _find(self, key: str, thread_ts: str | None, oldest: datetime | None) -> PostedMessage | None:
        channel = self._channel_id()
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            try:
                page = self._history_page(channel, thread_ts, oldest, cursor)
            except ThreadLostError:
                # No thread, so nothing in it.
                return None
            for message in _rows(page, "messages", "Looking for a message in Slack's history"):
                metadata = _part(message, "metadata")
                if metadata.get("event_type") == EVENT_TYPE and _part(metadata, "event_payload").get("key") == key:
                    return self._posted(channel, str(message.get("ts", "")), message)
            cursor = _part(page, "response_metadata").get("next_cursor") or None
            if cursor is None:
                return None
        raise TransientError(
            "Looking for a message in Slack's history",
            f"not found in the newest {_MOST_PAGES * _PAGE} messages, and there are older ones",
            "Look into the channel before posting it again",
        )

    def deliver(
        self,
        text: str,
        blocks: Sequence[Block],
        key: str,
        thread_ts: str | None = None,
        *,
        maybe_posted: bool = False,
        maybe_in: str | None = None,
        oldest: datetime | None = None,
        broadcast: bool = False,
    ) -> PostedMessage:
        """Post so that the message is there once, however often this is called.

        Args:
            maybe_posted: an earlier attempt ended with an unknown outcome; the message is looked up first.
            maybe_in: the thread of that attempt; None: it was a message of its own.

        Raises:
            OutcomeUnknownError: the answer was lost and the message is not to be seen yet, or cannot be looked up (the
                app needs the scopes for reading channels and their history); call again later with ``maybe_posted``.
            Other errors as in ``post``: the message is not there.
        """
        if maybe_posted:
            found = self._look_up(key, maybe_in, oldest)
            if found is not None:
                return found
        try:
            return self.post(text, blocks, key, thread_ts, broadcast=broadcast)
        except DeliveryUnknownError:
            # Not posted again here, also when it is not found: the history may lag behind what was accepted.
            found = self._look_up(key, thread_ts, oldest)
            if found is not None:
                return found
            raise

    def _look_up(self, key: str, thread_ts: str | None, oldest: datetime | None) -> PostedMessage | None:
        """``find`` for a message that may be there: where it cannot be looked up, its outcome stays unknown."""
        try:
            return self.find(key, thread_ts, oldest)
        except IntegrationError as error:
            raise DeliveryUnknownError(
                "Looking for a message that may have been posted", error.happened, error.next_step
            ) from error

    def update(self, message: PostedMessage, text: str, blocks: Sequence[Block]) -> None:
        """Replace a message's text and blocks. Safe to repeat. Raises as ``post``."""
        self._call(
            "Updating a message in Slack",
            lambda: self._web.chat_update(channel=message.channel, ts=message.ts, text=text, blocks=list(blocks)).data,
        )

    def check(self) -> str:
        """Whether the token works; returns workspace and bot name. Raises as ``post``."""
        answer = self._call("Checking the Slack token", lambda: self._web.auth_test().data)
        return f"{answer.get('team')} as {answer.get('user')}"

    def scopes(self) -> frozenset[str] | None:
        """What Slack says that the token may do (the header ``x-oauth-scopes``); None where it says nothing. Raises as
        ``post``."""
        headers: dict[str, str] = {}

        def ask() -> Any:
            answer = self._web.auth_test()
            headers.update({name.casefold(): str(value) for name, value in dict(answer.headers).items()})
            return answer.data

        self._call("Asking Slack what the token may do", ask)
        said = headers.get("x-oauth-scopes")
        return None if said is None else frozenset(part.strip() for part in said.split(",") if part.strip())

    def _history_page(
        self, channel: str, thread_ts: str | None, oldest: datetime | None, cursor: str | None
    ) -> dict[str, Any]:
        # None for "from the beginning": the SDK leaves it out.
        since = f"{(oldest - _CLOCK_SKEW).timestamp():.6f}" if oldest is not None else None

        def history() -> Any:
            return self._web.conversations_history(
                channel=channel, cursor=cursor, limit=_PAGE, oldest=since, include_all_metadata=True
            ).data

        def replies() -> Any:
            return self._web.conversations_replies(
                channel=channel, ts=thread_ts or "", cursor=cursor, limit=_PAGE, oldest=since, include_all_metadata=True
            ).data

        return self._call("Looking for a message in Slack's history", replies if thread_ts else history)

    def _channel_id(self) -> str:
        """History is read by id only; a name is looked up once."""
        if self._known_id is not None:
            return self._known_id
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            after = cursor
            page = self._call(
                "Looking up the Slack channel",
                lambda after=after: (
                    self._web.conversations_list(  # type: ignore[misc]
                        types="public_channel,private_channel", exclude_archived=True, limit=1000, cursor=after
                    ).data
                ),
            )
            for channel in _rows(page, "channels", "Looking up the Slack channel"):
                if channel.get("name") == self.channel.removeprefix("#"):
                    self._known_id = str(channel["id"])
                    return self._known_id
            cursor = _part(page, "response_metadata").get("next_cursor") or None
            if cursor is None:
                break
        raise RemoteNotFoundError(
            "Looking up the Slack channel",
            f"{self.channel} is not among the channels",
            "Set SLACK_CHANNEL_ID to its id",
        )

    def _posted(self, channel: str, ts: str, message: Mapping[str, Any]) -> PostedMessage:
        parent = message.get("thread_ts")
        return PostedMessage(
            channel, ts, self._permalink(channel, ts), None if parent in (None, "", ts) else str(parent)
        )

    def _permalink(self, channel: str, ts: str) -> str | None:
        """A convenience: the message is there with or without it."""
        try:
            answer = self._call(
                "Asking Slack for a permalink", lambda: self._web.chat_getPermalink(channel=channel, message_ts=ts).data
            )
        except (TransientError, PermanentError):
            return None
        return str(answer["permalink"]) if answer.get("permalink") else None

    def _call(self, tried: str, request: Callable[[], Any], *, changes: bool = False) -> dict[str, Any]:
        with self._answer_times.measured(Service.SLACK):
            return self._asked(tried, request, changes=changes)

    def _asked(self, tried: str, request: Callable[[], Any], *, changes: bool) -> dict[str, Any]:
        # Causes are cut off ("from None"): the SDK's errors hold the request, and the request holds the token.
        unknown = DeliveryUnknownError if changes else TransientError
        again = _LOOK_FIRST if changes else "Try again later"
        try:
            answer = request()
        except SlackApiError as error:
            raise _typed(tried, error, unknown, again) from None
        except urllib.error.URLError as error:
            if _nothing_was_sent(error.reason):
                raise TransientError(
                    tried, f"no connection ({type(error.reason).__name__})", "Try again later"
                ) from None
            raise unknown(tried, f"the connection broke ({type(error.reason).__name__})", again) from None
        except (OSError, http.client.HTTPException) as error:
            # TimeoutError is an OSError, RemoteDisconnected is both.
            raise unknown(tried, f"no answer ({type(error).__name__})", again) from None
        except (ValueError, AttributeError, TypeError):
            # Raised by the SDK for half a JSON text, and for JSON that is no object.
            answer = None
        if not isinstance(answer, dict):
            raise unknown(tried, "the answer was not JSON", again)
        return answer


def post_to_webhook(url: str, text: str, blocks: Sequence[Block], timeout_s: float = TIMEOUT_S) -> None:
    """Post through an incoming webhook: no threads, no updates, and nothing to find the message by.

    Raises:
        OutcomeUnknownError: the message may be there, and cannot be looked up.
        MessageRefusedError, RateLimitedError, TransientError: it is not there. The URL is a secret and is not shown.
    """
    tried = "Posting to the Slack webhook"
    client = _WebhookClient(url, timeout=max(1, round(timeout_s)), retry_handlers=[])
    if is_loopback(urlsplit(url).hostname):
        client.proxy = None
    again = "Look into the channel before posting it again"
    try:
        answer = client.send(text=text, blocks=list(blocks), unfurl_links=False, unfurl_media=False)
    except urllib.error.URLError as error:
        if _nothing_was_sent(error.reason):
            raise TransientError(tried, f"no connection ({type(error.reason).__name__})", "Try again later") from None
        raise DeliveryUnknownError(tried, f"the connection broke ({type(error.reason).__name__})", again) from None
    except (OSError, http.client.HTTPException) as error:
        raise DeliveryUnknownError(tried, f"no answer ({type(error).__name__})", again) from None
    if 200 <= answer.status_code < 300:
        if not _is_taken(answer.body):
            raise DeliveryUnknownError(tried, f"HTTP {answer.status_code} without Slack's answer", again)
        return
    if 300 <= answer.status_code < 400:
        raise TransientError(tried, _redirect(answer.status_code), "Check SLACK_WEBHOOK_URL and proxies")
    if answer.status_code == 429:
        raise RateLimitedError(tried, "HTTP 429", "Try again later", _retry_after(answer.headers))
    if answer.status_code >= 500:
        raise DeliveryUnknownError(tried, f"HTTP {answer.status_code}", again)
    code = answer.body.strip()[:60] if re.fullmatch(r"[a-z_]{1,60}", answer.body.strip()) else "no reason given"
    raise MessageRefusedError(tried, f"HTTP {answer.status_code}, {code}", "Check SLACK_WEBHOOK_URL and the message")


def _is_taken(body: str) -> bool:
    """Whether a webhook says that it took a message: ``ok``, or the same in JSON. A page in between says something else."""
    if body.strip() == "ok":
        return True
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get("ok") is True


def _nothing_was_sent(reason: object) -> bool:
    """Whether a connection was never made, so that certainly nothing arrived."""
    # http.client has no type for a proxy that refuses to connect.
    return isinstance(reason, _NOTHING_WAS_SENT) or (
        isinstance(reason, OSError) and str(reason).startswith("Tunnel connection failed")
    )


def _part(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within an answer; an empty one where it is missing or something else."""
    found = answer.get(name)
    return found if isinstance(found, dict) else {}


def _rows(page: Mapping[str, Any], name: str, tried: str) -> list[Mapping[str, Any]]:
    """The rows of a page.

    Raises:
        TransientError: there is no list of objects; that is not the same as none.
    """
    found = page.get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise TransientError(tried, f"the answer has no list of {name}", "Try again later")
    return found


def _redirect(status: int) -> str:
    return f"HTTP {status}: it points to another place, which is not followed with a secret; nothing was posted"


def _typed(tried: str, error: SlackApiError, unknown: type[TransientError], again: str) -> Exception:
    """Slack's refusal in our tree. Slack's own words are kept only where they are a code or a limit with its place."""
    response = error.response
    status = int(getattr(response, "status_code", 0) or 0)
    said = getattr(response, "data", None)
    data: Mapping[str, Any] = said if isinstance(said, dict) else {}
    code = str(data.get("error", ""))
    if status == 429 or code in ("ratelimited", "rate_limited"):
        wait = _retry_after(getattr(response, "headers", None) or {})
        return RateLimitedError(tried, "Slack asked us to slow down", "Try again later", wait)
    if 300 <= status < 400:
        return TransientError(tried, _redirect(status), "Check SLACK_BASE_URL and proxies")
    if not re.fullmatch(r"[a-z0-9_]{1,60}", code):
        # A web page in place of JSON, also with status 200: a proxy or an outage. What happened behind it is unknown.
        return unknown(tried, f"HTTP {status} without a readable answer", again)
    if code in _AUTHENTICATION:
        needed = f", needs {data['needed']}" if code == "missing_scope" and data.get("needed") else ""
        return AuthenticationError(tried, f"{code}{needed}", "Check SLACK_BOT_TOKEN and the scopes of the app")
    if code in _CHANNEL:
        return RemoteNotFoundError(tried, code, "Check SLACK_CHANNEL_ID and invite the app to the channel")
    if code in _THREAD:
        return ThreadLostError(tried, code, "Post it as a message of its own")
    if code in _MAY_HAVE_SUCCEEDED or status >= 500:
        return unknown(tried, code, again)
    named = _part(data, "response_metadata").get("messages")
    details = redact_addresses("; ".join(map(str, named))) if isinstance(named, list) else ""
    happened = f"{code}: {details[:400]}" if details else code
    return MessageRefusedError(tried, happened, "This is a fault of the message; report it with the message's key")


def _retry_after(headers: Any) -> float | None:
    for name, value in dict(headers).items():
        if str(name).casefold() == "retry-after":
            first = value[0] if isinstance(value, list) and value else value
            try:
                return max(float(str(first)), 0.0)
            except ValueError:
                return None
    return None
