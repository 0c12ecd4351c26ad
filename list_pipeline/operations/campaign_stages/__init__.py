"""The stages of campaigns: each is told in its time, once, or skipped with the reason; and the calendar of what is planned."""
