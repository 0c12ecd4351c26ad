"""What people do in the rehearsed Slack: press a button, fill in a modal; and what only one of them is shown.

Belongs here: the payloads of Socket Mode, in the shape of Slack's own, and modals with their triggers. Does not belong here:
the sockets (``socket_mode``), and messages that all see (``service``).

    GET  /_sandbox/slack/socket       {"connected": ..., "opened": ...}
    GET  /_sandbox/slack/ephemerals   what was shown to one person alone, oldest first
    GET  /_sandbox/slack/views        modals that are open, the newest last
    POST /_sandbox/slack/press        {"ts", "action_id", "value"?, "user"?, "times"?, "payload"?}: a person presses a button;
                                      ``times``: Slack delivers it so often; ``payload``: what is put over the payload
    POST /_sandbox/slack/submit       {"view_id", "user"?, "values": {block: {action: text}}, "payload"?}
    POST /_sandbox/slack/envelope     an envelope as it is given
    POST /_sandbox/slack/raw          {"text": ...}: over the socket as it is
    POST /_sandbox/slack/disconnect   {"reason": "refresh_requested"}; ``abrupt``: without a word
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from list_pipeline.sandbox.slack.answers import CHANNELS
from list_pipeline.sandbox.slack.socket_mode import APP_ID, SocketMode

TEAM_ID = "T0"
TRIGGER_LIVES = timedelta(seconds=3)
"""Slack's time for opening a modal after a click."""
_VIEW_LIMITS = {"title": 24, "submit": 24, "close": 24}
_TEXTS = {"private_metadata": 3000, "callback_id": 255}
_BLOCKS = 100


class PeopleError(Exception):
    """What somebody is to do cannot be done: the message, the button or the modal is not there."""


