"""Plans to explain, and a model that answers from its prompt as told, for the tests of the advisor on rebalancing.

Belongs here: questions and answers. Does not belong here: expectations.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.core.advice import ModelAnswer, ModelRequest
from list_pipeline.core.lists import ListRole
from list_pipeline.core.rebalancing.balance import Sizes
from list_pipeline.core.rebalancing.flows import RebalancingPolicy, plan_flows
from list_pipeline.core.rebalancing.question import RebalancingQuestion

FIRST, SECOND, THIRD = ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2, ListRole.CAMPAIGN_3


def question(
    sizes: Sizes = (1_100, 900, 1_000),
    newcomers: int = 0,
    sent: frozenset[ListRole] = frozenset(),
    frozen: frozenset[ListRole] = frozenset(),
    policy: RebalancingPolicy | None = None,
    suppressed: Sizes = (0, 60, 12),
) -> RebalancingQuestion:
    """The question about the plan that the code makes of this."""
    policy = policy or RebalancingPolicy()
    return RebalancingQuestion(
        flows=plan_flows(sizes, newcomers, sent, frozen, policy),
        policy=policy,
        suppressed=suppressed,
        newcomers_available=newcomers,
        sent_in_open_cycle=sent,
        frozen=frozen,
        round_number=2,
    )


@dataclass
class AnsweringModel:
    """Repeats what the prompt's data says, with a choice of its own; ``changes`` replace fields of the answer, and the items
    of ``later`` those of the answers that follow."""

    changes: dict[str, Any] = field(default_factory=dict)
    later: list[dict[str, Any]] = field(default_factory=list)
    text: str | None = None
    finish: str = "STOP"
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)
    temperatures: list[float | None] = field(default_factory=list)
    model: str = "fake-1"

    def close(self) -> None:
        """There is nothing to close."""

    def generate(self, request: ModelRequest) -> ModelAnswer:
        changes = self.later[len(self.asked) - 1] if self.asked and self.later else self.changes
        self.asked.append(request.prompt)
        self.temperatures.append(request.temperature)
        if self.error is not None:
            raise self.error
        text = self.text if self.text is not None else json.dumps({**repeated(request.prompt), **changes})
        return ModelAnswer(text, self.finish, 900, 200, 50, "fake-1-001", 1_200)


def data_of(prompt: str) -> dict[str, Any]:
    """The data of a prompt."""
    found = re.search(r"<data>\s*(.*?)\s*</data>", prompt, re.DOTALL)
    assert found is not None
    return dict(json.loads(found.group(1)))


def repeated(prompt: str) -> dict[str, Any]:
    """An answer that fits a prompt."""
    data = data_of(prompt)
    return {
        "rationale": ["proof", "reason:1"] if data["restriction"] is None else ["reason:2", "reason:1"],
        "expected_impact": ["comparable_rounds"],
        "alternatives_considered": ["leave_as_they_are"],
        "concerns": [],
        "requires_rebalancing": data["requires_rebalancing"],
        "target_distribution": data["target_distribution"],
        "movements_total": data["movements_total"],
        "confidence": 0.9,
    }


def access(model: AnsweringModel | None) -> ModelAccess:
    """What an advisor consults."""
    return ModelAccess(model=model)
