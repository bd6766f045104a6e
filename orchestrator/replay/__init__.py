"""Recorded traffic run again: as it was, under another policy, with fewer models."""
