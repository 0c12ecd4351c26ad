"""``python -m list_pipeline.sandbox serve --state DIR --port 0 --url-file FILE``, or
``python -m list_pipeline.sandbox gemini hostile`` to choose how the rehearsed model answers from now on."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from list_pipeline.sandbox.control import SandboxControl, SandboxControlError
from list_pipeline.sandbox.gemini.behaviours import ADVISORS, BEHAVIOURS
from list_pipeline.sandbox.server import SandboxServer

_DEFAULT_URL = "http://127.0.0.1:8025"


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal ends it, or choose a behaviour; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m list_pipeline.sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve on loopback until stopped")
    serve.add_argument("--state", type=Path, required=True, help="directory of the state; a restart goes on from it")
    serve.add_argument("--port", type=int, default=0, help="0 takes a free port")
    serve.add_argument("--url-file", type=Path, help="file into which the base URL is written once it serves")
    serve.add_argument("--api-key", default="sandbox-key")
    serve.add_argument("--api-secret", default="sandbox-secret")
    chosen = commands.add_parser(
        "gemini",
        help="choose how the rehearsed model answers",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="behaviours:\n" + "\n".join(f"  {name:<20} {meaning}" for name, meaning in BEHAVIOURS.items()),
    )
    chosen.add_argument(
        "behaviour", choices=list(BEHAVIOURS), metavar="behaviour", help="see below; well_behaved ends all"
    )
    chosen.add_argument("--times", type=int, help="for so many questions; without it, from now on")
    chosen.add_argument("--agent", choices=ADVISORS, help="questions of this advisor only")
    chosen.add_argument("--seconds", type=float, help="how long the behaviour slow takes")
    chosen.add_argument(
        "--url",
        default=os.environ.get("GEMINI_BASE_URL") or _DEFAULT_URL,
        help=f"where the sandbox answers; without it GEMINI_BASE_URL, else {_DEFAULT_URL}",
    )
    wanted = parser.parse_args(arguments)
    return _serve(wanted) if wanted.command == "serve" else _choose(wanted)


def _choose(wanted: argparse.Namespace) -> int:
    try:
        with SandboxControl(wanted.url) as sandbox:
            parts = {"agent": wanted.agent, "seconds": wanted.seconds}
            given = {name: value for name, value in parts.items() if value is not None}
            sandbox.gemini_behaviour(wanted.behaviour, times=wanted.times, **given)
    except SandboxControlError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{wanted.behaviour}: {BEHAVIOURS[wanted.behaviour]}")
    return 0


def _serve(wanted: argparse.Namespace) -> int:
    server = SandboxServer(wanted.state, port=wanted.port, api_key=wanted.api_key, api_secret=wanted.api_secret)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    server.start()
    if wanted.url_file is not None:
        # Written beside and renamed: whoever waits for the file never reads half a URL.
        beside = wanted.url_file.with_name(wanted.url_file.name + ".part")
        beside.write_text(server.url + "\n", encoding="utf-8")
        os.replace(beside, wanted.url_file)
    print(server.url, flush=True)
    over.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
