"""Reads the declared folder: strict schema, errors with file:line:column, check, hash."""
