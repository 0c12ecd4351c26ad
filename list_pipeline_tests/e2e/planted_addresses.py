"""Addresses planted in everything that Mailjet can say, and the search for them in everything that the product leaves behind.

Every planted address carries one word that stands nowhere else. So the word alone, in any case and encoding, is a find:
the whole address, its local part, or a piece of either.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from list_pipeline.sandbox.http import Request, Response
from list_pipeline_tests.e2e.rehearsals import Rehearsal

WORD = "plantedqx"

ODD = (
    f"{WORD.upper()}.UPPER@EXAMPLE.COM",
    f"{WORD}+plus@example.com",
    f'"{WORD}-quoted"@example.com',
    f"{WORD}.jörg@bücher.example",
    f"{WORD}.punycode@xn--bcher-kva.example",
    f"o'{WORD}@example.org",
    f"{WORD}/slash=equal@example.net",
)
"""Addresses that contacts of the account really have, unlike most people's."""


def texts(place: str) -> str:
    """What a field says: one person's address in every form in which free text has been seen to carry one."""
    name = f"{WORD}.{place}"
    return (
        f"{name}@example.com <{name.upper()}@EXAMPLE.COM> mailto:{name}+tag@example.org; {name}%40example.com"
        f' "{name} quoted"@example.net o\'{name}@example.com bounce+{name}=example.com@relay.example {name} at example.com'
        f" {name} (at) example [dot] com {name}&#64;example.com {name}＠example.com {name}%2540example.com"
        f" {name}.jörg@bücher.example rfc822;{name}@example.com {name} [at] example.com"
    )


Rewrite = Callable[[Request, Response], Response]


class Plants:
    """Stands between the sandbox and the wire: puts addresses into the texts of its answers, and refuses on request.

    ``served`` counts what was planted by resource and property, so that a test can show that it was really said.
    """

    FIELDS: Mapping[str, tuple[str, ...]] = {
        "contact": ("Name", "UnsubscribedBy", "Properties"),
        "contactslist": ("Name", "Address"),
        "listrecipient": ("ContactName", "Comment"),
        "campaign": ("Subject", "FromName", "Title", "CustomCampaign"),
        "campaigndraft": ("Subject", "Title", "SenderName"),
        "bouncestatistics": ("Comment", "BounceReason", "Diagnostic"),
        "message": ("Subject", "Comment", "State", "CustomID", "ContactAlt", "Destination"),
        "messagehistory": ("Comment", "State", "Useragent"),
        "statcounters": ("Comment",),
        "managemanycontacts": ("Comment",),
    }

    def __init__(self, account: Rehearsal) -> None:
        self.served: Counter[str] = Counter()
        self._refusals: list[list[Any]] = []
        dispatcher = account.server._http.dispatcher
        answer = dispatcher.handle
        dispatcher.handle = lambda request: self._planted(request, answer)  # type: ignore[method-assign]

    def refuse(self, path: str, rewrite: Rewrite, *, method: str = "GET", nth: int = 1) -> None:
        """Let the nth request that matches from now on end as ``rewrite`` says, once."""
        self._refusals.append([method, path, nth, rewrite])

    def forget(self) -> None:
        """No more refusals."""
        self._refusals.clear()

    def _planted(self, request: Request, answer: Callable[[Request], Response]) -> Response:
        given = answer(request)
        for refusal in list(self._refusals):
            method, path, left, rewrite = refusal
            if method != request.method or re.search(path, request.path, re.IGNORECASE) is None:
                continue
            refusal[2] = left - 1
            if refusal[2] == 0:
                self._refusals.remove(refusal)
                self.served[f"{path} refused"] += 1
                given = rewrite(request, given)
                break
        if "generatecontent" in request.path.lower():
            return self._echoing(given)
        return self._decorated(request, given)

    def _decorated(self, request: Request, given: Response) -> Response:
        parts = request.path.strip("/").split("/")
        if len(parts) < 3 or given.status not in (200, 201) or parts[0].lower() not in ("v3", "v4"):
            return given
        if parts[1] == "DATA":
            # The file of a job's errors, in the shapes in which it may come: objects, texts, an object in an object.
            file = [
                {"Email": f"{WORD}.file@example.com", "Error": texts("file")},
                texts("file-text"),
                {"Data": {"Email": f"{WORD}@example.com"}, "Reason": {"for": texts("file-reason")}},
            ]
            self.served["error file"] += 1
            return replace(given, body=json.dumps(file, ensure_ascii=False).encode())
        resource = next((part for part in reversed(parts) if part.lower() in self.FIELDS), parts[2]).lower()
        try:
            payload = json.loads(given.body)
        except ValueError:
            return given
        for row in payload.get("Data", ()) if isinstance(payload, dict) else ():
            for name in self.FIELDS.get(resource, ()):
                self.served[f"{resource}.{name}"] += 1
                row[name] = texts(f"{resource}-{name}") if name != "Properties" else [{"who": texts("property")}]
            if resource == "managemanycontacts" and str(row.get("Error") or ""):
                self.served["job error"] += 1
                row["Error"] = texts("job-error")
        return replace(given, body=json.dumps(payload, ensure_ascii=False).encode())

    def _echoing(self, given: Response) -> Response:
        """A model that puts an address into every sentence of its answer."""
        try:
            payload = json.loads(given.body)
            part = payload["candidates"][0]["content"]["parts"][0]
            spoken = _with_address(json.loads(part["text"]))
        except (ValueError, KeyError, IndexError, TypeError):
            return given
        part["text"] = json.dumps(spoken, ensure_ascii=False)
        self.served["model"] += 1
        return replace(given, body=json.dumps(payload, ensure_ascii=False).encode())


