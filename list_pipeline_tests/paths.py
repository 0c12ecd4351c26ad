"""Where the checkout is, whichever folder a test stands in."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
