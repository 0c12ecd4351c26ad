"""What Dagster costs around the operations: a run, a backfill, the ticks, the start.

Method
------
*A backfill* is one of Dagster's: launched on the job over past campaigns of a seeded account of 3,600 contacts, worked on by
the backfill and the queue daemon in this process, run by the product's code server in a process of its own, with the product's
``dagster.yaml`` on PostgreSQL. Counted are the CPU seconds of the code server with the processes of its runs, of this process
and of PostgreSQL, from the second campaign on; what 500 cost is that, multiplied. The same with Dagster's own code server,
which starts a new Python for each run, is the comparison. *A run against the operations*: the same campaigns of the same
account maintained by ``workflow.maintain`` in this process, which has everything imported. *An empty run*: a job of as many
steps that do nothing, in this process, its events on PostgreSQL: what no operation can go below.
*Ticks*: every sensor and schedule is evaluated against an instance on PostgreSQL, with ten and with ten thousand past campaigns
and all that was written of them, the second time that it is asked. Counted are statements of ours and Dagster's, rows that came
to Python, and CPU seconds of this process and PostgreSQL.
*Imports* are CPU seconds of a Python that imports and ends. *The UI*: seconds until Dagster's webserver answers with the code
location loaded; the code server runs already.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import dagster as dg
import httpx
import psutil
import psycopg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster_graphql.client.query import LAUNCH_PARTITION_BACKFILL_MUTATION
from dagster_graphql.test.utils import execute_dagster_graphql
from sqlalchemy import text

from bench.account import Account, account, database, quiet
from bench.figures import Figure, Unit, exponent
from bench.meter import PostgresMeter, metered
from list_pipeline.definitions import defs
from list_pipeline.defs.partitions import CAMPAIGNS_NAME
from list_pipeline.operations import setup
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists
from list_pipeline.operations.runs.run import due
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.ticks import Asked, Ticks
from list_pipeline_tests.years import add_years, live_through

_PART = "orchestration"
_CHECKOUT = Path(__file__).parents[1]
_JOB = "post_campaign_maintenance"
_LOCATION = "list_pipeline"
BACKFILL = 500
"""Campaigns of the backfill whose cost is said; as many are run as the seeded account has."""
GOAL_CPU_S = 2.0
"""CPU seconds a campaign."""
FEW, MANY = 10, 10_000
GOAL_TICKS = 0.05
"""The exponent of what stays flat, up to what is measured by chance."""
PRODUCT, DAGSTERS = ("-m", "list_pipeline.code_server"), ("-m", "dagster", "api", "grpc")
_log = logging.getLogger("bench.orchestration")
_log.addHandler(logging.NullHandler())
_log.propagate = False


def measure(server_url: str, scale: float = 1.0) -> list[Figure]:
    """Everything above.

    Args:
        scale: of the number of campaigns that ticks and the backfill are measured with.
    """
    return [
        *measure_start(),
        *measure_backfill(server_url, max(1, round(4 * scale))),
        *measure_ticks(server_url, FEW, max(FEW * 10, round(MANY * scale))),
    ]


def _say(words: str) -> None:
    print(f"  {words}", file=sys.stderr, flush=True)


# Imports


def measure_start() -> list[Figure]:
    """What importing the code location costs."""
    ours, dagsters = (min(_import_s(name) for _ in range(2)) for name in ("list_pipeline.definitions", "dagster"))
    _say(f"importing the definitions {ours:.2f} CPU s, Dagster alone {dagsters:.2f}")
    return [
        Figure(
            _PART,
            "importing the definitions",
            ours,
            Unit.CPU_SECONDS,
            "a Python that imports and ends, the cheaper of two",
            reference=dagsters,
            against="importing dagster",
        )
    ]


def _import_s(name: str) -> float:
    before = os.times()
    subprocess.run([sys.executable, "-W", "ignore", "-c", f"import {name}"], cwd=_CHECKOUT, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


# A backfill


@dataclass(frozen=True)
class Backfilled:
    """What the run of a campaign in a backfill cost: CPU seconds altogether, connections to Dagster's storage, and what it left
    there, in bytes of events."""

    cpu_s: float
    connections: float
    event_bytes: float
    ui_s: float


def measure_backfill(server_url: str, campaigns: int) -> list[Figure]:
    """A backfill of so many campaigns after a first one, by both code servers; and the same campaigns by the operations."""
    postgres = PostgresMeter(server_url)
    method = f"a backfill of {campaigns} campaigns, one run each, after a first one; code server, daemon and PostgreSQL"
    with _account_of_a_backfill(server_url) as (of, keys):
        chosen = keys[: campaigns + 1]
        for key in chosen[:1]:
            workflow.maintain(of.services, key, run_id="bench", progress=quiet)
        with metered(postgres) as by_operations:
            for key in chosen[1:]:
                workflow.maintain(of.services, key, run_id="bench", progress=quiet)
    operations_s = by_operations.cpu_s / campaigns
    _say(f"maintaining a past campaign by the operations {operations_s:.2f} CPU s")
    found = {}
    for name, command in (("the product's", PRODUCT), ("Dagster's", DAGSTERS)):
        with _account_of_a_backfill(server_url) as (of, keys):
            found[name] = _backfill(of, keys[: campaigns + 1], command, server_url, postgres)
        _say(f"a campaign of a backfill, {name} code server: {found[name].cpu_s:.2f} CPU s")
    ours, theirs = found["the product's"], found["Dagster's"]
    steps = len(defs.resolve_job_def(_JOB).graph.node_dict)
    empty_s = _empty_run_s(server_url, postgres, steps)
    _say(f"an empty run of {steps} steps {empty_s:.2f} CPU s")
    return [
        Figure(_PART, "a campaign of a backfill", ours.cpu_s, Unit.CPU_SECONDS, method, goal=GOAL_CPU_S),
        Figure(
            _PART,
            f"a backfill of {BACKFILL} campaigns, from {campaigns} that were run",
            ours.cpu_s * BACKFILL,
            Unit.CPU_SECONDS,
            f"{method}; multiplied, nothing in it grows with their number",
            reference=GOAL_CPU_S * BACKFILL,
            against="the goal",
            goal=1.0,
        ),
        Figure(
            _PART,
            "the job of a maintenance through Dagster",
            ours.cpu_s,
            Unit.CPU_SECONDS,
            method,
            reference=operations_s,
            against="calling the operations",
        ),
        Figure(
            _PART,
            f"  what Dagster takes for {steps} steps and a run of them",
            ours.cpu_s - operations_s,
            Unit.CPU_SECONDS,
            "the job less the operations",
            reference=empty_s,
            against="an empty run of as many steps",
        ),
        Figure(
            _PART,
            "the same with a new Python for each run (Dagster's code server)",
            theirs.cpu_s,
            Unit.CPU_SECONDS,
            method,
            reference=ours.cpu_s,
            against="the product's code server",
        ),
        Figure(
            _PART,
            "new connections to Dagster's storage, a run",
            ours.connections,
            Unit.CONNECTIONS,
            "sessions that its database counted, over the runs",
        ),
        Figure(
            _PART,
            "events that a run leaves",
            ours.event_bytes / 1e6,
            Unit.MEGABYTES,
            "bytes in event_logs, over the runs",
        ),
        Figure(_PART, "until the webserver answers", ours.ui_s, Unit.SECONDS, "with its location loaded; by the clock"),
    ]


def _empty_run_s(server_url: str, postgres: PostgresMeter, steps: int) -> float:
    """CPU seconds of a run of so many assets that do nothing, in this process and in PostgreSQL; the cheaper of two."""

    def empty(name: str) -> dg.AssetsDefinition:
        @dg.asset(name=name)
        def nothing() -> None:
            """Does nothing."""

        return nothing

    assets = [empty(f"empty_{number}") for number in range(steps)]
    job = dg.Definitions(
        assets=assets, jobs=[dg.define_asset_job("empty", executor_def=dg.in_process_executor)]
    ).resolve_job_def("empty")
    costs = []
    with (
        database(server_url) as storage_url,
        tempfile.TemporaryDirectory() as folder,
        _dagsters_variables(storage_url, Path(folder)),
        dg.DagsterInstance.from_config(folder) as instance,
    ):
        for _ in range(3):
            with metered(postgres) as cost:
                job.execute_in_process(instance=instance)
            costs.append(cost.cpu_s)
    # The first run also builds what the storage keeps.
    return min(costs[1:])


@contextmanager
def _account_of_a_backfill(server_url: str) -> Iterator[tuple[Account, list[str]]]:
    """An account three weeks after its last send, and the keys of its campaigns, oldest first."""
    with account(3600, server_url, seed={}) as of:
        setup.prepare(of.services)
        synchronise(of.services, progress=quiet)
        confirm_lists(of.services, by="bench")
        of.clock.advance(timedelta(days=20))
        _alive(of)
        with of.services.database.begin() as connection:
            found = connection.execute(
                text("select campaign_key from campaign_schedule where mailjet_campaign_id is not null order by 1")
            )
            keys = [str(key) for key in found.scalars()]
        yield of, keys


def _alive(of: Account) -> None:
    """The database was never idle for long: otherwise it would look restored, and nothing would be changed."""
    with of.services.database.begin() as connection:
        connection.execute(text("update mode_state set last_alive_at = :now"), {"now": of.clock.now()})


def _backfill(
    of: Account, keys: Sequence[str], command: Sequence[str], server_url: str, postgres: PostgresMeter
) -> Backfilled:
    with (
        database(server_url) as storage_url,
        tempfile.TemporaryDirectory() as folder,
        _environment(of, storage_url, Path(folder)) as environment,
        dg.DagsterInstance.from_config(folder) as instance,
        _code_server(command, environment) as (port, server),
    ):
        instance.add_dynamic_partitions(CAMPAIGNS_NAME, list(keys))
        target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name=_LOCATION)
        with WorkspaceProcessContext(instance, target) as workspace:
            # The first run also builds what the server keeps.
            _run_backfill(instance, workspace, keys[:1])
            sessions, before_s = _sessions(storage_url), _cpu_s(server)
            with metered(postgres) as cost:
                _run_backfill(instance, workspace, keys[1:])
            count = len(keys) - 1
            connections = (_sessions(storage_url) - sessions) / count
            runs_s = _cpu_s(server) - before_s
        return Backfilled(
            (cost.cpu_s + runs_s) / count,
            connections,
            _event_bytes(storage_url) / len(keys),
            _ui_s(environment, port, folder),
        )


def _run_backfill(instance: dg.DagsterInstance, workspace: WorkspaceProcessContext, keys: Sequence[str]) -> None:
    selector = {"repositoryLocationName": _LOCATION, "repositoryName": "__repository__"}
    answer = execute_dagster_graphql(
        workspace.create_request_context(),
        LAUNCH_PARTITION_BACKFILL_MUTATION,
        {
            "backfillParams": {
                "selector": {"partitionSetName": f"{_JOB}_partition_set", "repositorySelector": selector},
                "partitionNames": list(keys),
            }
        },
    )
    backfill_id = answer.data["launchPartitionBackfill"]["backfillId"]
    queue = QueuedRunCoordinatorDaemon(interval_seconds=1)
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        for _ in execute_backfill_iteration(workspace, _log):
            pass
        for _ in queue.run_iteration(workspace):
            pass
        runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill_id}))
        if len(runs) >= len(keys) and all(run.is_finished for run in runs):
            failed = [run.run_id for run in runs if run.status is not dg.DagsterRunStatus.SUCCESS]
            if failed:
                raise RuntimeError(f"runs of the backfill failed: {failed}")
            return
        time.sleep(1)
    raise RuntimeError("the backfill did not end within ten minutes")


@contextmanager
def _environment(of: Account, storage_url: str, home: Path) -> Iterator[dict[str, str]]:
    """The variables of a code server of the account, with a home of Dagster's; those of Dagster also in this process."""
    settings = of.services.settings
    lists = {
        name.upper(): str(getattr(settings, name)) for name in settings.model_fields_set if name.endswith("_list_id")
    }
    rounds = {
        f"MAILJET_CAMPAIGN_LIST_{n}_ID": str(getattr(settings, f"mailjet_campaign_list_{n}_id")) for n in (1, 2, 3)
    }
    with _dagsters_variables(storage_url, home):
        yield {
            **os.environ,
            **lists,
            **rounds,
            "DATABASE_URL": of.database_url,
            "MAILJET_API_KEY": "sandbox-key",
            "MAILJET_SECRET_KEY": "sandbox-secret",
            "MAILJET_BASE_URL": of.sandbox_url,
            "REHEARSAL_CLOCK_URL": of.sandbox_url,
            "MAILJET_REQUESTS_PER_MINUTE": str(settings.mailjet_requests_per_minute),
            "LIST_MANAGEMENT_MODE": "auto",
            "LOG_LEVEL": "ERROR",
            "PYTHONWARNINGS": "ignore",
        }


