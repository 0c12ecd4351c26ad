"""The command that runs the HTTP service. What it answers stands in ``list_pipeline.api``, which is no import of this layer."""

from __future__ import annotations

from typing import Annotated

import typer

from list_pipeline.cli.common import give, opened_services, say
from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.urls import is_loopback

_APP, _APP_BEHIND_PROXY = "list_pipeline.api.app:create_app", "list_pipeline.api.app:create_app_behind_proxy"
_CONNECTION = "list_pipeline.api.connections:Connection"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8080,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy that ends TLS stands in front: other addresses may be used.")
    ] = False,
) -> None:
    """Run the HTTP service until it is interrupted: pages (/admin), API (/api), /health, receiver of Mailjet's events."""
    import uvicorn

    from list_pipeline.operations.tokens import check_environment

    if not is_loopback(host) and not behind_proxy:
        raise ConfigurationError(
            "Listening at an address that is not this machine's own",
            "events carry addresses and a password, and this service speaks no TLS",
            "Keep 127.0.0.1 and put a proxy in front, or say --behind-proxy where one already ends TLS",
        )
    with opened_services() as services:
        # Asked here, so that what is missing is said before a port is opened.
        check_environment(services.settings)
        hears_events = services.settings.event_webhook_password is not None
    if not hears_events:
        say("EVENT_WEBHOOK_PASSWORD is not set: Mailjet's events are refused with 503, everything else is served.")
    give({"url": f"http://{host}:{port}", "receives_events": hears_events})
    say(f"Listening at http://{host}:{port}; Ctrl-C ends it.")
    # No access log: the service logs what it did itself.
    made_by = _APP_BEHIND_PROXY if behind_proxy else _APP
    uvicorn.run(
        made_by,
        factory=True,
        host=host,
        port=port,
        http=_CONNECTION,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
    )
