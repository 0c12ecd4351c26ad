"""Holding a model's words against what it was given: no invented figure, no invented item, no link, no other language.

Belongs here: checks that every advisor needs. Does not belong here: what follows from a refused answer.

Figures are compared as values: "1,204", "1204" and "1204.0" are the same, and words from two to ninety count too. A
count cannot pass as a percentage. The guard cannot tell whether a true figure is used for the right thing; it sees to
it that none comes from nowhere.

Prose in another language is dropped rather than translated: the checks know English words for figures only, and the
readers of a report share English only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from list_pipeline.agents.language import is_english
from list_pipeline.agents.untrusted import visible
from list_pipeline.core.masking import redact_foreign_text

_NUMBER = re.compile(r"\d+(?:[.,' \u00a0\u202f]\d{3}(?!\d))*(?:[.,]\d+)?")
_REFERENCE = re.compile(r"\b[cg]\d+\b", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")
"""Between two sentences, or two lines."""
_UNITS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: Decimal(value) for value, word in enumerate(_UNITS.split(), start=2)} | {
    word: Decimal(value) for value, word in zip(range(20, 100, 10), _TENS.split(), strict=True)
}
_VAGUE = re.compile(
    r"\b(?:dozens?|hundreds?|thousands?|millions?|billions?|hal(?:f|v(?:es?|ed|ing))|(?:one|two)[- ](?:thirds?|fifths?)|"
    r"(?:a|one|three)[- ]quarters?|doubl(?:es?|ed|ing)|tripl(?:es?|ed|ing)|quadruple\w*|twice|thrice|\w+fold)\b",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"\s*(?:%|per ?cent\b|percentage\b)", re.IGNORECASE)
_MONEY = re.compile(r"[€$£¥]|\b(?:euros?|dollars?|pounds?|eur|usd|gbp)\b", re.IGNORECASE)
"""No input of ours holds money, so whoever speaks of it made it up."""
_LIVE = re.compile(
    r"://|\bwww\.|[<>@`]|\]\(|\[address\]|\bmailto:|\b[a-z0-9-]+\.[a-z]{2,}\b|(?<!\w)#[a-z]|(?<!\w)!(?:channel|here|everyone)\b|(?<!\w):\w+:",
    re.IGNORECASE,
)
"""What a chat turns into a link, a mention, a channel, an emoji or markup, host names included; and an address that was
redacted before the answer was read."""
_OFF_TOPIC = re.compile(
    r"\b(?:system prompt|(?:previous|prior|above|earlier|these) instructions?|language model|as an ai|passwords?|"
    r"credentials?|api[- ]?keys?)\b",
    re.IGNORECASE,
)
"""Talk of the question itself, and of secrets: no reader of a report needs either."""
_ORDER = re.compile(
    r"^\W*(?:please\s+)?(?:approve|ignore|disregard|bypass|override|delete|erase|disable|lift|skip)\b|"
    r"\bwithout (?:looking|reading|a review|checking)\b|\badd\b.{0,40}\bback\b",
    re.IGNORECASE,
)
"""An order to let something through or to take a safety away. Deciding is the reader's, and the gate's."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures that may be spoken of. ``percents`` may stand before a percent sign; a count may not."""

    numbers: frozenset[Decimal] = frozenset()
    percents: frozenset[Decimal] = frozenset()

    def hold(self, text: str) -> bool:
        """Whether every figure of a text is among these; not when one cannot be read."""
        found = _figures_of(text)
        if found is None:
            return False
        return found.percents <= self.percents and found.numbers <= self.numbers | self.percents


def figures_in(data: Any) -> Figures:
    """Every figure in a prompt's data, numbers inside its texts included.

    Percentages are the values named ``..._percent``, the shares (decimals from 0 to 1), and what a text calls one.
    """
    numbers: set[Decimal] = set()
    percents: set[Decimal] = set()

    def collect(value: Any, name: str) -> None:
        if isinstance(value, bool) or value is None:
            return
        if isinstance(value, int | float):
            exact = abs(Decimal(str(value)))
            (percents if name.endswith("_percent") else numbers).add(exact.normalize())
            if isinstance(value, float) and 0 <= value <= 1 and not name.endswith("_percent"):
                percents.add((exact * 100).normalize())
        elif isinstance(value, Mapping):
            for key, each in value.items():
                collect(each, str(key))
        elif isinstance(value, str):
            found = _figures_of(value) or Figures()
            numbers.update(found.numbers)
            percents.update(found.percents)
        elif isinstance(value, Sequence):
            for each in value:
                collect(each, name)

    collect(data, "")
    return Figures(frozenset(numbers), frozenset(percents))


def _figures_of(text: str) -> Figures | None:
    """The figures of a text; None when it holds one that cannot be read (fractions, superscripts, vague amounts)."""
    if _VAGUE.search(text):
        return None
    plain = unicodedata.normalize("NFC", text)
    if any(unicodedata.category(c) in ("No", "Nl") for c in plain):
        return None
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)
    plain = _REFERENCE.sub(" ", plain)
    numbers: set[Decimal] = set()
    percents: set[Decimal] = set()
    for found in _NUMBER.finditer(plain):
        try:
            value = _value(found.group()).normalize()
        except InvalidOperation:
            return None
        (percents if _PERCENT.match(plain, found.end()) else numbers).add(value)
    for found in re.finditer(r"[a-z]+", plain.casefold()):
        if found.group() in _WORDS:
            (percents if _PERCENT.match(plain, found.end()) else numbers).add(_WORDS[found.group()])
    return Figures(frozenset(numbers), frozenset(percents))


def _value(token: str) -> Decimal:
    grouped = re.sub(r"[,' \u00a0\u202f](?=\d{3}(?!\d))", "", token)
    return Decimal(grouped.replace(",", "."))


def grounded(prose: str, figures: Figures, references: Iterable[str] = ()) -> tuple[str, int]:
    """The sentences of a text that rest on the input, and how many were dropped.

    A sentence is dropped for a figure that is not in the input, an item that was not offered, money, an address, a
    link, a mention, talk of prompts or secrets, and when it is not English. Characters that cannot be seen are left
    out before anything is looked at.
    """
    offered = {reference.casefold() for reference in references}
    kept: list[str] = []
    dropped = 0
    for sentence in (part.strip() for part in SENTENCE_END.split(visible(prose))):
        if not sentence:
            continue
        named = {name.casefold() for name in _REFERENCE.findall(sentence)}
        # Full-width signs and the like look the same to people, and some programs treat them the same.
        plain = unicodedata.normalize("NFKC", sentence)
        if (
            not figures.hold(sentence)
            or not named <= offered
            or _LIVE.search(plain)
            or _MONEY.search(plain)
            or _OFF_TOPIC.search(plain)
            or _ORDER.search(plain)
            or redact_foreign_text(plain) != plain
            or not is_english(sentence)
        ):
            dropped += 1
        else:
            kept.append(" ".join(sentence.split()))
    return " ".join(kept), dropped


def misnamed(given: Sequence[str], offered: Sequence[str]) -> str | None:
    """Why a list of references cannot be about our items: one that was not offered, or one twice. None when it can."""
    known = set(offered)
    foreign = [reference for reference in given if reference not in known]
    if foreign:
        return f"{len(foreign)} of {len(given)} references were never offered"
    if len(set(given)) != len(given):
        return "a reference was judged more than once"
    return None
