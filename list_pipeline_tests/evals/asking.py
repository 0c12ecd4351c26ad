"""What stands between an advisor and the model in an evaluation: a clock that does not wait, and a record of all words.

Belongs here: asking and recording. Does not belong here: judging (``checks``).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from list_pipeline.agents.budget import Budget
from list_pipeline.agents.consultation import LanguageModel, ModelAccess
from list_pipeline.core.advice import ModelAnswer, ModelRequest, price_of
from list_pipeline.core.errors import IntegrationError


class HurriedClock:
    """The machine's clock, but sleeping moves it forward and returns at once: latencies are real, pauses cost nothing."""

    def __init__(self) -> None:
        self._skipped = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return datetime.now(UTC) + self._skipped

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._skipped += timedelta(seconds=max(seconds, 0.0))


@dataclass(frozen=True)
class Exchange:
    """One request as it left for the model; ``answer`` is None when none came."""

    system: str
    prompt: str
    schema: dict[str, Any]
    answer: ModelAnswer | None

    @property
    def sent(self) -> str:
        """All words that the model reads."""
        return f"{self.system}\n{self.prompt}"


@dataclass
class RecordingModel:
    """A model that notes what it is asked.

    Attributes:
        pause_s: between questions, for services that count requests a minute.
        remembers: an identical question gets the answer that was given to it, as within one run of the product.
    """

    inner: LanguageModel
    pause_s: float = 0.0
    remembers: bool = False
    exchanges: list[Exchange] = field(default_factory=list)
    _known: dict[tuple[str, str], ModelAnswer] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The name of the model."""
        return self.inner.model

    def generate(self, request: ModelRequest) -> ModelAnswer:
        """Ask the model and note both sides."""
        known = self._known.get((request.system, request.prompt)) if self.remembers else None
        if known is not None:
            self.exchanges.append(Exchange(request.system, request.prompt, dict(request.schema), known))
            return known
        if self.pause_s:
            time.sleep(self.pause_s)
        try:
            answer = self.inner.generate(request)
        except IntegrationError:
            self.exchanges.append(Exchange(request.system, request.prompt, dict(request.schema), None))
            raise
        self.exchanges.append(Exchange(request.system, request.prompt, dict(request.schema), answer))
        self._known[request.system, request.prompt] = answer
        return answer

    def taken(self) -> tuple[Exchange, ...]:
        """What was exchanged since the last call."""
        found, self.exchanges = tuple(self.exchanges), []
        return found


def access_to(model: LanguageModel | None) -> ModelAccess:
    """A model as an advisor gets it, with a budget that knows its price and no limit."""
    price = None if model is None else price_of(model.model)
    return ModelAccess(model=model, budget=Budget(tokens=10**12, price=price))
