"""What a measurement says: a figure, what it is held against, the goal, and how it was measured.

Belongs here: figures, their table and their file. Does not belong here: measuring, and any limit that a test should hold.
Seconds depend on the machine; what counts is the ratio to a reference that was measured in the same run.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from math import log
from pathlib import Path
from typing import Any


class Unit(StrEnum):
    """What a figure counts."""

    CPU_SECONDS = "CPU s"
    SECONDS = "s"
    REQUESTS = "requests"
    STATEMENTS = "statements"
    MEGABYTES = "MB"
    EXPONENT = "exponent"
    """Of growth: 0 is flat, 1 is linear."""
    CONNECTIONS = "connections"


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Args:
        part: the measurement it belongs to.
        name: what was measured, with its sizes.
        value: in ``unit``.
        reference: the figure that it is held against, in the same unit and of the same run; None: it stands for itself.
        against: what the reference is.
        goal: the most that ``ratio``, or without a reference ``value``, may be; None: for orientation.
        method: how it was measured, in a sentence.
    """

    part: str
    name: str
    value: float
    unit: Unit
    method: str
    reference: float | None = None
    against: str = ""
    goal: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the reference; None without one, or where it is zero."""
        return self.value / self.reference if self.reference else None

    @property
    def is_held(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        held = self.value if self.reference is None else self.ratio
        return held is not None and held <= self.goal

    def as_json(self) -> dict[str, Any]:
        """All of it, for the file."""
        return {**asdict(self), "unit": self.unit.value, "ratio": self.ratio, "is_held": self.is_held}


def exponent(value: float, smaller: float, factor: float) -> float:
    """The growth of a figure as an exponent: ``value = smaller * factor ** exponent``. Nothing that stays nothing is flat."""
    return log(max(value, 1e-9) / max(smaller, 1e-9)) / log(factor)


def line(figure: Figure) -> str:
    """A figure as a line of the table."""
    value = f"{figure.value:,.2f}" if figure.value < 100 else f"{figure.value:,.0f}"
    if figure.unit in (Unit.REQUESTS, Unit.STATEMENTS, Unit.CONNECTIONS):
        value = f"{figure.value:,.0f}"
    text = f"  {figure.name:<64} {value:>9} {figure.unit.value:<10}"
    if figure.ratio is not None:
        text += f" x {figure.ratio:6.2f} of {figure.against}"
    if figure.goal is not None:
        text += f"   goal {figure.goal:g}: {'held' if figure.is_held else 'MISSED'}"
    return text


def loaded(kept: Mapping[str, Any]) -> list[Figure]:
    """The figures of a file that ``save`` wrote."""
    computed = ("ratio", "is_held", "unit")
    return [
        Figure(**{name: value for name, value in row.items() if name not in computed}, unit=Unit(row["unit"]))
        for row in kept["figures"]
    ]


def save(figures: Sequence[Figure], path: Path, *, began: datetime, seconds: float, scale: float) -> None:
    """Write all figures with the machine, the scale of their sizes and the time they were measured at."""
    path.write_text(
        json.dumps(
            {
                "began_at": began.isoformat(),
                "seconds": round(seconds, 1),
                "scale": scale,
                "machine": {
                    "python": platform.python_version(),
                    "system": platform.system(),
                    "cpu": platform.machine(),
                },
                "figures": [figure.as_json() for figure in figures],
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )
