"""The safety rules looked at once more on what is stored and on what was done, each in words with figures."""

from __future__ import annotations

from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.plans.journal import StepState
from list_pipeline.core.plans.plan import MAINTENANCE_PLANS, TURNED_DOWN, ItemAction, PlanKind
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.wording import count_text, exceeds_percent, ids_text, limit_text, share_percent_text
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.rebalancing.plan_and_execute import policy_of as policy_of_moves
from list_pipeline.operations.runs.run import Maintenance
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression.plan_and_execute import policy_of
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import journal, plan_rows
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.runs import ledger


def _plan(services: Services, run: Maintenance, kind: PlanKind) -> StoredPlan:
    with services.database.begin() as connection:
        plan = plan_rows.current_plan(connection, run.campaign.campaign_id, kind, run.sweep)
    if plan is None:
        raise NotFoundError(
            f"Checking the {kind.value} plan of {run.campaign.key}", "there is none", "Materialize it first"
        )
    return plan


def suppressions_within_cap(services: Services, run: Maintenance) -> CheckResult:
    """Suppressions without complaints stay within the cap of the campaign's recipients."""
    plan = _plan(services, run, PlanKind.SUPPRESSION)
    cap = policy_of(services).cap_percent
    with services.database.begin() as connection:
        items = plan_rows.plan_items(connection, plan.plan_id, {ItemAction.SUPPRESS})
    count = sum(1 for item in items if item.reason != "complaint" and not item.is_held)
    recipients = plan.suppression_summary.recipients
    share = share_percent_text(count, recipients)
    words = (
        f"{count:,} of {recipients:,} recipients are planned for suppression ({share}); the cap is {limit_text(cap)}"
    )
    return CheckResult(not exceeds_percent(count, recipients, cap), words, is_serious=False)


def suppressions_rest_on_evidence(services: Services, run: Maintenance) -> CheckResult:
    """Nobody is suppressed without an event that counts."""
    plan = _plan(services, run, PlanKind.SUPPRESSION)
    with services.database.begin() as connection:
        items = plan_rows.plan_items(connection, plan.plan_id, {ItemAction.SUPPRESS})
    without = sum(1 for item in items if not item.evidence)
    return CheckResult(not without, f"{len(items) - without} of {len(items)} planned suppressions name their evidence")


def suppressed_were_recipients(services: Services, run: Maintenance) -> CheckResult:
    """Everybody who is suppressed was mailed by this campaign."""
    plan = _plan(services, run, PlanKind.SUPPRESSION)
    with services.database.begin() as connection:
        ids = [item.contact_id for item in plan_rows.plan_items(connection, plan.plan_id, {ItemAction.SUPPRESS})]
        mailed = recipient_rows.recipients_among(connection, run.campaign.campaign_id, ids)
    return CheckResult(len(mailed) == len(ids), f"{len(mailed)} of {len(ids)} were recipients of the campaign")


def suppression_is_carried_out(services: Services, run: Maintenance) -> CheckResult:
    """The suppression plan was carried out, or a person turned it down; one that waits is yellow."""
    return _is_carried_out(_plan(services, run, PlanKind.SUPPRESSION))


def rebalancing_is_carried_out(services: Services, run: Maintenance) -> CheckResult:
    """The rebalancing plan was carried out, or a person turned it down; one that waits, or is still to come, is yellow."""
    if (plan := _rebalancing(services, run)) is None:
        return CheckResult(run.is_over, "no rebalancing was planned", is_serious=False)
    return _is_carried_out(plan)


def _is_carried_out(plan: StoredPlan) -> CheckResult:
    if plan.executed_at is not None:
        return CheckResult(True, f"plan {plan.plan_id} was carried out", is_serious=False)
    turned_down = plan.status in TURNED_DOWN
    words = f"plan {plan.plan_id} was not carried out: it is {plan.status.value.replace('_', ' ')}"
    return CheckResult(turned_down, words, is_serious=False)


