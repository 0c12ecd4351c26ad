"""The whole product against a sandbox on a clock that stands still, for tests of workflows from end to end.

Belongs here: starting both together, and reading either of them as its owner would. Does not belong here: what a
maintenance ought to do.
"""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql
from sqlalchemy import text

from list_pipeline.core.clock import Clock
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, Sweep
from list_pipeline.integrations.tls import tls_context
from list_pipeline.operations import setup
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.maintenance.workflow import Maintained
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists
from list_pipeline.operations.runs.run import Due, due
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.sandbox.server import SandboxServer
from list_pipeline.settings import Settings
from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.accounts import without_details
from list_pipeline_tests.life_cycle_triggers import refuse_illegal_steps
from list_pipeline_tests.virtual_clock import VirtualClock

ANCHOR = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MASTER, LIST_1, LIST_2, LIST_3, SUPPRESSION = 5776, 10503497, 10503498, 10503499, 10503500
CAMPAIGN_LISTS = (LIST_1, LIST_2, LIST_3)
CHANNEL = "C0TRACTION"


def quiet(_: str) -> None:
    """Progress that nobody reads."""


class PacedClock:
    """A clock that runs, only faster: for two workers who wait for each other, which a clock that stands still forbids."""

    def __init__(self, start: datetime, times: float) -> None:
        self._start, self._times, self._began = start, times, time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._began) * self._times)

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            threading.Event().wait(seconds / self._times)


@dataclass
class Rehearsal:
    """One sandbox, one database, one clock, and the product's services on them."""

    server: SandboxServer
    control: SandboxControl
    clock: Clock
    settings: Settings
    services: Services
    http: httpx.Client

    def pass_time(self, **parts: float) -> None:
        assert isinstance(self.clock, VirtualClock)
        self.clock.advance(timedelta(**parts))

    def with_settings(self, **values: Any) -> Settings:
        """The same settings with some others. ``None`` takes one away."""
        given = {name: getattr(self.settings, name) for name in self.settings.model_fields_set}
        return Settings(**{**given, **values})

    def other_services(self, **values: Any) -> Services:
        """Services of another process with other settings; the caller closes them."""
        return Services(self.with_settings(**values), self.clock)

    def synchronise(self) -> Any:
        return synchronise(self.services, progress=quiet)

    def confirm(self) -> None:
        """The five lists are confirmed, as at a first start, and what was told of it is out of sight."""
        confirm_lists(self.services, by="Who Installed It")
        with self.services.database.begin() as connection:
            connection.execute(text("delete from notification"))
        self.control.clear_slack()

    def due(self) -> list[Due]:
        return due(self.services)

    def maintain(self, key: str, run_id: str = "run-1") -> Maintained:
        return workflow.maintain(self.services, key, run_id=run_id, progress=quiet)

    def maintain_due(self) -> list[Maintained]:
        return [self.maintain(one.campaign_key, f"run-{one.run_key}") for one in self.due()]

    # The sandbox, read as Mailjet's own state

    def members(self, list_id: int) -> dict[int, dict[str, Any]]:
        """The rows of a list by contact id."""
        found: dict[int, dict[str, Any]] = {}
        while True:
            parameters: dict[str, Any] = {"ContactsList": list_id, "Limit": 1000, "Offset": len(found), "Sort": "ID"}
            answer = self.http.get("/listrecipient", params=parameters)
            assert answer.status_code == 200, answer.text
            rows = answer.json()["Data"]
            found |= {int(row["ContactID"]): row for row in rows}
            if len(rows) < 1000:
                return found

    def places(self) -> dict[int, frozenset[int]]:
        """For everybody on any list, the lists, read from Mailjet's side."""
        found: dict[int, set[int]] = {}
        for list_id in self.lists:
            for contact_id in self.members(list_id):
                found.setdefault(contact_id, set()).add(list_id)
        return {contact_id: frozenset(lists) for contact_id, lists in found.items()}

    def people(self) -> dict[int, dict[str, Any]]:
        """Every contact's flags by id."""
        found: dict[int, dict[str, Any]] = {}
        while True:
            answer = self.http.get("/contact", params={"Limit": 1000, "Offset": len(found), "Sort": "ID"})
            assert answer.status_code == 200, answer.text
            rows = answer.json()["Data"]
            found |= {int(row["ID"]): row for row in rows}
            if len(rows) < 1000:
                return found

    @property
    def lists(self) -> tuple[int, ...]:
        """The five lists: master, the three of the rotation, suppression."""
        return tuple(self.services.list_ids.by_role().values())

    @property
    def campaign_lists(self) -> tuple[int, ...]:
        return self.lists[1:4]

    def changing_requests(self) -> dict[str, int]:
        """Requests since the last reset that change anything at Mailjet."""
        counts = self.control.requests().items()
        changing = ("POST contact", "PUT contact", "DELETE contact", "POST listrecipient", "PUT listrecipient")
        return {name: count for name, count in counts if name.startswith((*changing, "DELETE listrecipient"))}

    def slack_messages(self) -> list[dict[str, Any]]:
        """What arrived in Slack, without the details that stand below some messages."""
        found = self.control.slack_messages()
        return without_details(list(found["messages"] if isinstance(found, Mapping) else found))

    # Our own database

    def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with self.services.database.begin() as connection:
            return [dict(row) for row in connection.execute(text(statement), values).mappings()]

    def scalar(self, statement: str, **values: Any) -> Any:
        (row,) = self.rows(statement, **values)
        return next(iter(row.values()))

    def plan(self, key: str, kind: PlanKind) -> StoredPlan:
        """A campaign's stored plan."""
        with self.services.database.begin() as connection:
            campaign = sent_campaigns.campaign_by_key(connection, key)
            plan = plan_rows.current_plan(connection, campaign.campaign_id, kind, Sweep.H24)
        assert plan is not None, f"no {kind.value} plan of {key}"
        return plan

    def plan_items(self, key: str, kind: PlanKind) -> tuple[PlanItem, ...]:
        """The items of a campaign's stored plan."""
        with self.services.database.begin() as connection:
            return plan_rows.plan_items(connection, self.plan(key, kind).plan_id)

    def key_of(self, mailjet_campaign_id: int) -> str:
        found = self.scalar(
            "select campaign_key from campaign_schedule where mailjet_campaign_id = :id", id=mailjet_campaign_id
        )
        return str(found)


