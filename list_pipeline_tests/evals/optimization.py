"""Scenarios of the advisor on suppressions: contacts with a history in, decisions held against labels out.

Belongs here: building failures as the intake builds them (a text is classified and reduced to its known words), deciding,
asking, applying the opinion. Does not belong here: rules for every advisor (``checks``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from datetime import UTC, datetime, timedelta
from typing import Any

from list_pipeline.agents.optimization import Opinion, advise
from list_pipeline.core.bounces.classes import BounceClass, BounceReason, FailureEvent, classify
from list_pipeline.core.incidents.contacts import Incident, incidents_of
from list_pipeline.core.incidents.groups import DomainCount, GroupKind, count_groups
from list_pipeline.core.incidents.operators import Operators
from list_pipeline.core.incidents.strata import examine
from list_pipeline.core.incidents.usual import Usual
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.gate import SuppressionGateFacts, gate_items, judge_suppression
from list_pipeline.core.suppression.plan import assemble
from list_pipeline.core.suppression.plan_summary import PlanSummary
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.statements import contact_statements, fact_doubted, plan_statements
from list_pipeline.core.suppression.verdicts import (
    Attempt,
    AttemptOutcome,
    CampaignContext,
    ContactFacts,
    Verdict,
    VerdictAction,
)
from list_pipeline.operations.suppression.advice import AdviceQuestion, after_opinion, ask_about
from list_pipeline_tests.evals.asking import RecordingModel, access_to
from list_pipeline_tests.evals.checks import (
    CAMPAIGN_IDS,
    CONTACT_IDS,
    LONGEST_WORDS,
    broken_rules,
    data_of,
    sentences_of_models,
    sentences_shown,
    strange_words,
)
from list_pipeline_tests.evals.results import Judgement, Result
from list_pipeline_tests.evals.scenarios import Scenario, only

SENT = datetime(2026, 11, 2, 9, tzinfo=UTC)
POLICY = SuppressionPolicy()

_FACTS = {"complaining", "anonymised", "in_suppression_list", "is_known", "campaigns"}
_KNOWN = _FACTS | {
    "bounce", "permanent", "status", "words", "words_repeated", "history", "truth", "repeat", "domain",
    "recipients_of_domain", "contradictory", "note",
}  # fmt: skip
_PAST = re.compile(r"^(-?\d+) ([a-z_]+)(!?)( \(incident\))?(?:: (.*))?$", re.DOTALL)
_STATES = {
    classify(number, True).reason: number for number in range(1, 22)
} | {BounceReason.UNCLASSIFIED: 999}  # fmt: skip
_MARKS = {"Watched, because the advisor doubts that it should be suppressed: ", " Advisor: "}
"""What stands in an explanation to say that an advisor had a part in it."""
_GATE_FACTS = {each.name for each in fields_of(SuppressionGateFacts)}
_ORDER = (VerdictAction.KEEP, VerdictAction.MONITOR, VerdictAction.HOLD, VerdictAction.SUPPRESS)


@dataclass(frozen=True)
class Case:
    """A campaign as the rules and the advisor get it. ``entry_of``: contact id to the place of its label."""

    events: Sequence[FailureEvent]
    history: Mapping[int, Sequence[Attempt]]
    facts: Mapping[int, ContactFacts]
    context: CampaignContext
    as_of: datetime
    entry_of: Mapping[int, int]

    def verdicts(self) -> tuple[Verdict, ...]:
        """The policy's decision."""
        return decide(self.events, self.history, self.facts, self.context, POLICY, self.as_of)

    def asked(self, verdicts: Sequence[Verdict]) -> AdviceQuestion:
        """The question about it."""
        return ask_about(verdicts, self.facts, self.context, history=self.history, as_of=self.as_of, policy=POLICY)

    def let_through(self, verdicts: Sequence[Verdict], alone: Sequence[Verdict]) -> set[int]:
        """The contacts that a plan of these verdicts suppresses without a person, in automatic mode.

        ``alone``: the policy's own verdicts, for what an opinion took out of the plan.
        """
        plan = assemble(
            verdicts,
            self.events,
            self.context.incidents,
            campaign_id=CAMPAIGN_IDS,
            sweep=Sweep.H24,
            policy_version=POLICY.version,
            recipients=self.context.recipients,
        )
        # What an opinion took out of a plan must not bring the rest under the cap, so the gate is told of it.
        remaining = {one.contact_id for one in verdicts if one.action is VerdictAction.SUPPRESS}
        planned = {one.contact_id for one in alone if one.action is VerdictAction.SUPPRESS}
        facts = SuppressionGateFacts(
            recipients=self.context.recipients,
            executed_before=0,
            items=gate_items(plan.items, set(self.entry_of), self.context.domain_of),
            fetch_complete=True,
            mode=Mode.AUTO,
            flag_enabled=True,
            **({"softened": len(planned - remaining)} if "softened" in _GATE_FACTS else {}),
        )
        return set(judge_suppression(facts, POLICY).may_run)


