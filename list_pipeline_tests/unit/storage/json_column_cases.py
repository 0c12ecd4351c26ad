"""What the tests of JSON columns share: values of any dataclass, and rows as the version before wrote them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from hypothesis import strategies as st

# JSON has no infinity, and PostgreSQL's text no zero byte and no half of a character.
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(
    str, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
)
st.register_type_strategy(Mapping, lambda kind: st.dictionaries(*map(st.from_type, get_args(kind)), max_size=4))
_SECONDS = st.integers(1_600_000_000, 2_000_000_000)
st.register_type_strategy(datetime, _SECONDS.map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))

BEFORE: dict[str, Any] = json.loads(Path(__file__).with_name("rows_of_the_version_before.json").read_text("utf-8"))
"""Values of JSON columns by table, as the version before wrote them into its rehearsal account."""
