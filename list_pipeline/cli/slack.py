"""The command that listens for clicks in Slack."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import typer

from list_pipeline.cli.common import give, opened_services, say


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(slack)


def slack() -> None:
    """Listen for clicks in Slack over Socket Mode until it is interrupted. No port is opened: the connection is ours."""
    from list_pipeline.integrations.slack_socket import SlackSocket
    from list_pipeline.operations.reviews.slack_desk import SlackDesk
    from list_pipeline.settings import missing

    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    with opened_services() as services:
        token = services.settings.secret("slack_app_token")
        client = services.slack_interaction
        if client is None:
            raise missing("SLACK_BOT_TOKEN")
        desk = SlackDesk(services, client, client.identity())
        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            say("Listening for clicks in Slack; Ctrl-C ends it.")
            SlackSocket(client, token, check=desk.check, hear=desk.hear).run(stop)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    give({"stopped": True})
