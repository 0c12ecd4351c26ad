"""``python -m list_pipeline.webserver -w workspace.yaml -h 127.0.0.1 -p 3000``: Dagster's webserver, with its own options,
behind the guard. ``DAGSTER_URL`` is where people open it."""

from __future__ import annotations

import os
from typing import Any

from dagster_webserver import app as webserver_app
from dagster_webserver.cli import main
from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware

from list_pipeline.webserver.same_origin import SameOriginOnly


class GuardedWebserver(DagsterWebserver[Any, Any]):
    """Dagster's webserver. Its own middleware comes behind the guard."""

    def build_middleware(self) -> list[Middleware]:
        """The guard first."""
        return [
            Middleware(SameOriginOnly, public_url=os.environ.get("DAGSTER_URL") or None),
            *super().build_middleware(),
        ]


def serve() -> None:
    """Serve until the end of the process."""
    # The command has no place to hand in another class, and everything else of it is wanted as it is.
    setattr(webserver_app, DagsterWebserver.__name__, GuardedWebserver)
    main()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    serve()
