"""One maintenance of an account full of traps, judged by the account itself: who was suppressed, who was left alone.

What is true of each contact comes from the sandbox, never from the product's own rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from list_pipeline.core.bounces.classes import BounceClass
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind
from list_pipeline.operations.bounces import fetch as bounces
from list_pipeline.operations.maintenance import checks
from list_pipeline.operations.maintenance.workflow import Maintained
from list_pipeline.operations.runs.run import current
from list_pipeline_tests.e2e.rehearsals import MASTER, SUPPRESSION, Rehearsal, Templates

SEEDS = (7, 2026)

LEFT_ALONE = (
    "sender_side_permanent",
    "sender_side",
    "preblocked",
    "not_attempted",
    "single_soft",
    "two_soft",
    "interrupted_soft",
    "disputed_first_hit",
    "unknown_state",
    "contradictions",
    "incident_domain",
    "incident_domain_delivered",
)
"""Kinds of recipients of the last send that nobody may suppress or move."""


@dataclass(frozen=True)
class Story:
    """One account before and after its maintenance, read from the sandbox."""

    rehearsal: Rehearsal
    key: str
    answers: dict[str, Any]
    synced: Any
    before: dict[int, frozenset[int]]
    after: dict[int, frozenset[int]]
    people_before: dict[int, dict[str, Any]]
    people: dict[int, dict[str, Any]]
    maintained: Maintained
    suppressions: dict[int, PlanItem]
    changed: set[int]

    def is_suppressed(self, contact_id: int) -> bool:
        lists = self.after[contact_id]
        on_none = not lists & set(self.rehearsal.campaign_lists)
        return SUPPRESSION in lists and on_none and self.people[contact_id]["IsExcludedFromCampaigns"]

    def rules_of(self, key: str) -> set[str]:
        return {self.suppressions[contact_id].rule for contact_id in self.answers[key]}

    def text(self) -> str:
        return as_text(self.maintained.report.message)


@pytest.fixture(scope="module", params=[SEEDS[0], pytest.param(SEEDS[1], marks=pytest.mark.long)])
def story(request: pytest.FixtureRequest, templates: Templates) -> Iterator[Story]:
    """The closed-cycle account of a seed, maintained once."""
    seed = {"scenario": "closed_cycle", "contacts": 3600, "seed": request.param}
    with templates.rehearsal(seed=seed) as rehearsal:
        answers = rehearsal.control.answers()
        before, people_before = rehearsal.places(), rehearsal.people()
        synced = rehearsal.synchronise()
        (due,) = rehearsal.due()
        maintained = rehearsal.maintain(due.campaign_key)
        after, people = rehearsal.places(), rehearsal.people()
        flags = ("IsExcludedFromCampaigns",)
        changed = {i for i in before.keys() | after.keys() if before.get(i) != after.get(i)}
        changed |= {i for i in people if any(people[i][flag] != people_before[i][flag] for flag in flags)}
        items = rehearsal.plan_items(due.campaign_key, PlanKind.SUPPRESSION)
        by_contact = {item.contact_id: item for item in items}
        yield Story(
            rehearsal,
            due.campaign_key,
            answers,
            synced,
            before,
            after,
            people_before,
            people,
            maintained,
            by_contact,
            changed,
        )


@pytest.fixture
def permanent_second_hits(story: Story) -> set[int]:
    """Of the contacts that failed for a second time, those whose failure Mailjet calls permanent."""
    (send,) = story.rehearsal.control.ledger(story.answers["last_campaign_id"])
    hard = {one["contact_id"] for one in send["failures"] if one["status"] == "hardbounced"}
    return set(story.answers["disputed_second_hit"]) & hard


@pytest.mark.parametrize("kind", LEFT_ALONE)
def test_a_contact_that_is_not_at_fault_stays_exactly_where_it_was(story: Story, kind: str) -> None:
    wanted = story.answers[kind]
    assert wanted, f"the seed has nobody of kind {kind}"
    moved = {i: (story.before[i], story.after.get(i)) for i in wanted if story.before[i] != story.after.get(i)}
    assert moved == {}
    excluded = [i for i in wanted if story.people[i]["IsExcludedFromCampaigns"]]
    # Whom an incident strikes is kept from mail until a mailing answers, and stays on its list.
    assert excluded == (wanted if kind == "incident_domain" else [])


def test_who_is_dead_complained_or_fails_by_pattern_is_suppressed_and_stays_in_master(
    story: Story, permanent_second_hits: set[int]
) -> None:
    truth = story.answers
    expected = {*truth["hard"], *truth["complaint"], *truth["soft_pattern"]} | permanent_second_hits
    assert len(permanent_second_hits) >= 4
    assert {i for i in expected if not story.is_suppressed(i)} == set()
    assert {i for i in expected if MASTER not in story.after[i]} == set()


def test_nobody_else_is_suppressed(story: Story, permanent_second_hits: set[int]) -> None:
    truth = story.answers
    expected = {*truth["hard"], *truth["complaint"], *truth["soft_pattern"]} | permanent_second_hits
    newly = {i for i, lists in story.after.items() if SUPPRESSION in lists and SUPPRESSION not in story.before[i]}
    assert newly == expected
    excluded = {i for i in story.people if story.people[i]["IsExcludedFromCampaigns"]}
    excluded_before = {i for i in story.people_before if story.people_before[i]["IsExcludedFromCampaigns"]}
    assert excluded - excluded_before == expected | set(truth["incident_domain"])
    assert excluded_before <= excluded


def test_each_suppression_gives_the_rule_that_is_true(story: Story, permanent_second_hits: set[int]) -> None:
    assert story.rules_of("hard") == {"hard_bounce"}
    assert story.rules_of("complaint") == {"complaint"}
    assert story.rules_of("soft_pattern") == {"soft_bounce_pattern"}
    assert story.rules_of("disputed_second_hit") == {"second_hit"}
    history = story.rehearsal.rows(
        "select contact_id, reason, added_to_suppression_list from contact_suppression_history"
    )
    by_contact = {row["contact_id"]: row["reason"] for row in history}
    assert len(history) == len(by_contact)
    assert all(row["added_to_suppression_list"] for row in history)
    assert {by_contact[i] for i in permanent_second_hits} == {"second_hit"}


def test_a_second_hit_that_mailjet_calls_temporary_waits_for_a_person_or_is_watched(
    story: Story, permanent_second_hits: set[int]
) -> None:
    doubtful = set(story.answers["disputed_second_hit"]) - permanent_second_hits
    assert doubtful & story.changed == set()
    reviews = story.rehearsal.rows("select contact_id from review_item where kind = 'plan' and status = 'open'")
    waiting = {row["contact_id"] for row in reviews}
    assert {story.suppressions[i].bounce_type for i in waiting} == {"user_unknown"}
    # The other receiver said "host not found, try again": the advisor, who is shown these words, would rather wait.
    watched = doubtful - waiting
    assert {(story.suppressions[i].action, story.suppressions[i].bounce_type) for i in watched} == {
        (ItemAction.MONITOR, "no_mail_host")
    }
    assert waiting | watched == doubtful


def test_a_refused_sender_is_reported_with_what_to_repair(story: Story) -> None:
    truth = story.answers
    ours = set(truth["sender_side_permanent"]) | set(truth["sender_side"])
    assert {story.suppressions[i].rule for i in ours} == {"sender_fault"}
    found: Counter[str] = Counter()
    for fault in story.maintained.report.facts.sender_faults:
        found[fault.reason] += fault.contacts
    assert (found["sender_blocked"], found["policy_issue"]) == (6, 4)
    assert all(fault.advice for fault in story.maintained.report.facts.sender_faults if fault.contacts)
    assert "sender blocked at" in story.text()


def test_what_mailjet_did_not_attempt_is_reported_apart_and_counts_for_nobody(story: Story) -> None:
    silent = set(story.answers["preblocked"]) | set(story.answers["not_attempted"])
    assert {story.suppressions[i].rule for i in silent} == {"not_evidence"}
    assert story.maintained.report.facts.not_evidence == len(silent)
    assert f"{len(silent)} were not attempted at all" in story.text()


def test_the_incident_at_one_domain_is_held_and_a_person_is_asked(story: Story) -> None:
    held = set(story.answers["incident_domain"])
    assert {i for i, item in story.suppressions.items() if item.is_held} == held
    (incident,) = story.rehearsal.rows("select summary, details from review_item where kind = 'incident'")
    assert set(incident["details"]["contact_ids"]) == held
    assert story.answers["incident_domain_name"] in incident["summary"]
    assert "@" not in incident["summary"]


def test_an_unknown_state_and_a_contradiction_are_kept_and_reported(story: Story) -> None:
    assert story.rules_of("unknown_state") == {"unknown_bounce"}
    assert story.rules_of("contradictions") == {"contradiction"}
    unclear = len(story.answers["unknown_state"]) + len(story.answers["contradictions"])
    assert story.maintained.report.facts.unknown == unclear
    assert f"{unclear} failed for an unclear reason" in story.text()


def test_first_hits_and_short_streaks_are_watched(story: Story) -> None:
    assert story.rules_of("disputed_first_hit") == {"first_disputed_hit"}
    assert story.rules_of("two_soft") == {"soft_streak"}
    watched = {story.suppressions[i].action for kind in ("disputed_first_hit", "two_soft") for i in story.answers[kind]}
    assert watched == {ItemAction.MONITOR}


def test_a_bounce_that_mailjet_shows_twice_is_one_bounce(story: Story) -> None:
    twice = story.answers["duplicate_rows"]
    run = current(story.rehearsal.services, story.key)
    data = bounces.stored_bounces(story.rehearsal.services, run.campaign, run.sweep)
    assert data is not None
    assert sorted(event.contact_id for event in data.events if event.contact_id in twice) == sorted(twice)
    assert data.fetch.duplicates >= len(twice)
    # The second row of each is a softer one, and the stronger decides: two of the four are dead addresses.
    dead = set(twice) & set(story.answers["hard"])
    classes = {event.contact_id: event.bounce_class for event in data.events}
    assert len(dead) == 2
    assert {classes[i] for i in dead} == {BounceClass.HARD}
    assert {i for i in twice if story.is_suppressed(i)} == dead


@pytest.mark.parametrize(
    "kind", ["unsubscribed_newcomer", "excluded_newcomer", "ghost_newcomer", "suppressed_newcomer"]
)
def test_the_backfill_takes_nobody_who_must_not_be_mailed(story: Story, kind: str) -> None:
    assert story.answers[kind]
    assert set(story.answers[kind]) & story.changed == set()


def test_the_backfill_takes_those_who_may_be_mailed(story: Story) -> None:
    joined = {i for i in story.changed if not story.before[i] & set(story.rehearsal.campaign_lists)}
    assert joined
    assert joined <= set(story.answers["newcomer"])


def test_unsubscribed_excluded_and_erased_contacts_are_neither_moved_nor_suppressed(story: Story) -> None:
    for kind in ("unsubscribed_member", "excluded_member", "suppressed"):
        assert set(story.answers[kind]) & story.changed == set(), kind
    assert [i for i in story.answers["ghosts"] if i in story.after] == []


def test_ghosts_are_reported_and_never_created_again(story: Story) -> None:
    ghosts = {*story.answers["ghosts"], *story.answers["ghost_newcomer"]}
    assert {i: story.people[i] for i in ghosts} == {i: story.people_before[i] for i in ghosts}
    assert story.people.keys() == story.people_before.keys()
    (sentence,) = [finding for finding in story.synced.findings if "anonymised" in finding]
    assert sentence.startswith(f"Left alone: {len(story.answers['ghost_newcomer'])} ")


def test_a_contact_in_two_lists_is_reported_and_left_where_it_is(story: Story) -> None:
    (twice,) = story.answers["in_two_lists"]
    assert story.before[twice] == story.after[twice]
    assert len(story.after[twice] & set(story.rehearsal.campaign_lists)) == 2
    assert any(str(twice) in finding and "two campaign lists" in finding for finding in story.synced.findings)
    check = checks.nobody_is_in_two_lists(story.rehearsal.services, current(story.rehearsal.services, story.key))
    assert not check.passed
    assert str(twice) in check.words


def test_the_lists_are_balanced_again_as_well_as_can_be_and_nobody_is_lost(story: Story) -> None:
    facts = story.maintained.report.facts
    assert facts.deviation_after is not None
    assert facts.deviation_before is not None
    assert facts.deviation_after < facts.deviation_before
    assert facts.deviation_after < 2.05
    lost = {i for i, lists in story.before.items() if lists & set(story.rehearsal.campaign_lists)} - {
        i for i, lists in story.after.items() if lists & {*story.rehearsal.campaign_lists, SUPPRESSION}
    }
    assert lost == set()
    assert {i for i in story.before if MASTER in story.before[i]} == {
        i for i in story.after if MASTER in story.after[i]
    }


def test_the_report_says_what_happened_and_shows_no_address(story: Story) -> None:
    assert story.maintained.report.facts.status == "success"
    assert story.maintained.delivery.state == "sent"
    (message,) = story.rehearsal.slack_messages()
    assert "@" not in str(message["blocks"]).replace("@here", "")
    assert story.maintained.report.facts.suppression.confirmed_total == len(
        story.rehearsal.rows("select 1 from contact_suppression_history")
    )
