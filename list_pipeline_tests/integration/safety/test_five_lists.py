"""The five configured lists are the five lists: judged, told, and confirmed by a person before anything is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from list_pipeline.cli import cache as cli_lists
from list_pipeline.cli import reviews as cli_reviews
from list_pipeline.core.errors import ChangesStoppedError, RefusedError
from list_pipeline.core.five_lists.confirmation import BEFORE
from list_pipeline.core.five_lists.plausibility import ListsRule
from list_pipeline.core.lists import ListRole
from list_pipeline.core.reports.message import as_text
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.safety.modes import Mode
from list_pipeline.operations import setup
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.five_lists.look import look_at
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.plans import single_contacts, waiting_repairs
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists
from list_pipeline.operations.runs.run import due
from list_pipeline.operations.safety.modes import change_block_reason, operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, plain_client, quietly

SETTING = {
    ListRole.MASTER: "mailjet_master_list_id",
    ListRole.CAMPAIGN_1: "mailjet_campaign_list_1_id",
    ListRole.CAMPAIGN_2: "mailjet_campaign_list_2_id",
    ListRole.SUPPRESSION: "mailjet_suppression_list_id",
}
SWAPS = {
    "the suppression list and List 2": (ListRole.SUPPRESSION, ListRole.CAMPAIGN_2),
    "the master list and List 1": (ListRole.MASTER, ListRole.CAMPAIGN_1),
    "the master list and the suppression list": (ListRole.MASTER, ListRole.SUPPRESSION),
}


def swapped(made: Installation, one: ListRole, other: ListRole, **settings: Any) -> Services:
    """Services for which two of the ids are in each other's place."""
    ids = made.account.lists
    return made.another(**{SETTING[one]: ids[other], SETTING[other]: ids[one], **settings})


def another_list(made: Installation, numbers: range) -> int:
    """A further list at Mailjet with some of the people on it."""
    with plain_client(made.server) as http:
        list_id = int(http.post("/contactslist", json={"Name": "Something else"}).json()["Data"][0]["ID"])
    for number in numbers:
        made.control.sign_up(made.control.contact(made.account.people[number])["email"], list_id)
    return list_id


def rename(made: Installation, role: ListRole, name: str) -> None:
    with plain_client(made.server) as http:
        answer = http.put(f"/contactslist/{made.account.lists[role]}", json={"Name": name})
        assert answer.status_code == 200, answer.text


def broken(services: Services) -> set[ListsRule]:
    with services.database.begin() as connection:
        return {verdict.rule for verdict in look_at(services, connection).verdicts if not verdict.holds}


def state(made: Installation) -> Any:
    return made.control.digest()


@pytest.fixture
def first_day(new_here: Installation) -> Installation:
    """An installation that has read its account for the first time, and whose lists nobody confirmed."""
    synchronise(new_here.services, progress=quietly)
    return new_here


def test_at_the_first_start_nothing_is_changed_before_a_person_has_confirmed(first_day: Installation) -> None:
    before, services = state(first_day), first_day.services
    assert operating_mode(services) is Mode.READ_ONLY
    assert "list-pipeline lists --confirm --by NAME" in str(change_block_reason(services))
    report = first_day.maintain().report
    assert report.facts.status is RunStatus.READ_ONLY
    assert "list-pipeline lists --confirm --by NAME" in as_text(report.message)
    reconcile(services, progress=quietly)
    assert state(first_day) == before
    assert due(services) == []
    confirm_lists(services, by="A. Person")
    assert change_block_reason(services) is None
    assert [one.campaign_key for one in due(services)] == [first_day.key]
    assert first_day.maintain(run_id="second").report.facts.status is RunStatus.SUCCESS
    first_day.assert_suppressed(first_day.account.ids(*HARD, COMPLAINED))


@pytest.mark.parametrize("mode", ["graduated", "approval_required", "auto"])
def test_unconfirmed_lists_are_changed_in_no_mode(first_day: Installation, mode: str) -> None:
    first_day.clock.advance(timedelta(hours=25))
    services = first_day.another(list_management_mode=mode)
    synchronise(services, progress=quietly)
    assert "confirmation" in str(change_block_reason(services))
    assert operating_mode(services) is Mode.READ_ONLY


def test_corrections_and_schedules_wait_for_the_confirmation_too(first_day: Installation) -> None:
    services, before = first_day.another(block_cancels_schedule=True), state(first_day)
    with pytest.raises(ChangesStoppedError, match="lists --confirm"):
        single_contacts.suppress(services, first_day.account.people[3], by="A. Person", note="asked us")
    with pytest.raises(ChangesStoppedError, match="lists --confirm"):
        undo_maintenance(services, first_day.key, by="A. Person")
    assert waiting_repairs.to_carry_out(services) == []
    assert state(first_day) == before


def test_people_are_told_once_that_the_lists_wait(first_day: Installation) -> None:
    for _ in range(2):
        synchronise(first_day.services, progress=quietly)
    (message,) = first_day.cards()
    assert "Five Lists Wait for Confirmation" in message["text"]
    for role, list_id in first_day.account.lists.by_role().items():
        assert f"{role.label}: {list_id} *{role.label}*" in str(message["blocks"])
    assert "lists --confirm --by NAME" in str(message["blocks"])


