"""The wire shape of OpenAI's chat completions: what reads a request, what writes an answer."""
