"""The mesh over HTTP: an OpenAI-compatible API, its keys, and what running it takes."""
