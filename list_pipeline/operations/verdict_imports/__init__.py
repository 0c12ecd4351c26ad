"""Verdict imports: a file becomes a plan like any other, with gate, cap, review and undo."""
