"""Sends that look like rounds and are none: mails of automations, parts of A/B tests, what Mailjet gives another type."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.campaigns.cycles import RoundDoubt, RoundRuling
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.operations.campaigns.before_changes import lists_kept_still
from list_pipeline.operations.campaigns.discovery import cycle_now, discover
from list_pipeline.operations.campaigns.rounds import rule_on_round
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.campaigns import rounds
from list_pipeline_tests.integration.accounts import Installation, plain_client, quietly

ONE, TWO, THREE = CAMPAIGN_LISTS


def send(made: Installation, role: ListRole, subject: str, hours: float = 25, **parts: object) -> int:
    """A send, and some time until it is looked at; its id at Mailjet."""
    sent = made.control.send(made.account.lists[role], subject, profile="clean", **parts)
    made.clock.advance(timedelta(hours=hours))
    synchronise(made.services, progress=quietly)
    return sent


def cycles(made: Installation) -> list[tuple[int, ...]]:
    """The sends of the cycles, by list, without those of the account's past."""
    found = made.query(
        """select c.number, s.mailjet_campaign_id from cycle c join campaign_schedule s using (cycle_id)
           order by c.opened_at, s.round_number"""
    )
    numbers = dict.fromkeys(number for number, _ in found)
    return [tuple(sent for number, sent in found if number == one) for one in numbers][2:]


def doubted(made: Installation) -> dict[int, RoundDoubt]:
    with made.services.database.begin() as connection:
        keys = dict(made.query("select campaign_key, mailjet_campaign_id from campaign_schedule"))
        return {keys[key]: doubt for key, doubt in rounds.doubted(connection).items()}


def key_of(made: Installation, sent: int) -> str:
    return str(made.query("select campaign_key from campaign_schedule where mailjet_campaign_id = :id", id=sent)[0][0])


def kept_still(made: Installation) -> frozenset[ListRole]:
    with made.services.database.begin() as connection:
        return lists_kept_still(made.services, connection, cycle_now(connection, made.clock.now()))


def test_mails_of_an_automation_over_days_are_no_rounds_and_nobody_is_asked(small: Installation) -> None:
    first = send(small, ONE, "Letter 3")
    mails = [
        send(
            small, TWO, "Letter 3", only=[small.account.people[20 + day]], workflow_id=77, custom_value=f"welcome-{day}"
        )
        for day in range(3)
    ]
    assert cycles(small) == [(first,)]
    assert doubted(small) == {}
    assert kept_still(small) == frozenset()
    assert small.query("select mailjet_campaign_id, reason from ignored_send order by 1") == [
        (mail, "workflow") for mail in mails
    ]
    second = send(small, TWO, "Letter 3")
    assert cycles(small) == [(first, second)]


def test_a_transactional_mail_is_no_round(small: Installation) -> None:
    first = send(small, ONE, "Letter 3")
    other = send(small, TWO, "Your order", campaign_type=1)
    assert cycles(small) == [(first,)]
    assert small.query("select mailjet_campaign_id, reason from ignored_send") == [(other, "transactional")]


def test_a_send_of_a_type_that_nobody_documented_is_asked_about_and_placed_nowhere(small: Installation) -> None:
    first = send(small, ONE, "Letter 3")
    strange = send(small, TWO, "Letter 3", campaign_type=9)
    assert cycles(small) == [(first,)]
    assert doubted(small) == {strange: RoundDoubt.UNKNOWN_TYPE}
    assert kept_still(small) == set(CAMPAIGN_LISTS)
    rule_on_round(small.services, key_of(small, strange), RoundRuling.JOINS, by="ada")
    assert cycles(small) == [(first, strange)]


