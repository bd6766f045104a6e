"""Orders in other languages than English: what takes back, what speaks to a machine, what dictates.

Of each language the few words that such an order cannot do without; a construction of two of
them within one sentence is enough. English has a grammar of its own, in `grammar`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

_FORMS: dict[str, tuple[str, ...]] = {
    "German": (
        r"\b(?:ignorier\w*|vergiss|vergesst|vergessen sie|missacht\w*"
        r"|beacht\w+ (?:\w+ ){0,4}nicht)\b"
        r"[^.!?\n]{0,60}\b(?:anweisung|vorgabe|instruktion|anordnung|befehl|regel|systemprompt"
        r"|bisherig|vorherig|vorig|obig|quelle)\w*",
        r"\b(?:ki|sprachmodell\w*|assistent\w*|chatbots?)\b[^.!?\n]{0,60}\b(?:antworte|sage|nenne"
        r"|behaupte|schreibe|müssen|muss|soll|sollen|ruf\w*)\b",
        r"\b(?:zeige|nenne|verrate|wiederhole|gib)\b[^.!?\n]{0,40}\b(?:systemprompt|system-prompt"
        r"|systemnachricht|deine anweisungen)\b",
        r"\b(?:antworte|behaupte|sage)\b(?: \w+){0,5} (?:immer|nur|stets|ausschließlich)\b",
    ),
    "French": (
        r"\b(?:ignor(?:ez|ons)|ignore (?:donc )?(?:les|toutes?|tes|vos|ces|tout)|oubli\w+"
        r"|ne ten\w+ (?:pas|plus) compte)\b[^.!?\n]{0,50}\b(?:instructions?"
        r"|consignes?|directives?|règles?|ordres?|sources?)\b",
        r"\b(?:ia|intelligence artificielle|assistant|modèle(?: de langage)?|chatbot)\b"
        r"[^.!?\n]{0,50}\b(?:répond\w*|dois|doit|doivent|affirme\w*|déclare\w*)\b",
        r"\b(?:montre|affiche|révèle|répète)\w*\b[^.!?\n]{0,40}\b(?:prompt système|invite système"
        r"|tes instructions|vos instructions)\b",
        r"\b(?:réponds|répondez|affirme|dis)\b(?: \w+){0,3} (?:toujours|uniquement|seulement)\b",
    ),
    "Spanish": (
        r"\b(?:ignor(?:a|e|en|ad|ar) (?:las|los|todas|todos|tus|sus|estas|cualquier)|olvid\w+"
        r"|haz caso omiso|descart\w+)\b[^.!?\n]{0,50}\b(?:instrucci\w+|órdenes"
        r"|reglas|indicaciones|directrices|fuentes)\b",
        r"\b(?:ia|inteligencia artificial|asistente|modelo(?: de lenguaje)?|chatbot)\b"
        r"[^.!?\n]{0,50}\b(?:responde\w*|debes?|deben|di|afirma\w*)\b",
        r"\b(?:muestra|revela|repite|imprime)\w*\b[^.!?\n]{0,40}\b(?:prompt del sistema"
        r"|mensaje del sistema|tus instrucciones)\b",
        r"\b(?:responde|contesta|di)\b(?: \w+){0,3} (?:siempre|solo|sólo|únicamente)\b",
    ),
    "Italian": (
        r"\b(?:ignor(?:a|ate|are)|dimentic\w+|trascur\w+)\b[^.!?\n]{0,50}\b(?:istruzioni|ordini"
        r"|regole"
        r"|indicazioni|direttive|fonti)\b",
        r"\b(?:ia|intelligenza artificiale|assistente|modello(?: linguistico)?|chatbot)\b"
        r"[^.!?\n]{0,50}\b(?:rispond\w*|devi|deve|devono|afferma\w*)\b",
        r"\b(?:rispondi|rispondete)\b(?: \w+){0,3} (?:sempre|solo|soltanto)\b",
    ),
    "Portuguese": (
        r"\b(?:ignor(?:e|a|em|ar) (?:as|os|todas|todos|suas|quaisquer)|esque\w+"
        r"|desconsider\w+)\b[^.!?\n]{0,50}\b(?:instruções|ordens|regras"
        r"|orientações|diretrizes|fontes)\b",
        r"\b(?:ia|inteligência artificial|assistente|modelo(?: de linguagem)?|chatbot)\b"
        r"[^.!?\n]{0,50}\b(?:respond\w*|deve|devem|diga|afirme)\b",
        r"\b(?:responda|diga)\b(?: \w+){0,3} (?:sempre|apenas|somente)\b",
    ),
    "Dutch": (
        r"\b(?:negeer|vergeet)\b[^.!?\n]{0,50}\b(?:instructies|opdrachten|regels|aanwijzingen"
        r"|bronnen)\b",
        r"\b(?:ai|taalmodel\w*|assistent\w*|chatbot)\b[^.!?\n]{0,50}\b(?:antwoord\w*|moet\w*"
        r"|zeg)\b",
    ),
    "Polish": (
        r"\b(?:ignoruj|zignoruj|zapomnij)\w*\b[^.!?\n]{0,50}\b(?:instrukcj\w+|polece\w+"
        r"|zasad\w*)\b",
    ),
    "Turkish": (
        r"\b(?:talimat\w*|komut\w*|kural\w*)\b[^.!?\n]{0,40}\b(?:yok say\w*|unut\w*|görmezden)\b",
    ),
    "Russian": (
        r"(?:игнорируй|проигнорируй|забудь|не обращай\w* внимания)\w*[^.!?\n]{0,60}(?:инструкци"
        r"|указани"
        r"|правил|команд|источник)",
        r"(?:искусственн\w+ интеллект|языков\w+ модел|ассистент|чат-?бот)\w*[^.!?\n]{0,60}"
        r"(?:ответь|отвечай|скажи|долж[ен])",
        r"(?:отвечай|ответь)\w*(?: \w+){0,3} (?:всегда|только)\b",
    ),
    "Chinese": (
        r"(?:忽略|无视|無視|忘记|忘記|不要理会)[^。！？\n]{0,20}(?:指令|指示|说明|說明|提示|规则|規則|命令)",
        r"(?:人工智能|AI|语言模型|語言模型|助手)[^。！？\n]{0,20}(?:必须|必須|请回答|請回答|应当|應當|回答)",
        r"(?:显示|顯示|透露|重复|重複)[^。！？\n]{0,15}(?:系统提示|系統提示)",
    ),
    "Japanese": (
        r"(?:指示|命令|プロンプト|ルール)(?:を|は)[^。！？\n]{0,12}(?:無視|忘れ)",
        r"(?:AI|言語モデル|アシスタント)[^。！？\n]{0,25}(?:答えて|回答し|答えなさい|回答せよ)",
    ),
    "Korean": (r"(?:지시|명령|규칙|프롬프트)[^.!?\n]{0,12}(?:무시|잊)",),
    "Arabic": (r"(?:تجاهل|انس|تجاهلوا)[^.!?\n؟]{0,30}(?:التعليمات|الأوامر|القواعد|تعليمات)",),
    "Hindi": (r"(?:निर्देश|आदेश|नियम)\S*[^।.!?\n]{0,25}(?:अनदेखा|नज़रअंदाज़|भूल)",),
}
_WORDS = (
    "ignor zigno vergi verge missa beach oubli olvid omiso desca dimen trasc esque desco"
    " negee zapom talim komut kural ki ia sprac taalm assis asist chatb modèl model intel"
    " systè siste antwo behau sage répon affir dis respo conte rispo diga di ne zeige"
    " nenne verra montr affic révèl muest revel imprim"
)
_BEGINNINGS = frozenset(word[:5] for word in _WORDS.split())
"""The first five letters of words of which every such order in Latin letters holds one."""
_SCRIPTS = re.compile(
    "[\u0400-\u04ff\u0600-\u06ff\u0900-\u097f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]"
)
_OTHER = ("Russian", "Chinese", "Japanese", "Korean", "Arabic", "Hindi")


def may_be_foreign(text: str, words: Iterable[str]) -> bool:
    """Whether such an order can stand in a text that has these words, in lower case."""
    if not _BEGINNINGS.isdisjoint({word[:5] for word in words}):
        return True
    return not text.isascii() and _SCRIPTS.search(text) is not None


def foreign(sentence: str) -> str:
    """The language in which a sentence gives orders to a machine; empty where it does not."""
    other = not sentence.isascii() and _SCRIPTS.search(sentence) is not None
    for language, forms in _FORMS.items():
        if (language in _OTHER) is not other:
            continue
        if any(_form(form).search(sentence) for form in forms):
            return language
    return ""


@cache
def _form(written: str) -> re.Pattern[str]:
    return re.compile(written, re.IGNORECASE)
