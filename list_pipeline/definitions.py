"""The code location: ``build_defs`` lists what exists in it."""

from list_pipeline.defs.build import build_defs

defs = build_defs()
