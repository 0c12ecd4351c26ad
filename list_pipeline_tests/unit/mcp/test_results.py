"""Documents of the MCP server: which texts are marked as those of others, and what none of them holds."""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from list_pipeline.core.errors import NotFoundError, TransientError
from list_pipeline.core.plans.gate import CheckSeverity, GateCheck
from list_pipeline.core.tokens import Role
from list_pipeline.mcp.errors import words_of, words_of_invalid, words_of_unforeseen
from list_pipeline.mcp.mode import ModeNow
from list_pipeline.mcp.plans import Approval
from list_pipeline.mcp.results import CLOSING, FOREIGN, OPENING, clean, document_of, schema_of, unmarked
from list_pipeline.mcp.reviews import QuestionDecided
from list_pipeline.mcp.server import TOOLS
from list_pipeline_tests.paths import CHECKOUT

OURS: Mapping[str, frozenset[str]] = {
    "AdvisorUse": frozenset({"agent"}),
    "Audit": frozenset({"next_cursor"}),
    "AuditRow": frozenset({"what", "campaign", "source"}),
    "BatchShown": frozenset({"places", "campaign", "words"}),
    "CalendarEntry": frozenset({"name", "campaign"}),
    "CampaignRow": frozenset({"key"}),
    "CheckRow": frozenset({"urgency"}),
    "ContactCard": frozenset({"headline"}),
    "DayReviewed": frozenset({"words"}),
    "DependencyShown": frozenset({"name"}),
    "DifferenceShown": frozenset({"positions"}),
    "Edited": frozenset({"content_hash"}),
    "FoundDifference": frozenset({"campaign"}),
    "GateCheck": frozenset({"name"}),
    "Happened": frozenset({"what"}),
    "ItemShown": frozenset({"contact", "rule", "from_list", "to_list"}),
    "LaunchShown": frozenset({"what", "campaign", "content_hash"}),
    "ListShown": frozenset({"label"}),
    "ListedFault": frozenset({"operator", "advice"}),
    "LogRow": frozenset({"campaign", "kind", "sweep", "run_id"}),
    "LookShown": frozenset({"what", "campaign", "content_hash", "next_step"}),
    "MaskedContact": frozenset({"contact"}),
    "MetricsDocument": frozenset({"requests", "jobs"}),
    "NotTakenShown": frozenset({"words"}),
    "PlanOfContact": frozenset({"content_hash", "rule"}),
    "PlanRow": frozenset({"campaign", "content_hash"}),
    "PlanShown": frozenset({"content_hash"}),
    "PositionShown": frozenset({"rule", "reason", "campaign"}),
    "ProposalShown": frozenset({"restriction", "shown", "refused_because"}),
    "QuarantinedContact": frozenset({"contact", "campaign"}),
    "QuestionDecided": frozenset({"words"}),
    "QuestionEntry": frozenset({"campaign", "content_hash"}),
    "ReplayedCampaign": frozenset({"key", "by_rule_set"}),
    "RequestShown": frozenset({"campaign", "week"}),
    "RuleSetFigures": frozenset({"name", "title"}),
    "SectionShown": frozenset({"title"}),
    "SenderFaults": frozenset({"campaign"}),
    "ShadowDifference": frozenset({"present_rule", "shadow_rule"}),
    "SplitPlanned": frozenset({"content_hash"}),
    "SplitShown": frozenset({"content_hash"}),
    "StateShown": frozenset({"machine", "state"}),
    "TriggerResult": frozenset({"words"}),
    "ValidationRow": frozenset({"campaign"}),
    "WorkflowFigures": frozenset({"workflow", "stages", "by_resource"}),
}
"""Fields whose texts this program makes of words, figures and keys of its own: a look at each is what this table is for."""


def parts(hint: Any) -> Iterator[Any]:
    """A type and everything that it is made of."""
    yield hint
    for one in typing.get_args(hint):
        yield from parts(one)


def is_document(part: Any) -> bool:
    """Whether a type has fields of its own."""
    is_class = isinstance(part, type) and not isinstance(part, types.GenericAlias)
    return is_class and (dataclasses.is_dataclass(part) or issubclass(part, BaseModel))


def texts(document: type, seen: set[type]) -> Iterator[tuple[str, str]]:
    """Every field below a document that may hold a text, by the names of its document and its own."""
    if document in seen:
        return
    seen.add(document)
    hints = typing.get_type_hints(document)
    names = document.model_fields if issubclass(document, BaseModel) else [f.name for f in dataclasses.fields(document)]
    for name in names:
        for part in parts(hints[name]):
            if part is str or part is typing.Any:
                yield document.__name__, name
            elif is_document(part):
                yield from texts(part, seen)


