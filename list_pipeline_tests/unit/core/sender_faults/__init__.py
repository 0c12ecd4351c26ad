"""The sender's faults as a list."""
