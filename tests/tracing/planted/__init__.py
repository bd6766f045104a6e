"""Traces in which exactly one hop is wrong: recorded ones, with a fault planted afterwards."""
