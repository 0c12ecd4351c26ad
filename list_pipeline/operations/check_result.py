"""What a rule that was looked at once more says: whether it holds, and what was seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One safety rule: whether it holds, and what was seen. ``is_serious``: an invariant, not only a figure to look at."""

    passed: bool
    words: str
    is_serious: bool = True
