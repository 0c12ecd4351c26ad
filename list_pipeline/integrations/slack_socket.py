"""Slack's Socket Mode: what people press reaches us over a socket that we opened, so that nothing listens to the internet.

Belongs here: keeping a connection, acknowledging in time, and hearing each envelope once. Does not belong here: what a payload
means (``slack_payloads``), and what follows from it (``operations.reviews.slack_desk``).

The SDK's own client connects, pings and reconnects. An envelope that Slack repeats it delivers again; here it is heard once.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode.builtin.client import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web import WebClient

from list_pipeline.core.errors import IntegrationError, ListPipelineError, PermanentError
from list_pipeline.core.urls import is_loopback
from list_pipeline.integrations.slack_interaction import SlackInteraction

log = structlog.get_logger(__name__)

Payload = Mapping[str, Any]
Check = Callable[[Payload], Mapping[str, Any] | None]
"""Looks at a payload before it is acknowledged, within milliseconds: what goes back with the acknowledgement, None: nothing."""
Hear = Callable[[Payload, str], None]
"""Does what a payload asks for, after it was acknowledged. The second argument is our app's id, as Slack greets us."""

PING_S = 5.0
_MOST_REMEMBERED = 2_000
"""Envelopes that are known by their ids; Slack repeats one within minutes."""
_LONGEST_PAUSE_S = 60.0
_PATIENCE_S = 20.0
"""So long a socket may be gone before that is said."""


class _WithoutPayloads(logging.Filter):
    """What the SDK logs of a socket, without what went over it: people's words, and the ticket in an address."""

    def filter(self, record: logging.LogRecord) -> bool:
        words = _SPOKEN.sub(r"\1: left out", _QUERY.sub("?", record.getMessage()))
        record.msg, record.args = words, ()
        return record.levelno >= logging.WARNING


_SPOKEN = re.compile(r"\b(payload|message|response): .*", re.DOTALL)
_QUERY = re.compile(r"\?\S+")
_sdk_log = logging.getLogger("slack_sdk.socket_mode.list_pipeline")
_sdk_log.setLevel(logging.WARNING)
_sdk_log.addFilter(_WithoutPayloads())


class _Client(SocketModeClient):
    """The SDK's client, with the address asked for by ours: typed errors, no redirects, and an address that is looked at."""

    def __init__(self, slack: SlackInteraction, app_token: str, ping_s: float, note: Callable[[str], None]) -> None:
        super().__init__(
            app_token=app_token,
            web_client=WebClient(base_url=slack.base_url),
            # Only its warnings are ever written: what is below shows what people wrote.
            logger=_sdk_log,
            ping_interval=ping_s,
            on_message_listeners=[note],
        )
        self._slack = slack
        self.refused: PermanentError | None = None
        if is_loopback(urlsplit(slack.base_url).hostname):
            self.proxy = None

    def issue_new_wss_url(self) -> str:
        try:
            return self._slack.socket_url(self.app_token)
        except PermanentError as error:
            # Nothing gets better by itself: whoever runs this ends with it.
            self.refused = error
            raise


class SlackSocket:
    """One connection to Slack, kept until it is told to stop."""

    def __init__(
        self, slack: SlackInteraction, app_token: str, *, check: Check, hear: Hear, ping_s: float = PING_S
    ) -> None:
        """Args: ``ping_s``: seconds between two looks at whether the connection lives."""
        self._slack, self._app_token, self._ping_s = slack, app_token, ping_s
        self._check, self._hear = check, hear
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._app_id = ""
        self.connected = threading.Event()
        """Set once Slack has greeted us."""

    def run(self, stop: threading.Event) -> None:
        """Listen until ``stop`` is set; what is being answered then is answered to its end.

        Raises:
            AuthenticationError: the app-level token is refused, at the beginning or later.
            PermanentError: Slack names a socket that must not be used.
        """
        client = _Client(self._slack, self._app_token, self._ping_s, self._note)
        client.socket_mode_request_listeners.append(self._on_request)
        try:
            if self._connect(client, stop):
                self._watch(client, stop)
        finally:
            _close(client)

    def _connect(self, client: _Client, stop: threading.Event) -> bool:
        """The first connection, tried until it stands. False: stopped before."""
        pause = 1.0
        while not stop.is_set():
            try:
                # Under the SDK's lock: its own monitor may be at it by now.
                client.connect_to_new_endpoint()
            except PermanentError:
                raise
            except (IntegrationError, SlackClientError, OSError) as error:
                log.warning("no socket to Slack yet", error=_words(error), pause_s=pause)
            if client.is_connected():
                return True
            stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        return False

    def _watch(self, client: _Client, stop: threading.Event) -> None:
        gone_s, is_told, every = 0.0, False, min(1.0, self._ping_s)
        while not stop.wait(every):
            if client.refused is not None:
                raise client.refused
            gone_s = 0.0 if client.is_connected() else gone_s + every
            if gone_s >= _PATIENCE_S and not is_told:
                log.error("the socket to Slack is gone: clicks are not heard until it stands again")
            elif not gone_s and is_told:
                log.info("the socket to Slack stands again")
            is_told = gone_s >= _PATIENCE_S

    def _note(self, text: str) -> None:
        """Slack's greeting names our app; it comes before everything else on a socket."""
        try:
            said = json.loads(text) if text.startswith("{") else None
        except (ValueError, RecursionError):
            return
        if isinstance(said, dict) and said.get("type") == "hello":
            about = said.get("connection_info")
            self._app_id = str(about.get("app_id", "")) if isinstance(about, dict) else ""
            self.connected.set()

    def _on_request(self, client: Any, request: SocketModeRequest) -> None:
        is_new = self._is_new(request.envelope_id)
        given: object = request.payload
        payload = given if isinstance(given, dict) else {}
        is_ours = request.type == "interactive" and is_new
        try:
            answer = self._check(payload) if is_ours else None
        except (ListPipelineError, ValueError, TypeError) as error:
            log.warning("a payload of Slack cannot be read", error=type(error).__name__)
            answer, is_ours = None, False
        acknowledgement: dict[str, Any] = {"envelope_id": request.envelope_id}
        if answer is not None:
            acknowledgement["payload"] = dict(answer)
        try:
            client.send_socket_mode_response(acknowledgement)
        except (SlackClientError, OSError) as error:
            # Slack repeats it, and it is known by then: what it asks for is done now, once.
            log.warning("an envelope could not be acknowledged", error=type(error).__name__)
        if is_ours and answer is None:
            self._hear(payload, self._app_id)

    def _is_new(self, envelope_id: str) -> bool:
        with self._lock:
            if envelope_id in self._heard:
                return False
            self._heard[envelope_id] = None
            while len(self._heard) > _MOST_REMEMBERED:
                self._heard.popitem(last=False)
        return True


def _close(client: _Client) -> None:
    try:
        client.close()
    except AttributeError:
        # A thread of the SDK closed the same socket between its look and its close; the rest is closed now.
        client.close()


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, ListPipelineError) else type(error).__name__
