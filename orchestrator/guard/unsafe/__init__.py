"""Unsafe content: a small filter of our own, and a routed one."""
