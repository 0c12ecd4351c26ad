"""Contact ids of a large list in a short text."""

from __future__ import annotations

import base64
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.integrations.packed_ids import Flagged, pack, unpack

flagged = st.lists(st.tuples(st.integers(0, 2**63), st.booleans(), st.booleans()), unique_by=lambda each: each[0])


@given(flagged.map(sorted))
def test_what_goes_in_comes_out(contacts: list[Flagged]) -> None:
    assert list(unpack(pack(contacts))) == contacts


@pytest.mark.parametrize("ids", [(2, 1), (1, 1), (-1,)])
def test_ids_that_do_not_ascend_are_a_fault_of_the_caller(ids: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        pack([(contact_id, False, False) for contact_id in ids])


@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_garbage_is_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(text)


@pytest.mark.parametrize("data", [b"\x80", b"\x05\xff"])
def test_an_id_that_is_cut_off_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="cut off"):
        unpack(base64.b64encode(zlib.compress(data)).decode())


def test_a_text_that_unfolds_without_end_is_refused() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(65 * 1024 * 1024), 9)).decode()

    with pytest.raises(ValueError, match="not all"):
        unpack(bomb)


def test_a_large_list_takes_less_than_two_characters_a_contact() -> None:
    numbers, at = random.Random(1), 1_000_000
    contacts = []
    for _ in range(20_000):
        at += numbers.randint(1, 400)
        contacts.append((at, numbers.random() < 0.05, numbers.random() < 0.05))

    assert len(pack(contacts)) < 2 * len(contacts)
