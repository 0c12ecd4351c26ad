"""Quarantine on the sandbox."""
