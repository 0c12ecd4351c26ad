"""What tools are asked with: the shared arguments, each with its bounds and with words that a model can use.

Does not belong here: the arguments of one tool only (its noun).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from list_pipeline.core.plans.plan import Sweep

MOST = 2**31 - 1
"""The largest number of a row."""
LARGEST_ID = 10**18 - 1
"""The largest contact id that is understood."""
MOST_ENTRIES = 100
"""Entries of one page at the most."""
_KEY = r"^[\w.:-]+$"

Number = Annotated[int, Field(ge=1, le=MOST)]
ContactId = Annotated[int, Field(ge=1, le=LARGEST_ID, description="Mailjet's number of the contact.")]
Key = Annotated[
    str, Field(min_length=1, max_length=100, pattern=_KEY, description="The campaign's key, as `campaigns` lists it.")
]
KeyFilter = Annotated[
    str | None,
    Field(min_length=1, max_length=100, pattern=_KEY, description="Only of the campaign with this key."),
]
After = Annotated[int, Field(ge=0, le=MOST, description="`nextAfter` of the page before; 0: the first page.")]
AfterContact = Annotated[int, Field(ge=0, le=LARGEST_ID, description="`nextAfter` of the page before; 0: the first.")]
Limit = Annotated[
    int, Field(ge=1, le=MOST_ENTRIES, description="Entries of a page; a long page is cut to fewer, and goes on.")
]
ContentHash = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{8,64}$",
        description="The plan's `contentHash`, or its first 8 characters or more, as it was shown to you.",
    ),
]
Reason = Annotated[
    str,
    Field(min_length=1, max_length=500, description="Why, in the person's words; it is recorded. Without addresses."),
]
WhichSweep = Annotated[Sweep, Field(description="Which look at the campaign.")]
RepeatKey = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of yours: for 24 hours the same one gets the same answer, so that repeating is safe.",
    ),
]


class Arguments(BaseModel):
    """The arguments of a tool: names in camel case, nothing beside them accepted."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Nothing(Arguments):
    """No arguments."""


class Page(Arguments):
    """A page of entries, the newest first."""

    after: After = 0
    limit: Limit = 20
