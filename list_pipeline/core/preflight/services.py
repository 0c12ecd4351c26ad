"""Verdicts on the services outside: Mailjet with its lists, events and automations, Slack, and the ways of an alert."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.preflight.checks import Check, Finding, advised, missing, passed
from list_pipeline.core.wording import lists_text

ADDED_TO = (*CAMPAIGN_LISTS, ListRole.SUPPRESSION)
"""The lists to which the product adds contacts."""


class Answer(StrEnum):
    """What became of the question whether a service can be used."""

    WELL = "well"
    NOT_SET_UP = "not_set_up"
    FAILED = "failed"


def judge_service(check: Check, answer: Answer, error: str, without: str, variable: str) -> Finding:
    """Whether a service answers.

    Args:
        error: what it said, where it failed.
        without: what is left out where it is not set up, which is allowed.
        variable: the setting that would set it up.
    """
    if answer is Answer.FAILED:
        return missing(check, error, f"Repair it, or take {variable} out")
    if answer is Answer.NOT_SET_UP:
        return advised(check, f"not set up: {without}", f"Set {variable}")
    return passed(check, "answers")


@dataclass(frozen=True, slots=True)
class ListAtMailjet:
    """One of the five at Mailjet. ``problem``: why it is none that can be used, e.g. that it was deleted; empty: it is."""

    name: str
    problem: str = ""


def judge_five_lists(
    seen: Mapping[ListRole, ListAtMailjet], unlikely: Sequence[str], unconfirmed: Sequence[str]
) -> Finding:
    """Whether the five ids are lists, the right ones, and confirmed.

    Args:
        seen: what Mailjet shows under each id.
        unlikely: what speaks against a list's role, a sentence each.
        unconfirmed: how they differ from what a person confirmed, a phrase each.
    """
    if problems := [f"{role.label}: {one.problem}" for role, one in seen.items() if one.problem]:
        return missing(Check.FIVE_LISTS, "; ".join(problems), "Correct the MAILJET_*_LIST_ID settings")
    names = [one.name for one in seen.values()]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        return missing(
            Check.FIVE_LISTS,
            f"two lists are called {twice[0]!r}",
            "See which is meant, and rename the other at Mailjet",
        )
    if unconfirmed and unlikely:
        return missing(Check.FIVE_LISTS, " ".join(unlikely), "Look at `list-pipeline lists`")
    if unconfirmed:
        return missing(
            Check.FIVE_LISTS, f"not confirmed: {'; '.join(unconfirmed)}", "`list-pipeline lists --confirm --by NAME`"
        )
    return passed(Check.FIVE_LISTS, f"confirmed: {', '.join(names)}")


def judge_automations(said: Set[ListRole], denied: Set[ListRole], seen: Set[ListRole], *, may_start: bool) -> Finding:
    """Whether it is known which lists start mails when somebody is added.

    Args:
        said, denied: lists that LISTS_WITH_AUTOMATIONS says to have automations, or none.
        seen: lists whose members got mails of one.
        may_start: AUTOMATIONS_MAY_START.
    """
    if unnamed := seen - said - denied:
        return missing(
            Check.AUTOMATIONS,
            f"members of {lists_text(_in_order(unnamed))} got mails of an automation, and LISTS_WITH_AUTOMATIONS is silent",
            "Name it there; with a minus where it has none any more",
        )
    if may_start and said:
        return advised(
            Check.AUTOMATIONS,
            f"plans may start automations of {lists_text(_in_order(said))} without a person",
            "AUTOMATIONS_MAY_START=false lets them wait",
        )
    if unknown := set(ADDED_TO) - said - denied:
        return advised(
            Check.AUTOMATIONS,
            f"Mailjet does not tell of automations of {lists_text(_in_order(unknown))}, and nobody said whether there are any",
            "Look at Mailjet's Automation page; name each list that has one in LISTS_WITH_AUTOMATIONS",
        )
    return passed(Check.AUTOMATIONS, "said of every list that contacts are added to")


def _in_order(roles: Collection[ListRole]) -> list[ListRole]:
    return sorted(roles, key=list(ListRole).index)


EVENT_KINDS = ("bounce", "blocked", "spam", "unsub", "open", "click")
"""The kinds of events that the product uses, by Mailjet's names."""


@dataclass(frozen=True, slots=True)
class RegisteredUrl:
    """A URL that Mailjet posts events to, without its secret.

    ``kind``: Mailjet's name of the event. ``is_alive``: Mailjet has not given it up. ``is_ours``: it leads to our route.
    ``is_encrypted``; ``is_admitted``: it carries our user and password.
    """

    kind: str
    is_alive: bool
    is_ours: bool
    is_encrypted: bool
    is_admitted: bool


def judge_events(has_password: bool, registered: Sequence[RegisteredUrl]) -> Finding:
    """Whether Mailjet's events reach ``list-pipeline serve``, where they are wanted."""
    if not has_password:
        return advised(
            Check.EVENTS, "not received: complaints count with the next reading only", "Set EVENT_WEBHOOK_PASSWORD"
        )
    ours = {one.kind: one for one in registered if one.is_ours}
    if absent := [kind for kind in EVENT_KINDS if kind not in ours]:
        return missing(
            Check.EVENTS,
            f"no URL of ours is registered for {', '.join(absent)}",
            "Register it at Mailjet under Event tracking (docs/operations.md, Mailjet's events)",
        )
    for one in (ours[kind] for kind in EVENT_KINDS):
        if not one.is_encrypted:
            return missing(Check.EVENTS, f"the URL for {one.kind} is not https", "Register it anew, with https")
        if not one.is_admitted:
            return missing(
                Check.EVENTS,
                f"the URL for {one.kind} carries another user or password, so its events are refused",
                "Register it anew, with EVENT_WEBHOOK_USER and EVENT_WEBHOOK_PASSWORD",
            )
        if not one.is_alive:
            return missing(
                Check.EVENTS,
                f"Mailjet gave the URL for {one.kind} up after a day of failures",
                "See that `list-pipeline serve` is reached, then register it anew",
            )
    return passed(Check.EVENTS, f"registered for {', '.join(EVENT_KINDS)}")


POSTING, READING = "chat:write", ("channels:history", "groups:history")
"""Slack's scopes: one to post, and one of those to find a message whose answer was lost (of a public or a private channel)."""


def judge_scopes(scopes: Set[str] | None) -> Finding:
    """Whether Slack's token may do what is needed.

    Args:
        scopes: what Slack says that the token may; None where Slack is not set up.
    """
    if scopes is None:
        return advised(Check.SLACK_SCOPES, "there is no token", "Set SLACK_BOT_TOKEN")
    if POSTING not in scopes:
        return missing(Check.SLACK_SCOPES, f"the token lacks {POSTING}", "Add the scope, and install the app again")
    if not scopes & set(READING):
        return advised(
            Check.SLACK_SCOPES,
            f"the token lacks {READING[0]}: a message whose answer was lost is not looked up",
            f"Add it ({READING[1]} for a private channel), and install the app again",
        )
    return passed(Check.SLACK_SCOPES, "may post and look up")


def judge_alerts(ways: Sequence[str]) -> Finding:
    """Whether people learn of what is critical. ``ways``: those that are set up, by name."""
    if not ways:
        return missing(Check.ALERTS, "nobody learns of what is critical", "Set up Slack, e-mail, or both")
    if len(ways) == 1:
        return advised(
            Check.ALERTS,
            f"{ways[0]} alone: what it does not take reaches nobody",
            "Set up a second way: e-mail, PagerDuty, or a webhook",
        )
    return passed(Check.ALERTS, ", ".join(ways))
