"""Whether two requests ask for the same, and if not, what tells them apart."""
