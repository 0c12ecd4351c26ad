"""Deciding in Dagster: jobs for people who approve, reject or expire what waits, and what carries their decisions out.

The same operations as behind the command line. Configuration names plans, questions and people, never an address: Dagster keeps
and shows it.
"""

from enum import Enum

import dagster as dg
from pydantic import Field

from list_pipeline.core.campaigns.cycles import RoundRuling
from list_pipeline.core.drift.message import COUNT_NOT_EXACT
from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.defs.common import POOL, SENSOR_STATUS, launched_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.campaigns.rounds import rule_on_round as rule_on_send
from list_pipeline.operations.reviews import approved_items, closed_cycles, mass_changes
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.reviews.approvals import approvals_of
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists as confirm_five
from list_pipeline.operations.reviews.findings import close_ended
from list_pipeline.operations.reviews.findings import close_finding as close_by_person
from list_pipeline.operations.reviews.reminders import remind_of_waiting
from list_pipeline.operations.reviews.unreadable_sends import rule_on_unreadable
from list_pipeline.operations.services import Services

SENSOR_SECONDS = 30
"""A person who approved looks at the screen: half a minute is soon enough, and a look costs no request."""


class PlanAnswer(Enum):
    """What may be decided on a plan that waits."""

    approve = "approve"
    reject = "reject"
    expire = "expire"


class ItemAnswer(Enum):
    """What may be decided on a question about single contacts."""

    approve = "approve"
    reject = "reject"


class DecideOnPlan(dg.Config):
    """A person's decision on a plan."""

    plan_id: int = Field(
        description="Number of the plan that waits, as `list-pipeline reviews` and the report name it."
    )
    decision: PlanAnswer = Field(
        description="approve: it is carried out. reject: nothing of it is done, also not by later looks at the campaign. "
        "expire: nothing of it is done, and the next look judges its contacts anew."
    )
    by: str = Field(description="Who decides: your name, and no address.")
    content_hash: str = Field(
        default="", description="To approve: the hash shown beside the plan, 8 characters of it at least."
    )
    note: str = Field(default="", description="Why, in a few words and without addresses.")


class DecideOnItem(dg.Config):
    """A person's decision on single contacts."""

    review_id: int = Field(description="Number of the question, the first one in its line of `list-pipeline reviews`.")
    decision: ItemAnswer = Field(
        description="approve: these contacts are changed; for one that failed: try again. reject: they stay as they are."
    )
    by: str = Field(description="Who decides: your name, and no address.")
    content_hash: str = Field(
        default="", description="To approve: the hash shown beside the question, 8 characters of it at least."
    )
    note: str = Field(default="", description="Why, in a few words and without addresses.")


class ConfirmLists(dg.Config):
    """A person's decision that the five configured lists are the five lists."""

    by: str = Field(description="Who confirms: your name, and no address.")
    despite: bool = Field(
        default=False, description="Also where something looks wrong. Be sure that each id is the list of its role."
    )
    note: str = Field(default="", description="Why, in a few words and without addresses; needed with despite.")


class RuleOnRound(dg.Config):
    """A person's word on what a send is."""

    campaign_key: str = Field(description="The campaign's partition key, as the message names it.")
    ruling: RoundRuling = Field(
        description="NOT_A_ROUND: an extra mailing. JOINS: a round of the cycle before it. BEGINS: the first round of a new "
        "cycle. FITS: it is where it belongs."
    )
    by: str = Field(description="Who decides: your name, and no address.")
    note: str = Field(default="", description="Why, in a few words and without addresses.")


class MassChangeAnswer(Enum):
    """What may be decided on a mass change."""

    accept = "accept"
    repair = "repair"


class DecideOnMassChange(dg.Config):
    """A person's decision on a mass change."""

    number: int = Field(
        description="Number of the mass change, as the message and `list-pipeline mass-changes` name it."
    )
    decision: MassChangeAnswer = Field(
        description="accept: it was meant, and its lists are rebalanced again. repair: a plan puts back who was taken off "
        "campaign lists, and waits for approval."
    )
    by: str = Field(description="Who decides: your name, and no address.")
    note: str = Field(description="Why, in a few words and without addresses.")


class CloseCycle(dg.Config):
    """A person's decision that the missing rounds of the open cycle do not come, or that they do after all."""

    by: str = Field(description="Who decides: your name, and no address.")
    note: str = Field(description="Why, in a few words and without addresses.")
    reopen: bool = Field(
        default=False, description="Instead: take the latest closing back, before another cycle begins."
    )


class RuleOnUnreadable(dg.Config):
    """A person's word on a send or a draft that cannot be read."""

    number: int = Field(description="Number of the row, as `list-pipeline unreadable` names it.")
    is_no_round: bool = Field(
        default=True, description="It is no round of a cycle. False takes that back: it may be one after all."
    )
    by: str = Field(description="Who decides: your name, and no address.")
    note: str = Field(description="Why, in a few words and without addresses.")


