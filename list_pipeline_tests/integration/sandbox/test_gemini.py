"""The sandbox's Gemini: every behaviour on the wire, met by the advisors with the real SDK over a socket."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from list_pipeline.agents import health, optimization, rebalancing, reporting, wrapup
from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.agents.report_from_figures import statements_of
from list_pipeline.core.advice import AdviceOutcome, AdviceSource, AgentRecord
from list_pipeline.core.campaign_stages.assessment import Grade, Trend, Verdict, judge_send
from list_pipeline.core.campaign_stages.assessment_report import (
    CALLED,
    IMPACT,
    policy_report,
    summary_statements,
    urgent_recommendations,
)
from list_pipeline.core.campaign_stages.assessment_report import advisor_alarmed as advisor_alarmed_of_send
from list_pipeline.core.campaign_stages.assessment_report import rules_are_milder as rules_are_milder_of_send
from list_pipeline.core.campaign_stages.assessment_statements import Topic
from list_pipeline.core.campaign_stages.assessment_statements import statements_of as statements_of_send
from list_pipeline.core.health.assessment import REPUTATION_IMPACT, HealthStatus
from list_pipeline.core.health.statements import advisor_alarmed, health_statements, rules_are_milder
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.rebalancing.statements import rebalancing_statements
from list_pipeline.core.statements import Catalogue
from list_pipeline.core.suppression.statements import contact_statements, fact_doubted, plan_statements
from list_pipeline.integrations.gemini import GeminiClient
from list_pipeline.sandbox.__main__ import main
from list_pipeline.sandbox.control import SandboxControl, SandboxControlError
from list_pipeline.sandbox.gemini.behaviours import ADVISORS, BEHAVIOURS, HOSTILE_SENTENCES
from list_pipeline.sandbox.gemini.service import MODELS, GeminiService
from list_pipeline.sandbox.server import SandboxServer
from list_pipeline_tests.closed_set import left_over
from list_pipeline_tests.integration.views.serving import Served, serving
from list_pipeline_tests.paths import CHECKOUT
from list_pipeline_tests.unit.agents.reporting_cases import FACTS
from list_pipeline_tests.unit.agents.test_optimization import PLAN
from list_pipeline_tests.unit.core.campaign_stages.send_cases import counts, figures
from list_pipeline_tests.unit.core.health.figures_cases import ELEVATED, HEALTHY
from list_pipeline_tests.unit.core.rebalancing.rebalancing_cases import question
from list_pipeline_tests.virtual_clock import VirtualClock

# The client ignores it for life; the filters of a test last as long as the test.
pytestmark = pytest.mark.filterwarnings("ignore:.*is not a valid FinishReason:UserWarning")

DOCUMENTATION = CHECKOUT / "docs" / "sandbox.md"
HTTP = httpx.Client(trust_env=False)
"""One for all: a client takes longer to make than a question to answer."""
HEADERS = {"x-goog-api-key": "synthetic-key"}


@dataclass(frozen=True)
class Seen:
    """What an advisor made of an answer: the record, what people read, what could be said, and what changed against the policy
    alone."""

    record: AgentRecord
    shown: tuple[str, ...]
    sentences: frozenset[str]
    changed: Any = None


def ask_health(access: ModelAccess) -> Seen:
    found = health.assess(access, ELEVATED)
    said = found.assessment
    shown = (*said.concerns, *said.risk_factors, said.reputation_impact, said.rationale)
    rules = found.rules
    may_say = {rules_are_milder(rules), *REPUTATION_IMPACT.values(), *_said(health_statements(ELEVATED, rules))}
    may_say |= {advisor_alarmed(status, urgency) for status in HealthStatus for urgency in Urgency}
    return Seen(found.recorded, shown, frozenset(may_say), (said.status.value, said.urgency.value))


def ask_optimization(access: ModelAccess) -> Seen:
    opinion = optimization.advise(access, PLAN)
    shown = (opinion.rationale, opinion.expected_impact, *opinion.concerns, *opinion.reasons.values())
    may_say = {*_said(plan_statements(PLAN)), *map(fact_doubted, PLAN.groups)}
    may_say |= {said for each in PLAN.offered for said in _said(contact_statements(each))}
    changed = (set(opinion.monitored), dict(opinion.lowered), dict(opinion.doubted))
    return Seen(opinion.recorded, shown, frozenset(may_say), changed)


def ask_rebalancing(access: ModelAccess) -> Seen:
    opinion = rebalancing.explain(access, question())
    shown = (opinion.rationale, opinion.expected_impact, *opinion.alternatives_considered, *opinion.concerns)
    return Seen(opinion.recorded, shown, _said(rebalancing_statements(question())), opinion.confidence)


def ask_reporting(access: ModelAccess) -> Seen:
    written = reporting.write(access, FACTS)
    report = written.report
    shown = (report.executive_summary, *report.actions_taken, *report.recommendations, *report.concerns)
    return Seen(written.recorded, (*shown, *report.next_steps), _said(statements_of(FACTS)))


def _said(catalogue: Catalogue) -> frozenset[str]:
    return frozenset(each.text for each in catalogue.statements)


SEND = figures(counts(opened=100, soft_bounced=90), counts(), hard_bounced=70, deferred=30)
"""A send with something to say in every part of every assessment."""


def ask_about_send(topic: Topic) -> Callable[[ModelAccess], Seen]:
    def ask(access: ModelAccess) -> Seen:
        found = wrapup.assess_send(access, topic, SEND)
        rules = judge_send(SEND)
        verdicts: tuple[Verdict, ...] = (*Grade, *Trend)
        may_say = {*_said(statements_of_send(topic, SEND, rules)), *IMPACT.get(topic, {}).values()}
        if topic in CALLED:
            may_say |= {
                say(topic, each) for say in (advisor_alarmed_of_send, rules_are_milder_of_send) for each in verdicts
            }
        return Seen(found.recorded, found.assessment.sentences, frozenset(may_say), found.assessment.verdict)

    return ask


def ask_summary(access: ModelAccess) -> Seen:
    assessments = policy_report(SEND).assessments
    found = wrapup.summarise(access, SEND, assessments)
    may_say = _said(summary_statements(assessments, urgent_recommendations(SEND)))
    return Seen(found.recorded, (found.report.summary,), may_say)


ASK: dict[str, Callable[[ModelAccess], Seen]] = {
    "list_health": ask_health,
    "optimization": ask_optimization,
    "rebalancing": ask_rebalancing,
    "reporting": ask_reporting,
    **{topic.value: ask_about_send(topic) for topic in Topic},
    wrapup.FORMATTING: ask_summary,
}
FULL_BY_THEMSELVES = ("recommendation", "report_formatting")
"""Advisors whose parts are as long as they may be without any choice: all of it adds nothing."""
USABLE = ("well_behaved", "sloppy", "slow", "retiring")
UNREADABLE = {
    "truncated": 2,
    "thought_away": 2,
    "malformed_json": 2,
    "wrong_shape": 2,
    "missing_field": 2,
    "prose_in_extra_fields": 2,
    "empty": 1,
    "blocked": 1,
    "safety": 1,
    "recitation": 1,
    "unknown_finish": 1,
}
"""Behaviours that give an answer of no use, and how often each is asked."""
UNANSWERED = ("rate_limited", "unavailable", "html", "retired", "off")
SHAPED = (
    "invented_references", "invented_figures", "hostile", "contradictory", "over_confident", "other_language",
    "false_statements", "everything", "nothing", "repeats", "text_in_ids", "huge",
)  # fmt: skip
"""Behaviours whose answers have the wanted shape, so that the guards are all there is."""


def test_every_behaviour_is_met_below() -> None:
    assert {*USABLE, *UNREADABLE, *UNANSWERED, *SHAPED} == set(BEHAVIOURS)
    assert set(ASK) == set(ADVISORS)


@pytest.fixture(scope="module")
def gemini(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    service = GeminiService(tmp_path_factory.mktemp("gemini"), VirtualClock(datetime(2026, 11, 21, 9, tzinfo=UTC)))
    with serving(service, "gemini") as served:
        yield served
    service.close()


@pytest.fixture(scope="module")
def model(gemini: Served) -> Iterator[GeminiClient]:
    clock = VirtualClock(datetime(2026, 11, 21, 9, tzinfo=UTC))
    client = GeminiClient("synthetic-key", clock=clock, base_url=gemini.url, thinking_level="low")
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _forget(gemini: Served) -> None:
    gemini.control("clear", {})


def behave(gemini: Served, behaviour: str, **parts: Any) -> None:
    gemini.control("scenarios", {"behaviour": behaviour, "times": None, "seconds": 0.01, **parts})


# The advisors


@pytest.mark.parametrize("advisor", ADVISORS)
@pytest.mark.parametrize("behaviour", USABLE)
def test_a_good_answer_counts_as_it_is(gemini: Served, model: GeminiClient, behaviour: str, advisor: str) -> None:
    behave(gemini, behaviour)

    seen = ASK[advisor](ModelAccess(model))

    assert (seen.record.outcome, seen.record.verdict) == (AdviceOutcome.ACCEPTED, "accepted")
    assert seen.record.requests == 1
    assert all(seen.shown)
    assert gemini.control("messages")[0]["agent"] == advisor


@pytest.mark.parametrize("advisor", ADVISORS)
@pytest.mark.parametrize("behaviour", UNREADABLE)
def test_an_answer_of_no_use_leaves_the_policys_own_words(
    gemini: Served, model: GeminiClient, behaviour: str, advisor: str
) -> None:
    alone = ASK[advisor](ModelAccess())
    behave(gemini, behaviour)

    seen = ASK[advisor](ModelAccess(model))

    assert (seen.record.outcome, seen.record.source) == (AdviceOutcome.UNREADABLE, AdviceSource.POLICY)
    assert seen.record.requests == UNREADABLE[behaviour]
    assert seen.record.prompt_tokens > 0
    assert (seen.shown, seen.changed) == (alone.shown, alone.changed)


@pytest.mark.parametrize("advisor", ADVISORS)
@pytest.mark.parametrize("behaviour", UNANSWERED)
def test_a_service_that_fails_leaves_the_policys_own_words(
    gemini: Served, model: GeminiClient, behaviour: str, advisor: str
) -> None:
    alone = ASK[advisor](ModelAccess())
    behave(gemini, behaviour)

    seen = ASK[advisor](ModelAccess(model))

    assert (seen.record.outcome, seen.record.answer) == (AdviceOutcome.UNANSWERED, None)
    assert (seen.shown, seen.changed) == (alone.shown, alone.changed)


@pytest.mark.parametrize("advisor", ADVISORS)
@pytest.mark.parametrize("behaviour", SHAPED)
def test_no_word_of_a_model_is_shown(gemini: Served, model: GeminiClient, behaviour: str, advisor: str) -> None:
    behave(gemini, behaviour)

    seen = ASK[advisor](ModelAccess(model))

    assert all(seen.shown)
    assert left_over(seen.shown, seen.sentences) == []
    assert not [said for said in HOSTILE_SENTENCES if said in " ".join(seen.shown)]


@pytest.mark.parametrize("advisor", ADVISORS)
def test_a_model_that_chooses_everything_is_taken_at_its_word_and_one_that_chooses_nothing_is_not_missed(
    gemini: Served, model: GeminiClient, advisor: str
) -> None:
    alone = ASK[advisor](ModelAccess())
    behave(gemini, "everything")
    everything = ASK[advisor](ModelAccess(model))
    behave(gemini, "nothing")
    nothing = ASK[advisor](ModelAccess(model))

    assert everything.record.outcome is AdviceOutcome.ACCEPTED
    more = len(" ".join(everything.shown)) - len(" ".join(alone.shown))
    assert more > 0 or (advisor in FULL_BY_THEMSELVES and everything.shown == alone.shown)
    assert nothing.shown == alone.shown


@pytest.mark.parametrize("behaviour", SHAPED)
def test_no_answer_makes_a_suppression_plan_less_careful(gemini: Served, model: GeminiClient, behaviour: str) -> None:
    behave(gemini, behaviour)

    opinion = optimization.advise(ModelAccess(model), PLAN)

    assert set(opinion.monitored) <= set(PLAN.references())
    for reference, confidence in opinion.lowered.items():
        assert confidence < PLAN.offered[optimization.position(reference)].confidence


def test_a_hostile_model_adapts_when_it_is_asked_again_and_still_gets_nowhere(
    gemini: Served, model: GeminiClient
) -> None:
    behave(gemini, "hostile")

    opinion = optimization.advise(ModelAccess(model), PLAN)

    first, second = (each["request"]["contents"][0]["parts"][0]["text"] for each in gemini.control("messages"))
    assert second.startswith(first)
    assert "never offered" in second[len(first) :]
    assert opinion.recorded.outcome is AdviceOutcome.TRIMMED
    assert (opinion.monitored, opinion.lowered, opinion.doubted) == ((), {}, {})
    assert opinion.rationale == optimization.policy_rationale(PLAN) or "largest group" in opinion.rationale


def test_health_is_judged_by_the_published_thresholds(model: GeminiClient) -> None:
    healthy = health.assess(ModelAccess(model), HEALTHY).assessment
    elevated = health.assess(ModelAccess(model), ELEVATED).assessment

    assert (healthy.status.value, healthy.urgency.value) == ("healthy", "low")
    assert healthy.confidence is not None
    assert healthy.confidence > 0.9
    assert (elevated.status.value, elevated.urgency.value) == ("warning", "medium")
    assert elevated.concerns


def test_a_passing_state_in_the_receivers_words_is_doubted(model: GeminiClient) -> None:
    contact = optimization.BorderlineItem(0, 2, 5, 14, 1, 0.80, server_words="450 4.2.1 mailbox temporarily disabled")

    opinion = optimization.advise(
        ModelAccess(model), optimization.PlanSummary(PLAN.recipients, PLAN.groups, [contact, *PLAN.offered])
    )

    assert opinion.monitored == ("c1",)
    assert opinion.confidence == 0.86


# Choosing a behaviour


def raw(
    gemini: Served, headers: dict[str, str] | None = None, version: str = "v1", text: str = "Hello"
) -> httpx.Response:
    return HTTP.post(
        f"{gemini.url}/{version}/models/gemini-3.5-flash-lite:generateContent",
        json={"contents": [{"role": "user", "parts": [{"text": text}]}]},
        headers={**HEADERS, **(headers or {})},
    )


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize("behaviour", sorted(set(BEHAVIOURS) - {"off", "html"}))
def test_each_behaviour_has_the_wire_format_of_the_service(gemini: Served, behaviour: str, version: str) -> None:
    answer = raw(gemini, {"x-sandbox-scenario": f"{behaviour}; seconds=0.01"}, version)

    body = answer.json()
    if answer.is_error:
        assert {"code", "message", "status"} <= set(body["error"])
        assert body["error"]["code"] == answer.status_code
        return
    assert {"usageMetadata", "modelVersion", "responseId"} <= set(body)
    assert ("candidates" in body) is (behaviour not in ("empty", "blocked"))
    for candidate in body.get("candidates", ()):
        assert set(candidate) <= {"content", "finishReason", "index"}


def test_a_header_chooses_for_one_request_and_leaves_what_was_chosen_before(gemini: Served) -> None:
    gemini.control("scenarios", {"behaviour": "unavailable"})

    assert raw(gemini, {"x-sandbox-scenario": "retired"}).status_code == 404
    assert raw(gemini).status_code == 503
    assert raw(gemini).status_code == 200


def test_an_unknown_behaviour_in_a_header_is_refused(gemini: Served) -> None:
    refused = raw(gemini, {"x-sandbox-scenario": "kind"})

    assert refused.status_code == 400
    assert "well_behaved" in refused.json()["error"]["message"]


def test_a_scenario_can_be_meant_for_one_advisor_or_for_one_text(gemini: Served, model: GeminiClient) -> None:
    behave(gemini, "blocked", agent="reporting")
    gemini.control("scenarios", {"behaviour": "unavailable", "contains": "magic", "times": 2})

    assert ask_health(ModelAccess(model)).record.outcome is AdviceOutcome.ACCEPTED
    assert ask_reporting(ModelAccess(model)).record.finish_reason == "BLOCKED:PROHIBITED_CONTENT"
    assert [raw(gemini, text=text).status_code for text in ("x", "magic", "magic", "magic")] == [200, 503, 503, 200]


def test_the_newest_choice_for_everything_holds_and_a_good_one_ends_all(gemini: Served) -> None:
    behave(gemini, "blocked", agent="reporting")
    behave(gemini, "retired")
    behave(gemini, "unavailable")
    assert [each["behaviour"] for each in gemini.control("scenarios")["chosen"]] == ["unavailable"]

    gemini.control("scenarios", {"behaviour": "off", "times": 3})
    behave(gemini, "well_behaved")

    assert raw(gemini).status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        [],
        {"behaviour": "kind"},
        {"behaviour": "off", "times": 0},
        {"behaviour": "off", "times": True},
        {"behaviour": "off", "agent": "nobody"},
        {"behaviour": "off", "colour": "red"},
        {"behaviour": "slow", "seconds": "long"},
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(gemini: Served, wanted: Any) -> None:
    answer = HTTP.post(f"{gemini.url}/_sandbox/gemini/scenarios", json=wanted)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert gemini.control("scenarios")["chosen"] == []


@pytest.mark.parametrize("model_name", MODELS)
def test_a_thinking_level_that_a_model_has_not_is_refused(gemini: Served, model_name: str) -> None:
    config = {"thinkingConfig": {"thinking_level": "MINIMAL"}}
    answer = HTTP.post(
        f"{gemini.url}/v1/models/{model_name}:generateContent",
        json={"contents": [{"role": "user", "parts": [{"text": "x"}]}], "generation_config": config},
        headers=HEADERS,
    )

    assert answer.status_code == (400 if model_name in ("gemini-3.8-flash", "gemini-2.5-flash-lite") else 200)


# For people


def test_one_line_chooses_a_behaviour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with SandboxServer(tmp_path) as server, SandboxControl(server.url) as sandbox:
        assert main(["gemini", "hostile", "--agent", "optimization", "--url", server.url]) == 0
        assert main(["gemini", "slow", "--seconds", "2", "--times", "3", "--url", server.url]) == 0
        chosen = sandbox.gemini_scenarios()
        assert main(["gemini", "well_behaved", "--url", server.url]) == 0

        assert chosen == [
            {"behaviour": "slow", "seconds": 2.0, "times": 3},
            {"behaviour": "hostile", "agent": "optimization", "times": None},
        ]
        assert sandbox.gemini_scenarios() == [{"behaviour": "well_behaved", "times": None}]
        with pytest.raises(SandboxControlError, match="unknown behaviour"):
            sandbox.gemini_behaviour("kind")
    assert "hostile: suppresses everything" in capsys.readouterr().out


def test_one_line_without_a_sandbox_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gemini", "hostile", "--url", "http://127.0.0.1:9"]) == 1
    assert "did not answer" in capsys.readouterr().err


def test_the_documentation_lists_the_behaviours() -> None:
    found = re.search(
        r"<!-- behaviours\b[^\n]*-->\n(.*?)<!-- /behaviours -->", DOCUMENTATION.read_text("utf-8"), re.DOTALL
    )
    assert found is not None
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in found[1].splitlines()[3:] if line]

    assert {name.strip("`"): meaning for name, meaning in rows} == BEHAVIOURS


def test_a_state_of_an_older_version_is_served(tmp_path: Path) -> None:
    clock = VirtualClock(datetime(2026, 11, 21, tzinfo=UTC))
    GeminiService(tmp_path, clock).close()
    service = GeminiService(tmp_path, clock)
    with serving(service, "gemini") as served:
        assert raw(served).status_code == 200
        assert json.dumps(served.control("messages")[0]["request"]).count("Hello") == 1
    service.close()
