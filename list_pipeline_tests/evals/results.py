"""What came of a scenario, as values that can be sent between processes and written down.

Belongs here: the values. Does not belong here: how they are come by (the runners) and added up (``measures``).
"""

from __future__ import annotations

from dataclasses import dataclass

from list_pipeline.core.advice import AgentRecord


@dataclass(frozen=True)
class Judgement:
    """One labelled decision: what is true, what the policy alone decides, and what is decided in the end.

    ``suppressed`` and ``suppressed_by_policy`` are shares from 0 to 1 of the contacts that the label speaks for; None
    for labels that are not about suppressing.
    """

    what: str
    truth: str
    policy: str
    final: str
    is_right: bool
    suppressed: float | None = None
    suppressed_by_policy: float | None = None

    @property
    def should_be_suppressed(self) -> bool:
        """Whether the label says so."""
        return self.truth == "suppress"


@dataclass(frozen=True)
class Result:
    """What an advisor made of a scenario under one behaviour of the model.

    Attributes:
        problems: broken rules that hold for every behaviour, in words; none may be left.
        beyond_policy: contacts suppressed or moved that the policy alone would not have touched.
        offered, agreed: borderline items (or whole plans and lists) that the model could make more careful, and how
            many of them stayed as the policy has them.
        shown: what people would read.
        sentences, sentences_shown: that the model wrote into its answers, and how many of them people would read.
    """

    scenario: str
    advisor: str
    kind: str
    behaviour: str
    judgements: tuple[Judgement, ...]
    problems: tuple[str, ...]
    beyond_policy: int
    offered: int
    agreed: int
    records: tuple[AgentRecord, ...]
    confidence: float | None
    shown: tuple[str, ...]
    prompt_characters: int
    questions: int
    seconds: float = 0.0
    sentences: int = 0
    sentences_shown: int = 0