class CloseFinding(dg.Config):
    """A person's word that nothing more is to be done about a finding."""

    review_id: int = Field(description="Number of the finding, the first one in its line of `list-pipeline reviews`.")
    by: str = Field(description="Who decides: your name, and no address.")
    note: str = Field(description="Why, in a few words and without addresses.")


class CarryOut(dg.Config):
    """Which plan's approved contacts are carried out."""

    plan_id: int = Field(description="Number of the plan whose approved contacts are carried out.")


@dg.op(description="Writes your decision down, if the plan still waits and is the one that was shown.")
def write_plan_decision(
    context: dg.OpExecutionContext, config: DecideOnPlan, services: dg.ResourceParam[Services]
) -> None:
    note = config.note or None
    with clear_failures():
        if config.decision is PlanAnswer.approve:
            plan = reviews.approve(
                services, config.plan_id, by=config.by, content_hash=config.content_hash, note=note, way=Way.DAGSTER
            )
        elif config.decision is PlanAnswer.reject:
            plan = reviews.reject(services, config.plan_id, by=config.by, note=note, way=Way.DAGSTER)
        else:
            plan = reviews.expire(services, config.plan_id, by=config.by, note=note, way=Way.DAGSTER)
        approvals = approvals_of(services, plan)
    if approvals.missing and plan.status is PlanStatus.PENDING_REVIEW:
        context.log.info(f"Plan {plan.plan_id} is not approved yet. {approvals.words}")
        return
    context.log.info(f"Plan {plan.plan_id} is {plan.status.value}. Its campaign goes on within a minute.")


@launched_job(
    description=(
        "Approve, reject or expire a plan that waits. Open the Launchpad, fill in the plan's number and your name (and its "
        "hash, to approve), and launch. The campaign goes on by itself."
    ),
)
def decide_plan() -> None:
    write_plan_decision()


@dg.op(description="Writes your decision on single contacts down, if nobody decided before.")
def write_item_decision(
    context: dg.OpExecutionContext, config: DecideOnItem, services: dg.ResourceParam[Services]
) -> None:
    note, words = config.note or None, ""
    with clear_failures():
        if config.decision is ItemAnswer.approve:
            item = reviews.approve_item(
                services, config.review_id, by=config.by, content_hash=config.content_hash, note=note, way=Way.DAGSTER
            )
            words = approved_items.cap_text_of(services, item)
        else:
            item = reviews.reject_item(services, config.review_id, by=config.by, note=note, way=Way.DAGSTER)
    context.log.info(f"Question {item.review_id} is {item.status}. {words}".rstrip())


@launched_job(
    description=(
        "Approve or reject a question about single contacts: those of an incident, one in doubt, or one that failed (approve "
        "means: try again). Open the Launchpad, fill in the question's number and your name, and launch."
    ),
)
def decide_review_item() -> None:
    write_item_decision()


