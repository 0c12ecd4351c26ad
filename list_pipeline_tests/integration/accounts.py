"""Installations of the product for tests: a rehearsed account, a database of its own, and the services between them.

Belongs here: two accounts (a small one made by hand, whose every contact is known, and a seeded one with all traps), kept
as files from which each test gets a copy, and what tests ask of an installation. Does not belong here: expectations.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg import sql
from structlog.testing import capture_logs

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListIds, ListRole
from list_pipeline.core.plans.plan import PlanKind, Sweep
from list_pipeline.integrations.tls import tls_context
from list_pipeline.operations import setup
from list_pipeline.operations.bounces import fetch as bounces
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.maintenance import gates, workflow
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists
from list_pipeline.operations.runs.run import Maintenance, begin, take_snapshot
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.sandbox.server import SandboxServer
from list_pipeline.settings import Settings
from list_pipeline.storage.database import execute, fetch_all
from list_pipeline.storage.plans import journal, plan_rows
from list_pipeline.storage.plans.journal import Step
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.interception import Send, intercept, named
from list_pipeline_tests.life_cycle_triggers import refuse_illegal_steps
from list_pipeline_tests.virtual_clock import VirtualClock

SEEDED_LISTS = ListIds(5776, 10503497, 10503498, 10503499, 10503500)
CHANGING = ("POST ", "PUT ", "DELETE ")
LIST_SIZE, NEWCOMERS, EARLIER_SUPPRESSED = 20, 2, 2

HARD, COMPLAINED, SOFT, SENDER_FAULT = (41, 42, 43), 44, 45, 46
"""People (by number) for whom the small account's last send, to list 3, did not end well."""


DETAILS = "Details: "
"""Beginning of the text of what stands below a message."""


