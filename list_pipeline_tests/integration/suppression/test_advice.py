"""A suppression plan under a model that behaves, fails or is hostile: whom it concerns, what is stored, what is sent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import text

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.bounces.classes import failure_evidence
from list_pipeline.core.bounces.smtp_vocabulary import server_words
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.suppression.verdicts import SuppressionRule
from list_pipeline.operations.bounces.fetch import stored_bounces
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.accounts import Installation

DOUBTFUL = (SuppressionRule.SECOND_HIT, SuppressionRule.SOFT_PATTERN)


def planned(made: Installation, behaviour: str) -> tuple[StoredPlan, dict[int, PlanItem]]:
    """The plan with a model that behaves so, and its items by contact."""
    made.control.gemini_behaviour(behaviour, times=None)
    services = made.another(gemini_api_key="synthetic-key", gemini_base_url=made.server.url)
    plan = suppression.plan_suppression(services, made.observe(services))
    with services.database.begin() as connection:
        return plan, {item.contact_id: item for item in plan_rows.plan_items(connection, plan.plan_id)}


@pytest.mark.parametrize("behaviour", ["hostile", "invented_references", "over_confident", "contradictory"])
def test_no_model_can_bring_anybody_onto_the_plan(seeded: Installation, behaviour: str) -> None:
    answers = seeded.control.answers()
    condemned = set(answers["suppress"]) | set(answers["incident_domain"])
    _, items = planned(seeded, behaviour)

    suppressed = {i for i, item in items.items() if item.action is ItemAction.SUPPRESS}
    assert suppressed <= condemned
    assert all(items[i].rule in DOUBTFUL for i in condemned - suppressed)
    for item in items.values():
        if item.action is ItemAction.SUPPRESS:
            assert item.confidence is not None
            assert item.confidence <= {
                SuppressionRule.SECOND_HIT: 0.80,
                SuppressionRule.SOFT_PATTERN: 0.90,
                SuppressionRule.COMPLAINT: 1.0,
            }.get(SuppressionRule(item.rule), 0.99)


@pytest.mark.parametrize("behaviour", ["off", "truncated", "blocked"])
def test_a_model_that_fails_changes_nobodys_lot(seeded: Installation, behaviour: str) -> None:
    answers = seeded.control.answers()
    plan, items = planned(seeded, behaviour)

    assert {i for i, item in items.items() if item.action is ItemAction.SUPPRESS} == set(answers["suppress"]) | set(
        answers["incident_domain"]
    )
    summary = plan.suppression_summary
    assert summary.advised_by is AdviceSource.POLICY
    assert (summary.advisor_confidence, summary.concerns) == (None, ())
    assert summary.breakdown["total"] == summary.suppress.total


def test_an_opinion_is_stored_with_the_plan_and_in_full_in_the_record(seeded: Installation) -> None:
    plan, items = planned(seeded, "well_behaved")
    summary = plan.suppression_summary

    assert summary.advised_by is AdviceSource.MODEL
    assert summary.advisor_confidence is not None
    assert 0 <= summary.advisor_confidence <= 1
    assert summary.disagreements == 0
    assert summary.breakdown["total"] >= summary.suppress.total
    assert summary.advice is not None
    assert summary.advice.outcome.counts
    assert sum(summary.advice.tokens.values()) > 0
    ((subject, confidence, cost, prompt, opinion),) = seeded.query(
        "select subject, confidence, cost_usd, prompt, opinion from agent_record where agent = 'optimization'"
    )
    assert (subject, confidence) == ("suppression", summary.advisor_confidence)
    assert cost > Decimal(0)
    assert "@" not in prompt
    assert not any(str(contact_id) in prompt for contact_id in items)
    assert opinion["judged"] == sum(item.rule in DOUBTFUL for item in items.values() if not item.is_held)
    assert len({item.explanation for item in items.values()}) > 3


def test_known_words_of_a_receiver_are_stored_and_read_back(small: Installation) -> None:
    run = small.observe()
    words = server_words("552 5.2.2 <person@example.com> Mailbox full, try again later")
    with small.services.database.begin() as connection:
        connection.execute(text("update list_pipeline.bounce_event set server_words = :words"), {"words": words})
    data = stored_bounces(small.services, run.campaign, run.sweep)
    assert data is not None
    assert {event.server_words for event in data.events} == {"552 5.2.2 mailbox full try again later"}
    assert {failure_evidence(event).server_words for event in data.events} == {words}
