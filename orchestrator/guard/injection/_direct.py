"""Attacks that are none of a person's business to write, whoever the text speaks to.

The grammar of orders (`grammar`) tells an order from a statement, which is enough in a source: none
belongs there. Who asks may give orders, so of a prompt only those count that reach beyond it: that
take back what the operator said, pose as the operator, ask for his words, or carry data away.
"""

from __future__ import annotations

from orchestrator.guard.injection._words import (
    ADVERB,
    DEMAND,
    DROP,
    MACHINE,
    MACHINES,
    PRIOR,
    VOICE,
)
from orchestrator.guard.injection.grammar import ENOUGH, part

_OF_OPERATOR = (
    rf"(?:(?:all|any|every|of|the|your|these|those|its|(?:that )?was|whatever) )*(?:(?:{PRIOR}"
    rf"|safety|"
    r"security|content|initial|hidden|built-in) )+"
    r"(?:instructions?|prompts?|directives?|commands?|orders|rules|guidelines?|guardrails?"
    r"|programming|training|restrictions|polic(?:y|ies)|filters?|constraints)"
)
_SYSTEM_WORDS = (
    r"(?:(?:the|this|its|your) (?:(?:exact|full|whole|entire|complete|hidden|secret|original"
    r"|own) )*"
    r"(?:system prompt|(?:developer|hidden|initial|secret|internal)[ -](?:prompt|instructions?"
    r"|directives?|rules))|your (?:(?:initial|own|full|exact|secret|system|original|hidden) )*"
    r"(?:prompt|instructions?|guidelines|configuration|system message))"
)
_TELL = (
    r"(?:reveal|show|print|repeat|output|display|leak|disclose|expose|dump|recite|echo|translate"
    r"|summari[sz]e|give|tell|write(?: out| down)?|copy|paste|send|share|encode)"
)
_AWAY = r"(?:send|forward|e-?mail|upload|post|transmit|exfiltrate|leak|submit|deliver|copy|append)"
_INSIDE = (
    r"(?:(?:the|this|that|your|all|entire|whole|full|our|user['’]?s?|customer['’]?s?|previous|chat"
    r"|its|any|every|retrieved) )*(?:conversation|chat(?: history| log)?|history|system prompt"
    r"|context(?: window)?|instructions|credentials|api keys?|passwords?|secrets|tokens|memory"
    r"|user['’]?s? (?:data|files?|questions?|messages?|name|e-?mail|details)|private data"
    r"|(?:retrieved )?passages|everything you (?:know|have|were given))"
)
_ADDRESS = r"(?:https?://|[\w.+-]+@[\w-]+\.\w+|\bwww\.|[\w-]+\.(?:com|net|org|io|example|test)\b)"
_CODE_NAME = r"[`'\"“]?[a-z]+(?:[_.-][a-z]+)+[`'\"”]?(?:\(|\b)"
_TOOL = rf"(?:(?:the|your|this) )?(?:{_CODE_NAME}(?: (?:tool|function|plugin|api))?|[\w-]+ tool)"

