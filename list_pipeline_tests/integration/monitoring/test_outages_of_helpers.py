"""Redis, Slack and Gemini stop while a workflow is under way: it ends well, decides and writes the same, and makes up later.

Each workflow runs once undisturbed; every outage is held against that run.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from list_pipeline.core.list_states.bounce_rate_alert import Bounced, bounce_message
from list_pipeline.core.list_states.policy import LIST_STATES
from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.slack_blocks import problems
from list_pipeline.operations.list_states import history as state_history
from list_pipeline.operations.maintenance.workflow import maintain
from list_pipeline.operations.messages import outbox
from list_pipeline.operations.services import Services
from list_pipeline.operations.validation.validate import validate
from list_pipeline.operations.weekly.report import check_week
from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline_tests.integration.accounts import (
    LIST_SIZE,
    Account,
    Installation,
    copy_database,
    installation,
    quietly,
)
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.validation.test_validate import put_back_by_a_person, scheduled_campaign
from list_pipeline_tests.integration.views.test_cache_faults import everything

MONDAY = datetime(2026, 11, 16, 10, 5, tzinfo=UTC)
GEMINI, SLACK = "generateContent", "^/api/"

Rows = Mapping[str, Sequence[Mapping[str, str]]]


class Line:
    """The way to Redis, which can be cut: whoever comes is refused, and what lies in Redis stays there.

    With ``cut_after_write`` it is cut by itself once the next value was written and that was answered.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 6379)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        self.url = f"redis://{user}127.0.0.1:{self.port}{parts.path}"
        self.cut_after_write = False
        self.is_cut = False
        self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._take, args=(self._listener,), daemon=True).start()

    def _take(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            with self._lock:
                self._open |= {client, server}
            answered = threading.Event()
            for source, target, comes_back in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass_on, args=(source, target, comes_back, answered), daemon=True).start()

    def _pass_on(
        self, source: socket.socket, target: socket.socket, comes_back: bool, has_written: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if not comes_back and self.cut_after_write and b"\r\nSET\r\n" in data:
                    has_written.set()
                target.sendall(data)
                if comes_back and has_written.is_set():
                    self.cut()
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """From now on there is no Redis."""
        with self._lock:
            self.is_cut, self.cut_after_write = True, False
            self._listener.close()
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            self._open.clear()

    def mend(self) -> None:
        """Redis is back, with all that lay in it."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.is_cut = False
        self._listen()


@pytest.fixture
def line(redis_url: str) -> Iterator[Line]:
    made = Line(redis_url)
    yield made
    made.cut()


# The workflows; each begins with the same preparations by people


@dataclass(frozen=True)
class Workflow:
    """``prepare`` is what people did before, ``run`` the workflow on what that gave back. ``slack`` and ``gemini`` are the
    faults that stop them midway: effect, and the first and the number of the requests (None: all later ones)."""

    prepare: Callable[[Installation], str]
    run: Callable[[Services, str], object]
    slack: Sequence[tuple[str, int, int | None]]
    gemini: Sequence[tuple[str, int, int | None]]
    writes_cache: bool = True


def begin_maintenance(made: Installation) -> str:
    return made.key


def begin_week(made: Installation) -> str:
    # Far enough apart that people are called below the report: two messages.
    for number in range(40, 46):
        made.take_off(ListRole.CAMPAIGN_3, made.account.people[number])
    made.clock.set(MONDAY)
    return ""


def begin_validation(made: Installation) -> str:
    _, key, _ = scheduled_campaign(made)
    put_back_by_a_person(made)
    return key


def run_maintenance(services: Services, key: str) -> object:
    return maintain(services, key, run_id="only", progress=quietly)


WORKFLOWS = {
    # The report arrives, its answer does not, and nobody can be asked whether it did.
    "maintenance": Workflow(
        begin_maintenance, run_maintenance, [("drop_after", 1, 1), ("drop_before", 2, None)], [("drop_before", 2, None)]
    ),
    # The report arrives; its link and the alert below it do not.
    "weekly": Workflow(
        begin_week,
        lambda services, _: check_week(services, progress=quietly),
        [("drop_before", 2, None)],
        [("drop_before", 2, None)],
    ),
    # One message, one question: nothing of Slack, and an answer of Gemini's that is lost.
    "validation": Workflow(
        begin_validation, validate, [("drop_before", 1, None)], [("drop_after", 1, None)], writes_cache=False
    ),
}

# What is written


_NOT_COMPARED = {
    # Numbers that are drawn, seconds that were measured, requests that were counted for the limiter.
    "data_version",
    "work_timing",
    "monitor_total",
    "mailjet_request",
}
_COLUMNS = """
    select c.table_name, c.column_name from information_schema.columns c
    join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'list_pipeline' and t.table_type = 'BASE TABLE' and c.data_type not like 'timestamp%'
      and c.is_identity = 'NO' and coalesce(c.column_default, '') not like 'nextval%'
      and c.column_name not like '%\\_ms' order by 1, c.ordinal_position
"""
_WHILE_SLACK_IS_GONE = (
    "notification",
    "list_maintenance_log.slack_notification_sent",
    "list_maintenance_log.slack_message_ts",
    "list_health_check.slack_notification_sent",
    "list_health_check.slack_message_ts",
)
_OF_POSTING = (
    # When and how often it was posted. That it was, and below what, is compared.
    "notification.message_ts",
    "notification.thread_ts",
    "notification.permalink",
    "notification.attempts",
    "notification.last_error",
    "list_maintenance_log.slack_message_ts",
    "list_health_check.slack_message_ts",
)
_WORDS_OF_GEMINI = (
    # What was asked and answered, and the sentences made of it. Items and hash of a plan, states and urgencies are compared.
    "agent_record",
    "list_health_assessment.source",
    "list_health_assessment.confidence",
    "list_health_assessment.concerns",
    "list_health_assessment.risk_factors",
    "list_health_assessment.rationale",
    "list_health_assessment.reputation_impact",
    "plan.summary",
    # It names the advisor's confidence; what the gate decided is the plan's status.
    "plan.gate",
    "list_maintenance_log.suppression_plan",
    "list_maintenance_log.rebalancing_plan",
    "list_maintenance_log.ai_assessments",
    "list_health_check.health_assessments",
    "list_health_check.weekly_report",
    "list_health_check.action_items",
    "campaign_validation_rule.words",
    "campaign_validation_rule.details",
    "notification.text",
    "notification.blocks",
    *_OF_POSTING,
)


def written(made: Installation) -> Rows:
    """Every row without its instants and own number, by table."""
    named: dict[str, list[str]] = {}
    for table, column in made.query(_COLUMNS):
        if table not in _NOT_COMPARED:
            named.setdefault(table, []).append(column)
    return {
        table: [
            dict(zip(names, map(str, row), strict=True))
            for row in made.query(f"select {', '.join(names)} from list_pipeline.{table}")
        ]
        for table, names in named.items()
    }


def differing(first: Rows, second: Rows, leave_out: Sequence[str] = ()) -> dict[str, object]:
    """Rows that are in one only, by table; empty where all are equal. ``leave_out``: a table, or ``table.column``."""

    def of(rows: Rows, table: str) -> list[str]:
        return sorted(str({c: v for c, v in row.items() if f"{table}.{c}" not in leave_out}) for row in rows[table])

    found = {table: (of(first, table), of(second, table)) for table in first if table not in leave_out}
    return {
        table: ([row for row in one if row not in other], [row for row in other if row not in one])
        for table, (one, other) in found.items()
        if one != other
    }


def at_mailjet(made: Installation) -> tuple[dict[ListRole, set[int]], set[int]]:
    """Who is on which list, and who is excluded."""
    return {role: made.members(role) for role in ALL_LISTS}, made.excluded()


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: rows, lists, and the texts that people read."""

    rows: Rows
    lists: tuple[dict[ListRole, set[int]], set[int]]
    messages: Sequence[str]


def outcome(made: Installation) -> Outcome:
    messages = sorted(str(message["text"]) for message in made.control.slack_messages())
    return Outcome(written(made), at_mailjet(made), messages)


def all_helpers(made: Installation, line: Line | None = None) -> Services:
    """A process that is given all three."""
    return made.another(
        gemini_api_key="sandbox-key",
        gemini_base_url=made.server.url,
        redis_url=line.url if line is not None else None,
    )


@pytest.fixture(scope="module")
def undisturbed(
    admin: str, hand_made: Account, knowing_hand_made: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Outcome]]:
    """What a workflow leaves where nothing stops: by its name, run when it is first asked for."""
    known: dict[str, Outcome] = {}
    databases: list[str] = []

    def run(name: str) -> Outcome:
        if name not in known:
            databases.append(f"list_pipeline_test_undisturbed_{uuid.uuid4().hex[:12]}")
            copy_database(admin, knowing_hand_made, databases[-1])
            url, folder = with_database(admin, databases[-1]), tmp_path_factory.mktemp("undisturbed")
            with installation(hand_made, folder, url) as made:
                workflow = WORKFLOWS[name]
                subject = workflow.prepare(made)
                workflow.run(all_helpers(made), subject)
                known[name] = outcome(made)
        return known[name]

    yield run
    for each in databases:
        drop_database(admin, each)


