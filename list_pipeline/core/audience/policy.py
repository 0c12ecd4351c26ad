"""The figures of a new audience."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AudiencePolicy:
    """Our own figures."""

    pause_days: int = 7
    """Days that are proposed between two rounds while the account has no usual pause: too few complete cycles are known."""


AUDIENCE = AudiencePolicy()
