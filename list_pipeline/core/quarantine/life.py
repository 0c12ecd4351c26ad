"""The words of a quarantine: why it was begun, where it is in its life, and which state may follow which.

Belongs here: these words. Does not belong here: who is put there (``judgement``), and the rows (``storage.quarantine``).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from list_pipeline.core.life_cycles import life_cycle


class QuarantineReason(StrEnum):
    """Why a contact is kept from mail.

    ``incident``: its suppression is held, because its mail operator or domain refused more at once than dead addresses explain.
    ``disputed_first_hit``: a first hard bounce that is often temporary. ``tested_sample``: drawn at random to be tested by a
    mailing before it is suppressed. ``by_hand``: a person asked for it.
    """

    INCIDENT = "incident"
    DISPUTED_FIRST_HIT = "disputed_first_hit"
    BY_HAND = "by_hand"
    TESTED_SAMPLE = "tested_sample"

    @property
    def words(self) -> str:
        """The reason for people, as what follows ``because``."""
        return _WORDS[self]


_WORDS: Mapping[QuarantineReason, str] = {
    QuarantineReason.INCIDENT: "the mail operator or domain refused more at once than dead addresses explain",
    QuarantineReason.DISPUTED_FIRST_HIT: "a first hard bounce of a kind that is often temporary was reported",
    QuarantineReason.BY_HAND: "a person asked for it",
    QuarantineReason.TESTED_SAMPLE: "a mailing is to test whether suppressing was right",
}

BY_ITSELF = "the end of the quarantine"
"""Who asked for a release that nobody asked for."""


class QuarantineState(StrEnum):
    """Where a quarantine is in its life.

    ``planned``: written down, and not carried out. ``active``: our exclusion stands. ``released``: we lifted it again.
    ``confirmed``: the contact was suppressed meanwhile, and the exclusion belongs to that. ``lifted``: somebody else lifted the
    exclusion. ``gone``: the contact was erased. ``dropped``: it was never begun.
    """

    PLANNED = "planned"
    ACTIVE = "active"
    RELEASED = "released"
    CONFIRMED = "confirmed"
    LIFTED = "lifted"
    GONE = "gone"
    DROPPED = "dropped"


_S = QuarantineState

QUARANTINE_LIFE = life_cycle(
    "a quarantine",
    {
        _S.PLANNED: {_S.ACTIVE, _S.DROPPED},
        _S.ACTIVE: {_S.RELEASED, _S.CONFIRMED, _S.LIFTED, _S.GONE},
        _S.RELEASED: (),
        _S.CONFIRMED: (),
        _S.LIFTED: (),
        _S.GONE: (),
        _S.DROPPED: (),
    },
)
