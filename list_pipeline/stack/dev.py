"""``make dev``: the Dagster UI, its daemon, the HTTP service and who listens in Slack on the embedded servers, until Ctrl-C.

Belongs here: Dagster's home, the processes, and the mark by which the demo sees that they run. Does not belong
here: what the code location contains. The servers stay up afterwards; ``make stop`` ends them.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from list_pipeline.stack.control import start
from list_pipeline.stack.environment import environment
from list_pipeline.stack.servers import free_port
from list_pipeline.stack.state import ProcessId, StackDirectory, StackError, StackUrls, write_private

# The ports of the documentation: Dagster's usual one, and that of ``list-pipeline serve``.
_PREFERRED_PORT = 3000
_PREFERRED_SERVICE_PORT = 8080
_EVENTS_VARIABLE = "EVENT_WEBHOOK_PASSWORD"
_CLICKS_VARIABLE = "SLACK_APP_TOKEN"
_SLACK_VARIABLE = "SLACK_BASE_URL"
_STOP_SECONDS = 20.0


def dev_is_running() -> bool:
    """Whether ``make dev`` is up on this checkout's stack."""
    try:
        raw = json.loads(StackDirectory.current().dev_pid.read_text())
    except FileNotFoundError:
        return False
    return ProcessId(**raw).process() is not None


def write_dagster_home(urls: StackUrls) -> Path:
    """Copy the repository's dagster.yaml to where Dagster looks for it, and return that folder."""
    home = StackDirectory(urls.root).dagster_home
    home.mkdir(mode=0o700, exist_ok=True)
    source = Path(__file__).resolve().parents[2] / "dagster.yaml"
    if not source.is_file():
        raise StackError("Preparing Dagster's home", f"{source} is missing", "Run this in a checkout")
    (home / "dagster.yaml").write_text(source.read_text())
    return home


def prepare_product() -> None:
    """Hook: bring the product's database up to date, with the environment that ``run`` has set."""
    # Here: whoever only wants the servers' URLs need not load the product.
    from list_pipeline.operations.services import Services
    from list_pipeline.operations.setup import prepare

    with Services() as services:
        prepare(services)


def password_of_events(directory: StackDirectory, environ: Mapping[str, str]) -> dict[str, str]:
    """The variable with the password that Mailjet's events come with: the one that is set, else this stack's own."""
    return {_EVENTS_VARIABLE: environ.get(_EVENTS_VARIABLE) or directory.password("events")}


def run() -> int:
    """Serve until Ctrl-C or SIGTERM. Returns the exit status.

    Raises:
        StackError: it is running already, or the servers do not come up.
    """
    if dev_is_running():
        raise StackError("Starting the Dagster UI", "it is running already on this checkout", "Stop that one first")
    urls = start()
    home = write_dagster_home(urls)
    os.environ.update(environment(urls))
    directory = StackDirectory(urls.root)
    os.environ.update(password_of_events(directory, os.environ))
    prepare_product()
    mark = directory.dev_pid
    own = ProcessId.of("dev", os.getpid())
    write_private(mark, json.dumps({"name": own.name, "pid": own.pid, "started": own.started}))
    try:
        return _serve(home)
    finally:
        mark.unlink(missing_ok=True)


def _serve(home: Path) -> int:
    ended = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    folder, tools = Path(__file__).resolve().parents[2], Path(sys.executable).parent
    port, service_port = usual_or_free(_PREFERRED_PORT), usual_or_free(_PREFERRED_SERVICE_PORT)
    address = f"http://127.0.0.1:{port}"
    pages = f"http://127.0.0.1:{service_port}"
    # The links in messages lead to what runs here.
    environ = {"APP_URL": pages, **os.environ, "DAGSTER_HOME": str(home), "DAGSTER_URL": address}
    # Once, before both: two services that create Dagster's tables at the same time can collide.
    _migrate_dagster([str(tools / "dagster"), "instance", "migrate"], folder, environ)
    commands = [
        [sys.executable, "-m", "list_pipeline.webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
        [str(tools / "dagster-daemon"), "run", "-w", "workspace.yaml"],
        [sys.executable, "-m", "list_pipeline.cli", "serve", "--host", "127.0.0.1", "--port", str(service_port)],
    ]
    if environ.get(_CLICKS_VARIABLE):
        commands.append([sys.executable, "-m", "list_pipeline.cli", "slack"])
    # Sessions of their own: Ctrl-C reaches us only, and we end them in order.
    processes = [subprocess.Popen(command, env=environ, cwd=folder, start_new_session=True) for command in commands]
    status, announced = 0, False
    while not ended.wait(0.2):
        if any(process.poll() is not None for process in processes):
            print("Dagster, the HTTP service or who listens in Slack ended by itself; see above", file=sys.stderr)
            status = 1
            break
        if not announced and _answers(address) and _listens(service_port):
            print(f"\nMailjet's events: http://127.0.0.1:{service_port}/webhooks/mailjet")
            print(f"Pages: {pages}/admin   (a token: `make cli ARGS='tokens create NAME --role reviewer --by NAME'`)")
            if slack := environ.get(_SLACK_VARIABLE, ""):
                print(
                    f"Rehearsal Slack: {slack.removesuffix('/api/')}/_sandbox/slack/   (its buttons: docs/sandbox.md)"
                )
            print(f"Dagster UI: {address}   (Ctrl-C ends it; the servers stay up until `make stop`)\n", flush=True)
            announced = True
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return status


def _migrate_dagster(command: list[str], folder: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join(done.stderr.splitlines()[-10:])
        raise StackError("Creating Dagster's tables", f"it ended with {done.returncode}\n{tail}\n", "Repair the cause")


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=1) as answer:  # noqa: S310  (loopback, fixed scheme)
            return int(answer.status) == 200
    except (urllib.error.URLError, TimeoutError):
        return False


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def usual_or_free(usual: int) -> int:
    """The usual port when it is free on loopback, so that bookmarks work, else any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", usual))
        except OSError:
            return free_port()
    return usual
