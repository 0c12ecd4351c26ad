"""The identity and the life of a plan."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.journal import Outcomes
from list_pipeline.core.plans.plan import (
    CHANGING_ACTIONS,
    PLAN_LIFE,
    TURNED_DOWN,
    ItemAction,
    PlanItem,
    PlanKind,
    PlanStatus,
    Sweep,
    Urgency,
    content_hash,
    max_urgency,
)
from list_pipeline.core.suppression.policy import SuppressionPolicy

SUPPRESS = PlanItem(7, ItemAction.SUPPRESS, "hard_bounce", to_role=ListRole.SUPPRESSION, explanation="because")
MOVE = PlanItem(8, ItemAction.MOVE, "minimal_moves", ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2)
KEEP = PlanItem(9, ItemAction.KEEP, "sender_fault")


def identity(*items: PlanItem, campaign: int = 1, sweep: Sweep = Sweep.H24, policy: str = "1") -> str:
    return content_hash(campaign, PlanKind.SUPPRESSION, sweep, policy, items)


class TestHash:
    def test_prose_evidence_and_order_are_no_part_of_it(self) -> None:
        reworded = replace(SUPPRESS, explanation="other words", evidence=({"kind": "failure"},), confidence=0.5)
        assert identity(SUPPRESS, KEEP) == identity(KEEP, reworded)
        assert len(identity()) == 64

    @pytest.mark.parametrize(
        "other",
        [
            identity(SUPPRESS, campaign=2),
            identity(SUPPRESS, sweep=Sweep.H72),
            identity(SUPPRESS, policy="2"),
            identity(replace(SUPPRESS, contact_id=70)),
            identity(replace(SUPPRESS, rule="second_hit")),
            identity(replace(SUPPRESS, is_held=True)),
            identity(SUPPRESS, KEEP),
            content_hash(1, PlanKind.REBALANCING, Sweep.H24, "1", [SUPPRESS]),
        ],
    )
    def test_whatever_would_be_done_otherwise_is_another_plan(self, other: str) -> None:
        assert other != identity(SUPPRESS)

    def test_a_plan_of_no_sweep_has_an_identity_and_nobody_is_in_it_twice(self) -> None:
        assert len(content_hash(None, PlanKind.UNDO, None, "1", [SUPPRESS])) == 64
        with pytest.raises(ValueError, match="twice"):
            identity(SUPPRESS, replace(KEEP, contact_id=SUPPRESS.contact_id))
        assert identity(SUPPRESS, replace(SUPPRESS, contact_id=8)) != identity(SUPPRESS)

    def test_a_move_elsewhere_is_another_plan(self) -> None:
        assert identity(MOVE) != identity(replace(MOVE, to_role=ListRole.CAMPAIGN_3))

    def test_it_is_the_same_in_every_process(self) -> None:
        # A stored hash has to be found again years later, so the canonical form is written out here.
        canonical = (
            '{"campaign":1,"items":[[7,"suppress","","suppression","hard_bounce",false],'
            '[8,"move","campaign_1","campaign_2","minimal_moves",false],[9,"keep","","","sender_fault",false]],'
            '"kind":"suppression","policy":"1","sweep":"24h"}'
        )
        assert identity(SUPPRESS, MOVE, KEEP) == hashlib.sha256(canonical.encode()).hexdigest()

    def test_a_contact_who_is_in_it_twice_is_refused(self) -> None:
        with pytest.raises(ValueError, match="twice"):
            identity(SUPPRESS, replace(SUPPRESS, rule="complaint"))

    def test_a_sweep_knows_its_hours(self) -> None:
        assert [sweep.hours for sweep in Sweep] == [24, 72, 168]


class TestItems:
    @pytest.mark.parametrize(
        ("action", "source", "target"),
        [
            (ItemAction.MOVE, ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_1),
            (ItemAction.MOVE, None, ListRole.CAMPAIGN_1),
            (ItemAction.MOVE, ListRole.MASTER, ListRole.CAMPAIGN_1),
            (ItemAction.MOVE, ListRole.CAMPAIGN_1, ListRole.MASTER),
            (ItemAction.MOVE, ListRole.CAMPAIGN_1, None),
            (ItemAction.ENROL, ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2),
            (ItemAction.ENROL, None, ListRole.SUPPRESSION),
            (ItemAction.SUPPRESS, None, ListRole.CAMPAIGN_1),
            (ItemAction.SUPPRESS, None, None),
            (ItemAction.SUPPRESS, ListRole.CAMPAIGN_1, ListRole.SUPPRESSION),
            (ItemAction.KEEP, None, ListRole.SUPPRESSION),
            (ItemAction.MONITOR, ListRole.CAMPAIGN_1, None),
        ],
    )
    def test_lists_that_do_not_fit_the_action_are_refused(
        self, action: ItemAction, source: ListRole | None, target: ListRole | None
    ) -> None:
        with pytest.raises(ValueError, match=r"list|nothing"):
            PlanItem(1, action, "rule", source, target)

    def test_a_confidence_is_a_share(self) -> None:
        with pytest.raises(ValueError, match="share"):
            replace(SUPPRESS, confidence=85.0)


class TestLife:
    def test_nothing_is_executed_that_was_not_approved(self) -> None:
        allowed = {status for status in PlanStatus if PLAN_LIFE.allows(status, PlanStatus.EXECUTED)}
        assert allowed == {PlanStatus.APPROVED}
        with pytest.raises(RefusedError, match="pending_review"):
            PLAN_LIFE.advance(PlanStatus.PENDING_REVIEW, PlanStatus.EXECUTED)

    @pytest.mark.parametrize("final", [PlanStatus.EXECUTED, PlanStatus.SUPERSEDED])
    def test_what_is_final_stays(self, final: PlanStatus) -> None:
        assert not any(PLAN_LIFE.allows(final, status) for status in PlanStatus)

    @pytest.mark.parametrize("ended", [PlanStatus.REJECTED, PlanStatus.EXPIRED, PlanStatus.SUPERSEDED])
    def test_what_was_decided_against_is_never_approved_again(self, ended: PlanStatus) -> None:
        assert not PLAN_LIFE.allows(ended, PlanStatus.APPROVED)

    def test_a_legal_step_is_taken(self) -> None:
        assert PLAN_LIFE.advance(PlanStatus.PLANNED, PlanStatus.APPROVED) is PlanStatus.APPROVED

    def test_what_only_the_gate_let_through_is_judged_again_and_may_wait_or_be_refused(self) -> None:
        for wanted in (PlanStatus.PENDING_REVIEW, PlanStatus.PLANNED):
            assert PLAN_LIFE.advance(PlanStatus.APPROVED, wanted) is wanted


class TestUrgency:
    def test_the_highest_wins_and_a_missing_opinion_changes_nothing(self) -> None:
        assert max_urgency(Urgency.MEDIUM, None, Urgency.HIGH, Urgency.LOW) is Urgency.HIGH
        assert max_urgency(None) is Urgency.LOW

    def test_only_high_and_critical_page_people(self) -> None:
        assert [one.value for one in Urgency if one.pages_people] == ["high", "critical"]


class TestPolicyVersion:
    def test_another_figure_is_another_version(self) -> None:
        assert SuppressionPolicy().version == SuppressionPolicy().version
        assert SuppressionPolicy(cap_percent=9.0).version != SuppressionPolicy().version

    @pytest.mark.parametrize(
        "figures",
        [
            {"cap_percent": 0},
            {"cap_percent": 101},
            {"soft_attempts": 0},
            {"soft_span_days": -1},
            {"confidence_hard": 1.1},
            {"review_confidence": 0.9},
            {"complaint_target_percent": 1.0},
        ],
    )
    def test_figures_that_make_no_sense_are_refused(self, figures: dict[str, float]) -> None:
        with pytest.raises(ValueError, match=r"polic|confidence|band|complaint"):
            SuppressionPolicy(**figures)  # type: ignore[arg-type]


@pytest.mark.parametrize("confidence", [0, 1])
def test_a_confidence_may_be_none_at_all_and_whole(confidence: float) -> None:
    assert replace(SUPPRESS, confidence=confidence).confidence == confidence


@pytest.mark.parametrize("confidence", [-0.01, 1.01])
def test_a_confidence_that_is_no_share_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="share"):
        replace(SUPPRESS, confidence=confidence)


@pytest.mark.parametrize(
    ("action", "from_role", "to_role"),
    [
        (ItemAction.SUPPRESS, ListRole.MASTER, ListRole.SUPPRESSION),
        (ItemAction.KEEP, ListRole.MASTER, None),
        (ItemAction.REMOVE, None, None),
        (ItemAction.REMOVE, ListRole.SUPPRESSION, None),
        (ItemAction.MOVE, ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_1),
    ],
)
def test_only_moves_and_removals_leave_a_campaign_list(
    action: ItemAction, from_role: ListRole | None, to_role: ListRole | None
) -> None:
    with pytest.raises(ValueError, match="list"):
        PlanItem(7, action, "rule", from_role, to_role)


def test_a_removal_leaves_a_list_and_goes_nowhere() -> None:
    assert PlanItem(7, ItemAction.REMOVE, "in_two_lists", ListRole.CAMPAIGN_1).to_role is None


def test_watching_and_keeping_change_nothing_and_all_else_does() -> None:
    assert frozenset(ItemAction) - CHANGING_ACTIONS == {ItemAction.MONITOR, ItemAction.KEEP}


def test_an_item_is_without_evidence_and_without_a_permanent_bounce_unless_it_says_so() -> None:
    assert not SUPPRESS.has_evidence
    assert not SUPPRESS.is_permanent_hard


def test_a_plan_that_a_person_or_time_turned_down_is_not_carried_out() -> None:
    assert {PlanStatus.REJECTED, PlanStatus.EXPIRED, PlanStatus.WITHDRAWN} == TURNED_DOWN


def test_nothing_became_yet_of_an_empty_plan() -> None:
    assert Outcomes() == Outcomes(planned=0, confirmed=0, failed=0, skipped=0, reversed=0, open=0)
