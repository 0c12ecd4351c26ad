"""The result of a safety rule that was checked on stored rows, as every way in shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One safety rule: whether it holds, and what was seen. ``is_serious``: an invariant, not only a figure to look at."""

    passed: bool
    words: str
    is_serious: bool = True
