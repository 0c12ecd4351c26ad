"""The check of the mode, which both gates share."""

from __future__ import annotations

import pytest

from list_pipeline.core.plans.gate import mode_check
from list_pipeline.core.safety.modes import Mode


@pytest.mark.parametrize(
    ("mode", "has_items", "passed"),
    [
        (Mode.AUTO, True, True),
        (Mode.AUTO, False, True),
        (Mode.APPROVAL_REQUIRED, True, False),
        (Mode.APPROVAL_REQUIRED, False, True),
        (Mode.READ_ONLY, True, False),
        (Mode.READ_ONLY, False, False),
    ],
)
def test_what_changes_nothing_needs_no_approval_and_in_read_only_nothing_passes(
    mode: Mode, has_items: bool, passed: bool
) -> None:
    assert mode_check(mode, None, has_items).passed is passed
