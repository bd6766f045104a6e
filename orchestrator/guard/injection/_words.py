"""The words that orders to an answerer are made of, as pieces of patterns and as lists."""

from __future__ import annotations

# ── whom they speak to ───────────────────────────────────────────────────────────────────────────

KIND = r"(?:ai|llm|language|virtual|digital|automat(?:ed|ic)|machine|chat|search|answering|neural)"
DEVICE = (
    r"(?:models?|assistants?|systems?|agents?|bots?|readers?|tools?|networks?|engines?"
    r"|processors?|summari[sz]ers?|crawlers?)"
)
MACHINE = (
    rf"(?:(?:large |small |other )?{KIND}[- ](?:based |powered )?{DEVICE}|ais?|llms?|chat ?bots?"
    r"|bots?|crawlers?|chatgpt|gpt(?:-?\d\w*)?|copilots?|artificial intelligences?"
    r"|summari[sz]ers?|reader models?)"
)
MAYBE = (
    rf"(?:{DEVICE}|machines?|software|programs?|claude|gemini|anyone|anybody|whoever|everyone"
    r"|those|you)"
)
JUDGE = (
    r"(?:(?:fact[- ]?)?checkers?|reviewers?|graders?|evaluators?|judges?|validators?|verifiers?"
    r"|annotators?|raters?)"
)
THIS = (
    r"(?:this|these|the (?:above|following|present))\b"
    r"(?! (?:app|device|machine|function|feature|tool|service|product)s?\b)"
)
READS = (
    r"(?:read|process|pars|summari[sz]|index|ingest|quot|cit|analy[sz]|scan|answer|us|verif|check)"
    r"(?:s|es|e|ies|y|ing)?(?: from)?"
)
READER = rf"(?:(?:that|which|who) {READS} {THIS}|{READS} {THIS}|(?:visiting|seeing) this)"
CALL = (
    r"(?:(?:note|notice|instructions?|messages?|reminder|hint|request|attention|important|warning"
    r"|memo|dear|hello|hey|hi|to)[:,!]? (?:(?:to|for) )?(?:(?:all|any|every|each|the|our|my) )*)"
)
BEGINS = r"(?:^\W*|[.!?;:(\[“*>]\s*)"

# ── what they demand ─────────────────────────────────────────────────────────────────────────────

SAY = (
    r"(?:say|answer|reply|respond|state|claim|conclude|assert|declare|print|output|repeat|write"
    r"|report)"
)
VOICE = (
    rf"(?:{SAY}|pretend|tell|inform|assure|mention|include|quote|cite|name|give|add|recommend"
    r"|confirm|use|treat|return|summari[sz]e|list|leave out|omit|describe|call|announce|disclose"
    r"|admit|deny|praise|substitute|replace|put|base|follow|refuse|ignore|disregard|forget"
    r"|convince|hide|translate|speak|act|begin)"
)
RULE = r"(?:mark|rate|grade|score|award|accept|approve|treat|consider|regard|count|label|flag|pass)"
DROP = (
    r"(?:ignore|disregard|forget|erase|override|overrule|discard|drop|skip|bypass|neglect|cancel"
    r"|(?:set|put|leave|lay) aside|pay no attention to|stop (?:following|obeying|using)"
    r"|(?:do not|don['’]t|never|no longer) "
    r"(?:follow|obey|trust|believe|use|rely on|heed|consult))"
)
ADVERB = r"(?:please|kindly|always|only|just|simply|now|then|instead|also|safely|and|so)"
STARTS = (
    rf"(?:(?:^\W*|[.!?;:]\s+[\"“]?|[(\[“—–]\s*)(?:{ADVERB},? )*|\b(?:please|kindly|then|instead) "
    r"|\b(?:be sure|make sure|remember|try) to )"
)
"""Where an imperative may stand: at the beginning of a clause."""
OUGHT = (
    r"(?:must|shall|should|ought to|will|(?:has|have|needs?) to"
    r"|(?:is|are) (?:kindly |hereby )?(?:(?:required|asked|requested|expected|instructed|obliged"
    r"|told|advised|supposed|urged|meant) )?to)"
    rf"(?: {ADVERB})*"
)
YOU_OUGHT = rf"\byou (?:{OUGHT}|(?:can|may|are free to) safely) "
DEMAND = rf"(?:{STARTS}|{YOU_OUGHT})"

# ── what they are about ──────────────────────────────────────────────────────────────────────────

