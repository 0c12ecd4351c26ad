"""Quarantine, as pure functions."""
