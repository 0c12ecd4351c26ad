"""Figures of the policy that somebody types: checked by the policy itself before anything is asked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.operations.suppression.figures import changed_policy, figure_names

POLICY = SuppressionPolicy()


def changed(**figures: str) -> SuppressionPolicy:
    return changed_policy(POLICY, {name.replace("__", "."): value for name, value in figures.items()}, "Trying")


def test_figures_are_changed_and_the_others_stay() -> None:
    found = changed(grace_days="90", incidents__least_hard="5", confidence_hard="0.9")
    incidents = replace(POLICY.incidents, least_hard=5)
    assert found == replace(POLICY, grace_days=90, confidence_hard=0.9, incidents=incidents)
    assert found.version != POLICY.version
    assert changed() == POLICY


def test_every_figure_has_a_name() -> None:
    assert {"grace_days", "soft_attempts", "incidents.decay"} <= set(figure_names())
    assert "incidents" not in figure_names()
    for name in figure_names():
        owner, _, last = name.rpartition(".")
        present = getattr(POLICY.incidents if owner else POLICY, last)
        assert changed_policy(POLICY, {name: str(present)}, "Trying") == POLICY


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"graze_days": "90"}, "a figure is named that the policy does not have"),
        ({"incidents": "1"}, "a figure is named that the policy does not have"),
        ({"incidents.nothing": "1"}, "a figure is named that the policy does not have"),
        ({"grace_days": "ninety"}, "grace_days: "),
        ({"grace_days": "9.5"}, "grace_days: "),
        ({"grace_days": "-1"}, "must not be negative"),
        ({"soft_days": "3"}, "must have room for its pattern"),
        ({"cap_percent": "nan"}, "cap must be above 0"),
        ({"incidents.decay": "1"}, "lie between 0 and 1"),
        ({"second_hit_apart_days": "99999999999999"}, "above 1,000,000"),
        ({"second_hit_apart_days": "9" * 5_000}, "second_hit_apart_days: "),
    ],
)
def test_what_the_policy_does_not_allow_is_refused_with_what_to_do_next(figures: dict[str, str], words: str) -> None:
    with pytest.raises(RefusedError, match=words) as refused:
        changed_policy(POLICY, figures, "Trying")
    assert refused.value.next_step


@given(st.sampled_from(figure_names()), st.text(max_size=30))
def test_whatever_is_typed_is_a_policy_or_a_refusal(name: str, value: str) -> None:
    with suppress(RefusedError):
        assert isinstance(changed_policy(POLICY, {name: value}, "Trying"), SuppressionPolicy)


def test_what_was_typed_is_not_repeated() -> None:
    with pytest.raises(RefusedError) as refused:
        changed(grace_days="jane.doe")
    assert "jane" not in str(refused.value)
