"""A campaign of faults against the sandbox: `make chaos`."""
