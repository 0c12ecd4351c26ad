"""The stand-in for the model: an answer in the wanted schema, made of what the prompt offers. The same every time.

Belongs here: reading a prompt and filling a JSON schema. Does not belong here: what the advisors are told and
answer (``advisors``), other behaviours (``behaviours``), the wire (``service``).

It reads the last ``<data>...</data>`` block of the prompt as JSON. A question of one of the advisors, told by the
fields of its schema, is answered from the figures in that data. Whoever asks for another schema gets the smallest value
that fits, with one entry for each reference in the data where entries want a ``reference``.
"""

from __future__ import annotations

import json
import re
from typing import Any

from list_pipeline.sandbox.gemini.advisors import ANSWERS

_DATA = re.compile(r"<data>\s*(.*?)\s*</data>", re.DOTALL)

_MARKS = {
    "list_health": {"list_reference", "status", "urgency"},
    "optimization": {"judgements", "breakdown"},
    "rebalancing": {"requires_rebalancing", "target_distribution"},
    "reporting": {"executive_summary", "key_metrics"},
    "list_quality": {"bounce_analysis", "quality"},
    "delivery_analysis": {"technical_issues", "performance"},
    "comparison": {"insights", "trend"},
    "recommendation": {"recommendations", "predictions"},
    # After the report of a run, which has a summary too.
    "report_formatting": {"executive_summary"},
}
"""Fields of the wanted answer by which an advisor's question is told."""


def advisor_of(schema: dict[str, Any] | None) -> str:
    """The advisor whose question has this schema; empty for any other schema."""
    properties = set((schema or {}).get("properties") or {})
    return next((advisor for advisor, marks in _MARKS.items() if marks <= properties), "")


def data_of(prompt: str) -> Any:
    """The data of the prompt; an empty object when there is nothing readable."""
    blocks = _DATA.findall(prompt)
    try:
        return json.loads(blocks[-1]) if blocks else {}
    except ValueError:
        return {}


def is_asked_again(prompt: str) -> bool:
    """Whether words follow the data: somebody was not content with an answer."""
    return bool(prompt.rpartition("</data>")[2].strip()) and "</data>" in prompt


def compose_answer(prompt: str, schema: dict[str, Any] | None) -> Any:
    """A value of the schema, or a sentence when no schema is asked for."""
    data = data_of(prompt)
    if not schema:
        return prose(data)
    smallest = _value(schema, schema.get("$defs") or {}, data, "")
    advisor = advisor_of(schema)
    if not advisor or not isinstance(data, dict) or not isinstance(smallest, dict):
        return smallest
    known = ANSWERS[advisor](data)
    # Only fields that the schema has, in its order: what a reader of the schema would write.
    return {name: known.get(name, value) for name, value in smallest.items()}


def prose(data: Any) -> str:
    """A sentence about the counts in the data."""
    if isinstance(data, dict):
        counts = [
            f"{name.replace('_', ' ')} {value:,}"
            for name, value in data.items()
            if isinstance(value, int) and not isinstance(value, bool)
        ]
        if counts:
            return f"The figures are: {', '.join(counts[:5])}."
    return "Nothing in the data needs attention."


def _value(schema: dict[str, Any], definitions: dict[str, Any], data: Any, name: str, reference: str = "") -> Any:
    schema = _resolved(schema, definitions)
    if schema.get("enum"):
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    options = schema.get("anyOf") or schema.get("any_of")
    if options:
        return _value(options[0], definitions, data, name, reference)
    kind = str(schema.get("type", "")).casefold()
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        return {key: _value(each, definitions, data, key, reference) for key, each in properties.items()}
    if kind == "array":
        return _array(schema, definitions, data, name)
    if kind in ("number", "integer"):
        value = schema.get("minimum", 0)
        return int(value) if kind == "integer" else float(value)
    if kind == "boolean":
        return False
    return reference if reference and name == "reference" else prose(data)


def _array(schema: dict[str, Any], definitions: dict[str, Any], data: Any, name: str) -> list[Any]:
    wanted = _resolved(schema.get("items") or {}, definitions)
    if "reference" in (wanted.get("properties") or {}):
        return [_value(wanted, definitions, data, name, reference) for reference in references_in(data)]
    return [_value(wanted, definitions, data, name) for _ in range(int(schema.get("minItems", 0)))]


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    return dict(definitions[str(schema["$ref"]).rpartition("/")[2]])


def references_in(data: Any) -> list[str]:
    """Every reference in the data, in order."""
    if isinstance(data, dict):
        own = [data["reference"]] if isinstance(data.get("reference"), str) else []
        return own + [found for each in data.values() for found in references_in(each)]
    if isinstance(data, list):
        return [found for each in data for found in references_in(each)]
    return []
