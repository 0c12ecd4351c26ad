"""What Slack's Web API knows beside messages in a channel: who we are there, modals, words for one person, and the address of a
socket.

Does not belong here: the socket itself (``slack_socket``), and what people are answered (``core.reviews.clicks``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from list_pipeline.core.errors import AuthenticationError, PermanentError, TransientError
from list_pipeline.core.messages.slack_blocks import Block
from list_pipeline.core.urls import is_loopback
from list_pipeline.integrations.slack import SlackClient

_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class SlackIdentity:
    """Who we are in Slack: the workspace, and the user that our messages come from."""

    team: str
    user: str


class SlackInteraction(SlackClient):
    """The client of the channel, and what is said to one person. Safe to share between threads."""

    def identity(self) -> SlackIdentity:
        """Who the token is. Raises as ``post``; TransientError also where the answer does not say it."""
        tried = "Asking Slack who we are"
        answer = self._call(tried, lambda: self._web.auth_test().data)
        team, user = answer.get("team_id"), answer.get("user_id")
        if not (isinstance(team, str) and team and isinstance(user, str) and user):
            raise TransientError(tried, "the answer names no workspace", "Try again later")
        return SlackIdentity(team, user)

    def open_modal(self, trigger_id: str, view: Block) -> None:
        """Open a modal for whoever clicked a moment ago. Raises as ``post``; a click that is older is refused by Slack."""
        self._call(
            "Opening a modal in Slack", lambda: self._web.views_open(trigger_id=trigger_id, view=dict(view)).data
        )

    def tell_only(self, channel: str, user: str, text: str, thread_ts: str | None = None) -> None:
        """Say something to one person, in a channel where nobody else sees it. Raises as ``post``.

        Args:
            text: composed, so that nothing in it mentions anybody or fakes a link.
        """
        blocks: Sequence[Block] = [{"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}]
        self._call(
            "Answering a person in Slack",
            lambda: (
                self._web.chat_postEphemeral(
                    channel=channel, user=user, text=text, blocks=list(blocks), thread_ts=thread_ts
                ).data
            ),
        )

    def socket_url(self, app_token: str) -> str:
        """The address of a new socket, good for one connection.

        Raises:
            AuthenticationError: the app-level token is refused, or Socket Mode is switched off.
            PermanentError: the address is one to which no secret is sent.
            TransientError: Slack gives none now.
        """
        tried = "Asking Slack for a socket"
        try:
            answer = self._call(tried, lambda: self._web.apps_connections_open(app_token=app_token).data)
        except AuthenticationError as error:
            next_step = "Check SLACK_APP_TOKEN, its scope connections:write, and that Socket Mode is on"
            raise AuthenticationError(tried, error.happened, next_step) from None
        url = answer.get("url")
        if not isinstance(url, str) or not url:
            raise TransientError(tried, "the answer has no address", "Try again later")
        _check_socket(tried, url)
        return url


def _check_socket(tried: str, url: str) -> None:
    """Clicks and tickets travel encrypted, but on this machine. The SDK speaks plainly on every port but 443."""
    try:
        parts = urlsplit(url)
        port: Any = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    is_here = parts.scheme == "ws" and is_loopback(parts.hostname)
    if not is_here and not (parts.scheme == "wss" and parts.hostname and port in (None, _HTTPS_PORT)):
        raise PermanentError(tried, "the address of the socket is not encrypted", "Check SLACK_BASE_URL and proxies")
