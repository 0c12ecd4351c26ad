"""Figures of the policy that somebody wants to try, out of what was typed.

Does not belong here: the figures themselves and what each means (``core.suppression.policy``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.incidents.policy import IncidentPolicy
from list_pipeline.core.suppression.policy import SuppressionPolicy

_POLICY = TypeAdapter(SuppressionPolicy)
_INCIDENTS = "incidents"
_LARGEST = 1_000_000
"""No figure is larger: beyond it days are no longer dates."""


def figure_names() -> tuple[str, ...]:
    """Every figure that can be changed; those of the incident test begin with ``incidents.``."""
    own = [one.name for one in fields(SuppressionPolicy) if one.name != _INCIDENTS]
    return (*own, *(f"{_INCIDENTS}.{one.name}" for one in fields(IncidentPolicy)))


def changed_policy(present: SuppressionPolicy, changes: Mapping[str, str], tried: str) -> SuppressionPolicy:
    """The present policy with some figures changed.

    Args:
        changes: by the name of the figure (``figure_names``), as it was typed.
        tried: what is being done, for the error.

    Raises:
        RefusedError: there is no such figure, it is no number, or the policy does not allow it.
    """
    figures: dict[str, Any] = asdict(present)
    for name, value in changes.items():
        if name not in figure_names():
            raise RefusedError(
                tried, "a figure is named that the policy does not have", "`list-pipeline replay --list` names them"
            )
        owner, last = (figures[_INCIDENTS], name.partition(".")[2]) if "." in name else (figures, name)
        owner[last] = value
    try:
        found = _POLICY.validate_python(figures)
    except ValidationError as error:
        raise RefusedError(tried, _problem(error), "docs/policy.md has the figures with their limits") from None
    if any(abs(value) > _LARGEST for value in _numbers(found)):
        raise RefusedError(tried, f"a figure is above {_LARGEST:,}", "docs/policy.md has the figures with their limits")
    return found


def _numbers(policy: SuppressionPolicy) -> list[float]:
    figures = asdict(policy)
    return [*figures.pop(_INCIDENTS).values(), *figures.values()]


def _problem(error: ValidationError) -> str:
    """What is wrong, without the value: it was typed by somebody."""
    one = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, one["loc"]))
    what = str(one["msg"]).removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