def without_details(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages as Slack has them, without the details that stand below some of them."""
    return [one for one in messages if not one["text"].startswith(DETAILS)]


def quietly(_: str) -> None:
    """Progress that nobody reads."""


@dataclass(frozen=True)
class Account:
    """A rehearsed account on disk, the instant at which it was left, and what is known about it."""

    folder: Path
    now: datetime
    lists: ListIds
    people: Mapping[int, int] = field(default_factory=dict)
    campaigns: tuple[int, ...] = ()

    def ids(self, *numbers: int) -> set[int]:
        """Contact ids of people by number."""
        return {self.people[number] for number in numbers}


@dataclass
class Installation:
    """The product at work on a copy of an account and a database of its own. One clock for everything.

    ``logs`` are the entries that it logged, instead of being shown.
    """

    account: Account
    server: SandboxServer
    control: SandboxControl
    clock: VirtualClock
    database_url: str
    services: Services
    folder: Path
    logs: list[Any]
    settings: dict[str, Any]
    _made: list[Services] = field(default_factory=list)

    def another(self, **settings: Any) -> Services:
        """Another process of the same installation; ``settings`` differ from this one's."""
        values = {**self.settings, **settings}
        made = Services(settings_for(self.server, self.account.lists, self.database_url, **values), self.clock)
        self._made.append(made)
        return made

    def close(self) -> None:
        for made in (self.services, *self._made):
            made.close()

    def left_like_this(self) -> tuple[Account, str]:
        """Account and database name to install copies of, once this installation is closed."""
        return replace(self.account, folder=self.folder, now=self.clock.now()), database_name(self.database_url)

    @property
    def key(self) -> str:
        """Partition key of the last campaign that was sent."""
        newest = "select campaign_key from campaign_schedule order by send_start_at desc nulls last limit 1"
        return str(self.query(newest)[0][0])

    def query(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        with self.services.database.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, statement, **parameters)]

    def cards(self) -> list[dict[str, Any]]:
        """The messages that arrived in Slack, oldest first, without the details that stand below some of them."""
        return without_details(self.control.slack_messages())

    def details(self) -> list[dict[str, Any]]:
        """What arrived in Slack below other messages, as details of them."""
        return [one for one in self.control.slack_messages() if one["text"].startswith(DETAILS)]

    def changing_requests(self) -> dict[str, int]:
        """Requests that could change something at Mailjet, since the counts were reset."""
        found = self.control.requests()
        return {name: n for name, n in found.items() if name.startswith(CHANGING) and "api/" not in name}

    def places(self, contact_id: int) -> set[ListRole]:
        """The lists that a contact is on, as Mailjet has them."""
        shown = self.control.contact(contact_id)["lists"]
        return {role for place in shown if (role := self.account.lists.role_of(place["list_id"])) is not None}

    def members(self, role: ListRole) -> set[int]:
        """Everybody on a list, read by a client of our own so that no count moves."""
        with self.server.account.store.lock:
            found = self.server.account.store.rows(
                "SELECT contact_id FROM member WHERE list_id = ?", (self.account.lists[role],)
            )
        return {int(row["contact_id"]) for row in found}

    def excluded(self) -> set[int]:
        """Everybody excluded from campaigns, as Mailjet has them."""
        with self.server.account.store.lock:
            return {int(row["id"]) for row in self.server.account.store.rows("SELECT id FROM contact WHERE excluded")}

    def take_off(self, role: ListRole, contact_id: int) -> None:
        """A person takes a contact off a list in Mailjet's own interface."""
        self._by_hand(f"/contactslist/{self.account.lists[role]}/managecontact", contact_id, "remove")

    def put_on(self, role: ListRole, contact_id: int) -> None:
        """A person puts a contact on a list in Mailjet's own interface."""
        self._by_hand(f"/contactslist/{self.account.lists[role]}/managecontact", contact_id, "addnoforce")

    def exclude(self, contact_id: int, value: bool = True) -> None:
        """A person excludes a contact in Mailjet's own interface."""
        with plain_client(self.server) as http:
            answer = http.put(f"/contact/{contact_id}", json={"IsExcludedFromCampaigns": value})
            assert answer.status_code == 200, answer.text

    def _by_hand(self, path: str, contact_id: int, action: str) -> None:
        with plain_client(self.server) as http:
            email = self.control.contact(contact_id)["email"]
            answer = http.post(path, json={"Email": email, "Action": action})
            assert answer.status_code == 201, answer.text

    # A maintenance up to a certain point

    def begin(self, services: Services | None = None, sweep: Sweep = Sweep.H24) -> Maintenance:
        return begin(services or self.services, self.key, sweep=sweep, run_id="first")

    def observe(self, services: Services | None = None, sweep: Sweep = Sweep.H24) -> Maintenance:
        """Begin a maintenance, and read figures, bounces and sizes."""
        services = services or self.services
        run = self.begin(services, sweep)
        discovery.collect_metrics(services, run.campaign, sweep)
        bounces.fetch_bounces(services, run.campaign, sweep)
        take_snapshot(services, run, "before")
        return run

    def decide_suppression(self, services: Services | None = None) -> Maintenance:
        """... up to a judged suppression plan."""
        services = services or self.services
        run = self.observe(services)
        gates.judge_suppression_plan(services, run)
        return run

    def decide_rebalancing(self, services: Services | None = None) -> Maintenance:
        """... up to a judged rebalancing plan, the suppressions carried out."""
        services = services or self.services
        run = self.decide_suppression(services)
        suppression.execute_suppressions(services, run, quietly)
        gates.judge_rebalancing_plan(services, run)
        return run

    def maintain(self, services: Services | None = None, run_id: str = "first") -> workflow.Maintained:
        return workflow.maintain(services or self.services, self.key, run_id=run_id, progress=quietly)

    def plan(self, kind: PlanKind) -> StoredPlan:
        """The current plan of the last campaign."""
        ((campaign_id,),) = self.query("select id from campaign_schedule where campaign_key = :key", key=self.key)
        with self.services.database.begin() as connection:
            found = plan_rows.current_plan(connection, campaign_id, kind, Sweep.H24)
        assert found is not None
        return found

    def steps(self, kind: PlanKind) -> tuple[Step, ...]:
        with self.services.database.begin() as connection:
            return journal.steps_of(connection, self.plan(kind).plan_id)

    def assert_suppressed(self, contact_ids: set[int]) -> None:
        """On the suppression list, excluded, off the campaign lists, still in master."""
        on_list, excluded, master = self.members(ListRole.SUPPRESSION), self.excluded(), self.members(ListRole.MASTER)
        assert contact_ids <= on_list
        assert contact_ids <= excluded
        assert contact_ids <= master
        for role in CAMPAIGN_LISTS:
            assert not contact_ids & self.members(role)


