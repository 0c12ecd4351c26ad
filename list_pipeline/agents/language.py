"""Whether a text of a model is English: by letters and function words, without a dictionary.

Belongs here: telling English from what is not. Does not belong here: what becomes of other prose (``guard``).
"""

from __future__ import annotations

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ENGLISH = _set(
    "about above after all and any are at be because been before below between but by can could does down each every "
    "few for from further had has have higher if into it its less lower many may more most much needs none not of off "
    "only or other out remain remains should since some stay stays still than that the their them then there these "
    "they this those to too under until up very were when which while who why with within without would"
)
_SHARED = _set("a also an as do in is list no on over per so was will")
"""English ones that other languages have too: they speak neither for nor against."""
_FOREIGN = _set(
    # Function words of German, French, Spanish, Italian, Dutch, Portuguese and Polish that are no English ones.
    "aber aus auf bei das dem den der des ein eine einen für haben ist kein keine mit nach nicht sich sind und von vor "
    "werden wird zu zum zur alle aucun aucune avec ce ces cette dans du elle est et il la le les leur mais ne nous par "
    "pas pour que qui sans sont sur un une vous con del desde el ella esta este las los más muy para pero por "
    "sin su sus una y al che della di gli nel più sono tutti uno aan deze dit een en het hij naar niet "
    "van voor wordt zijn ao da das em mais na nao nos ou pela sao uma jest nie są się z dla"
)
_WORD = re.compile(r"[^\W\d_]+")
_SHORT = 6
"""Words up to which a text may be a phrase without function words, e.g. "Hard bounces rising"."""


def is_english(sentence: str) -> bool:
    """Whether a sentence can be English, by its letters and function words.

    Rather strict with letters: nothing that an advisor is told holds other ones than a to z.
    """
    words = [word.casefold() for word in _WORD.findall(sentence)]
    if any(not word.isascii() for word in words):
        return False
    english, foreign = sum(word in _ENGLISH for word in words), sum(word in _FOREIGN for word in words)
    if foreign:
        return english > foreign
    return english > 0 or len(words) <= _SHORT or any(word in _SHARED for word in words)