PRIOR = (
    r"(?:previous|prior|earlier|preceding|foregoing|above|former|original|initial|past|existing"
    r"|system|developer)"
)
RULES = (
    r"(?:instructions?|prompts?|directives?|commands?|orders|rules|guidelines?|guidance"
    r"|constraints|context|programming|training|restrictions)"
)
SOURCE = (
    r"(?:documents?|sources?|texts?|pages?|files?|passages?|web ?sites?|search results"
    r"|paragraphs?|lines?|manuals?|handbooks?|annex(?:es)?|articles?|notes?|tables?|reports?)"
)
TOLD = (
    r"you(?: have|['’]ve| were| had)?(?: been)? "
    r"(?:told|given|read|shown|taught|received|learn(?:ed|t)|asked)"
)
ALL = r"(?:(?:all|any|every|each|of|the|your|these|those|whatever) )"
GIVEN = (
    rf"(?:{ALL}*(?:{PRIOR} )+(?:{RULES}|{SOURCE})"
    rf"|(?:(?:all|any|of|the) )*your (?:{PRIOR} )*(?:{RULES}|sources|manual)"
    rf"|{ALL}*(?:{RULES}|{SOURCE}|[\w-]+(?: [\w-]+)?) (?:(?:that|which) )?{TOLD}"
    rf"|(?:what|whatever|everything|anything|all)(?: that)? {TOLD}"
    rf"|{ALL}*(?:{RULES}|{SOURCE}) (?:above|so far|before this|of your \w+)"
    rf"|{ALL}*(?:other|remaining) {SOURCE}|the rest of (?:the|this|these) {SOURCE}"
    r"|(?:everything|anything|all)(?: \w+){0,2} (?:above|before|else|so far)"
    r"|the above(?=[\s.,;:!?]*(?:$|and\b|[.,;:!?]))"
    r"|[\w ]{1,30} (?:for|in|when giving) your (?:answer|reply|response|summary))"
)
ANSWER = r"(?:answers?|reply|replies|responses?|output|summar(?:y|ies)|conclusion)"
NO_SHEET = r"(?! (?:sheet|booklet|book|paper|form|card|envelope|key|box)s?\b)"
WORDS = (
    r"(?:['\"“‘]|\d|yes\b|no\b|nothing but"
    r"|(?:just |only )?the (?:word|phrase|sentence|number|figure)\b)"
)
FACT = (
    rf"(?:that\b|with\b|{WORDS}|:|(?-i:[A-Z])|as follows|only\b|so\b"
    r"|(?:it|they|he|she|there|nobody|(?:the )?[\w ]{1,30}?) "
    r"(?:is|are|was|were|has|have|had|will)\b)"
)
"""How the words begin that are to be said, where it is sure that they are."""
TRUE = r"(?:verified|supported|true|correct|confirmed|accurate|valid|proven|approved|deleted|right)"
CLAIM = (
    r"(?:(?:this|these|the|every|any|all|each|following|above) )+(?:[\w-]+ ){0,2}?"
    r"(?:claims?|statements?|sentences?|passages?|answers?|figures?|facts?|pages?|mentions?"
    r"|values?)"
)
ASKED = (
    r"(?:\b(?:when(?:ever)?|if|once|in case) (?:you are |you['’]re |ever |(?:some|any)(?:body|one) "
    r"|people |(?:an?|the|any) (?:user|person) |users |one )?(?:(?:is|are|be|ever) )*"
    r"(?:asked|asks?|wants? to know|enquires?|mentions?)\b"
    r"|\b(?:when|while|before|in) (?:answering|replying|responding|summari[sz]ing)\b"
    r"|^\W*asked (?:for|about|what|whether|how|who|when|where)\b"
    rf"|\bin your {ANSWER}\b)"
)

# ── words without which a part of the grammar cannot be there ────────────────────────────────────

MACHINES = (
    "ai ais llm llms chatbot chatbots bot bots chatgpt gpt copilot copilots summariser summarisers "
    "summarizer summarizers crawler crawlers intelligence intelligences language virtual digital "
    "automated automatic machine chat search answering neural reader"
)
MAYBES = (
    "model models assistant assistants system systems agent agents reader readers tool tools "
    "network networks engine engines processor processors crawler crawlers machines software "
    "program programs claude gemini anyone anybody whoever everyone those you"
)
JUDGES = (
    "checker checkers reviewer reviewers grader graders evaluator evaluators judge judges "
    "validator validators verifier verifiers annotator annotators rater raters"
)
SAYS = (
    "say answer reply respond state claim conclude assert declare print output repeat write report"
)
VOICES = (
    f"{SAYS} pretend tell inform assure mention include quote cite name give add recommend confirm "
    "use treat return summarise summarize list leave omit describe call announce disclose admit "
    "deny praise substitute replace put base follow refuse ignore disregard forget convince hide "
    "translate speak act begin"
)
RULINGS = (
    "mark rate grade score award accept approve treat consider regard count label flag pass rated "
    "graded marked scored accepted approved treated considered regarded counted labelled flagged"
)
DROPS = (
    "ignore disregard forget erase override overrule discard drop skip bypass neglect cancel aside "
    "attention stop follow obey trust believe use rely heed consult"
)
ANSWERS = "answer answers reply replies response responses output summary summaries conclusion"
