"""The sender's faults: what there is to repair on our side, out of the failures that are stored."""