ANYWHERE = (
    part(
        "takes back the operator's words",
        ENOUGH,
        "ignore disregard forget erase override overrule discard drop skip bypass neglect cancel "
        "aside attention stop follow obey heed",
        rf"(?<!not )(?<!never )\b{DROP} {_OF_OPERATOR}\b",
        r"(?<!not )(?<!never )\b(?:ignore|disregard|forget|override|bypass)"
        r" (?:(?:all|everything|any|the) )+(?:of )?(?:the )?above\b"
        r"(?! (?:the|a|my|our|this|[\w-]+ (?:level|line|sea)))",
        r"(?<!not )(?<!never )\b(?:ignore|disregard|forget)(?: all| everything| anything)? "
        r"(?:that )?you (?:were|have been|['’]ve been) (?:told|given|instructed|taught)\b",
    ),
    part(
        "asks for the operator's words",
        ENOUGH,
        "prompt instructions instruction message directives rules guidelines configuration above "
        "verbatim",
        rf"(?:{DEMAND}|\b(?:can|could|would|will) you |\band |\bto )"
        rf"(?:{ADVERB} )*{_TELL}(?: (?!for\b|with\b)\w+){{0,4}}? {_SYSTEM_WORDS}",
        r"\bwhat (?:is|are|was|were|does|do) (?:your|the) (?:exact |full |original |initial "
        r"|hidden |secret )*(?:system prompt|system message|(?:hidden|secret|initial|original"
        r"|system)"
        r" instructions)\b",
        rf"\b{_TELL} (?:everything|all|the (?:text|words|content)s?) (?:that (?:is|stands) )?"
        r"(?:above|before this)\b.{0,40}?(?:verbatim|word for word|code block|starting with"
        r"|beginning with|you are)",
    ),
    part(
        "takes off all limits",
        ENOUGH,
        "dan jailbreak jailbroken unrestricted unfiltered uncensored anything restrictions filters "
        "limits bound developer god sudo guidelines",
        r"\b(?:you are|you['’]re|act as|become|pretend (?:to be|you are)|switch to|enter|enable"
        r"|as)(?: now)?(?: an?)? (?:DAN|jailbroken|unrestricted|unfiltered|uncensored)\b",
        r"\bdo anything now\b",
        r"\b(?:enter|enable|activate|switch (?:in)?to|you are (?:now )?in) (?:\w+ )?"
        r"(?:developer|god|jailbreak|sudo|debug|admin|unrestricted) mode\b",
        r"\b(?:you|model|assistant|ai)\b[^.!?]{0,60}?\b(?:without|no|free (?:of|from)|not bound by"
        r"|no longer bound by) (?:any |all |your |its |the )*(?:ethical |safety |content |usual )*"
        r"(?:restrictions|filters|guidelines|limits|limitations|guardrails|rules)\b",
    ),
    part(
        "poses as the operator",
        ENOUGH,
        "system developer administrator admin inst im_start im_end sys operator assistant "
        "instruction instructions openai anthropic override root",
        r"\[/?inst\]|<\|?/?(?:system|im_start|im_end|start_header_id)\|?>|<<sys>>",
        r"^\W*(?:new |begin |start of |important )?(?:system|developer|admin(?:istrator)?|operator)"
        r"(?: (?:message|prompt|notes?|notice|instructions?|override|update|alert|command))*"
        r"\s*[:\]>]+\s*(?:you|your|always|never|from now|the (?:assistant|model|ai)"
        r"|new (?:instruction"
        rf"|order|rule|task)s?|all|{VOICE}|{DROP}|(?:enable|disable|enter|activate|comply|obey))\b",
        r"#{2,} ?(?:new )?(?:system|instructions?)(?: \w+)?\s*:",
        r"\"role\"\s*:\s*\"(?:system|developer)\"",
        r"\b(?:i am|i['’]m|this is|speaking as|signed by) (?:your |the |an? )?(?:\w+ )?(?:developer"
        r"|(?:system )?administrator|operator|creator|root)\b.{0,80}?\b(?:override|unlock"
        r"|ignore|disable|reveal|grant|comply|new (?:instructions|orders|rules))\b",
        r"\bsystem override\b",
    ),
    part(
        "carries data away",
        ENOUGH,
        "send forward mail email upload post transmit exfiltrate leak submit deliver copy append "
        "render include img http https add embed insert",
        rf"(?:{DEMAND}|\band |[,;:] )(?:{ADVERB} )*{_AWAY} {_INSIDE}\b.{{0,60}}?\b(?:to|at|via|into"
        rf"|in) .{{0,30}}?(?:{_ADDRESS}|address|server|url|link|webhook)",
        r"!\[[^\]\n]*\]\((?:https?:)?//[^)\s]*[?&/=][^)\n]*(?:[{\[<$]|%7b|prompt|secret|history"
        r"|conversation|data=|answer|question)",
        r"<img[^>]+src=[\"']?(?:https?:)?//[^>]*(?:[{\[<$]|secret|history|prompt|conversation)",
        r"\b(?:render|include|append|embed|add|end with|insert) [^.!?\n]{0,60}!\[[^\]\n]*\]\(",
    ),
)
"""Of these one is enough, in whatever text."""

