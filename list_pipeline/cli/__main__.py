"""The start of ``list-pipeline``, and of ``python -m list_pipeline.cli``.

Belongs here: the second in which the program is loaded, when Ctrl-C is to be no traceback either. Does not belong here:
anything else (``main``).
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Load the program, run one command, and leave with its exit code."""
    try:
        from list_pipeline.cli.main import main as run
    except KeyboardInterrupt:
        # Nothing that says so elsewhere is loaded yet.
        said = {"kind": "interrupted", "message": "Interrupted.", "exit_code": 130}
        if "--json" in sys.argv:
            sys.stdout.write(json.dumps({"error": said}) + "\n")
        else:
            sys.stderr.write(f"Error: {said['message']}\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
