"""The sender's faults, out of stored failures."""
