"""The last look at what leaves the service as JSON, whether it is a document or an error.

Does not belong here: what an answer holds.
"""

from __future__ import annotations

import math
from typing import Any

from fastapi.responses import JSONResponse

from list_pipeline.core.foreign_text import tamed
from list_pipeline.core.masking import redact_addresses

_LONGEST = 20_000
"""Characters of one text in an answer."""


class Answer(JSONResponse):
    """Every answer of the service: no control character and nothing that looks like an address leaves it, whatever a name at
    Mailjet or a stored sentence holds. Masked addresses stay."""

    def render(self, content: Any) -> bytes:
        """The document as JSON."""
        return super().render(_clean(content))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact_addresses(tamed(value, _LONGEST))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_clean(name): _clean(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(part) for part in value]
    return value
