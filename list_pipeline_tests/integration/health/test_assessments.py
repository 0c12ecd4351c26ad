"""List health on rehearsed accounts: figures from our own rows, one assessment a list, and never in the way of a run."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.core.advice import AdviceOutcome, AdviceSource, ModelAnswer
from list_pipeline.core.errors import TransientError
from list_pipeline.core.health.assessment import HealthStatus, judge_health
from list_pipeline.core.health.figures import BounceTrend, SizeTrend
from list_pipeline.core.incidents.policy import INCIDENTS
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanKind, Urgency
from list_pipeline.core.wording import Rate
from list_pipeline.operations.advice.advisors import access_for, partition_of
from list_pipeline.operations.health import assessments as health
from list_pipeline.operations.health import checks as health_checks
from list_pipeline.operations.health.assessments import figures_of_lists, stored_assessments
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.runs.run import current
from list_pipeline.storage.advice import AdvicePartition
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, LIST_SIZE, SENDER_FAULT, SOFT, Installation
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long

SIZES = dict.fromkeys(CAMPAIGN_LISTS, LIST_SIZE) | {ListRole.MASTER: 62}


def model_of(made: Installation) -> dict[str, Any]:
    """Settings that put the rehearsed model to work."""
    return {"gemini_api_key": "sandbox-key", "gemini_base_url": made.server.url}


def decided(made: Installation) -> dict[int, str]:
    """Who is suppressed, watched or kept by the last campaign's plan."""
    with made.services.database.begin() as connection:
        items = plan_rows.plan_items(connection, made.plan(PlanKind.SUPPRESSION).plan_id, set(ItemAction))
    return {item.contact_id: item.action.value for item in items}


# Figures


def test_the_figures_are_those_of_the_recorded_campaigns(small: Installation) -> None:
    small.observe()
    one, two, three = figures_of_lists(small.services, SIZES, small.clock.now())
    # The last send to list 3: three hard bounces, a soft one, a complaint (delivered), and a refusal that is ours.
    assert three.last is not None
    assert (three.last.recipients, three.last.hard, three.last.soft) == (LIST_SIZE, len(HARD), 1)
    assert three.last.delivered == LIST_SIZE - len(HARD) - len({SOFT, SENDER_FAULT})
    assert COMPLAINED not in (SOFT, SENDER_FAULT, *HARD)
    assert three.recent is not None
    assert (three.recent.campaigns, three.recent.soft) == (2, 2)
    assert three.suppression == Rate(0, LIST_SIZE)
    for each in (one, two):
        assert each.last is not None
        assert (each.last.hard_rate.count, each.last.hard_rate.of) == (0, LIST_SIZE)
    # Too few campaigns to estimate how much those of the account differ: the figure to begin with, and in the trend too.
    assert {each.last.overdispersion for each in (one, two, three) if each.last} == {INCIDENTS.overdispersion}
    assert (one.last.complaints if one.last else None, three.last.complaints) == (0, 1)
    assert (three.mailable, three.target, three.variance) == (LIST_SIZE, LIST_SIZE, 0)
    assert three.master_third == pytest.approx(62 / 3)
    assert three.last_campaign_at is not None
    assert one.last_campaign_at is not None
    assert three.last_campaign_at > one.last_campaign_at
    # Twenty recipients a campaign are too few, and one count of a list is no trend.
    assert {each.bounce_trend for each in (one, two, three)} == {BounceTrend.UNKNOWN}
    assert three.size_trend is SizeTrend.UNKNOWN


def test_what_was_not_read_whole_is_not_known(small: Installation) -> None:
    run = small.begin()
    with small.services.database.begin() as connection:
        connection.exec_driver_sql("delete from bounce_fetch")
    figures = figures_of_lists(small.services, {}, small.clock.now())
    assert {each.last for each in figures} == {None}
    assert {each.mailable for each in figures} == {None}
    assert {judge_health(each).status for each in figures} == {HealthStatus.WARNING}
    found = health.assess_lists(small.services, run, ModelAccess())
    assert all("unknown" in each.concerns[0] for each in found)


def test_the_size_of_a_list_is_followed_over_the_snapshots_of_earlier_runs(small: Installation) -> None:
    small.observe()
    small.clock.advance(timedelta(days=20))
    one, *_ = figures_of_lists(small.services, {**SIZES, ListRole.CAMPAIGN_1: LIST_SIZE - 4}, small.clock.now())
    assert one.size_trend is SizeTrend.SHRINKING
    assert one.size_change_percent == pytest.approx(-30.0)


