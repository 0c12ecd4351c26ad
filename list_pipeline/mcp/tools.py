"""What a tool is: a function on the operations with its arguments, its answer, and the role that it needs.

A tool's description, which a model reads, is the docstring of its function. Does not belong here: the tools (the nouns).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

from list_pipeline.core.tokens import Principal, Role
from list_pipeline.mcp.arguments import Arguments
from list_pipeline.mcp.results import Result, schema_of
from list_pipeline.operations.monitoring.latest_look import LatestLook
from list_pipeline.operations.services import Services

Run = Callable[["Call", Any], Result]


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the services of the process, the latest look at what they depend on, and who calls, as the token says."""

    services: Services
    look: LatestLook
    who: Principal


@dataclass(frozen=True)
class Tool:
    """A tool.

    Attributes:
        role: the least that a caller needs.
        is_changing: it writes something: a decision, a request, the mode.
        is_destructive: what it leads to takes something away from lists, or stops what runs.
        is_idempotent: repeated with the same arguments it does nothing more.
    """

    run: Run
    title: str
    role: Role
    is_changing: bool = False
    is_destructive: bool = False
    is_idempotent: bool = True

    @property
    def name(self) -> str:
        """What clients call it by."""
        return self.run.__name__

    @cached_property
    def description(self) -> str:
        """What a model reads about it, in one paragraph."""
        words = re.sub(r"\s+", " ", inspect.getdoc(self.run) or "")
        return f"{words} Needs the role {self.role.value}." if self.role is not Role.READER else words

    @cached_property
    def arguments(self) -> type[Arguments]:
        """The model of its arguments."""
        found: type[Arguments] = self._hints["asked"]
        return found

    @cached_property
    def result(self) -> type[Result]:
        """The model of its answer."""
        found: type[Result] = self._hints["return"]
        return found

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """The JSON schema of its arguments."""
        return self.arguments.model_json_schema(by_alias=True)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """The JSON schema of its answer."""
        return schema_of(self.result)

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.run)


def reading(run: Run, title: str) -> Tool:
    """A tool that shows something and changes nothing."""
    return Tool(run, title, Role.READER)


def deciding(run: Run, title: str, *, is_destructive: bool) -> Tool:
    """A tool by which the person of the token decides."""
    return Tool(run, title, Role.REVIEWER, is_changing=True, is_destructive=is_destructive)


def starting(run: Run, title: str, *, is_destructive: bool = False, is_idempotent: bool = True) -> Tool:
    """A tool that starts work, or stops changes, and decides nothing."""
    return Tool(run, title, Role.OPERATOR, is_changing=True, is_destructive=is_destructive, is_idempotent=is_idempotent)
