"""The picture of where the lists are: well formed, each list below its state, alarming states marked."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

from list_pipeline.core.list_states.machines import LifecycleState
from list_pipeline.defs.maintenance.state_picture import state_picture


def test_each_list_stands_below_its_state_and_an_alarming_state_is_marked() -> None:
    lists = {"List 1": "ready", "List 2": "ready", "List <3>": "needs_attention"}
    shown = state_picture("Life cycle", [state.value for state in LifecycleState], lists)
    encoded = shown.removeprefix("![Life cycle](data:image/svg+xml;base64,").removesuffix(")")
    drawing = base64.b64decode(encoded).decode()
    words = [text.text for text in ElementTree.fromstring(drawing).iter("{http://www.w3.org/2000/svg}text")]
    assert words.index("List 1") == words.index("ready") + 1
    assert words.index("List 2") == words.index("ready") + 2
    assert words.index("List <3>") == words.index("needs attention") + 1
    assert drawing.count("#f9d7d2") == 1
    assert len(shown) < 8_000
