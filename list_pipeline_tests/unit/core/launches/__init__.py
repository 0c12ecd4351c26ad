"""The rules of launch changes."""
