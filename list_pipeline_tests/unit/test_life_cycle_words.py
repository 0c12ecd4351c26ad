"""The words of life cycles stand in their enums only: code compares members, and a word in SQL is the word of a member.

Where a statement cannot be built from the enum without becoming unreadable, its literals are held against the enums here, so
that a word that is renamed in one place is missed in no other.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

import pytest

from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.drift.mass_changes import MassChangeKind, MassChangeStatus
from list_pipeline.core.erasure import DeletionState
from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.messages.delivery import Channel, DeliveryState
from list_pipeline.core.plans.journal import JobState, StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus
from list_pipeline.core.quarantine.life import QuarantineState
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.validation.schedule_changes import ScheduleAction, ScheduleState
from list_pipeline_tests.paths import CHECKOUT

WORDS: Mapping[str, tuple[type[StrEnum], ...]] = {
    "state": (StepState, JobState, DeliveryState, ScheduleState, LaunchState, DeletionState, QuarantineState),
    "status": (PlanStatus, ReviewStatus, CampaignStatus, RunStatus, MassChangeStatus),
    "kind": (PlanKind, ReviewKind, ItemAction, MassChangeKind),
    "action": (ItemAction, StepAction, ScheduleAction, LaunchAction),
    "note": (StepNote,),
    "channel_kind": (Channel,),
}
"""Column to the enums whose words may stand in it, in one table or another."""

OTHER_WORDS = {
    # What a person's decision on a held item is called in the review of decisions, and how Dagster's runs end.
    "action": {"hold"},
    "status": {"failure"},
}

OF_ANOTHER_KIND = {
    # Blocks of Slack.
    Path("core/messages/slack_blocks.py"),
    Path("core/messages/slack_charts.py"),
}

_IN_SQL = re.compile(
    rf"\b({'|'.join(WORDS)})\s*(?:=|<>|is (?:not )?distinct from|(?:not )?in)\s*('\w+'|\((?:'\w+'(?:,\s*)?)+\))"
)


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    package = CHECKOUT / "list_pipeline"
    for folder in folders:
        for path in sorted((package / folder).rglob("*.py")):
            yield path.relative_to(package), ast.parse(path.read_text())


def words_in_sql(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Column and word of each comparison in the statements of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for column, words in _IN_SQL.findall(node.value):
                for word in re.findall(r"'(\w+)'", words):
                    yield column, word


def compared_literals(tree: ast.Module, words: Iterable[str]) -> Iterator[str]:
    """Comparisons of an attribute of such a name, or of an item of a mapping, with one of the words as it stands."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        named = [side.attr for side in sides if isinstance(side, ast.Attribute)]
        named += [ast.unparse(side.slice).strip("'\"") for side in sides if isinstance(side, ast.Subscript)]
        literals = {each.value for side in sides for each in ast.walk(side) if isinstance(each, ast.Constant)}
        if set(named) & set(WORDS) and literals - set(named) & set(words):
            yield ast.unparse(node)


@pytest.mark.parametrize("column", WORDS)
def test_a_word_in_a_statement_is_the_word_of_an_enum(column: str) -> None:
    known = {member.value for enum in WORDS[column] for member in enum} | OTHER_WORDS.get(column, set())
    found = {
        (str(path), word)
        for path, tree in modules("storage")
        for name, word in words_in_sql(tree)
        if name == column and word not in known
    }
    assert not found


def test_code_compares_members_and_no_words() -> None:
    words = {member.value for enums in WORDS.values() for enum in enums if enum is not RunStatus for member in enum}
    only_of_runs = {member.value for member in RunStatus}
    found = [
        f"{path}: {comparison}"
        for path, tree in modules("core", "agents", "integrations", "storage", "operations", "defs", "cli")
        if path not in OF_ANOTHER_KIND
        for comparison in compared_literals(tree, words - only_of_runs)
    ]
    assert not found
