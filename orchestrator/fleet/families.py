"""Who trained a model, read from the name that a provider reports for it.

A deployment declares a family, and behind a proxy, a local server or a provider's `auto` another
model may answer than the one that was meant. Where the name that came back is a known one, it
says more than the declaration.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NAMES = (
    (r"claude", "anthropic"),
    (r"(?:chat)?gpt|davinci|codex|o[1345](?:-|$)", "openai"),
    (r"gemini|gemma|palm", "google"),
    (r"mi[sx]tral|ministral|codestral|magistral|devstral|pixtral", "mistral"),
    (r"deepseek", "deepseek"),
    (r"(?:code)?llama(?!\.?cpp)", "meta"),
    (r"qwen|qwq", "alibaba"),
    (r"phi-?\d|wizardlm", "microsoft"),
    (r"command-|aya-", "cohere"),
    (r"grok", "xai"),
    (r"nemotron", "nvidia"),
    (r"granite", "ibm"),
    (r"smollm", "smollm"),
    (r"kimi", "moonshot"),
    (r"glm-", "zhipu"),
    (r"olmo", "allenai"),
    (r"nova-(?:lite|micro|pro|premier)", "amazon"),
)
_MAKERS = tuple((re.compile(rf"(?<![a-z])(?:{words})"), maker) for words, maker in _NAMES)


@lru_cache(maxsize=1024)
def maker(name: str) -> str | None:
    """Who trained the model of that name, as the families of the default fleet are called.

    `None` where the name says nothing. Of a name with several makers the first counts: a model
    that was trained further is kin to the one that it was made from.

    >>> maker("models/gemini-2.5-flash")
    'google'
    >>> maker("llama3.1:8b-instruct-q4_K_M")
    'meta'
    >>> maker("stand-in-1")
    """
    own = name.lower().rpartition("/")[2]  # before it stands who serves the model
    found = [(m.start(), who) for words, who in _MAKERS if (m := words.search(own))]
    return min(found)[1] if found else None


def answering_family(declared: str | None, reported: str | None) -> str | None:
    """The family of the model that really answered.

    Args:
        declared: of the deployment; `None` for code, which has no family whatever it reports.
        reported: the provider's own name for the model that answered, if it gave one.
    """
    if declared is None or reported is None:
        return declared
    trained_by = maker(reported)
    return declared if trained_by is None or kin(declared, trained_by) else trained_by


def kin(one: str | None, other: str | None) -> bool:
    """Whether two families are one, also where one of them is called by a model's name."""
    if one is None or other is None:
        return False
    return one == other or (maker(one) or one) == (maker(other) or other)
