"""The evidence card of a contact: everything that is stored of it, and the rules asked once more about its last verdict."""