def test_every_text_in_an_answer_was_judged_to_be_ours_or_somebody_elses() -> None:
    seen: set[type] = set()
    found = {one for tool in TOOLS.values() for one in texts(tool.result, seen)}
    judged = {(document, name) for table in (FOREIGN, OURS) for document, names in table.items() for name in names}
    assert found - judged == set()
    assert judged - found == set()
    assert not {(d, n) for d, names in FOREIGN.items() for n in names} & {(d, n) for d, n in OURS.items() for n in n}
    assert len({one.__name__ for one in seen}) == len(seen), "two documents of one name would be judged as one"


@given(st.text(max_size=200))
def test_no_text_closes_its_mark_or_hides_anything(text: str) -> None:
    check = GateCheck("cap", True, CheckSeverity.INFO, text)
    shown = document_of(check)["words"]
    assert (shown[0], shown[-1]) == (OPENING, CLOSING)
    assert not {OPENING, CLOSING, "\x1b", "\u202e", "\u200b", "\x00"} & set(shown[1:-1])
    assert unmarked(shown) == shown[1:-1]
    shown.encode()


def test_what_is_marked_and_given_back_is_the_text_again() -> None:
    given_back = {"by": f"{OPENING}Ada{CLOSING}", "more": [f"{OPENING}x{CLOSING}", 1], "deep": {"a": f"{OPENING}y"}}
    assert unmarked(given_back) == {"by": "Ada", "more": ["x", 1], "deep": {"a": "y"}}


def test_a_document_is_as_its_schema_says_with_names_in_camel_case() -> None:
    document = document_of(QuestionDecided(number=1, status="approved", decided_by="Ada", words="51 of 1,122"))
    assert document == {
        "number": 1,
        "status": "approved",
        "decidedBy": f"{OPENING}Ada{CLOSING}",
        "words": "51 of 1,122",
    }
    jsonschema.validate(document, schema_of(QuestionDecided))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"mode": "off", "noChangeBecause": None}, schema_of(ModeNow))


def test_a_long_text_is_cut_and_an_address_is_left_out() -> None:
    assert len(clean("x" * 10_000)) == 2_000
    assert clean("from jane.doe@example.com") == "from [address]"


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_says_what_it_does_and_bounds_each_argument(name: str) -> None:
    tool = TOOLS[name]
    assert 40 <= len(tool.description) <= 700
    assert "\n" not in tool.description
    assert tool.is_changing == ("Needs the role" in tool.description)
    assert "```" not in tool.description
    jsonschema.Draft202012Validator.check_schema(tool.input_schema)
    jsonschema.Draft202012Validator.check_schema(tool.output_schema)
    text = json.dumps(tool.input_schema.get("properties", {}))
    assert text.count('"type": "integer"') <= text.count('"maximum"')
    for part in json.loads(text).values():
        for one in (part, *part.get("anyOf", ())):
            if one.get("type") == "string" and "enum" not in one:
                assert "maxLength" in one or "pattern" in one or "format" in one, (name, one)


def test_every_tool_is_documented_under_the_role_that_it_needs() -> None:
    rows = re.findall(
        r"^\| (\w+) \| (.+) \|$", (CHECKOUT / "docs" / "mcp.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    documented = {role: set(re.findall(r"`(\w+)`", words)) & set(TOOLS) for role, words in rows if role in tuple(Role)}
    for role in (Role.READER, Role.OPERATOR, Role.REVIEWER):
        assert documented[role] == {name for name, tool in TOOLS.items() if tool.role is role}
    assert documented[Role.ADMINISTRATOR] == {"set_mode"}


def test_who_decides_names_the_plan_that_they_saw_or_why() -> None:
    for tool in TOOLS.values():
        needed = set(tool.input_schema.get("required", ()))
        if tool.is_destructive:
            assert needed & {"contentHash", "present"} or tool.name == "suppress_contacts", tool.name
        if tool.is_changing and not tool.name.startswith(("trigger_", "approve_")):
            assert "reason" in needed, tool.name


def test_an_error_says_what_was_tried_what_happened_and_what_to_do_next() -> None:
    words = words_of(NotFoundError("Reading plan 7", "there is no such plan", "The list has their numbers"))
    assert words == "Tried: Reading plan 7.\nHappened: there is no such plan.\nNext: The list has their numbers."
    inside = words_of(TransientError("Reading", "the host db.internal does not answer", "Look at it"))
    assert "db.internal" not in inside
    assert "RuntimeError" not in words_of_unforeseen(RuntimeError("jane.doe@example.com"), "plan")


def test_what_was_sent_is_not_sent_back() -> None:
    sent = {"number": "jane.doe@example.com", "contentHash": "<b>", "jane.doe@example.com": 1}
    sent |= {f"more{n}": n for n in range(20)}
    with pytest.raises(ValidationError) as error:
        Approval.model_validate(sent)
    words = words_of_invalid(error.value, "approve_plan")
    assert "jane.doe" not in words
    assert "<b>" not in words
    assert "contentHash" in words
    assert "and 13 more" in words
