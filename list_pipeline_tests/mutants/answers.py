"""The answered survivors: mutants that no test notices because they change nothing that anybody could notice.

``answered.toml`` also names the modules in which every survivor is answered: only from those a sample is drawn, so that a
sample fails when a test became weaker or the code changed, and not because of a mutant that nobody looked at yet.
"""

from __future__ import annotations

import hashlib
import random
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from list_pipeline_tests.mutants.groups import GROUPS, Group
from list_pipeline_tests.mutants.making import Mutant

Key = tuple[str, str, str, str]
FILE = Path(__file__).with_name("answered.toml")


@dataclass(frozen=True, slots=True)
class Answers:
    """The modules that are answered whole, and the reason of each survivor by its key."""

    modules: frozenset[str]
    reasons: Mapping[Key, str]


def read_answers(file: Path = FILE) -> Answers:
    """The answers of the file.

    Raises:
        ValueError: an answer has no reason, or stands twice.
    """
    written = tomllib.loads(file.read_text())
    reasons: dict[Key, str] = {}
    for one in written.get("survivor", ()):
        key = (one["module"], one["where"], one["was"], one["becomes"])
        if key in reasons or not one["reason"].strip():
            raise ValueError(f"answered twice, or without a reason: {key}")
        reasons[key] = one["reason"]
    return Answers(frozenset(written["answered_modules"]), reasons)


def stale(answers: Answers, mutants: Iterable[Mutant], modules: Collection[str]) -> list[Key]:
    """Answers about these modules that name no mutant any more: the line they are about has changed."""
    made = {mutant.key for mutant in mutants}
    return sorted(key for key in answers.reasons if key[0] in modules and key not in made)


def seed_of(root: Path, answers: Answers) -> int:
    """A seed that changes with the answered modules and their tests, and with nothing else: unrelated work draws the same
    sample again."""
    digest = hashlib.sha256()
    for group in GROUPS:
        modules = [module for module in group.paths(root) if module in answers.modules]
        tests = [file for test in group.tests for file in _files(root / test.partition("::")[0])] if modules else []
        for file in (*(root / module for module in modules), *tests):
            digest.update(file.read_bytes())
    return int.from_bytes(digest.digest()[:3])


def _files(path: Path) -> Sequence[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def drawn(
    mutants: Mapping[Group, Sequence[Mutant]], answers: Answers, size: int, seed: int
) -> dict[Group, list[Mutant]]:
    """A sample of the mutants of answered modules that a test has to notice."""
    every = [
        (group, mutant)
        for group, found in mutants.items()
        for mutant in found
        if mutant.module in answers.modules and mutant.key not in answers.reasons
    ]
    sample: dict[Group, list[Mutant]] = {}
    for group, mutant in sorted(
        random.Random(seed).sample(every, min(size, len(every))), key=lambda pair: GROUPS.index(pair[0])
    ):
        sample.setdefault(group, []).append(mutant)
    return sample