def failure(
    contact_id: int, campaign_id: int, at: datetime, reason: str, permanent: bool, words: str, **more: Any
) -> FailureEvent:
    """A failure as the intake makes it of Mailjet's state and of the receiver's words."""
    state = _STATES[BounceReason(reason)]
    status = (
        MessageStatus(more["status"]) if more.get("status") else _status_of(classify(state, permanent).bounce_class)
    )
    found = classify(state, permanent, status, words or None)
    contradictory = bool(more.get("contradictory"))
    return FailureEvent(
        contact_id, campaign_id, at, state, permanent, status, found, True, not contradictory, contradictory
    )


def _status_of(bounce_class: BounceClass) -> MessageStatus:
    return {
        BounceClass.HARD: MessageStatus.HARD_BOUNCED,
        BounceClass.SOFT: MessageStatus.SOFT_BOUNCED,
        BounceClass.COMPLAINT: MessageStatus.SPAM,
    }.get(bounce_class, MessageStatus.BLOCKED)


def case_for(scenario: Scenario) -> Case:
    """The campaign that a scenario describes."""
    fields = scenario.data
    only(fields, {"recipients", "contacts", "judged_after_days"}, scenario.id)
    events: list[FailureEvent] = []
    history: dict[int, Sequence[Attempt]] = {}
    facts: dict[int, ContactFacts] = {}
    domains: dict[int, str] = {}
    recipients_by_domain: dict[str, int] = {}
    entry_of: dict[int, int] = {}
    for contact_id, place, entry in _everybody(fields["contacts"], scenario.id):
        domain = entry.get("domain") or f"company-{contact_id - CONTACT_IDS}.example.com"
        domains[contact_id] = domain
        recipients_by_domain[domain] = entry.get("recipients_of_domain", 10)
        entry_of[contact_id] = place
        past = [_attempt(contact_id, line) for line in entry.get("history", ())]
        history[contact_id] = past
        facts[contact_id] = ContactFacts(
            is_known=entry.get("is_known", True),
            in_suppression_list=entry.get("in_suppression_list", False),
            is_anonymised=entry.get("anonymised", False),
            is_complaining=entry.get("complaining", False),
            campaigns_count=entry.get("campaigns", 1 + len(past)),
        )
        if "bounce" in entry:
            words = " ".join([entry.get("words", "")] * entry.get("words_repeated", 1))
            more = {name: entry.get(name) for name in ("status", "contradictory")}
            events.append(
                failure(contact_id, CAMPAIGN_IDS, SENT, entry["bounce"], entry.get("permanent", False), words, **more)
            )
    as_of = SENT + timedelta(days=fields.get("judged_after_days", 1))
    return Case(
        events=events,
        history=history,
        facts=facts,
        context=CampaignContext(
            CAMPAIGN_IDS,
            fields["recipients"],
            domains,
            SENT,
            _incidents(events, history, domains, recipients_by_domain, as_of),
        ),
        as_of=as_of,
        entry_of=entry_of,
    )


