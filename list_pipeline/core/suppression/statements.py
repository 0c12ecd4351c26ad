"""The statements that a suppression plan is explained by, and when each is true.

Belongs here: the closed sets of sentences about a plan and about one borderline contact, their conditions and figures. Does not
belong here: the plan's figures (``plan_summary``), and what a choice may change (``agents.optimization``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from list_pipeline.core.bounces.smtp_vocabulary import server_words
from list_pipeline.core.statements import Catalogue, Form, Statement, Weight
from list_pipeline.core.suppression.plan_summary import BorderlineItem, PlanGroup, PlanSummary, in_words
from list_pipeline.core.suppression.verdicts import VerdictAction
from list_pipeline.core.wording import WAIT, WAITS, count_text, share_percent_text

RATIONALE, IMPACT, CONCERNS, REASONS = "rationale", "expected_impact", "concerns", "reason"
PARTS = (CONCERNS, RATIONALE, IMPACT)
"""The parts of an opinion on a plan that are statements, by the names of their fields."""

_PASSING = re.compile(
    r"\b(?:temporar\w*|try again|greylist\w*|transient|timed out|timeout|later|retr\w+|deferred|delayed)\b"
)
"""Words of the closed vocabulary (``core.bounces.smtp_vocabulary``) that call a state passing."""


class PlanStatement(StrEnum):
    """Everything that can be said of a plan as a whole."""

    NOBODY = "nobody"
    SUPPRESSES = "suppresses"
    KEPT = "kept"
    HELD = "held"
    LARGEST_GROUP = "largest_group"
    LISTS_STAY = "lists_stay"
    NO_LONGER_MAILED = "no_longer_mailed"
    REPUTATION = "reputation"
    PASSING_WORDS = "passing_words"
    DIFFERING_REASONS = "differing_reasons"
    REACHED_BEFORE = "reached_before"
    ONE_DOMAIN = "one_domain"
    SHARE = "share"
    FACT_DOUBTED = "fact_doubted"


class ContactStatement(StrEnum):
    """Everything that can be said of one borderline contact."""

    PASSING_WORDS = "passing_words"
    DIFFERING_REASONS = "differing_reasons"
    REACHED_BEFORE = "reached_before"
    NEVER_REACHED = "never_reached"
    SAME_REASON = "same_reason"
    FAILURES = "failures"
    LAST_FAILURE = "last_failure"
    KNOWN_SINCE = "known_since"


_K, _C = PlanStatement, ContactStatement
FORMS: Mapping[PlanStatement, Form] = {
    _K.NOBODY: Form(RATIONALE, "No contact gave enough evidence to be suppressed.", Weight.FIRST),
    _K.SUPPRESSES: Form(RATIONALE, "The policy suppresses {contacts}: {parts}.", Weight.FIRST),
    _K.KEPT: Form(
        RATIONALE,
        "{contacts} that failed for a passing or unclear reason, or by the sender's fault, {stay}.",
        Weight.ALWAYS,
    ),
    _K.HELD: Form(RATIONALE, "{contacts} {wait}.", Weight.ALWAYS),
    _K.LARGEST_GROUP: Form(
        RATIONALE, "The largest group that is suppressed has {contacts} with {reason} at {domains}."
    ),
    _K.LISTS_STAY: Form(IMPACT, "The lists stay as they are.", Weight.ALWAYS),
    _K.NO_LONGER_MAILED: Form(
        IMPACT,
        "The next rounds no longer mail {contacts}{of_all} that cannot be reached or do not want to be.",
        Weight.ALWAYS,
    ),
    _K.REPUTATION: Form(
        IMPACT, "Mailing addresses that cannot be reached costs reputation with every send, so they leave the lists."
    ),
    _K.PASSING_WORDS: Form(
        CONCERNS, "The receiver's own words call the failure of {contacts} decided by degree passing."
    ),
    _K.DIFFERING_REASONS: Form(CONCERNS, "{contacts} decided by degree failed for differing reasons."),
    _K.REACHED_BEFORE: Form(CONCERNS, "{contacts} decided by degree {were} reached by an earlier campaign."),
    _K.ONE_DOMAIN: Form(CONCERNS, "{contacts} that are suppressed for {reason} are at a single domain."),
    _K.SHARE: Form(CONCERNS, "The plan suppresses {share} of this campaign's recipients."),
    _K.FACT_DOUBTED: Form(CONCERNS, "The advisor would not suppress the {contacts} for {rule} at once."),
}
"""The closed set about a plan: a sentence for each kind. The last one follows from a judgement and is never offered."""

CONTACT_FORMS: Mapping[ContactStatement, Form] = {
    _C.PASSING_WORDS: Form(REASONS, "The receiver's own words call the failure passing."),
    _C.DIFFERING_REASONS: Form(REASONS, "Its failures have differing reasons."),
    _C.REACHED_BEFORE: Form(REASONS, "{campaigns} reached it before."),
    _C.NEVER_REACHED: Form(REASONS, "No earlier campaign reached it."),
    _C.SAME_REASON: Form(REASONS, "It failed {times} within {days}, always for the same reason."),
    _C.FAILURES: Form(REASONS, "It was in {campaigns}, with {failures} that {count}."),
    _C.LAST_FAILURE: Form(REASONS, "Its last failure was {days} ago."),
    _C.KNOWN_SINCE: Form(REASONS, "It is known for {days}."),
}
"""The closed set about one contact."""


def plan_statements(plan: PlanSummary) -> Catalogue:
    """Everything that is true of a plan, with its figures; the same for the same plan."""
    return Catalogue((*_rationale(plan), *_impact(plan), *_concerns(plan)))


def contact_statements(item: BorderlineItem) -> Catalogue:
    """Everything that is true of one borderline contact, with its figures."""
    return Catalogue(tuple(_of_contact(item)))


def fact_doubted(group: PlanGroup) -> str:
    """That the advisor would not do at once what a fact decided about a group."""
    return _say(_K.FACT_DOUBTED, contacts=_contacts(group.contacts), rule=in_words(group.rule)).text


def _say(kind: PlanStatement, about: object = "", **figures: str) -> Statement:
    return FORMS[kind].filled(kind, about, **figures)


def _rationale(plan: PlanSummary) -> Iterator[Statement]:
    total = plan.breakdown()["total"]
    if not total:
        yield _say(_K.NOBODY)
        return
    by_rule: dict[str, int] = {}
    for group in _suppressed(plan):
        by_rule[group.rule] = by_rule.get(group.rule, 0) + group.contacts
    largest_first = sorted(by_rule.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = ", ".join(f"{contacts:,} for {in_words(rule)}" for rule, contacts in largest_first)
    yield _say(_K.SUPPRESSES, contacts=_contacts(total), parts=parts)
    kept = sum(group.contacts for group in plan.groups if group.action in (VerdictAction.MONITOR, VerdictAction.KEEP))
    held = sum(group.contacts for group in plan.groups if group.action is VerdictAction.HOLD)
    if kept:
        yield _say(_K.KEPT, contacts=_contacts(kept), stay="stays" if kept == 1 else "stay")
    if held:
        yield _say(_K.HELD, contacts=_contacts(held), wait=WAITS if held == 1 else WAIT)
    largest = max(_suppressed(plan), key=lambda group: group.contacts)
    yield _say(
        _K.LARGEST_GROUP,
        contacts=_contacts(largest.contacts),
        reason=in_words(largest.reason),
        domains=count_text(largest.domains, "domain"),
    )


def _impact(plan: PlanSummary) -> Iterator[Statement]:
    total = plan.breakdown()["total"]
    if not total:
        yield _say(_K.LISTS_STAY)
        return
    of_all = f" ({share_percent_text(total, plan.recipients)} of this campaign's recipients)" if plan.recipients else ""
    yield _say(_K.NO_LONGER_MAILED, contacts=_contacts(total), of_all=of_all)
    yield _say(_K.REPUTATION)


def _concerns(plan: PlanSummary) -> Iterator[Statement]:
    for kind, counted in (
        (_K.PASSING_WORDS, [_is_passing(each) for each in plan.borderline]),
        (_K.DIFFERING_REASONS, [not each.is_same_reason for each in plan.borderline]),
        (_K.REACHED_BEFORE, [each.deliveries_before > 0 for each in plan.borderline]),
    ):
        if any(counted):
            yield _say(kind, contacts=_contacts(sum(counted)), were="was" if sum(counted) == 1 else "were")
    for place, group in enumerate(plan.offered_groups, start=1):
        if group.action is VerdictAction.SUPPRESS and group.domains == 1 and group.contacts > 1:
            yield _say(_K.ONE_DOMAIN, f"g{place}", contacts=_contacts(group.contacts), reason=in_words(group.reason))
    total = plan.breakdown()["total"]
    if total and plan.recipients:
        yield _say(_K.SHARE, share=share_percent_text(total, plan.recipients))


def _of_contact(item: BorderlineItem) -> Iterator[Statement]:
    def say(kind: ContactStatement, **figures: str) -> Statement:
        return CONTACT_FORMS[kind].filled(kind, **figures)

    if _is_passing(item):
        yield say(_C.PASSING_WORDS)
    if not item.is_same_reason:
        yield say(_C.DIFFERING_REASONS)
    elif item.hits > 1:
        times = count_text(item.hits, "time")
        yield say(_C.SAME_REASON, times=times, days=count_text(item.span_days, "day"))
    if item.deliveries_before:
        yield say(_C.REACHED_BEFORE, campaigns=count_text(item.deliveries_before, "earlier campaign"))
    else:
        yield say(_C.NEVER_REACHED)
    yield say(
        _C.FAILURES,
        failures=count_text(item.hits, "failure"),
        campaigns=count_text(item.campaigns, "campaign"),
        count="counts" if item.hits == 1 else "count",
    )
    yield say(_C.LAST_FAILURE, days=count_text(item.days_since_last_hit, "day"))
    yield say(_C.KNOWN_SINCE, days=count_text(item.days_known, "day"))


def _is_passing(item: BorderlineItem) -> bool:
    return bool(_PASSING.search(server_words(item.server_words).casefold()))


def _suppressed(plan: PlanSummary) -> list[PlanGroup]:
    return [group for group in plan.groups if group.action is VerdictAction.SUPPRESS]


def _contacts(count: int) -> str:
    return count_text(count, "contact")
