"""Mailjet's wire format: envelope, dates, paging, query parameters, error bodies.

Belongs here: everything that all REST resources share. Does not belong here: any single resource.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.store import Store
from list_pipeline.sandbox.switches import Switches

MAX_PAGE = 1000
DEFAULT_PAGE = 10
DAY = 86_400


class ApiError(Exception):
    """An answer that is an error, in the classic v3 shape; the reason phrase repeats the message."""

    def __init__(self, status: int, message: Any, info: Any = "") -> None:
        super().__init__(str(message))
        self.status = status
        self.message = message
        self.info = info

    def response(self) -> Response:
        """The error as Mailjet writes it."""
        body = {"ErrorInfo": self.info, "ErrorMessage": self.message, "StatusCode": self.status}
        answer = Response.of_json(body, self.status)
        reason = {400: "Bad Request", 500: "Internal error"}.get(self.status)
        if reason is None and isinstance(self.message, str):
            reason = self.message
        return Response(answer.status, answer.body, answer.headers, reason)


def not_found() -> ApiError:
    """The answer for any object that does not exist."""
    return ApiError(404, "Object not found")


def date(seconds: int) -> str:
    """RFC 3339 with Z; never is the empty string."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""


def instant(value: object, name: str) -> int:
    """Seconds since 1970 of a date parameter: unix seconds or RFC 3339, as Mailjet's clients send both.

    Raises:
        ApiError: it is neither.
    """
    text = str(value).strip()
    if text.isdigit():
        return int(text)
    try:
        parsed = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except ValueError:
        raise ApiError(400, f'Invalid value for filter "{name}": "{text}" is not a valid datetime') from None
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def as_boolean(value: object, name: str) -> bool:
    """``true``, ``"true"``, ``1`` and their opposites: requests carry all of them.

    Raises:
        ApiError: anything else.
    """
    text = str(value).strip().lower()
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise ApiError(400, f'Invalid value for "{name}": "{value}" is not a boolean')


def as_integer(value: object, name: str) -> int:
    """A number of any size.

    Raises:
        ApiError: it is not a whole number.
    """
    try:
        return int(str(value))
    except ValueError:
        raise ApiError(400, f'Invalid value for "{name}": "{value}" is not a number') from None


def envelope(rows: Sequence[Mapping[str, Any]], status: int = 200, total: int | None = None) -> Response:
    """The envelope. ``Total`` is the number of rows in this answer unless a quirk says otherwise."""
    count = len(rows)
    return Response.of_json({"Count": count, "Data": list(rows), "Total": count if total is None else total}, status)


def not_changed() -> Response:
    """The answer to a PUT that changes nothing."""
    return Response(304, headers={"Content-Type": "application/json"}, reason="Content not changed")


def no_content() -> Response:
    """The answer to a DELETE."""
    return Response(204, headers={"Content-Type": "application/json"}, reason="No content")


def body_of(request: Request, resource: str, properties: Iterable[str]) -> dict[str, Any]:
    """The JSON object of a request under the resource's own spelling of its properties.

    Raises:
        ApiError: not JSON, not an object, or a property that the resource does not have.
    """
    try:
        payload = request.json()
    except ValueError:
        raise ApiError(400, "Invalid json input: malformed JSON") from None
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise ApiError(400, "Invalid json input: an object was expected")
    spelling = {name.lower(): name for name in properties}
    found: dict[str, Any] = {}
    for name, value in payload.items():
        known = spelling.get(str(name).lower())
        if known is None:
            raise ApiError(400, f'Invalid json input: object ""->"T{resource}" has no property "{name}"')
        found[known] = value
    return found


class Parameters:
    """The query of one request. Names are read without regard to case; what nobody asked for is judged at the end."""

    def __init__(self, request: Request, switches: Switches) -> None:
        self._values: dict[str, str] = {}
        self._spelling: dict[str, str] = {}
        for name, value in request.parameters().items():
            self._values.setdefault(name.lower(), value)
            self._spelling.setdefault(name.lower(), name)
        self._asked: set[str] = set()
        self._strict = switches.flag("strict_parameters")
        self.switches = switches

    def text(self, *names: str) -> str | None:
        """The first of these parameters that is given; an empty one counts as absent."""
        found: str | None = None
        for name in names:
            self._asked.add(name.lower())
            if found is None:
                found = self._values.get(name.lower()) or None
        return found

    def integer(self, *names: str) -> int | None:
        """A whole number."""
        value = self.text(*names)
        return None if value is None else as_integer(value, names[0])

    def boolean(self, *names: str) -> bool | None:
        """A boolean."""
        value = self.text(*names)
        return None if value is None else as_boolean(value, names[0])

    def instant(self, name: str) -> int | None:
        """A date, in seconds since 1970."""
        value = self.text(name)
        return None if value is None else instant(value, name)

    def finish(self, ignored: Iterable[str] = (), not_modelled: Iterable[str] = ()) -> None:
        """Judge what is left over.

        ``ignored`` are parameters that Mailjet accepts without effect. ``not_modelled`` are real filters that the
        sandbox lacks: they are refused in every mode, since answering without them would be unfiltered data.

        Raises:
            ApiError: a filter that is not modelled, or in strict mode an unknown parameter.
        """
        left = set(self._values) - self._asked - {name.lower() for name in ignored}
        lacking = sorted(left & {name.lower() for name in not_modelled})
        if lacking:
            raise ApiError(400, f'Sandbox: filter "{self._spelling[lacking[0]]}" exists at Mailjet but is not modelled')
        if left and self._strict:
            named = ", ".join(self._spelling[name] for name in sorted(left))
            raise ApiError(400, f"Sandbox, strict: unknown query parameter {named}")


