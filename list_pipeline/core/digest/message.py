"""A digest as a message: a card of figures, or one line where nothing happened, waits or failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.digest.periods import Period
from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.messages.alert import alert
from list_pipeline.core.messages.slack_blocks import Mrkdwn, SlackMessage, compose, section
from list_pipeline.core.wording import (
    count_text,
    date_text,
    dollars_text,
    instant_text,
    names_text,
    percent_text,
)


@dataclass(frozen=True, slots=True)
class DigestFacts:
    """What is told of a span.

    Attributes:
        maintenances: attempts that ended, by status. suppressed, moved: contacts of them.
        decided: plans and questions that people decided.
        validated, blocked: campaigns that were validated, and those of them that were blocked.
        waiting: plans and questions that wait now, and since when the oldest does.
        failed_runs: runs that failed, by job. lost: messages that reached nobody.
        alarms: what is wrong now, a sentence each.
        sizes: all and mailable contacts of each list at the last look; deviation of the campaign lists in percent.
        questions, cost_usd, without_price: asked of advisors, what is known of the cost, and those whose price is not known.
        requests: to Mailjet, of whole runs.
    """

    maintenances: Mapping[str, int]
    suppressed: int
    moved: int
    decided: int
    validated: int
    blocked: int
    waiting: int
    oldest: datetime | None
    failed_runs: Mapping[str, int]
    lost: int
    alarms: Sequence[str]
    sizes: Mapping[ListRole, tuple[int, int]]
    deviation_percent: float | None
    questions: int
    cost_usd: float
    without_price: int
    requests: int

    @property
    def is_quiet(self) -> bool:
        """Whether nothing was done, nothing waits and nothing failed."""
        done = self.suppressed or self.moved or self.decided or self.validated or any(self.maintenances.values())
        return not (done or self.waiting or self.failed_runs or self.lost or self.alarms)


def digest_message(period: Period, due_at: datetime, facts: DigestFacts, reviewers: Sequence[str]) -> SlackMessage:
    """The digest of the span that ends at an instant.

    Args:
        due_at: its end (UTC). reviewers: who may decide, by name; empty: whoever gives a name.
    """
    title = f"{'Daily' if period is Period.DAY else 'Weekly'} Digest, {date_text(due_at.date())}"
    if facts.is_quiet:
        words = compose(
            "{title}: quiet. Nothing was done, nothing waits and nothing failed. {sizes}",
            title=title,
            sizes=_sizes(facts),
        )
        return SlackMessage(words, [section([words])])
    return alert(
        title,
        [_done(facts), _waits(facts, reviewers), _failed(facts)],
        facts=[
            (role.label, f"{raw:,} ({mailable:,} mailable)")
            for role in ALL_LISTS
            if (counts := facts.sizes.get(role)) is not None
            for raw, mailable in [counts]
        ],
        details=[compose("• {words}", words=words) for words in facts.alarms],
        small_print=[
            compose("Deviation of the campaign lists: {share}.", share=percent_text(facts.deviation_percent)),
            _costs(facts),
            compose("{start} to {end}.", start=instant_text(due_at - period.span), end=instant_text(due_at)),
        ],
    )


def _done(facts: DigestFacts) -> Mrkdwn:
    ended = [f"{many} {status.replace('_', ' ')}" for status, many in sorted(facts.maintenances.items())]
    parts = [
        f"maintenances: {', '.join(ended)}" if ended else "",
        f"{count_text(facts.suppressed, 'contact')} suppressed" if facts.suppressed else "",
        f"{facts.moved:,} moved or enrolled" if facts.moved else "",
        f"{count_text(facts.decided, 'decision')} of people" if facts.decided else "",
        f"{count_text(facts.validated, 'campaign')} validated, {facts.blocked} blocked" if facts.validated else "",
    ]
    return compose("*Done*: {words}.", words="; ".join(part for part in parts if part) or "nothing")


def _waits(facts: DigestFacts, reviewers: Sequence[str]) -> Mrkdwn:
    if not facts.waiting:
        return compose("*Waits*: nothing.")
    who = names_text(list(reviewers)) if reviewers else "a person"
    since = f"; the oldest since {instant_text(facts.oldest)}" if facts.oldest else ""
    return compose(
        "*Waits* for {who}: {many}{since} (`list-pipeline reviews`).",
        who=who,
        many=count_text(facts.waiting, "question"),
        since=since,
    )


def _failed(facts: DigestFacts) -> Mrkdwn:
    parts = [f"{count_text(many, 'run')} of {job}" for job, many in sorted(facts.failed_runs.items())]
    if facts.lost:
        parts.append(f"{count_text(facts.lost, 'message')} that reached nobody")
    if facts.alarms:
        parts.append(f"{count_text(len(facts.alarms), 'alarm')} open")
    return compose("*Failed*: {words}.", words="; ".join(parts) or "nothing")


def _costs(facts: DigestFacts) -> Mrkdwn:
    unknown = f", {facts.without_price} without a known price" if facts.without_price else ""
    return compose(
        "Advisors: {questions}, {cost}{unknown}. Mailjet: {requests}.",
        questions=count_text(facts.questions, "question"),
        cost=dollars_text(facts.cost_usd),
        unknown=unknown,
        requests=count_text(facts.requests, "request"),
    )


def _sizes(facts: DigestFacts) -> str:
    known = [f"{role.label} {facts.sizes[role][0]:,}" for role in ALL_LISTS if role in facts.sizes]
    if not known:
        return "No list was looked at yet."
    return f"{', '.join(known)}; deviation {percent_text(facts.deviation_percent)}."