@pytest.mark.parametrize("what", SWAPS)
def test_lists_in_each_others_place_are_found_wrong_and_not_confirmed(small: Installation, what: str) -> None:
    services, before = swapped(small, *SWAPS[what]), state(small)
    assert "was confirmed as" in str(change_block_reason(services))
    synchronise(services, progress=quietly)
    assert (
        workflow.maintain(services, small.key, run_id="x", progress=quietly).report.facts.status
        is not RunStatus.SUCCESS
    )
    with pytest.raises(RefusedError, match="do not look like"):
        confirm_lists(services, by="A. Person", note="I am in a hurry")
    assert state(small) == before
    assert "Look Wrong" in small.cards()[0]["text"]


@pytest.mark.parametrize("what", SWAPS)
def test_lists_in_each_others_place_are_found_wrong_at_the_first_start(new_here: Installation, what: str) -> None:
    services = swapped(new_here, *SWAPS[what])
    synchronise(services, progress=quietly)
    assert len(broken(services)) >= 2
    with pytest.raises(RefusedError, match="do not look like"):
        confirm_lists(services, by="A. Person")


def test_another_list_in_a_role_is_no_drift(small: Installation) -> None:
    found = reconcile(swapped(small, ListRole.SUPPRESSION, ListRole.CAMPAIGN_2), progress=quietly)
    assert {kind for kind, count in found.counts.items() if count} == set()
    assert found.proposals == ()


def test_with_the_right_ids_again_nothing_has_to_be_confirmed(small: Installation) -> None:
    synchronise(swapped(small, ListRole.SUPPRESSION, ListRole.CAMPAIGN_2), progress=quietly)
    synchronise(small.services, progress=quietly)
    assert change_block_reason(small.services) is None
    assert small.maintain().report.facts.status is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(*HARD, COMPLAINED))


@pytest.mark.parametrize(
    ("role", "numbers", "rules"),
    [
        (
            ListRole.SUPPRESSION,
            range(60),
            {ListsRule.SUPPRESSED_ARE_EXPLAINED, ListsRule.SUPPRESSED_ARE_OFF_THE_ROUNDS},
        ),
        (ListRole.CAMPAIGN_2, range(38, 44), {ListsRule.ROUNDS_ARE_COMPARABLE, ListsRule.ROUNDS_ARE_SENT_TO}),
        (ListRole.CAMPAIGN_2, range(0), {ListsRule.SIZES, ListsRule.ROUNDS_ARE_SENT_TO}),
        (ListRole.MASTER, range(30), {ListsRule.MASTER_HOLDS_ALL}),
    ],
    ids=["an unrelated full list as suppression", "an internal list", "an empty list", "half a master list"],
)
def test_another_list_in_a_role_is_found_wrong(
    small: Installation, role: ListRole, numbers: range, rules: set[ListsRule]
) -> None:
    services = small.another(**{SETTING[role]: another_list(small, numbers)})
    synchronise(services, progress=quietly)
    assert rules <= broken(services)
    assert change_block_reason(services) is not None


def test_a_list_that_is_renamed_at_mailjet_stops_changes_until_it_is_confirmed(small: Installation) -> None:
    rename(small, ListRole.CAMPAIGN_2, "Old people, do not use")
    before = state(small)
    with pytest.raises(ChangesStoppedError, match="lists --confirm"):
        small.maintain()
    assert state(small) == before
    assert "'Old people, do not use' and was confirmed as 'List 2'" in str(change_block_reason(small.services))
    confirm_lists(small.services, by="A. Person")
    assert small.maintain(run_id="second").report.facts.status is RunStatus.SUCCESS


def test_a_rename_between_the_last_sync_and_a_correction_stops_the_correction(small: Installation) -> None:
    rename(small, ListRole.SUPPRESSION, "Gold customers")
    before = state(small)
    with pytest.raises(ChangesStoppedError, match="Gold customers"):
        single_contacts.suppress(small.services, small.account.people[3], by="A. Person", note="asked us")
    assert state(small) == before


def test_what_looks_wrong_is_confirmed_with_a_note_and_on_purpose_only(small: Installation) -> None:
    services = small.another(mailjet_campaign_list_2_id=another_list(small, range(20, 26)))
    synchronise(services, progress=quietly)
    with pytest.raises(RefusedError, match="--despite"):
        confirm_lists(services, by="A. Person", note="a new list")
    with pytest.raises(RefusedError, match="note"):
        confirm_lists(services, by="A. Person", despite=True)
    confirm_lists(services, by="A. Person", note="a new list", despite=True)
    assert change_block_reason(services) is None
    ((by, note, despite),) = small.query(
        "select confirmed_by, note, despite from list_confirmation order by confirmation_id desc limit 1"
    )
    assert (by, note) == ("A. Person", "a new list")
    assert ListsRule.ROUNDS_ARE_COMPARABLE.value in despite
    assert "In spite of" in str(small.cards()[-1]["blocks"])