def stop(made: Installation, path: str, faults: Sequence[tuple[str, int, int | None]]) -> None:
    for effect, nth, count in faults:
        made.control.add_fault(effect, path=path, nth=nth, count=count)


def posted(made: Installation) -> Sequence[tuple[str, str]]:
    """Keys and states of the cards; the details below them are compared with the rows and the messages."""
    rows = made.query("select message_key, state from notification order by 1")
    return [(str(key), str(state)) for key, state in rows if not key.endswith(keys.DETAILS)]


by_workflow = pytest.mark.parametrize("name", sorted(WORKFLOWS))


@by_workflow
def test_redis_that_stops_midway_changes_nothing_and_shows_the_truth_when_it_is_back(
    small: Installation, line: Line, undisturbed: Callable[[str], Outcome], name: str
) -> None:
    workflow = WORKFLOWS[name]
    # What is true before the workflow lies in Redis throughout.
    ((known,),) = small.query("select coalesce(max(request_id), 0) from mailjet_request")
    everything(all_helpers(small, line), small)
    # On a clock that stands still its requests would count as the workflow's.
    small.query("delete from mailjet_request where request_id > :known returning 1", known=known)
    services = all_helpers(small, line)
    subject = workflow.prepare(small)
    if workflow.writes_cache:
        line.cut_after_write = True
    else:
        services.heartbeat = lambda: line.is_cut or line.cut()
    workflow.run(services, subject)
    assert line.is_cut
    after = outcome(small)
    assert differing(undisturbed(name).rows, after.rows) == {}
    assert (after.lists, after.messages) == (undisturbed(name).lists, undisturbed(name).messages)
    expected = everything(small.services, small)
    assert everything(services, small) == expected
    line.mend()
    # Nobody made the deletions up that the process owes, and what lay in Redis lies there still.
    assert everything(all_helpers(small, line), small) == expected
    small.clock.advance(timedelta(seconds=31))
    assert everything(services, small) == expected
    assert services.cache.is_reachable()


