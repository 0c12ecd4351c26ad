"""One extra send: people are asked, nobody moves meanwhile, and the cycles go on as they were once somebody answered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.campaigns.cycles import RoundDoubt, RoundRuling
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.campaigns.before_changes import lists_kept_still
from list_pipeline.operations.campaigns.discovery import cycle_now, discover
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
    asked = [row for row in small.cards() if "Fits No Cycle" in str(row)]
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


def test_a_send_that_fits_no_longer_after_a_ruling_is_asked_about(small: Installation) -> None:
    for role in (ONE, TWO):
        send(small, role, "Letter 3")
    third = send(small, THREE, "Letter 3")
    after = send(small, ONE, "Letter 4")
    assert doubted(small) == {}
    # Without its third round the cycle is not whole, and what comes after it is its first list again.
    rule_on_round(small.services, third, RoundRuling.NOT_A_ROUND, by="ada")
    assert doubted(small) == {after: RoundDoubt.SAME_LIST}
    assert kept_still(small) == set(CAMPAIGN_LISTS)
    ((words,),) = small.query("select summary from review_item where details ->> 'about' = 'round_doubt'")
    assert f"Campaign {after} fits no cycle" in words
    assert "For now it begins a cycle." in words
    synchronise(small.services, progress=quietly)
    assert [f"list-pipeline round {after}" in str(row) for row in small.cards()].count(True) == 1


def test_the_question_names_an_extra_mailing_that_came_before_the_first_round(small: Installation) -> None:
    sale = send(small, ONE, "Summer sale")
    first = send(small, THREE, "Letter 3")
    assert doubted(small) == {first: RoundDoubt.OTHER_CONTENT}
    ((words,),) = small.query("select summary from review_item where details ->> 'about' = 'round_doubt'")
    assert (
        f"stands in one cycle with {sale}; if that is an extra mailing, say `not_a_round` of that one instead" in words
    )
    rule_on_round(small.services, sale, RoundRuling.NOT_A_ROUND, by="ada")
    assert doubted(small) == {}
    for role in (ONE, TWO):
        send(small, role, "Letter 3")
    assert cycles(small)[-1] == [f"Letter 3 to {role}" for role in (1, 2, 3)]


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


def to_segment(made: Installation, role: ListRole, subject: str) -> int:
    """A send to a segment of a list, and the day until it is due; its id at Mailjet."""
    sent = made.control.send(made.account.lists[role], subject, profile="clean")
    made.server.account.store.execute("UPDATE campaign SET segmentation_id = 5 WHERE id = ?", (sent,))
    made.clock.advance(timedelta(hours=25))
    synchronise(made.services, progress=quietly)
    return sent


def test_another_content_in_an_open_cycle_is_asked_about(small: Installation) -> None:
    send(small, ONE, "Letter 3")
    other = send(small, TWO, "Summer sale")
    assert doubted(small) == {other: RoundDoubt.OTHER_CONTENT}
    assert kept_still(small) == set(CAMPAIGN_LISTS)


@pytest.mark.parametrize("after", ["the open cycle", "a whole cycle"])
def test_a_content_that_is_sent_to_its_list_again_is_asked_about(small: Installation, after: str) -> None:
    for role in (ONE,) if after == "the open cycle" else CAMPAIGN_LISTS:
        send(small, role, "Letter 3")
    again = send(small, ONE, "letter  3")
    assert doubted(small) == {again: RoundDoubt.RESENT}
    assert kept_still(small) == set(CAMPAIGN_LISTS)


def test_a_segment_that_got_the_content_of_the_open_cycle_is_asked_about_and_is_no_round_by_itself(
    small: Installation,
) -> None:
    send(small, ONE, "Letter 3")
    to_segment(small, TWO, "Letter 3")
    part = small.key
    assert doubted(small) == {part: RoundDoubt.SEGMENT}
    assert kept_still(small) == set(CAMPAIGN_LISTS)
    assert cycles(small) == [["Letter 3 to 1"]]
    asked = [row for row in small.cards() if "Fits No Cycle" in str(row)]
    assert len(asked) == 1
    rule_on_round(small.services, part, RoundRuling.NOT_A_ROUND, by="ada")
    synchronise(small.services, progress=quietly)
    assert doubted(small) == {}
    assert kept_still(small) == frozenset()
    for role in (TWO, THREE):
        send(small, role, "Letter 3")
    assert cycles(small) == [[f"Letter 3 to {role}" for role in (1, 2, 3)]]


def test_a_person_can_say_that_a_segment_was_the_round_of_its_list(small: Installation) -> None:
    send(small, ONE, "Letter 3")
    to_segment(small, TWO, "Letter 3")
    rule_on_round(small.services, small.key, RoundRuling.JOINS, by="ada")
    assert cycles(small) == [["Letter 3 to 1", "Letter 3 to 2"]]
    send(small, THREE, "Letter 3")
    assert cycles(small) == [[f"Letter 3 to {role}" for role in (1, 2, 3)]]
    assert doubted(small) == {}


def test_a_segment_that_got_something_else_is_an_extra_mailing_that_nobody_is_asked_about(small: Installation) -> None:
    send(small, ONE, "Letter 3")
    sent = to_segment(small, TWO, "For some of you")
    assert doubted(small) == {}
    assert small.query("select mailjet_campaign_id, reason from ignored_send") == [(sent, "segment")]


def test_rounds_that_were_discovered_under_exchanged_ids_are_put_right_with_the_ids(new_here: Installation) -> None:
    lists = new_here.account.lists
    exchanged = new_here.another(
        mailjet_campaign_list_1_id=lists.campaign_3, mailjet_campaign_list_3_id=lists.campaign_1
    )
    discover(exchanged)
    rounds_of = "select mailjet_campaign_id, round_number from campaign_schedule order by send_start_at"
    ids = new_here.account.campaigns
    assert new_here.query(rounds_of) == list(zip(ids, (3, 2, 1) * 2, strict=True))
    found = discover(new_here.services)
    assert "4 sends had been taken for sends to another list" in found.alerts[0]
    assert new_here.query(rounds_of) == list(zip(ids, (1, 2, 3) * 2, strict=True))
    assert new_here.query("select closed_reason from cycle order by number") == [("complete",)] * 2
    assert discover(new_here.services).alerts == []


def test_sends_that_were_none_of_ours_under_a_wrong_id_take_their_places_with_the_right_one(
    new_here: Installation,
) -> None:
    discover(new_here.another(mailjet_campaign_list_1_id=4_711))
    assert new_here.query("select count(*) from campaign_schedule") == [(4,)]
    discover(new_here.services)
    assert new_here.query("select round_number from campaign_schedule order by send_start_at") == [(1,), (2,), (3,)] * 2
    assert new_here.query("select closed_reason from cycle order by opened_at") == [("complete",)] * 2
    assert new_here.query("select count(*) from ignored_send") == [(0,)]


def test_rounds_that_were_none_of_ours_for_a_while_stay_as_they_are_with_the_right_id_again(
    new_here: Installation,
) -> None:
    discover(new_here.services)
    placed = "select mailjet_campaign_id, round_number, cycle_id from campaign_schedule order by send_start_at"
    before = new_here.query(placed)
    discover(new_here.another(mailjet_campaign_list_1_id=4_711))
    for _ in range(2):
        assert discover(new_here.services).alerts == []
        assert new_here.query(placed) == before


def test_a_round_on_which_a_person_ruled_is_not_derived_anew(new_here: Installation) -> None:
    lists = new_here.account.lists
    exchanged = new_here.another(
        mailjet_campaign_list_1_id=lists.campaign_2, mailjet_campaign_list_2_id=lists.campaign_1
    )
    discover(exchanged)
    ((key,),) = new_here.query(
        "select campaign_key from campaign_schedule where mailjet_campaign_id = :id", id=new_here.account.campaigns[3]
    )
    rule_on_round(exchanged, key, RoundRuling.FITS, by="ada")
    discover(new_here.services)
    assert new_here.query("select round_number from campaign_schedule where campaign_key = :key", key=key) == [(2,)]


def named_twice(made: Installation) -> list[tuple[str, list[int]]]:
    """Each finding's campaign, and whom it names."""
    found = made.query(
        """select s.campaign_key, i.details -> 'contact_ids' from review_item i
           join campaign_schedule s on s.id = i.campaign_id
           where i.details ->> 'about' = 'mailed_twice' order by i.review_id"""
    )
    return [(str(key), list(contact_ids)) for key, contact_ids in found]


