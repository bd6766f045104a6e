"""Transports of what is no text: vectors and images."""
