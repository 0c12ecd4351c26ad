"""Files of verdicts: read, judged, and let through."""