def test_what_was_confirmed_is_kept_with_sizes_and_overlaps(small: Installation) -> None:
    found = small.query(
        "select list_role, mailjet_list_id, name, raw_count, mailable_count, shared ->> 'master' from confirmed_list"
        " order by mailjet_list_id"
    )
    lists = small.account.lists
    assert found == [
        ("master", lists.master, "Master list", 64, 62, None),
        ("campaign_1", lists.campaign_1, "List 1", 20, 20, "20"),
        ("campaign_2", lists.campaign_2, "List 2", 20, 20, "20"),
        ("campaign_3", lists.campaign_3, "List 3", 20, 20, "20"),
        ("suppression", lists.suppression, "Suppression list", 2, 0, "2"),
    ]


def test_ids_that_no_sync_has_read_yet_are_not_confirmed(small: Installation) -> None:
    services = swapped(small, ListRole.SUPPRESSION, ListRole.CAMPAIGN_2)
    with pytest.raises(RefusedError, match="list-pipeline sync"):
        confirm_lists(services, by="A. Person", despite=True, note="in a hurry")


def test_only_a_reviewer_confirms_and_only_what_waits(first_day: Installation) -> None:
    with pytest.raises(RefusedError, match="person"):
        confirm_lists(first_day.services, by=" ")
    with pytest.raises(NotAReviewerError):
        confirm_lists(first_day.another(list_reviewers="B. Other"), by="A. Person")
    confirm_lists(first_day.services, by="A. Person")
    with pytest.raises(RefusedError, match=r"confirmed by A\. Person"):
        confirm_lists(first_day.services, by="B. Other")


# Installations that worked before


def forget_confirmations(made: Installation) -> None:
    """As an earlier version leaves a database: nothing is confirmed, and no name was kept."""
    with made.services.database.begin() as connection:
        execute(connection, "delete from list_confirmation")
        execute(connection, "update sync_state set mailjet_list_id = null, list_name = null")


def test_lists_that_an_earlier_version_changed_count_as_confirmed(maintained: Installation) -> None:
    small = maintained
    forget_confirmations(small)
    assert change_block_reason(small.services) is not None
    setup.prepare(small.services)
    assert change_block_reason(small.services) is None
    assert small.query("select confirmed_by from list_confirmation") == [(BEFORE,)]
    synchronise(small.services, progress=quietly)
    assert small.query("select count(*) from confirmed_list where name is null") == [(0,)]
    rename(small, ListRole.CAMPAIGN_2, "Another")
    synchronise(small.services, progress=quietly)
    assert change_block_reason(small.services) is not None


def test_an_installation_that_never_changed_a_list_is_asked(small: Installation) -> None:
    forget_confirmations(small)
    setup.prepare(small.services)
    synchronise(small.services, progress=quietly)
    assert change_block_reason(small.services) is not None


@pytest.mark.parametrize("what", SWAPS)
def test_ids_that_were_swapped_with_the_upgrade_do_not_count_as_confirmed(maintained: Installation, what: str) -> None:
    small = maintained
    forget_confirmations(small)
    services = swapped(small, *SWAPS[what])
    synchronise(services, progress=quietly)
    assert change_block_reason(services) is not None
    assert small.query("select count(*) from list_confirmation") == [(0,)]


# The command


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def run(services: Services, *arguments: str, status: int = 0) -> str:
        @contextmanager
        def opened() -> Iterator[Services]:
            yield services

        for module in (cli_lists, cli_reviews):
            monkeypatch.setattr(module, "opened_services", opened)
        app = typer.Typer()
        app.callback()(lambda: None)
        cli_lists.register(app)
        cli_reviews.register(app)
        answer = CliRunner().invoke(app, list(arguments))
        assert answer.exit_code == status, answer.output
        return answer.output

    return run


def test_the_queue_of_what_waits_says_that_the_lists_wait(first_day: Installation, say: Callable[..., str]) -> None:
    assert "lists --confirm --by NAME" in say(first_day.services, "reviews")
    confirm_lists(first_day.services, by="A. Person")
    assert say(first_day.services, "reviews").strip() == "Nothing waits for a person."


def test_the_command_shows_the_lists_with_what_looks_wrong_and_takes_the_decision(
    small: Installation, say: Callable[..., str]
) -> None:
    services = swapped(small, ListRole.SUPPRESSION, ListRole.CAMPAIGN_2)
    assert "list-pipeline sync" in say(services, "lists")
    synchronise(services, progress=quietly)
    shown = say(services, "lists")
    assert "✗" in shown
    assert "2 sends of the last 90 days went to the Suppression list" in shown
    assert "--despite" in shown
    synchronise(small.services, progress=quietly)
    rename(small, ListRole.CAMPAIGN_1, "First")
    synchronise(small.services, progress=quietly)
    assert "List 1" in say(small.services, "lists")
    assert "Confirmed by A. Person" in say(small.services, "lists", "--confirm", "--by", "A. Person")
    assert "Confirmed by A. Person" in say(small.services, "lists")
    assert "@" not in shown
