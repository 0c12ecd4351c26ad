"""Buttons below what waits: what they carry, the modal that asks for a reason, and what stands in their place afterwards.

A button carries the number of the plan or question and the content hash that was shown; nothing else of a click is believed.

Belongs here: the blocks and what is read back from them. Does not belong here: what a click is answered (``clicks``), and the
words of the rest of a message (``messages``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from list_pipeline.core.messages.alert import WHAT_TO_DO
from list_pipeline.core.messages.slack_blocks import Block, Mrkdwn, SlackMessage, cut, section, with_blocks
from list_pipeline.core.messages.slack_text import URL_LENGTH, clean

MOST_QUESTIONS = 3
"""Questions about single contacts that get buttons of their own; of more, the command lists them."""
REASON = "reason"
"""Block and action of the modal's one field."""
REJECTION = "rejection"
"""Name of the modal that asks for a reason."""
LONGEST_REASON = 500
_VALUE = re.compile(r"(plan|question)\.([1-9][0-9]{0,9})\.([0-9a-f]{64})", re.ASCII)
_LARGEST_NUMBER = 2**31 - 1
_DECIDE, _WAITS = "decide", "waits"


class ButtonAction(StrEnum):
    """What a button asks for. ``open``: a link, for which nothing is to be done here."""

    APPROVE = "approve"
    REJECT = "reject"
    SHOW = "show"
    OPEN = "open"


class SubjectKind(StrEnum):
    """What is decided on with a button."""

    PLAN = "plan"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Subject:
    """A plan or a question, as it was shown."""

    kind: SubjectKind
    number: int
    content_hash: str

    @property
    def value(self) -> str:
        """What a button carries of it."""
        return f"{self.kind.value}.{self.number}.{self.content_hash}"

    @property
    def key(self) -> str:
        """Its name within a message."""
        return f"{self.kind.value}:{self.number}"


@dataclass(frozen=True, slots=True)
class Page:
    """A page on which a plan can be looked at or decided. ``label``: what the link is called."""

    label: str
    url: str


def subject_of(value: str) -> Subject | None:
    """What a button carries; None where it is nothing that this product writes."""
    found = _VALUE.fullmatch(value)
    if found is None or int(found[2]) > _LARGEST_NUMBER:
        return None
    return Subject(SubjectKind(found[1]), int(found[2]), found[3])


def subjects_in(blocks: Sequence[Block]) -> tuple[Subject, ...]:
    """The plans and questions that a message has buttons about, in its order."""
    found: dict[str, Subject] = {}
    for block in blocks:
        for element in block.get("elements", ()) if block.get("type") == "actions" else ():
            subject = subject_of(str(element.get("value", "")))
            if subject is not None:
                found.setdefault(subject.key, subject)
    return tuple(found.values())


def waiting_section(subject: Subject, lines: Sequence[Mrkdwn]) -> Block:
    """The section about what waits; what was decided is said in its place later on."""
    return {**section(lines), "block_id": f"{_WAITS}:{subject.key}"}


def decision_buttons(subject: Subject, pages: Sequence[Page] = (), *, is_heard: bool = True) -> list[Block]:
    """The buttons of a plan or question in one block; none where there are none.

    Args:
        pages: where it can be looked at. is_heard: somebody listens for clicks; else only the links are shown.
    """
    elements: list[Block] = []
    if is_heard:
        elements = [
            _button(ButtonAction.APPROVE, "Approve", subject, style="primary"),
            _button(ButtonAction.REJECT, "Reject", subject, style="danger"),
        ]
        if subject.kind is SubjectKind.PLAN:
            elements.append(_button(ButtonAction.SHOW, "Show me", subject))
    for number, page in enumerate(pages):
        if len(page.url) <= URL_LENGTH:
            elements.append(
                {
                    "type": "button",
                    "action_id": f"{ButtonAction.OPEN}:{number}",
                    "text": _plain(page.label),
                    "url": page.url,
                }
            )
    return [{"type": "actions", "block_id": f"{_DECIDE}:{subject.key}", "elements": elements}] if elements else []


def with_buttons(
    message: SlackMessage, subject: Subject, pages: Sequence[Page] = (), *, is_heard: bool = True
) -> SlackMessage:
    """A short message that asks for a decision, with the buttons below what is to be done. Args as ``decision_buttons``."""
    added = decision_buttons(subject, pages, is_heard=is_heard)
    blocks = list(message.blocks)
    for place, block in enumerate(blocks):
        if str((block.get("text") or {}).get("text", "")).startswith(WHAT_TO_DO):
            blocks[place] = {**block, "block_id": f"{_WAITS}:{subject.key}"}
    return with_blocks(message._replace(blocks=blocks), added, after=WHAT_TO_DO) if added else message


def action_of(action_id: str) -> ButtonAction | None:
    """What a button with this id asks for; None where it is none of ours."""
    name = action_id.partition(":")[0]
    return ButtonAction(name) if name in tuple(ButtonAction) else None


def reason_modal(subject: Subject, about: str, metadata: str) -> Block:
    """The modal that asks why something is rejected.

    Args:
        about: what is rejected, in a few words. metadata: what comes back with the answer.
    """
    return {
        "type": "modal",
        "callback_id": REJECTION,
        "private_metadata": metadata,
        "title": _plain(f"Reject {subject.kind.value} {subject.number}", 24),
        "submit": _plain("Reject"),
        "close": _plain("Cancel"),
        "blocks": [
            {"type": "section", "text": {"type": "plain_text", "text": cut(clean(about) or "-", 300)}},
            {
                "type": "input",
                "block_id": REASON,
                "label": _plain("Why?"),
                "hint": _plain("For the record. No addresses."),
                "element": {
                    "type": "plain_text_input",
                    "action_id": REASON,
                    "multiline": True,
                    "min_length": 1,
                    "max_length": LONGEST_REASON,
                },
            },
        ],
    }


@dataclass(frozen=True, slots=True)
class Standing:
    """What is said of a plan or question in a message by now. ``is_over``: nothing can be decided any more."""

    words: Mrkdwn
    is_over: bool


def with_standing(blocks: Sequence[Block], standing: Mapping[str, Standing]) -> list[Block]:
    """A message's blocks, with what became of what it asks.

    Args:
        standing: ``Subject.key`` to what is said of it; what is not among them stays as it was.
    """
    shown: list[Block] = []
    for block in blocks:
        place, _, key = str(block.get("block_id", "")).partition(":")
        now = standing.get(key) if place in (_DECIDE, _WAITS) else None
        if now is None or (place == _DECIDE and not now.is_over):
            shown.append(block)
        elif place == _WAITS and now.is_over:
            shown.append({**section([now.words]), "block_id": block["block_id"]})
        elif place == _WAITS:
            shown += [block, {**section([now.words]), "block_id": f"so-far:{key}"}]
    return shown


def _button(action: ButtonAction, label: str, subject: Subject, style: str | None = None) -> Block:
    button: Block = {"type": "button", "action_id": action.value, "text": _plain(label), "value": subject.value}
    return {**button, "style": style} if style else button


def _plain(text: str, limit: int = 75) -> Block:
    return {"type": "plain_text", "text": cut(clean(text), limit), "emoji": True}
