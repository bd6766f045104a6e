"""Garbage: what a model wrote is no answer."""

from __future__ import annotations

import base64
import dataclasses
import json

from orchestrator.records import Hop
from tests.tracing.planted.forms import Story, UnfitError, data_of, drafted, form

_GERMAN = (
    "Die Beschäftigten werden gebeten, die Unterlagen rechtzeitig einzureichen, damit sie von der "
    "zuständigen Stelle geprüft werden können. Das ist nicht immer einfach, aber es ist wichtig."
)
_CHINESE = "员工必须在规定的时间内提交所有文件,并由负责部门进行审核。这一点非常重要,请务必遵守。"
_RECIPE = (
    "Preheat the oven and butter a shallow dish. Whisk three eggs with cream, nutmeg and grated "
    "cheese, pour everything over the sliced potatoes, and bake until golden brown."
)


def _says(story: Story, hop: Hop, text: str, **changes: object) -> None:
    """The hop with that text: in its sentences where it writes any, otherwise as it stands."""
    data = data_of(hop)
    if drafted(hop) and story.random.random() < 0.5:
        old = data["sentences"][0]["text"]
        data["sentences"] = [{**data["sentences"][0], "text": text}]
        made = story.put(hop, output=json.dumps(data, ensure_ascii=False), **changes)
        story.passes_on(made, old, text)
        if story.random.random() < 0.5:
            story.rejected(made, text, "no passage says so", "unsupported")
        return
    story.nothing_left(story.put(hop, output=text, **changes))


def _writer(story: Story) -> Hop:
    return story.pick("generator", "specialist", "decomposer", "aggregator", "checker")


@form("garbage_output", developed=True)
def goes_round_in_circles(story: Story) -> None:
    phrase = story.random.choice(["the policy applies to the policy", "it is allowed, and"])
    _says(story, _writer(story), (phrase + " ") * 30)


@form("garbage_output", developed=True)
def nothing_at_all(story: Story) -> None:
    hop = _writer(story)
    story.nothing_left(story.put(hop, output=story.random.choice(["", "  \n"])))


@form("garbage_output", developed=True)
def broken_off_json(story: Story) -> None:
    hop = story.pick(where=lambda h: len(h.output or "") > 80)
    used = dataclasses.replace(hop.attempts[-1], finish="length")
    text = (hop.output or "")[: len(hop.output or "") // 2]
    story.nothing_left(story.put(hop, output=text, attempts=(*hop.attempts[:-1], used)))


@form("garbage_output", developed=True)
def in_german(story: Story) -> None:
    _says(story, _writer(story), _GERMAN)


@form("garbage_output", developed=True)
def a_refusal(story: Story) -> None:
    text = "I'm sorry, but as an AI language model I cannot help with that request."
    _says(story, _writer(story), text)


@form("garbage_output", developed=True)
def letters_by_chance(story: Story) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [
        "".join(story.random.choices(letters, k=story.random.randrange(3, 10))) for _ in range(30)
    ]
    _says(story, _writer(story), " ".join(words))


@form("garbage_output", developed=True)
def words_by_chance(story: Story) -> None:
    hop = _writer(story)
    words = [w.strip(".,:;") for w in (hop.prompt or "").split() if w[:1].isalpha()]
    story.random.shuffle(words)
    _says(story, hop, " ".join(words[:30]) + ".")


@form("garbage_output", developed=True)
def its_instructions_again(story: Story) -> None:
    hop = _writer(story)
    _says(story, hop, (hop.prompt or "")[:300])


@form("garbage_output", developed=True)
def about_something_else(story: Story) -> None:
    _says(story, _writer(story), _RECIPE)


@form("garbage_output", developed=True)
def a_page_of_an_error(story: Story) -> None:
    text = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
    _says(story, _writer(story), text)


@form("garbage_output", developed=True)
def in_chinese(story: Story) -> None:
    _says(story, _writer(story), _CHINESE)


@form("garbage_output", developed=True)
def decoded_wrongly(story: Story) -> None:
    text = "The employees’ café – “overtime” – is paid: naïve façade. Größe über älter."
    _says(story, _writer(story), text.encode().decode("cp1252", "replace"))


@form("garbage_output", developed=True)
def plain_text_for_json(story: Story) -> None:
    hop = story.pick("decomposer", "checker", "aggregator", where=lambda h: data_of(h) is not None)
    text = "Sure! Here is what I found for you: everything looks fine to me, more or less."
    story.nothing_left(story.put(hop, output=text))


@form("garbage_output", developed=True)
def bytes_instead_of_words(story: Story) -> None:
    _says(story, _writer(story), base64.b64encode(story.random.randbytes(120)).decode())


@form("garbage_output", developed=True)
def counting(story: Story) -> None:
    _says(story, _writer(story), " ".join(str(n) for n in range(1, 90)))


@form("garbage_output", developed=True)
def a_preamble_alone(story: Story) -> None:
    _says(story, _writer(story), "Sure, here is the answer that you have asked me for:")


@form("garbage_output", developed=True)
def in_spanish(story: Story) -> None:
    text = "Los empleados deben entregar los documentos a tiempo para que se puedan revisar, y es "
    _says(story, _writer(story), text + "importante que no se olvide la firma de la persona.")


@form("garbage_output", developed=True)
def signs_only(story: Story) -> None:
    _says(story, _writer(story), "?!?! ---- #### $$$$ %%%% &&&& ~~~~ ^^^^ **** ;;;; ::::")


@form("garbage_output", developed=True)
def did_not_pass_and_was_used(story: Story) -> None:
    hop = _writer(story)
    story.put(hop, validated=False, validation="answer 1: at /sentences: is not an array")


@form("garbage_output", developed=True)
def an_empty_form(story: Story) -> None:
    hop = story.pick("decomposer", "checker", "aggregator", "generator")
    data = data_of(hop)
    key = next(iter(data)) if isinstance(data, dict) else "answer"
    story.nothing_left(story.put(hop, output=json.dumps({key: []})))


@form("garbage_output", developed=True)
def the_answer_of_another_hop(story: Story) -> None:
    hops = [h for h in story.called() if (h.output or "").startswith("{")]
    if len(hops) < 2:
        raise UnfitError
    other = next((h for h in hops[1:] if h.role != hops[0].role), None)
    if other is None:
        raise UnfitError
    story.nothing_left(story.put(hops[0], output=other.output))
