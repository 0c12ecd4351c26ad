"""Prices of questions to language models.

Belongs here: prices and the arithmetic on tokens. Does not belong here: how much may be spent (``agents.budget``).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

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
