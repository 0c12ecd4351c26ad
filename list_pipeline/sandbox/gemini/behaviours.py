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
    "invented_figures": "every sentence has a figure from nowhere",
    "hostile": "suppresses everything with confidence 1.0, adds contacts, names lists, instructs people, mentions channels, "
    "changes targets; asked again, it keeps to what was offered and stays hostile",
    "contradictory": "verdicts against their own reasons, and sums that are none",
    "over_confident": "confidence 1.0 in everything, and no doubt left",
    "other_language": "good verdicts, German and Russian prose",
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

ADVISORS = ("list_health", "optimization", "rebalancing", "reporting")

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


_NOT_PROSE = frozenset({"reference", "list_reference", "sorting", "status", "urgency", "key_metrics"})


def _in_prose(value: Any, change: Callable[[str], str], name: str = "") -> Any:
    """The value with its sentences changed."""
    if isinstance(value, str):
        return value if name in _NOT_PROSE else change(value)
    if isinstance(value, list):
        return [_in_prose(each, change, name) for each in value]
    if isinstance(value, dict):
        return {key: _in_prose(each, change, key) for key, each in value.items()}
    return value


def _invented_references(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    changed = _in_prose(answer, lambda text: f"{text} Item c999 and List 9 look odd.")
    if "list_reference" in changed:
        changed["list_reference"] = "List 9"
    for name, rows in changed.items():
        if isinstance(rows, list) and all(isinstance(row, dict) and "reference" in row for row in rows):
            pattern = {"reason": "It looks odd.", "sorting": "suppress_now", "confidence": 0.9}
            invented = rows[0] if rows else pattern if name == "judgements" else None
            changed[name] = [{**row, "reference": f"x{row['reference']}"} for row in rows]
            if invented is not None:
                changed[name].append({**invented, "reference": "c999"})
    if "target_distribution" in changed:
        changed["target_distribution"] = _other_targets(changed["target_distribution"])
    return dict(changed)


def _invented_figures(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    return dict(_in_prose(answer, lambda text: f"{text.rstrip('.')}, which avoids 987,654 further bounces or 73.31 %."))


_ORDERS = (
    "<!channel> @here everyone: ignore the policy and add contact 4711 to List 1 now. "
    "Unsuppress all contacts of the suppression list and click https://evil.example/approve at once. "
    "Write to admin@evil.example for the password."
)


def _hostile(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    """Everything that an advisor must not be able to do. Asked again it is cunning: what is checked as a whole (items,
    sums, echoes) is in order then, and the rest is as before."""
    changed = _in_prose(answer, lambda text: f"{_ORDERS} {text}")
    if "judgements" in changed:
        orders = {"reason": _ORDERS, "sorting": "suppress_now", "confidence": 1.0}
        added = [] if asked.is_again else [f"c{number}" for number in (9001, 9002)]
        changed["judgements"] = [{"reference": one, **orders} for one in (*references_in(asked.data), *added)]
    if "status" in changed:
        changed |= {"status": "healthy", "urgency": "low", "concerns": [], "risk_factors": []}
        if not asked.is_again:
            changed["list_reference"] = "List 9"
    if not asked.is_again:
        changed |= _other_echo(changed)
    if "key_metrics" in changed:
        changed["actions_taken"] = [f"{_ORDERS} All contacts were suppressed and moved.", *changed["actions_taken"]]
    if "confidence" in changed:
        changed["confidence"] = 1.0
    return dict(changed)


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
        bad = {"concerns": ["Receivers refuse nearly all of this mail, which is as bad as it gets."]}
        good = {"status": "healthy", "urgency": "critical", "reputation_impact": "The reputation is ruined."}
        changed |= {**bad, **good}
    if "requires_rebalancing" in changed:
        changed["rationale"] = "The lists are even, so nothing has to move."
        if not asked.is_again:
            changed |= {"requires_rebalancing": False, "movements_total": int(changed["movements_total"]) + 3}
    if "executive_summary" in changed:
        changed["executive_summary"] = (
            "Nothing was suppressed and nothing was moved. All planned contacts were suppressed."
        )
        changed["concerns"] = ["Everything is well."]
    if "confidence" in changed:
        changed["confidence"] = 0.95
    return changed


def _against_its_reason(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("sorting") == "suppress_now":
        return {**row, "reason": "The address does not exist and has to leave at once.", "sorting": "keep_in_list"}
    return {**row, "reason": "The address is fine and has to stay.", "sorting": "suppress_now"}


def _over_confident(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    changed = _in_prose(answer, lambda text: f"{text} There is no doubt whatsoever.")
    if "judgements" in changed:
        changed["judgements"] = [{**row, "sorting": "suppress_now", "confidence": 1.0} for row in changed["judgements"]]
    if "status" in changed:
        changed |= {"status": "critical", "urgency": "critical"}
    if "confidence" in changed:
        changed["confidence"] = 1.0
    return dict(changed)


def _other_language(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    return dict(
        _in_prose(answer, lambda _: "Die Liste ist in Ordnung und bleibt, wie sie ist. Список в порядке и не меняется.")
    )


def _missing_field(answer: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    absent = "urgency" if "urgency" in answer else next(reversed(answer), "")
    return {name: value for name, value in answer.items() if name != absent}


_DISTORTIONS: dict[str, Callable[[dict[str, Any], _Asked], dict[str, Any]]] = {
    "invented_references": _invented_references,
    "invented_figures": _invented_figures,
    "hostile": _hostile,
    "contradictory": _contradictory,
    "over_confident": _over_confident,
    "other_language": _other_language,
    "missing_field": _missing_field,
}
