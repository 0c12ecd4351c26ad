"""The figures of the suppression policy: those that would suppress without sense are refused; each makes another version."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from list_pipeline.core.suppression.policy import POLICY_REVISION, SuppressionPolicy

LIMITS = [
    ("soft_attempts", 1, 0),
    ("soft_campaigns", 1, 0),
    ("min_campaigns", 1, 0),
    ("soft_span_days", 0, -1),
    ("soft_recency_days", 0, -1),
    ("second_hit_days", 0, -1),
    ("second_hit_apart_days", 0, -1),
    ("soft_days", 14, 13),
    ("soft_rounds", 3, 2),
    ("hit_forgotten_days", 7, 6),
    ("grace_days", 0, -1),
    ("silence_days", 0, -1),
    ("unreachable_rounds", 1, 0),
    ("unreachable_days", 0, -1),
    ("blocked_rounds", 1, 0),
    ("cap_percent", 0.1, 0),
    ("cap_percent", 100, 100.1),
    ("complaint_target_percent", 0, -0.1),
    ("complaint_target_percent", 0.3, 0.31),
    ("complaint_alert_percent", 100, 100.1),
    ("confidence_hard", 0, -0.1),
    ("confidence_hard", 1, 1.1),
    ("confidence_complaint", 0, -0.1),
    ("confidence_soft_pattern", 1, 1.1),
    ("confidence_second_hit", 1, 1.1),
    ("review_confidence", 0, -0.1),
    ("review_confidence", 0.85, 0.86),
    ("automatic_confidence", 1, 1.1),
]


@pytest.mark.parametrize(("figure", "allowed", "refused"), LIMITS)
def test_a_figure_may_reach_its_limit_and_not_pass_it(figure: str, allowed: float, refused: float) -> None:
    assert getattr(replace(SuppressionPolicy(), **{figure: allowed}), figure) == allowed
    with pytest.raises(ValueError, match=r"policy|complaint|confidence|band"):
        replace(SuppressionPolicy(), **{figure: refused})


def test_the_version_names_the_revision_and_differs_with_every_figure() -> None:
    policy = SuppressionPolicy()
    others = {
        replace(policy, **{one.name: getattr(policy, one.name) * 0.99}).version
        for one in fields(policy)
        if isinstance(getattr(policy, one.name), float)
    }
    assert policy.version not in others
    assert len(others) == sum(isinstance(getattr(policy, one.name), float) for one in fields(policy))
    revision, _, digest = policy.version.rpartition("-")
    assert (revision, len(digest)) == (POLICY_REVISION, 8)
    assert policy.version == SuppressionPolicy().version
