"""What a case is: a fault, played on a scene of its own.

Belongs here: what all cases share. Does not belong here: the cases (one module a family).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from list_pipeline_tests.chaos.invariants import Reference
from list_pipeline_tests.chaos.scene import Scene


@dataclass(frozen=True)
class Case:
    """One fault. ``family`` and ``name`` are how it is asked for again; ``pace`` as of the clock."""

    family: ClassVar[str]
    template: ClassVar[str] = "small"
    pace: ClassVar[float] = 0.0

    @property
    def name(self) -> str:
        """Unique within the family."""
        raise NotImplementedError

    @property
    def full_name(self) -> str:
        return f"{self.family}/{self.name}"

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that differ from the template's."""
        return {}

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        """Do it, let the product go on, and say in words what does not hold afterwards."""
        raise NotImplementedError


class NotPlayable(Exception):  # noqa: N818 - no error: the machine lacks what the case needs
    """This machine cannot play the case; the words say why."""
