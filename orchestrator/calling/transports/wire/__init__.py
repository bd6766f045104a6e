"""The OpenAI-compatible protocol: bodies, events, usage, connections, and what goes wrong."""
