"""The answers of rule sets side by side: who is removed when, whether that was right, and who differs."""

from __future__ import annotations

from datetime import timedelta

from list_pipeline.core.replay.comparison import Comparison, InCampaign, Later, Record, Replayed, compare
from list_pipeline.core.replay.peers import PEERS
from list_pipeline.core.replay.rule_sets import Judgement, Outcome
from list_pipeline.core.replay.statements import difference_rows, figures_line, headline
from list_pipeline_tests.unit.core.suppression.suppression_cases import AS_OF, SENT, failure

REMOVED, HELD, KEPT = Outcome.REMOVED, Outcome.HELD, Outcome.KEPT
STRICT, MILD = PEERS[0], PEERS[1]
A_WEEK = timedelta(days=7)


def one(contact: int, outcome: Outcome) -> Judgement:
    return Judgement(contact, outcome, "rule", f"{outcome.value.capitalize()}: because.")


def side_by_side(strict: Record, mild: Record, **later: Later) -> Comparison:
    campaigns = [Replayed(1, "first", SENT, 100, 3, 0), Replayed(2, "second", SENT + A_WEEK, 100, 2, 1)]
    known = {int(name.removeprefix("c")): value for name, value in later.items()}
    records = {STRICT.name: strict, MILD.name: mild}
    return compare([STRICT, MILD], records, campaigns, known, left_out=0, readings=2)


def test_whoever_is_reached_after_the_removal_was_good_and_whoever_bounces_again_was_not() -> None:
    strict, mild = Record(), Record()
    strict.add("first", AS_OF, (), [one(contact, REMOVED) for contact in (1, 2, 3, 4, 5)])
    mild.add("first", AS_OF, (), [one(1, KEPT), one(2, KEPT), one(3, REMOVED), one(4, HELD), one(5, KEPT)])
    found = side_by_side(
        strict,
        mild,
        c1=Later(reached_at=AS_OF + A_WEEK, hard_at=AS_OF + 2 * A_WEEK),
        c2=Later(hard_at=AS_OF + A_WEEK),
        # What was before says nothing.
        c3=Later(reached_at=AS_OF, hard_at=AS_OF),
        c4=Later(reached_at=AS_OF - A_WEEK),
    )
    strict_figures, mild_figures = found.figures
    assert (strict_figures.removed, strict_figures.reached_later, strict_figures.failed_later) == (5, 1, 1)
    assert strict_figures.not_known == 3
    assert (mild_figures.removed, mild_figures.not_known, mild_figures.held) == (1, 1, 1)
    assert {each.contact_id: each.is_good for each in found.differences} == {1: True, 2: False, 4: None, 5: None}
    assert found.in_campaigns["first"] == {"listmonk": InCampaign(5, 0, 0, good=1), "civicrm": InCampaign(1, 1, 3)}


def test_whoever_opens_or_clicks_after_the_removal_was_good_though_nothing_was_sent_any_more() -> None:
    strict = Record()
    strict.add("first", AS_OF, (), [one(contact, REMOVED) for contact in (1, 2, 3, 4)])
    found = side_by_side(
        strict,
        Record(),
        c1=Later(engaged_at=AS_OF + timedelta(seconds=1)),
        # An open at the moment of the removal, or before it, was known then.
        c2=Later(engaged_at=AS_OF),
        # A sign of life outweighs a failure, whichever came last.
        c3=Later(hard_at=AS_OF + 2 * A_WEEK, engaged_at=AS_OF + A_WEEK),
        c4=Later(hard_at=AS_OF + A_WEEK, engaged_at=AS_OF - A_WEEK),
    )
    figures = found.figures[0]
    assert (figures.reached_later, figures.failed_later, figures.not_known) == (2, 1, 1)
    assert {each.contact_id: each.is_good for each in found.differences} == {1: True, 2: None, 3: True, 4: False}


def test_who_is_removed_by_all_at_the_same_time_is_no_difference_and_at_another_time_is_one() -> None:
    strict, mild = Record(), Record()
    strict.add("first", AS_OF, (), [one(1, REMOVED), one(2, REMOVED)])
    mild.add("first", AS_OF, (), [one(1, REMOVED), one(2, KEPT)])
    mild.add("second", AS_OF + A_WEEK, (), [one(2, REMOVED)])
    found = side_by_side(strict, mild)
    assert [each.contact_id for each in found.differences] == [2]
    assert found.differences_in("first") == found.differences_in("second") == found.differences
    (row,) = difference_rows(found, found.differences)
    assert row == {
        "contact": "2",
        "good": "not known",
        "listmonk": "Removed: because. (after first)",
        "civicrm": "Removed: because. (after second)",
    }


def test_who_is_never_removed_by_anybody_is_no_difference() -> None:
    strict, mild = Record(), Record()
    strict.add("first", AS_OF, (), [one(1, HELD)])
    mild.add("first", AS_OF, (), [one(1, KEPT)])
    assert side_by_side(strict, mild).differences == ()


def test_whoever_bounces_hard_in_two_campaigns_while_it_is_kept_was_not_removed_in_time() -> None:
    record = Record()
    again = AS_OF + A_WEEK
    record.add("first", AS_OF, [failure(1), failure(1, contact_id=8), failure(3, contact_id=9)], [one(7, KEPT)])
    # The same campaign once more is no second time, a soft one neither, nor one that was not known yet.
    record.add("first", AS_OF + timedelta(days=2), [failure(1)], [one(7, KEPT)])
    later = SENT + A_WEEK
    assert record.hard_again == set()
    record.add(
        "second",
        again,
        [
            failure(3, campaign_id=51, at=later),
            failure(1, contact_id=9, campaign_id=51, at=later),
            failure(1, contact_id=8, campaign_id=51, at=again + A_WEEK),
        ],
        [one(7, KEPT)],
    )
    assert record.hard_again == set()
    record.add("third", again + A_WEEK, [failure(1, campaign_id=52, at=again)], [one(7, KEPT)])
    assert record.hard_again == {7}


def test_a_campaign_has_the_last_answer_of_all_its_readings() -> None:
    record = Record()
    record.add("first", AS_OF, (), [one(1, KEPT), one(2, KEPT)])
    record.add("first", AS_OF + timedelta(days=2), (), [one(1, REMOVED), one(3, HELD)])
    assert record.in_campaign("first") == InCampaign(1, 1, 1)
    assert record.in_campaign("never") == InCampaign(0, 0, 0)
    assert record.removed == {1}


def test_a_replay_is_told_in_a_line_a_rule_set() -> None:
    strict = Record()
    strict.add("first", AS_OF, (), [one(1, REMOVED)])
    found = side_by_side(strict, Record(), c1=Later(reached_at=AS_OF + A_WEEK))
    assert headline(found) == (
        "2 campaigns of 2026-11-02 to 2026-11-09, 2 rule sets; they differ about 1 contact. Nothing was changed."
    )
    assert figures_line(found.figures[0]) == (
        "listmonk (its default actions): 1 removed, of them 1 good (alive later), 0 failed again, 0 not known; "
        "0 held for an incident; 0 kept and failed hard again."
    )
    nothing = compare([STRICT], {STRICT.name: Record()}, [], {}, left_out=0, readings=0)
    assert headline(nothing).startswith("No campaign can be replayed")
