"""The record of a question to a language model, and its price, as frozen values that every layer may hold.

Belongs here: records, prices and the arithmetic on tokens. Does not belong here: prompts and answers (``agents``), and
how much may be spent (``agents.budget``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any


class AdviceSource(StrEnum):
    """Whose choice a text or an opinion is: the model's, or the policy's when the model gave nothing usable. The sentences are
    ours in any case (``core.statements``)."""

    MODEL = "model"
    POLICY = "policy"


class AdviceOutcome(StrEnum):
    """The result of a question; only the first two let the model's choice count."""

    ACCEPTED = "accepted"
    """The answer counts as it was."""
    TRIMMED = "trimmed"
    """The answer counts after something was left out of it, e.g. the name of a statement that is not true."""
    REFUSED = "refused"
    """The answer had the wanted shape and was refused, e.g. for items that nobody offered."""
    UNREADABLE = "unreadable"
    """An answer came and was no JSON of the wanted shape, was cut off, blocked or empty."""
    UNANSWERED = "unanswered"
    """No answer came: the service failed or refused the request."""
    NOT_ASKED = "not_asked"
    """Nothing was sent: no model is configured, or the budget of the run is spent."""

    @property
    def counts(self) -> bool:
        """Whether the model's choice counts."""
        return self in (AdviceOutcome.ACCEPTED, AdviceOutcome.TRIMMED)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question as it is sent to a language model.

    Attributes:
        schema: JSON schema of the wanted answer. A service keeps to it mostly; whoever asks validates.
        temperature: sent only to models that take one; None leaves it to the model.
        max_output_tokens: thinking included, so a multiple of the expected answer.
        within_s: seconds for all attempts and pauses, where less is left than the client's own deadline.
    """

    system: str
    prompt: str
    schema: Mapping[str, Any]
    temperature: float | None
    max_output_tokens: int
    within_s: float | None = None


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """One answer of a language model.

    Attributes:
        text: the answer without thoughts; empty when the model gave none (blocked, empty, or all budget thought away).
        finish_reason: in the API's words, e.g. ``STOP`` or ``MAX_TOKENS``; ``BLOCKED:<reason>`` when the prompt itself
            was refused; empty when the answer carried no candidate at all.
        thought_tokens: billed like output and inside the output limit, but not part of ``output_tokens``.
        latency_ms: from the first attempt to the answer, waits between attempts included.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    output_tokens: int
    thought_tokens: int
    model_version: str
    latency_ms: int


@dataclass(frozen=True, slots=True)
class ConsultationSummary:
    """How a text or an opinion came about, as a plan's summary and a report hold it.

    Attributes:
        verdict: what counted of the answer, in our words.
        model: the version that answered, else the model that was asked; None where none is configured.
        tokens: by kind: ``prompt``, ``output``, ``thought``.
        cost_usd: US dollars; None when the model's price is not known.
        latency_ms: milliseconds of all requests together; None when nothing was sent.
        is_recalled: the answer was taken from the record of an earlier run.
    """

    outcome: AdviceOutcome
    verdict: str
    model: str | None
    prompt_version: str
    tokens: Mapping[str, int]
    cost_usd: float | None
    latency_ms: int | None
    is_recalled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisedSummary:
    """What a plan's summary holds of its advisor; the policy speaks where no model does.

    The defaults are those of a plan that was made before anybody explained plans.

    Attributes:
        advisor_confidence: the model's confidence in the plan, from 0 to 1; None when the policy speaks.
        advice: how the choice came about; None where nobody was asked.
    """

    rationale: str = ""
    expected_impact: str = ""
    advised_by: AdviceSource = AdviceSource.POLICY
    advisor_confidence: float | None = None
    concerns: tuple[str, ...] = ()
    advice: ConsultationSummary | None = None


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """One consultation, complete enough to be audited: what was asked, what came back, what counted of it.

    Attributes:
        model: the model that was asked, as configured; ``model_version`` is what the service says it is.
        prompt: system text and prompt as they were sent; they hold references and counts, no address, name or id.
        prompt_hash: SHA-256 of exactly that and of the wanted schema, in hexadecimal: the identity of the question.
        answer: the raw text with addresses redacted; None when there was none. After a repair, the repaired one.
        verdict: what counted of the answer, in our words.
        requests: questions put to the model: 2 after a repair, 0 when nothing was asked.
        prompt_tokens: of all requests together, like the other tokens, ``latency_ms`` and ``cost_usd``.
        cost_usd: US dollars; None when the model's price is not known.
        is_recalled: the answer was taken from the record of an earlier run; it cost nothing now.
    """

    agent: str
    source: AdviceSource
    model: str | None
    prompt_version: str
    prompt_hash: str
    prompt: str
    answer: str | None
    verdict: str
    outcome: AdviceOutcome = AdviceOutcome.NOT_ASKED
    model_version: str | None = None
    requests: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    thought_tokens: int = 0
    cost_usd: Decimal | None = None
    latency_ms: int | None = None
    finish_reason: str | None = None
    is_recalled: bool = False

    def summary(self) -> ConsultationSummary:
        """The origin of the choice, for a plan's summary and a report. The whole record is in ``agent_record``."""
        return ConsultationSummary(
            outcome=self.outcome,
            verdict=self.verdict,
            model=self.model_version or self.model,
            prompt_version=self.prompt_version,
            tokens=self.tokens,
            cost_usd=None if self.cost_usd is None else float(self.cost_usd),
            latency_ms=self.latency_ms,
            is_recalled=self.is_recalled,
        )

    @property
    def tokens(self) -> dict[str, int]:
        """Tokens by kind, for storing beside the record."""
        return {"prompt": self.prompt_tokens, "output": self.output_tokens, "thought": self.thought_tokens}


_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens. Thoughts are billed as output."""

    input_usd: Decimal
    output_usd: Decimal

    def of(self, prompt_tokens: int, output_tokens: int) -> Decimal:
        """US dollars of one question; ``output_tokens`` with thoughts."""
        return (prompt_tokens * self.input_usd + output_tokens * self.output_usd) / _MILLION


PRICES = {
    "gemini-3.8-flash": Price(Decimal("1.50"), Decimal("7.50")),
    "gemini-3.7-flash": Price(Decimal("1.50"), Decimal("7.50")),
    "gemini-3.5-flash": Price(Decimal("1.50"), Decimal("9.00")),
    "gemini-3.5-flash-lite": Price(Decimal("0.30"), Decimal("2.50")),
    "gemini-3.1-flash-lite": Price(Decimal("0.25"), Decimal("1.50")),
    "gemini-3.1-pro-preview": Price(Decimal("2"), Decimal("12")),
    "gemini-4-argon": Price(Decimal("4"), Decimal("20")),
    "gemini-4-carbon": Price(Decimal("4"), Decimal("20")),
}
"""Google's standard prices as of November 2026, without introductory rebates, which end within weeks."""


def price_of(model: str, input_usd: float | None = None, output_usd: float | None = None) -> Price | None:
    """The price of a model: the given one where both halves are given, else the known one, else None."""
    if input_usd is not None and output_usd is not None:
        return Price(Decimal(str(input_usd)), Decimal(str(output_usd)))
    return PRICES.get(model)
