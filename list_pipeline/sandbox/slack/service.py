"""Slack's Web API as far as the product speaks it: messages with threads, metadata and history, files, modals, a webhook.

Belongs here: what Slack answers, its refusals, and faults on request. Does not belong here: Socket Mode (``socket_mode``), and
what people do (``people``), with the control paths for that.

Paths: ``/api/<method>``, ``/upload/v1/<file>``, ``/services/<webhook>``, and for whoever rehearses with it:

    GET  /_sandbox/slack/            what arrived as a page for people: threads, charts, files
    GET  /_sandbox/slack/messages    what arrived, oldest first
    POST /_sandbox/slack/delete      {"ts": ...}: a person deletes a message; nobody can answer it any more
    POST /_sandbox/slack/clear       forget messages, files and scenarios
    POST /_sandbox/slack/scenarios   {"kind": ..., "method": "chat.postMessage", "times": 1, ...}; kinds: see SCENARIOS

State is one SQLite file in the state directory, so that a restarted sandbox still has its channel.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.slack.answers import (
    CHANNELS,
    arguments_of,
    channel_id,
    channel_refusal,
    charts_refused,
    content_refusal,
    fine,
    is_true,
    refusal,
)
from list_pipeline.sandbox.slack.page import channel_page
from list_pipeline.sandbox.slack.people import People, PeopleError
from list_pipeline.sandbox.slack.socket_mode import SocketMode

SCENARIOS = {
    "rate_limited": "429 with Retry-After (retry_after, seconds; absent when null)",
    "server_error": "500 with a text body; nothing is stored",
    "html": "200 with a web page instead of JSON, as a captive portal gives; nothing is stored",
    "lost_answer": "the request is carried out and the connection dropped before the answer",
    "slow": "the answer takes a while (seconds)",
    "error": "ok false with the code in error, e.g. fatal_error",
    "outage": "503 for so many seconds of the sandbox's clock, however often it is asked",
    "scopes": "the token may do what scopes says (a text with commas; null: Slack does not say it)",
    "charts_refused": "invalid_blocks for messages with a chart, as where the block is not rolled out; others are taken",
}

_BOT = {"user": "U0BOT", "bot_id": "B0", "app_id": "A0", "team": "T0"}

_SCOPES = "x-oauth-scopes"
"""The header in which Slack says what a token may do."""

_SCHEMA_VERSION = 2
_SCHEMA = """
create table if not exists message (
    channel text not null, ts text not null, thread_ts text, text text not null, blocks text not null,
    metadata text, edited_ts text, username text, is_broadcast integer not null default 0, primary key (channel, ts));
create table if not exists file (id text primary key, name text not null, title text, content blob);
create table if not exists scenario (id integer primary key, method text not null, times integer, until real,
    details text not null);