def touched(items: Sequence[PlanItem]) -> set[int]:
    """Contacts for whom a plan intends a change that nobody has to look at first."""
    changing = (ItemAction.SUPPRESS, ItemAction.MOVE, ItemAction.ENROL)
    return {item.contact_id for item in items if item.action in changing and not item.is_held}


@contextmanager
def rehearsal(
    state: Path, database_url: str, *, clock: Clock | None = None, lists: Sequence[int] | None = None, **settings: Any
) -> Iterator[Rehearsal]:
    """Sandbox and services on a state folder and a database, either of which may already hold something."""
    clock = clock or VirtualClock(ANCHOR)
    master, first, second, third, suppression = lists or (MASTER, *CAMPAIGN_LISTS, SUPPRESSION)
    with SandboxServer(state, clock) as server, SandboxControl(server.url) as control:
        # The rehearsed limit is not what these tests are about, and a clock that stands still would never lift it.
        control.set_switches(rate_limit_per_minute=0)
        chosen = Settings(
            **{
                "database_url": database_url,
                "mailjet_api_key": "sandbox-key",
                "mailjet_secret_key": "sandbox-secret",
                "mailjet_base_url": server.url,
                "mailjet_master_list_id": master,
                "mailjet_campaign_list_1_id": first,
                "mailjet_campaign_list_2_id": second,
                "mailjet_campaign_list_3_id": third,
                "mailjet_suppression_list_id": suppression,
                "mailjet_requests_per_minute": 1_000_000,
                "slack_bot_token": "xoxb-sandbox",
                "slack_base_url": f"{server.url}/api/",
                "slack_channel_id": CHANNEL,
                "gemini_api_key": "sandbox-key",
                "gemini_base_url": server.url,
                "list_management_mode": "auto",
                "list_maintenance_lookback_days": 3,
                **settings,
            }
        )
        credentials = ("sandbox-key", "sandbox-secret")
        with (
            Services(chosen, clock) as services,
            httpx.Client(
                base_url=f"{server.url}/v3/REST", auth=credentials, trust_env=False, verify=tls_context(), timeout=60
            ) as http,
        ):
            setup.prepare(services)
            yield Rehearsal(server, control, clock, chosen, services, http)


@dataclass(frozen=True)
class Template:
    """A seeded account that was synchronised once, to be copied: a folder and a database that nobody is connected to."""

    state: Path
    database: str


class Templates:
    """Seeds once per kind of account and hands out copies, which takes a fraction of the time."""

    def __init__(self, admin: str, new_database: Callable[[], str], folder: Path) -> None:
        self._admin, self._new_database, self._folder = admin, new_database, folder
        self._made: dict[str, Template] = {}
        self._copies: list[str] = []

    def _template(self, seed: Mapping[str, Any]) -> Template:
        name = repr(sorted(seed.items()))
        if name not in self._made:
            state = self._folder / f"seed-{len(self._made)}"
            url = self._new_database()
            with rehearsal(state, url) as made:
                refuse_illegal_steps(url)
                made.control.seed(**seed)
                made.synchronise()
                made.confirm()
            self._made[name] = Template(state, url.rpartition("/")[2].partition("?")[0])
        return self._made[name]

    @contextmanager
    def rehearsal(self, *, seed: Mapping[str, Any], clock: Clock | None = None, **settings: Any) -> Iterator[Rehearsal]:
        """A copy of the account of a seed, synchronised, with settings of its own."""
        template = self._template(seed)
        name = f"list_pipeline_e2e_{uuid.uuid4().hex[:16]}"
        with psycopg.connect(self._admin, autocommit=True) as connection:
            statement = sql.SQL("create database {} template {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template.database)))
        state = self._folder / name
        shutil.copytree(template.state, state)
        try:
            with rehearsal(state, with_database(self._admin, name), clock=clock, **settings) as copy:
                copy.control.reset_requests()
                yield copy
        finally:
            drop_database(self._admin, name)
            shutil.rmtree(state, ignore_errors=True)
