"""Whether a quarantine may begin by itself, or waits for a person.

Belongs here: the checks, each with the figures it saw. Does not belong here: who is put in quarantine (``judgement``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from list_pipeline.core.plans.gate import (
    CAP_CHECK,
    CheckSeverity,
    GateCheck,
    GateDecision,
    GateOutcome,
    flag_check,
    mode_check,
)
from list_pipeline.core.plans.plan import PlanItem
from list_pipeline.core.quarantine.policy import QuarantinePolicy
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.wording import exceeds_percent, limit_text, share_percent_text


@dataclass(frozen=True, slots=True)
class QuarantineGateFacts:
    """The facts about a quarantine that its gate judges.

    ``recipients``: of the campaign. ``before``: contacts put in quarantine by its other looks, those that wait among them.
    ``untimely``: why the campaign is outside the age at which it is maintained by itself; None: it is not. ``approved_by``: the
    person who let the suppression plan through, which says how many it keeps from mail; None: no person did.
    """

    recipients: int
    before: int
    mode: Mode
    flag_enabled: bool
    untimely: str | None = None
    approved_by: str | None = None


def judge_quarantine(items: Sequence[PlanItem], facts: QuarantineGateFacts, policy: QuarantinePolicy) -> GateDecision:
    """Whether a quarantine may begin. A person who let the suppression plan through is not asked again."""
    everybody = tuple(item.contact_id for item in items)
    mode = mode_check(facts.mode, facts.untimely, bool(items))
    cap = _cap_check(len(items), facts, policy)
    checks = (flag_check(facts.flag_enabled), mode, cap)
    if not facts.flag_enabled:
        return GateDecision(GateOutcome.REFUSED, checks, (), (), alert=False)
    if facts.mode is Mode.READ_ONLY:
        return GateDecision(GateOutcome.READ_ONLY, checks, (), (), alert=not cap.passed)
    if facts.approved_by is None and not (mode.passed and cap.passed):
        return GateDecision(GateOutcome.NEEDS_REVIEW, checks, (), everybody, alert=not cap.passed)
    return GateDecision(GateOutcome.APPROVED, checks, everybody, (), alert=False)


def _cap_check(items: int, facts: QuarantineGateFacts, policy: QuarantinePolicy) -> GateCheck:
    together = items + facts.before
    passed = not items or not exceeds_percent(together, facts.recipients, policy.cap_percent)
    before = f" and {facts.before:,} of its other looks" if facts.before else ""
    words = (
        f"{items:,} to be kept from mail{before} are {share_percent_text(together, facts.recipients)} of "
        f"{facts.recipients:,} recipients; the cap is {limit_text(policy.cap_percent)}."
    )
    return GateCheck(CAP_CHECK, passed, CheckSeverity.WARNING, words)
