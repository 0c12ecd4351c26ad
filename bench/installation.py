"""What one installation costs while nothing happens: memory and CPU of its processes, connections, and what it stores.

    python -m bench.installation [seconds]

Code location, daemon, UI and HTTP service are started as in production, on databases of their own and an account of 3,600
contacts that was read once. After a minute the processes are watched for so many seconds (600). Memory is what a process holds
alone plus its part of what it shares (PSS, Linux only); CPU counts the processes that it started and ended, too.

Belongs here: starting them and reading what the operating system counted. Does not belong here: what follows (``bench.scale``).
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import structlog

from bench.account import ANCHOR, LISTS, admin_url, database, quiet, sandbox, settings_for
from bench.meter import PostgresMeter
from list_pipeline.operations import setup
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.stack.servers import free_port

CHECKOUT = Path(__file__).resolve().parents[1]
CONTACTS = 3600
SETTLED_S = 60


@dataclass(frozen=True)
class Idle:
    """A process while nothing happens. ``pss_mb``: megabytes (10^6 bytes). ``cpu_s``: over the whole span."""

    name: str
    pss_mb: float
    cpu_s: float


def commands(grpc: int, ui: int, service: int) -> Mapping[str, Sequence[str]]:
    """The long-running processes, as docs/operations.md starts them."""
    programs = Path(sys.executable).parent
    module = "list_pipeline.definitions"
    return {
        "code location": [
            str(programs / "dagster"), "code-server", "start", "-h", "127.0.0.1", "-p", str(grpc), "-m", module,
        ],
        "daemon": [str(programs / "dagster-daemon"), "run", "-w", "workspace.yaml"],
        "UI": [
            sys.executable, "-m", "list_pipeline.webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(ui),
        ],
        "HTTP service": [str(programs / "list-pipeline"), "serve", "--port", str(service)],
    }  # fmt: skip


@contextmanager
def running(environment: Mapping[str, str], home: Path, log: Path) -> Iterator[dict[str, psutil.Process]]:
    """The processes at work, ended afterwards."""
    grpc, ui, service = free_port(), free_port(), free_port()
    shutil.copy(CHECKOUT / "dagster.yaml", home / "dagster.yaml")
    (home / "workspace.yaml").write_text(
        f"load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {grpc}, location_name: list_pipeline}}\n"
    )
    started: dict[str, subprocess.Popen[bytes]] = {}
    with log.open("wb") as output:
        try:
            for name, command in commands(grpc, ui, service).items():
                started[name] = subprocess.Popen(command, cwd=home, env=dict(environment), stdout=output, stderr=output)
                if name == "code location":
                    # The others load it as they start.
                    time.sleep(10)
            yield {name: psutil.Process(one.pid) for name, one in started.items()}
        finally:
            for one in started.values():
                one.terminate()
            for one in started.values():
                try:
                    one.wait(15)
                except subprocess.TimeoutExpired:
                    one.kill()
                    one.wait()


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def pss_mb(process: psutil.Process) -> float:
    """Memory of a process and of those that it started."""
    return sum(one.memory_full_info().pss for one in _family(process)) / 1e6


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a process and of all that it started, those that ended included."""
    total = 0.0
    for one in _family(process):
        times = one.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total


@dataclass(frozen=True)
class Installation:
    """What was seen of all of it in a span. ``connections``: the most at once; ``connected``: on average."""

    processes: Sequence[Idle]
    postgres_s: float
    connections: int
    connected: float
    runs: int


def measure(server_url: str, seconds: float) -> Installation:
    """Start an installation, leave it alone, and look at it once a second."""
    with ExitStack() as stack:
        product, dagster = stack.enter_context(database(server_url)), stack.enter_context(database(server_url))
        url, clock = stack.enter_context(sandbox(ANCHOR))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with SandboxControl(url) as control, Services(settings_for(product, url), clock) as services:
            control.set_switches(rate_limit_per_minute=0)
            control.seed(contacts=CONTACTS, seed=7)
            setup.prepare(services)
            synchronise(services, progress=quiet)
            confirm_lists(services, by="Who Measures")
        environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            **{name.upper(): str(value) for name, value in LISTS.items()},
            "HOME": str(folder),
            "DAGSTER_HOME": str(folder),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "DATABASE_URL": product,
            "DAGSTER_POSTGRES_URL": dagster.replace("postgresql://", "postgresql+psycopg2://", 1),
            "MAILJET_API_KEY": "sandbox-key",  # pragma: allowlist secret
            "MAILJET_SECRET_KEY": "sandbox-secret",  # pragma: allowlist secret
            "MAILJET_BASE_URL": url,
        }
        program = str(Path(sys.executable).parent / "dagster")
        shutil.copy(CHECKOUT / "dagster.yaml", folder / "dagster.yaml")
        subprocess.run([program, "instance", "migrate"], env=environment, cwd=folder, check=True, capture_output=True)
        postgres = PostgresMeter(server_url)
        processes = stack.enter_context(running(environment, folder, folder / "log"))
        time.sleep(SETTLED_S)
        before = {name: cpu_s(one) for name, one in processes.items()}
        postgres_before = postgres.cpu_s()
        names = [one.rpartition("/")[2].partition("?")[0] for one in (product, dagster)]
        seen, runs_before, until = [], _runs(dagster), time.monotonic() + seconds
        with psycopg.connect(server_url, autocommit=True) as connection:
            while time.monotonic() < until:
                statement = "select count(*) from pg_stat_activity where datname = any(%s)"
                (connected,) = connection.execute(statement, [names]).fetchone() or (0,)
                seen.append(int(connected))
                time.sleep(1)
        return Installation(
            processes=[Idle(name, pss_mb(one), cpu_s(one) - before[name]) for name, one in processes.items()],
            postgres_s=postgres.cpu_s() - postgres_before,
            connections=max(seen),
            connected=sum(seen) / len(seen),
            runs=_runs(dagster) - runs_before,
        )


def _runs(dagster_url: str) -> int:
    with psycopg.connect(dagster_url) as connection:
        (runs,) = connection.execute("select count(*) from runs").fetchone() or (0,)
    return int(runs)


def main() -> None:
    """Measure, and print a table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    found = measure(admin_url(), seconds)
    for one in found.processes:
        print(f"{one.name:<16} {one.pss_mb:8.0f} MB {one.cpu_s / seconds:8.3f} cores")
    print(f"{'together':<16} {sum(one.pss_mb for one in found.processes):8.0f} MB", end=" ")
    print(f"{sum(one.cpu_s for one in found.processes) / seconds:8.3f} cores")
    print(f"{'PostgreSQL':<16} {'':>8}    {found.postgres_s / seconds:8.3f} cores")
    print(f"connections: {found.connected:.1f} on average, {found.connections} at the most")
    print(f"{found.runs} runs began in {seconds:,.0f} s")


if __name__ == "__main__":
    main()
