"""Statements: the closed set of sentences from which an advisor may choose, and what becomes of a choice.

Belongs here: the form of a statement, the catalogue of those that are true of some facts, and the choice of a model among
them. Does not belong here: the statements of one advisor (``core.reports.statements`` and its like), and asking (``agents``).

A model never writes to people. It names statements by their id; the sentences are ours, filled with figures by code, and only
those that are true of the facts stand in a catalogue. Whatever else an answer holds is dropped and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Weight(StrEnum):
    """How far it is a model's choice whether a statement is said."""

    FIRST = "first"
    """Said by code in any case, before everything else of its part."""
    ALWAYS = "always"
    """Said by code in any case; a choice can only put it further up."""
    USUAL = "usual"
    """Said by code where nothing of its part was chosen."""
    OFFERED = "offered"
    """Said only where it was chosen."""


@dataclass(frozen=True, slots=True)
class Form:
    """A statement before its figures are known: the part of a text that it belongs to, and its sentence with placeholders."""

    part: str
    sentence: str
    weight: Weight = Weight.OFFERED

    def filled(self, kind: StrEnum, about: object = "", **figures: str) -> Statement:
        """The statement with its figures.

        Args:
            about: what it is about, where it can be true of several things at once, e.g. ``list_2``.

        Raises:
            KeyError: a figure that the sentence names is not given.
        """
        suffix = f":{about}" if about != "" else ""
        return Statement(f"{kind.value}{suffix}", self.part, self.sentence.format(**figures), self.weight)


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that is true of the facts at hand.

    Attributes:
        id: the kind of statement and, behind a colon, what it is about; it names no contact and no campaign.
        part: the part of a text that it belongs to, e.g. ``concerns``.
    """

    id: str
    part: str
    text: str
    weight: Weight = Weight.OFFERED

    @property
    def is_fixed(self) -> bool:
        """Whether code says it, whatever a model chooses."""
        return self.weight in (Weight.FIRST, Weight.ALWAYS)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that may be said about some facts, in the order in which code says it by itself.

    Raises:
        ValueError: two statements have the same id.
    """

    statements: tuple[Statement, ...]

    def __post_init__(self) -> None:
        twice = [name for name, count in Counter(each.id for each in self.statements).items() if count > 1]
        if twice:
            raise ValueError(f"statements with the same id: {', '.join(twice)}")

    def of(self, *parts: str) -> tuple[Statement, ...]:
        """The statements of these parts."""
        return tuple(each for each in self.statements if each.part in parts)

    def ids(self, *parts: str) -> tuple[str, ...]:
        """The ids of the statements of these parts."""
        return tuple(each.id for each in self.of(*parts))

    def offered(self) -> dict[str, list[dict[str, Any]]]:
        """The statements as a model gets them, by part: id and sentence, and whether it is said in any case."""
        found: dict[str, list[dict[str, Any]]] = {}
        for each in self.statements:
            row: dict[str, Any] = {"id": each.id, "says": each.text}
            found.setdefault(each.part, []).append(row | ({"said_anyway": True} if each.is_fixed else {}))
        return found

    def choice(self, chosen: Mapping[str, Sequence[str]], also: Mapping[str, Sequence[str]] | None = None) -> Choice:
        """What a model chose, by part. An id that is not offered for its part is dropped, and so is a repeated one.

        Args:
            also: further parts whose statements may be chosen for a part.
        """
        picked: dict[str, tuple[Statement, ...]] = {}
        unknown = repeated = 0
        for part, ids in chosen.items():
            known = {each.id: each for each in self.of(part, *(also or {}).get(part, ()))}
            valid = [each for each in ids if each in known]
            distinct = dict.fromkeys(valid)
            unknown += len(ids) - len(valid)
            repeated += len(valid) - len(distinct)
            picked[part] = tuple(known[each] for each in distinct)
        return Choice(self, picked, unknown, repeated)

    @property
    def unchosen(self) -> Choice:
        """What code says by itself."""
        return Choice(self, {})


@dataclass(frozen=True, slots=True)
class Choice:
    """A model's choice among the statements of a catalogue, without whatever was none.

    Attributes:
        picked: by part, the most important first, each once.
        unknown: names that are no statement of their part; ``repeated``: statements that were named again.
    """

    catalogue: Catalogue
    picked: Mapping[str, tuple[Statement, ...]]
    unknown: int = 0
    repeated: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether no statement was chosen at all."""
        return not any(self.picked.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out and why, for the record."""
        notes = (
            (self.unknown, "choices name no statement that is true and offered there, and were dropped"),
            (self.repeated, "choices were repeated"),
        )
        return tuple(f"{count} {what}" for count, what in notes if count)

    def said(self, part: str, most: int) -> tuple[str, ...]:
        """The sentences of a part, at most so many and none twice: what code says in any case, then what was chosen.

        Without a choice of this part they are those that code says by itself. Nothing that code says in any case gives way to
        something else; where it is too much by itself, its last ones do.
        """
        own, picked = self.catalogue.of(part), self.picked.get(part, ())
        fixed = [each for each in own if each.is_fixed][:most]
        if not picked:
            usual = [each for each in own if each.weight is Weight.USUAL][: most - len(fixed)]
            return _texts((each for each in own if each in fixed or each in usual), most)
        place = {each.id: number for number, each in enumerate(picked)}
        fixed.sort(key=lambda each: (each.weight is not Weight.FIRST, place.get(each.id, len(place))))
        return _texts((*fixed, *(each for each in picked if not (each.is_fixed and each.part == part))), most)

    def texts(self, part: str) -> tuple[str, ...]:
        """The sentences that were chosen for a part, and no other."""
        return _texts(self.picked.get(part, ()), len(self.catalogue.statements))


def _texts(statements: Iterable[Statement], most: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.text for each in statements))[:most]
