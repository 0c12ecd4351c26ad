"""Holding a model's words against what it was given: no invented figure, no invented item, no link, no other language.

Belongs here: checks that every advisor needs, and those of reports: no figure that was not given, nothing planned told
as done. Does not belong here: what follows from a refused answer.

Figures are compared as values: "1,204", "1204" and "1204.0" are the same, and words from two to ninety count too. A
count cannot pass as a percentage. The guard cannot tell whether a true figure is used for the right thing; it sees to
it that none comes from nowhere.

Prose in another language is dropped rather than translated: the checks know English words for figures only, and the
readers of a report share English only.

It compares words and figures, it does not understand: a false sentence without a figure that names no change can pass.
That is why a message says whose words these are, beside the figures that code has put there.
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


MOST_ENTRIES = 5
"""Entries of a list, and figures put first."""
ENTRY_LIMIT = 300
"""Characters of an entry. A longer one loses whole sentences, never a part of one."""
SUMMARY_LIMIT = 800
MOST_SENTENCES = 3

_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+")

# Only forms that say something is over: "suppress" in a recommendation is a wish.
_SUPPRESSED = re.compile(r"\b(?:suppressed|removed|unsubscribed|excluded|deleted|cleaned|purged)\b", re.IGNORECASE)
_REBALANCED = re.compile(
    r"\b(?:rebalanced|moved|added|transferred|enrolled|redistributed|shifted|relocated|changed (?:their )?lists?)\b",
    re.IGNORECASE,
)
_HELD = re.compile(r"\b(?:held|kept back|set aside)\b", re.IGNORECASE)
_PASSIVE = re.compile(r"\b(?:were|was|been|got)\s+(?:(?:\w+ly|all|already|now|also|then)\s+)?$", re.IGNORECASE)
"""What stands before one of these where it cannot be a mere adjective."""
_NEVER_DONE = re.compile(
    r"\b(?:no|not|none|nobody|nothing|never|would|will|could|should|can|may|must|if|once|until|zero)\b|\b0\b",
    re.IGNORECASE,
)
_NOT_DONE = re.compile(
    rf"{_NEVER_DONE.pattern}|\b(?:without|plan|plans|planned|proposed|waits?|waiting|awaits?|pending|approv\w*|reject\w*|"
    r"fail\w*|to be)\b",
    re.IGNORECASE,
)
"""A planned change is no done one, but "the planned contacts were removed" says that they are gone."""
_EVERYBODY = re.compile(
    r"\b(?:all|every|everybody|everyone|each)\b(?!\s+(?:\d|of\b|(?:the\s+)?(?:two|three|lists?)\b))", re.IGNORECASE
)
_NOBODY = re.compile(r"\b(?:no|none|nobody|nothing|zero)\b|\b0\b", re.IGNORECASE)
_HAD_TO = re.compile(r"\b(?:had|has|have|needs?|needed) to be\b", re.IGNORECASE)
_AGAINST_POLICY = re.compile(
    r"\b(?:un-?suppress|re-?subscrib|reinstat|re-?activat|re-?add|restor)\w*|"
    r"\b(?:ignor|bypass|overrid|disabl|skip|circumvent|switch\w* off|turn\w* off)\w*\s+(?:\w+\s+){0,3}"
    r"(?:polic|rule|cap\b|gate|limit|safety|approval|review|check)\w*",
    re.IGNORECASE,
)
"""Advice to take suppressions back or to leave a safety rule out. People may do so; a model does not put it to them."""
_NO_COUNT = re.compile(r"\b(?:lists?|round|campaign|attempt)\s+\d+\b|\b(?:two|three|[23])\s+lists\b", re.IGNORECASE)
"""Figures that count no contacts."""


@dataclass(frozen=True, slots=True)
class Done:
    """How many contacts are confirmed to be changed, and were to be, in the time that is spoken of. ``..._parts``: by
    reason or kind."""

    suppressed: int = 0
    suppressed_parts: tuple[int, ...] = ()
    suppressions_planned: int = 0
    rebalanced: int = 0
    rebalanced_parts: tuple[int, ...] = ()
    rebalancings_planned: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class _Deed:
    """A kind of change, how people call it when it is done, and how much of it is confirmed: together, and in parts."""

    words: re.Pattern[str]
    planned: int
    confirmed: int
    parts: tuple[int, ...] = ()

    @property
    def counts(self) -> frozenset[Decimal]:
        """The figures that a sentence about the number of changes must name one of."""
        return frozenset(Decimal(count) for count in (self.confirmed, *self.parts))


class ReportGuard:
    """Lets through what rests on the results, and counts what does not."""

    def __init__(self, figures: Figures, done: Done) -> None:
        self._figures, self._done = figures, done
        self._deeds = (
            _Deed(_SUPPRESSED, done.suppressions_planned, done.suppressed, done.suppressed_parts),
            _Deed(_REBALANCED, done.rebalancings_planned, done.rebalanced, done.rebalanced_parts),
        )
        self._held = _Deed(_HELD, done.held, done.held)
        self._dropped = 0
        self._false = 0
        self._against = 0
        self._cut = 0

    def refusal(self, summary: str, known: str) -> str | None:
        """Why an answer cannot be used: nothing of its summary may stand. Counts nothing; ``known`` is what it is about."""
        is_usable = ReportGuard(self._figures, self._done).summary(summary)
        return None if is_usable else f"no sentence of the executive summary rests on the {known}"

    @property
    def notes(self) -> tuple[str, ...]:
        """The sentences that were left out and why, for the record."""
        notes = (
            (self._dropped, "sentences without ground in the input were dropped"),
            (self._false, "sentences told of changes what is not confirmed and were dropped"),
            (self._against, "sentences spoke against the policy and were dropped"),
            (self._cut, "sentences or entries were too many"),
        )
        return tuple(f"{count} {what}" for count, what in notes if count)

    def summary(self, prose: str) -> str:
        """At most three sentences; empty when none may stand."""
        return self._prose(prose, SUMMARY_LIMIT)

    def entry(self, prose: str) -> str:
        """An entry of a list without its bullet; empty when no sentence of it may stand."""
        return self._prose(_BULLET.sub("", prose), ENTRY_LIMIT)

    def entries(self, given: Sequence[str]) -> tuple[str, ...]:
        """At most five entries, each once, without those of which no sentence may stand."""
        distinct = list(dict.fromkeys(kept for kept in map(self.entry, given) if kept))
        self._cut += max(0, len(distinct) - MOST_ENTRIES)
        return tuple(distinct[:MOST_ENTRIES])

    def actions(self, given: Sequence[str]) -> tuple[str, ...]:
        """Entries that speak of something which is confirmed; whatever else a model calls an action, nobody did."""
        done = [deed for deed in (*self._deeds, self._held) if deed.confirmed]
        entries = self.entries(given)
        kept = tuple(entry for entry in entries if any(deed.words.search(entry) for deed in done))
        self._false += len(entries) - len(kept)
        return kept

    def _prose(self, prose: str, limit: int) -> str:
        text, dropped = grounded(prose, self._figures)
        self._dropped += dropped
        kept: list[str] = []
        for sentence in _SENTENCE.split(text):
            if not sentence:
                continue
            if self._is_false(sentence):
                self._false += 1
            elif _AGAINST_POLICY.search(sentence):
                self._against += 1
            elif len(kept) == MOST_SENTENCES or len(" ".join([*kept, sentence])) > limit:
                self._cut += 1
            else:
                kept.append(sentence)
        return " ".join(kept)

    def _is_false(self, sentence: str) -> bool:
        """Whether a sentence says of a change what is not so: that it is done, of how many, or that there was none."""
        spoken = figures_in(_NO_COUNT.sub(" ", sentence)).numbers
        for deed in self._deeds:
            found = list(deed.words.finditer(sentence))
            if not found:
                continue
            counts = spoken & deed.counts
            if _NOBODY.search(sentence[: found[-1].start()]) and not counts:
                if deed.confirmed or (deed.planned and _HAD_TO.search(sentence)):
                    return True
                continue
            is_passive = any(_PASSIVE.search(sentence[: each.start()]) for each in found)
            if (_NEVER_DONE if is_passive else _NOT_DONE).search(sentence):
                continue
            if not deed.confirmed or (not counts and (spoken or _EVERYBODY.search(sentence))):
                return True
        return False
