"""What is not ours to take back, when a contact counts as back, and when a correction counts as complete."""

from __future__ import annotations

from dataclasses import replace

import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.corrections import CorrectionFacts, Refusal, correction_message, is_back, reverse
from list_pipeline_tests.unit.core.plans.test_corrections import (
    ENROLLED,
    EXCLUDE,
    INCLUDE,
    MASTER,
    MOVED,
    ONE,
    SUPPRESSED,
    SUPPRESSION,
    THREE,
    TWO,
    after,
)

DONE = CorrectionFacts("Maintenance undone", "ada", "", 5, 5, 0, 0, (), {})


def test_an_exclusion_that_stood_before_is_not_lifted() -> None:
    before = replace(SUPPRESSED, was_excluded=True)
    assert (INCLUDE, None) not in reverse(before, after(before)).steps
    not_ours = replace(SUPPRESSED, done=SUPPRESSED.done - {(EXCLUDE, None)})
    now = replace(after(not_ours), is_excluded=True)
    assert (INCLUDE, None) not in reverse(not_ours, now).steps


def test_an_exclusion_that_somebody_lifted_while_the_entry_stands_is_a_newer_decision() -> None:
    lifted = replace(after(SUPPRESSED), is_excluded=False)
    assert reverse(SUPPRESSED, lifted).refused is Refusal.CHANGED_SINCE
    off_too = replace(lifted, lists=lifted.lists - {SUPPRESSION})
    assert reverse(SUPPRESSED, off_too).refused is None
    not_ours = replace(SUPPRESSED, done=SUPPRESSED.done - {(EXCLUDE, None)})
    assert reverse(not_ours, after(not_ours)).refused is None


@pytest.mark.parametrize("flag", ["change", "contact"])
def test_a_complaint_stays_unless_a_person_says_so(flag: str) -> None:
    change = replace(SUPPRESSED, is_complaint=flag == "change")
    now = replace(after(change), is_complaining=flag == "contact")
    assert reverse(change, now).refused is Refusal.COMPLAINT
    assert reverse(change, now, despite_complaint=True).refused is None


def test_who_stands_on_a_further_list_or_left_master_was_changed_by_somebody() -> None:
    further = replace(after(MOVED), lists=after(MOVED).lists | {THREE})
    assert reverse(MOVED, further).refused is Refusal.CHANGED_SINCE
    moved_without_master = replace(after(MOVED), lists=after(MOVED).lists - {MASTER})
    assert reverse(MOVED, moved_without_master).refused is None
    enrolled_without_master = replace(after(ENROLLED), lists=frozenset({ONE}))
    assert reverse(ENROLLED, enrolled_without_master).refused is Refusal.CHANGED_SINCE


def test_what_was_never_done_is_told_apart_from_what_is_so_already() -> None:
    nothing = replace(SUPPRESSED, done=frozenset())
    assert reverse(nothing, after(nothing)).refused is Refusal.NOTHING_WAS_DONE
    back = replace(after(SUPPRESSED), lists=SUPPRESSED.before, is_excluded=False)
    assert reverse(SUPPRESSED, back).refused is Refusal.ALREADY_SO


def test_a_contact_is_back_on_its_lists_with_its_exclusion_as_it_was() -> None:
    back = replace(after(SUPPRESSED), lists=SUPPRESSED.before, is_excluded=False)
    assert is_back(SUPPRESSED, back)
    assert not is_back(SUPPRESSED, replace(back, is_excluded=True))
    assert not is_back(SUPPRESSED, replace(back, lists=back.lists | {TWO}))
    assert is_back(SUPPRESSED, replace(back, lists=back.lists - {ListRole.MASTER}))


def test_a_correction_is_complete_when_all_of_it_is_done_and_found_so() -> None:
    assert DONE.is_complete
    for other in (replace(DONE, done=4), replace(DONE, differs=(7,)), replace(DONE, open=1)):
        assert not other.is_complete
        assert "Critical: Maintenance undone is not complete" in correction_message(other, automatic=False).text


@pytest.mark.parametrize(
    ("facts", "automatic", "told", "not_told"),
    [
        (DONE, False, "5 of 5", "Manual"),
        (DONE, True, "Manual review needed", "Critical"),
        (replace(DONE, done=4, failed=1), True, "compare the lists at Mailjet with the journal", "Manual review"),
        (replace(DONE, done=4, failed=1), False, "1 failed and 0 are not settled", "Not where"),
        (replace(DONE, done=4, open=1), False, "0 failed and 1 are not settled", "Not where"),
        (replace(DONE, differs=(7, 8)), False, "Not where they were before: contacts 7", "not settled"),
        (replace(DONE, done=4, waits=1), False, "what waits follows by itself", "Critical"),
        (replace(DONE, done=4), False, "look at what is open, and run it again", "by itself"),
    ],
)
def test_its_message_says_what_is_left_and_what_to_do(
    facts: CorrectionFacts, automatic: bool, told: str, not_told: str
) -> None:
    text = str(correction_message(facts, automatic=automatic))
    assert told in text
    assert not_told not in text
