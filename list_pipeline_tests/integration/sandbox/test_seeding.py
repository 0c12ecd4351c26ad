"""A seeded account is reproducible, agrees with itself, and contains the traps that it says it contains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from list_pipeline.sandbox.control import SandboxControlError
from list_pipeline_tests.integration.sandboxes import (
    ANCHOR,
    LIST_1,
    LIST_2,
    LIST_3,
    MASTER,
    SUPPRESSION,
    Rehearsal,
    rehearsal,
)

CAMPAIGN_LISTS = (LIST_1, LIST_2, LIST_3)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path_factory.mktemp("closed"), scenario="closed_cycle") as running:
        yield running


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path_factory.mktemp("opened"), scenario="open_cycle") as running:
        yield running


@pytest.fixture(params=["closed", "opened"])
def seeded(request: pytest.FixtureRequest) -> Rehearsal:
    found: Rehearsal = request.getfixturevalue(request.param)
    return found


def failures_of(sandbox: Rehearsal, campaign_id: int) -> dict[int, tuple[str, int | None]]:
    entry = sandbox.control.ledger(campaign_id)[0]
    return {row["contact_id"]: (row["status"], row["state_id"]) for row in entry["failures"]}


def test_the_same_seed_gives_the_same_account_and_another_seed_another(tmp_path: Path) -> None:
    found = []
    for number, seed in enumerate((7, 7, 8)):
        with rehearsal(tmp_path / str(number), seed=seed, contacts=3000) as running:
            found.append((running.control.digest(), running.control.answers(), running.control.ledger()))
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]


def test_seeding_again_replaces_the_account(tmp_path: Path) -> None:
    with rehearsal(tmp_path, contacts=3000) as running:
        before = running.control.digest()
        running.new_list()
        running.join(MASTER, "extra@example.com")
        assert running.control.digest() != before
        running.control.seed(contacts=3000)
        assert running.control.digest() == before


def test_a_closed_cycle_has_nine_sends_and_an_open_one_eight(closed: Rehearsal, opened: Rehearsal) -> None:
    rounds = [send["list_id"] for send in closed.control.ledger(contacts=False)]
    assert rounds == [*CAMPAIGN_LISTS] * 3
    assert [send["list_id"] for send in opened.control.ledger(contacts=False)] == ([*CAMPAIGN_LISTS] * 3)[:8]
    for sandbox in (closed, opened):
        last = sandbox.control.ledger(contacts=False)[-1]
        assert datetime.fromisoformat(last["send_end_at"]) == ANCHOR - timedelta(hours=25)


def test_list_sizes_are_as_described(seeded: Rehearsal) -> None:
    lists = seeded.control.lists()
    assert lists[MASTER]["raw"] == 3600
    assert all(1130 <= lists[list_id]["raw"] <= 1192 for list_id in CAMPAIGN_LISTS)
    assert lists[SUPPRESSION]["raw"] == 50
    assert seeded.control.answers()["last_list_id"] == min(CAMPAIGN_LISTS, key=lambda each: lists[each]["raw"])


def test_only_the_last_sends_suppressions_make_a_rebalancing_due(seeded: Rehearsal) -> None:
    answers, lists = seeded.control.answers(), seeded.control.lists()

    def deviation(sizes: list[int]) -> float:
        mean = sum(sizes) / 3
        return max(abs(size - mean) for size in sizes) / mean

    sizes = {list_id: lists[list_id]["mailable"] for list_id in CAMPAIGN_LISTS}
    assert deviation(list(sizes.values())) < 0.05
    sizes[answers["last_list_id"]] -= len(answers["suppress"])
    assert deviation(list(sizes.values())) > 0.05
    assert len(answers["suppress"]) < 0.06 * answers["last_recipients"]
    # Newcomers alone do not repair it: enrolments and moves both appear.
    grown = sum(sizes.values()) + len(answers["newcomer"])
    assert sizes[answers["last_list_id"]] + len(answers["newcomer"]) < grown / 3 * 0.98


def test_exactly_one_contact_is_in_two_campaign_lists(seeded: Rehearsal) -> None:
    places = Counter(row["ID"] for each in CAMPAIGN_LISTS for row in all_contacts(seeded, each))
    assert [contact for contact, count in places.items() if count > 1] == seeded.control.answers()["in_two_lists"]


def all_contacts(sandbox: Rehearsal, list_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while rows := sandbox.data("/contact", ContactsList=list_id, Limit=1000, Offset=len(found), Sort="ID"):
        found += rows
    return found


def test_newcomers_are_in_master_and_in_no_campaign_list(seeded: Rehearsal) -> None:
    answers = seeded.control.answers()
    for key in ("newcomer", "unsubscribed_newcomer", "excluded_newcomer", "ghost_newcomer", "suppressed_newcomer"):
        for contact_id in answers[key]:
            contact = seeded.control.contact(contact_id)
            places = {place["list_id"]: place["unsubscribed"] for place in contact["lists"]}
            assert MASTER in places
            assert not set(places) & set(CAMPAIGN_LISTS)
            assert contact["excluded"] is (key == "excluded_newcomer")
            assert places[MASTER] is (key == "unsubscribed_newcomer")
            assert contact["anonymised"] is (key == "ghost_newcomer")
            assert (SUPPRESSION in places) is (key == "suppressed_newcomer")


def test_the_suppressed_are_excluded_on_the_suppression_list_and_still_in_master(seeded: Rehearsal) -> None:
    for contact_id in seeded.control.answers()["suppressed"]:
        contact = seeded.control.contact(contact_id)
        assert contact["excluded"]
        assert {place["list_id"] for place in contact["lists"]} == {MASTER, SUPPRESSION}


def test_nobody_was_mailed_while_unsubscribed_or_excluded(seeded: Rehearsal) -> None:
    answers = seeded.control.answers()
    barred = set(answers["unsubscribed_member"]) | set(answers["excluded_member"]) | set(answers["suppressed"])
    last = seeded.control.ledger(answers["last_campaign_id"])[0]
    assert barred
    assert not barred & set(last["contact_ids"])


def test_every_contact_got_each_cycle_at_most_once_except_the_one_in_two_lists(seeded: Rehearsal) -> None:
    shared = set(seeded.control.answers()["in_two_lists"])
    by_cycle: dict[str, Counter[int]] = {}
    for send in seeded.control.ledger():
        by_cycle.setdefault(send["subject"], Counter()).update(send["contact_ids"])
    assert len(by_cycle) == 3
    for counts in by_cycle.values():
        assert {contact for contact, count in counts.items() if count > 1} <= shared


HARD_STATES = {1, 4, 19}


def test_each_trap_failed_as_its_name_says(seeded: Rehearsal) -> None:
    answers = seeded.control.answers()
    failed = failures_of(seeded, answers["last_campaign_id"])
    assert {failed[who][1] for who in answers["hard"]} == HARD_STATES
    assert {failed[who][0] for who in answers["hard"]} == {"hardbounced"}
    assert {failed[who] for who in answers["sender_side_permanent"]} == {("hardbounced", 7), ("hardbounced", 9)}
    assert {failed[who] for who in answers["preblocked"]} == {("blocked", 14)}
    assert {failed[who] for who in answers["soft_pattern"]} == {("softbounced", 3)}
    assert {failed[who] for who in answers["unknown_state"]} == {("hardbounced", 77)}
    assert {failed[who][1] for who in answers["disputed_first_hit"]} == {1, 2, 5}
    assert {failed[who][1] for who in answers["single_soft"]} == {3, 10, 11, 12, 13}
    complaints = [who for who in answers["complaint"] if who not in failed]
    assert complaints
    assert all(seeded.control.contact(who)["complaining"] for who in answers["complaint"])


def test_permanence_flags_are_in_the_bounce_log_also_for_the_senders_own_faults(seeded: Rehearsal) -> None:
    answers = seeded.control.answers()
    rows = seeded.data("/bouncestatistics", CampaignID=answers["last_campaign_id"], FromTS=1, Limit=1000)
    permanent = {row["ContactID"] for row in rows if row["IsStatePermanent"]}
    assert set(answers["sender_side_permanent"]) <= permanent
    assert not permanent & set(answers["single_soft"])
    by_contact = Counter(row["ContactID"] for row in rows)
    assert {who for who, count in by_contact.items() if count > 1} == set(answers["duplicate_rows"])
    states = {who: {row["StateID"] for row in rows if row["ContactID"] == who} for who in answers["duplicate_rows"]}
    assert all(len(found) == 2 for found in states.values())


def test_the_two_sources_contradict_each_other_exactly_where_announced(seeded: Rehearsal) -> None:
    answers = seeded.control.answers()
    campaign = answers["last_campaign_id"]
    rows = seeded.data("/bouncestatistics", CampaignID=campaign, FromTS=1, Limit=1000)
    permanent = {row["ContactID"] for row in rows if row["IsStatePermanent"]}
    hard = {who for who, (status, _) in failures_of(seeded, campaign).items() if status == "hardbounced"}
    assert hard ^ permanent == set(answers["contradictions"])


def test_patterns_reach_over_three_cycles_and_long_enough(seeded: Rehearsal) -> None:
    answers = seeded.control.answers()
    sends = [send for send in seeded.control.ledger() if send["list_id"] == answers["last_list_id"]]
    ends = [datetime.fromisoformat(send["send_end_at"]) for send in sends]
    assert ends[-1] - ends[0] >= timedelta(days=14)
    assert ANCHOR - ends[-1] <= timedelta(days=30)
    failed = [{row["contact_id"]: row["state_id"] for row in send["failures"]} for send in sends]
    for who in answers["soft_pattern"]:
        assert [each.get(who) for each in failed] == [3, 3, 3]
    for who in answers["disputed_second_hit"]:
        assert failed[0].get(who) is None
        assert failed[1][who] == failed[2][who]
        assert ends[2] - ends[1] >= timedelta(days=7)
    for who in answers["disputed_first_hit"] + answers["single_soft"]:
        assert [who in each for each in failed] == [False, False, True]
    for who in answers["interrupted_soft"]:
        assert [who in each for each in failed] == [True, False, True]


def test_one_domain_looks_like_an_incident_and_no_other_does(seeded: Rehearsal) -> None:
    answers = seeded.control.answers()
    send = seeded.control.ledger(answers["last_campaign_id"])[0]
    domains = {row["ID"]: row["Email"].rpartition("@")[2] for row in all_contacts(seeded, answers["last_list_id"])}
    recipients = Counter(domains[who] for who in send["contact_ids"])
    failed = failures_of(seeded, answers["last_campaign_id"])
    hard = Counter(domains[who] for who, (status, _) in failed.items() if status == "hardbounced")
    suspicious = {name for name, count in hard.items() if count >= 5 and count >= 0.6 * recipients[name]}
    assert suspicious == {answers["incident_domain_name"]}
    found = {who for who in send["contact_ids"] if domains[who] == answers["incident_domain_name"] and who in failed}
    assert found == set(answers["incident_domain"])


def test_counters_equal_the_distinct_failures_of_every_campaign(seeded: Rehearsal) -> None:
    for send in seeded.control.ledger():
        seen = Counter(row["status"] for row in send["failures"])
        counters = seeded.data(
            "/statcounters",
            SourceId=send["campaign_id"],
            CounterSource="Campaign",
            CounterTiming="Message",
            CounterResolution="Lifetime",
        )[0]
        assert counters["MessageHardBouncedCount"] == seen["hardbounced"]
        assert counters["MessageSoftBouncedCount"] == seen["softbounced"]
        assert counters["MessageBlockedCount"] == seen["blocked"]
        assert counters["Total"] == send["recipients"] == len(set(send["contact_ids"]))


def test_row_ids_grow_with_the_time_of_subscription(seeded: Rehearsal) -> None:
    rows = seeded.data("/listrecipient", ContactsList=LIST_1, Limit=1000, Sort="ID")
    times = [row["SubscribedAt"] for row in rows]
    assert times == sorted(times)


def test_the_failures_of_the_last_send_can_be_held_constant_while_the_account_grows(tmp_path: Path) -> None:
    counts = []
    for contacts in (3600, 20_000):
        with rehearsal(tmp_path / str(contacts), contacts=contacts, last_send_failures="constant") as running:
            answers = running.control.answers()
            failed = failures_of(running, answers["last_campaign_id"])
            counts.append((len(failed), len(answers["suppress"])))
            assert running.control.lists()[MASTER]["raw"] == contacts
    assert counts[0] == counts[1]


def test_even_lists_need_no_repair(tmp_path: Path) -> None:
    with rehearsal(tmp_path, contacts=6000, balance="even", last_send_failures="constant") as running:
        lists = running.control.lists()
        sizes = [lists[list_id]["raw"] for list_id in CAMPAIGN_LISTS]
        assert max(sizes) - min(sizes) <= 3


def test_the_next_round_is_programmed_two_days_ahead_and_then_sent(tmp_path: Path) -> None:
    with rehearsal(tmp_path, contacts=3000, scenario="open_cycle") as running:
        draft = running.data("/campaigndraft", Status=1)[0]
        assert (draft["ContactsListID"], draft["Subject"]) == (LIST_3, "Client letter 3")
        running.pass_time(days=2, hours=1)
        assert running.control.ledger(contacts=False)[-1]["list_id"] == LIST_3
        assert running.data(f"/campaigndraft/{draft['ID']}")[0]["Status"] == 2


@pytest.mark.parametrize(
    "parts",
    [{"scenario": "unheard_of"}, {"contacts": 100}, {"campaign_1": 5776}, {"balance": "odd"}, {"colour": "red"}],
)
def test_impossible_seeds_are_refused_and_change_nothing(tmp_path: Path, parts: dict[str, Any]) -> None:
    with rehearsal(tmp_path) as running:
        running.new_list()
        before = running.control.digest()
        with pytest.raises(SandboxControlError):
            running.control.seed(**parts)
        assert running.control.digest() == before
