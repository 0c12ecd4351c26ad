"""What identifies a person in stored text, how it is taken out, and the report of an erasure.

Belongs here: the judgement of one value. Does not belong here: which columns there are (``storage.erasure``), and the keyed
hash that takes the place of an id, which the database makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from list_pipeline.core.life_cycles import life_cycle
from list_pipeline.core.masking import AT, mask_address

ERASED = "[erased]"
"""What stands in texts where an address stood."""

SURELY_AN_ID = 1_000_000
"""A number from here on that equals the contact's id is taken for it wherever it stands: Mailjet's ids have eight digits and
more, and no count of ours comes near. A smaller one is an id only where contacts are spoken of, since it may be a count."""

_SPELLED_AT = rf"\s*(?:{AT}|=40|=|\+40|[(\[{{]\s*at\s*[)\]}}]|_at_|-at-|\.at\.|\sat\s)\s*"
"""The spellings of ``@`` that masking knows (``core.masking``)."""


class KeptOff(StrEnum):
    """Why somebody who was erased is not put on a campaign list again by the product, however often imported."""

    SUPPRESSED = "suppressed"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    EXCLUDED = "excluded"
    HARD_BOUNCED = "hard_bounced"


class DeletionState(StrEnum):
    """Where Mailjet's deletion of a contact is, which a person asked for."""

    PLANNED = "planned"
    SUBMITTING = "submitting"
    CONFIRMED = "confirmed"
    FAILED = "failed"


UNCONFIRMED = (DeletionState.PLANNED, DeletionState.SUBMITTING, DeletionState.FAILED)
"""Mailjet may be asked, or asked again: repeating the request does no harm."""

DELETION_LIFE = life_cycle(
    "a deletion at Mailjet",
    {
        DeletionState.PLANNED: {DeletionState.SUBMITTING, DeletionState.CONFIRMED, DeletionState.FAILED},
        DeletionState.SUBMITTING: {DeletionState.CONFIRMED, DeletionState.FAILED},
        # A person asks again.
        DeletionState.FAILED: {DeletionState.SUBMITTING, DeletionState.CONFIRMED},
        DeletionState.CONFIRMED: (),
    },
)


@dataclass(frozen=True)
class Person:
    """A person as rows know one.

    Attributes:
        contact_id: Mailjet's id; None: it stays, because Mailjet still shows it on a list or a change of it is under way.
        pseudonym: the negative number that takes its place.
        address: None: not known any more.
    """

    contact_id: int | None
    pseudonym: int
    address: str | None = field(repr=False)

    @property
    def parts(self) -> tuple[str, str]:
        """Local part and domain; two empty texts where there is no address."""
        local, _, domain = (self.address or "").strip().rpartition("@")
        return local, domain

    @cached_property
    def _address_pattern(self) -> re.Pattern[str] | None:
        local, domain = self.parts
        if not local or not domain:
            return None
        # jane@… does not stand in mary-jane@…, and does in bounces+jane=….
        return re.compile(
            rf"(?<![\w.-]){re.escape(local)}{_SPELLED_AT}{re.escape(domain)}(?![\w-]|\.\w)", re.IGNORECASE | re.UNICODE
        )

    @cached_property
    def _id_pattern(self) -> re.Pattern[str] | None:
        if self.contact_id is None:
            return None
        if self.contact_id >= SURELY_AN_ID:
            # After a letter, - joins (contact-7); elsewhere it is a sign, and the number no id. 12,254509966 are two numbers.
            return re.compile(rf"(?<!\d)(?:(?<!-)|(?<=[^\W\d_]-)){self.contact_id}(?!\d)")
        number = rf"{self.contact_id}(?!\d|[.,]\d)"
        return re.compile(rf"(?i:(?<=contact )|(?<=contacts )|(?<=contact:)|(?<=contact-)|(?<=contact_id\": )){number}")

    def is_in(self, text: str) -> bool:
        """Whether a text names the person."""
        patterns = (self._address_pattern, self._id_pattern)
        return any(pattern.search(text) for pattern in patterns if pattern is not None)

    def is_number(self, number: int, *, of_contact: bool) -> bool:
        """Whether a number is the person's id. ``of_contact``: it stands where contacts are named."""
        return number == self.contact_id and (of_contact or number >= SURELY_AN_ID)

    def taken_out_of(self, text: str) -> str:
        """A text without the person: the address is gone, the id is the pseudonym. A text that names nobody stays as it is."""
        if not self.is_in(text):
            return text
        if self._address_pattern is not None:
            text = self._address_pattern.sub(ERASED, text)
        if self._id_pattern is not None:
            text = self._id_pattern.sub(str(self.pseudonym), text)
        return text.replace(mask_address(self.address), ERASED) if self.address else text

    def is_in_json(self, value: Any, key: str = "") -> bool:
        """Whether a value of JSON names the person: in any text, any key, any number that names contacts."""
        if isinstance(value, str):
            return self.is_in(value) or (_names_contacts(key) and value == str(self.contact_id))
        if isinstance(value, Mapping):
            return any(self._is_key(name, key) or self.is_in_json(one, str(name)) for name, one in value.items())
        if isinstance(value, (list, tuple)):
            return any(self.is_in_json(one, key) for one in value)
        return _is_whole(value) and self.is_number(int(value), of_contact=_names_contacts(key))

    def taken_out_of_json(self, value: Any, key: str = "") -> Any:
        """A value of JSON without the person."""
        if isinstance(value, str):
            if _names_contacts(key) and value == str(self.contact_id):
                return str(self.pseudonym)
            return self.taken_out_of(value)
        if isinstance(value, Mapping):
            return {
                str(self.pseudonym)
                if self._is_key(name, key) and str(name).isdigit()
                else self.taken_out_of(str(name)): (self.taken_out_of_json(one, str(name)))
                for name, one in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.taken_out_of_json(one, key) for one in value]
        if _is_whole(value) and self.is_number(int(value), of_contact=_names_contacts(key)):
            return self.pseudonym
        return value

    def _is_key(self, name: object, parent: str) -> bool:
        text = str(name)
        return self.is_in(text) or (_names_contacts(parent) and text == str(self.contact_id))