def settings_for(server: SandboxServer, lists: ListIds, database_url: str, **settings: Any) -> Settings:
    """Settings of an installation on a sandbox: automatic, no language model, Slack on, no allowance to wait for."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "mailjet_api_key": "sandbox-key",
        "mailjet_secret_key": "sandbox-secret",
        "mailjet_base_url": server.url,
        "mailjet_master_list_id": lists.master,
        "mailjet_campaign_list_1_id": lists.campaign_1,
        "mailjet_campaign_list_2_id": lists.campaign_2,
        "mailjet_campaign_list_3_id": lists.campaign_3,
        "mailjet_suppression_list_id": lists.suppression,
        "mailjet_requests_per_minute": 1_000_000,
        "slack_bot_token": "xoxb-sandbox",
        "slack_base_url": server.url + "/api/",
        "slack_channel_id": "C0TRACTION",
        "list_management_mode": "auto",
        "suppression_cap_percent": 50.0,
    }
    return Settings(**{**values, **settings})


@contextmanager
def plain_client(server: SandboxServer) -> Iterator[httpx.Client]:
    """Mailjet's API without the product."""
    credentials = ("sandbox-key", "sandbox-secret")
    with httpx.Client(
        base_url=server.url + "/v3/REST", auth=credentials, trust_env=False, verify=tls_context(), timeout=20
    ) as http:
        yield http


@contextmanager
def installation(account: Account, folder: Path, database_url: str, **settings: Any) -> Iterator[Installation]:
    """The product on a copy of an account, made in ``folder``."""
    shutil.copytree(account.folder, folder, dirs_exist_ok=True)
    clock = VirtualClock(account.now)
    with SandboxServer(folder, clock) as server, SandboxControl(server.url) as control, capture_logs() as logs:
        services = Services(settings_for(server, account.lists, database_url, **settings), clock)
        made = Installation(account, server, control, clock, database_url, services, folder, logs, settings)
        try:
            yield made
        finally:
            made.close()


def database_name(url: str) -> str:
    """The database of a URL."""
    return urlsplit(url).path.lstrip("/")


