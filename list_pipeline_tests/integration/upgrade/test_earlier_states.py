"""A database that an earlier version left is migrated, read and continued: plans that wait, journals in mid-execution, ends."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg
import pytest
import structlog
from typer.testing import CliRunner

from list_pipeline.cli.common import console
from list_pipeline.cli.main import app
from list_pipeline.core.incidents.policy import INCIDENTS
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reviews.questions import MAILED_TWICE
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.defs.build import build_defs
from list_pipeline.logs import configure_logging
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.messages.outbox import send_waiting
from list_pipeline.operations.monitoring.alerts import look
from list_pipeline.operations.plans import corrections, waiting_repairs
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.reports.maintenance_report import write_report
from list_pipeline.operations.reviews import approved_items
from list_pipeline.operations.runs.attempts import given_up
from list_pipeline.operations.runs.run import current, due
from list_pipeline.operations.suppression import plan_and_execute
from list_pipeline.operations.weekly.report import check_week
from list_pipeline_tests.chaos.children import tend, tend_until_quiet
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken, reference_of
from list_pipeline_tests.chaos.scene import Lists, Scene, Template, staged
from list_pipeline_tests.integration.accounts import (
    COMPLAINED,
    HARD,
    Installation,
    database_name,
    plain_client,
    quietly,
)
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.upgrade import earlier
from list_pipeline_tests.integration.upgrade.earlier import STATES, EarlierState

SUPPRESSED = (*HARD, COMPLAINED)
Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, EarlierState]:
    return earlier.unpacked(tmp_path_factory.mktemp("states"))


@pytest.fixture(scope="module")
def migrated_states(
    states: Mapping[str, EarlierState], new_database: Callable[[], str]
) -> Callable[[str], tuple[EarlierState, str]]:
    """A factory: a state, and the name of a database that was migrated from it, to copy."""
    made: dict[str, str] = {}

    def migrated(name: str) -> tuple[EarlierState, str]:
        if name not in made:
            url = new_database()
            states[name].load(url)
            earlier.prepare(url, states[name].account)
            made[name] = database_name(url)
        return states[name], made[name]

    return migrated


@pytest.fixture
def opened(install: Install, migrated_states: Callable[[str], tuple[EarlierState, str]]) -> Opened:
    """A factory of installations that go on where the earlier version stopped; takes settings."""

    def open_state(name: str, **settings: Any) -> Any:
        state, database = migrated_states(name)
        return install(state.account, database, **{**state.settings, **settings})

    return open_state


def said(made: Installation, *arguments: str) -> str:
    """What a command says, given as a person gives it."""
    values = {name: getattr(made.services.settings, name) for name in made.services.settings.model_fields_set}
    plain = {n: v.get_secret_value() if hasattr(v, "get_secret_value") else str(v) for n, v in values.items() if v}
    environment = {name.upper(): value for name, value in plain.items()}
    environment |= {"REHEARSAL_CLOCK_URL": made.server.url, "LOG_LEVEL": "error"}
    before = structlog.get_config()
    # Not by COLUMNS, which is read when the console is made: in a worker of the tests it may be 80 by then.
    with patch.object(console, "_width", 400):
        answer = CliRunner().invoke(app, list(arguments), env=environment)
    # The command's log went to the runner's streams, which are closed now.
    configure_logging(made.services.settings, level="error")
    structlog.configure(**before)
    assert answer.exit_code == 0, (arguments, answer.output, answer.exception)
    return answer.stdout


def exported(made: Installation, key: str, what: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(said(made, "export", key, what))))


# Forward and back


@pytest.mark.parametrize("name", STATES)
def test_the_way_forward_and_back_loses_nothing(
    name: str, states: Mapping[str, EarlierState], empty_database: str
) -> None:
    states[name].load(empty_database)
    before = earlier.rows_of(empty_database)
    assert before["list_membership"]
    applied = earlier.migrate(empty_database)
    after = earlier.rows_of(empty_database)
    assert earlier.roll_back(empty_database) == applied[::-1]
    assert earlier.rows_of(empty_database) == before
    assert earlier.migrate(empty_database) == applied
    assert without_keys(earlier.rows_of(empty_database)) == without_keys(after)


def without_keys(rows: earlier.Rows) -> earlier.Rows:
    """Rows without the key of erasures and the name of the installation, which are others each time they are made, and what is
    made with them."""
    made = re.compile(r'"address_key": "[0-9a-f-]+", |, "installation_id": "[0-9a-f-]+"')
    return {
        table: sorted(made.sub("", row) for row in found) for table, found in rows.items() if table != "erasure_key"
    }


# Plans and questions that wait


def test_a_plan_that_waited_is_shown_approved_and_carried_out(opened: Opened) -> None:
    with opened("plan_waits") as made:
        plan, suppressed = made.plan(PlanKind.SUPPRESSION), made.account.ids(*SUPPRESSED)
        (line,) = said(made, "reviews").splitlines()
        assert f"plan {plan.plan_id} ({plan.content_hash[:12]})" in line
        waiting = said(made, "waiting")
        assert all(str(contact_id) in waiting for contact_id in suppressed)
        assert len(exported(made, made.key, "suppression")) >= len(suppressed)
        said(made, "approve", str(plan.plan_id), plan.content_hash[:12], "--by", "ada")
        (one,) = due(made.services)
        assert one.attempt == 1
        tend(made.services, "after")
        made.assert_suppressed(suppressed)
        assert made.plan(PlanKind.SUPPRESSION).status is PlanStatus.EXECUTED
        # Its rebalancing waits for a person in turn.
        moves = made.plan(PlanKind.REBALANCING)
        assert moves.status is PlanStatus.PENDING_REVIEW
        said(made, "approve", str(moves.plan_id), moves.content_hash[:12], "--by", "ada")
        tend(made.services, "later")
        assert made.query("select attempt, status from list_maintenance_log") == [(1, "success")]


def test_a_message_that_waited_for_slack_arrives_once(opened: Opened) -> None:
    with opened("plan_waits") as made:
        assert made.cards() == []
        made.clock.advance(timedelta(hours=2))
        (delivery,) = send_waiting(made.services)
        assert delivery.state == "sent"
        assert send_waiting(made.services) == []
        (message,) = made.cards()
        assert "suppression" in str(message).lower()


def test_what_was_approved_is_carried_out_and_what_is_open_can_still_be_decided(opened: Opened) -> None:
    with opened("approved_waits") as made:
        first, second = made.account.people[41], made.account.people[42]
        assert [run.plan_id for run in waiting_repairs.to_carry_out(made.services)] == [3]
        repaired = corrections.carry_out_correction(made.services, 3, progress=quietly)
        assert repaired.facts.is_complete
        assert len(made.places(made.account.people[3]) & set(CAMPAIGN_LISTS)) == 1
        plan = made.plan(PlanKind.SUPPRESSION)
        assert [run.plan_id for run in approved_items.to_carry_out(made.services)] == [plan.plan_id]
        approved_items.execute_approved_items(made.services, plan.plan_id, quietly)
        made.assert_suppressed({first})
        assert second not in made.excluded()
        assert str(second) in said(made, "waiting")
        ((review_id,),) = made.query("select review_id from review_item where kind = 'incident' and status = 'open'")
        said(made, "approve-item", str(review_id), plan.content_hash[:12], "--by", "ada")
        approved_items.execute_approved_items(made.services, plan.plan_id, quietly)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
        assert approved_items.to_carry_out(made.services) == []
        assert waiting_repairs.to_carry_out(made.services) == []


# Journals in mid-execution


@pytest.fixture(scope="module")
def undisturbed(
    migrated_states: Callable[[str], tuple[EarlierState, str]], admin: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Lists, Reference]:
    """Where the account was before the maintenance, and how it ends when this version does all of it undisturbed by the policy
    of that time, which suppressed a certain hard bounce at once."""
    then = replace(SuppressionPolicy(), grace_days=0, incidents=replace(INCIDENTS, least_hard=1_000))
    with (
        going_on(migrated_states, "synchronised", admin, tmp_path_factory.mktemp("undisturbed")) as scene,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(
            plan_and_execute,
            "policy_of",
            lambda services: replace(then, cap_percent=services.settings.suppression_cap_percent),
        )
        tend_until_quiet(scene.services, "alone")
        return scene.before, reference_of(scene)


def going_on(migrated_states: Callable[[str], tuple[EarlierState, str]], name: str, admin: str, folder: Path) -> Any:
    """A scene of the fault campaign on a state."""
    state, database = migrated_states(name)
    expected = frozenset(state.account.ids(*SUPPRESSED))
    return staged(Template(name, state.account, database, expected, state.settings), admin, folder / "scene")


@pytest.fixture(params=["suppression_submitting", "moves_submitted"])
def interrupted(
    request: pytest.FixtureRequest,
    migrated_states: Callable[[str], tuple[EarlierState, str]],
    undisturbed: tuple[Lists, Reference],
    admin: str,
    tmp_path: Path,
) -> Iterator[Scene]:
    with going_on(migrated_states, request.param, admin, tmp_path) as scene:
        scene.before, _ = undisturbed
        yield scene


def test_a_journal_in_mid_execution_is_brought_to_the_end_of_an_undisturbed_run(
    interrupted: Scene, undisturbed: tuple[Lists, Reference]
) -> None:
    opened_before = {row["state"] for row in interrupted.query("select state from change_step")}
    assert opened_before & {"submitting", "submitted"}
    _, reference = undisturbed
    # What the version before planned keeps the hash of its own policy.
    planned = {(str(row["kind"]), str(row["content_hash"])) for row in interrupted.query("select * from plan")}
    others = {one for one in reference.plans if one[0] not in {kind for kind, _ in planned}}
    reference = replace(reference, plans=tuple(planned | others))
    interrupted.pass_time(minutes=65)
    tend_until_quiet(interrupted.services, "after")
    assert broken(interrupted, reference, Expectation(messages=None)) == []
    assert [
        (row["attempt"], row["status"]) for row in interrupted.query("select * from list_maintenance_log order by 1")
    ] == [
        (1, "failed"),
        (2, "success"),
    ]


def test_a_correction_in_mid_execution_is_brought_to_its_end(opened: Opened) -> None:
    with opened("synchronised") as made:
        before = {role: made.members(role) for role in ListRole}
    with opened("undo_half_done") as made:
        made.clock.advance(timedelta(minutes=65))
        (plan_id, *more) = [run.plan_id for run in waiting_repairs.to_carry_out(made.services)]
        assert more == []
        corrections.carry_out_correction(made.services, plan_id, progress=quietly)
        undo_maintenance(made.services, made.key, by="ada", progress=quietly)
        assert_as_before(made, before)


# What ended


def test_attempts_that_ended_badly_keep_their_words_and_go_on_as_they_would_have(opened: Opened) -> None:
    with opened("ended_badly") as made:
        given, late, looked_at, half = (
            str(key) for (key,) in made.query(
                "select campaign_key from campaign_schedule where id in (select campaign_schedule_id from list_maintenance_log)"
                " order by send_start_at"
            )
        )  # fmt: skip
        assert given_up(made.services) == [f"{given} (24h)"]
        listed = said(made, "campaigns")
        assert f"Given up, only a person starts it again: {given}" in listed
        words = {
            key: as_text(write_report(made.services, current(made.services, key)).message)
            for key in (given, late, half)
        }
        assert "Gave Up" in words[given]
        assert "The deadline of this attempt passed" in words[late]
        assert "Not begun: the deadline passed first." in words[half]
        assert "Gave Up" not in words[late] + words[half]
        for log_id, text in ((3, "partial_success"), (4, "failed"), (5, "read_only"), (6, "partial_success")):
            assert f"status: {text}" in said(made, "show-log", str(log_id))
        made.clock.advance(timedelta(hours=1))
        assert {(one.campaign_key, one.attempt) for one in due(made.services)} == {(late, 2), (looked_at, 1)}
        tend(made.services, "after")
        assert given_up(made.services) == [f"{given} (24h)"]
        made.assert_suppressed(made.account.ids(1, 2, 21, 22, 51, *SUPPRESSED))
        workflow.maintain(made.services, given, run_id="by hand", progress=quietly)
        assert given_up(made.services) == []
        ended = dict(
            made.query(
                "select distinct on (campaign_schedule_id) campaign_key, l.status from list_maintenance_log l"
                " join campaign_schedule s on s.id = campaign_schedule_id where sweep = '24h'"
                " order by campaign_schedule_id, attempt desc"
            )
        )
        # Its suppressions are done; too old to be rebalanced by itself, it asks about its moves.
        assert ended == {given: "pending_review", late: "success", looked_at: "success", half: "partial_success"}
        # Who was mailed was taken from the rows of the lists then. Read from the messages, it shows who got a cycle twice by
        # that version; nothing else is left to people.
        findings = (
            "select coalesce(details ->> 'about', summary) from review_item where kind = 'finding' and status = 'open'"
        )
        assert {about for (about,) in made.query(findings)} == {MAILED_TWICE}


def test_every_command_reads_what_was_finished(opened: Opened) -> None:
    with opened("finished") as made:
        key = sent(made)
        assert re.search(rf"{key} .* success ", said(made, "campaigns"))
        assert said(made, "reviews") == "Nothing waits for a person.\n"
        assert said(made, "waiting") == "No contact waits for a decision.\n"
        told = said(made, "states", "--history")
        assert re.search(r"List 2 +. lifecycle . blocked", told)
        assert "the validation before a campaign found something critical" in told
        assert "List 1" not in said(made, "states", "--history", "--list", "3").split("when (UTC)")[1]
        week = said(made, "weekly")
        assert "List 3 is critical" in week
        assert "4 suppressed, 3 moved or enrolled in 1 rebalancing" in week
        assert "Row 1 of list_health_check; message: sent." in week
        day = said(made, "decisions", "--day", "2026-11-15")
        assert "1 to enrol, 1 to keep, 1 to watch, 2 to move, 4 to suppress" in day
        assert "2026-11-15" in said(made, "decisions", "--days", "7")
        assert "5 messages, 100 % delivered" in said(made, "metrics")
        validated = said(made, "validate")
        assert re.search(r"READY +. passed, 2026-11-16 10:05", validated)
        assert re.search(r"BLOCKED . critical, 2026-11-16 10:05", validated)
        assert "contacts_suppressed: 4" in said(made, "show-log", "1")
        assert "maintenance_type: pre_campaign_validation" in said(made, "show-log", "3")
        classes = [row["class"] for row in exported(made, key, "bounces")]
        assert classes == ["hard", "hard", "hard", "complaint", "soft", "block"]
        actions = [row["action"] for row in exported(made, key, "suppression")]
        assert actions == ["suppress"] * 4 + ["monitor", "keep"]
        assert [row["to_list"] for row in exported(made, key, "rebalancing")] == ["List 3"] * 3
        made.clock.advance(timedelta(minutes=10))
        look(made.services, ())
        assert made.changing_requests() == {}


def test_dagster_shows_what_was_finished_as_it_was_and_does_nothing_again(
    opened: Opened, states: Mapping[str, EarlierState]
) -> None:
    with opened("finished") as made, dg.DagsterInstance.ephemeral() as instance:
        key = sent(made)
        instance.add_dynamic_partitions("campaigns", [key])
        before, rows = made.control.digest(), earlier.rows_of(made.database_url)
        definitions = build_defs(dg.ResourceDefinition.hardcoded_resource(made.services))
        job = definitions.resolve_job_def("post_campaign_maintenance")
        result = job.execute_in_process(instance=instance, partition_key=key, raise_on_error=False)
        failed = {event.step_key: str(event.event_specific_data) for event in result.get_step_failure_events()}
        assert failed == {}
        unhappy = {one.check_name for one in result.get_asset_check_evaluations() if not one.passed}
        # One of the suppressed was put on list 2 by hand.
        assert unhappy == {"no_list_is_critical", "every_list_is_healthy", "nobody_is_suppressed_and_listed"}
        assert made.control.digest() == before
        after = earlier.rows_of(made.database_url)
        for table in ("plan", "plan_item", "change", "change_step", "contact_suppression_history", "notification"):
            assert after[table] == rows[table]


def test_the_next_weekly_check_is_compared_with_the_week_before(opened: Opened) -> None:
    with opened("finished") as made:
        made.clock.advance(timedelta(days=7))
        words = as_text(check_week(made.services, progress=quietly).report.message)
        assert "Week of 2026-11-23" in words
        assert "The week before was not checked" not in words
        assert made.query("select count(*) from list_health_check where status = 'success'") == [(2,)]


def test_a_campaign_that_was_blocked_is_let_go(opened: Opened) -> None:
    with opened("finished") as made:
        ((blocked,),) = made.query("select campaign_key from campaign_schedule where status = 'BLOCKED'")
        assert f"{blocked} was let go by ada." in said(
            made, "unblock", blocked, "--by", "ada", "--note", "seen", "--yes"
        )
        assert made.query("select status from campaign_schedule where campaign_key = :k", k=blocked) == [("READY",)]


def test_a_maintenance_that_was_finished_is_taken_back(opened: Opened) -> None:
    with opened("synchronised") as made:
        before = {role: made.members(role) for role in ListRole}
    with opened("finished") as made:
        made.take_off(ListRole.CAMPAIGN_2, made.account.people[62])
        # What is about to be sent keeps its list as it is.
        with plain_client(made.server) as http:
            for (draft,) in made.query(
                "select mailjet_draft_id from campaign_schedule where mailjet_campaign_id is null"
            ):
                assert http.delete(f"/campaigndraft/{draft}/schedule").status_code == 204
        discover_upcoming(made.services)
        done = undo_maintenance(made.services, sent(made), by="ada", progress=quietly)
        assert all(one.facts.is_complete for one in done)
        assert_as_before(made, before)


def sent(made: Installation) -> str:
    """Key of the last campaign that was sent; later ones are only scheduled."""
    ((key,),) = made.query(
        "select campaign_key from campaign_schedule where mailjet_campaign_id is not null"
        " order by send_start_at desc limit 1"
    )
    return str(key)


def assert_as_before(made: Installation, before: Mapping[ListRole, set[int]]) -> None:
    """Everybody is where they were before the maintenance; only a complaint is not taken back."""
    complained = made.account.ids(COMPLAINED)
    made.assert_suppressed(complained)
    for role in ListRole:
        assert made.members(role) - complained == before[role] - complained, role