class People:
    """The people of one workspace, their modals and what they alone were shown. Safe to share between threads."""

    def __init__(self, sockets: SocketMode, now: Callable[[], datetime]) -> None:
        self._sockets, self._now = sockets, now
        self._lock = threading.Lock()
        self._triggers: dict[str, datetime] = {}
        self._views: dict[str, dict[str, Any]] = {}
        self.ephemerals: list[dict[str, Any]] = []

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._triggers.clear()
            self._views.clear()
            self.ephemerals.clear()

    def control(
        self,
        method: str,
        what: str,
        wanted: Mapping[str, Any],
        message: Callable[[str], tuple[str, dict[str, Any]]],
    ) -> Any:
        """The answer of a control path; None: it is none of these.

        Args:
            message: a timestamp to the channel's id and the message.

        Raises:
            PeopleError: what somebody is to do cannot be done.
        """
        match method, what:
            case "GET", "socket":
                return {"connected": self._sockets.connected(), "opened": self._sockets.opened}
            case "GET", "ephemerals":
                return self.ephemerals
            case "GET", "views":
                return self.views()
            case "POST", "press":
                channel, found = message(str(wanted["ts"]))
                return self.press(found, channel, wanted)
            case "POST", "submit":
                return self.submit(wanted)
            case "POST", "envelope":
                return self.send(dict(wanted))
            case "POST", "raw":
                return {"connected": self._sockets.send_raw(str(wanted["text"]))}
            case "POST", "disconnect":
                self._sockets.disconnect(str(wanted.get("reason", "refresh_requested")))
                return {"ok": True}
        return None

    def views(self) -> list[dict[str, Any]]:
        """Modals that are open, the newest last."""
        with self._lock:
            return list(self._views.values())

    def open_view(self, trigger_id: str, view: Any) -> tuple[str, dict[str, Any] | None]:
        """Open a modal: the error code, empty where there is none, and the view."""
        with self._lock:
            until = self._triggers.pop(trigger_id, None)
            if until is None:
                return "invalid_trigger_id", None
            if self._now() > until:
                return "expired_trigger_id", None
            if not _is_view(view):
                return "invalid_arguments", None
            kept = {**view, "id": f"V{len(self._views) + 1:08d}", "team_id": TEAM_ID, "app_id": APP_ID, "hash": "1.a"}
            self._views[kept["id"]] = kept
            return "", kept

    def press(self, message: Mapping[str, Any], channel: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """A person presses a button of a message.

        Args:
            message: as the channel has it. channel: its id. wanted: as the control path takes it.

        Raises:
            PeopleError: the message has no such button.
        """
        action = _button(message, str(wanted["action_id"]), wanted.get("value"))
        user = str(wanted.get("user", "U0ALICE"))
        payload: dict[str, Any] = {
            "type": "block_actions",
            "user": {"id": user, "username": user.casefold(), "name": user.casefold(), "team_id": TEAM_ID},
            "api_app_id": APP_ID,
            "token": "legacy-verification-token",
            "container": {
                "type": "message",
                "message_ts": message["ts"],
                "channel_id": channel,
                "is_ephemeral": False,
            },
            "trigger_id": self._trigger(),
            "team": {"id": TEAM_ID, "domain": "sandbox"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": channel, "name": CHANNELS[channel]},
            "message": dict(message),
            "state": {"values": {}},
            "response_url": f"https://hooks.sandbox.invalid/actions/{TEAM_ID}/1/x",
            "actions": [{**action, "action_ts": f"{self._now().timestamp():.6f}"}],
        }
        return self._deliver(_over(payload, wanted.get("payload") or {}), int(wanted.get("times", 1)))

    def submit(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """A person submits a modal. One that is taken closes; errors leave it open, as the answer says.

        Raises:
            PeopleError: no such modal is open.
        """
        view_id, user = str(wanted["view_id"]), str(wanted.get("user", "U0ALICE"))
        with self._lock:
            view = self._views.get(view_id)
        if view is None:
            raise PeopleError(f"no modal {view_id} is open")
        values = {
            block: {action: {"type": "plain_text_input", "value": text} for action, text in found.items()}
            for block, found in dict(wanted.get("values") or {}).items()
        }
        payload: dict[str, Any] = {
            "type": "view_submission",
            "team": {"id": TEAM_ID, "domain": "sandbox"},
            "user": {"id": user, "username": user.casefold(), "name": user.casefold(), "team_id": TEAM_ID},
            "api_app_id": APP_ID,
            "token": "legacy-verification-token",
            "trigger_id": self._trigger(),
            "view": {**view, "state": {"values": values}},
            "response_urls": [],
            "is_enterprise_install": False,
            "enterprise": None,
        }
        answer = self._deliver(_over(payload, wanted.get("payload") or {}), int(wanted.get("times", 1)))
        said = answer["acknowledged"][0].get("payload") if answer["acknowledged"] else None
        if answer["acknowledged"] and not (isinstance(said, dict) and said.get("response_action") == "errors"):
            with self._lock:
                self._views.pop(view_id, None)
        return answer

    def send(self, envelope: dict[str, Any]) -> dict[str, Any]:
        """An envelope as it is given."""
        found = self._sockets.send(envelope)
        return {"connected": found is not None, "acknowledged": found or [], "envelope": envelope}

    def _trigger(self) -> str:
        trigger = f"1.2.{uuid.uuid4().hex}"
        with self._lock:
            self._triggers[trigger] = self._now() + TRIGGER_LIVES
        return trigger

    def _deliver(self, payload: dict[str, Any], times: int) -> dict[str, Any]:
        envelope = {
            "envelope_id": str(uuid.uuid4()),
            "payload": payload,
            "type": "interactive",
            "accepts_response_payload": payload.get("type") == "view_submission",
        }
        answer = self.send(envelope)
        for _ in range(times - 1):
            # Slack repeats what it holds for lost: the same envelope.
            answer = self.send(envelope)
        return answer


def _button(message: Mapping[str, Any], action_id: str, value: Any) -> dict[str, Any]:
    for block in message["blocks"]:
        for element in block.get("elements", ()) if block.get("type") == "actions" else ():
            if element.get("action_id") == action_id and value in (None, element.get("value")):
                return {**element, "block_id": block["block_id"]}
    raise PeopleError(f"the message has no button {action_id}")


def _over(payload: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with other values in it; objects are merged, everything else is replaced."""
    found = dict(payload)
    for name, value in more.items():
        kept = found.get(name)
        found[name] = _over(kept, value) if isinstance(kept, dict) and isinstance(value, dict) else value
    return found


def _is_view(view: Any) -> bool:
    """Whether Slack would take a modal, as far as its documented limits go."""
    if not isinstance(view, dict) or view.get("type") != "modal" or not isinstance(view.get("blocks"), list):
        return False
    texts = [(view.get(name), most) for name, most in _VIEW_LIMITS.items() if name in view]
    if "title" not in view or any(
        not isinstance(one, dict) or one.get("type") != "plain_text" or not 0 < len(str(one.get("text", ""))) <= most
        for one, most in texts
    ):
        return False
    has_input = any(isinstance(block, dict) and block.get("type") == "input" for block in view["blocks"])
    return (
        0 < len(view["blocks"]) <= _BLOCKS
        and all(len(str(view.get(name, ""))) <= most for name, most in _TEXTS.items())
        and (not has_input or "submit" in view)
    )
