"""The validation set: scenarios and injections, read from the files beside this module.

Belongs here: reading and checking the form of a file. Does not belong here: what a field means to an advisor (its
runner: ``optimization``, ``health``, ``rebalancing``, ``reporting``, ``wrapup``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ADVISORS = ("optimization", "health", "rebalancing", "reporting", "wrapup")
KINDS = ("clear", "borderline", "adversarial", "huge", "empty", "all_bounced", "incident")

_HERE = Path(__file__).parent
_COMMON = ("id", "title", "kind", "why")


@dataclass(frozen=True)
class Scenario:
    """One case with its label. ``why``: what the label rests on, in one sentence; ``data``: all other fields."""

    id: str
    title: str
    kind: str
    why: str
    advisor: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Injection:
    """A text that a stranger may send."""

    id: str
    family: str
    text: str


def load_scenarios(folder: Path = _HERE / "scenarios") -> tuple[Scenario, ...]:
    """Every scenario, by advisor and file.

    Raises:
        ValueError: a common field is missing or unknown in kind, or an id is there twice.
    """
    found: list[Scenario] = []
    for advisor in ADVISORS:
        for path in sorted((folder / advisor).glob("*.toml")):
            with path.open("rb") as file:
                found += [_scenario(advisor, path, each) for each in tomllib.load(file)["scenario"]]
    ids = [one.id for one in found]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise ValueError(f"scenarios with the same id: {', '.join(twice)}")
    return tuple(found)


def _scenario(advisor: str, path: Path, fields: Mapping[str, Any]) -> Scenario:
    missing = [name for name in _COMMON if not fields.get(name)]
    if missing:
        raise ValueError(f"{path}: {fields.get('id', 'a scenario')} lacks {', '.join(missing)}")
    if fields["kind"] not in KINDS:
        raise ValueError(f"{path}: {fields['id']} is of no known kind: {fields['kind']}")
    data = {name: value for name, value in fields.items() if name not in _COMMON}
    return Scenario(fields["id"], fields["title"], fields["kind"], fields["why"], advisor, data)


def load_injections(path: Path = _HERE / "injections.toml") -> tuple[Injection, ...]:
    """Every injection text."""
    with path.open("rb") as file:
        listed = tomllib.load(file)["injection"]
    return tuple(Injection(each["id"], each["family"], each["text"] * each.get("repeat", 1)) for each in listed)


def only(fields: Mapping[str, Any], known: set[str], where: str) -> None:
    """Refuse what a file says and nobody would read.

    Raises:
        ValueError: a field is not known.
    """
    if strange := sorted(set(fields) - known):
        raise ValueError(f"{where}: unknown fields {', '.join(strange)}")
