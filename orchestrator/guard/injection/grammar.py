"""A small grammar of orders to whoever answers from a source: parts, and their sum.

Such an order has (a) somebody whom it speaks to: a machine, the reader of just this text, a judge
of answers, or a "you" that gives answers; (b) an act of speech or of judgement that it demands:
say, answer, report, mark, and their opposites ignore and forget; (c) what the act is about: an
answer, a question, a user, instructions, sources, or the words to be said. Each part adds to a
score. A construction of several of them is enough alone; single words of (a) to (c) add little, for
one of them stands in any manual. What goes only with innocent texts (a human listener, a quiz, a
policy about machines) takes away.

The small weights began as rounded natural logarithms of how much more often such a part stands in
an order than in a sentence of ordinary text or in an innocent look-alike; several were then set by
hand, so a score is no probability.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from orchestrator.guard.injection._plain import folded
from orchestrator.guard.injection._words import (
    ADVERB,
    ANSWER,
    ANSWERS,
    ASKED,
    BEGINS,
    CALL,
    CLAIM,
    DEMAND,
    DEVICE,
    DROP,
    DROPS,
    FACT,
    GIVEN,
    JUDGE,
    JUDGES,
    MACHINE,
    MACHINES,
    MAYBE,
    MAYBES,
    NO_SHEET,
    OUGHT,
    PRIOR,
    READER,
    RULE,
    RULES,
    RULINGS,
    SAY,
    SAYS,
    SOURCE,
    TRUE,
    VOICE,
    VOICES,
    WORDS,
    YOU_OUGHT,
)

ENOUGH = 6
"""From this score on a sentence is an order."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the grammar: how it is written, and what it adds to the score."""

    name: str
    weight: int
    needs: frozenset[str]
    """Only a sentence with one of these words, in lower case, can have it."""
    written: str

    def held(self, text: str) -> bool:
        return _pattern(self.written).search(text) is not None


@cache
def _pattern(written: str) -> re.Pattern[str]:
    """Compiled when a text first asks for it: most never meet most of these, and all of them
    together take most of a second."""
    return re.compile(written, re.IGNORECASE)


def part(name: str, weight: int, needs: str, *forms: str) -> Part:
    """A part that one of these forms makes, in texts that hold one of the words of `needs`."""
    return Part(name, weight, frozenset(needs.split()), "|".join(forms))


