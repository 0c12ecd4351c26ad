"""The numbers of advisory locks stand in one place, and each once."""

from __future__ import annotations

from list_pipeline.storage import lock_numbers
from list_pipeline_tests.paths import CHECKOUT


def test_no_two_locks_have_the_same_number() -> None:
    numbers = [value for name, value in vars(lock_numbers).items() if name.isupper()]
    assert len(numbers) >= 7
    assert len(set(numbers)) == len(numbers)
    assert {number >> 16 for number in numbers} == {0x6C70}


def test_no_other_module_has_such_a_number() -> None:
    storage = CHECKOUT / "list_pipeline" / "storage"
    found = {path.name for path in storage.rglob("*.py") if "0x6c70" in path.read_text(encoding="utf-8").lower()}
    assert found == {"lock_numbers.py"}
