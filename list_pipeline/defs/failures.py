"""How an error of ours ends a step: with what was tried, what happened and what to do next, and without useless retries.

Retries of requests live in the clients, retries of whole campaigns in the sensor (back-off, attempts); a step is tried once.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from list_pipeline.core.errors import ListPipelineError
from list_pipeline.core.masking import redact_addresses


@contextmanager
def clear_failures() -> Generator[None]:
    """Turn the product's own errors into failures that people can read; anything else is a defect and stays as it is."""
    try:
        yield
    except ListPipelineError as error:
        raise dg.Failure(
            description=redact_addresses(str(error)),
            metadata={
                "tried": redact_addresses(error.tried),
                "happened": redact_addresses(error.happened),
                "next step": redact_addresses(error.next_step),
            },
            allow_retries=False,
        ) from error