def test_suppressed_contacts_show_in_the_rate_of_the_list_that_mailed_them(maintained: Installation) -> None:
    small = maintained
    *_, three = figures_of_lists(small.services, SIZES, small.clock.now())
    assert three.suppression == Rate(len(HARD) + 1, LIST_SIZE)


# The assessment


def test_a_maintenance_assesses_the_three_lists_once_and_asks_mailjet_nothing_for_it(small: Installation) -> None:
    run = small.observe()
    small.control.reset_requests()
    first = health.assess_lists(small.services, run, access_for(small.services, run))
    assert small.control.requests() == {}
    assert [each.role for each in first] == list(CAMPAIGN_LISTS)
    assert {each.source for each in first} == {AdviceSource.POLICY}
    small.clock.advance(timedelta(hours=1))
    assert health.assess_lists(small.services, run, access_for(small.services, run)) == first
    assert small.query("select count(*) from list_health_assessment") == [(3,)]
    assert small.query("select count(*) from agent_record where agent = 'list_health'") == [(3,)]
    assert small.query("select distinct assessed_at from list_health_assessment") == [
        (small.clock.now() - timedelta(hours=1),)
    ]


def test_the_model_is_asked_about_each_list_and_its_words_are_kept(small: Installation) -> None:
    run = small.observe()
    services = small.another(**model_of(small))
    found = health.assess_lists(services, run, access_for(services, run))
    assert {each.source for each in found} == {AdviceSource.MODEL}
    assert all(each.confidence is not None for each in found)
    records = small.query("select subject, outcome, requests, confidence from agent_record where agent = 'list_health'")
    assert sorted(record[0] for record in records) == ["List 1", "List 2", "List 3"]
    assert {record[1] for record in records} <= {"accepted", "trimmed"}
    assert {record[2] for record in records} == {1}
    # A run that died before it stored anything asks nothing anew: the record answers.
    with services.database.begin() as connection:
        connection.exec_driver_sql("delete from list_health_assessment")
    asked = len(small.control.gemini_requests())
    assert health.assess_lists(services, run, access_for(services, run)) == found
    assert len(small.control.gemini_requests()) == asked


def test_after_a_run_that_died_only_the_missing_list_is_assessed(small: Installation) -> None:
    run = small.observe()
    first = health.assess_lists(small.services, run, ModelAccess())
    with small.services.database.begin() as connection:
        connection.exec_driver_sql("delete from list_health_assessment where list_role = 'campaign_2'")
    assert health.assess_lists(small.services, run, ModelAccess()) == first
    assert small.query("select subject, count(*) from agent_record group by subject order by subject") == [
        ("List 1", 1),
        ("List 2", 2),
        ("List 3", 1),
    ]


def test_no_address_name_or_number_of_a_list_or_contact_is_in_a_recorded_question(small: Installation) -> None:
    run = small.observe()
    services = small.another(**model_of(small))
    health.assess_lists(services, run, access_for(services, run))
    prompts = [row[0] for row in small.query("select prompt from agent_record where agent = 'list_health'")]
    assert len(prompts) == 3
    lists = small.account.lists
    for prompt in prompts:
        assert "@" not in prompt
        assert "example" not in prompt
        assert not [number for number in (lists[role] for role in ListRole) if str(number) in prompt]
        assert not [number for number in small.account.people.values() if str(number) in prompt]


def test_a_week_is_a_partition_as_well(small: Installation) -> None:
    small.observe()
    week = AdvicePartition(week=date(2026, 11, 16))
    found = health.assess_partition(small.services, week, SIZES, ModelAccess())
    assert [each.role for each in found] == list(CAMPAIGN_LISTS)
    assert small.query(
        "select count(*) from list_health_assessment where week = '2026-11-16' and campaign_id is null"
    ) == [(3,)]
    # The first word of a partition stays.
    assert health.assess_partition(small.services, week, {}, ModelAccess()) == found


def test_a_maintenance_that_is_over_is_not_assessed_afterwards(maintained: Installation) -> None:
    small = maintained
    with small.services.database.begin() as connection:
        connection.exec_driver_sql("delete from list_health_assessment")
    run = current(small.services, small.key)
    assert run.is_over
    assert health.assess_lists(small.services, run, ModelAccess()) == []
    result = health_checks.no_list_is_critical(small.services, run)
    assert (result.passed, result.is_serious) == (False, False)


