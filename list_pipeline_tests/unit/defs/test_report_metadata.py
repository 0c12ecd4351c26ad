"""What people see beside the report's asset: its fields, the health of the lists, and what the sentences cost."""

from __future__ import annotations

from dataclasses import replace

from list_pipeline.core.advice import AdviceOutcome, ConsultationSummary
from list_pipeline.core.lists import ListRole
from list_pipeline.core.reports.facts import ListRates
from list_pipeline.core.reports.message import maintenance_message
from list_pipeline.core.wording import Rate, rate_text
from list_pipeline.defs.maintenance.reports import report_metadata
from list_pipeline.operations.reports.maintenance_report import Report
from list_pipeline_tests.unit.core.reports.test_message import FACTS

ADVICE = ConsultationSummary(
    outcome=AdviceOutcome.TRIMMED,
    verdict="accepted: 1 sentences without ground in the input were dropped",
    model="gemini-3.5-flash-lite",
    prompt_version="reporting-2",
    tokens={"prompt": 1_900, "output": 300, "thought": 80},
    cost_usd=0.0015,
    latency_ms=2_100,
    is_recalled=False,
)


def test_the_fields_of_the_report_and_what_they_cost_are_beside_the_asset() -> None:
    shown = report_metadata(Report(FACTS, maintenance_message(FACTS), ADVICE))

    fields = {"executive summary", "key metrics", "actions taken", "recommendations", "concerns", "next steps"}
    assert fields <= shown.keys()
    assert shown["chosen by"].value == "model"
    assert shown["verdict on the answer"].value == ADVICE.verdict
    assert shown["model"].value == "gemini-3.5-flash-lite"
    assert (shown["reporting_prompt_tokens"].value, shown["reporting_thought_tokens"].value) == (1_900, 80)
    assert (shown["reporting_cost_usd"].value, shown["reporting_latency_ms"].value) == (0.0015, 2_100)
    delivered, bounced = rate_text(Rate(758, 1_000)), rate_text(Rate(242, 1_000))
    assert f"| List 2 | critical | high | {delivered} | {bounced} |" in shown["health of the lists"].value
    assert "| List 3 | warning | medium | not known | not known |" in shown["health of the lists"].value


def test_without_a_model_no_cost_is_made_up() -> None:
    asked_nobody = replace(
        ADVICE, verdict="not used: no model is configured", model=None, tokens={}, cost_usd=None, latency_ms=None
    )
    shown = report_metadata(Report(FACTS, maintenance_message(FACTS), asked_nobody))

    assert "model" not in shown
    assert not [name for name in shown if name.startswith("reporting_")]


def test_a_list_that_was_assessed_without_figures_is_shown_without_them() -> None:
    rates = [ListRates(role) for role in (ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2, ListRole.CAMPAIGN_3)]
    facts = replace(FACTS, list_rates=rates)
    shown = report_metadata(Report(facts, maintenance_message(facts), ADVICE))

    assert "| List 1 | healthy | low | not known | not known | cannot tell yet |" in shown["health of the lists"].value
