"""``python -m list_pipeline.cli``."""

from list_pipeline.cli.main import main

if __name__ == "__main__":
    main()