# In a maintenance


def test_the_whole_maintenance_has_the_health_of_the_lists_and_the_checks_tell_it(maintained: Installation) -> None:
    small = maintained
    run = current(small.services, small.key)
    found = stored_assessments(small.services, partition_of(run))
    assert [each.assessment.status for each in found] == [
        judge_health(each).status for each in figures_of_lists(small.services, SIZES, run.log.executed_at)
    ]
    assert found[2].figures.last_campaign is not None
    assert found[2].figures.last_campaign.hard_bounces is not None
    assert found[2].figures.last_campaign.hard_bounces.contacts == len(HARD)
    healthy = health_checks.every_list_is_healthy(small.services, run)
    assert healthy.passed == all(each.assessment.status is HealthStatus.HEALTHY for each in found)
    assert "cannot tell yet" in health_checks.bounces_do_not_degrade(small.services, run).words
    assert "cannot be told yet" in health_checks.no_list_shrinks_fast(small.services, run).words


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("hostile", {AdviceOutcome.ACCEPTED, AdviceOutcome.TRIMMED}),
        ("off", {AdviceOutcome.UNANSWERED}),
        ("invented_references", {AdviceOutcome.REFUSED}),
    ],
)
def test_whatever_the_model_does_the_run_completes_and_the_same_contacts_are_decided(
    install_small: Install, behaviour: str, expected: set[AdviceOutcome]
) -> None:
    with install_small() as made:
        report = made.maintain().report
        alone = decided(made)
        rules = Counter(row[0] for row in made.query("select urgency from list_health_assessment"))
    with install_small() as made:
        made.control.gemini_behaviour(behaviour, times=None, agent="list_health")
        services = made.another(**model_of(made))
        given = made.maintain(services).report
        assert given.facts.status is report.facts.status
        assert decided(made) == alone
        found = made.query("select status, urgency, rules_urgency from list_health_assessment")
        assert len(found) == 3
        order = list(Urgency)
        for _, urgency, own in found:
            assert order.index(Urgency(urgency)) - order.index(Urgency(own)) in (0, 1)
            assert Urgency(urgency).pages_people == Urgency(own).pages_people
        assert Counter(own for _, _, own in found) == rules
        outcomes = {row[0] for row in made.query("select outcome from agent_record where agent = 'list_health'")}
        assert outcomes <= {each.value for each in expected}


class Meeting:
    """A model that answers nobody before four questions were put to it at the same time."""

    model = "fake-1"

    def __init__(self) -> None:
        self.together = threading.Barrier(4, timeout=20)

    def generate(self, *_: Any, **__: Any) -> ModelAnswer:
        self.together.wait()
        raise TransientError("Asking", "the connection was dropped", "Try again")


def test_the_lists_and_the_plan_are_asked_about_at_the_same_time(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.observe()
    monkeypatch.setattr(workflow, "access_for", lambda *_: ModelAccess(model=Meeting()))
    analysed = workflow.analyse(small.services, run)
    assert len(analysed.assessments) == 3
    asked = small.query(
        "select agent, count(*), min(outcome), max(outcome) from agent_record group by agent order by agent"
    )
    assert asked == [("list_health", 3, "unanswered", "unanswered"), ("optimization", 1, "unanswered", "unanswered")]


def test_lists_that_cannot_be_assessed_do_not_end_a_run(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise TransientError("Assessing the lists", "the figures could not be read", "Run it again")

    monkeypatch.setattr(health, "figures_of_lists", fail)
    run = small.observe()
    analysed = workflow.analyse(small.services, run)
    assert analysed.assessments == ()
    assert "could not be read" in analysed.problem
    assert analysed.plan.plan_id == small.plan(PlanKind.SUPPRESSION).plan_id
    assert any(entry["event"] == "the lists could not be assessed" for entry in small.logs)


def test_the_figures_are_the_same_whoever_asks(small: Installation) -> None:
    run = small.observe()
    analysed = workflow.analyse(small.services, run)
    again = workflow.analyse(small.services, run)
    assert again == replace(analysed, assessments=again.assessments)
    assert list(again.assessments) == list(analysed.assessments)
