"""A file of contacts becomes a plan: carried out or waiting, told, kept in the history, and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.errors import ChangesStoppedError, NotFoundError, RefusedError
from list_pipeline.core.evidence_card.card import answer
from list_pipeline.core.lists import ListRole
from list_pipeline.core.verdict_imports.files import read_file
from list_pipeline.core.verdict_imports.judgement import LeftRow
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.waiting_repairs import to_carry_out
from list_pipeline.operations.reviews.decisions import approve, reject
from list_pipeline.operations.services import Services
from list_pipeline.operations.verdict_imports.importing import Import, preview, suppress_listed, take_back
from list_pipeline_tests.integration.accounts import Dying, Installation, Killed, quietly
from list_pipeline_tests.integration.conftest import Install

LISTED = (1, 21, 2)
"""People of lists 1 and 2: at most as many as the cap lets through."""


def ids_file(made: Installation, *numbers: int) -> str:
    return "\n".join(["contact_id", *(str(made.account.people[number]) for number in numbers)])


def bring_in(made: Installation, text: str, services: Services | None = None) -> Import:
    return suppress_listed(
        services or made.services, read_file(text), by="ada", note="asked by their company", progress=quietly
    )


def everywhere(made: Installation) -> tuple[object, ...]:
    """Who is where at Mailjet, and who is excluded."""
    return {role: made.members(role) for role in ListRole}, made.excluded()


def planned(made: Installation) -> list[tuple[object, ...]]:
    return made.query("select status, requested_by, note, decided_by from plan where kind = 'import' order by plan_id")


def test_the_contacts_of_a_file_are_suppressed_and_taken_back(small: Installation) -> None:
    before = everywhere(small)
    done = bring_in(small, ids_file(small, *LISTED))
    wanted = small.account.ids(*LISTED)
    assert done.correction is not None
    assert done.correction.facts.is_complete
    small.assert_suppressed(wanted)
    assert planned(small) == [("executed", "ada", "asked by their company", "ada")]
    assert small.query("select contact_id, reason from contact_suppression_history order by 1") == [
        (one, "manual") for one in sorted(wanted)
    ]

    # The same file once more finds nothing to do.
    again = bring_in(small, ids_file(small, *LISTED))
    assert (again.plan_id, again.judged.left) == (None, {LeftRow.ALREADY: (2, 3, 4)})

    plan_id = done.plan_id
    assert plan_id is not None
    back = take_back(small.services, plan_id, by="bob", note="a wrong file", progress=quietly)
    assert back.facts.is_complete
    assert everywhere(small) == before
    assert small.query("select distinct reinstated_by from contact_suppression_history") == [("bob",)]
    with pytest.raises(NotFoundError, match="nothing of it was done, or all of it was taken back"):
        take_back(small.services, plan_id, by="bob", note="again", progress=quietly)


def test_a_verifiers_word_does_not_beat_a_delivery_that_we_saw(maintained: Installation) -> None:
    small = maintained
    found = preview(small.services, read_file(f"id,result\n{small.account.people[1]},invalid\n"))
    assert found.judged.left[LeftRow.REACHED] == (2,)
    assert found.blocked_because is None


def test_a_verifiers_own_numbers_suppress_nobody_who_has_one_of_them_as_id(small: Installation) -> None:
    people = small.account.people
    addresses = {number: small.control.contact(people[number])["email"] for number in LISTED}
    first, second, third = LISTED
    text = f"id,email\n{people[second]},{addresses[first]}\n1,{addresses[third]}\n"
    found = preview(small.services, read_file(text))
    assert [item.contact_id for item in found.judged.items] == [people[third]]
    assert found.judged.left == {LeftRow.TWO_CONTACTS: (2,)}


def test_above_the_cap_a_person_decides_and_the_sensor_carries_it_out(small: Installation) -> None:
    numbers = range(1, 11)
    digest = small.control.digest()
    careful = small.another(suppression_cap_percent=10)
    done = bring_in(small, ids_file(small, *numbers), careful)
    assert (done.waits, done.gate.alert) == (True, True)
    assert small.control.digest() == digest
    assert planned(small) == [("pending_review", "ada", "asked by their company", None)]
    ((summary,),) = small.query("select summary from review_item where plan_id = :plan", plan=done.plan_id)
    assert "An import would suppress 10 contacts" in str(summary)
    assert to_carry_out(small.services) == []
    with pytest.raises(RefusedError, match="still waits"):
        take_back(small.services, done.plan_id or 0, by="bob", note="no", progress=quietly)

    # Half as many, which alone would be let through, are above it together with those that wait.
    assert bring_in(small, ids_file(small, 11, 12), careful).waits

    approve(small.services, done.plan_id or 0, by="bob", content_hash=done.content_hash)
    (run,) = to_carry_out(small.services)
    assert run.plan_id == done.plan_id
    assert carry_out_correction(small.services, run.plan_id, quietly).facts.is_complete
    small.assert_suppressed(small.account.ids(*numbers))
    assert to_carry_out(small.services) == []


def test_a_rejected_import_changes_nothing(small: Installation) -> None:
    digest = small.control.digest()
    done = bring_in(small, ids_file(small, 1), small.another(list_management_mode="approval_required"))
    assert (done.waits, done.gate.alert) == (True, False)
    reject(small.services, done.plan_id or 0, by="bob")
    small.clock.advance(timedelta(hours=1))
    assert to_carry_out(small.services) == []
    assert small.control.digest() == digest
    with pytest.raises(RefusedError, match="rejected"):
        carry_out_correction(small.services, done.plan_id or 0, quietly)


def test_who_may_not_decide_and_what_may_not_be_changed_is_refused(small: Installation) -> None:
    with pytest.raises(RefusedError, match="reason"):
        suppress_listed(small.services, read_file(ids_file(small, 1)), by="ada", note=" ", progress=quietly)
    with pytest.raises(NotAReviewerError):
        bring_in(small, ids_file(small, 1), small.another(list_reviewers="carl"))
    stopped = small.another(list_management_mode="read_only")
    with pytest.raises(ChangesStoppedError):
        bring_in(small, ids_file(small, 1), stopped)
    looked = preview(stopped, read_file(ids_file(small, 1)))
    assert [item.contact_id for item in looked.judged.items] == [small.account.people[1]]
    assert looked.blocked_because == "the mode is read_only"
    assert planned(small) == []


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_killed_import_is_continued_or_taken_back(
    install_small: Install, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    with install_small() as made:
        before = everywhere(made)
        with monkeypatch.context() as patched:
            Dying(nth, "after", "managemanycontacts").install(patched)
            with pytest.raises(Killed):
                bring_in(made, ids_file(made, *LISTED))
        assert planned(made)[0][0] == "approved"
        assert to_carry_out(made.services) == [], "whoever brought the file in may be at work on it"
        made.clock.advance(timedelta(hours=2))
        (run,) = to_carry_out(made.services)
        if nth == 1:
            assert carry_out_correction(made.services, run.plan_id, quietly).facts.is_complete
            made.assert_suppressed(made.account.ids(*LISTED))
            return
        ((plan_id,),) = made.query("select plan_id from plan where kind = 'import'")
        take_back(made.services, int(plan_id), by="bob", note="a wrong file", progress=quietly)
        assert planned(made)[0][0] == "withdrawn"
        assert everywhere(made) == before
        assert to_carry_out(made.services) == []


def test_the_card_says_that_an_import_did_it(small: Installation) -> None:
    bring_in(small, ids_file(small, 1))
    said = " ".join(answer(evidence_card(small.services, str(small.account.people[1]))))
    assert "Suppressed on request since" in said
    assert "by ada: " in said
