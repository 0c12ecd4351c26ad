"""Counts what takes part in a maintenance of the small account: files, functions, reads, transactions, requests.

Belongs here: watching calls, statements and requests from outside, and counting them. Does not belong here: any limit that a
test should hold. Nothing of the product is changed for it, and beside the account of the tests only what seldom moves is
imported, so that the same file counts an earlier version as well:

    python -m bench.footprint [--files]                                   this checkout
    cd ../older && .venv/bin/python ../here/bench/footprint.py            another one, in its own environment

Counted are functions of ``list_pipeline`` that ran in any thread; not the sandbox, bodies of modules and classes, lambdas and
comprehensions. Maintenances of one account are watched:

- *one maintenance*: the small account as the tests know it, in automatic mode, without a language model.
- *one bounce from Mailjet to Slack*: after a send one contact bounced, and nobody has to move. Watched from the first request
  for bounces until Slack is asked to post.
- *one move from plan to confirmed step*: after a send one contact has to move. Watched from the row of the rebalancing plan
  until the last change of a step of it.

On these two walks everything counts that runs in the meantime, and what waits on the stack when it begins. A function *holds
the contact* when the contact's id is in an argument or in the result, or at most four containers or objects deep in one.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import logging
import os
import sys
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

if __name__ == "__main__":
    # The checkout that is counted is the one that it is started in.
    sys.path.insert(0, str(Path.cwd()))

import structlog
from sqlalchemy import Engine, event

import list_pipeline
from list_pipeline import stack
from list_pipeline.core.lists import ListRole
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.stack.databases import create_database, drop_database, with_database
from list_pipeline_tests.integration import accounts
from list_pipeline_tests.integration.accounts import Installation, installation, prepare_database, small_account

_PRODUCT = str(Path(list_pipeline.__file__).parent) + os.sep
_OUTSIDE = tuple(_PRODUCT + name + os.sep for name in ("sandbox", "stack", "demo"))
_UNNAMED = ("<module>", "<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>")
_IS_FUNCTION = 0x2  # the body of a class lacks this flag
_DEPTH = 4
_MOST = 200
"""Elements of a container that are looked at; the lists of the small account have 64."""

BOUNCES, MESSAGE, PLAN, STEPS = "bouncestatistics", "chat.postMessage", "the rebalancing plan", "the steps"
FIRST, LATER = 21, (47, 48)
"""People (by number) who bounce in the later sends: one on list 2, and so many on list 3 that one contact moves there."""


@dataclass
class Call:
    """A function that began. ``holds``: the contact that is followed is in an argument or in its result."""

    code: CodeType
    holds: bool = False


@dataclass
class Record:
    """Everything that ran, in order, with marks between the calls. ``follow``: the contact that is followed."""

    follow: int | None = None
    calls: list[Call] = field(default_factory=list)
    marks: dict[str, list[int]] = field(default_factory=dict)
    waiting: dict[str, list[Call]] = field(default_factory=dict)
    """For each mark what stood on the stacks when it was set first."""
    statements: int = 0
    transactions: int = 0
    requests: Counter[str] = field(default_factory=Counter)

    def mark(self, name: str) -> None:
        """Note the moment."""
        self.marks.setdefault(name, []).append(len(self.calls))
        if name not in self.waiting:
            self.waiting[name] = [Call(code) for frame in sys._current_frames().values() for code in _codes(frame)]

    def between(self, begin: str, end: str) -> list[Call]:
        """The calls from the first mark of one name to the last one of another, with what stood on the stacks."""
        return [*self.waiting[begin], *self.calls[self.marks[begin][0] : self.marks[end][-1]]]


class Watch:
    """The hooks: they fill ``record`` while there is one."""

    def __init__(self) -> None:
        self.record: Record | None = None
        self._open: dict[int, list[Call]] = {}

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """The hooks of interpreter and database; threads that begin inside are watched from their first call."""
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        event.listen(Engine, "before_cursor_execute", self._statement)
        event.listen(Engine, "begin", self._transaction)
        try:
            yield
        finally:
            event.remove(Engine, "begin", self._transaction)
            event.remove(Engine, "before_cursor_execute", self._statement)
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]

    def _profile(self, frame: FrameType, what: str, value: object) -> None:
        record = self.record
        if record is None or what not in ("call", "return") or not _is_ours(frame.f_code):
            return
        code, begun = frame.f_code, self._open.setdefault(threading.get_ident(), [])
        if what == "call":
            given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            call = Call(code, any(_holds(frame.f_locals.get(name), record.follow) for name in given))
            record.calls.append(call)
            begun.append(call)
        elif begun:
            call = begun.pop()
            call.holds = call.holds or _holds(value, record.follow)

    def _transaction(self, *_: object) -> None:
        if self.record is not None:
            self.record.transactions += 1

    def _statement(self, _: object, __: object, statement: str, parameters: object, *___: object) -> None:
        if self.record is None:
            return
        self.record.statements += 1
        words = " ".join(statement.split()).lower()
        if words.startswith("insert into plan (") and "rebalancing" in str(parameters):
            self.record.mark(PLAN)
        if "update change_step" in words:
            self.record.mark(STEPS)


class Door:
    """In front of the sandbox: counts the product's requests, and marks two kinds of them."""

    def __init__(self, inner: Any, watch: Watch) -> None:
        self._inner, self._watch = inner, watch

    def handle(self, request: Request) -> Response:
        record = self._watch.record
        if record is not None and "_sandbox" not in request.path:
            record.requests["Mailjet" if request.path.startswith("/v3/") else "Slack"] += 1
            for name in (BOUNCES, MESSAGE):
                if name in request.path:
                    record.mark(name)
        answer: Response = self._inner.handle(request)
        return answer


