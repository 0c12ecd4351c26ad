"""Comparing what people read with the closed set of statements, apart from the product's own way of choosing among them.

Belongs here: what is left of a text when every sentence that may be said is taken out. Does not belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Iterable


def left_over(texts: Iterable[str], sentences: Iterable[str]) -> list[str]:
    """The words of each text that belong to none of the sentences; empty when there are none."""
    longest_first = sorted({each for each in sentences if each}, key=len, reverse=True)
    found = []
    for text in texts:
        left = text
        for sentence in longest_first:
            left = left.replace(sentence, "")
        if left.strip(" ;."):
            found.append(left.strip())
    return found
