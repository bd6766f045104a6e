"""Chat completions in OpenAI's shape: from the bytes of a request to those of its answer."""
