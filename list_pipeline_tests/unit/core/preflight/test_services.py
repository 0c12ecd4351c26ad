"""The verdicts on Mailjet, Slack and the ways of an alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.preflight import services
from list_pipeline.core.preflight.checks import Check, CheckState
from list_pipeline.core.preflight.services import ADDED_TO, EVENT_KINDS, Answer, ListAtMailjet, RegisteredUrl

PASSED, ADVISED, MISSING = CheckState.PASSED, CheckState.ADVISED, CheckState.MISSING
LISTS: Mapping[ListRole, ListAtMailjet] = {role: ListAtMailjet(role.label) for role in ALL_LISTS}
NOBODY: frozenset[ListRole] = frozenset()
URLS = [RegisteredUrl(kind, True, True, True, True) for kind in EVENT_KINDS]


def test_a_service_that_is_set_up_has_to_answer_and_one_that_is_not_is_advised() -> None:
    failed = services.judge_service(Check.REDIS, Answer.FAILED, "no answer", "slow", "REDIS_URL")
    assert (failed.check, failed.state, failed.words) == (Check.REDIS, MISSING, "no answer")
    absent = services.judge_service(Check.REDIS, Answer.NOT_SET_UP, "", "slow", "REDIS_URL")
    assert (absent.state, absent.words, absent.next_step) == (ADVISED, "not set up: slow", "Set REDIS_URL")
    assert services.judge_service(Check.REDIS, Answer.WELL, "", "slow", "REDIS_URL").state is PASSED


def test_five_lists_that_are_there_and_confirmed_pass() -> None:
    found = services.judge_five_lists(LISTS, ["List 1 is odd."], [])
    assert (found.check, found.state) == (Check.FIVE_LISTS, PASSED)
    assert "Suppression list" in found.words


def test_a_list_that_mailjet_does_not_know_counts_first() -> None:
    seen = {**LISTS, ListRole.MASTER: ListAtMailjet("", "Mailjet knows no list 4")}
    found = services.judge_five_lists(seen, ["odd"], ["new"])
    assert (found.state, found.words) == (MISSING, "Master list: Mailjet knows no list 4")


def test_two_lists_of_one_name_may_be_the_same_list() -> None:
    seen = {**LISTS, ListRole.CAMPAIGN_2: LISTS[ListRole.CAMPAIGN_1]}
    found = services.judge_five_lists(seen, [], [])
    assert found.state is MISSING
    assert "two lists are called 'List 1'" in found.words


def test_what_looks_wrong_counts_until_a_person_confirmed_it() -> None:
    assert services.judge_five_lists(LISTS, ["Too small."], ["nobody has confirmed them yet"]).words == "Too small."
    found = services.judge_five_lists(LISTS, [], ["nobody has confirmed them yet"])
    assert (found.state, found.words) == (MISSING, "not confirmed: nobody has confirmed them yet")


def automations(said: Any = NOBODY, denied: Any = NOBODY, seen: Any = NOBODY, may_start: bool = False) -> Any:
    return services.judge_automations(frozenset(said), frozenset(denied), frozenset(seen), may_start=may_start)


def test_automations_that_were_seen_have_to_be_named() -> None:
    one, two = ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2
    found = automations(seen={two, one})
    assert (found.check, found.state) == (Check.AUTOMATIONS, MISSING)
    assert "List 1 and List 2" in found.words
    assert automations(said={one}, denied={two}, seen={one, two}).state is ADVISED


def test_of_each_list_that_contacts_are_added_to_somebody_says_whether_it_has_automations() -> None:
    assert (*CAMPAIGN_LISTS, ListRole.SUPPRESSION) == ADDED_TO
    assert automations(denied=ADDED_TO).state is PASSED
    assert automations(said=ADDED_TO).state is PASSED
    left = automations(said={ListRole.CAMPAIGN_1}, denied={ListRole.CAMPAIGN_3})
    assert left.state is ADVISED
    assert "List 2 and Suppression list" in left.words


def test_automations_that_may_start_by_themselves_are_named() -> None:
    may = automations(said=ADDED_TO, may_start=True)
    assert may.state is ADVISED
    assert "AUTOMATIONS_MAY_START" in may.next_step
    assert automations(denied=ADDED_TO, may_start=True).state is PASSED


def test_events_that_are_not_wanted_are_advised() -> None:
    assert services.judge_events(False, URLS).state is ADVISED
    assert services.judge_events(False, URLS).check is Check.EVENTS


def test_every_kind_of_event_has_a_url_of_ours() -> None:
    assert services.judge_events(True, URLS).state is PASSED
    found = services.judge_events(True, [*URLS[:2], replace(URLS[2], is_ours=False), *URLS[3:]])
    assert (found.state, found.words) == (MISSING, "no URL of ours is registered for spam")
    assert "bounce, blocked, spam, unsub, open, click" in services.judge_events(True, []).words


@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        ({"is_encrypted": False}, "is not https"),
        ({"is_admitted": False}, "another user or password"),
        ({"is_alive": False}, "gave the URL for click up"),
    ],
)
def test_a_url_that_events_do_not_come_through_is_named(flaw: dict[str, bool], words: str) -> None:
    found = services.judge_events(True, [*URLS[:-1], replace(URLS[-1], **flaw)])
    assert found.state is MISSING
    assert words in found.words


def test_slack_s_token_may_post_and_look_up() -> None:
    assert services.judge_scopes(None).state is ADVISED
    assert services.judge_scopes(frozenset()).state is MISSING
    assert services.judge_scopes(frozenset({"channels:history"})).words == "the token lacks chat:write"
    lacks = services.judge_scopes(frozenset({"chat:write"}))
    assert (lacks.check, lacks.state) == (Check.SLACK_SCOPES, ADVISED)
    assert "channels:history" in lacks.words
    for history in ("channels:history", "groups:history"):
        assert services.judge_scopes(frozenset({"chat:write", history})).state is PASSED


def test_what_is_critical_reaches_people_by_two_ways() -> None:
    assert services.judge_alerts([]).state is MISSING
    one = services.judge_alerts(["Slack"])
    assert (one.check, one.state) == (Check.ALERTS, ADVISED)
    assert one.words.startswith("Slack alone")
    two = services.judge_alerts(["Slack", "e-mail"])
    assert (two.state, two.words) == (PASSED, "Slack, e-mail")