@contextmanager
def _dagsters_variables(storage_url: str, home: Path) -> Iterator[None]:
    """A home of Dagster's with the product's ``dagster.yaml``, and the variables that name it, in this process."""
    shutil.copy(_CHECKOUT / "dagster.yaml", home / "dagster.yaml")
    of_dagster = {
        "DAGSTER_POSTGRES_URL": storage_url.replace("postgresql://", "postgresql+psycopg2://", 1),
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    before = {name: os.environ.get(name) for name in of_dagster}
    os.environ.update(of_dagster)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(arguments: Sequence[str], environment: Mapping[str, str], port: int) -> Iterator[psutil.Process]:
    """A Python that serves on a port, ended with all that it started."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        env=dict(environment),
        cwd=_CHECKOUT,
        stdout=subprocess.DEVNULL,
        stderr=None if "BENCH_VERBOSE" in environment else subprocess.DEVNULL,
    ) as started:
        process = psutil.Process(started.pid)
        try:
            _wait_for(lambda: _is_open(port))
            yield process
        finally:
            for one in [*process.children(recursive=True), process]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()


@contextmanager
def _code_server(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[tuple[int, psutil.Process]]:
    port = _free_port()
    place = ("-h", "127.0.0.1", "-p", str(port), "-m", "list_pipeline.definitions", "--location-name", _LOCATION)
    with _process([*command, *place], environment, port) as process:
        yield port, process


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_for(is_there: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not is_there():
        if time.monotonic() > deadline:
            raise RuntimeError(f"no answer within {seconds:.0f} s")
        time.sleep(0.1)


def _cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a process and all that it started, those that ended included."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _sessions(storage_url: str) -> int:
    return int(_one(storage_url, "select sessions from pg_stat_database where datname = current_database()"))


def _event_bytes(storage_url: str) -> int:
    return int(_one(storage_url, "select coalesce(sum(octet_length(event)), 0) from event_logs"))


def _one(url: str, statement: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return int(row[0])


def _ui_s(environment: Mapping[str, str], code_port: int, folder: str) -> float:
    """Seconds until the webserver answers with the location loaded."""
    place = Path(folder) / "workspace.yaml"
    place.write_text(
        f"load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {code_port}, location_name: {_LOCATION}}}\n",
        encoding="utf-8",
    )
    port, began = _free_port(), time.perf_counter()
    page = f"http://127.0.0.1:{port}"
    arguments = ("-m", "list_pipeline.webserver", "-w", str(place), "-h", "127.0.0.1", "-p", str(port))
    query = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"

    def answers() -> bool:
        with suppress(httpx.HTTPError):
            # As a page of the UI asks: the guard lets nobody else in.
            found = httpx.post(
                f"{page}/graphql", json={"query": query}, headers={"Origin": page}, trust_env=False, timeout=60
            )
            return found.status_code == 200 and bool(found.json()["data"]["repositoriesOrError"].get("nodes"))
        return False

    with _process(arguments, environment, port):
        _wait_for(answers)
        return time.perf_counter() - began


# Ticks


def measure_ticks(server_url: str, few: int, many: int) -> list[Figure]:
    """One tick of every sensor and schedule, with few and with many past campaigns."""
    small, large = (_ticks(server_url, campaigns) for campaigns in (few, many))
    growth = many / few
    method = (
        f"each sensor and schedule once, {len(large.each)} of them, the second time; {few} and {many:,} past campaigns"
    )
    worst = max(large.each, key=lambda name: large.each[name].statements - small.each[name].statements)
    return [
        Figure(
            _PART,
            f"ticks with {many:,} past campaigns",
            large.statements,
            Unit.STATEMENTS,
            method,
            reference=small.statements,
            against=f"with {few}",
        ),
        Figure(_PART, f"the tick that grows the most ({worst})", large.each[worst].statements, Unit.STATEMENTS, method),
        Figure(
            _PART,
            "growth of the statements of ticks",
            exponent(large.statements, small.statements, growth),
            Unit.EXPONENT,
            method,
            goal=GOAL_TICKS,
        ),
        Figure(
            _PART,
            "growth of the rows that ticks read",
            exponent(large.rows, small.rows, growth),
            Unit.EXPONENT,
            method,
            goal=GOAL_TICKS,
        ),
        Figure(
            _PART,
            "growth of the CPU seconds of ticks",
            exponent(large.cpu_s, small.cpu_s, growth),
            Unit.EXPONENT,
            f"{method}; {small.cpu_s:.2f} and {large.cpu_s:.2f} CPU s",
            goal=0.1,
        ),
    ]


@dataclass(frozen=True)
class _Ticked:
    each: Mapping[str, Asked]
    cpu_s: float

    @property
    def statements(self) -> int:
        return sum(one.statements for one in self.each.values())

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.each.values())


def _ticks(server_url: str, campaigns: int) -> _Ticked:
    postgres = PostgresMeter(server_url)
    with account(3600, server_url, seed={}) as of, database(server_url) as storage_url:
        setup.prepare(of.services)
        synchronise(of.services, progress=quiet)
        confirm_lists(of.services, by="bench")
        (one,) = due(of.services)
        workflow.maintain(of.services, one.campaign_key, run_id="bench", progress=quiet)
        with of.services.database.begin() as connection:
            campaign_id = connection.execute(
                text("select id from campaign_schedule where campaign_key = :key"), {"key": one.campaign_key}
            ).scalar_one()
            live_through(connection, campaign_id)
            keys = add_years(connection, campaigns, like=campaign_id)
        with of.services.database.session() as session:
            session.execute(text("vacuum analyze"))
        of.clock.advance(timedelta(days=7))
        _alive(of)
        url = storage_url.replace("postgresql://", "postgresql+psycopg2://", 1)
        storage = {
            "module": "list_pipeline.defs.instance_storage",
            "class": "PooledPostgresStorage",
            "config": {"postgres_url": url},
        }
        with dg.instance_for_test(overrides={"storage": {"custom": storage}}) as instance:
            instance.add_dynamic_partitions(CAMPAIGNS_NAME, keys)
            ticks = Ticks(instance, lambda: Services(of.services.settings, of.clock), of.clock.now)
            ticks.all()
            with metered(postgres) as cost:
                each = ticks.all()
    found = _Ticked(each, cost.cpu_s)
    _say(
        f"ticks with {campaigns:,} campaigns: {found.statements} statements, {found.rows} rows, {found.cpu_s:.2f} CPU s"
    )
    return found
