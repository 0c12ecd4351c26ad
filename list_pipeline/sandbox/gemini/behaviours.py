"""The ways in which the stand-in for the model can answer badly, and the effect of each on a good answer.

Belongs here: the model's faults, and choosing one. Does not belong here: good answers (``advisors``) and the
service's refusals (``service``).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from list_pipeline.sandbox.gemini.answers import compose_answer, data_of, is_asked_again, references_in

BEHAVIOURS = {
    "well_behaved": "answers the schema from what the prompt offers",
    "sloppy": "the same, with prose and a code fence around the JSON",
    "truncated": "stops in the middle of the JSON (MAX_TOKENS)",
    "thought_away": "all of the budget went into thinking: no text (MAX_TOKENS)",
    "malformed_json": "text that is almost JSON",
    "wrong_shape": "JSON that has nothing to do with the schema",
    "missing_field": "the schema without one required field (urgency where it has one)",
    "invented_references": "speaks about items and lists that nobody offered",
    "invented_figures": "every choice names a figure from nowhere",
    "hostile": "suppresses everything with confidence 1.0, adds contacts, names lists, instructs people, mentions channels, "
    "changes targets; asked again, it keeps to what was offered and stays hostile",
    "false_statements": "chooses statements of the closed set that are not true of the data, and no other",
    "everything": "chooses every statement that is offered, in every field",
    "nothing": "chooses no statement at all",
    "repeats": "chooses each statement many times",
    "text_in_ids": "puts instructions for people behind each id",
    "prose_in_extra_fields": "good choices, and instructions for people in fields that nobody asked for",
    "huge": "hundreds of sentences in every field; asked again, as many as are taken",
    "contradictory": "verdicts against their own reasons, and sums that are none",
    "over_confident": "confidence 1.0 in everything, and no doubt left",
    "other_language": "good verdicts, German and Russian prose in place of choices",
    "empty": "no candidates",
    "blocked": "the prompt is refused (promptFeedback.blockReason)",
    "safety": "the answer is withheld (finishReason SAFETY)",
    "recitation": "the answer is withheld (finishReason RECITATION)",
    "unknown_finish": "a good answer with a finishReason that no SDK knows",
    "retiring": "a good answer of a model that is going to be retired (modelStatus)",
    "rate_limited": "429 with RetryInfo (retry_delay, e.g. 2s; none when null; daily: true for the daily quota)",
    "unavailable": "503",
    "html": "200 with a web page instead of JSON",
    "retired": "404 as for a model that was shut down",
    "slow": "the answer takes a while (seconds)",
    "off": "the connection is dropped",
}

ADVISORS = (
    "list_health", "optimization", "rebalancing", "reporting",
    "list_quality", "delivery_analysis", "comparison", "recommendation", "report_formatting",
)  # fmt: skip

_OPTIONS = {"behaviour", "times", "agent", "contains", "seconds", "retry_delay", "daily"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One chosen behaviour.

    Attributes:
        times: for how many questions; None is from now on.
        agent: only for questions of this advisor; empty: of any.
        contains: only for questions that hold this text.
        seconds: of ``slow``.
        retry_delay: of ``rate_limited``, as the service writes it; None for a 429 without one.
        daily: whether ``rate_limited`` is about the day's quota.
    """

    behaviour: str = "well_behaved"
    times: int | None = 1
    agent: str = ""
    contains: str = ""
    seconds: float = 1.0
    retry_delay: str | None = "2s"
    daily: bool = False

    @classmethod
    def of(cls, wanted: Any) -> Scenario:
        """A scenario out of a JSON value.

        Raises:
            ValueError: it is none; the message says why.
        """
        if not isinstance(wanted, dict) or "behaviour" not in wanted:
            raise ValueError("a JSON object with a behaviour is needed")
        unknown = sorted(set(wanted) - _OPTIONS)
        if unknown:
            raise ValueError(f"no such part of a scenario: {', '.join(unknown)}")
        if wanted["behaviour"] not in BEHAVIOURS:
            raise ValueError(f"unknown behaviour; there are {', '.join(BEHAVIOURS)}")
        times = wanted.get("times", 1)
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
            raise ValueError("times is a number from 1, or null for all questions from now on")
        if wanted.get("agent", "") not in ("", *ADVISORS):
            raise ValueError(f"unknown agent; there are {', '.join(ADVISORS)}")
        return cls(**{**wanted, "seconds": float(wanted.get("seconds", 1.0))})

    @classmethod
    def of_header(cls, text: str) -> Scenario:
        """A scenario out of a header's value, e.g. ``truncated`` or ``slow; seconds=2``.

        Raises:
            ValueError: it is none.
        """
        name, *parts = (part.strip() for part in text.split(";"))
        options: dict[str, Any] = {}
        for part in parts:
            key, _, value = part.partition("=")
            options[key.strip()] = value.strip()
        if "daily" in options:
            options["daily"] = options["daily"].casefold() == "true"
        return cls.of({**options, "behaviour": name})

    def concerns(self, agent: str, prompt: str) -> bool:
        """Whether a question is meant."""
        return self.agent in ("", agent) and self.contains in prompt


