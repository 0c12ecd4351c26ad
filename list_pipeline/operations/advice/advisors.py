"""The advisors' access to the model within one run, and the keeping of what they were asked and answered.

Belongs here: wiring of settings, budget and records. Does not belong here: what is asked (``agents``) and where an
opinion enters a plan (``operations.suppression``, ``operations.rebalancing``, ``operations.health``,
``operations.reports``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from list_pipeline.agents.budget import Budget, Spending
from list_pipeline.agents.consultation import DEADLINE_S, ModelAccess
from list_pipeline.agents.wrapup import AGENTS as WRAPUP_AGENTS
from list_pipeline.core.advice import AgentRecord, price_of
from list_pipeline.operations.access import Advised, Storing
from list_pipeline.operations.runs.run import Maintenance
from list_pipeline.storage import advice as advice_rows
from list_pipeline.storage.advice import AdvicePartition


def partition_of(run: Maintenance) -> AdvicePartition:
    """The partition of a maintenance's consultations."""
    return AdvicePartition(run.campaign.campaign_id, run.sweep)


def access_for(services: Advised, run: Maintenance) -> ModelAccess:
    """The model as the advisors of a maintenance may use it. One for all questions that are asked at the same time, so
    that they share what is left of the budget."""
    return model_access(services, partition_of(run), since=run.log.executed_at)


def model_access(
    services: Advised, partition: AdvicePartition, since: datetime, *, deadline_s: float = DEADLINE_S
) -> ModelAccess:
    """The model for the questions of a partition; what was spent on it from ``since`` on counts towards the budget.

    Args:
        deadline_s: seconds for one question, its repair included.
    """
    settings = services.settings
    price = price_of(
        settings.gemini_model, settings.gemini_input_usd_per_million, settings.gemini_output_usd_per_million
    )
    with services.database.begin() as connection:
        tokens, usd = advice_rows.spent_since(connection, partition, since)

    def recall(agent: str, prompt_hash: str) -> AgentRecord | None:
        with services.database.begin() as connection:
            return advice_rows.recorded_answer(connection, partition, agent, prompt_hash)

    return ModelAccess(
        model=services.model,
        recall=recall,
        budget=Budget(
            settings.advisors_token_budget,
            Decimal(str(settings.advisors_cost_budget_usd)),
            price,
            Spending(tokens, usd),
        ),
        deadline_s=deadline_s,
        temperatures={
            "list_health": settings.gemini_temperature_health,
            "optimization": settings.gemini_temperature_optimization,
            "rebalancing": settings.gemini_temperature_rebalancing,
            "reporting": settings.gemini_temperature_reporting,
            **dict.fromkeys(WRAPUP_AGENTS, settings.gemini_temperature_wrapup),
        },
    )


def keep_record(
    services: Storing,
    partition: AdvicePartition,
    record: AgentRecord,
    opinion: Mapping[str, Any],
    *,
    subject: str = "",
    confidence: float | None = None,
) -> None:
    """Write one consultation down: prompt, answer, tokens, cost, and what counted of it.

    An answer that was recalled is in the record already.
    """
    if record.is_recalled:
        return
    with services.database.begin() as connection:
        advice_rows.save_record(
            connection, partition, record, opinion, services.clock.now(), subject=subject, confidence=confidence
        )
