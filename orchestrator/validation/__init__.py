"""Validators: pure functions from an answer's text to a value, which say what is wrong with it."""