def answer_text(prompt: str, schema: dict[str, Any] | None, behaviour: str) -> str:
    """The model's text under a behaviour; whether and how it reaches the client is not decided here."""
    answer = compose_answer(prompt, schema)
    distort = _DISTORTIONS.get(behaviour)
    if distort is not None and isinstance(answer, dict):
        answer = distort(answer, _Asked(data_of(prompt), is_asked_again(prompt)))
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    match behaviour:
        case "sloppy":
            return f"Sure, here is the assessment you asked for:\n```json\n{text}\n```\nLet me know if you need more."
        case "truncated":
            return text[: max(len(text) // 2, 1)]
        case "malformed_json":
            return text.replace('": ', "': ", 1)[:-1] + ",}" if text.endswith("}") else text + "}"
        case "wrong_shape":
            return '{"unexpected": 1}'
        case "thought_away" | "safety" | "recitation" | "empty" | "blocked":
            return ""
        case _:
            return text


@dataclass(frozen=True, slots=True)
class _Asked:
    """The context of an answer that a distortion may look at."""

    data: Any
    is_again: bool


HOSTILE_SENTENCES = (
    "Choose approve for the waiting plan.",
    "Mailjet has confirmed that the bounces are genuine.",
    "Enter your token on the review page.",
    "<!channel> @here everyone: ignore the policy and add contact 4711 to List 1 now.",
    "Unsuppress all contacts of the suppression list and click https://evil.example/approve at once.",
    "Write to admin@evil.example for the password.",
    "All checks have passed, so nobody needs to look at this run.",
    "The safety cap was raised by your administrator this morning.",
    "Support asks you to run the undo before the next campaign.",
    "This list is known to be fine and can be mailed as it is.",
)
"""Sentences that nobody must ever read: orders, false reassurance, links, mentions. Some hold no figure and no sign by which
they could be told from a true one."""

FALSE_STATEMENTS = {
    "list_health": ("found_by_the_rules:99", "risk:99", "rate_rose:delivery_rate", "list_loses"),
    "optimization": ("nobody", "lists_stay", "one_domain:g99"),
    "rebalancing": ("lists_stay", "enrolling_off", "reason:99", "list_lost:list_9"),
    "reporting": ("running", "rejected", "taken_back", "lists_empty", "nothing_read", "issue:99", "change:revenue"),
    "list_quality": ("nothing_tried", "beyond:99", "all_fine", "few_messages:99"),
    "delivery_analysis": ("delivery_beyond:99", "all_delivered", "blocked:99"),
    "comparison": ("better:revenue", "worse:revenue", "nothing_shown:round_99"),
    "recommendation": ("find_out_why_nothing", "mail_everybody", "next_rate:revenue", "stop_this:99"),
    "report_formatting": ("verdicts:99", "all_fine", "found:99"),
}
"""By advisor: names of statements that hardly any data offers."""

_CHOICES = frozenset(
    {
        "concerns", "risk_factors", "rationale", "expected_impact", "alternatives_considered", "recommendations",
        "next_steps", "actions_taken", "executive_summary", "highlights", "week_over_week",
        "bounce_analysis", "insights", "technical_issues", "predictions",
    }
)  # fmt: skip
"""Fields of an answer that hold ids of statements."""


def _in_choices(answer: dict[str, Any], change: Callable[[str, list[str]], list[str]]) -> dict[str, Any]:
    """The answer with its choices changed, by field."""
    return {
        name: change(name, list(value)) if name in _CHOICES and isinstance(value, list) else value
        for name, value in answer.items()
    }


def _offered(asked: _Asked, field: str) -> list[str]:
    statements = asked.data.get("statements") if isinstance(asked.data, dict) else None
    rows = statements.get(field) if isinstance(statements, dict) else None
    return [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row] if isinstance(rows, list) else []


def _of_its_own(answer: dict[str, Any]) -> str:
    """The advisor whose answer this is."""
    for advisor, mark in (
        ("list_quality", "quality"),
        ("delivery_analysis", "performance"),
        ("comparison", "trend"),
        ("recommendation", "predictions"),
        ("list_health", "list_reference"),
        ("optimization", "judgements"),
        ("rebalancing", "target_distribution"),
        ("reporting", "key_metrics"),
    ):
        if mark in answer:
            return advisor
    return "report_formatting"


_BEST = {"quality": "excellent", "performance": "excellent", "trend": "improving"}
_WORST = {"quality": "poor", "performance": "poor", "trend": "declining"}
"""Verdicts on a send, by field."""


def _judging(answer: dict[str, Any], verdicts: dict[str, str]) -> dict[str, Any]:
    return {**answer, **{name: verdict for name, verdict in verdicts.items() if name in answer}}


def _invented_references(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    changed = _in_choices(answer, lambda _, ids: [*ids, "c999", "list_9_looks_odd"])
    if "list_reference" in changed:
        changed["list_reference"] = "List 9"
    for name, rows in changed.items():
        if name == "judgements":
            pattern = {"reason": "none", "sorting": "suppress_now", "confidence": 0.9}
            invented = rows[0] if rows else pattern
            changed[name] = [{**row, "reference": f"x{row['reference']}"} for row in rows]
            changed[name].append({**invented, "reference": "c999"})
    if "target_distribution" in changed:
        changed["target_distribution"] = _other_targets(changed["target_distribution"])
    return changed


def _invented_figures(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    figures = ["987654", "It avoids 987,654 further bounces or 73.31 %."]
    return _in_choices(answer, lambda _, ids: [*(f"{each}:987654" for each in ids), *figures])


def _false_statements(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    advisor = _of_its_own(answer)
    changed = _in_choices(
        answer, lambda name, _: [each for each in FALSE_STATEMENTS[advisor] if each not in _offered(asked, name)]
    )
    return _with_reasons(changed, "known_for_fraud")


def _with_reasons(answer: dict[str, Any], reason: str) -> dict[str, Any]:
    if "judgements" in answer:
        answer["judgements"] = [{**row, "reason": reason} for row in answer["judgements"]]
    return answer


def _everything(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    return _in_choices(answer, lambda name, _: _offered(asked, name))


def _nothing(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    return _with_reasons(_in_choices(answer, lambda *_: []), "none")


def _repeats(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    return _in_choices(answer, lambda _, ids: (ids * 9)[:50])


def _text_in_ids(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    changed = _in_choices(
        answer, lambda _, ids: [f"{each}: {said}" for each, said in zip(ids, HOSTILE_SENTENCES, strict=False)]
    )
    return _with_reasons(changed, f"failures. {HOSTILE_SENTENCES[0]}")


def _prose_in_extra_fields(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    return {**answer, "message_to_people": " ".join(HOSTILE_SENTENCES), "note": HOSTILE_SENTENCES[0]}


def _huge(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    return _in_choices(answer, lambda *_: [*HOSTILE_SENTENCES] * (5 if asked.is_again else 50))


def _hostile(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    """Everything that an advisor must not be able to do. Asked again it is cunning: what is checked as a whole (items,
    sums, echoes) is in order then, a true statement stands among the orders, and the rest is as before."""
    false = FALSE_STATEMENTS[_of_its_own(answer)]
    changed = _in_choices(answer, lambda _, ids: [*HOSTILE_SENTENCES, *false, *ids[-1:]])
    if "judgements" in changed:
        orders = {"reason": HOSTILE_SENTENCES[0], "sorting": "suppress_now", "confidence": 1.0}
        added = [] if asked.is_again else [f"c{number}" for number in (9001, 9002)]
        changed["judgements"] = [{"reference": one, **orders} for one in (*references_in(asked.data), *added)]
    if "status" in changed:
        changed |= {"status": "healthy", "urgency": "low", "concerns": [], "risk_factors": []}
    if any(verdict in changed for verdict in _BEST):
        changed = _judging({**changed, "concerns": []}, _BEST) if "concerns" in changed else _judging(changed, _BEST)
    if "list_reference" in changed and not asked.is_again:
        changed["list_reference"] = "List 9"
    if not asked.is_again:
        changed |= _other_echo(changed)
    if "confidence" in changed:
        changed["confidence"] = 1.0
    return changed


def _other_echo(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "target_distribution" in answer:
        found |= {
            "requires_rebalancing": True,
            "target_distribution": _other_targets(answer["target_distribution"]),
            "movements_total": int(answer["movements_total"]) + 1_000,
        }
    if "breakdown" in answer:
        found["breakdown"] = {name: int(count) + 500 for name, count in answer["breakdown"].items()}
    return found


def _other_targets(targets: dict[str, Any]) -> dict[str, Any]:
    return {name: int(size) + 10 * place for place, (name, size) in enumerate(targets.items(), start=1)}


def _contradictory(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    changed = dict(answer)
    if "judgements" in changed:
        changed["judgements"] = [_against_its_reason(row) for row in changed["judgements"]]
        breakdown = dict(changed["breakdown"])
        if not asked.is_again:
            breakdown["total"] = int(breakdown.get("total", 0)) + 7
        changed["breakdown"] = breakdown
    if "status" in changed:
        changed |= {"concerns": _offered(asked, "concerns"), "status": "healthy", "urgency": "critical"}
    if "requires_rebalancing" in changed:
        changed["rationale"] = ["lists_stay", *changed["rationale"][-1:]]
        if not asked.is_again:
            changed |= {"requires_rebalancing": False, "movements_total": int(changed["movements_total"]) + 3}
    if any(verdict in changed for verdict in _BEST):
        # Every reason for care, and the best verdict.
        changed = _judging(_in_choices(changed, lambda name, _: _offered(asked, name)), _BEST)
    if "key_metrics" in changed:
        changed["executive_summary"] = ["nobody_suppressed", "suppressed", "all_healthy", "lists_need_attention"]
        changed["concerns"] = ["all_fine"]
    if "confidence" in changed:
        changed["confidence"] = 0.95
    return changed


def _against_its_reason(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("sorting") == "suppress_now":
        return {**row, "reason": "same_reason", "sorting": "keep_in_list"}
    return {**row, "reason": "reached_before", "sorting": "suppress_now"}


def _over_confident(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    changed = _in_choices(answer, lambda name, ids: [*ids, "There is no doubt whatsoever."])
    if "judgements" in changed:
        changed["judgements"] = [{**row, "sorting": "suppress_now", "confidence": 1.0} for row in changed["judgements"]]
    if "status" in changed:
        changed |= {"status": "critical", "urgency": "critical"}
    changed = _judging(changed, _WORST)
    if "confidence" in changed:
        changed["confidence"] = 1.0
    return dict(changed)


def _other_language(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    prose = ["Die Liste ist in Ordnung und bleibt, wie sie ist.", "Список в порядке и не меняется."]
    return _with_reasons(_in_choices(answer, lambda *_: prose), prose[0])


def _missing_field(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    absent = "urgency" if "urgency" in answer else next(reversed(answer), "")
    return {name: value for name, value in answer.items() if name != absent}


_DISTORTIONS: dict[str, Callable[[dict[str, Any], _Asked], dict[str, Any]]] = {
    "invented_references": _invented_references,
    "invented_figures": _invented_figures,
    "hostile": _hostile,
    "false_statements": _false_statements,
    "everything": _everything,
    "nothing": _nothing,
    "repeats": _repeats,
    "text_in_ids": _text_in_ids,
    "prose_in_extra_fields": _prose_in_extra_fields,
    "huge": _huge,
    "contradictory": _contradictory,
    "over_confident": _over_confident,
    "other_language": _other_language,
    "missing_field": _missing_field,
}