def _incidents(
    events: Sequence[FailureEvent],
    history: Mapping[int, Sequence[Attempt]],
    domains: Mapping[int, str],
    recipients: Mapping[str, int],
    as_of: datetime,
) -> tuple[Incident, ...]:
    """The incidents of a campaign in an account without counts: who does not bounce was reached before."""
    reached = {
        contact_id
        for contact_id, past in history.items()
        if any(one.outcome is AttemptOutcome.DELIVERED for one in past)
    }
    hard = Counter(
        domains[one.contact_id]
        for one in events
        if one.bounce_class is BounceClass.HARD and one.occurred_at <= as_of and one.contact_id in reached
    )
    counts = count_groups(
        [DomainCount(name, max(count, hard[name]), hard[name]) for name, count in recipients.items()],
        Operators(),
        POLICY.incidents,
    )
    tested = examine(counts, Usual(), Operators(), POLICY.incidents)
    return incidents_of(events, domains, tested, Operators(), as_of)


def _everybody(entries: Sequence[Mapping[str, Any]], where: str) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    contact_id = CONTACT_IDS
    for place, entry in enumerate(entries):
        only(entry, _KNOWN, where)
        if entry["truth"] not in ("suppress", "keep"):
            raise ValueError(f"{where}: a contact's truth is suppress or keep, not {entry['truth']}")
        for _ in range(entry.get("repeat", 1)):
            contact_id += 1
            yield contact_id, place, entry


def _attempt(contact_id: int, line: str) -> Attempt:
    """A past campaign out of ``"<days before> <what became of it>[!][ (incident)][: words]"``; ``!`` means permanent."""
    found = _PAST.match(line)
    if found is None:
        raise ValueError(f"a past campaign cannot be read: {line}")
    days, what, permanent, incident, words = found.groups()
    at = SENT - timedelta(days=int(days))
    campaign_id = CAMPAIGN_IDS + 500 - int(days)
    if what in ("delivered", "unknown"):
        return Attempt(campaign_id, at, AttemptOutcome(what))
    event = failure(contact_id, campaign_id, at, what, bool(permanent), words or "")
    return Attempt(campaign_id, at, AttemptOutcome.FAILED, event, GroupKind.OPERATOR if incident else None)


def run(scenario: Scenario, model: RecordingModel, behaviour: str) -> Result:
    """Decide on a scenario's campaign, ask, apply the opinion, and judge what comes of it."""
    case = case_for(scenario)
    verdicts = case.verdicts()
    asked = case.asked(verdicts)
    opinion = advise(access_to(model), asked.summary)
    final = after_opinion(verdicts, asked, opinion)
    exchanges = model.taken()
    shown = shown_of(opinion)
    domains = set(case.context.domain_of.values())
    # Of thousands of domains some stand for all: they are made alike.
    problems = broken_rules(exchanges, [opinion.recorded], shown, sorted(domains)[:20])
    sentences = may_say(asked.summary)
    problems += strange_words(shown, sentences)
    problems += strange_words({one.explanation for one in final}, sentences | explanations(verdicts) | _MARKS)
    problems += _question_problems(exchanges[0].prompt if exchanges else None, asked)
    beyond, harm = less_careful(verdicts, final)
    problems += harm
    more = case.let_through(final, verdicts) - case.let_through(verdicts, verdicts)
    if more:
        problems.append(f"the gate lets {len(more)} contacts through that would wait without the opinion")
    before, after = ({one.contact_id: one.action for one in each} for each in (verdicts, final))
    offered = list(asked.contacts.values())
    return Result(
        scenario=scenario.id,
        advisor="optimization",
        kind=scenario.kind,
        behaviour=behaviour,
        judgements=tuple(_judgements(scenario, case, before, after)),
        problems=tuple(problems),
        beyond_policy=len(beyond | more),
        offered=len(offered),
        agreed=sum(before[each] is after[each] for each in offered),
        records=(opinion.recorded,),
        confidence=opinion.confidence,
        shown=shown,
        prompt_characters=max((len(each.sent) for each in exchanges), default=0),
        questions=len(exchanges),
        sentences=len(said := sentences_of_models(exchanges)),
        sentences_shown=sentences_shown(said, (*shown, *(one.explanation for one in final)), sentences),
    )


