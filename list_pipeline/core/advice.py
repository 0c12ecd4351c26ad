"""What a language model answered and what became of it, as frozen values that every layer may hold.

Belongs here: the answer as it came off the wire and the record of one consultation that is kept for audit. Does not
belong here: prompts, answer schemas and guards (``list_pipeline.agents``), the wire (``list_pipeline.integrations``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AdviceSource(StrEnum):
    """Who wrote a text or an opinion: the model, or the policy when the model gave nothing usable."""

    MODEL = "model"
    POLICY = "policy"


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
class AgentRecord:
    """One consultation, complete enough to be audited: what was asked, what came back, what the guard made of it.

    Attributes:
        prompt: system text and prompt as they were sent; they hold references and counts, no address, name or id.
        prompt_hash: SHA-256 of exactly that, in hexadecimal.
        answer: the raw text with addresses redacted; None when there was none.
        verdict: ``accepted``, ``accepted: <what was left out>`` or ``not used: <why>``.
    """

    agent: str
    source: AdviceSource
    model: str | None
    prompt_version: str
    prompt_hash: str
    prompt: str
    answer: str | None
    verdict: str
    prompt_tokens: int = 0
    output_tokens: int = 0
    thought_tokens: int = 0
    latency_ms: int | None = None
    finish_reason: str | None = None

    @property
    def tokens(self) -> dict[str, int]:
        """Tokens by kind, for storing beside the record."""
        return {"prompt": self.prompt_tokens, "output": self.output_tokens, "thought": self.thought_tokens}
