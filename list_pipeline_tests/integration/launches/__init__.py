"""Launch changes on a rehearsed account."""
