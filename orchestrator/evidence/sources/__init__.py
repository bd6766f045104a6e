"""Documents: read, laid out, cut into passages, kept and searched."""
