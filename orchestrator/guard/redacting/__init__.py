"""Placeholders in the place of what a model must not see, and the values back in its answer."""