def test_who_got_a_letter_twice_is_named_also_where_a_wrong_answer_split_it_over_two_cycles(
    small: Installation,
) -> None:
    small.clock.advance(timedelta(days=8))
    send(small, THREE, "Summer sale")
    first = send(small, ONE, "Letter 3")
    assert doubted(small) == {first: RoundDoubt.OTHER_CONTENT}
    rule_on_round(small.services, first, RoundRuling.FITS, by="ada")
    moved = min(small.members(ONE))
    small.take_off(ONE, moved)
    small.put_on(THREE, moved)
    again = send(small, THREE, "Letter 3")
    assert doubted(small) == {again: RoundDoubt.SAME_LIST}
    rule_on_round(small.services, again, RoundRuling.FITS, by="ada")
    assert named_twice(small) == [(again, [moved])]
    synchronise(small.services, progress=quietly)
    told = [row for row in small.cards() if "Same Mailing Twice" in str(row)]
    assert len(told) == 1
    assert again in str(told[0])


def test_who_got_a_cycle_twice_is_named_when_a_person_says_that_a_segment_was_its_round(small: Installation) -> None:
    send(small, ONE, "Letter 3")
    moved = min(small.members(ONE))
    small.take_off(ONE, moved)
    small.put_on(TWO, moved)
    to_segment(small, TWO, "Letter 3")
    synchronise(small.services, progress=quietly)
    assert named_twice(small) == []
    rule_on_round(small.services, small.key, RoundRuling.JOINS, by="ada")
    assert named_twice(small) == [(small.key, [moved])]
    # Nobody is named a second time by an answer that changes nothing for them.
    rule_on_round(small.services, small.key, RoundRuling.FITS, by="ada")
    rule_on_round(small.services, small.key, RoundRuling.JOINS, by="ada")
    assert named_twice(small) == [(small.key, [moved])]
