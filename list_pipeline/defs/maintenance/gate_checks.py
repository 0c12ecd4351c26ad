"""Every rule of both gates as an asset check, with the words of what the gate saw, also when the plan waits.

They are part of the step that judges, and are read from the decision as it is stored: nothing is judged a second time, and a
run that looks again shows what was seen when it was decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import dagster as dg

from list_pipeline.core.plans.gate import CheckSeverity
from list_pipeline.storage.plans.plan_rows import StoredPlan

_SHARED = {
    "flag": "List management is switched on (LIST_MANAGEMENT_ENABLED).",
    "mode": "The mode lets this plan run by itself.",
}

SUPPRESSION_RULES: Mapping[str, str] = {
    **_SHARED,
    "fetch": "The bounces were read completely.",
    "evidence": "Every suppression rests on a failure that counts, or on a complaint.",
    "recipients": "Everybody to be suppressed was a recipient of the campaign.",
    "cap": "Suppressions stay within the cap, all sweeps together, complaints not counted.",
    "confidence": "No suppression is so doubtful that the whole plan has to wait.",
    "review_band": "No suppression is in the band that a person looks at one by one.",
    "incidents": "Nobody is held because of an incident at a mail operator or domain.",
    "automations": "Nobody is added to a list with automations without a person knowing.",
}
"""The rules of ``core.suppression.gate.judge_suppression`` by name."""

REBALANCING_RULES: Mapping[str, str] = {
    **_SHARED,
    "actions": "The plan only moves and enrols.",
    "once": "Nobody is in the plan twice.",
    "never_moved": "Nobody in the plan is suppressed, unsubscribed, excluded or erased.",
    "sizes": "The sizes that the plan promises are those that its items lead to.",
    "moves": "Few contacts change lists or enter one.",
    "taken_off": "Nobody else took many contacts off a campaign list since moves were decided on last.",
    "balance": "The lists become even enough, or as even as they can.",
    "advice": "The advisor does not doubt the plan so much that a person has to look at it.",
    "automations": "Nobody is added to a list with automations without a person knowing.",
}
"""The rules of ``core.rebalancing.gate.judge_rebalancing`` by name."""


def gate_check_specs(asset: str, rules: Mapping[str, str]) -> list[dg.AssetCheckSpec]:
    """The checks that the step of an asset yields."""
    return [dg.AssetCheckSpec(name, asset=asset, description=words) for name, words in rules.items()]


def gate_check_results(
    plan: StoredPlan | None, rules: Mapping[str, str], campaign_key: str
) -> Iterator[dg.AssetCheckResult]:
    """What the gate saw, rule by rule. A step has to answer for each of its checks, so a rule that was not judged says so; one
    that is newer than the plan was not asked of it, and does not fail."""
    gate = plan.gate if plan is not None else None
    without = "Not judged: a decision on an earlier plan is awaited."
    if gate is not None:
        without = "The plan was judged before there was this rule."
    seen = {check.name: check for check in gate.checks} if gate is not None else {}
    for name in rules:
        check = seen.get(name)
        is_error = check is not None and check.severity is CheckSeverity.ERROR
        yield dg.AssetCheckResult(
            check_name=name,
            passed=check.passed if check is not None else gate is not None,
            severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
            description=check.words if check is not None else without,
            metadata={"campaign": campaign_key},
        )