_ADDRESSEES = (
    part(
        "calls a machine",
        3,
        f"{MACHINES} robot robots human",
        rf"{BEGINS}{CALL}?{MACHINE}(?: (?:note|notice|readers?|instructions?))?\s*[:,—–]",
        rf"{BEGINS}{CALL}(?:{MACHINE}|robots?)\b",
        r"\bif you are (?:not (?:a )?human|an? (?:robot|machine|program))\b",
        rf"\bas an? {MACHINE}\b",
        rf"\b(?:you(?: are|['’]re)|are you) an? {MACHINE}\b",
        rf"\b(?:this|it) is (?:only |meant )?for (?:(?:all|any|every) )*{MACHINE}\b",
    ),
    part(
        "calls who reads this",
        4,
        f"{MACHINES} {MAYBES} {JUDGES} processed read",
        rf"\b(?:{MACHINE}|{MAYBE}|{JUDGE}) {READER}",
        r"\b(?:whoever|anyone who) (?:checks|reviews|grades|judges|verifies|rates)\b",
        rf"\b(?:read|processed|summari[sz]ed|indexed) by (?:an? |any )?{MACHINE}\b",
    ),
)
_NOTE = part(
    "is a note for machines",
    ENOUGH,
    "note notes notice instruction instructions message messages orders hint hints guidance "
    f"directive directives {MACHINES} {MAYBES}",
    r"\b(?:notes?|notice|instructions?|messages?|orders|hints?|guidance|directives?) "
    rf"(?:for|to) (?:(?:all|any|every|the) )*(?:{MACHINE}\b|{MAYBE} {READER})",
    rf"{BEGINS}{CALL}?(?:{MACHINE}|{MAYBE}) {READER}(?: \w+){{0,2}}\s*[:,—–]",
)
_CONSTRUCTIONS = (
    _NOTE,
    part(
        "demands speech of a machine",
        ENOUGH,
        f"{MACHINES} {MAYBES}",
        rf"\b(?:{MACHINE}|{MAYBE} {READER})\b[^.!?:]{{0,60}}?\b{OUGHT} "
        rf"(?!not\b|never\b|be\b){VOICE}\b",
    ),
    part("takes back what was given", ENOUGH, DROPS, rf"(?:{DEMAND}|\band ){DROP} {GIVEN}"),
    part(
        "outranks the sources",
        ENOUGH,
        "whatever matter regardless even",
        r"\b(?:whatever|no matter what|regardless of what|even if|even where)(?: else)? "
        rf"(?:(?:your|the|any|all) )*(?:other )?{SOURCE}(?: \w+)? "
        r"(?:say|claim|state|tell|suggest|show)s?\b",
    ),
    part(
        "declares it void",
        ENOUGH,
        "void forgotten ignored disregarded cancelled suspended replaced apply count hold",
        rf"\b(?:{GIVEN}|(?:your|the) (?:{PRIOR} )*{RULES}(?: above)?) "
        r"(?:(?:is|are) (?:hereby |now )?(?:to be )?"
        r"(?:void|forgotten|ignored|disregarded|cancelled|suspended|replaced)"
        r"|(?:do |does )?no(?:t| longer) (?:apply|count|hold)(?: \w+){0,2} to you)",
    ),
    part(
        "dictates words",
        ENOUGH,
        f"{SAYS} tell",
        rf"{DEMAND}{SAY}(?: to (?:all|any|every)\w*)?(?: (?:only|exactly|simply|clearly))* "
        rf"(?:that\b|(?:only )?with {WORDS}|['\"“‘][^'\"”’]+['\"”’]\W*$|nothing but)",
        rf"{DEMAND}(?:answer|reply|respond)(?: only)? (?:\d|(?:yes|no)\b)",
        rf"{DEMAND}(?:answer|reply|respond) with [^.!?]{{1,40}} (?:and nothing else|only)\b",
        rf"{DEMAND}(?:answer|reply|respond) to (?:all|any|every|each) [^.!?]{{1,40}}? with\b",
        rf"{DEMAND}repeat after me\b",
        rf"{DEMAND}tell (?:every|any|all|each|the)(?:body|one| user| reader)s?(?: of your \w+)? "
        r"that\b",
        rf"{DEMAND}(?:{DROP}|{VOICE})\b[^.!?]{{0,60}}?\band {SAY} that\b",
    ),
    part(
        "dictates a fact",
        ENOUGH,
        SAYS,
        rf"(?:{DEMAND}|^\W*(?:if|when(?:ever)?|should|in) [^.!?]{{1,80}}?, (?:{ADVERB} )*)"
        r"(?:say|state|claim|answer|reply|respond|conclude|assert|declare)(?: \w+ly)? "
        r"(?!that\b)(?:(?!who|what|which|where|when|why|how|if|whether|as|that)[\w’'-]+ ){1,6}"
        r"(?:is|are|was|were|has|had|never|cannot)\b",
        rf"{DEMAND}(?:{SAY}) (?:exactly|only|just) (?:this|as follows|the following"
        r"(?: (?:sentence|words?|text|line|answer|reply))?)\s*:",
        rf"{DEMAND}(?:report|give|state|name|quote|describe) [^.!?,]{{1,40}} as \d",
    ),
    part(
        "dictates words for when it is asked",
        ENOUGH,
        "asked asks ask want wants enquire enquires mention mentions answering replying responding "
        "summarising summarizing your question questions queries response asking",
        r"\b(?:ask(?:s|ed|ing)?|wants?|questions?|queries|response to|enquir\w+|mention\w*)\b"
        rf"[^.!?]{{0,80}}?[,:;]\s*(?:{ADVERB} )*{SAY} ?{FACT}",
        rf"{ASKED}[^.!?]{{0,80}}?(?:[,:;]\s*(?:{ADVERB} )*|{YOU_OUGHT}){VOICE} ?{FACT}",
    ),
    part(
        "dictates a verdict",
        ENOUGH,
        RULINGS,
        rf"(?:{DEMAND}|\b(?:{JUDGE}|whoever \w+ this \w+)\b[^.!?]{{0,30}}?\b{OUGHT} )(?:not )?"
        rf"{RULE} (?:{CLAIM}[^.!?]{{0,60}}?(?:\bas )?\b(?:{TRUE}|full marks|without)\b"
        rf"|(?:this|it|them) as {TRUE}\b)",
        rf"\b{CLAIM} (?:must|should|shall|is to|are to) be {RULE}(?:e?d)? (?:as )?{TRUE}\b",
        rf"\b{JUDGE} {OUGHT} (?:not )?{RULE} {CLAIM}",
    ),
    part(
        "names the answer",
        ENOUGH,
        "answer reply output response truth answered",
        r"\b(?:correct|right|true|expected|proper|ideal|acceptable|desired|official|final|verified"
        r"|only) (?:answer|reply)\b[^.!?]{0,60}?(?:\bis\b|[:=])",
        r"\bexpected (?:output|response) is\b",
        r"\b(?:verified|official|approved|reference) answer\s*[:=]",
        r"^\W*ground truth\s*[:=]",
        r"\bthe answer is [^.;!?]{1,60}[.,;:!] ?(?:say|answer|reply|so answer)\b",
        r"\banswer to (?:all|any|every) ",
        r"\bthe answer (?:that )?you (?:are|want|need|seek|must|should|have)\b[^.!?]{0,30}?\bis\b",
        r"\bthe answer (?:must|should|shall|will|has to) be (?-i:[A-Z0-9\"“'])",
        r"\bquestions? [^.!?]{0,40}?\b(?:is|are|must|should)(?: to)? be answered (?:with|by)\b",
    ),
    part(
        "shapes the answer",
        ENOUGH,
        "your nothing",
        rf"\byour {ANSWER} (?:says|states|names|claims|mentions|tells)\b",
        rf"\byour {ANSWER} {OUGHT} (?:say|state|(?:contain|include|begin with|start with|end with) "
        r"(?:the (?:word|phrase|sentence)s?|['\"“‘]))",
        rf"{DEMAND}(?:begin|start|end|open|close) your {ANSWER} with\b",
        rf"{DEMAND}use [^.!?]{{1,40}} in your {ANSWER}\b",
        rf"{DEMAND}{SAY}\b[^.!?]{{1,40}} and nothing else\b",
    ),
    part(
        "poses as the dialogue",
        ENOUGH,
        "inst system assistant user im_start im_end sys instruction instructions systems developer "
        "tool function search",
        r"\[/?inst\]|<\|?/?(?:system|assistant|im_start|im_end)\|?>|<\|user\|>|<<sys>>",
        r"#{2,} ?(?:instruction|system|assistant)s?:",
        r"^\W*(?:new )?(?:system|developer)(?: (?:message|prompt|note|instruction)s?)?\s*:\s*"
        rf"(?:you|your|always|never|{VOICE}|{DROP})\b",
        r"\b(?:human|user)\s*: .{1,200}\b(?:assistant|ai|bot)\s*: ",
        r"^\W*(?:tool|function|search) (?:result|output|response)s?\s*:",
    ),
    part(
        "gives another role",
        ENOUGH,
        "you your new act pretend",
        r"\byou are (?:now )?(?:an? (?:(?:helpful|new|different|honest|unrestricted) )?(?:ai"
        r"|assistant|language model|chatbot)\b|in (?:developer|god|jailbreak|unrestricted) mode\b)",
        r"\byou are an? [\w ]{1,30} now\b",
        rf"{DEMAND}act as an? (?:[\w-]+ )?(?:assistant|ai|bot|chatbot|expert)\b",
        r"\bfrom now on,? you (?:are|must|will|shall)\b",
        r"\b(?:your|new) (?:new )?(?:task|goal|role|orders|instructions?)"
        rf"(?: is now to|(?: is)?\s*:) {VOICE}\b",
        rf"{DEMAND}(?:act as (?:if|though)|pretend (?:that|to be|you))\b",
    ),
    part(
        "asks for silence",
        ENOUGH,
        "mention reveal quote cite tell say",
        r"\b(?:do not|don['’]t|never) (?:mention|reveal|quote|cite|tell|say)\b[^.!?]{0,25}?"
        r"\b(?:(?:this|these) (?:notes?|instructions?|messages?|prompt)|where (?:this|it|you)"
        r"|that you (?:read|were))",
    ),
)
_WORDS = (
    part("names a machine", 2, MACHINES, rf"\b{MACHINE}\b"),
    part(
        "calls an assistant or a judge",
        3,
        f"{MAYBES} {JUDGES}",
        rf"{BEGINS}{CALL}(?:{DEVICE}|{JUDGE}|claude|gemini)\b",
        rf"{BEGINS}(?:models?|assistants?|{JUDGE})\s*[:,]",
    ),
    part("names a judge", 1, JUDGES, rf"\b{JUDGE}\b"),
    part(
        "speaks of verdicts",
        3,
        "as marks claim claims verification statement answer",
        rf"\bas {TRUE}\b|\bfull marks\b|\b(?:this|the|any|every|all)(?: \w+)? claims?\b",
        r"\bverification\b|\bthis (?:statement|claim|answer)\b",
    ),
    part(
        "speaks of the answer",
        2,
        ANSWERS,
        rf"\b(?:your|every|any|each|as the|an? \w+|the \w+)(?: \w+)? {ANSWER}\b{NO_SHEET}",
        r"\bthe (?:answer|reply) (?:is|to|that|must|will|should)\b",
    ),
    part("speaks of your answer", 3, "your", rf"\byour (?:\w+ )?{ANSWER}\b{NO_SHEET}"),
    part(
        "tells when you answer",
        2,
        "answer answering reply replying respond responding summarise summarize summarising "
        "summarizing report reporting write asked",
        r"\b(?:when(?:ever)?|before|if|while|once) (?:you )?"
        r"(?:answer|reply|respond|summari[sz]e?|report)(?:ing)?\b",
        r"\bwhen you write\b|\byou (?:were|are) asked\b",
    ),
    part(
        "speaks of questions",
        2,
        "question questions query queries asks ask asking asked wants mentioned",
        r"\b(?:any|all|every|the|to) (?:questions?|quer(?:y|ies))\b",
        r"\bquestions? (?:about|on|regarding)\b",
        r"\b(?:anyone|nobody|whoever|somebody|someone|user|who|those) "
        r"(?:asks?|asking|wants to know)\b",
        r"\bis mentioned\b|\basked (?:about|for|whether|what)\b",
    ),
    part("speaks of the user", 3, "user reader", r"\bthe user\b|\breader of your\b"),
    part(
        "ranks the texts",
        4,
        "other second earlier previous preceding above rest remainder alone only",
        r"\b(?:other|second|earlier|previous|preceding|above|(?:rest|remainder) of)"
        rf"(?: the| this)? {SOURCE}\b",
        rf"\bthis {SOURCE} (?:alone|only)\b|\b{SOURCE} above\b",
    ),
    part(
        "speaks of itself",
        3,
        "this",
        r"\bthis (?:page|line|paragraph|text|passage|document|file|sentence|note|leaflet|brochure"
        r"|instruction|message)\b",
    ),
    part(
        "speaks of dropping",
        1,
        "ignore disregard forget erase discard decoy forgery forgeries outdated void override",
        r"\b(?:ignore|disregard|forget|erase|discard|decoy|forger(?:y|ies)|outdated|void"
        r"|override)\b",
    ),
    part(
        "speaks of instructions",
        2,
        "instruction instructions orders guidelines directive directives",
        r"\b(?:instructions?|orders|guidelines|directives?)\b",
    ),
    part(
        "sets a task",
        2,
        "your new end imagine penalised penalized punished rewarded shut next",
        r"\b(?:your|new|next)(?: new)? (?:guidelines|instructions?|task|orders|goals?|rules"
        r"|(?:system )?prompt|memory|training|context|sources|role)\b",
        r"\byour \w+ (?:prompt|memory|training|context|sources)\b",
        r"\bimagine (?:that )?you(?: are|['’]re)\b|\bend of (?:document|context|input)\b",
        r"\byou will be (?:penali[sz]ed|punished|rewarded|shut down)\b",
    ),
    part(
        "has words to be said",
        3,
        f"{SAYS} announce believe convince",
        rf"\b(?:{SAY}|announce|believe|convince(?: \w+){{1,5}}) that\b",
    ),
    part(
        "gives a role",
        2,
        "as mode you imagine pretend",
        r"\b(?:act|speak|write|respond|answer) as (?:an?|the|if)\b|\byou are now\b|\bpretend\b",
        r"\b(?:authori[sz]e|instruct|order|ask|command) you\b",
    ),
    part(
        "has a tag of a dialogue",
        3,
        "answer assistant system user human ai",
        r"\bfinal answer\s*:|^\W*(?:assistant|system|user|human|ai)(?: \w+)?\s*:"
        r"|^\W*#+ ?(?:assistant|system|instruction|user)\b|\bsystem override\b",
        r"\"role\"\s*:\s*\"(?:system|assistant)\"",
    ),
    part(
        "leaves no choice",
        1,
        "alone nothing anything cases other only always never",
        r"\b(?:alone|nothing else|nothing but|anything but|in all cases|no other|only|always"
        r"|never)\b",
    ),
)
_DEMANDS = (
    part(
        "demands speech",
        1,
        f"{VOICES} {RULINGS}",
        rf"(?:{DEMAND}|[,\])—–]\s*(?:{ADVERB} )*|\band )"
        rf"(?:(?:do not|don['’]t|never) )?(?:{VOICE}|{RULE})\b",
    ),
    part("obliges to speak", 2, f"{VOICES} {RULINGS}", rf"\b{OUGHT} (?:not )?(?:{VOICE}|{RULE})\b"),
    part(
        "says what is in your answer",
        1,
        "your",
        rf"\bin your (?:\w+ )?{ANSWER}\b{NO_SHEET}",
    ),
    part(
        "forbids a use of texts",
        2,
        "not never",
        r"\b(?:do not|don['’]t|never|(?:need|should|must|may|shall) not) (?:need to )?"
        r"(?:look at|check|quote|cite|compare|consult|follow|trust|mention|answer|verify"
        r"|report|believe|rely)\b",
    ),
    part(
        "keeps a secret",
        2,
        "hide conceal secret nothing believe hidden",
        r"\b(?:hide|conceal|secret|nothing about|let the \w+ believe|hidden)\b",
    ),
    part(
        "tells what may be told",
        3,
        "be",
        r"\b(?:may|must|shall|should|can|is to|are to) be "
        r"(?:told|given|reported|said|stated|answered|named|mentioned|quoted)\b",
    ),
)
_INNOCENT = (
    part(
        "listeners are people",
        -2 * ENOUGH,
        "asks ask wants want enquires calls complains tell",
        r"\b(?:if|when(?:ever)?) (?:an?|the|your|any|some) (?!users?\b|person\b)[a-z]+(?: [a-z]+)? "
        r"(?:asks?|wants?|enquires?|calls?|complains?)\b",
        r"\btell (?:your|them|him|her|us|me)\b",
    ),
    part(
        "is of a quiz",
        -ENOUGH,
        "question exercise problem task item no riddle puzzle quiz clue crossword part exam test "
        "true yes answer",
        r"\b(?:answer|reply)s? (?:to|of|for) (?:question|exercise|problem|task|item|no\.?"
        r"|the (?:riddle|puzzle|quiz|clue|crossword)|quiz|part)\b",
        r"\b(?:in|of) (?:the|this) (?:quiz|exam|test|exercise)\b|\b(?:true or false|yes or no)\b",
        r"\banswer(?: is)?\s*[:=]?\s*\(?[a-e]\)?\W*$",
    ),
    part(
        "is a rule about machines",
        -2 * ENOUGH,
        f"{MACHINES} {MAYBES}",
        rf"\b{MACHINE}\b[^.!?]{{0,60}}?\b{OUGHT} "
        r"(?:not\b|never\b|\w+ (?:that )?(?:it|its|they|their|them)\b)",
        r"\b(?:says?|means?|is an attack|tells? (?:a|the) model)\b[^.!?]{0,60}\bignore its\b",
    ),
    part(
        "wants to know of its reader",
        -3,
        "your you",
        r"\bwhether you\b|\bif you (?:will|can|would|wish|want|are)\b",
        r"\byour (?:full |own )?(?:name|address|age|date|(?:\w+ )?number)\b",
        rf"\byour {ANSWER} {OUGHT} (?:include|contain|state|give|name|mention)\b",
    ),
    part("says what for", -3, "to", r"\bto (?:confirm|cancel|stop|unsubscribe|continue|opt)\b"),
)