def copy_database(admin_url: str, template: str, name: str) -> None:
    """A database that begins as another one is. Nobody may be connected to that one."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        # What a test writes need not outlive the machine's power.
        connection.execute(sql.SQL("alter database {} set synchronous_commit = off").format(sql.Identifier(name)))


def prepare_database(account: Account, folder: Path, database_url: str, *, synchronised: bool) -> None:
    """Migrate a database, and let it learn the account."""
    with installation(account, folder, database_url) as made:
        setup.prepare(made.services)
        refuse_illegal_steps(database_url)
        if synchronised:
            synchronise(made.services, progress=quietly)
            confirm(made.services)


def confirm(services: Services) -> None:
    """The five lists are confirmed at set-up, as a person does at the first start, and what was told of it is out of sight."""
    confirm_lists(services, by="Who Installed It")
    with services.database.begin() as connection:
        execute(connection, "delete from notification")


def seed_account(folder: Path) -> Account:
    """Three thousand contacts with every trap; the last send ended 25 hours ago."""
    clock = VirtualClock(datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    with SandboxServer(folder, clock) as server, SandboxControl(server.url) as control:
        control.set_switches(rate_limit_per_minute=0)
        control.seed(contacts=3000, seed=7)
    return Account(folder, clock.now(), SEEDED_LISTS)


def small_account(folder: Path) -> Account:
    """Sixty-four people, twenty on each campaign list, two new, two suppressed long ago; two cycles were sent.

    Person ``n`` is on list ``n // 20 + 1``, since after the first cycle where the person is to bounce hard, so that nothing was
    delivered there before; 60 and 61 are new; 62 and 63 are suppressed. The last send went to list 3.
    """
    clock = VirtualClock(datetime(2026, 10, 1, 8, 0, tzinfo=UTC))
    with SandboxServer(folder, clock) as server, SandboxControl(server.url) as control:
        control.set_switches(rate_limit_per_minute=0)
        with plain_client(server) as http:
            made = [http.post("/contactslist", json={"Name": role.label}).json() for role in ListRole]
        lists = ListIds(*(int(answer["Data"][0]["ID"]) for answer in made))
        people: dict[int, int] = {}
        for number in range(3 * LIST_SIZE + NEWCOMERS + EARLIER_SUPPRESSED):
            clock.sleep(60)
            name = "Person" if number % 7 == 0 else "person"
            people[number] = control.sign_up(f"{name}-{number}@company-{number % 16}.example.com", lists.master)
        for number in range(3 * LIST_SIZE):
            clock.sleep(60)
            if number not in HARD:
                role = CAMPAIGN_LISTS[number // LIST_SIZE]
                control.sign_up(control.contact(people[number])["email"], lists[role])
        for number in (62, 63):
            control.sign_up(control.contact(people[number])["email"], lists.suppression)
            with plain_client(server) as http:
                http.put(f"/contact/{people[number]}", json={"IsExcludedFromCampaigns": True})
        sends = []
        for cycle, days in enumerate(((20, 23, 26), (39, 42, 45))):
            if cycle == 1:
                for number in HARD:
                    control.sign_up(control.contact(people[number])["email"], lists.campaign_3)
            for role, day in zip(CAMPAIGN_LISTS, days, strict=True):
                clock.set(datetime.fromordinal(datetime(2026, 9, 30).toordinal() + day).replace(hour=8, tzinfo=UTC))  # noqa: DTZ001
                outcomes: dict[int, str] = {}
                if (cycle, role) == (1, ListRole.CAMPAIGN_3):
                    outcomes = {people[number]: "user_unknown" for number in HARD} | {
                        people[COMPLAINED]: "complained",
                        people[SOFT]: "quota_exceeded",
                        people[SENDER_FAULT]: "sender_blocked",
                    }
                if (cycle, role) == (0, ListRole.CAMPAIGN_3):
                    outcomes = {people[SOFT]: "quota_exceeded"}
                sends.append(control.send(lists[role], f"Letter {cycle + 1}", profile="clean", outcomes=outcomes))
        clock.sleep(25 * 3600 + 600)
    return Account(folder, clock.now(), lists, people, tuple(sends))


class Killed(BaseException):
    """The process dies here: no handler of the product may catch it."""


@dataclass
class Dying:
    """Counts requests of the product's client to Mailjet, and kills the process around the ``nth``.

    ``when`` is ``before`` (the request is never sent) or ``after`` (it was carried out, and nobody saw the answer).
    ``seen`` holds method and path of every request that counts, in order: of those with ``counting`` in them.
    """

    nth: int = 0
    when: str = "before"
    counting: str = ""
    seen: list[str] = field(default_factory=list)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def handle(request: httpx.Request, send: Send) -> httpx.Response:
            if self.counting not in named(request):
                return send()
            self.seen.append(named(request))
            if len(self.seen) == self.nth and self.when == "before":
                raise Killed
            answer = send()
            if len(self.seen) == self.nth:
                answer.close()
                raise Killed
            return answer

        intercept(monkeypatch, handle)
