"""The report of an evaluation as Markdown for people and JSON for programs, the same for the sandbox and the real API.

Belongs here: writing down. Does not belong here: adding up (``measures``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from list_pipeline_tests.evals.injections import InjectionResult
from list_pipeline_tests.evals.measures import Figures, percent
from list_pipeline_tests.evals.results import Result


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured. ``failures`` are the bars that were missed, in words, by behaviour."""

    model: str
    at: datetime
    seconds: float
    figures: Sequence[Figures]
    results: Sequence[Result]
    injections: Sequence[InjectionResult]
    failures: Sequence[str]
    line: str


def write_report(evaluation: Evaluation, folder: Path) -> tuple[Path, Path]:
    """Write both files; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{evaluation.at:%Y%m%d-%H%M%S}-{evaluation.model}"
    markdown, data = folder / f"{name}.md", folder / f"{name}.json"
    markdown.write_text(_markdown(evaluation), encoding="utf-8")
    data.write_text(json.dumps(_json(evaluation), indent=1, ensure_ascii=False, default=str), encoding="utf-8")
    return markdown, data


def _json(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "model": evaluation.model,
        "at": evaluation.at.isoformat(),
        "seconds": round(evaluation.seconds, 1),
        "line": evaluation.line,
        "failures": list(evaluation.failures),
        "figures": [asdict(one) for one in evaluation.figures],
        "results": [asdict(one) for one in evaluation.results],
        "injections": [asdict(one) for one in evaluation.injections],
    }


def _markdown(evaluation: Evaluation) -> str:
    lines = [
        f"# Evaluation of the advisors with {evaluation.model}",
        "",
        f"{evaluation.at:%Y-%m-%d %H:%M} UTC, {evaluation.seconds:.0f} s",
        "",
        evaluation.line,
        "",
        "## Bars",
        "",
        *([f"- below: {one}" for one in evaluation.failures] or ["All passed."]),
        "",
        "## By behaviour of the model",
        "",
        "| behaviour | asked | repaired | valid JSON | counts | accuracy | precision | recall | false suppressions "
        "| beyond the policy | broken rules | sentences shown | confidence | agreement | tokens in / out | cost | latency |",
        "|" + " --- |" * 17,
        *(_row(one) for one in evaluation.figures),
        "",
        *(_alone(one) for one in evaluation.figures[:1]),
        "",
        "## What was not as labelled",
        "",
        *(_wrong(evaluation.results) or ["Nothing."]),
        "",
        "## Broken rules",
        "",
        *(_broken(evaluation) or ["None."]),
        "",
        "## By scenario",
        "",
        "| scenario | kind | behaviour | source | right labels | questions | prompt | confidence | verdict |",
        "|" + " --- |" * 9,
        *(_scenario(one) for one in evaluation.results),
        "",
    ]
    return "\n".join(lines)


def _row(one: Figures) -> str:
    cells = (
        one.behaviour,
        one.asked,
        one.repairs,
        percent(one.valid),
        percent(one.used),
        percent(one.accuracy),
        percent(one.precision),
        percent(one.recall),
        f"{one.false_suppressions:g} of {one.keeps:g}",
        one.beyond_policy,
        one.problems,
        f"{one.sentences_shown} of {one.sentences:,}",
        "-" if one.confidence is None else f"{one.confidence:.2f}",
        percent(one.agreement),
        f"{one.prompt_tokens:,} / {one.output_tokens:,}",
        f"${one.cost_usd:.4f}",
        "-" if one.latency_ms is None else f"{one.latency_ms:.0f} ms",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _alone(one: Figures) -> str:
    return (
        f"The policy alone on the same labels of suppression: precision {percent(one.policy_precision)}, recall "
        f"{percent(one.policy_recall)}, false suppressions {one.policy_false_suppressions:g} of {one.keeps:g}."
    )


def _wrong(results: Sequence[Result]) -> list[str]:
    return [
        f"- {one.scenario} ({one.behaviour}), {label.what}: labelled {label.truth}, the policy {label.policy}, in the end "
        f"{label.final}"
        for one in results
        for label in one.judgements
        if not label.is_right
    ]


def _broken(evaluation: Evaluation) -> list[str]:
    return [
        *(f"- {one.scenario} ({one.behaviour}): {problem}" for one in evaluation.results for problem in one.problems),
        *(
            f"- injection {one.injection} in {one.field} ({one.behaviour}): {problem}"
            for one in evaluation.injections
            for problem in one.problems
        ),
    ]


def _scenario(one: Result) -> str:
    record = one.records[0] if one.records else None
    right = sum(label.is_right for label in one.judgements)
    verdict = "" if record is None else record.verdict.replace("|", "/").replace("\n", " ")[:120]
    cells = (
        one.scenario,
        one.kind,
        one.behaviour,
        "-" if record is None else record.source.value,
        f"{right} of {len(one.judgements)}",
        one.questions,
        f"{one.prompt_characters:,}",
        "-" if one.confidence is None else f"{one.confidence:.2f}",
        verdict,
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