@pytest.mark.parametrize("role", [ONE, THREE])
def test_the_parts_and_the_winner_of_an_ab_test_are_asked_about_until_a_person_says_which_was_the_round(
    small: Installation, role: ListRole
) -> None:
    before = [send(small, one, "Letter 3") for one in CAMPAIGN_LISTS[: CAMPAIGN_LISTS.index(role)]]
    open_before = cycles(small)
    members = sorted(small.members(role))
    parts = [
        send(small, role, f"Letter 3 {name}?", 0.5, ab_test=12, ab_part=name, ab_percent=10.0, only=members[n : n + 2])
        for n, name in ((0, "A"), (2, "B"))
    ]
    winner = send(small, role, "Letter 3 B?", ab_test=12, ab_part="B", ab_percent=80.0, only=members[4:])
    assert cycles(small) == open_before
    assert doubted(small) == dict.fromkeys((*parts, winner), RoundDoubt.AB_TEST)
    assert kept_still(small) == set(CAMPAIGN_LISTS)
    told = [str(row) for row in small.cards() if "Fits No Cycle" in str(row)]
    assert len(told) == 3
    assert all("A/B test" in words for words in told)
    # Looked at again, they are asked about no further and are placed nowhere either.
    assert discover(small.services).new == []
    assert cycles(small) == open_before

    for part in parts:
        rule_on_round(small.services, key_of(small, part), RoundRuling.NOT_A_ROUND, by="ada")
    ruling = RoundRuling.JOINS if before else RoundRuling.BEGINS
    rule_on_round(small.services, key_of(small, winner), ruling, by="ada", note="B won")
    assert cycles(small) == [(*before, winner)]
    assert kept_still(small) == frozenset()


def test_an_ab_test_of_which_mailjet_says_nothing_begins_no_cycle_unasked(small: Installation) -> None:
    small.control.set_switches(ab_test_untold=True)
    for role in (ONE, TWO):
        send(small, role, "Letter 3")
    members = sorted(small.members(THREE))
    send(small, THREE, "Letter 3", 0.5, ab_test=12, ab_part="A", only=members[:2])
    second = send(small, THREE, "Letter 3?", 0.5, ab_test=12, ab_part="B", only=members[2:4])
    assert doubted(small) == {second: RoundDoubt.AT_ONCE}
    assert kept_still(small) == set(CAMPAIGN_LISTS)


def test_a_draft_is_asked_for_once_and_one_that_is_gone_stops_nothing(small: Installation) -> None:
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean")
    small.clock.advance(timedelta(hours=25))
    small.control.reset_requests()
    assert len(discover(small.services).new) == 1
    assert small.control.requests() == {"GET campaign": 1, "GET campaigndraft/{id}": 1}
    small.control.reset_requests()
    discover(small.services)
    assert small.control.requests() == {"GET campaign": 1}


def test_a_send_whose_draft_cannot_be_read_may_be_part_of_an_ab_test_and_is_asked_about(small: Installation) -> None:
    first = send(small, ONE, "Letter 3")
    small.control.add_fault("poisoned_row", path=r"/campaigndraft/\d+$", field="AXTestingID", value="?", count=None)
    part = send(small, TWO, "Letter 3", ab_test=12, ab_part="A", only=[small.account.people[20]])
    assert cycles(small) == [(first,)]
    assert doubted(small) == {part: RoundDoubt.UNKNOWN_TYPE}
    assert kept_still(small) == set(CAMPAIGN_LISTS)
    # Mended, it is asked about all the same: it was placed nowhere.
    small.control.clear_faults()
    synchronise(small.services, progress=quietly)
    assert cycles(small) == [(first,)]


def test_a_programmed_ab_test_is_no_campaign_that_is_validated(small: Installation) -> None:
    body = {"Locale": "en_US", "Sender": "1", "SenderEmail": "news@sender.example", "Subject": "Letter 3"}
    with plain_client(small.server) as http:
        made = http.post("/campaigndraft", json={**body, "ContactsListID": small.account.lists.campaign_1}).json()
        draft = made["Data"][0]["ID"]
        at = (small.clock.now() + timedelta(days=1)).isoformat()
        assert http.post(f"/campaigndraft/{draft}/schedule", json={"Date": at}).status_code == 201
    small.server.account.store.execute(
        "UPDATE draft SET ax_testing_id = 12, ax_fraction = 10, ax_fraction_name = 'A' WHERE id = ?", (draft,)
    )
    found = discover_upcoming(small.services)
    assert found.new == []
    assert found.ignored == [
        f"Mailjet draft {draft}: part of an A/B test, so it goes to a part of its list; asked about when it is sent"
    ]
