"""``python -m list_pipeline.demo [SCENARIO]``."""

import os
import sys

from list_pipeline.core.errors import ListPipelineError
from list_pipeline.demo.play import run
from list_pipeline.demo.showing import console
from list_pipeline.stack.state import PRIVATE_UMASK

if __name__ == "__main__":
    os.umask(PRIVATE_UMASK)
    try:
        sys.exit(run(*sys.argv[1:2]))
    except ListPipelineError as error:
        console.print(f"Error: {error}", markup=False)
        sys.exit(1)
