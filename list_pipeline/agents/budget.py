"""The budget of a run for questions to a model, in tokens and dollars.

Belongs here: counting and refusing. Does not belong here: prices (``core.advice``), and where the limits come
from (settings).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from decimal import Decimal

from list_pipeline.core.advice import PRICES, Price

_ASCII_CHARACTERS_PER_TOKEN = 2
"""Rather too many tokens than too few: English has about four characters a token, figures and JSON nearer to two."""

_DEAREST = max(PRICES.values(), key=lambda price: (price.output_usd, price.input_usd))
"""What a model of unknown price is counted at, so that a limit in dollars limits it too."""


@dataclass(frozen=True, slots=True)
class Spending:
    """Tokens of all kinds, and US dollars."""

    tokens: int = 0
    usd: Decimal = Decimal(0)

    def __add__(self, other: Spending) -> Spending:
        return Spending(self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: Spending) -> Spending:
        return Spending(self.tokens - other.tokens, self.usd - other.usd)


class Budget:
    """The tokens and dollars of one run; safe to share between threads.

    A question is let through only while its worst case fits: its text at two characters a token, and every token it may
    answer with. What came back afterwards counts instead. So a run stays within its limits as long as the service keeps
    to the limit of output tokens that it was given.
    """

    def __init__(
        self, tokens: int, usd: Decimal | None = None, price: Price | None = None, spent: Spending | None = None
    ) -> None:
        """Args: limits of the run (``usd`` None: tokens alone count), the model's price (None: not known), and what
        was spent before."""
        self._tokens, self._usd, self._price = tokens, usd, price
        self._spent = spent or Spending()
        self._reserved = Spending()
        self._lock = threading.Lock()

    @property
    def spent(self) -> Spending:
        """The tokens and dollars spent so far."""
        with self._lock:
            return self._spent

    def reserve(self, text: str, max_output_tokens: int) -> Spending | None:
        """Set the worst case of a question aside; None when it does not fit.

        Args:
            text: all that is sent: system text, prompt and schema.
        """
        worst = self._spending(worst_prompt_tokens(text), max_output_tokens)
        with self._lock:
            wanted = self._spent + self._reserved + worst
            if wanted.tokens > self._tokens or (self._usd is not None and wanted.usd > self._usd):
                return None
            self._reserved += worst
        return worst

    def settle(self, reserved: Spending, prompt_tokens: int, output_tokens: int) -> None:
        """Replace what was set aside by what the answer says it took; thoughts are part of ``output_tokens``."""
        self._settle(reserved, self._spending(prompt_tokens, output_tokens))

    def settle_lost(self, reserved: Spending) -> None:
        """Count the worst case of a question whose answer was lost: the service may have given it, and bills it."""
        self._settle(reserved, reserved)

    def cost(self, prompt_tokens: int, output_tokens: int) -> Decimal | None:
        """US dollars of a question; None when the model's price is not known."""
        return None if self._price is None else self._price.of(prompt_tokens, output_tokens)

    def _spending(self, prompt_tokens: int, output_tokens: int) -> Spending:
        return Spending(prompt_tokens + output_tokens, (self._price or _DEAREST).of(prompt_tokens, output_tokens))

    def _settle(self, reserved: Spending, taken: Spending) -> None:
        with self._lock:
            self._reserved -= reserved
            self._spent += taken


def worst_prompt_tokens(text: str) -> int:
    """More tokens than a text of ours can have: half its ASCII characters, and every byte of the others."""
    encoded = text.encode("utf-8", "replace")
    ascii_characters = sum(byte < 128 for byte in encoded)
    return -(-ascii_characters // _ASCII_CHARACTERS_PER_TOKEN) + len(encoded) - ascii_characters
