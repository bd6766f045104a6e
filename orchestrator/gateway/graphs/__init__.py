"""Declared graphs as models: `graph:NAME` in a chat request."""