def _rebalancing(services: Services, run: Maintenance) -> StoredPlan | None:
    with services.database.begin() as connection:
        return plan_rows.current_plan(connection, run.campaign.campaign_id, PlanKind.REBALANCING, run.sweep)


_NOT_PLANNED = CheckResult(True, "no rebalancing was planned", is_serious=False)


def moves_are_few(services: Services, run: Maintenance) -> CheckResult:
    """So few of the contacts in the campaign lists change lists or enter one that no person has to approve it."""
    if (plan := _rebalancing(services, run)) is None:
        return _NOT_PLANNED
    summary = plan.rebalancing_summary
    changed, contacts = summary.move_count + summary.enrolment_count, sum(summary.sizes)
    return CheckResult(
        not policy_of_moves(services).are_many(changed, contacts),
        f"{summary.move_count} change lists and {summary.enrolment_count} enter one, of {contacts:,} contacts",
        is_serious=False,
    )


def moves_are_minimal(services: Services, run: Maintenance) -> CheckResult:
    """The plan makes exactly as many moves as its certificate says are needed."""
    if (plan := _rebalancing(services, run)) is None:
        return _NOT_PLANNED
    moves, bound = plan.rebalancing_summary.move_count, plan.rebalancing_summary.lower_bound
    return CheckResult(moves == bound, f"{moves} moves are planned and {bound} are needed at least")


def sizes_are_explained(services: Services, run: Maintenance) -> CheckResult:
    """Sizes after equal sizes before and what the journal confirmed; what else happened stays below 5 percent a list."""
    campaign_id, sweep = run.campaign.campaign_id, run.sweep.value
    with services.database.begin() as connection:
        before = ledger.snapshot(connection, campaign_id, sweep, "before")
        after = ledger.snapshot(connection, campaign_id, sweep, "after")
        expected = outcome_rows.expected_delta(connection, campaign_id, sweep)
    if not before or not after:
        return CheckResult(True, "the sizes were not counted before and after: nothing was changed", is_serious=False)
    strange, serious = [], False
    for role in ALL_LISTS:
        unexplained = after[role][0] - before[role][0] - expected[role]
        if unexplained:
            strange.append(f"{role.label} {unexplained:+d}")
            serious |= unexplained < 0 and exceeds_percent(
                -unexplained, before[role][0], EXECUTION.unexplained_drop_percent
            )
    words = "the journal explains every list" if not strange else f"not explained by the journal: {', '.join(strange)}"
    return CheckResult(not strange, words, is_serious=serious)


def nobody_is_lost(services: Services, run: Maintenance) -> CheckResult:
    """Everybody whom this maintenance touched is on a campaign list or on the suppression list."""
    with services.database.begin() as connection:
        touched: set[int] = set()
        for kind in MAINTENANCE_PLANS:
            plan = plan_rows.current_plan(connection, run.campaign.campaign_id, kind, run.sweep)
            if plan is not None:
                touched |= {step.contact_id for step in journal.steps_of(connection, plan.plan_id, StepState.CONFIRMED)}
        facts = members.facts_of(connection, sorted(touched))
    lost = [i for i, flag in facts.items() if not set(flag["roles"]) - {ListRole.MASTER}]
    return CheckResult(not lost, f"{len(touched) - len(lost)} of {len(touched)} changed contacts are on a list")


def nobody_is_in_two_lists(services: Services, run: Maintenance) -> CheckResult:
    """Nobody stands in two campaign lists; whoever did so before is reported, not changed."""
    with services.database.begin() as connection:
        twice = members.in_two_campaign_lists(connection)
    words = "nobody is in two campaign lists"
    if twice:
        words = f"{count_text(len(twice), 'contact')} in two campaign lists: {ids_text(twice)}"
    return CheckResult(not twice, words, is_serious=False)


def nobody_is_suppressed_and_listed(services: Services, run: Maintenance) -> CheckResult:
    """Nobody on the suppression list can still be mailed through a campaign list."""
    with services.database.begin() as connection:
        reachable = members.suppressed_and_mailable(connection)
    return CheckResult(not reachable, f"{count_text(len(reachable), 'suppressed contact')} could still be mailed")
