"""Makes projects: a new one from a template, or from the configuration of another tool."""
