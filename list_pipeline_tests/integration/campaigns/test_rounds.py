"""One extra send: people are asked, nobody moves meanwhile, and the cycles go on as they were once somebody answered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.campaigns.cycles import RoundDoubt, RoundRuling
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.campaigns.before_changes import lists_kept_still
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.campaigns.rounds import rule_on_round
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.campaigns import rounds, sent_campaigns
from list_pipeline_tests.integration.accounts import Installation, quietly

ONE, TWO, THREE = CAMPAIGN_LISTS


def send(made: Installation, role: ListRole, subject: str) -> str:
    """A send, and the day until it is due; its key."""
    made.control.send(made.account.lists[role], subject, profile="clean")
    made.clock.advance(timedelta(hours=25))
    synchronise(made.services, progress=quietly)
    return made.key


def cycles(made: Installation) -> list[list[str]]:
    """The subjects and lists of the cycles, without those of the account's past."""
    found = made.query(
        """select c.number, s.subject, s.round_number from cycle c join campaign_schedule s using (cycle_id)
           order by c.opened_at, s.round_number"""
    )
    result: dict[int, list[str]] = {}
    for number, subject, round_number in found:
        result.setdefault(number, []).append(f"{subject} to {round_number}")
    return list(result.values())[2:]


def doubted(made: Installation) -> dict[str, RoundDoubt]:
    with made.services.database.begin() as connection:
        return dict(rounds.doubted(connection))


def kept_still(made: Installation) -> frozenset[ListRole]:
    with made.services.database.begin() as connection:
        return lists_kept_still(made.services, connection, cycle_now(connection, made.clock.now()))


def test_nothing_moves_until_a_person_says_what_an_extra_send_is(small: Installation) -> None:
    send(small, ONE, "Letter 3")
    assert kept_still(small) == frozenset()
    extra = send(small, ONE, "Summer sale")
    assert doubted(small) == {extra: RoundDoubt.SAME_LIST}
    assert kept_still(small) == set(CAMPAIGN_LISTS)
    small.maintain()
    assert small.steps(PlanKind.REBALANCING) == ()
    assert set(small.plan(PlanKind.REBALANCING).rebalancing_summary.frozen) == set(CAMPAIGN_LISTS)
    asked = [row for row in small.control.slack_messages() if "Fits No Cycle" in str(row)]
    assert len(asked) == 1
    assert f"list-pipeline round {extra}" in str(asked[0])
    rule_on_round(small.services, extra, RoundRuling.NOT_A_ROUND, by="ada", note="a sale")
    assert doubted(small) == {}
    assert kept_still(small) == frozenset()
    for role in (TWO, THREE):
        send(small, role, "Letter 3")
    for role in CAMPAIGN_LISTS:
        send(small, role, "Letter 4")
    assert cycles(small) == [[f"Letter {n} to {role}" for role in (1, 2, 3)] for n in (3, 4)]
    assert doubted(small) == {}


def test_a_cycle_that_turns_out_plain_answers_the_doubts_before_it(small: Installation) -> None:
    send(small, ONE, "Letter 3")
    extra = send(small, ONE, "Summer sale")
    assert doubted(small) == {extra: RoundDoubt.SAME_LIST}
    for role in CAMPAIGN_LISTS:
        send(small, role, "Letter 4")
    assert doubted(small) == {}
    assert kept_still(small) == frozenset()


def test_a_ruling_names_a_person_a_send_and_a_cycle_that_can_take_it(small: Installation) -> None:
    first = send(small, ONE, "Letter 3")
    extra = send(small, ONE, "Summer sale")
    with pytest.raises(RefusedError, match="a person has to be named"):
        rule_on_round(small.services, extra, RoundRuling.FITS, by=" ")
    with pytest.raises(RefusedError, match="was sent in that cycle already"):
        rule_on_round(small.services, extra, RoundRuling.JOINS, by="ada")
    with pytest.raises(NotFoundError):
        rule_on_round(small.services, "2026-01-01-r1-1", RoundRuling.FITS, by="ada")
    assert doubted(small) == {extra: RoundDoubt.SAME_LIST}
    rule_on_round(small.services, extra, RoundRuling.FITS, by="ada", note="me@example.com said so")
    assert small.query("select round_ruled_by, round_note from campaign_schedule where round_ruling = 'fits'") == [
        ("ada", "[address] said so")
    ]
    with small.services.database.begin() as connection:
        assert sent_campaigns.campaign_by_key(connection, first).key == first
