"""The advisors' records and assessments of list health.

Belongs here: reading and writing those rows. Does not belong here: what is asked and what follows from an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import Connection

from list_pipeline.core.advice import AdviceOutcome, AdviceSource, AgentRecord
from list_pipeline.core.campaign_stages.times import Stage
from list_pipeline.core.monitoring.exported import ADVISOR_COST, QUESTIONS, Increments
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.storage.database import fetch_one, fetch_row, fetch_scalar, to_json
from list_pipeline.storage.monitoring import totals


@dataclass(frozen=True, slots=True)
class AdvicePartition:
    """Where a consultation belongs: a campaign and sweep, or its wrap-up in place of a sweep, or a week (its Monday)."""

    campaign_id: int | None = None
    sweep: Sweep | Literal[Stage.WRAPUP] | None = None
    week: date | None = None

    def __post_init__(self) -> None:
        if (self.campaign_id is None) != (self.sweep is None) or (self.campaign_id is None) == (self.week is None):
            raise ValueError("a consultation belongs to a campaign and sweep, or to a week")

    @property
    def columns(self) -> dict[str, Any]:
        """The values of the three columns."""
        return {
            "campaign": self.campaign_id,
            "sweep": self.sweep.value if self.sweep is not None else None,
            "week": self.week,
        }


_SAME_PARTITION = """
    campaign_id is not distinct from cast(:campaign as integer) and sweep is not distinct from cast(:sweep as text)
    and week is not distinct from cast(:week as date)
"""


def save_record(
    connection: Connection,
    partition: AdvicePartition,
    record: AgentRecord,
    opinion: Mapping[str, Any],
    now: datetime,
    *,
    subject: str = "",
    confidence: float | None = None,
) -> int:
    """Keep what an advisor was asked and answered; returns the record's number."""
    told = Increments()
    if record.requests:
        told.count(QUESTIONS, record.agent, record.outcome.value)
        told.count(ADVISOR_COST, record.agent, by=float(record.cost_usd or 0))
    totals.add(connection, told)
    return int(
        fetch_scalar(
            connection,
            """
            insert into agent_record (campaign_id, sweep, week, agent, subject, asked_at, source, outcome, model,
                   model_version, prompt_version, prompt_hash, prompt, answer, opinion, verdict, tokens, requests, cost_usd,
                   confidence, latency_ms, finish_reason)
            values (:campaign, :sweep, :week, :agent, :subject, :now, :source, :outcome, :model,
                   :model_version, :prompt_version, :prompt_hash, :prompt, :answer, cast(:opinion as jsonb), :verdict,
                   cast(:tokens as jsonb), :requests, :cost_usd, :confidence, :latency_ms, :finish_reason)
            returning record_id
            """,
            **partition.columns,
            agent=record.agent,
            subject=subject,
            now=now,
            source=record.source.value,
            outcome=record.outcome.value,
            model=record.model,
            model_version=record.model_version,
            prompt_version=record.prompt_version,
            prompt_hash=record.prompt_hash,
            prompt=record.prompt,
            answer=record.answer,
            opinion=to_json(dict(opinion)),
            verdict=record.verdict,
            tokens=to_json(record.tokens),
            requests=record.requests,
            cost_usd=record.cost_usd,
            confidence=confidence,
            latency_ms=record.latency_ms,
            finish_reason=record.finish_reason,
        )
    )


def recorded_answer(
    connection: Connection, partition: AdvicePartition, agent: str, prompt_hash: str
) -> AgentRecord | None:
    """The first answer that a model gave to an identical question in this partition, or None."""
    row = fetch_one(
        connection,
        f"""
        select agent, source, outcome, model, model_version, prompt_version, prompt_hash, prompt, answer, verdict, tokens,
               requests, cost_usd, latency_ms, finish_reason
        from agent_record
        where {_SAME_PARTITION} and agent = :agent and prompt_hash = :hash and answer is not null
        order by record_id limit 1
        """,
        **partition.columns,
        agent=agent,
        hash=prompt_hash,
    )
    if row is None:
        return None
    return AgentRecord(
        agent=row["agent"],
        source=AdviceSource(row["source"]),
        model=row["model"],
        prompt_version=row["prompt_version"],
        prompt_hash=row["prompt_hash"],
        prompt=row["prompt"],
        answer=row["answer"],
        verdict=row["verdict"],
        outcome=AdviceOutcome(row["outcome"]),
        model_version=row["model_version"],
        requests=int(row["requests"]),
        prompt_tokens=int(row["tokens"].get("prompt", 0)),
        output_tokens=int(row["tokens"].get("output", 0)),
        thought_tokens=int(row["tokens"].get("thought", 0)),
        cost_usd=row["cost_usd"],
        latency_ms=row["latency_ms"],
        finish_reason=row["finish_reason"],
    )


def spent_since(connection: Connection, partition: AdvicePartition, since: datetime) -> tuple[int, Decimal]:
    """Tokens and US dollars that the advisors took in a partition from an instant on."""
    row = fetch_row(
        connection,
        "what the advisors spent",
        f"""
        select coalesce(sum((select sum(value::bigint) from jsonb_each_text(tokens))), 0) as tokens,
               coalesce(sum(cost_usd), 0) as usd
        from agent_record where {_SAME_PARTITION} and asked_at >= :since
        """,
        **partition.columns,
        since=since,
    )
    return int(row["tokens"]), Decimal(row["usd"])