create table if not exists counter (name text primary key, value integer not null);
"""


class _Clock(Protocol):
    def now(self) -> datetime: ...


class SlackService:
    """The service; safe to call from many threads."""

    def __init__(self, state_dir: Path, clock: _Clock) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._lock = threading.RLock()
        self._database = sqlite3.connect(state_dir / "slack.sqlite", check_same_thread=False, isolation_level=None)
        if self._database.execute("pragma user_version").fetchone()[0] != _SCHEMA_VERSION:
            # A channel kept by another version of the sandbox is begun anew.
            self._database.executescript(
                f"drop table if exists message; drop table if exists scenario; pragma user_version = {_SCHEMA_VERSION}"
            )
        self._database.executescript(_SCHEMA)
        self._sockets = SocketMode()
        self._people = People(self._sockets, clock.now)

    def close(self) -> None:
        """Hang up, and let go of the state file."""
        self._sockets.close()
        with self._lock:
            self._database.close()

    def handle(self, request: Request) -> Response | None:
        """Answer a request for Slack; None for any other path."""
        path = request.path
        if path.startswith("/_sandbox/slack/"):
            return self._control(request, path.removeprefix("/_sandbox/slack/"))
        if path.startswith("/upload/v1/"):
            return self._upload(request, path.rpartition("/")[2])
        if path.startswith("/services/"):
            return self._after_scenario(request, "webhook", lambda: self._webhook(request))
        if path.startswith("/api/"):
            method = path.removeprefix("/api/")
            return self._after_scenario(request, method, lambda: self._answer(request, method))
        return None

    def _after_scenario(self, request: Request, method: str, answer: Callable[[], Response]) -> Response:
        fault = self._next_scenario(method)
        kind = fault.get("kind")
        if kind == "slow":
            # Real seconds, also under a virtual clock: what is rehearsed is a socket that stays silent.
            time.sleep(float(fault.get("seconds", 1.0)))
        elif kind == "rate_limited":
            after = fault.get("retry_after", 1)
            headers = {} if after is None else {"Retry-After": str(after)}
            return Response.of_json({"ok": False, "error": "ratelimited"}, 429, **headers)
        elif kind == "server_error":
            return Response(500, b"Internal Server Error", {"Content-Type": "text/plain"})
        elif kind == "html":
            return Response(200, b"<html><body>Please sign in</body></html>", {"Content-Type": "text/html"})
        elif kind == "outage":
            return Response(503, b"Service Unavailable", {"Content-Type": "text/plain"})
        elif kind == "error":
            return refusal(str(fault.get("error", "fatal_error")))
        elif kind == "charts_refused" and b"data_visualization" in request.body:
            return charts_refused(method)
        given = answer()
        if kind == "scopes":
            said = fault.get("scopes")
            others = {name: value for name, value in given.headers.items() if name != _SCOPES}
            return replace(given, headers=others if said is None else {**others, _SCOPES: str(said)})
        return Response(drop=True) if kind == "lost_answer" else given

    def _answer(self, request: Request, method: str) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.casefold() != "bearer" or not token:
            return refusal("not_authed")
        if token.endswith("-bad") or not token.startswith(("xoxb-", "xoxp-", "xapp-")):
            return refusal("invalid_auth")
        if token.startswith("xapp-") != (method == "apps.connections.open"):
            return refusal("not_allowed_token_type")
        handler = _METHODS.get(method)
        if handler is None:
            return refusal("unknown_method")
        try:
            arguments = arguments_of(request)
        except ValueError:
            return refusal("invalid_json")
        with self._lock:
            return handler(self, arguments, request)

    # Methods

    def _auth_test(self, _: dict[str, Any], request: Request) -> Response:
        answer = fine(
            url="https://sandbox.slack.com/", team="Sandbox", user="bot", team_id="T0", user_id="U0BOT", bot_id="B0"
        )
        return replace(answer, headers={**answer.headers, _SCOPES: "chat:write,channels:history"})

    def _post_message(self, arguments: dict[str, Any], request: Request) -> Response:
        channel = channel_id(arguments.get("channel"))
        refused = channel_refusal(channel) or content_refusal(arguments)
        if refused is not None:
            return refused
        thread = arguments.get("thread_ts")
        if thread and self._message(str(channel), str(thread)) is None:
            # Slack says nothing of a parent that it does not know: the message is posted by itself, and is "ok".
            arguments = {
                name: value for name, value in arguments.items() if name not in ("thread_ts", "reply_broadcast")
            }
        ts = self._next_ts()
        row = self._store(str(channel), ts, arguments)
        return fine(channel=channel, ts=ts, message=row)

    def _update(self, arguments: dict[str, Any], request: Request) -> Response:
        channel, ts = str(arguments.get("channel")), str(arguments.get("ts"))
        # Unlike chat.postMessage, an update takes a channel id only.
        refused = channel_refusal(channel) or content_refusal(arguments)
        if refused is not None:
            return refused
        known = self._database.execute("select 1 from message where channel = ? and ts = ?", (channel, ts)).fetchone()
        if known is None:
            return refusal("message_not_found")
        self._database.execute(
            "update message set text = ?, blocks = coalesce(?, blocks), edited_ts = ? where channel = ? and ts = ?",
            (
                str(arguments.get("text") or ""),
                json.dumps(arguments["blocks"]) if arguments.get("blocks") is not None else None,
                self._next_ts(),
                channel,
                ts,
            ),
        )
        return fine(channel=channel, ts=ts, text=str(arguments.get("text") or ""), message=self._message(channel, ts))

    def _history(self, arguments: dict[str, Any], request: Request) -> Response:
        return self._page(arguments, "thread_ts is null or thread_ts = ts or is_broadcast", (), "desc")

    def _replies(self, arguments: dict[str, Any], request: Request) -> Response:
        thread = str(arguments.get("ts"))
        if self._message(str(arguments.get("channel")), thread) is None:
            return refusal("thread_not_found")
        return self._page(arguments, "ts = ? or thread_ts = ?", (thread, thread), "asc")

    def _page(self, arguments: dict[str, Any], which: str, bound: tuple[str, ...], order: str) -> Response:
        channel = str(arguments.get("channel"))
        refused = channel_refusal(channel)
        if refused is not None:
            return refused
        limit = min(max(int(arguments.get("limit") or 100), 1), 999)
        offset = int(str(arguments.get("cursor") or "0"))
        oldest, latest = str(arguments.get("oldest") or "0"), str(arguments.get("latest") or "9999999999")
        rows = self._database.execute(
            f"select ts from message where channel = ? and ({which}) and cast(ts as real) > cast(? as real)"
            f" and cast(ts as real) < cast(? as real) order by ts {order} limit ? offset ?",
            (channel, *bound, oldest, latest, limit + 1, offset),
        ).fetchall()
        messages = [self._message(channel, ts) or {} for (ts,) in rows[:limit]]
        if str(arguments.get("include_all_metadata")).casefold() not in ("true", "1"):
            for message in messages:
                message.pop("metadata", None)
        more = len(rows) > limit
        cursor = {"response_metadata": {"next_cursor": str(offset + limit)}} if more else {}
        return fine(messages=messages, has_more=more, **cursor)

    def _list_channels(self, _: dict[str, Any], request: Request) -> Response:
        channels = [{"id": key, "name": name, "is_channel": True, "is_member": True} for key, name in CHANNELS.items()]
        return fine(channels=channels, response_metadata={"next_cursor": ""})

    def _permalink(self, arguments: dict[str, Any], request: Request) -> Response:
        channel, ts = str(arguments.get("channel")), str(arguments.get("message_ts"))
        if self._message(channel, ts) is None:
            return refusal("message_not_found")
        return fine(channel=channel, permalink=f"https://sandbox.slack.com/archives/{channel}/p{ts.replace('.', '')}")

    def _upload_url(self, arguments: dict[str, Any], request: Request) -> Response:
        if not arguments.get("filename") or not str(arguments.get("length", "")).isdigit():
            return refusal("invalid_arguments")
        identity = f"F{self._count('file'):08d}"
        self._database.execute("insert into file (id, name) values (?, ?)", (identity, str(arguments["filename"])))
        host = request.headers.get("host", "127.0.0.1")
        return fine(upload_url=f"http://{host}/upload/v1/{identity}", file_id=identity)

    def _complete_upload(self, arguments: dict[str, Any], request: Request) -> Response:
        wanted = arguments.get("files", "[]")
        listed = json.loads(wanted) if isinstance(wanted, str) else wanted
        files = []
        for each in listed:
            row = self._database.execute("select name, content from file where id = ?", (each.get("id"),)).fetchone()
            if row is None or row[1] is None:
                return refusal("file_not_found")
            title = str(each.get("title") or row[0])
            self._database.execute("update file set title = ? where id = ?", (title, each["id"]))
            files.append(
                {"id": each["id"], "title": title, "permalink": f"https://sandbox.slack.com/files/{each['id']}"}
            )
        channel = arguments.get("channel_id")
        if channel:
            refused = channel_refusal(str(channel))
            if refused is not None:
                return refused
            comment = str(arguments.get("initial_comment") or ", ".join(f["title"] for f in files))
            self._store(str(channel), self._next_ts(), {"text": comment, "thread_ts": arguments.get("thread_ts")})
        return fine(files=files)

    def _upload(self, request: Request, identity: str) -> Response:
        with self._lock:
            done = self._database.execute("update file set content = ? where id = ?", (request.body, identity)).rowcount
        return Response(200, f"OK - {len(request.body)}".encode()) if done else Response(404, b"not found")

    def _webhook(self, request: Request) -> Response:
        try:
            arguments = request.json()
        except ValueError:
            return Response(400, b"invalid_payload", {"Content-Type": "text/plain"})
        refused = content_refusal(arguments)
        if refused is not None:
            return Response(400, json.loads(refused.body)["error"].encode(), {"Content-Type": "text/plain"})
        with self._lock:
            self._store(next(iter(CHANNELS)), self._next_ts(), arguments, username="webhook")
        return Response(200, b"ok", {"Content-Type": "text/html"})

    def _open_connection(self, _: dict[str, Any], request: Request) -> Response:
        url = self._sockets.ticket()
        return fine(url=url) if url is not None else refusal("too_many_websockets")

    def _open_view(self, arguments: dict[str, Any], request: Request) -> Response:
        error, view = self._people.open_view(str(arguments.get("trigger_id")), arguments.get("view"))
        return fine(view=view) if view is not None else refusal(error)

    def _post_ephemeral(self, arguments: dict[str, Any], request: Request) -> Response:
        channel, user = channel_id(arguments.get("channel")), str(arguments.get("user") or "")
        refused = channel_refusal(channel) or content_refusal(arguments)
        if refused is not None:
            return refused
        if not user.startswith(("U", "W")):
            return refusal("user_not_in_channel")
        ts = self._next_ts()
        self._people.ephemerals.append(
            {
                "channel": channel,
                "user": user,
                "ts": ts,
                "text": str(arguments.get("text") or ""),
                "blocks": arguments.get("blocks") or [],
                "thread_ts": arguments.get("thread_ts"),
            }
        )
        return fine(message_ts=ts)

    # State

    def _store(self, channel: str, ts: str, arguments: dict[str, Any], username: str | None = None) -> dict[str, Any]:
        self._database.execute(
            "insert into message (channel, ts, thread_ts, text, blocks, metadata, username, is_broadcast)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                channel,
                ts,
                arguments.get("thread_ts"),
                str(arguments.get("text") or ""),
                json.dumps(arguments.get("blocks") or []),
                json.dumps(arguments["metadata"]) if arguments.get("metadata") else None,
                username,
                1 if arguments.get("thread_ts") and is_true(arguments.get("reply_broadcast")) else 0,
            ),
        )
        return self._message(channel, ts) or {}

    def _message(self, channel: str, ts: str) -> dict[str, Any] | None:
        row = self._database.execute(
            "select thread_ts, text, blocks, metadata, edited_ts, is_broadcast from message where channel = ? and ts = ?",
            (channel, ts),
        ).fetchone()
        if row is None:
            return None
        thread_ts, text, blocks, metadata, edited_ts, is_broadcast = row
        message: dict[str, Any] = {"type": "message", "subtype": "bot_message", **_BOT, "ts": ts, "text": text}
        message["blocks"] = [{"block_id": f"b{n}", **block} for n, block in enumerate(json.loads(blocks))]
        if thread_ts:
            message["thread_ts"] = thread_ts
        if is_broadcast:
            message["subtype"] = "thread_broadcast"
        if metadata:
            message["metadata"] = json.loads(metadata)
        if edited_ts:
            message["edited"] = {"user": "U0BOT", "ts": edited_ts}
        return message

    def _shown(self) -> Response:
        keys = self._database.execute("select channel, ts from message order by ts").fetchall()
        messages = [
            {"channel": CHANNELS.get(channel, channel), **(self._message(channel, ts) or {})} for channel, ts in keys
        ]
        files = self._database.execute("select coalesce(title, name), length(content) from file order by id").fetchall()
        return Response(200, channel_page(messages, files).encode(), {"Content-Type": "text/html; charset=utf-8"})

    def _moment(self) -> float:
        return self._clock.now().timestamp()

    def _next_ts(self) -> str:
        """Unique and increasing also while a virtual clock stands still."""
        micros = self._count("ts", at_least=int(self._clock.now().timestamp() * 1_000_000))
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"

    def _count(self, name: str, at_least: int = 1) -> int:
        row = self._database.execute("select value from counter where name = ?", (name,)).fetchone()
        value = max(at_least, row[0] + 1 if row else at_least)
        self._database.execute("insert or replace into counter (name, value) values (?, ?)", (name, value))
        return int(value)

    def _next_scenario(self, method: str) -> dict[str, Any]:
        with self._lock:
            self._database.execute("delete from scenario where until is not null and until <= ?", (self._moment(),))
            row = self._database.execute(
                "select id, times, details from scenario where method in (?, '*') order by id limit 1", (method,)
            ).fetchone()
            if row is None:
                return {}
            if row[1] is None:
                return dict(json.loads(row[2]))
            if row[1] <= 1:
                self._database.execute("delete from scenario where id = ?", (row[0],))
            else:
                self._database.execute("update scenario set times = times - 1 where id = ?", (row[0],))
            return dict(json.loads(row[2]))

    def _control(self, request: Request, what: str) -> Response:
        # Not under the lock: the app answers people over the Web API before it acknowledges what they did.
        if (answer := self._people_control(request, what)) is not None:
            return answer
        with self._lock:
            if what == "messages" and request.method == "GET":
                keys = self._database.execute("select channel, ts from message order by ts").fetchall()
                return Response.of_json(
                    [{"channel": channel, **(self._message(channel, ts) or {})} for channel, ts in keys]
                )
            if what == "" and request.method == "GET":
                return self._shown()
            if what == "delete" and request.method == "POST":
                done = self._database.execute("delete from message where ts = ?", (str(request.json()["ts"]),)).rowcount
                return Response.of_json({"ok": bool(done)})
            if what == "clear" and request.method == "POST":
                for table in ("message", "file", "scenario"):
                    self._database.execute(f"delete from {table}")
                self._people.forget()
                return Response.of_json({"ok": True})
            if what == "scenarios/clear" and request.method == "POST":
                self._database.execute("delete from scenario")
                return Response.of_json({"ok": True})
            if what == "scenarios" and request.method == "POST":
                return self._add_scenario(request)
        return Response.of_json({"ok": False, "error": "unknown control", "scenarios": SCENARIOS}, 404)

    def _people_control(self, request: Request, what: str) -> Response | None:
        try:
            answer = self._people.control(request.method, what, request.json() if request.body else {}, self._by_ts)
        except PeopleError as error:
            return Response.of_json({"ok": False, "error": str(error)}, 404)
        return None if answer is None else Response.of_json(answer)

    def _by_ts(self, ts: str) -> tuple[str, dict[str, Any]]:
        with self._lock:
            row = self._database.execute("select channel from message where ts = ?", (ts,)).fetchone()
            if row is None:
                raise PeopleError(f"no message {ts}")
            return str(row[0]), self._message(str(row[0]), ts) or {}

    def _add_scenario(self, request: Request) -> Response:
        try:
            wanted = request.json()
            kind, times = wanted["kind"], int(wanted.get("times", 1))
        except (ValueError, KeyError, TypeError, AttributeError):
            return Response.of_json({"ok": False, "error": "a JSON object with a kind is needed"}, 400)
        if kind not in SCENARIOS or times < 1:
            return Response.of_json({"ok": False, "error": "unknown kind or times", "scenarios": SCENARIOS}, 400)
        # An outage is a matter of time, not of how often somebody asks, and it meets every method.
        until = self._moment() + float(wanted.get("seconds", 60)) if kind == "outage" else None
        method = str(wanted.get("method", "*" if until is not None else "chat.postMessage"))
        self._database.execute(
            "insert into scenario (method, times, until, details) values (?, ?, ?, ?)",
            (method, None if until is not None else times, until, json.dumps(wanted)),
        )
        return Response.of_json({"ok": True})


_METHODS = {
    "apps.connections.open": SlackService._open_connection,
    "views.open": SlackService._open_view,
    "chat.postEphemeral": SlackService._post_ephemeral,
    "auth.test": SlackService._auth_test,
    "chat.postMessage": SlackService._post_message,
    "chat.update": SlackService._update,
    "chat.getPermalink": SlackService._permalink,
    "conversations.history": SlackService._history,
    "conversations.replies": SlackService._replies,
    "conversations.list": SlackService._list_channels,
    "files.getUploadURLExternal": SlackService._upload_url,
    "files.completeUploadExternal": SlackService._complete_upload,
}
