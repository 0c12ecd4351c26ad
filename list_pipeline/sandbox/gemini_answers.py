"""The stand-in for the model: an answer in the wanted schema, made of what the prompt offers. The same every time.

Belongs here: reading a prompt and filling a JSON schema. Does not belong here: the wire (``gemini``).

It reads the last ``<data>...</data>`` block of the prompt as JSON. Lists of objects that want a ``reference`` get one
entry for each reference found there; texts are short sentences about the counts in the data. Whoever asks for another
schema gets the smallest value that fits.
"""

from __future__ import annotations

import json
import re
from typing import Any

_DATA = re.compile(r"<data>\s*(.*?)\s*</data>", re.DOTALL)


def compose_answer(prompt: str, schema: dict[str, Any] | None) -> Any:
    """A value of the schema, or a sentence when no schema is asked for."""
    data = _data_of(prompt)
    if not schema:
        return _prose(data)
    return _value(schema, schema.get("$defs") or {}, data, name="", item=None)


def with_invented_references(answer: Any) -> Any:
    """The same answer, with every reference turned into one that does not exist, and one figure that nobody gave."""
    if isinstance(answer, list):
        return [with_invented_references(each) for each in answer] or []
    if isinstance(answer, dict):
        changed = {name: with_invented_references(each) for name, each in answer.items()}
        if "reference" in changed:
            changed["reference"] = f"x{changed['reference']}"
        for name, each in answer.items():
            if isinstance(each, list) and not each and "reference" not in changed:
                changed[name] = [
                    {"reference": "c999", "verdict": "hold", "confidence": None, "reason": "It looks odd."}
                ]
        return changed
    if isinstance(answer, str) and " " in answer:
        return f"{answer} This avoids 987,654 further bounces."
    return answer


def _data_of(prompt: str) -> Any:
    blocks = _DATA.findall(prompt)
    try:
        return json.loads(blocks[-1]) if blocks else {}
    except ValueError:
        return {}


def _value(
    schema: dict[str, Any], definitions: dict[str, Any], data: Any, name: str, item: dict[str, Any] | None
) -> Any:
    if "$ref" in schema:
        schema = definitions[str(schema["$ref"]).rpartition("/")[2]]
    if schema.get("enum"):
        return _choice([str(each) for each in schema["enum"]], item)
    if "const" in schema:
        return schema["const"]
    kind = str(schema.get("type", "")).casefold()
    options = schema.get("anyOf") or schema.get("any_of")
    if options:
        chosen = _value(options[0], definitions, data, name, item)
        return None if name == "confidence" and item is not None and not _is_doubtful(item) else chosen
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        return {key: _value(each, definitions, data, key, item) for key, each in properties.items()}
    if kind == "array":
        return _array(schema, definitions, data, name)
    if kind in ("number", "integer"):
        return _number(schema, kind, name, item)
    if kind == "boolean":
        return False
    return str(item["reference"]) if item is not None and name == "reference" else _text(name, data, item)


def _array(schema: dict[str, Any], definitions: dict[str, Any], data: Any, name: str) -> list[Any]:
    wanted = schema.get("items") or {}
    resolved = definitions[str(wanted["$ref"]).rpartition("/")[2]] if "$ref" in wanted else wanted
    if "reference" in (resolved.get("properties") or {}):
        return [_value(resolved, definitions, data, name, item) for item in _referenced(data)]
    return [_value(resolved, definitions, data, name, None) for _ in range(int(schema.get("minItems", 0)))]


def _referenced(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, dict):
        own = [data] if isinstance(data.get("reference"), str) else []
        return own + [found for each in data.values() for found in _referenced(each)]
    if isinstance(data, list):
        return [found for each in data for found in _referenced(each)]
    return []


def _is_doubtful(item: dict[str, Any]) -> bool:
    """A careful reader doubts where the receiver's own words call the state passing, or speak of a quota."""
    words = str(item.get("server_text", "")).casefold()
    return "temporar" in words or "try again" in words or "quota" in words


def _choice(options: list[str], item: dict[str, Any] | None) -> str:
    if item is not None:
        if _is_doubtful(item) and {"hold", "lower"} <= set(options):
            return "lower" if "quota" in str(item.get("server_text", "")).casefold() else "hold"
        if "agree" in options:
            return "agree"
    return options[0]


def _number(schema: dict[str, Any], kind: str, name: str, item: dict[str, Any] | None) -> int | float:
    low, high = schema.get("minimum", 0), schema.get("maximum")
    value = low if item is None or name not in item or not isinstance(item[name], int | float) else item[name]
    if name == "confidence" and item is not None and _is_doubtful(item):
        value = round(float(value) * 0.8, 2)
    value = min(value, high) if high is not None else value
    return int(value) if kind == "integer" else float(value)


def _text(name: str, data: Any, item: dict[str, Any] | None) -> str:
    if item is not None:
        return (
            "The receiver's words speak of a passing state, so waiting costs little."
            if _is_doubtful(item)
            else "The history of this contact supports the policy's decision."
        )
    groups = data.get("groups") if isinstance(data, dict) else None
    if name in ("rationale",) and isinstance(groups, list):
        return _rationale(groups)
    if name in ("expected_impact",):
        return "Fewer failed deliveries in the next round protect the sender's reputation, at no loss of reach."
    if name in ("executive_summary",) and isinstance(data, dict):
        return _summary(data)
    return _prose(data)


def _rationale(groups: list[dict[str, Any]]) -> str:
    acting = [group for group in groups if group.get("action") == "suppress"] or groups
    if not acting:
        return "No contact gave a reason to be suppressed."
    largest = max(acting, key=lambda group: int(group.get("contacts", 0)))
    why = str(largest.get("reason", "bounces")).replace("_", " ")
    return (
        f"The largest group are {largest.get('contacts', 0):,} contacts with {why} "
        f"at {largest.get('domains', 0):,} domains. "
        "Addresses that do not exist never come back, and mailing them again costs reputation with every send."
    )


def _summary(data: dict[str, Any]) -> str:
    suppressed, moved = data.get("suppressed") or {}, data.get("rebalanced") or {}
    parts = [
        f"{suppressed.get('confirmed', 0):,} contacts who cannot be reached were suppressed after this campaign.",
        f"{moved.get('confirmed', 0):,} contacts changed their list, so that the three lists stay comparable.",
    ]
    if suppressed.get("failed"):
        parts.append(f"{suppressed['failed']:,} suppressions failed and will be tried again.")
    elif data.get("sender_faults"):
        parts.append("Some refusals concern the sender and need a repair on our side.")
    return " ".join(parts)


def _prose(data: Any) -> str:
    if isinstance(data, dict):
        counts = [f"{name.replace('_', ' ')} {value:,}" for name, value in data.items() if isinstance(value, int)]
        if counts:
            return f"The figures are: {', '.join(counts[:5])}."
    return "Nothing in the data needs attention."
