"""JSON columns: what a column holds is a frozen dataclass of ``core``, read and written here and nowhere else.

Belongs here: how any such dataclass becomes JSON and comes back. Does not belong here: which column holds which (the module
of its table). Rows are read that another version wrote: a key that is not known is left out, one that is missing gets the
default of its field, and a field without a default has been written by every version.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from list_pipeline.core.errors import ListPipelineError
from list_pipeline.storage.database import to_json

T = TypeVar("T")


class UnreadableRowError(ListPipelineError):
    """A stored row does not hold what its column is for. An error is never a default: nothing may be decided on it."""


class JsonColumn(Generic[T]):
    """One JSON column and the type of its values.

    Args:
        column: table and column, for the words of an error.
        kind: a dataclass, or any other type that pydantic can check, such as ``tuple[Finding, ...]``.
    """

    def __init__(self, column: str, kind: type[T]) -> None:
        self._column = column
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)

    def read(self, value: object) -> T:
        """The value of a row.

        Raises:
            UnreadableRowError: it is not what this column holds. The message names fields and no values.
        """
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            found = error.errors(include_input=False, include_url=False, include_context=False)
            first = f"{'.'.join(map(str, found[0]['loc'])) or 'the whole'}: {found[0]['type']}"
            raise UnreadableRowError(
                f"Reading a value of {self._column}",
                f"{len(found)} field(s) are not as they were written, first {first}",
                "Look at the row: something else than this product wrote it, or a later version",
            ) from None

    def plain(self, value: T) -> Any:
        """The value as JSON has it: objects, lists, strings and numbers. A field that holds another type is an error."""
        return self._adapter.dump_python(value, mode="json", warnings="error")

    def text(self, value: T) -> str:
        """The value as JSON text, for a parameter that is cast to ``jsonb`` or for COPY."""
        return to_json(self.plain(value))