@dg.op(description="Writes down that the five lists are the right ones, if they look like it.")
def write_confirmation(
    context: dg.OpExecutionContext, config: ConfirmLists, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        found = confirm_five(services, by=config.by, note=config.note or None, despite=config.despite)
    for role, one in found.facts.lists.items():
        context.log.info(
            f"{role.label}: list {one.list_id} ({one.name}), {one.raw:,} contacts, {one.mailable:,} mailable"
        )
    for verdict in found.verdicts:
        context.log.info(f"{'✓' if verdict.holds else '✗'} {verdict.words}")


@launched_job(
    description=(
        "Confirm that the five configured lists are the right ones. Until somebody does, at the first start and whenever an id "
        "or a name changed, no list is changed. Look at `list-pipeline lists` or at the message in Slack first, then fill in "
        "your name in the Launchpad, and launch."
    ),
)
def confirm_lists() -> None:
    write_confirmation()


@dg.op(description="Writes down what a send is; the sends since then are put into cycles anew.")
def write_ruling(context: dg.OpExecutionContext, config: RuleOnRound, services: dg.ResourceParam[Services]) -> None:
    with clear_failures():
        known = rule_on_send(services, config.campaign_key, config.ruling, by=config.by, note=config.note)
    for cycle in known[-2:]:
        sent = ", ".join(role.label for role in cycle.sent)
        context.log.info(f"Cycle {cycle.number}: sent to {sent}; {'closed' if cycle.closed_at else 'open'}.")


@launched_job(
    description=(
        "Say what a send is that fits no cycle. Until somebody does, nobody changes lists across the rounds. Look at "
        "`list-pipeline cycles` or at the message in Slack first, then fill in the campaign, the ruling and your name in the "
        "Launchpad. No list is changed."
    ),
)
def rule_on_round() -> None:
    write_ruling()


@dg.op(description="Writes your decision on a mass change down; a repair becomes a plan that waits for approval.")
def write_mass_change_decision(
    context: dg.OpExecutionContext, config: DecideOnMassChange, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        if config.decision is MassChangeAnswer.accept:
            mass_changes.accept(services, config.number, by=config.by, note=config.note)
            context.log.info(f"Mass change {config.number} is accepted.")
        else:
            made = mass_changes.repair(services, config.number, by=config.by, note=config.note)
            context.log.info(
                f"Plan {made.plan_id} ({made.content_hash[:12]}) puts {made.contacts} contacts back, {made.left} stay off. "
                "It waits: launch decide_plan."
            )


@launched_job(
    description=(
        "Decide on a mass change: somebody changed much of a list at Mailjet, and it is frozen for rebalancing. Look at "
        "`list-pipeline mass-changes` or at the message in Slack first, then fill in the number, the decision, your name and "
        "why. No list is changed."
    ),
)
def decide_mass_change() -> None:
    write_mass_change_decision()


@dg.op(description="Writes down that the missing rounds do not come, or that they do after all.")
def write_closing(context: dg.OpExecutionContext, config: CloseCycle, services: dg.ResourceParam[Services]) -> None:
    act = closed_cycles.reopen_cycle if config.reopen else closed_cycles.close_cycle
    with clear_failures():
        done = act(services, by=config.by, note=config.note)
    lists = ", ".join(role.label for role in done.missing)
    context.log.info(
        f"Cycle {done.number} is open again and waits for {lists}; {done.twice:,} contacts there got it already."
        if config.reopen
        else f"Cycle {done.number} is closed without {lists}; {done.missed:,} contacts count as missed by decision."
    )
    if not done.is_exact:
        context.log.warning(f"{COUNT_NOT_EXACT}.")


@launched_job(
    description=(
        "Close the open cycle because its missing rounds will not come, so that moves and enrolments go on; or take that back. "
        "Look at `list-pipeline cycles` or at the message in Slack first, then fill in your name and the reason in the "
        "Launchpad. No list is changed."
    ),
)
def close_cycle() -> None:
    write_closing()


@dg.op(description="Writes down whether a send or a draft that cannot be read can be a round.")
def write_unreadable_ruling(
    context: dg.OpExecutionContext, config: RuleOnUnreadable, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        ruled = rule_on_unreadable(
            services, config.number, is_no_round=config.is_no_round, by=config.by, note=config.note
        )
    context.log.info(f"{ruled.words}. {'Nobody moves because of it.' if ruled.holds_moves else 'Nobody waits for it.'}")


@launched_job(
    description=(
        "Say of a send or a draft that cannot be read that it is no round of a cycle, so that nobody waits for it; or take "
        "that back. Look at `list-pipeline unreadable` first, then fill in the number, your name and the reason in the "
        "Launchpad. No list is changed."
    ),
)
def rule_on_unreadable_send() -> None:
    write_unreadable_ruling()


@dg.op(description="Writes down that nothing more is to be done about a finding.")
def write_finding_closed(
    context: dg.OpExecutionContext, config: CloseFinding, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        item = close_by_person(services, config.review_id, by=config.by, note=config.note)
    context.log.info(f"Finding {item.review_id} is {item.status.value}.")


@launched_job(
    description=(
        "Close a finding: you have looked at it, and nothing more is to be done. Fill in its number, your name and the reason "
        "in the Launchpad. No list is changed."
    ),
)
def close_finding() -> None:
    write_finding_closed()


@dg.op(
    pool=POOL,
    description="Changes the approved contacts at Mailjet: looked at once more, in bulk jobs, journalled, read back.",
)
def carry_out_items(context: dg.OpExecutionContext, config: CarryOut, services: dg.ResourceParam[Services]) -> None:
    with clear_failures():
        done = approved_items.execute_approved_items(services, config.plan_id, context.log.info)
    context.log.info(
        f"Plan {config.plan_id} altogether: {done.confirmed} confirmed, {done.skipped} skipped, {done.failed} failed."
    )


@launched_job(
    description=(
        "Carries out the single contacts of a plan that a person approved. A sensor starts it; by hand it only needs the "
        "plan's number, and what was done is not done again."
    ),
)
def carry_out_approved_items() -> None:
    carry_out_items()


@dg.sensor(
    job_name=carry_out_approved_items.name,  # with the job itself, Dagster warns at each start of a parameter in beta
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description=(
        "Carries out single contacts that a person approved, and lets lapse what nobody decided on for too long "
        "(LIST_REVIEW_EXPIRY_HOURS), or before a send; reminds people before that; closes questions about what is over."
    ),
)
@clear_failures()
def decisions_to_carry_out(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    try:
        for one in reviews.expire_overdue(services):
            what = f"plan {one.plan_id}" if one.plan_id is not None else f"question {one.review_id}"
            context.log.warning(f"Nobody decided in time: {what} expired.")
        remind_of_waiting(services)
        for number in close_ended(services):
            context.log.info(f"Question {number} is closed: what it was about is over.")
        found = approved_items.to_carry_out(services)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    if not found:
        return dg.SkipReason("Nothing that a person approved contact by contact is left to do, or may be done now.")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=one.run_key,
                run_config=dg.RunConfig(ops={"carry_out_items": CarryOut(plan_id=one.plan_id)}),
                tags={"list_pipeline/why": one.why[:200]},
            )
            for one in found
        ]
    )