INSIDE = (
    part(
        "poses as a fence",
        ENOUGH,
        "passage citation rejected quoted conversation",
        r"<\s*/\s*(?:passage|citation|rejected|quoted|conversation)\b",
    ),
    part(
        "calls a tool",
        ENOUGH,
        "call use invoke run execute trigger open tool tool_call function_call tool_calls "
        "function arguments",
        rf"(?:{DEMAND}|\bthen |\bfirst,? |\band )(?:{ADVERB} )*(?:call|invoke|use|run|execute"
        rf"|trigger)"
        rf" {_TOOL}[^.!?\n]{{0,80}}?\b(?:before (?:you )?(?:answer|reply|respond|continu)\w*"
        r"|instead of answering|with (?:the )?(?:argument|parameter|input|user)s?\b"
        r"|silently|without (?:asking|telling|confirmation)|for (?:every|each|any) (?:question"
        r"|user)"
        r"|on behalf of the user)",
        rf"\b{MACHINE}\b[^.!?\n]{{0,60}}?\b(?:must|should|shall|will|to)(?: \w+)? "
        rf"(?:call|invoke|use|run|execute) {_TOOL}",
        rf"\b(?:when|while|before) (?:you )?(?:answer|reply|respond|summari[sz]|read)\w*"
        rf"[^.!?\n]{{0,60}}?,? (?:call|invoke|run|execute) {_TOOL}",
        r"<\|?/?(?:tool_call|function_call|tool_calls)\|?>|\"(?:tool_calls|function_call)\"\s*:",
        r"\{\s*\"(?:name|tool|function)\"\s*:\s*\"[\w.-]+\"\s*,\s*\"(?:arguments|parameters"
        r"|input)\"",
    ),
    part(
        "carries a file away",
        ENOUGH,
        f"{MACHINES} you your ignore disregard forget silently",
        rf"(?:\b{MACHINE}\b|\byou (?:must|should|shall|are to|will)|\byour (?:task|job|next step)"
        rf"|\bsilently|\b{DROP} )[^.!?\n]{{0,80}}?\b(?:send|forward|e-?mail|upload|post|transmit"
        rf"|copy)"
        rf" [^.!?\n]{{1,60}}? (?:to|at) .{{0,20}}?(?:{_ADDRESS}|address|server|url|webhook)",
    ),
    part(
        "orders a verdict",
        ENOUGH,
        "checker verdict claims claim supported accepted approve mark status citation citations "
        "score verified",
        r"\b(?:set|return|output|give|report|emit|use|assign)(?: the| a)? "
        r"(?:status|verdict|score|rating|label|result)s?(?: of (?:each|every|all|any|the"
        r"|this)(?: \w+)?)? "
        r"(?:(?:to|of|as|is|=|:) ?)?"
        r"[\"'“‘`]?(?:supported|accepted|verified|true|pass(?:ed)?|1(?:\.0)?|10|100)\b",
        r"\b(?:verdict|status)\s*[:=]\s*[\"'“‘`]?(?:supported|accepted|verified)\b",
        r"\b(?:cite|quote) (?:only )?this (?:page|document|passage|source|file|paragraph|text)\b",
        r"\b(?:skip|no need for|do not (?:do|perform|run)|omit) (?:the |any |all )*"
        r"(?:verification|fact[- ]?check\w*|cross-?check\w*|validation of claims)\b",
    ),
)
"""And of these in what nobody asks by: sources, results of tools, what models wrote."""
