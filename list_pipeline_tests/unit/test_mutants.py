"""The tool that plants faults: what it plants, how it tells who notices, and that its answers are about the code as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from list_pipeline_tests.mutants.answers import drawn, read_answers, seed_of, stale
from list_pipeline_tests.mutants.groups import GROUPS
from list_pipeline_tests.mutants.making import mutants_of
from list_pipeline_tests.paths import CHECKOUT

LAMP = '''\
"""A lamp."""

LIMIT = 3
COLOURS = {"red", "green"}


def shines(on: bool, watts: int) -> bool:
    if not on:
        raise ValueError(f"off {watts + 1}")
    words = "bright" if watts > 1 else "dim"
    return 0 < watts <= LIMIT and words in ("bright", "dim")


class Lamps:
    @property
    def used(self) -> int:
        return sum(watts for watts in (1, 2, 3) if watts > 2)
'''
TESTS = """\
import pytest
from lamp import COLOURS, LIMIT, Lamps, shines


def test_a_lamp() -> None:
    assert LIMIT == 3
    assert shines(True, 3)
    assert not shines(True, 4)
    assert Lamps().used == 3


def test_a_lamp_that_is_off() -> None:
    with pytest.raises(ValueError):
        shines(False, 3)
"""
PLAY = """
import json, sys
from pathlib import Path
from list_pipeline_tests.mutants.making import mutants_of
from list_pipeline_tests.mutants.running import run_group
root = Path(sys.argv[1])
sys.path.insert(0, str(root))
mutants, fates = list(mutants_of(root, "lamp.py")), {}
run_group(root, mutants, [str(root / "test_lamp.py")], 2, lambda number, fate: fates.update({number: fate.name}))
print(json.dumps([[mutants[n].operator, mutants[n].was, mutants[n].becomes, fate] for n, fate in sorted(fates.items())]))
"""


@pytest.fixture
def lamp(tmp_path: Path) -> Path:
    (tmp_path / "lamp.py").write_text(LAMP)
    (tmp_path / "test_lamp.py").write_text(TESTS)
    return tmp_path


def test_each_kind_of_fault_is_planted_and_none_in_words_and_types(lamp: Path) -> None:
    made = {(one.where, one.operator, one.becomes) for one in mutants_of(lamp, "lamp.py")}
    assert {
        ("", "NumberReplacer", "LIMIT = 4"),
        ("", "ElementDropped", 'COLOURS = { "green",}'),
        ("shines", "ConditionIgnored", "if False:"),
        ("shines", "StatementDropped", "pass"),
        ("shines", "ReplaceUnaryOperator_Delete_Not", "if on:"),
        ("shines", "OperandDropped", "return 0 < watts <= LIMIT"),
        ("shines", "ReplaceComparisonOperator_LtE_Lt", 'return 0 < watts < LIMIT and words in ("bright", "dim")'),
        ("shines", "MembershipNegated", 'return 0 < watts <= LIMIT and words not in ("bright", "dim")'),
        ("Lamps.used", "ConditionIgnored", "return sum(watts for watts in (1, 2, 3) if True)"),
    } <= made
    assert not [one for one in made if one[2].startswith("words =") or "watts - 1" in one[2]]
    assert len({one.key for one in mutants_of(lamp, "lamp.py")}) == len(made)


def test_what_no_test_notices_is_told_and_what_one_notices_is_not(lamp: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLAY, str(lamp)], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=120
    )
    fates = {(operator, becomes): fate for operator, _, becomes, fate in json.loads(done.stdout)}
    assert len(fates) == len(list(mutants_of(lamp, "lamp.py")))
    noticed = {
        ("NumberReplacer", "LIMIT = 4"),
        ("ConditionIgnored", "if False:"),
        ("StatementDropped", "pass"),
        ("ReplaceComparisonOperator_LtE_Lt", 'return 0 < watts < LIMIT and words in ("bright", "dim")'),
        ("ConditionIgnored", "return sum(watts for watts in (1, 2, 3) if True)"),
    }
    unnoticed = {
        ("ElementDropped", 'COLOURS = { "green",}'),
        ("ReplaceComparisonOperator_Lt_LtE", 'return 0 <= watts <= LIMIT and words in ("bright", "dim")'),
    }
    assert {fates[one] for one in noticed} == {"KILLED"}
    assert {fates[one] for one in unnoticed} == {"SURVIVED"}


def test_the_answers_are_about_mutants_that_there_are() -> None:
    answers = read_answers()
    modules = {key[0] for key in answers.reasons}
    made = [mutant for module in sorted(modules) for mutant in mutants_of(CHECKOUT, module)]
    assert stale(answers, made, modules) == []
    assert answers.modules <= {module for group in GROUPS for module in group.paths(CHECKOUT)}


def test_every_group_has_modules_and_tests() -> None:
    for group in GROUPS:
        assert list(group.paths(CHECKOUT)), group.name
        for test in group.tests:
            assert (CHECKOUT / test.partition("::")[0]).exists(), test


def test_a_sample_is_drawn_again_from_the_same_seed_and_leaves_answers_out() -> None:
    answers = read_answers()
    module = min(answers.modules)
    (group,) = [group for group in GROUPS if module in group.paths(CHECKOUT)]
    made = {group: list(mutants_of(CHECKOUT, module))}
    seed = seed_of(CHECKOUT, answers)
    sample = drawn(made, answers, 5, seed)
    assert sample == drawn(made, answers, 5, seed)
    assert not [
        one for found in drawn(made, answers, 10_000, seed).values() for one in found if one.key in answers.reasons
    ]
