"""What the routes have in common: how documents look, who may ask, and pages.

Does not belong here: any one route, the last look at what leaves the service (``answers``), and what a token is
(``operations.tokens``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from list_pipeline.api.guard import allowed
from list_pipeline.core.tokens import Principal, Role

MOST = 2**31 - 1
"""The largest number of a row."""
MOST_ENTRIES = 200
"""Entries of one page at the most."""

LARGEST_ID = 10**18 - 128
"""The largest contact id that is understood: 18 digits, and one that readers of JSON with floats alone have exactly."""

Number = Annotated[int, Path(ge=1, le=MOST)]
ContactId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="Mailjet's number of the contact.")]
Key = Annotated[
    str,
    Path(min_length=1, max_length=100, pattern=r"^[\w.:-]+$", description="The campaign's key, as campaigns list it."),
]
KeyFilter = Annotated[
    str | None,
    Query(min_length=1, max_length=100, pattern=r"^[\w.:-]+$", description="Only of the campaign with this key."),
]
After = Annotated[int, Query(ge=0, le=MOST, description="`nextAfter` of the page before; 0: the first page.")]
Limit = Annotated[int, Query(ge=1, le=MOST_ENTRIES, description="Entries of a page.")]

FeedReader = Annotated[Principal, Depends(allowed(Role.CALENDAR))]
Reader = Annotated[Principal, Depends(allowed(Role.READER))]
Operator = Annotated[Principal, Depends(allowed(Role.OPERATOR))]
Reviewer = Annotated[Principal, Depends(allowed(Role.REVIEWER))]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="For 24 hours the same key gets the same answer; with another body it is refused.",
    ),
]
Note = Annotated[
    str,
    Field(max_length=500, description="Why, for the record; without addresses.", examples=["looked at all of them"]),
]
Reason = Annotated[
    str,
    Field(
        min_length=1, max_length=500, description="Why: somebody will ask. Without addresses.", examples=["by phone"]
    ),
]
ContentHash = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{8,64}$",
        description="Of the plan that was shown, or its beginning.",
        examples=["0badc0de"],
    ),
]


class Model(BaseModel):
    """A document of the service: its names in camel case, nothing beside them accepted.

    The typed read models of ``operations`` stand in such documents as they are; they get their names in the same way.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


def shown_as(**example: Any) -> ConfigDict:
    """The configuration of a document with an example of it; an answer's names, in camel case."""
    schema: Mapping[str, Any] = {"examples": [example]}
    return ConfigDict(json_schema_extra=dict(schema))
