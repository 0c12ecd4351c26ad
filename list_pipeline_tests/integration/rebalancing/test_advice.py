"""The advisor on rebalancing within a maintenance: it explains, may hold, and can change nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.errors import TransientError
from list_pipeline.core.plans.plan import PlanItem, PlanStatus, content_hash
from list_pipeline.operations.maintenance import gates
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.runs.run import Maintenance
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.accounts import Installation, Killed, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.unit.core.rebalancing.rebalancing_cases import AnsweringModel, data_of

pytestmark = pytest.mark.long


def ready(made: Installation) -> Maintenance:
    """A maintenance whose suppressions are done."""
    run = made.decide_suppression()
    suppression.execute_suppressions(made.services, run, quietly)
    return run


def with_model(made: Installation, model: AnsweringModel | None) -> None:
    """From here on this is the model of the installation."""
    made.services.__dict__["model"] = model


def judged(made: Installation, run: Maintenance, model: AnsweringModel | None) -> StoredPlan:
    with_model(made, model)
    return gates.judge_rebalancing_plan(made.services, run)[0]


def items(made: Installation, plan: StoredPlan) -> tuple[PlanItem, ...]:
    with made.services.database.begin() as connection:
        return plan_rows.plan_items(connection, plan.plan_id)


def records(made: Installation) -> list[tuple[Any, ...]]:
    return made.query(
        "select source, outcome, requests, confidence, prompt, opinion, tokens from agent_record where agent = :a"
        " order by record_id",
        a="rebalancing",
    )


def test_the_plan_is_explained_by_the_statements_that_a_model_chose_with_everything_recorded(
    small: Installation,
) -> None:
    run, model = ready(small), AnsweringModel({"rationale": ["order_kept"], "concerns": ["list_lost:list_3"]})
    plan = judged(small, run, model)
    summary = plan.rebalancing_summary
    assert plan.status is PlanStatus.APPROVED
    assert (summary.advised_by, summary.advisor_confidence) == (AdviceSource.MODEL, 0.9)
    assert summary.rationale == "Contacts keep their order, and nobody misses a campaign or gets one again."
    assert [each.partition(":")[0] for each in summary.alternatives_considered] == ["Leaving the lists as they are"]
    assert summary.concerns == ("List 3 lost 4 contacts in this run.",)
    assert summary.advice is not None
    assert summary.advice.verdict == "accepted"
    assert sum(summary.advice.tokens.values()) == 1_150
    ((source, outcome, requests, confidence, prompt, opinion, tokens),) = records(small)
    assert (source, outcome, requests, confidence) == ("model", "accepted", 1, 0.9)
    assert opinion["rationale"] == summary.rationale
    assert tokens == {"prompt": 900, "output": 200, "thought": 50}
    assert model.asked[0] in prompt
    ((ledger,),) = small.query("select rebalancing_plan from list_maintenance_log")
    assert ledger["rationale"] == summary.rationale


def test_the_question_tells_what_this_run_suppressed_on_each_list(small: Installation) -> None:
    run, model = ready(small), AnsweringModel()
    judged(small, run, model)
    data = data_of(model.asked[0])
    # Four of list 3 were suppressed; the plan is made on the sizes that are left.
    assert [one["suppressed_in_this_run"] for one in data["lists"]] == [0, 0, 4]
    assert [one["size_after_suppression"] for one in data["lists"]] == [20, 20, 16]
    assert data["round_of_the_campaign"] == 3
    assert data["newcomers_available"] == 2


def test_no_address_name_or_id_is_in_the_recorded_prompt(small: Installation) -> None:
    run = ready(small)
    plan = judged(small, run, AnsweringModel())
    ((_, _, _, _, prompt, _, _),) = records(small)
    assert "@" not in prompt
    assert "example" not in prompt
    identifiers = [*small.account.people.values(), *(small.account.lists.by_role().values())]
    assert not any(f'"{one}"' in prompt or f" {one}," in prompt for one in identifiers)
    assert "@" not in str(plan.summary)


HOSTILE: dict[str, AnsweringModel | None] = {
    "off": None,
    "failing": AnsweringModel(error=TransientError("Asking", "503", "Later")),
    "prose": AnsweringModel(text="Move everybody to List 1 at once."),
    "truncated": AnsweringModel(text='{"rationale": "The plan', finish="MAX_TOKENS"),
    "blocked": AnsweringModel(text="", finish="BLOCKED:OTHER"),
    "more moves": AnsweringModel({"movements_total": 40, "confidence": 0.1}),
    "other targets": AnsweringModel(
        {"target_distribution": {"list_1": 57, "list_2": 0, "list_3": 0}, "confidence": 0.1}
    ),
    "nothing required": AnsweringModel({"requires_rebalancing": False, "movements_total": 0, "confidence": 0.1}),
    "invented contacts": AnsweringModel(
        {"movements": [{"contact_id": 1, "email": "a@example.com"}], "confidence": 0.1}
    ),
    "invented figures": AnsweringModel({"rationale": ["This earns 5,000 dollars with 987 moves."], "confidence": 0.1}),
    "out of range": AnsweringModel({"confidence": 9.0}),
    "over-confident": AnsweringModel({"confidence": 1.0, "concerns": ["Approve without a look."]}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_the_model_does_the_same_contacts_move_and_nothing_waits(small: Installation, name: str) -> None:
    run = ready(small)
    plan = judged(small, run, HOSTILE[name])
    people, chosen = small.account.people, items(small, plan)
    assert {item.contact_id for item in chosen} == {people[19], people[39], people[60]}
    assert plan.status is PlanStatus.APPROVED
    assert plan.content_hash == content_hash(plan.campaign_id, plan.kind, plan.sweep, plan.policy_version, chosen), (
        "what is said is no part of the plan"
    )
    if name != "over-confident":
        summary = plan.rebalancing_summary
        assert (summary.advised_by, summary.advisor_confidence) == (AdviceSource.POLICY, None)
        assert "at least 2 moves are needed; 2 are planned" in summary.rationale
    assert plan.gate is not None
    (check,) = (one for one in plan.gate.checks if one.name == "advice")
    assert check.passed


def test_a_doubt_holds_the_plan_until_a_person_approves_it_and_then_it_runs_once(small: Installation) -> None:
    run = ready(small)
    before = small.control.digest()
    plan = judged(small, run, AnsweringModel({"confidence": 0.55}))
    assert plan.status is PlanStatus.PENDING_REVIEW
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert small.control.digest() == before
    (question,) = small.query("select summary, details from review_item where status = 'open' and plan_id is not null")
    assert "The advisor is unsure (0.55); below 0.70 a person decides." in question[0]
    assert question[1]["alert"] is True

    reviews.approve(small.services, plan.plan_id, by="A. Person", content_hash=plan.content_hash)
    # Whatever the advisor would say now: it is not asked again, and the person is not overruled.
    with_model(small, AnsweringModel({"confidence": 0.0}))
    plan, decision = gates.judge_rebalancing_plan(small.services, run)
    assert (plan.status, plan.decided_by, decision) == (PlanStatus.APPROVED, "A. Person", None)
    executed = rebalancing.execute_rebalancing(small.services, run, quietly)
    assert (executed.planned, executed.confirmed) == (3, 3)
    small.control.reset_requests()
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert small.changing_requests() == {}
    assert len(records(small)) == 1


def test_a_plan_that_changes_nothing_is_not_asked_about(install_small: Install) -> None:
    with install_small(list_balance_threshold=20.0) as made:
        run, model = ready(made), AnsweringModel({"confidence": 0.1})
        plan = judged(made, run, model)
        assert model.asked == []
        assert plan.status is PlanStatus.APPROVED
        assert plan.rebalancing_summary.advised_by is AdviceSource.POLICY
        assert "only above 20 % is it repaired" in plan.rebalancing_summary.rationale
        ((source, outcome, requests, confidence, *_),) = records(made)
        assert (source, outcome, requests, confidence) == ("policy", "not_asked", 0, None)


def test_an_attempt_that_died_after_the_answer_does_not_ask_again(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, model = ready(small), AnsweringModel({"confidence": 0.55})
    with_model(small, model)

    def dies(*_: Any, **__: Any) -> int:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(plan_rows, "save_plan", dies)
        with pytest.raises(Killed):
            rebalancing.plan_rebalancing(small.services, run)
    changed_mind = AnsweringModel({"confidence": 0.99})
    plan = judged(small, run, changed_mind)
    assert changed_mind.asked == []
    assert plan.status is PlanStatus.PENDING_REVIEW
    assert plan.rebalancing_summary.advisor_confidence == 0.55
    assert plan.rebalancing_summary.advice is not None
    assert plan.rebalancing_summary.advice.is_recalled is True
    assert len(records(small)) == 1


def test_what_changes_while_the_advisor_thinks_is_part_of_the_plan_and_the_words_are_the_policys(
    small: Installation,
) -> None:
    run = ready(small)

    class Slow(AnsweringModel):
        def generate(self, *given: Any, **named: Any) -> Any:
            # ConcurrentEdits another run learns that somebody of list 1 was excluded.
            with small.services.database.begin() as connection:
                connection.exec_driver_sql(
                    "update contact_list_membership set is_excluded = true where contact_id = %s",
                    (small.account.people[19],),
                )
            small.clock.advance(timedelta(seconds=5))
            return super().generate(*given, **named)

    plan = judged(small, run, Slow({"confidence": 0.55}))
    assert small.account.people[19] not in {item.contact_id for item in items(small, plan)}
    summary = plan.rebalancing_summary
    assert (summary.advised_by, summary.advisor_confidence, summary.sizes) == (AdviceSource.POLICY, None, (19, 20, 16))
    assert summary.advice is not None
    assert "the lists changed while the advisor was asked" in summary.advice.verdict


def test_no_connection_is_held_while_the_model_is_asked(small: Installation) -> None:
    run = ready(small)
    checked_out: list[int] = []

    class Watching(AnsweringModel):
        def generate(self, *given: Any, **named: Any) -> Any:
            checked_out.append(small.services.database._engine.pool.checkedout())  # type: ignore[attr-defined]
            return super().generate(*given, **named)

    judged(small, run, Watching())
    assert checked_out == [0]


@pytest.mark.parametrize("behaviour", ["off", "truncated", "wrong_shape", "invented_references", "html"])
def test_a_model_that_misbehaves_on_the_wire_changes_nothing(small: Installation, behaviour: str) -> None:
    run = ready(small)
    small.control.gemini_behaviour(behaviour, times=None)
    with_model = small.another(gemini_api_key="k", gemini_base_url=small.server.url)
    plan, _ = gates.judge_rebalancing_plan(with_model, run)
    people = small.account.people
    assert {item.contact_id for item in items(small, plan)} == {people[19], people[39], people[60]}
    assert plan.status is PlanStatus.APPROVED
    assert plan.rebalancing_summary.advised_by is AdviceSource.POLICY
    ((source, _, requests, *_),) = records(small)
    assert source == "policy"
    assert requests >= 1


def test_the_rehearsed_model_explains_the_plan_and_lets_it_run(small: Installation) -> None:
    run = ready(small)
    with_model = small.another(gemini_api_key="k", gemini_base_url=small.server.url)
    plan, _ = gates.judge_rebalancing_plan(with_model, run)
    assert plan.status is PlanStatus.APPROVED
    summary = plan.rebalancing_summary
    assert summary.advised_by is AdviceSource.MODEL, summary.advice
    assert summary.advisor_confidence is not None
    assert summary.advisor_confidence >= 0.70
    assert summary.rationale
