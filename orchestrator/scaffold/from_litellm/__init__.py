"""An existing LiteLLM proxy configuration becomes a fleet and a policy."""
