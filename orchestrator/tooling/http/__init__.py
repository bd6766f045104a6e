"""Reading pages of declared hosts."""
