"""How an error ends a step: one of ours with what was tried, what happened and what to do next, and without useless retries.

Dagster keeps the texts of an error and of all that led to it, and shows them to whoever opens the run. Ours name nobody; what a
library puts into its texts nobody knows, so a chain in which an address stands is replaced by its redacted text.

Retries of requests live in the clients, retries of whole campaigns in the sensor (back-off, attempts); a step is tried once.
"""

from __future__ import annotations

import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import dagster as dg

from list_pipeline.core.errors import ListPipelineError, NotFoundError, RefusedError
from list_pipeline.core.masking import redact_addresses

IS_REFUSAL = "refused"
"""Beside a failure: nothing is broken, what was asked for is not done. For whoever asked, and nobody else."""


def refusal(description: str, metadata: Mapping[str, dg.RawMetadataValue] = MappingProxyType({})) -> dg.Failure:
    """The end of a step that does not do what it was asked for."""
    return dg.Failure(description=description, metadata={**metadata, IS_REFUSAL: True}, allow_retries=False)


@contextmanager
def clear_failures() -> Generator[None]:
    """Turn the product's own errors into failures that people can read; anything else is a defect and stays as it is, unless it
    names somebody."""
    try:
        yield
    except dg.Failure:
        raise
    except ListPipelineError as error:
        description = redact_addresses(str(error))
        metadata = {
            "tried": redact_addresses(error.tried),
            "happened": redact_addresses(error.happened),
            "next step": redact_addresses(error.next_step),
        }
        is_refusal = isinstance(error, (RefusedError, NotFoundError))
        failure = (
            refusal(description, metadata)
            if is_refusal
            else dg.Failure(description=description, metadata=metadata, allow_retries=False)
        )
        raise failure from (None if _names_somebody(error) else error)
    except Exception as error:
        if not _names_somebody(error):
            raise
        text = redact_addresses("".join(traceback.format_exception(error)))
        raise dg.Failure(
            description=f"A defect: {type(error).__name__}. Its text held an address and stands redacted beside this.",
            metadata={"trace": dg.MetadataValue.text(text)},
            allow_retries=False,
        ) from None


def _names_somebody(error: BaseException) -> bool:
    """Whether an address stands in an error's text or in that of anything that led to it."""
    chain: list[BaseException] = []
    ahead: list[BaseException | None] = [error]
    while ahead:
        one = ahead.pop()
        if one is not None and not any(one is other for other in chain):
            chain.append(one)
            ahead += [one.__cause__, one.__context__]
    said = "".join("".join(traceback.format_exception_only(one)) for one in chain)
    return redact_addresses(said) != said
