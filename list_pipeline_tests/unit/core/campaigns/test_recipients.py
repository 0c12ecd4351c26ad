"""A reading of who was mailed is whole by proof, never because it came."""

from __future__ import annotations

import pytest

from list_pipeline.core.campaigns.recipients import counters_problem, reading_problem
from list_pipeline.core.observations import SendCounters


def counters(total: int) -> SendCounters:
    return SendCounters(total, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def test_as_many_messages_as_are_counted_are_all() -> None:
    assert reading_problem(counters(20), 20, on_list=23) == ""


@pytest.mark.parametrize("read", [0, 17, 21])
def test_another_number_than_is_counted_is_named_beside_it(read: int) -> None:
    assert reading_problem(counters(20), read, on_list=20) == f"Mailjet counts 20 messages, and {read} were read"


def test_nothing_counted_and_nothing_read_is_a_proof_only_where_nobody_was_there_to_mail() -> None:
    assert "its list had 20 contacts to mail" in reading_problem(counters(0), 0, on_list=20)
    assert reading_problem(counters(0), 0, on_list=0) == ""


def test_counters_of_fewer_messages_than_contacts_were_mailed_are_not_believed() -> None:
    assert counters_problem(counters(19), 20) == "Mailjet counts 19 messages, and 20 contacts were mailed"
    assert counters_problem(counters(20), 20) == ""
    assert counters_problem(counters(21), 20) == ""