def _with_address(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_address(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_address(inner) for inner in value]
    # Words of a vocabulary and references stay: an answer that does not fit its schema would be dropped as a whole.
    return f"{value} Ask {WORD}.model@example.com." if isinstance(value, str) and value.count(" ") > 3 else value


def refusal(status: int, place: str, shape: str = "text") -> Rewrite:
    """A refusal that quotes what it refuses, as Mailjet does (recorded, e.g. MJ18), in one of its shapes."""
    said = texts(place)
    quoted = f'MJ18 A Contact resource with value "{WORD} {place}" for Email already exists. {said}'
    bodies: dict[str, Any] = {
        "text": {"ErrorInfo": said, "ErrorMessage": quoted, "StatusCode": status},
        "object": {"ErrorInfo": {"Contacts": [{"Email": said}]}, "ErrorMessage": {"who": said}, "StatusCode": status},
        "gateway": {"ErrorIdentifier": f"{WORD}@example.com", "ErrorMessage": quoted, "StatusCode": status},
    }
    if shape in bodies:
        return lambda request, given: Response.of_json(bodies[shape], status)
    page = f"<html><title>{said}</title></html>".encode()
    return lambda request, given: Response(status, page, {"Content-Type": "text/html"}, f"no {WORD}@example.com")


def wrong_number(name: str) -> Rewrite:
    """A row whose number is somebody's address."""

    def spoil(request: Request, given: Response) -> Response:
        payload = json.loads(given.body)
        payload["Data"][0][name] = f"{WORD}.number@example.com"
        return replace(given, body=json.dumps(payload).encode())

    return spoil


def truncated(request: Request, given: Response) -> Response:
    """JSON that stops right behind an address."""
    return replace(given, body=f'{{"Count": 1, "Data": [{{"Email": "{WORD}.half@example.com"'.encode())


def plant_people(account: Rehearsal, odd: Mapping[int, str]) -> int:
    """Give everybody at Mailjet an address with the word, and some an odd one by contact id; the number of people."""
    store = account.server.account.store
    count = store.execute("UPDATE contact SET email = ? || email WHERE anonymised_at = 0", (f"{WORD}.",))
    for contact_id, address in odd.items():
        store.execute("UPDATE contact SET email = ? WHERE id = ?", (address, contact_id))
    return count


# The search


def _disguises() -> tuple[str, ...]:
    """The word as base64 carries it, wherever it begins in a group of three bytes, in lower and upper case; and as hex."""
    found = []
    for word in (WORD, WORD.upper()):
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + word.encode() + b"\0" * 3).decode()
            # What shares its bits with the neighbours is left out at both ends.
            found.append(whole[-(-shift * 4 // 3) : (shift + len(word)) * 4 // 3])
        found.append(word.encode().hex())
    return tuple(found)


DISGUISES = _disguises()


def finds(text: str) -> list[str]:
    """The surroundings of everything planted in a text."""
    places = [found.start() for found in re.finditer(WORD, text, re.IGNORECASE)]
    places += [text.find(disguise) for disguise in DISGUISES if disguise in text]
    return [" ".join(text[max(place - 60, 0) : place + 60].split()) for place in places[:3]]


def in_database(url: str) -> dict[str, list[str]]:
    """Every column of every table and view in which something planted stands, with examples."""
    found = {}
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "select table_schema, table_name, column_name from information_schema.columns"
            " where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2, ordinal_position"
        ).fetchall()
        assert columns
        for schema, table, column in columns:
            statement = sql.SQL(
                "select shown from (select {column}::text as shown from {table}) as dump"
                " where shown ~* %s or shown ~ %s limit 3"
            ).format(column=sql.Identifier(column), table=sql.Identifier(schema, table))
            rows = connection.execute(statement, (WORD, "|".join(map(re.escape, DISGUISES)))).fetchall()
            if rows:
                found[f"{schema}.{table}.{column}"] = [each for (shown,) in rows for each in finds(shown)]
    return found


def in_files(folder: Path, besides: Path) -> dict[str, list[str]]:
    """The files below a folder in which something planted stands; what is below ``besides`` is left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_relative_to(besides):
            shown = finds(str(path)) + finds(path.read_bytes().decode(errors="replace"))
            if shown:
                found[str(path.relative_to(folder))] = shown
    return found


def in_redis(url: str) -> tuple[dict[str, list[str]], int]:
    """The keys in which, or under which, something planted stands; and how many keys were looked at."""
    from redis import Redis

    found, count = {}, 0
    with Redis.from_url(url, decode_responses=True, encoding_errors="backslashreplace") as client:
        for key in client.scan_iter():
            count += 1
            shown = finds(key) + [each for text in _values(client, key) for each in finds(text)]
            if shown:
                found[key] = shown
    return found, count


def _values(client: Any, key: str) -> Iterator[str]:
    kind = client.type(key)
    reads: dict[str, Callable[[], Any]] = {
        "string": lambda: client.get(key),
        "hash": lambda: client.hgetall(key),
        "list": lambda: client.lrange(key, 0, -1),
        "set": lambda: client.smembers(key),
        "zset": lambda: client.zrange(key, 0, -1, withscores=True),
    }
    yield str(reads[kind]())
