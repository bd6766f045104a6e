"""The ways to reach a model; importing this package registers them by name and loads nothing."""

from orchestrator.calling.transports.pool import Transports
from orchestrator.project.registry import BUILTINS

# Whoever imports this first, these belong to the library and not to the project being loaded.
with BUILTINS.active():
    from orchestrator.calling.transports import builtin, encoder, litellm, llamacpp, openai
    from orchestrator.calling.transports.products import embedder
    from orchestrator.calling.transports.products import litellm as litellm_products
    from orchestrator.calling.transports.products import openai as openai_products

__all__ = [
    "Transports",
    "builtin",
    "embedder",
    "encoder",
    "litellm",
    "litellm_products",
    "llamacpp",
    "openai",
    "openai_products",
]
