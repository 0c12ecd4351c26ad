"""The guard of reports: a model may name no figure that it was not given, and tell nothing planned as done.

Belongs here: the checks that only a report needs, on top of ``guard``. Does not belong here: what is asked.

It compares words and figures, it does not understand: a false sentence without a figure that names no change can pass.
That is why a message says whose words these are, beside the figures that code has put there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from list_pipeline.agents.guard import Figures, figures_in, grounded

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
