"""A new audience, from the master list to the campaign lists and back."""
