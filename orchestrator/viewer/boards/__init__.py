"""Dashboards: what many requests come to, as plots with their tables."""
