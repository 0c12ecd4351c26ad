"""What is not ours to take back, when a contact counts as back, and when a correction counts as complete."""

from __future__ import annotations

from dataclasses import replace

import pytest

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.corrections import (
    CorrectionFacts,
    CorrectionSummary,
    DoneChange,
    Refusal,
    by_refusal,
    correction_message,
    is_back,
    left_because,
    reverse,
    why_left_words,
)
from list_pipeline.core.plans.journal import StepNote
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline_tests.unit.core.plans.test_corrections import (
    ADD,
    ENROLLED,
    EXCLUDE,
    INCLUDE,
    MASTER,
    MOVED,
    ONE,
    REMOVE,
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
        (replace(DONE, done=4, failed=1), False, "1 failed, 0 not settled", "Not where"),
        (replace(DONE, done=4, open=1), False, "0 failed, 1 not settled", "Not where"),
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


@pytest.mark.parametrize(
    ("facts", "is_alarm"),
    [
        (DONE, False),
        (replace(DONE, done=4), True),
        (replace(DONE, done=4, waits=1), False),
        (replace(DONE, planned=0, done=0), False),
    ],
)
def test_only_what_did_not_end_well_and_does_not_wait_is_an_alarm(facts: CorrectionFacts, is_alarm: bool) -> None:
    assert ("🚨" in str(correction_message(facts, automatic=False))) is is_alarm


def test_its_message_has_no_empty_parts() -> None:
    done = str(correction_message(DONE, automatic=False).blocks)
    assert "*What to do*" not in done
    assert "Content hash" not in done
    assert "Nothing was to be changed" not in done
    nothing = str(correction_message(replace(DONE, planned=0, done=0), automatic=False).blocks)
    assert "Nothing was to be changed any more." in nothing
    assert "were carried out" not in nothing


def test_its_message_names_ten_contacts_and_the_beginning_of_the_hash() -> None:
    contacts, digits = tuple(range(101, 112)), "0123456789abcdef"
    told = str(correction_message(replace(DONE, differs=contacts, content_hash=digits), automatic=False).blocks)
    assert "contacts 101, 102, 103, 104, 105, 106, 107, 108, 109, 110 and 1 more." in told
    assert "Content hash 0123456789ab." in told


def test_a_contact_comes_back_to_its_lists_in_their_order_and_leaves_the_others_in_theirs() -> None:
    change = replace(
        SUPPRESSED,
        done=frozenset({(REMOVE, THREE), (REMOVE, ONE), (REMOVE, TWO), (ADD, SUPPRESSION), (EXCLUDE, None)}),
        before=frozenset({MASTER, ONE, TWO, THREE}),
    )
    assert reverse(change, after(change)).steps == (
        (ADD, ONE),
        (ADD, TWO),
        (ADD, THREE),
        (REMOVE, SUPPRESSION),
        (INCLUDE, None),
    )
    restored = DoneChange(
        4, 7, ItemAction.RESTORE, frozenset({(ADD, THREE), (ADD, ONE)}), frozenset({MASTER}), was_excluded=False
    )
    assert reverse(restored, after(restored)).steps == ((REMOVE, ONE), (REMOVE, THREE))


def test_a_return_to_the_master_list_is_judged_by_the_campaign_lists_alone() -> None:
    restored = DoneChange(
        4, 7, ItemAction.RESTORE, frozenset({(ADD, MASTER), (ADD, ONE)}), frozenset(), was_excluded=False
    )
    assert reverse(restored, after(restored)).refused is None


def test_without_a_word_of_the_open_cycle_a_contact_did_not_get_it() -> None:
    assert reverse(MOVED, after(MOVED), cycle=OpenCycle(3)).refused is None


def test_complaints_are_not_taken_back_where_nobody_said_so() -> None:
    assert not CorrectionSummary().despite_complaint


def test_refusals_are_gathered_by_their_reason() -> None:
    found = [(Refusal.COMPLAINT, 3), (None, 4), (Refusal.UNSUBSCRIBED, 5), (Refusal.COMPLAINT, 1)]
    assert by_refusal(found) == {Refusal.COMPLAINT: [3, 1], Refusal.UNSUBSCRIBED: [5]}


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        (None, Refusal.CHANGED_SINCE),
        (StepNote.HAD_NO_EFFECT, Refusal.CHANGED_SINCE),
        (StepNote.UNSUBSCRIBED_MEANWHILE, Refusal.UNSUBSCRIBED),
        (StepNote.NOT_A_MEMBER, Refusal.ALREADY_SO),
    ],
)
def test_what_was_left_out_while_it_was_carried_out_has_a_reason(note: StepNote | None, reason: Refusal) -> None:
    assert left_because(note) is reason


def test_why_a_change_stands_after_an_undo_is_told_in_words() -> None:
    assert why_left_words("unsubscribed") == "unsubscribed: nobody but the contact can undo that"
    assert why_left_words("done_again") == "done again by a redo"
    assert why_left_words("not_taken_back") == "could not be taken back, or not yet"
    with pytest.raises(ValueError, match="nonsense"):
        why_left_words("nonsense")