def _names_contacts(key: str) -> bool:
    return "contact" in key.casefold()


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class TableErasure:
    """What became of one table's rows about a person. ``removed``: rows that stood there under the pseudonym already."""

    table: str
    before: int
    removed: int
    rewritten: int


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What an erasure did, and the proof: after it every column of every table was searched, and the person found in none.

    Attributes:
        tables: those that knew the person.
        tables_searched, columns_searched: of the final search, as the catalogue names them.
        kept_off_because: why nobody puts this person on a campaign list again.
        waiting_plans: plans not carried out to the end that had an item of the person, which they leave out.
        cached: values forgotten in Redis.
    """

    pseudonym: int
    tables: tuple[TableErasure, ...]
    tables_searched: int
    columns_searched: int
    kept_off_because: tuple[KeptOff, ...] = ()
    waiting_plans: tuple[int, ...] = ()
    cached: int = 0

    @property
    def rows(self) -> int:
        """Rows that knew the person."""
        return sum(table.before for table in self.tables)

    def as_json(self) -> dict[str, object]:
        """The report for machines and for the record: numbers and names of tables."""
        return {
            "pseudonym": self.pseudonym,
            "tables": {
                one.table: {"before": one.before, "removed": one.removed, "rewritten": one.rewritten}
                for one in self.tables
            },
            "tables_searched": self.tables_searched,
            "columns_searched": self.columns_searched,
            "kept_off_because": [because.value for because in self.kept_off_because],
            "waiting_plans": list(self.waiting_plans),
            "cached": self.cached,
        }


def joined(reports: Sequence[ErasureReport]) -> ErasureReport:
    """One report of the contacts of one person, under the pseudonym of the last: rows are summed by table.

    Args:
        reports: one at least, in the order of the erasures.
    """
    tables: dict[str, TableErasure] = {}
    for one in (table for report in reports for table in report.tables):
        before = tables.get(one.table, TableErasure(one.table, 0, 0, 0))
        tables[one.table] = TableErasure(
            one.table, before.before + one.before, before.removed + one.removed, before.rewritten + one.rewritten
        )
    because = {reason for report in reports for reason in report.kept_off_because}
    plans = {plan for report in reports for plan in report.waiting_plans}
    return replace(
        reports[-1],
        tables=tuple(tables[name] for name in sorted(tables)),
        kept_off_because=tuple(reason for reason in KeptOff if reason in because),
        waiting_plans=tuple(sorted(plans)),
    )


def kept_off(
    *, suppressed: bool, complained: bool, unsubscribed: bool, excluded: bool, hard_bounced: bool
) -> tuple[KeptOff, ...]:
    """Why somebody is to stay off the campaign lists, as the rows said before the erasure; empty: for no reason."""
    found: Iterable[tuple[KeptOff, bool]] = (
        (KeptOff.SUPPRESSED, suppressed),
        (KeptOff.COMPLAINED, complained),
        (KeptOff.UNSUBSCRIBED, unsubscribed),
        (KeptOff.EXCLUDED, excluded),
        (KeptOff.HARD_BOUNCED, hard_bounced),
    )
    return tuple(because for because, holds in found if holds)
