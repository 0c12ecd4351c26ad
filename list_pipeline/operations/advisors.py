"""Keeping what the advisors were asked and answered, so that every opinion can be looked up later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from list_pipeline.core.advice import AgentRecord
from list_pipeline.operations.maintenance import Maintenance
from list_pipeline.operations.services import Services
from list_pipeline.storage import maintenance


def keep_record(services: Services, run: Maintenance, record: AgentRecord, opinion: Mapping[str, Any]) -> None:
    """Write one consultation down: prompt, answer, tokens, and what the guard made of it."""
    with services.database.begin() as connection:
        maintenance.save_agent_record(
            connection,
            {
                "campaign_id": run.campaign.campaign_id,
                "sweep": run.sweep.value,
                "agent": record.agent,
                "asked_at": services.clock.now(),
                "source": record.source.value,
                "model": record.model,
                "prompt_version": record.prompt_version,
                "prompt_hash": record.prompt_hash,
                "prompt": record.prompt,
                "answer": record.answer,
                "opinion": dict(opinion),
                "verdict": record.verdict,
                "tokens": record.tokens,
                "latency_ms": record.latency_ms,
                "finish_reason": record.finish_reason,
            },
        )
