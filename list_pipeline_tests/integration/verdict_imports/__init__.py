"""Verdict imports, from the file to the lists and back."""
