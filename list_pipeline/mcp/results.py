"""What leaves the server: documents of bounded size, in which every text of others is marked as data.

A language model reads an answer and may take a sentence in it for an instruction. So texts that people or other systems wrote
stand between ``OPENING`` and ``CLOSING``, which no such text can hold itself, and the server's instructions say what they
mean. What looks like an address, and control characters, leave it nowhere.

Belongs here: which fields those are, and the look of an answer. Does not belong here: what an answer holds (the nouns).
"""

from __future__ import annotations

import dataclasses
import json
import math
import unicodedata
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel
from pydantic_core import to_jsonable_python

from list_pipeline.core.foreign_text import tamed
from list_pipeline.core.masking import redact_addresses

OPENING, CLOSING = "⟦", "⟧"
MOST_CHARACTERS = 40_000
"""Of one answer as JSON: some ten thousand tokens."""
_LONGEST = 2_000
"""Characters of one text in an answer."""

FOREIGN: Mapping[str, frozenset[str]] = {
    "AuditRow": frozenset({"by", "about", "note"}),
    "CalendarEntry": frozenset({"title", "words"}),
    "CampaignRow": frozenset({"name"}),
    "ContactCard": frozenset({"answer"}),
    "Decided": frozenset({"decided_by", "approvals"}),
    "DependencyShown": frozenset({"details"}),
    "GateCheck": frozenset({"words"}),
    "Happened": frozenset({"words", "by"}),
    "ItemShown": frozenset({"why"}),
    "LaunchShown": frozenset(
        {"subject", "sender", "notes", "asked_by", "note", "decided_by", "decision_note", "words"}
    ),
    "LogRow": frozenset({"errors"}),
    "LookShown": frozenset({"name", "subject", "sender", "notes", "refused_because", "stopped_because"}),
    "ModeNow": frozenset({"no_change_because"}),
    "PlanShown": frozenset({"decided_by", "requested_by", "note", "approvals"}),
    "PlanRow": frozenset({"requested_by", "decided_by", "withdrawn_by"}),
    "QuestionDecided": frozenset({"decided_by"}),
    "QuestionEntry": frozenset({"summary", "decided_by", "note"}),
    "RequestShown": frozenset({"note", "requested_by", "words"}),
    "RuleResult": frozenset({"words", "action", "details"}),
    "SectionShown": frozenset({"lines"}),
    "ShadowShown": frozenset({"figures", "started_by", "reason", "ended_by", "ended_why", "words"}),
    "SplitShown": frozenset({"requested_by", "note"}),
    "Validation": frozenset({"left_because"}),
    "Waiting": frozenset({"no_change_because"}),
    "You": frozenset({"name"}),
}
"""Fields, by the name of their document, whose texts others wrote, or which repeat such a text within a sentence of ours."""


class Result(BaseModel):
    """A document of the server: its names in camel case. The read models of ``operations`` stand in it as they are."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


def schema_of(result: type[Result]) -> dict[str, Any]:
    """The JSON schema of an answer, without the words and titles that only people need."""
    schema: dict[str, Any] = _plain(TypeAdapter(result).json_schema(mode="serialization", by_alias=True))
    return schema


def document_of(value: object) -> Any:
    """A document as JSON has it: names in camel case, texts clean, those of others marked."""
    if isinstance(value, BaseModel):
        return _fields(value, type(value).model_fields)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value, [one.name for one in dataclasses.fields(value)])
    if isinstance(value, Mapping):
        return {clean(str(document_of(name))): document_of(part) for name, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [document_of(part) for part in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return to_jsonable_python(value)


def text_of(document: Any) -> str:
    """A document as one text."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def clean(text: str) -> str:
    """A text without addresses, control characters and what cannot be seen; none of it looks like the marks of a text of
    others."""
    shown = "".join(one for one in redact_addresses(tamed(text, _LONGEST)) if unicodedata.category(one) != "Cf")
    return shown.replace(OPENING, "[").replace(CLOSING, "]")


def marked(value: Any) -> Any:
    """The texts of a document marked as those of others, however deep they stand."""
    if isinstance(value, str):
        return f"{OPENING}{value}{CLOSING}"
    if isinstance(value, dict):
        return {name: marked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [marked(part) for part in value]
    return value


def unmarked(value: Any) -> Any:
    """Arguments as they were meant: a text that is given back with its marks is that text."""
    if isinstance(value, str):
        return value.replace(OPENING, "").replace(CLOSING, "")
    if isinstance(value, dict):
        return {name: unmarked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [unmarked(part) for part in value]
    return value


def _fields(value: object, names: Any) -> dict[str, Any]:
    foreign = FOREIGN.get(type(value).__name__, frozenset())
    found = {}
    for name in names:
        part = document_of(getattr(value, name))
        found[to_camel(name)] = marked(part) if name in foreign else part
    return found


def _plain(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            name: {each: _plain(one) for each, one in part.items()} if name in ("properties", "$defs") else _plain(part)
            for name, part in schema.items()
            if name in ("properties", "$defs") or not (name in ("title", "description") and isinstance(part, str))
        }
    return [_plain(part) for part in schema] if isinstance(schema, list) else schema
