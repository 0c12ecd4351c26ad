"""Text that others wrote, on its way out of an answer: without what cannot be seen.

Belongs here: what is left of such a text. Does not belong here: a receiver's words in a prompt
(``core.bounces.smtp_vocabulary``), and which of our own sentences are said
(``core.statements``).
"""

from __future__ import annotations

import unicodedata

_INVISIBLE = frozenset({"Cf", "Cs", "Co", "Cn"})
"""Unicode's formats, among them right-to-left marks and characters of no width, and what is no character."""


def visible(text: str) -> str:
    """A text without characters that cannot be seen: they turn its direction round, or hide words from our checks.

    Controls become spaces, except the ends of lines and tabs.
    """
    spaced = "".join(" " if unicodedata.category(c) == "Cc" and c not in "\n\t" else c for c in text)
    return "".join(c for c in spaced if unicodedata.category(c) not in _INVISIBLE)
