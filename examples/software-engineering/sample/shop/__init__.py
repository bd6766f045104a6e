"""A small mail-order shop, written to be worked on. It does not exist, and its holes are meant."""
