"""``python -m list_pipeline.stack start|stop|status|dev|cli|gemini|supervise``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from list_pipeline.core.errors import ListPipelineError
from list_pipeline.stack import control, dev
from list_pipeline.stack.environment import environment
from list_pipeline.stack.state import PRIVATE_UMASK, StackDirectory, StackUrls


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 failed, 3 for ``status`` when nothing is running."""
    parser = argparse.ArgumentParser(prog="python -m list_pipeline.stack", description="The embedded servers.")
    commands = parser.add_subparsers(dest="command", required=True)
    started = commands.add_parser("start", help="start what is not running yet and print where it answers")
    started.add_argument("--without-sandbox", action="store_true", help="PostgreSQL and Redis only")
    commands.add_parser("stop", help="stop the servers; what they stored stays")
    shown = commands.add_parser("status", help="print where they answer")
    shown.add_argument("--urls", action="store_true", help="with passwords, for a client of your own")
    commands.add_parser("dev", help="the Dagster UI, its daemon and the HTTP service on the servers, until Ctrl-C")
    asked = commands.add_parser("cli", help="a command of list-pipeline on the servers, e.g. cli reviews")
    asked.add_argument("words", nargs=argparse.REMAINDER, help="the command and its options")
    behaviour = commands.add_parser("gemini", help="how the sandbox's model answers from now on, e.g. gemini hostile")
    behaviour.add_argument(
        "words", nargs=argparse.REMAINDER, help="as of python -m list_pipeline.sandbox gemini --help"
    )
    commands.add_parser("supervise", help="own the servers in the foreground (what start runs detached)")
    given = sys.argv[1:] if arguments is None else arguments
    # What stands behind these is for the other program, also where it begins with an option.
    passed_on = 1 if given[:1] in (["cli"], ["gemini"]) else len(given)
    chosen = parser.parse_args(given[:passed_on])
    chosen.words = given[passed_on:]
    os.umask(PRIVATE_UMASK)
    try:
        return _run(chosen)
    except ListPipelineError as error:
        print(error, file=sys.stderr)
        return 1


def _run(chosen: argparse.Namespace) -> int:
    match chosen.command:
        case "start":
            print(_described(control.start(with_sandbox=not chosen.without_sandbox)))
        case "stop":
            control.stop()
            print("stopped")
        case "status":
            urls = control.status()
            if urls is None:
                print("not running")
                return 3
            print(_described(urls, with_passwords=chosen.urls))
        case "dev":
            return dev.run()
        case "cli" | "gemini" as what:
            program = ["list_pipeline.cli"] if what == "cli" else ["list_pipeline.sandbox", "gemini"]
            command = [sys.executable, "-m", *program, *chosen.words]
            return subprocess.run(command, env={**os.environ, **environment(control.start())}, check=False).returncode
        case "supervise":
            # Only here: its servers need the extra "stack", which a client of DATABASE_URL does not have.
            from list_pipeline.stack.supervisor import Supervisor

            directory = StackDirectory.current()
            directory.create()
            return Supervisor(directory).run()
    return 0


def _described(urls: StackUrls, with_passwords: bool = False) -> str:
    rows = {
        "PostgreSQL": urls.database_url,
        "Redis": urls.redis_url or "none: no redis-server on this machine, nothing is cached",
        "Sandbox": urls.sandbox_url or "not started",
        "Folder": str(urls.root),
    }
    if not with_passwords:
        rows |= {name: _without_password(value) for name, value in rows.items()}
    return "\n".join(f"{name:<11}{value}" for name, value in rows.items())


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


if __name__ == "__main__":
    sys.exit(main())