@by_workflow
def test_slack_that_stops_midway_changes_nothing_and_gets_each_message_once_when_it_is_back(
    small: Installation, undisturbed: Callable[[str], Outcome], name: str
) -> None:
    workflow, services = WORKFLOWS[name], all_helpers(small)
    subject = workflow.prepare(small)
    stop(small, SLACK, workflow.slack)
    workflow.run(services, subject)
    during = outcome(small)
    assert differing(undisturbed(name).rows, during.rows, _WHILE_SLACK_IS_GONE) == {}
    assert during.lists == undisturbed(name).lists
    owed = [key for key, state in posted(small) if state != "sent"]
    assert len(owed) == 1
    # Still gone: nothing is lost and nothing is told twice.
    small.clock.advance(timedelta(minutes=2))
    outbox.send_waiting(services)
    small.control.clear_faults()
    small.clock.advance(timedelta(minutes=20))
    outbox.send_waiting(services)
    assert outbox.send_waiting(small.another()) == []
    after = outcome(small)
    assert after.messages == undisturbed(name).messages
    assert differing(undisturbed(name).rows, after.rows, _OF_POSTING) == {}


@by_workflow
def test_gemini_that_stops_midway_changes_words_and_nothing_else(
    small: Installation, undisturbed: Callable[[str], Outcome], name: str
) -> None:
    workflow, services = WORKFLOWS[name], all_helpers(small)
    subject = workflow.prepare(small)
    stop(small, GEMINI, workflow.gemini)
    workflow.run(services, subject)
    assert small.control.faults()[0]["acted"] > 0
    after = outcome(small)
    assert differing(undisturbed(name).rows, after.rows, _WORDS_OF_GEMINI) == {}
    assert after.lists == undisturbed(name).lists
    assert len(after.messages) == len(undisturbed(name).messages)


def test_in_read_only_mode_a_weekly_check_and_a_validation_only_read(install_small: Install) -> None:
    with install_small(list_management_mode="read_only") as made:
        key = begin_validation(made)
        made.control.reset_requests()
        for may_cancel in (False, True):
            services = made.another(block_cancels_schedule=may_cancel)
            assert validate(services, key).stored.is_blocking
        made.clock.set(MONDAY)
        check_week(made.services, progress=quietly)
        asked = [name for name in made.control.requests() if "api/" not in name]
        assert asked
        assert {name.partition(" ")[0] for name in asked} == {"GET"}
        assert made.query("select count(*) from schedule_change") == [(0,)]
        assert made.query("select status from list_health_check") == [("success",)]


def test_a_list_that_bounces_a_lot_is_told_about_once(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_history, "LIST_STATES", replace(LIST_STATES, alert_recipients=LIST_SIZE))
    small.control.add_fault("drop_before", path=SLACK, count=None)
    small.maintain()
    small.control.clear_faults()
    small.clock.advance(timedelta(minutes=20))
    outbox.send_waiting(small.services)
    small.maintain()
    alert, report = small.cards()
    assert "A List Bounces A Lot: *20 %* of the recipients" in alert["text"]
    assert [each["text"].partition("*\n")[2] for each in alert["blocks"][2]["fields"]] == [str(LIST_SIZE), "3", "1"]
    assert "thread_ts" not in {key for key, value in report.items() if value}
    assert [key.partition(":")[0] for key, _ in posted(small)] == ["bounces", "maintenance"]


def test_four_of_twenty_are_no_news_about_a_list(undisturbed: Callable[[str], Outcome]) -> None:
    found = undisturbed("maintenance")
    assert "bounces_high" in {row["event"] for row in found.rows["list_state_history"]}
    told = {row["message_key"].removesuffix(keys.DETAILS) for row in found.rows["notification"]}
    assert [key.partition(":")[0] for key in told] == ["maintenance"]


def test_the_alert_is_as_slack_takes_it_and_mentions_nobody() -> None:
    message = bounce_message(Bounced("2026-11-14-r3-<!channel>", "List <!here>", 1_200, 100, 44))
    assert problems(message.text, message.blocks) == ()
    assert "12 %" in message.text
    assert "<!" not in str(message)