_SPACES = re.compile(r"\s+")
_WORD = re.compile(r"[a-z_]+")


@lru_cache(maxsize=4096)
def score(text: str) -> int:
    """The sum of the parts of an order that a sentence has; `ENOUGH` of it is one."""
    whole = _sum(text, _CONSTRUCTIONS)
    about = _sum(text, _ADDRESSEES) + _sum(text, _WORDS)
    if not whole + about:
        return 0  # a demand alone stands in any manual
    demand = _sum(text, _DEMANDS)
    found = whole + about + demand if whole or demand else min(about, ENOUGH - 1)
    if found < ENOUGH:
        return found
    return found + _sum(text, _INNOCENT)


def calls(text: str) -> bool:
    """Whether a sentence calls a machine, or whoever reads just this text."""
    return bool(held(text, (*_ADDRESSEES, _NOTE)))


def only_calls(text: str) -> bool:
    """Whether a text says whom it is for and nothing of what that one is to do."""
    return not demands(text) and held(text, _CONSTRUCTIONS) in ([], [_NOTE])


def demands(text: str) -> bool:
    """Whether a sentence demands that somebody says or judges something."""
    return bool(held(text, _DEMANDS[:1]))


def parts(text: str) -> tuple[str, ...]:
    """The names of all parts of an order that a sentence has, and of what takes from its score."""
    every = (*_ADDRESSEES, *_CONSTRUCTIONS, *_WORDS, *_DEMANDS, *_INNOCENT)
    return tuple(p.name for p in held(text, every))


def _sum(text: str, among: Sequence[Part]) -> int:
    return sum(p.weight for p in held(text, among))


def held(text: str, among: Sequence[Part]) -> list[Part]:
    """Those of the parts that a sentence has."""
    shown, words = _shown(text)
    return [p for p in among if not p.needs.isdisjoint(words) and p.held(shown)]


@lru_cache(maxsize=256)
def _shown(text: str) -> tuple[str, frozenset[str]]:
    """The text as a reader sees it, and its words.

    Without characters that have no width, and none in another costume (see `folded`).
    """
    text = _SPACES.sub(" ", folded(text)).strip()
    return text, frozenset(_WORD.findall(text.lower()))
