"""The stages of campaigns on the sandbox."""
