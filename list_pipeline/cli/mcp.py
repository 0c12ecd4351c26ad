"""The command that serves language models over standard input and output. What it serves stands in ``list_pipeline.mcp``, which
is loaded with this command only."""

from __future__ import annotations

import typer

from list_pipeline.cli.common import give, opened_services


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(mcp)


def mcp() -> None:
    """Serve tools for a language model (MCP) over standard input and output until the client ends it. MCP_TOKEN says for whom;
    without it everything can be read and nothing decided."""
    from list_pipeline.mcp.stdio import serve_stdio

    with opened_services() as services:
        who = serve_stdio(services)
    # Only now: until the client ends it, standard output is the protocol's.
    give({"acts_for": who.name, "role": who.role})