@dataclass(frozen=True, slots=True)
class Page:
    """The page that a request asks for. ``limit`` -1 means all."""

    limit: int
    offset: int
    order: str
    count_only: bool
    count_records: bool


def read_page(parameters: Parameters, sortable: Mapping[str, tuple[str, bool]]) -> Page:
    """Paging and sorting. ``sortable`` maps a property to its column and whether DESC is allowed.

    Raises:
        ApiError: a sort that the resource does not offer, or a limit that a switch refuses.
    """
    limit = parameters.integer("Limit")
    offset = max(parameters.integer("Offset") or 0, 0)
    if limit is None:
        limit = DEFAULT_PAGE
    elif limit <= 0:
        limit = MAX_PAGE
        if parameters.switches.flag("offset_ignored_with_limit_0"):
            offset = 0
    elif limit > MAX_PAGE:
        treatment = parameters.switches.word("limit_above_1000")
        if treatment == "refused":
            raise ApiError(400, f'Invalid value for "Limit": {limit} is more than {MAX_PAGE}')
        limit = MAX_PAGE if treatment == "capped" else limit
    limit = min(limit, parameters.switches.count("largest_page") or limit)
    columns = {name.lower(): target for name, target in sortable.items()}
    order = columns["id"][0]
    wanted = parameters.text("Sort")
    if wanted is not None:
        name, _, direction = wanted.partition(" ")
        target = columns.get(name.lower())
        descending = direction.strip().upper() == "DESC"
        known = direction.strip().upper() in ("", "ASC", "DESC")
        if target is None or not known or (descending and not target[1]):
            shown = wanted.lower()
            raise ApiError(
                400, f"Unexpected error during GET: Invalid sort specification: Cannot sort on field {shown}"
            )
        order = f"{target[0]} DESC" if descending else target[0]
    count_only = parameters.text("countOnly")
    count_records = parameters.text("countrecords")
    parameters.text("Style")
    return Page(
        limit,
        offset,
        order,
        count_only is not None and as_boolean(count_only, "countOnly"),
        count_records is not None and as_boolean(count_records, "countrecords"),
    )


@dataclass(slots=True)
class Query:
    """A filtered selection of ids, built up condition by condition (all must hold)."""

    source: str
    key: str
    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def where(self, condition: str, *values: Any) -> None:
        """One more condition."""
        self.conditions.append(condition)
        self.values.extend(values)

    def _tail(self) -> str:
        return f"FROM {self.source}" + (f" WHERE {' AND '.join(self.conditions)}" if self.conditions else "")

    def answer(self, store: Store, page: Page, rows_of: Callable[[list[int]], list[dict[str, Any]]]) -> Response:
        """One page in the envelope; ``rows_of`` turns ids into rows, in their order."""
        if page.count_only:
            total = store.number(f"SELECT count(*) {self._tail()}", self.values)
            return Response.of_json({"Count": total, "Data": [], "Total": total})
        found = store.rows(
            f"SELECT {self.key} {self._tail()} ORDER BY {page.order} LIMIT ? OFFSET ?",
            [*self.values, page.limit, page.offset],
        )
        rows = rows_of([int(row[0]) for row in found])
        if page.count_records:
            return envelope(rows, total=store.number(f"SELECT count(*) {self._tail()}", self.values))
        return envelope(rows)


def fetch(
    store: Store, sql: str, ids: list[int], form: Callable[[sqlite3.Row], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows for these ids, in their order. ``sql`` ends before the list, e.g. ``SELECT * FROM contact WHERE id IN``."""
    if not ids:
        return []
    found = {int(row["id"]): form(row) for row in store.rows(f"{sql} ({','.join(map(str, ids))})")}
    return [found[key] for key in ids if key in found]