def _codes(frame: FrameType | None) -> Iterator[CodeType]:
    while frame is not None:
        if _is_ours(frame.f_code):
            yield frame.f_code
        frame = frame.f_back


def _is_ours(code: CodeType) -> bool:
    file = code.co_filename
    return (
        file.startswith(_PRODUCT)
        and not file.startswith(_OUTSIDE)
        and code.co_name not in _UNNAMED
        and bool(code.co_flags & _IS_FUNCTION)
    )


def _holds(value: object, contact_id: int | None, depth: int = _DEPTH) -> bool:
    if contact_id is None or value is None or isinstance(value, str | bytes | float | bool):
        return False
    if isinstance(value, int):
        return value == contact_id
    if depth == 0:
        return False
    inner: Iterable[object] = ()
    if isinstance(value, Mapping):
        inner = (*_some(value.keys()), *_some(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        inner = _some(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        inner = [getattr(value, one.name, None) for one in dataclasses.fields(value)]
    return any(_holds(one, contact_id, depth - 1) for one in inner)


def _some(values: Iterable[object]) -> list[object]:
    with contextlib.suppress(RuntimeError):  # another thread changes it
        return list(values)[:_MOST]
    return []


@dataclass(frozen=True)
class Counted:
    """The three maintenances."""

    whole: Record
    bounce: Record
    move: Record


def count(admin_url: str) -> Counted:
    """Play the maintenances, and watch. Who moves is known afterwards only: all is played twice, and comes out the same.

    Raises:
        RuntimeError: another number of contacts bounced or moved than the walks are about.
    """
    _, moved = _played(admin_url, None)
    counted, again = _played(admin_url, moved)
    if again != moved:
        raise RuntimeError("the same maintenance moved another contact the second time")
    return counted


def _played(admin_url: str, moves: int | None) -> tuple[Counted, int]:
    name = f"list_pipeline_footprint_{uuid.uuid4().hex[:12]}"
    create_database(admin_url, name)
    url, watch = with_database(admin_url, name), Watch()
    try:
        with tempfile.TemporaryDirectory() as folder:
            account = small_account(Path(folder, "account"))
            prepare_database(account, Path(folder, "prepared"), url, synchronised=True)
            with watch.installed(), installation(account, Path(folder, "watched"), url) as made:
                made.server._http.dispatcher = Door(made.server._http.dispatcher, watch)  # type: ignore[assignment]
                whole = _maintained(made, watch, None)
                _send(made, ListRole.CAMPAIGN_1, ())
                made.maintain()
                _send(made, ListRole.CAMPAIGN_2, account.ids(FIRST))
                bounce = _maintained(made, watch, account.people[FIRST])
                if _changed(made) != [("suppress", account.people[FIRST])]:
                    raise RuntimeError(f"one contact was to be suppressed, and not: {_changed(made)}")
                _send(made, ListRole.CAMPAIGN_3, account.ids(*LATER))
                move = _maintained(made, watch, moves)
                moved = [contact_id for kind, contact_id in _changed(made) if kind == "move"]
        if len(moved) != 1:
            raise RuntimeError(f"one contact was to move, and not {len(moved)}")
        return Counted(whole, bounce, move), moved[0]
    finally:
        drop_database(admin_url, name)


def _send(made: Installation, role: ListRole, bouncing: Iterable[int]) -> None:
    """A campaign goes out to a list, and a day passes."""
    outcomes = dict.fromkeys(bouncing, "user_unknown")
    made.control.send(made.account.lists[role], "Letter 3", profile="clean", outcomes=outcomes)
    made.clock.advance(timedelta(hours=25, minutes=10))
    # By its name: it stands in another module in earlier versions.
    known = vars(accounts)
    synchronise = known.get("synchronise") or known["workflow"].synchronise
    synchronise(made.services)


def _maintained(made: Installation, watch: Watch, follow: int | None) -> Record:
    """The maintenance of the last campaign, watched."""
    watch.record = record = Record(follow)
    try:
        made.maintain()
    finally:
        watch.record = None
    return record


def _changed(made: Installation) -> list[tuple[str, int]]:
    """Kind and contact of each change that the maintenance of the last campaign made."""
    found = made.query(
        "select c.kind, c.contact_id from change c join plan p using (plan_id)"
        " join campaign_schedule s on s.id = p.campaign_id where s.campaign_key = :key order by 1, 2",
        key=made.key,
    )
    return [(str(kind), int(contact_id)) for kind, contact_id in found]


# Showing


def _file(call: Call) -> str:
    return call.code.co_filename.removeprefix(_PRODUCT)


def _function(call: Call) -> tuple[str, str, int]:
    return _file(call), call.code.co_name, call.code.co_firstlineno


def _figures(calls: list[Call]) -> str:
    files, functions = {_file(call) for call in calls}, {_function(call) for call in calls}
    return f"{len(files):4d} files  {len(functions):5d} functions  {len(calls):7,d} calls"


def show(found: Counted, *, with_files: bool) -> None:
    """The figures, and the files of each walk in the order of their first call."""
    whole = found.whole
    reads = sum(call.code.co_name == "current_plan" for call in whole.calls)
    print(f"one maintenance                          {_figures(whole.calls)}")
    print(
        f"  current_plan read {reads} times, {whole.transactions} transactions with {whole.statements} statements, "
        f"{whole.requests['Mailjet']} requests to Mailjet and {whole.requests['Slack']} to Slack"
    )
    for name, calls in (
        ("one bounce from Mailjet to Slack", found.bounce.between(BOUNCES, MESSAGE)),
        ("one move from plan to confirmed step", found.move.between(PLAN, STEPS)),
    ):
        holding = [call for call in calls if call.holds]
        print(f"{name:<40} {_figures(calls)}")
        print(f"{'  of these hold the contact':<40} {_figures(holding)}")
        if with_files:
            held = {_file(call) for call in holding}
            for file in dict.fromkeys(map(_file, calls)):
                print(f"    {'*' if file in held else ' '} {file}")


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(description="What takes part in one maintenance, one bounce and one move.")
    parser.add_argument(
        "--files", action="store_true", help="name the files of both walks, * where the contact is held"
    )
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    admin_url = os.environ.get("DATABASE_URL") or stack.start(with_sandbox=False).admin_url
    show(count(admin_url), with_files=arguments.files)


if __name__ == "__main__":
    main()
