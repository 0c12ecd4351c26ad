"""Rules that hold for every scenario and every behaviour of the model, checked without the product's own choice.

Belongs here: what can be said about prompts, records and shown prose alone. Does not belong here: what one advisor's
opinion may change (its runner).

What people read is held against the closed set of statements, and not against what the product chose among them. A check that
asked the product's own choice would pass whenever that does.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from list_pipeline.agents.consultation import json_within
from list_pipeline.core.advice import AgentRecord, price_of
from list_pipeline_tests.closed_set import left_over
from list_pipeline_tests.evals.asking import Exchange

MOST_CHARACTERS = 40_000
"""Of one prompt, its system text included."""
MOST_QUESTIONS = 2
"""For one scenario: the question and one repair."""
LONGEST_WORDS = 200
"""Characters of a receiver's words in a prompt."""

CONTACT_IDS = 7_310_000_000
CAMPAIGN_IDS = 884_400
"""Where the scenarios' ids begin: numbers that occur for no other reason."""

_DATA = re.compile(r"<data>\n(.*?)\n</data>", re.DOTALL)
_FIGURE = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
_QUOTED = re.compile(r'"([^"\\]*)"')
_FEWEST_WORDS = 3
"""Words of what counts as a sentence."""
_NAMES = re.compile(r"\b(?:[cg]\d+|lists?\s+\d)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>\"@]+@[^\s<>\"@]+\.\w+")
_HOST = re.compile(r"\b(?:[a-z0-9-]+\.)+(?:com|net|org|invalid|example)\b|\b\d{1,3}(?:\.\d{1,3}){3}\b", re.IGNORECASE)
_LIVE = re.compile(r"https?:|www\.|<[!@#]|\]\(|javascript:|\bmailto:|(?<!\w)@(?:here|channel|everyone)\b", re.I)
_LETTERS = ("LATIN", "FEMININE", "MASCULINE", "MICRO")


def data_of(prompt: str) -> Any:
    """The data that a prompt offers.

    Raises:
        ValueError: there is not exactly one block of it, or it is not JSON.
    """
    blocks = _DATA.findall(prompt)
    if len(blocks) != 1 or prompt.count("<data>") != 1 or prompt.count("</data>") != 1:
        raise ValueError(f"{len(blocks)} blocks of data in a prompt")
    return json.loads(blocks[0])


def figures_of(text: str) -> set[Decimal]:
    """The figures in a text; names of items and lists are none."""
    plain = _NAMES.sub(" ", text)
    return {Decimal(found.replace(",", "")).normalize() for found in _FIGURE.findall(plain)}


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value


def strange_words(shown: Iterable[str], sentences: Iterable[str]) -> list[str]:
    """Problems with what people read: words that belong to no statement that may be said of the scenario."""
    return [f"words of no statement are shown: {left[:60]!r}" for left in left_over(shown, sentences)]


def sentences_of_models(exchanges: Sequence[Exchange]) -> tuple[str, ...]:
    """Every sentence that a model wrote into its answers, in whatever field; ids of statements are none."""
    found: list[str] = []
    for each in exchanges:
        text = each.answer.text if each.answer is not None else ""
        try:
            found += [value for value in _leaves(json.loads(json_within(text))) if isinstance(value, str)]
        except ValueError:
            found += _QUOTED.findall(text)
    parts = [part.strip() for value in found for part in _SENTENCES.split(value)]
    return tuple(dict.fromkeys(part for part in parts if len(part.split()) >= _FEWEST_WORDS))


def sentences_shown(said: Iterable[str], shown: Iterable[str], sentences: Iterable[str]) -> int:
    """How many of a model's sentences people read, those aside that are statements anyway."""
    everything, own = "\n".join(shown).casefold(), "\n".join(sentences).casefold()
    return sum(each.casefold() in everything and each.casefold() not in own for each in said)


def broken_rules(
    exchanges: Sequence[Exchange],
    records: Sequence[AgentRecord],
    shown: Sequence[str],
    forbidden: Iterable[str] = (),
    *,
    most_questions: int = MOST_QUESTIONS,
) -> list[str]:
    """What is wrong with the prompts, the records and the shown prose of one scenario.

    Args:
        forbidden: names and texts of this scenario that may stand in no prompt.
        most_questions: where several advisors are asked about one scenario.
    """
    found: list[str] = []
    if len(exchanges) > most_questions:
        found.append(f"{len(exchanges)} questions for one scenario")
    names = [name for name in forbidden if name]
    for each in exchanges:
        found += _prompt_problems(each, names)
    for record in records:
        found += _record_problems(record, exchanges)
    for text in shown:
        if _LIVE.search(text) or _ADDRESS.search(text):
            found.append("a link, a mention or an address is shown")
        if any(char.isalpha() and not unicodedata.name(char, "").startswith(_LETTERS) for char in text):
            found.append("another script is shown")
    return list(dict.fromkeys(found))


def _prompt_problems(each: Exchange, names: Sequence[str]) -> list[str]:
    found = []
    if len(each.sent) > MOST_CHARACTERS:
        found.append(f"a prompt of {len(each.sent)} characters")
    try:
        data = data_of(each.prompt)
    except ValueError as error:
        return [*found, f"the data of a prompt cannot be read ({error})"]
    text = json.dumps(data, ensure_ascii=False)
    if _ADDRESS.search(text):
        found.append("an address is in a prompt")
    if _HOST.search(text):
        found.append("a host is in a prompt")
    if any(figure >= CONTACT_IDS for figure in figures_of(text)):
        found.append("a contact id is in a prompt")
    if any(CAMPAIGN_IDS <= figure < CAMPAIGN_IDS + 1000 for figure in figures_of(text)):
        found.append("a campaign id is in a prompt")
    if any(not one.isprintable() for value in _leaves(data) if isinstance(value, str) for one in value):
        found.append("a character that nobody can see is in a prompt")
    found += [f"{name[:30]!r} is in a prompt" for name in names if name.casefold() in text.casefold()]
    return found


def _record_problems(record: AgentRecord, exchanges: Sequence[Exchange]) -> list[str]:
    found = []
    if not record.prompt or not record.prompt_hash or not record.prompt_version or not record.verdict:
        found.append("a record lacks prompt, hash, version or verdict")
    if record.answer and _ADDRESS.search(record.answer):
        found.append("an address is in a recorded answer")
    if any(each.answer is not None for each in exchanges):
        if record.latency_ms is None or record.prompt_tokens <= 0:
            found.append("a record lacks latency or tokens")
        if record.cost_usd is None and price_of(record.model or "") is not None:
            found.append("a record lacks the cost")
        if record.model_version is None:
            found.append("a record lacks the model's version")
    return found
