"""Servers of the Model Context Protocol as tools."""
