"""What is said of the five lists: the sentence of each rule, and the two messages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from list_pipeline.core.five_lists.confirmation import CONFIRM, DESPITE, NamedList, differences, fingerprint
from list_pipeline.core.five_lists.message import confirmed_message, waiting_message
from list_pipeline.core.five_lists.plausibility import (
    PAIRS,
    FiveListsFacts,
    ListsRule,
    RuleVerdict,
    is_plausible,
    judge_lists,
)
from list_pipeline.core.five_lists.policy import FIVE_LISTS
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS
from list_pipeline.core.messages.slack_blocks import SlackMessage
from list_pipeline_tests.unit.core.five_lists.test_plausibility import (
    MASTER,
    ONE,
    SUPPRESSION,
    THREE,
    TWO,
    broken,
    facts,
    sharing,
    with_list,
)


def words(found: FiveListsFacts, rule: ListsRule) -> str:
    (verdict,) = (verdict for verdict in judge_lists(found) if verdict.rule is rule)
    return verdict.words


def said(message: SlackMessage) -> str:
    return repr(message.blocks)


_LISTS = facts().lists
EMPTY_ROUNDS = replace(facts(), lists={**_LISTS, **{role: replace(_LISTS[role], raw=0) for role in (ONE, TWO)}})


@pytest.mark.parametrize(
    ("found", "rule", "sentence"),
    [
        (facts(), ListsRule.SIZES, "The Master list is the largest, with 4,000 contacts."),
        (EMPTY_ROUNDS, ListsRule.SIZES, "Nobody is on List 1 and List 2."),
        (with_list(MASTER, raw=0), ListsRule.SIZES, "Nobody is on Master list."),
        (with_list(SUPPRESSION, raw=4001), ListsRule.SIZES, "More are on Suppression list than on the Master list."),
        (
            facts(),
            ListsRule.MASTER_HOLDS_ALL,
            "The Master list holds nearly everybody of the other lists.",
        ),
        (
            sharing(MASTER, TWO, 500),
            ListsRule.MASTER_HOLDS_ALL,
            "The Master list holds only 50 % of List 2; it should hold nearly everybody of each list.",
        ),
        (facts(), ListsRule.ROUNDS_ARE_DISJOINT, "The three campaign lists have nearly nobody in common."),
        (
            sharing(ONE, THREE, 1000),
            ListsRule.ROUNDS_ARE_DISJOINT,
            "1,000 contacts are on List 1 and on List 3.",
        ),
        (
            facts(),
            ListsRule.ROUNDS_ARE_COMPARABLE,
            "The campaign lists are of comparable size (1,000 to 1,000 mailable).",
        ),
        (
            with_list(THREE, mailable=2100),
            ListsRule.ROUNDS_ARE_COMPARABLE,
            "List 1 has 1,000 mailable contacts and List 3 2,100: they are not of comparable size.",
        ),
        (
            facts(),
            ListsRule.ROUNDS_ARE_SENT_TO,
            "Sends of the last 90 days went to each campaign list.",
        ),
        (
            with_list(TWO, recent_sends=0),
            ListsRule.ROUNDS_ARE_SENT_TO,
            "No send of the last 90 days went to List 2.",
        ),
        (
            facts(),
            ListsRule.SUPPRESSED_ARE_NOT_SENT_TO,
            "No send of the last 90 days went to the Suppression list.",
        ),
        (
            with_list(SUPPRESSION, recent_sends=2),
            ListsRule.SUPPRESSED_ARE_NOT_SENT_TO,
            "2 sends of the last 90 days went to the Suppression list, which is never sent to.",
        ),
        (
            facts(suppressed_reached=1),
            ListsRule.SUPPRESSED_ARE_NOT_REACHED,
            "Recent sends reached 1 of the 400 on the Suppression list who may be mailed.",
        ),
        (
            with_list(SUPPRESSION, raw=1400),
            ListsRule.SUPPRESSED_ARE_EXPLAINED,
            "Excluded, unsubscribed, complained or bounced: 400 of the 1,400 on the Suppression list.",
        ),
        (
            facts(suppressed_listed=3),
            ListsRule.SUPPRESSED_ARE_OFF_THE_ROUNDS,
            "On a campaign list too: 3 of the 400 on the Suppression list.",
        ),
        (
            with_list(SUPPRESSION, raw=0),
            ListsRule.SUPPRESSED_ARE_EXPLAINED,
            "The Suppression list is empty.",
        ),
    ],
)
def test_each_rule_says_what_was_seen(found: FiveListsFacts, rule: ListsRule, sentence: str) -> None:
    assert words(found, rule) == sentence


def test_without_any_send_the_sends_tell_nothing() -> None:
    found = facts()
    nothing = replace(found, lists={role: replace(one, recent_sends=0) for role, one in found.lists.items()})
    assert (
        words(nothing, ListsRule.ROUNDS_ARE_SENT_TO)
        == "No send of the last 90 days is known, so none tells the lists apart."
    )


def test_sends_to_a_list_that_is_no_round_show_that_the_rounds_are_not_sent_to() -> None:
    found = facts()
    silent = {role: replace(one, recent_sends=0) for role, one in found.lists.items()}
    elsewhere = replace(found, lists={**silent, MASTER: replace(silent[MASTER], recent_sends=1)})
    assert broken(elsewhere) == {ListsRule.ROUNDS_ARE_SENT_TO}


def test_few_contacts_that_master_does_not_hold_are_single_cases_on_a_small_list() -> None:
    small = with_list(SUPPRESSION, raw=20)
    for missing, expected in ((10, set()), (11, {ListsRule.MASTER_HOLDS_ALL})):
        found = replace(
            small, overlaps={**small.overlaps, (MASTER, SUPPRESSION): 20 - missing}, suppressed_explained=20
        )
        assert broken(found) == expected


def test_what_two_rounds_share_is_a_share_of_the_smaller_one() -> None:
    found = sharing(ONE, TWO, 15)
    small = replace(
        found,
        lists={**found.lists, TWO: replace(found.lists[TWO], raw=700)},
        overlaps={**found.overlaps, (MASTER, TWO): 700},
    )
    assert broken(found) == set()
    assert broken(small) == {ListsRule.ROUNDS_ARE_DISJOINT}


def test_members_that_two_lists_share_are_found_in_either_order() -> None:
    found = sharing(ONE, THREE, 7)
    assert found.shared(ONE, THREE) == found.shared(THREE, ONE) == 7
    assert len(PAIRS) == 10


def test_every_rule_counts_for_the_whole() -> None:
    for rule in ListsRule:
        verdicts = tuple(RuleVerdict(each, each is not rule, "So.") for each in ListsRule)
        assert not is_plausible(verdicts)


def test_lists_that_fit_wait_for_a_look_and_a_confirmation() -> None:
    message = waiting_message(facts(), judge_lists(facts()), ["nobody has confirmed them yet", "List 1 is new"])
    told = said(message)
    assert "The Five Lists Wait for Confirmation" in told
    assert "until a person has confirmed the five lists: nobody has confirmed them yet; List 1 is new." in told
    assert "Each of them looks like what it is meant to be." in told
    assert CONFIRM in told
    assert DESPITE not in told
    assert "⛔" not in told
    assert "⚠" in told


def test_lists_that_look_wrong_say_which_rule_is_broken_and_that_it_is_grave() -> None:
    found = with_list(SUPPRESSION, recent_sends=2, name=None)
    told = said(waiting_message(found, judge_lists(found), ["List 1 is new"]))
    assert "The Five Lists Look Wrong, and Wait for a Person" in told
    assert "*They do not look like what they are meant to be.*" in told
    assert "Each of them looks like" not in told
    assert "🚨" in told
    assert "⚠" not in told
    assert told.count("⛔") == 1
    assert "2 sends of the last 90 days went to the Suppression list" in told
    assert "• Suppression list: 5 *name not known*, 400 contacts, 0 mailable" in told
    assert "• Master list: 1 *Master list*, 4,000 contacts, 4,000 mailable" in told
    assert "--despite" in told


def test_a_confirmation_says_who_and_why_and_what_is_wrong_all_the_same() -> None:
    fits = said(confirmed_message(facts(), judge_lists(facts()), "Ann", None))
    assert "Ann confirmed them." in fits
    assert "In spite of" not in fits
    assert "None" not in fits
    found = with_list(SUPPRESSION, recent_sends=2)
    wrong = said(confirmed_message(found, judge_lists(found), "Ann", "It was a test."))
    assert "Ann confirmed them. It was a test." in wrong
    assert "*In spite of what looks wrong.*" in wrong
    assert "⛔" in wrong


def test_lists_that_fit_are_news_and_lists_that_do_not_are_a_warning() -> None:
    found = with_list(SUPPRESSION, recent_sends=2)
    for wrong, message in (
        (False, confirmed_message(facts(), judge_lists(facts()), "Ann", None)),
        (True, confirmed_message(found, judge_lists(found), "Ann", None)),
    ):
        assert ("⚠" in said(message)) is wrong


def test_only_the_list_that_differs_is_named_and_the_fingerprint_is_short_and_lasts() -> None:
    confirmed = {role: NamedList(number, role.label) for number, role in enumerate(ALL_LISTS)}
    changed = {**confirmed, TWO: NamedList(77, "Other"), THREE: NamedList(3, "Third")}
    assert differences(confirmed, changed) == (
        "List 2 is Mailjet's list 77 and was confirmed as 2",
        "List 3 (list 3) is called 'Third' and was confirmed as 'List 3'",
    )
    # A stored fingerprint has to be found again by later versions.
    assert fingerprint(confirmed) == fingerprint(dict(confirmed))
    assert len(fingerprint(confirmed)) == 16
    assert len({fingerprint(each) for each in (confirmed, changed, {**confirmed, ONE: NamedList(9, "List 1")})}) == 3


def test_the_recent_sends_are_those_of_the_policy() -> None:
    assert FIVE_LISTS.recent.days == 90
    assert len(CAMPAIGN_LISTS) == 3
