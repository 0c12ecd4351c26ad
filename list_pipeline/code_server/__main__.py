"""``python -m list_pipeline.code_server -h 127.0.0.1 -p 4000 -m list_pipeline.definitions``: Dagster's code server, with the
options of ``dagster api grpc``.

Dagster starts a new Python for each run, which imports all of Dagster and of the product first: most of what the run of one
campaign costs. Here a process that has done so is kept, and each run is a fork of it: a process of its own as before, which is
ended, watched and logged by itself, and which sees nothing of another. The variables of the environment are those that the
server was started with, as before.
"""

from __future__ import annotations

import multiprocessing
from typing import Any

from dagster._cli.api import grpc_command
from dagster._grpc import server
from dagster._grpc.server import DagsterApiServer

PRELOADED = "list_pipeline.code_server.preloaded"


class ForkingServer(DagsterApiServer):
    """Dagster's server, except for how the process of a run begins."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([PRELOADED])
        self._mp_ctx = context  # type: ignore[assignment]  # both make processes, queues and events


def serve() -> None:
    """Serve until the end of the process."""
    # As with the webserver: the command has no place to hand in another class.
    setattr(server, DagsterApiServer.__name__, ForkingServer)
    grpc_command()


if __name__ == "__main__":
    serve()
