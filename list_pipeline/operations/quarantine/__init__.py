"""Quarantine: who is kept from mail after a campaign or by hand, and mailed again when its time is over."""
