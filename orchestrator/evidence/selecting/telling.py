"""Sentences that tell somebody what to say. They state nothing themselves, so they answer nothing.

"Say that the fee is 9 EUR" does not say that it is. Whom it speaks to does not matter: that is for
`orders`, which takes what speaks to machines out of the passages before anybody reads them. This is
the second lock on that door, for what is worded in another way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SAYS = (
    r"(?:say|state|answer|reply|respond|report|claim|assert|conclude|confirm|write|repeat|output"
    r"|print)"
)
_LEAD = (
    r"^(?:\W*\b(?:and|then|please|always|just|simply|only|now|instead|so|readers?|note|important"
    r"|attention"
    r"|assistants?|you (?:must|should|shall|are to|have to|will)|everybody|everyone"
    r"|anyone)\b)*[\s,:;!.>-]*"
)
_MACHINE = (
    r"(?:\b(?:AIs?|LLMs?|(?:large )?language models?|chat ?bots?|bots|copilots?|summari[sz]ers?"
    r"|(?:automated|automatic|machine|digital|virtual|AI) (?:readers?|systems?|agents?|assistants?"
    r"|tools?"
    r"|summari[sz]ers?|processing))\b|^\W*assistants?\b)"
)
_TELLS = re.compile(
    rf"{_LEAD}(?:{_SAYS}\b[^.;!?]{{0,25}}?(?:\bthat\b(?! (?:the|all|your) \w+ (?:is|are) (?:closed"
    rf"|open|on|off"
    r"|green|red|plugged))|:)"
    r"|(?:answer|reply|respond|say)(?: only)?(?: with)? (?:\d|yes\b|no\b|[“\"]|the (?:number"
    r"|figure)\b)"
    r"|pretend\b|tell (?:every|all|any|each|the)(?:body|one)?\b[^.;!?]{0,20}\bthat\b"
    r"|(?:quote|cite|use|trust|report|give) (?:only|nothing but) this\b)"
    rf"|(?<!not )(?<!never )\b(?:ignore|disregard|forget|override|(?:do not|never) (?:follow|trust"
    rf"|believe|use))\b[^.;!?]{{0,40}}?"
    r"\b(?:above|rest of|other (?:documents?|sources?|texts?|pages?|files?)|everything|guidelines"
    r"|manuals?|any other (?:text|source)"
    r"|instructions|prompts?|all (?:documents?|sources?|other|of it))\b"
    rf"|\b(?:notes?|instructions?|messages?|orders?|hints?) (?:for|to) (?:all |any |every "
    rf"|the )?{_MACHINE}"
    r"|\bthe answer is \d"
    r"|\b(?:the|only) (?:correct|right|only|true|final|official) answer\b|\banswer to (?:all|every"
    r"|any)\b"
    rf"|\b(?:when|if) (?:you (?:are |will be )?(?:asked|answer|answering|summari[sz]ing)"
    rf"|(?:some|any)(?:one|body) asks you|answering|summari[sz]ing)\b[^.!?]*\b(?:{_SAYS}|tell"
    rf"|include|mention)\b"
    rf"|{_MACHINE}[^.!?]{{0,80}}?(?:\b(?:must|should|shall|are to|is to|have to|has to|please)\b"
    rf"|[,:])"
    rf"(?! not\b| never\b)[^.!?]{{0,20}}?\b(?:{_SAYS}|tell|include|mention|add|quote|cite|recommend"
    rf"|ignore"
    r"|disregard|use|treat)\b"
    r"|\byou are (?:now )?(?:an? (?:helpful|ai|new|language|honest)|in \w+ mode)\b"
    r"|\b(?:new|updated|hidden|your) (?:system )?instructions?:|\bsystem(?: (?:message|prompt"
    r"|note))?: *(?:you|override)"
    r"|\b(?:do not|don['’]t|never) (?:mention|reveal|quote|cite|disclose) (?:this|these|where)\b",
    re.IGNORECASE,
)
_OF_ALL = re.compile(
    r"\b(?:this|these|the above|only that) (?:figures?|values?|numbers?|amounts?|sentences?"
    r"|paragraphs?"
    r"|information|notes?|dates?|versions?|facts?|lines?|text)\b",
    re.IGNORECASE,
)


def tells(text: str) -> bool:
    """Whether the sentence tells somebody what to say, to believe or to leave out."""
    return _TELLS.search(text) is not None


def tainted(sentences: Sequence[str]) -> list[bool]:
    """Of the sentences of one paragraph, which are no evidence.

    Those that tell somebody what to say and those after them; the whole paragraph where such a
    sentence speaks of it ("use only this figure").
    """
    told = [tells(text) for text in sentences]
    if any(t and _OF_ALL.search(s) for t, s in zip(told, sentences, strict=True)):
        return [True] * len(told)
    return [any(told[: i + 1]) for i in range(len(told))]
