"""The rule sets that a replay can ask: what each is told about a campaign, and what it answers.

Belongs here: the question, the answer, and our own rules under any figures. Does not belong here: the rules themselves
(``core.suppression.rules``; no second copy), those of others (``peers``), and what the answers add up to (``comparison``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from list_pipeline.core.bounces.classes import FailureEvent
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import Attempt, CampaignContext, ContactFacts, Verdict, VerdictAction

_NEVER = 36_500
"""Days that no history reaches back."""


class Outcome(StrEnum):
    """What a rule set does with a contact. ``held``: it would be removed, and waits because of an incident."""

    REMOVED = "removed"
    HELD = "held"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer about one contact. ``rule``: the word for the rule that decided; ``reason``: one sentence."""

    contact_id: int
    outcome: Outcome
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one campaign at the moment that is judged for.

    Attributes:
        events: the campaign's failures, one a contact.
        history: the other campaigns of each of these contacts, as ``core.suppression.rules.decide`` takes them.
        facts: what our rows know of each contact.
        campaign: the campaign itself, with its incidents as this rule set tells them.
        as_of: the moment that is judged for (UTC).
    """

    events: Sequence[FailureEvent]
    history: Mapping[int, Sequence[Attempt]]
    facts: Mapping[int, ContactFacts]
    campaign: CampaignContext
    as_of: datetime


class RuleSet(Protocol):
    """Rules that decide who is removed."""

    @property
    def name(self) -> str:
        """By which it is asked for."""

    @property
    def title(self) -> str:
        """For people."""

    def judge(self, told: Told) -> tuple[Judgement, ...]:
        """One answer for each contact that failed, or complained; by contact id."""


@dataclass(frozen=True, slots=True)
class OwnRules:
    """The product's own rules under some figures. ``tells_incidents``: whether incidents are told from dead addresses."""

    name: str
    title: str
    policy: SuppressionPolicy
    tells_incidents: bool = True

    def judge(self, told: Told) -> tuple[Judgement, ...]:
        """What the rules that plan say."""
        campaign = told.campaign if self.tells_incidents else replace(told.campaign, incidents=())
        verdicts = decide(told.events, told.history, told.facts, campaign, self.policy, told.as_of)
        return tuple(_judgement(verdict) for verdict in verdicts)


_OUTCOMES = {
    VerdictAction.SUPPRESS: Outcome.REMOVED,
    VerdictAction.HOLD: Outcome.HELD,
    VerdictAction.MONITOR: Outcome.KEPT,
    VerdictAction.KEEP: Outcome.KEPT,
}


def _judgement(verdict: Verdict) -> Judgement:
    return Judgement(verdict.contact_id, _OUTCOMES[verdict.action], verdict.rule.value, verdict.explanation)


OURS, CHANGED = "ours", "changed"
"""The present policy, and the same with the figures that somebody wants to try."""


def own_rule_sets(present: SuppressionPolicy) -> tuple[OwnRules, ...]:
    """The present rules, and those of earlier versions as far as figures express them.

    An earlier version's *code* is not kept: its crude hold of a domain with at least 60 % hard bounces has no figure, nor has
    a distance counted in seconds.
    """
    without_grace = replace(present, grace_days=0)
    first = replace(
        without_grace, hit_forgotten_days=_NEVER, soft_days=_NEVER, soft_rounds=_NEVER, second_hit_apart_days=0
    )
    return (
        OwnRules(OURS, "our rules today", present),
        OwnRules("ours-without-incidents", "our rules, incidents not told", present, tells_incidents=False),
        OwnRules("ours-without-grace", "our rules, a first hard bounce suppresses", without_grace),
        OwnRules("ours-first", "our rules before incidents, grace and ageing", first, tells_incidents=False),
    )
