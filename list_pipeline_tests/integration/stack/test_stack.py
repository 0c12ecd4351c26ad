"""The embedded servers: started once, found by everybody, and cleaned up after a crash."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
import redis

from list_pipeline import stack
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.stack.databases import with_database
from list_pipeline.stack.state import DIRECTORY_VARIABLE, StackDirectory, StackError
from list_pipeline_tests.paths import CHECKOUT

pytestmark = pytest.mark.long


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other users may enter, unlike pytest's: PostgreSQL under root is another user."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


@pytest.fixture
def folder(reachable: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stack folder of the test's own; whatever runs there is stopped afterwards."""
    root = reachable / "stack"
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(root))
    yield root
    stack.stop()


@pytest.fixture(scope="module")
def _stopped() -> Iterator[Path]:
    """A stack that was started once and stopped, to copy: creating a data folder takes longer than all else of a start."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        root = Path(name) / "stack"
        assert in_another_process(root, "start", "--without-sandbox").returncode == 0
        assert in_another_process(root, "stop").returncode == 0
        yield root
        shutil.rmtree((root / "postgres.outside").resolve(), ignore_errors=True)


@pytest.fixture
def used(folder: Path, _stopped: Path) -> Path:
    """A stack folder of the test's own in which the servers ran before."""
    if not (_stopped / "postgres.outside").is_symlink():
        # Not shutil: under root the data belong to another user, and stay theirs.
        subprocess.run(["cp", "-a", str(_stopped), str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def _shared_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o711)
        yield root / "stack"
        in_another_process(root / "stack", "stop")


@pytest.fixture
def shared(_shared_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a running stack for the tests that only look at one."""
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(_shared_folder))
    stack.start(with_sandbox=False)
    return _shared_folder


def ask(url: str, statement: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


def in_another_process(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "list_pipeline.stack", *arguments],
        env={**os.environ, DIRECTORY_VARIABLE: str(root), "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def processes_of(root: Path) -> list[psutil.Process]:
    state = StackDirectory(root).read()
    assert state is not None
    found = [one.process() for one in (state.supervisor, *state.children)]
    return [one for one in found if one is not None]


def test_a_started_stack_answers_and_a_second_start_finds_the_same_one(shared: Path) -> None:
    first = stack.start(with_sandbox=False)
    assert ask(first.database_url, "select current_database()") == "list_pipeline"
    assert ask(first.dagster_database_url.replace("+psycopg2", ""), "select current_database()") == "dagster"
    assert first.dagster_database_url.startswith("postgresql+psycopg2://")
    assert stack.start(with_sandbox=False) == first
    assert stack.status() == first
    if first.redis_url is not None:
        with redis.Redis.from_url(first.redis_url) as client:
            assert client.ping()


def test_the_server_speaks_utc_and_knows_every_letter_whatever_the_machine_is_set_to(shared: Path) -> None:
    url = stack.start(with_sandbox=False).database_url
    assert ask(url, "show timezone") == "UTC"
    assert ask(url, "select lower('ÄÉØ')") == "äéø"
    assert ask(url, "show server_encoding") == "UTF8"


def test_the_stack_outlives_the_process_that_started_it(used: Path) -> None:
    done = in_another_process(used, "start", "--without-sandbox")
    assert done.returncode == 0, done.stderr
    urls = stack.status()
    assert urls is not None
    assert ask(urls.database_url, "select 1") == 1


def test_passwords_are_shown_neither_by_the_commands_nor_in_the_process_list_nor_to_other_users(shared: Path) -> None:
    urls = stack.start(with_sandbox=False)
    directory = StackDirectory(shared)
    secrets = [directory.password("postgres"), directory.password("redis")]
    shown = in_another_process(shared, "status").stdout + repr(urls)
    command_lines = " ".join(word for one in processes_of(shared) for word in one.cmdline())
    logs = directory.log_tail(1000)
    for secret in secrets:
        assert secret not in shown + command_lines + logs
    for name in ("state.json", "passwords.json"):
        assert stat.S_IMODE((shared / name).stat().st_mode) == 0o600


def test_nothing_in_the_folder_is_readable_for_other_users(used: Path) -> None:
    # Logs and files of a version that left them open are closed too.
    for left in ("demo-daemon.log", "logs/dagster.log"):
        (used / left).parent.mkdir(exist_ok=True)
        (used / left).write_text("contact 254510515 moved")
        (used / left).chmod(0o644)
    previous = os.umask(0o022)
    try:
        stack.start()
    finally:
        os.umask(previous)

    assert stat.S_IMODE((used / "logs").stat().st_mode) == 0o700
    found = {}
    for folder, folders, files in os.walk(used):
        # What nobody else may enter holds what it likes.
        folders[:] = [one for one in folders if (Path(folder) / one).stat().st_mode & 0o077]
        found |= {name: stat.S_IMODE((Path(folder) / name).lstat().st_mode) for name in files}
    assert {"state.json", "passwords.json", "lock", "sandbox.url"} <= found.keys()
    assert {name: oct(mode) for name, mode in found.items() if mode & 0o077} == {}
    for log in (used / "logs").iterdir():
        assert stat.S_IMODE(log.stat().st_mode) == 0o600, log


def test_a_wrong_password_is_refused(shared: Path) -> None:
    urls = stack.start(with_sandbox=False)
    right = StackDirectory(shared).password("postgres")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask(urls.database_url.replace(right, "wrong"), "select 1")


def test_after_the_supervisor_was_killed_the_next_start_recovers_with_the_same_data(used: Path) -> None:
    before = stack.start(with_sandbox=False)
    with psycopg.connect(before.database_url) as connection:
        connection.execute("create table kept (word text)")
        connection.execute("insert into kept values ('still here')")
    left = processes_of(used)
    supervisor = left[0]
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait(10)

    assert stack.status() is None
    assert all(one.is_running() for one in left[1:]), "the children outlive it, which is what has to be cleaned up"

    after = stack.start(with_sandbox=False)
    assert ask(after.database_url, "select word from kept") == "still here"
    assert not any(one.is_running() for one in left[1:])


def test_after_everything_was_killed_at_once_the_next_start_recovers_with_the_same_data(used: Path) -> None:
    before = stack.start(with_sandbox=False)
    with psycopg.connect(before.database_url) as connection:
        connection.execute("create table kept as select 42 as answer")
    killed = processes_of(used)
    for one in killed:
        one.send_signal(signal.SIGKILL)
    psutil.wait_procs(killed, timeout=10)
    assert stack.status() is None
    assert ask(stack.start(with_sandbox=False).database_url, "select answer from kept") == 42


def test_a_child_that_dies_takes_the_stack_down_and_not_half_of_it(used: Path) -> None:
    stack.start(with_sandbox=False)
    supervisor, *children = processes_of(used)
    children[0].send_signal(signal.SIGKILL)
    psutil.wait_procs([supervisor, *children], timeout=15)
    assert stack.status() is None
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in (supervisor, *children))


def test_stop_ends_every_process_and_may_be_repeated(used: Path) -> None:
    stack.stop()
    stack.start(with_sandbox=False)
    running = processes_of(used)
    stack.stop()
    stack.stop()
    assert stack.status() is None
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in running)
    assert in_another_process(used, "status").returncode == 3


def test_two_checkouts_side_by_side_do_not_see_each_other(folder: Path, reachable: Path) -> None:
    other = reachable / "other"
    assert in_another_process(other, "start", "--without-sandbox").returncode == 0
    try:
        mine = stack.start(with_sandbox=False)
        theirs = StackDirectory(other).read()
        assert theirs is not None
        assert theirs.urls is not None
        assert mine.database_url != theirs.urls.database_url
        with psycopg.connect(mine.database_url) as connection:
            connection.execute("create table mine (n int)")
        assert ask(theirs.urls.database_url, "select to_regclass('mine')") is None
        stack.stop()
        assert ask(theirs.urls.database_url, "select 1") == 1
    finally:
        assert in_another_process(other, "stop").returncode == 0


def test_many_who_start_at_once_get_one_stack(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: in_another_process(folder, "start", "--without-sandbox"), range(4)))
    assert [one.returncode for one in done] == [0, 0, 0, 0], [one.stderr for one in done]
    assert len({one.stdout for one in done}) == 1


def test_recreating_a_database_empties_it_although_somebody_is_connected(shared: Path) -> None:
    urls = stack.start(with_sandbox=False)
    # Not a with block: its end would talk to a connection that the server has closed.
    connected = psycopg.connect(urls.database_url)
    connected.execute("create table old (n int)")
    connected.commit()
    fresh = stack.recreate_database("list_pipeline")
    connected.close()
    assert fresh == urls.database_url
    assert ask(fresh, "select to_regclass('old')") is None


def test_a_folder_that_cannot_hold_a_server_fails_with_the_reason(folder: Path) -> None:
    stack.start(with_sandbox=False)
    stack.stop()
    version = next(path for path in folder.rglob("PG_VERSION") if path.parent.name == "data")
    version.write_text("9\n")
    with pytest.raises(StackError, match="incompatible with server"):
        stack.start(with_sandbox=False)
    assert stack.status() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only under root is PostgreSQL another user than the one who starts it")
def test_below_a_folder_that_only_root_may_enter_the_server_lives_outside_and_nothing_is_opened(
    reachable: Path, folder: Path
) -> None:
    reachable.chmod(0o700)
    outside = folder / "postgres.outside"
    try:
        urls = stack.start(with_sandbox=False)
        assert ask(urls.database_url, "select 1") == 1
        assert stat.S_IMODE(reachable.stat().st_mode) == 0o700
        assert stat.S_IMODE((outside.resolve() / "data").stat().st_mode) == 0o700
        stack.stop()
        assert ask(stack.start(with_sandbox=False).database_url, "select 1") == 1
    finally:
        stack.stop()
        shutil.rmtree(outside.resolve(), ignore_errors=True)


def test_asking_for_databases_without_a_stack_says_what_to_do(folder: Path) -> None:
    with pytest.raises(StackError, match="not running"):
        stack.recreate_database("anything")


def test_the_environment_names_what_runs_and_nothing_else(shared: Path) -> None:
    urls = stack.start(with_sandbox=False)
    variables = stack.environment(urls)
    assert variables["DATABASE_URL"] == urls.database_url
    assert variables["DAGSTER_POSTGRES_URL"] == urls.dagster_database_url
    assert variables.get("REDIS_URL") == urls.redis_url
    assert not any(name.startswith(("MAILJET", "SLACK", "GEMINI")) for name in variables)


def test_the_fixtures_database_is_empty_and_its_own(database_url: str, admin: str) -> None:
    assert database_url != admin
    assert with_database(database_url, "x") == with_database(admin, "x")
    assert ask(database_url, "select count(*) from pg_tables where schemaname = 'public'") == 0


def test_the_sandbox_joins_a_running_stack_without_disturbing_it_and_knows_the_credentials(used: Path) -> None:
    before = stack.start(with_sandbox=False)
    with psycopg.connect(before.database_url, autocommit=True) as connected:
        after = stack.start()
        row = connected.execute("select 1").fetchone()
        assert row == (1,)
    assert after.database_url == before.database_url
    assert after.sandbox_url is not None
    assert stack.start(with_sandbox=False) == after

    variables = stack.environment(after)
    base = variables["MAILJET_BASE_URL"]
    path = "/v3/REST/contactslist"
    credentials = (variables["MAILJET_API_KEY"], variables["MAILJET_SECRET_KEY"])
    assert httpx.get(base + path, auth=credentials, trust_env=False).status_code == 200
    assert httpx.get(base + path, auth=("somebody", "else"), trust_env=False).status_code == 401
    said = httpx.post(
        f"{variables['SLACK_BASE_URL']}chat.postMessage",
        headers={"Authorization": f"Bearer {variables['SLACK_BOT_TOKEN']}"},
        json={"channel": variables["SLACK_CHANNEL_ID"], "text": "hello"},
        trust_env=False,
    )
    assert said.json()["ok"] is True


def test_the_list_ids_of_the_environment_are_those_that_the_sandbox_seeds(used: Path) -> None:
    urls = stack.start()
    assert urls.sandbox_url is not None
    variables = stack.environment(urls)
    with SandboxControl(urls.sandbox_url) as control:
        control.seed(contacts=3000)
        known = set(control.lists())
    ours = {int(value) for name, value in variables.items() if name.endswith("_LIST_ID") or "_LIST_" in name}
    assert len(ours) == 5
    assert ours <= known
