"""What is known of a model by its name: maker, size, provider, and its entry in the price file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from orchestrator.fleet.prices import price_file
from orchestrator.types import Tier

Listed = Mapping[str, Any]
UNKNOWN_FAMILY = "unknown"
"""Shared by all models whose maker is not known: none of them may then check another's work."""

CHAT_MODES = frozenset({"chat", "completion", "responses"})

OPENAI_COMPATIBLE = frozenset(
    {"openai", "custom_openai", "openai_like", "hosted_vllm", "lm_studio", "llamafile", "ollama"}
    | {"ollama_chat", "vllm"}
)
"""Providers whose endpoint speaks OpenAI's protocol, so that no translation is needed."""

KEY_VARIABLES: Mapping[str, str] = {
    "ai21": "AI21_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "azure": "AZURE_API_KEY",
    "azure_ai": "AZURE_AI_API_KEY",
    "cerebras": "CEREBRAS_API_KEY",
    "cohere": "COHERE_API_KEY",
    "cohere_chat": "COHERE_API_KEY",
    "dashscope": "DASHSCOPE_API_KEY",
    "databricks": "DATABRICKS_API_KEY",
    "deepinfra": "DEEPINFRA_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks_ai": "FIREWORKS_AI_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "groq": "GROQ_API_KEY",
    "huggingface": "HUGGINGFACE_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "moonshot": "MOONSHOT_API_KEY",
    "nvidia_nim": "NVIDIA_NIM_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "perplexity": "PERPLEXITYAI_API_KEY",
    "replicate": "REPLICATE_API_KEY",
    "sambanova": "SAMBANOVA_API_KEY",
    "text-completion-openai": "OPENAI_API_KEY",
    "together_ai": "TOGETHERAI_API_KEY",
    "xai": "XAI_API_KEY",
}
"""Where litellm looks for a provider's key when the configuration names none."""

_FAMILIES = (
    (r"claude", "anthropic"),
    (r"gpt|chatgpt|davinci|babbage|\bo[134](-|$)|codex", "openai"),
    (r"gemini|gemma|palm|bison", "google"),
    (r"mi[sx]tral|codestral|ministral|pixtral|magistral|devstral", "mistral"),
    (r"deepseek", "deepseek"),
    (r"nemotron", "nvidia"),
    (r"llama", "meta"),
    (r"qwen|qwq", "qwen"),
    (r"command|c4ai|\baya\b", "cohere"),
    (r"\bphi-?\d", "microsoft"),
    (r"grok", "xai"),
    (r"\bnova\b|titan", "amazon"),
    (r"jamba|\bj2\b", "ai21"),
    (r"granite", "ibm"),
    (r"kimi|moonshot", "moonshot"),
    (r"\bglm", "zhipu"),
    (r"smollm", "smollm"),
    (r"sonar", "perplexity"),
    (r"\byi-", "01-ai"),
    (r"dbrx", "databricks"),
    (r"minimax", "minimax"),
)
_WORDS: tuple[tuple[str, Tier], ...] = (
    (r"nano|tiny", "nano"),
    (r"mini|small|haiku|flash|lite|micro|instant|3\.5-turbo", "small"),
    (r"sonnet|medium", "mid"),
    (r"opus|ultra|pro|premier|o1|o3", "frontier"),
)
_BILLIONS = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)b(?![a-z])")
_MAKERS: Mapping[str, str] = {
    "ai21": "ai21",
    "anthropic": "anthropic",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "deepseek": "deepseek",
    "gemini": "google",
    "mistral": "mistral",
    "moonshot": "moonshot",
    "perplexity": "perplexity",
    "xai": "xai",
}
"""Providers that serve what they trained, whatever its name."""
_SIZES: tuple[tuple[float, Tier], ...] = ((4, "nano"), (35, "small"), (200, "mid"))
_PRICES: tuple[tuple[float, Tier], ...] = ((0.3, "nano"), (2.5, "small"), (9, "mid"))
"""Up to so many billion parameters, or US dollars a million tokens of output."""

QUALITY: Mapping[Tier, float] = {"nano": 0.3, "small": 0.68, "mid": 0.8, "frontier": 0.88}
"""A first guess for any task, in line with the default fleet's; to be measured."""


@cache
def _listings() -> Mapping[str, Listed]:
    file = price_file()
    try:
        entries = json.loads(file.read_bytes()) if file else {}
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def listed(*names: str) -> Listed:
    """The price file's entry of the first name that has one, with or without its provider."""
    for name in names:
        for form in (name, name.partition("/")[2]):
            entry = _listings().get(form) if form else None
            if isinstance(entry, dict):
                return entry
    return {}


def family_of(provider: str, *names: str) -> str | None:
    """Who trained the model: the first name (without its provider) that says so, or a provider
    that serves only its own."""
    for name in names:
        for pattern, family in _FAMILIES:
            if re.search(pattern, name.lower()):
                return family
    return _MAKERS.get(provider)


def tier_of(name: str, listing: Listed) -> Tier | None:
    """How strong a model is likely to be, by its name, its size or its price."""
    lowered = name.lower()
    sizes = [float(size) for size in _BILLIONS.findall(lowered)]
    if sizes:
        return _up_to(max(sizes), _SIZES)
    for words, tier in _WORDS:
        if re.search(rf"(?<![a-z0-9])({words})(?![a-z0-9])", lowered):
            return tier
    price = listing.get("output_cost_per_token")
    if not isinstance(price, int | float) or not price:
        return None
    return _up_to(price * 1e6, _PRICES)


def _up_to(value: float, steps: tuple[tuple[float, Tier], ...]) -> Tier:
    return next((tier for most, tier in steps if value < most), "frontier")


def slug(text: str, most: int = 64) -> str:
    """`text` as a name: small letters, digits and `-._`; empty where nothing is left."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:most].rstrip("-._")


def variable_name(text: str) -> str:
    """`text` as the name of an environment variable."""
    name = re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")
    return name if name[:1].isalpha() else f"MODEL_{name}".rstrip("_")
