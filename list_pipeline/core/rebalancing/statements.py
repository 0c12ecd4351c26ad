"""The statements that a rebalancing plan is explained by, and when each is true.

Belongs here: the closed set of sentences, their conditions on the plan and their figures. Does not belong here: the plan and
its reasons (``flows``), and what a choice among the statements is good for (``agents.rebalancing``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from fractions import Fraction

from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.rebalancing.flows import EnrolNewcomers
from list_pipeline.core.rebalancing.question import RebalancingQuestion
from list_pipeline.core.statements import Catalogue, Form, Statement, Weight
from list_pipeline.core.wording import count_text, limit_text, percent_text

RATIONALE, IMPACT = "rationale", "expected_impact"
ALTERNATIVES, CONCERNS = "alternatives_considered", "concerns"
PARTS = (RATIONALE, IMPACT, ALTERNATIVES, CONCERNS)
"""The parts of an opinion on a rebalancing that are statements, by the names of their fields."""


class RebalancingStatement(StrEnum):
    """Everything that can be said of a rebalancing plan."""

    REASON = "reason"
    PROOF = "proof"
    ORDER_KEPT = "order_kept"
    LISTS_STAY = "lists_stay"
    EFFECT = "effect"
    COMPARABLE_ROUNDS = "comparable_rounds"
    EVEN_OUT_ANYWAY = "even_out_anyway"
    LEAVE_AS_THEY_ARE = "leave_as_they_are"
    FEWER_MOVES = "fewer_moves"
    NO_NEWCOMERS = "no_newcomers"
    ENROLLING_OFF = "enrolling_off"
    ALL_NEWCOMERS_JOIN = "all_newcomers_join"
    MORE_NEWCOMERS = "more_newcomers"
    ALL_AT_ONCE = "all_at_once"
    WAIT_WITH_ALL = "wait_with_all"
    STILL_ABOVE = "still_above"
    NEEDS_A_PERSON = "needs_a_person"
    PART_WAITS = "part_waits"
    LIST_LOST = "list_lost"


_K = RebalancingStatement
FORMS: Mapping[RebalancingStatement, Form] = {
    _K.REASON: Form(RATIONALE, "{reason}.", Weight.USUAL),
    _K.PROOF: Form(RATIONALE, "{proof}.", Weight.USUAL),
    _K.ORDER_KEPT: Form(RATIONALE, "Contacts keep their order, and nobody misses a campaign or gets one again."),
    _K.LISTS_STAY: Form(IMPACT, "The lists stay as they are, with a deviation of {deviation}.", Weight.ALWAYS),
    _K.EFFECT: Form(
        IMPACT, "The deviation goes from {before} to {after}: {done}, so that the lists hold {sizes}.", Weight.ALWAYS
    ),
    _K.COMPARABLE_ROUNDS: Form(IMPACT, "Lists of similar size make the results of the rounds comparable."),
    _K.EVEN_OUT_ANYWAY: Form(
        ALTERNATIVES,
        "Evening the lists out anyway: they deviate by {deviation}, within the tolerance of {tolerance}, and a move would "
        "pay for nothing.",
        Weight.USUAL,
    ),
    _K.LEAVE_AS_THEY_ARE: Form(
        ALTERNATIVES,
        "Leaving the lists as they are: they would stay {deviation} from their mean, above the tolerance of {tolerance}.",
        Weight.USUAL,
    ),
    _K.FEWER_MOVES: Form(
        ALTERNATIVES,
        "Fewer moves: with the same newcomers, fewer than {moves} cannot reach a deviation of {deviation}.",
        Weight.USUAL,
    ),
    _K.NO_NEWCOMERS: Form(
        ALTERNATIVES, "Newcomers instead of moves: there is none who could be enrolled.", Weight.USUAL
    ),
    _K.ENROLLING_OFF: Form(
        ALTERNATIVES,
        "Newcomers instead of moves: enrolling is switched off, so the {available} available are left out.",
        Weight.USUAL,
    ),
    _K.ALL_NEWCOMERS_JOIN: Form(
        ALTERNATIVES,
        "Newcomers instead of moves: all {available} available join already, and {moves} are left to make.",
        Weight.USUAL,
    ),
    _K.MORE_NEWCOMERS: Form(
        ALTERNATIVES,
        "Newcomers instead of moves: {joining} of {available} available join; more of them would not reach the same "
        "deviation with fewer than {moves}.",
        Weight.USUAL,
    ),
    _K.ALL_AT_ONCE: Form(
        ALTERNATIVES, "Doing {deferred} at once: not before {until}; it is planned anew then.", Weight.USUAL
    ),
    _K.WAIT_WITH_ALL: Form(
        ALTERNATIVES,
        "Waiting with everything until {until}: only {deferred} has to, and is planned anew then.",
        Weight.USUAL,
    ),
    _K.STILL_ABOVE: Form(
        CONCERNS, "The lists stay {deviation} from their mean, above the tolerance of {tolerance}.", Weight.ALWAYS
    ),
    _K.NEEDS_A_PERSON: Form(CONCERNS, "{reason}.", Weight.ALWAYS),
    _K.PART_WAITS: Form(CONCERNS, "A part of the plan waits until {until}: {deferred}."),
    _K.LIST_LOST: Form(CONCERNS, "{list} lost {contacts} in this run."),
}
"""The closed set: a sentence for each kind. Reasons, proof and what needs a person are worded by the planner (``flows``)."""


def rebalancing_statements(question: RebalancingQuestion) -> Catalogue:
    """Everything that is true of a plan, with its figures; the same for the same plan."""
    return Catalogue((*_rationale(question), *_impact(question), *_alternatives(question), *_concerns(question)))


def _say(kind: RebalancingStatement, about: object = "", **figures: str) -> Statement:
    return FORMS[kind].filled(kind, about, **figures)


def _rationale(question: RebalancingQuestion) -> Iterator[Statement]:
    flows = question.flows
    for place, reason in enumerate(flows.reasons, start=1):
        yield _say(_K.REASON, place, reason=_begun(reason))
    if flows.certificate is not None:
        yield _say(_K.PROOF, proof=_begun(flows.certificate.sentence))
    if flows.moves:
        yield _say(_K.ORDER_KEPT)


def _impact(question: RebalancingQuestion) -> Iterator[Statement]:
    flows = question.flows
    if flows.changes_nothing:
        yield _say(_K.LISTS_STAY, deviation=_deviation(flows.deviation_before))
        return
    joins = f"{count_text(flows.enrolment_count, 'newcomer')} join{'s' if flows.enrolment_count == 1 else ''}"
    moves = f"{count_text(flows.move_count, 'contact')} change{'s' if flows.move_count == 1 else ''} lists"
    yield _say(
        _K.EFFECT,
        before=_deviation(flows.deviation_before),
        after=_deviation(flows.deviation_after),
        done=" and ".join([*([moves] if flows.move_count else []), *([joins] if flows.enrolment_count else [])]),
        sizes=" / ".join(f"{size:,}" for size in flows.target_sizes),
    )
    yield _say(_K.COMPARABLE_ROUNDS)


def _alternatives(question: RebalancingQuestion) -> Iterator[Statement]:
    """Alternatives that the planner worked out and found no better."""
    flows, tolerance = question.flows, limit_text(question.policy.trigger_percent)
    if not flows.triggered:
        if flows.deviation_before is not None:
            yield _say(_K.EVEN_OUT_ANYWAY, deviation=_deviation(flows.deviation_before), tolerance=tolerance)
        return
    yield _say(_K.LEAVE_AS_THEY_ARE, deviation=_deviation(flows.deviation_before), tolerance=tolerance)
    if flows.certificate is not None and flows.certificate.lower_bound:
        least = count_text(flows.certificate.lower_bound, "move")
        yield _say(_K.FEWER_MOVES, moves=least, deviation=_deviation(flows.deviation_after))
    yield from _newcomers_instead(question)
    if _is_deferred(question):
        kind = _K.ALL_AT_ONCE if flows.changes_nothing else _K.WAIT_WITH_ALL
        yield _say(kind, deferred=f"what is deferred ({_deferred(question)})", until=_until(question))


def _newcomers_instead(question: RebalancingQuestion) -> Iterator[Statement]:
    flows, available = question.flows, question.newcomers_available
    if not flows.move_count:
        return
    moves, all_of_them = count_text(flows.move_count, "move"), f"{available:,}"
    if not available:
        yield _say(_K.NO_NEWCOMERS)
    elif question.policy.enrol is EnrolNewcomers.OFF:
        yield _say(_K.ENROLLING_OFF, available=all_of_them)
    elif flows.enrolment_count == available:
        yield _say(_K.ALL_NEWCOMERS_JOIN, available=all_of_them, moves=moves)
    else:
        yield _say(_K.MORE_NEWCOMERS, joining=f"{flows.enrolment_count:,}", available=all_of_them, moves=moves)


def _concerns(question: RebalancingQuestion) -> Iterator[Statement]:
    """Concerns that the plan leaves, for people to know."""
    flows = question.flows
    if flows.is_above_trigger_after and flows.triggered:
        tolerance = limit_text(question.policy.trigger_percent)
        yield _say(_K.STILL_ABOVE, deviation=_deviation(flows.deviation_after), tolerance=tolerance)
    if flows.review_reason:
        yield _say(_K.NEEDS_A_PERSON, reason=_begun(flows.review_reason))
    if _is_deferred(question):
        yield _say(_K.PART_WAITS, until=_until(question), deferred=_deferred(question))
    for role, lost in zip(CAMPAIGN_LISTS, question.suppressed, strict=True):
        if lost:
            yield _say(_K.LIST_LOST, role.reference, list=role.label, contacts=count_text(lost, "contact"))


def _is_deferred(question: RebalancingQuestion) -> bool:
    return bool(question.flows.deferred_moves or question.flows.deferred_enrolments)


def _deferred(question: RebalancingQuestion) -> str:
    moves, enrolments = question.flows.deferred_moves, question.flows.deferred_enrolments
    return f"moves {sum(moves.values()):,}, enrolments {sum(enrolments.values()):,}"


def _until(question: RebalancingQuestion) -> str:
    if not question.frozen:
        return "the open cycle closes"
    changed_again = "the lists may be changed again"
    return f"{changed_again} and the open cycle closes" if question.is_split else changed_again


def _deviation(share: Fraction | None) -> str:
    return percent_text(None if share is None else 100 * share, unknown="none (empty lists)")


def _begun(part: str) -> str:
    return f"{part[:1].upper()}{part[1:].rstrip('.')}"
