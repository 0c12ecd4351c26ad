"""``python -m list_pipeline.sandbox serve --state DIR --port 0 --url-file FILE``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from list_pipeline.sandbox.server import SandboxServer


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal ends it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m list_pipeline.sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve on loopback until stopped")
    serve.add_argument("--state", type=Path, required=True, help="directory of the state; a restart goes on from it")
    serve.add_argument("--port", type=int, default=0, help="0 takes a free port")
    serve.add_argument("--url-file", type=Path, help="file into which the base URL is written once it serves")
    serve.add_argument("--api-key", default="sandbox-key")
    serve.add_argument("--api-secret", default="sandbox-secret")
    wanted = parser.parse_args(arguments)

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