def may_say(plan: PlanSummary) -> set[str]:
    """Everything that may be said of a plan and of its contacts, whatever a model answers."""
    contacts = {each.text for item in plan.offered for each in contact_statements(item).statements}
    return contacts | {each.text for each in plan_statements(plan).statements} | {*map(fact_doubted, plan.groups)}


def shown_of(opinion: Opinion) -> tuple[str, ...]:
    """What people read of an opinion."""
    return (opinion.rationale, opinion.expected_impact, *opinion.concerns, *opinion.reasons.values())


def explanations(verdicts: Sequence[Verdict]) -> set[str]:
    """The policy's own sentences about contacts."""
    return {text for one in verdicts for text in (one.explanation, one.explanation.removeprefix("Suppressed: "))}


def less_careful(before: Sequence[Verdict], after: Sequence[Verdict]) -> tuple[set[int], list[str]]:
    """Contacts that are suppressed only because of an opinion, and everything in which the opinion was less careful."""
    policy = {one.contact_id: one for one in before}
    beyond: set[int] = set()
    problems: list[str] = []
    if [one.contact_id for one in before] != [one.contact_id for one in after]:
        problems.append("the opinion added or dropped a contact")
    for one in after:
        own = policy.get(one.contact_id)
        if one.action is VerdictAction.SUPPRESS and (own is None or own.action is not VerdictAction.SUPPRESS):
            beyond.add(one.contact_id)
        elif own is not None and _ORDER.index(one.action) > _ORDER.index(own.action):
            problems.append(f"an opinion turned {own.action.value} into {one.action.value}")
        elif own is not None and own.action is not one.action and not own.is_borderline:
            problems.append(f"an opinion changed what {own.rule.value} decided")
        if own is not None and (one.confidence or 0) > (own.confidence or 0):
            problems.append("an opinion raised a confidence")
    return beyond, list(dict.fromkeys(problems))


def _question_problems(prompt: str | None, asked: AdviceQuestion) -> list[str]:
    """What is wrong with the references and sums of a question."""
    if prompt is None:
        return []
    data = data_of(prompt)
    found = []
    references = [each["reference"] for each in (*data["groups"], *data["contacts"])]
    if len(set(references)) != len(references):
        found.append("a reference is offered twice")
    if set(asked.contacts) != {each["reference"] for each in data["contacts"]}:
        found.append("the references of the question are not those that it is applied by")
    if len(set(asked.contacts.values())) != len(asked.contacts):
        found.append("one contact has two references")
    breakdown = data["breakdown"]
    planned = Counter(each["sorting"] for each in data["groups"] for _ in range(each["contacts"]))
    if not data["groups_not_listed"] and breakdown["total"] != planned["suppress_now"]:
        found.append("the breakdown of the question does not sum up to its groups")
    if breakdown["hard_bounces"] + breakdown["soft_bounce_patterns"] > breakdown["total"]:
        found.append("the breakdown of the question does not add up")
    if any(len(each["server_words"]) > LONGEST_WORDS for each in data["contacts"]):
        found.append("a receiver's words are longer than allowed")
    return found


def _judgements(
    scenario: Scenario, case: Case, before: Mapping[int, VerdictAction], after: Mapping[int, VerdictAction]
) -> Iterator[Judgement]:
    members: dict[int, list[int]] = {}
    for contact_id, place in case.entry_of.items():
        members.setdefault(place, []).append(contact_id)
    for place, entry in enumerate(scenario.data["contacts"]):
        own, final = (_share(members[place], actions) for actions in (before, after))
        wanted = float(entry["truth"] == "suppress")
        what = f"contact {place + 1}, {entry.get('bounce', 'no failure')}"
        yield Judgement(what, entry["truth"], _words(own), _words(final), final == wanted, final, own)


def _share(contacts: Sequence[int], actions: Mapping[int, VerdictAction]) -> float:
    return sum(actions.get(each) is VerdictAction.SUPPRESS for each in contacts) / len(contacts)


def _words(share: float) -> str:
    return {0.0: "keep", 1.0: "suppress"}.get(share, f"suppress {share:.0%}")
