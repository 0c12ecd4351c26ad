"""The clean-up of old records."""
