"""The advisors on a wrap-up: asked at the same time and once, and never in the way of the report."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.wrapup import AGENTS
from list_pipeline.core.advice import AdviceSource, ModelAnswer
from list_pipeline.core.campaign_stages.assessment import FirstFigures
from list_pipeline.core.campaign_stages.assessment_report import policy_report
from list_pipeline.core.campaign_stages.assessment_statements import Topic
from list_pipeline.core.errors import StateChangedError, TransientError
from list_pipeline.core.lists import ListRole
from list_pipeline.operations.campaign_stages import advice
from list_pipeline.operations.campaign_stages.wrapup import Wrapup, wrap_up
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.campaign_story import campaign_story
from list_pipeline.sandbox.gemini.behaviours import HOSTILE_SENTENCES
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.api.serving import served
from list_pipeline_tests.integration.campaign_stages.test_wrapup import cards, sent
from list_pipeline_tests.integration.pages.visiting import Browser

FOUR = tuple(topic.value for topic in Topic)


def with_model(made: Installation, **settings: Any) -> Services:
    """The product with the rehearsed model."""
    return made.another(gemini_api_key="sandbox-key", gemini_base_url=made.server.url, **settings)


def asked(made: Installation) -> list[tuple[Any, ...]]:
    return made.query("select agent, outcome, sweep, confidence is null from agent_record order by agent")


def own_report(found: Wrapup, *, is_sending: bool = False) -> Any:
    return policy_report(FirstFigures("List 1", found.counts, found.compared, is_sending, early=found.early))


def test_four_advisors_and_then_the_summary_are_asked_and_all_of_it_is_recorded(small: Installation) -> None:
    found = wrap_up(with_model(small), sent(small, p1="user_unknown"))
    # There is no earlier send with figures to compare with.
    expected = sorted(each for each in AGENTS if each != Topic.COMPARISON.value)
    assert asked(small) == [(each, "accepted", "wrapup", each == "report_formatting") for each in expected]
    assert found.report.source is AdviceSource.MODEL
    (card,) = cards(small, "Campaign Wrap-Up")
    assert found.report.summary in card
    kept = small.query("select report ->> 'summary', jsonb_array_length(report -> 'assessments') from wrapup_report")
    assert kept == [(found.report.summary, 3)]


def test_the_comparison_is_asked_for_where_an_earlier_send_exists(small: Installation) -> None:
    services = with_model(small)
    wrap_up(services, sent(small))
    found = wrap_up(services, sent(small, ListRole.CAMPAIGN_2))
    assert found.report.of(Topic.COMPARISON) is not None
    assert [row[0] for row in asked(small)].count("comparison") == 1


def test_a_wrap_up_that_is_made_twice_asks_nobody_twice_and_says_the_same(small: Installation) -> None:
    services, key = with_model(small), sent(small)
    change = "update campaign_schedule set status = :s where campaign_key = :k returning 1"
    small.query(change, k=key, s="LAUNCHING")
    found = wrap_up(services, key)
    before = asked(small)
    # Something else would be asked by now: the send has ended.
    small.query(change, k=key, s="SENT")
    again = wrap_up(services, key)
    assert (again.report, again.delivery) == (found.report, None)
    assert asked(small) == before
    assert len(cards(small, "Campaign Wrap-Up")) == 1


def test_after_a_crash_before_the_report_was_kept_the_answers_are_recalled(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, key = with_model(small), sent(small)

    def crash(*_: Any) -> None:
        raise StateChangedError("Keeping a report", "the process ended", "Run it again")

    with monkeypatch.context() as patched:
        patched.setattr(advice.stage_rows, "keep_report", crash)
        with pytest.raises(StateChangedError):
            wrap_up(services, key)
    before = asked(small)
    assert len(before) == 4
    assert cards(small, "Campaign Wrap-Up") == []
    assert wrap_up(services, key).report.source is AdviceSource.MODEL
    assert asked(small) == before
    assert len(cards(small, "Campaign Wrap-Up")) == 1


@pytest.mark.parametrize("behaviour", ["off", "blocked", "truncated", "missing_field"])
def test_a_model_without_a_usable_answer_leaves_the_policys_own_report(small: Installation, behaviour: str) -> None:
    services, key = with_model(small), sent(small, p1="user_unknown", p2="mailbox_inactive")
    small.control.gemini_behaviour(behaviour, times=None)
    found = wrap_up(services, key)
    assert found.report == own_report(found)
    assert found.delivery is not None
    assert own_report(found).summary in cards(small, "Campaign Wrap-Up")[0]


@pytest.mark.parametrize(
    "behaviour",
    ["hostile", "invented_references", "over_confident", "contradictory", "text_in_ids", "false_statements"],
)
def test_a_bad_model_makes_no_verdict_better_and_says_nothing(small: Installation, behaviour: str) -> None:
    services, key = with_model(small), sent(small, p1="user_unknown", p2="user_unknown", p3="mailbox_inactive")
    small.control.gemini_behaviour(behaviour, times=None)
    found = wrap_up(services, key)
    own = own_report(found)
    assert [each.rules_verdict for each in found.report.assessments] == [each.verdict for each in own.assessments]
    everything = str([found.report, *cards(small, "Wrap-Up"), *cards(small, "Run Away")])
    assert not [said for said in HOSTILE_SENTENCES if said in everything]


def test_a_spent_budget_asks_nobody(small: Installation) -> None:
    found = wrap_up(with_model(small, advisors_token_budget=10), sent(small))
    assert {row[1] for row in asked(small)} == {"not_asked"}
    assert found.report == own_report(found)


def test_without_a_key_the_rules_speak_and_it_is_recorded_that_nobody_was_asked(small: Installation) -> None:
    found = wrap_up(small.services, sent(small))
    assert {row[1] for row in asked(small)} == {"not_asked"}
    assert found.report == own_report(found)


def test_an_access_that_cannot_be_had_is_none(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> ModelAccess:
        raise TransientError("Reading what was spent", "the database was busy", "Run it again")

    monkeypatch.setattr(advice, "model_access", fail)
    found = wrap_up(small.services, sent(small))
    assert found.report == own_report(found)
    assert asked(small) == []


def test_the_campaigns_page_has_the_summary_in_its_timeline_and_the_assessments(small: Installation) -> None:
    key = sent(small)
    assert campaign_story(small.services, key).wrapup is None
    found = wrap_up(small.services, key)
    story = campaign_story(small.services, key)
    assert story.wrapup is not None
    assert story.wrapup.report == found.report
    assert ("wrapped_up", found.report.summary) in [(one.what, one.words) for one in story.timeline]
    with served(small.services) as http:
        words = Browser.signed_in(small.services, http).see(f"/admin/campaigns/{key}").words
    assert "First figures list quality: " in words
    assert all(sentence in words for each in found.report.assessments for sentence in each.sentences)


class Meeting:
    """A model that answers nobody before so many questions were put to it at the same time."""

    model = "fake-1"

    def __init__(self, questions: int) -> None:
        self.together = threading.Barrier(questions, timeout=20)

    def generate(self, *_: Any, **__: Any) -> ModelAnswer:
        self.together.wait()
        raise TransientError("Asking", "the connection was dropped", "Try again")


def test_they_are_asked_at_the_same_time_and_the_summary_not_of_a_model_that_answered_none(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrap_up(small.services, sent(small))
    small.query("delete from agent_record returning 1")
    monkeypatch.setattr(advice, "model_access", lambda *_, **__: ModelAccess(model=Meeting(len(FOUR))))
    wrap_up(small.services, sent(small, ListRole.CAMPAIGN_2))
    assert [row[:2] for row in asked(small)] == [(each, "unanswered") for each in sorted(FOUR)]


def test_a_slow_model_is_waited_for_no_longer_than_the_report_can(small: Installation) -> None:
    services = with_model(small)
    access: list[float] = []
    real = advice.model_access

    def noting(*given: Any, **named: Any) -> ModelAccess:
        found = real(*given, **named)
        access.append(found.deadline_s)
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(advice, "model_access", noting)
        wrap_up(services, sent(small))
    assert access == [advice.DEADLINE_S]
    # The four together, then the summary: with them a message is told within a minute of its time.
    assert 2 * advice.DEADLINE_S < 30
