"""A new audience: divided, dated and judged."""
