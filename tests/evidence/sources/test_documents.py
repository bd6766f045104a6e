"""Sources are read so that an offset means the same character to everybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from orchestrator.errors import SourceError
from orchestrator.evidence.sources.documents import (
    KINDS,
    Kind,
    about_of,
    layout_of,
    load_document,
    open_sources,
)


def write_pdf(path: Path, pages: list[str], password: str | None = None) -> Path:
    canvas = Canvas(str(path), encrypt=password)
    for page in pages:
        for i, line in enumerate(page.splitlines()):
            canvas.drawString(72, 720 - 16 * i, line)
        canvas.showPage()
    canvas.save()
    return path


@pytest.mark.parametrize(
    "content",
    [
        b"plain text",
        b"line one\r\nline two\rline three\n",
        "\ufeffwith a byte order mark, naïve – €40".encode(),
        "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 beyond the basic plane 🙂 end".encode(),
    ],
)
def test_the_text_is_the_decoded_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    document = load_document(path)
    with path.open(encoding="utf-8", newline="") as file:
        assert document.text == file.read()
    assert len(document.prose) == len(document.text)


def test_the_hash_is_of_the_content_alone(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("same", encoding="utf-8")
    (tmp_path / "c.txt").write_text("other", encoding="utf-8")
    a, b, c = (load_document(tmp_path / f"{n}.txt") for n in "abc")
    assert a.hash == b.hash != c.hash
    assert len(a.hash) == 16


def test_html_keeps_only_what_a_reader_sees_at_its_place() -> None:
    source = (
        "<html><head><title>Tab</title><style>p{x:1}</style></head><body>"
        "<!-- secret --><h1>Leave</h1><script>var days = 99;</script>"
        "<p>You get <b>28&nbsp;days</b> &amp; more.</p></body></html>"
    )
    layout = layout_of(source, "html")
    assert layout.prose.split() == ["Leave", "You", "get", "28", "days", "&", "more."]
    assert layout.prose.index("28") == source.index("28")
    assert layout.prose.index("more") == source.index("more")
    assert [b.kind for b in layout.blocks] == ["heading", "paragraph"]


def test_what_a_page_hides_is_no_evidence() -> None:
    text = (
        "<div>The fee is 15 EUR.</div><div hidden>The fee <div>was</div> is 5 EUR.</div>"
        '<p style="color:red; display: none">The fee is 7 EUR.<p>Pay in cash.</p>'
        '<br hidden><span style="visibility:hidden">never</span> Or by card.'
    )
    prose = layout_of(text, "html").prose
    assert " ".join(prose.split()) == "The fee is 15 EUR. Pay in cash. Or by card."
    assert len(prose) == len(text)


def test_html_that_is_broken_is_still_read() -> None:
    source = "<p>One <b>two</p><div>three &bogus; four <a href='x'>five</p"
    prose = layout_of(source, "html").prose
    assert [prose.index(w) for w in ("One", "two", "three", "four", "five")] == [
        source.index(w) for w in ("One", "two", "three", "four", "five")
    ]


def test_markdown_marks_are_blanked_and_words_stay() -> None:
    source = (
        "## Costs ##\n\nA *fine* `rate` of **40 EUR**, see [the plan](http://x.y/z?a=1).\n"
        "snake_case and 5 * 3 stay.\n\n| City | Pay |\n|---|---|\n| Rome | 40 |\n"
        "<!-- not\nseen -->\n"
    )
    prose = layout_of(source, "markdown").prose
    assert "http" not in prose
    assert "seen" not in prose
    assert not set("#`|[]") & set(prose)
    assert "snake_case and 5 * 3 stay." in prose
    assert prose.index("40 EUR") == source.index("40 EUR")


@pytest.mark.parametrize("text", ["<![1", "<![1]>", "<![CDATA[x]]>", "<![if IE]>"])
def test_an_odd_declaration_is_no_error(text: str) -> None:
    prose = layout_of(f"<p>Open daily.</p>{text}", "html").prose
    assert prose[3:14] == "Open daily."


@given(text=st.text(alphabet='ab .<>/&;#*`|[]()-_=\n\r\f1"!é', max_size=200))
def test_the_view_has_the_length_of_the_text_and_invents_nothing(text: str) -> None:
    for kind in sorted(set(KINDS.values())):
        checked: Kind = kind
        layout = layout_of(text, checked)
        assert len(layout.prose) == len(text)
        ends = 0
        for block in layout.blocks:
            assert ends <= block.start < block.end <= len(text)
            assert layout.prose[block.start : block.end].strip()
            ends = block.end
        if checked != "html":
            assert all(p in (t, " ") for p, t in zip(layout.prose, text, strict=True))


@given(
    words=st.lists(
        st.text(alphabet="abcdefghijklmnop", min_size=1, max_size=8), min_size=1, max_size=20
    )
)
def test_html_words_stand_where_they_stood(words: list[str]) -> None:
    source = "".join(f"<p class='{w}'>{w}<br/><i>{w}</i></p><!--{w}-->\n" for w in words)
    prose = layout_of(source, "html").prose
    assert prose.split() == [w for w in words for _ in range(2)]
    assert all(p in (t, " ") for p, t in zip(prose, source, strict=True))


def test_pdf_pages_are_known(tmp_path: Path) -> None:
    path = write_pdf(
        tmp_path / "a.pdf", ["The first page.\nIt has lines.", "Page two says 40 EUR."]
    )
    document = load_document(path)
    first, second = document.text.index("first page"), document.text.index("40 EUR")
    assert (document.page_at(first), document.page_at(second)) == (1, 2)
    assert document.text.count("\f") == 1
    assert document.kind == "pdf"


def test_a_pdf_with_an_empty_page_keeps_its_numbers(tmp_path: Path) -> None:
    document = load_document(write_pdf(tmp_path / "a.pdf", ["one", "", "three"]))
    assert document.page_at(document.text.index("three")) == 3


def test_a_folder_is_walked_in_order_without_hidden_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "docs"
    (docs / "sub").mkdir(parents=True)
    (docs / ".git").mkdir()
    for name in ("b.md", "a.txt", "sub/c.html", ".hidden.md", ".git/d.md", "e.csv"):
        (docs / name).write_text("<p>Some text.</p>", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    documents, warnings = open_sources(["docs/", "docs/b.md"])
    assert [d.file for d in documents] == ["docs/a.txt", "docs/b.md", "docs/sub/c.html"]
    assert warnings == ()


def test_what_cannot_be_read_inside_a_folder_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("Text.", encoding="utf-8")
    (tmp_path / "empty.md").write_text("", encoding="utf-8")
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.4 broken")
    documents, warnings = open_sources([tmp_path])
    assert [Path(d.file).name for d in documents] == ["good.md"]
    assert len(warnings) == 2
    assert "empty.md: is empty" in warnings[0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "is empty"),
        ("a.md", b" \n\t\n", "is empty"),
        ("a.html", b"<html><script>x</script></html>", "is empty"),
        ("a.txt", b"\x00\x01\x02", "is binary"),
        ("a.txt", "text".encode("utf-16"), "UTF-16; save it as UTF-8"),
        ("a.txt", b"ok\ncaf\xe9", "a.txt:2: is not UTF-8"),
        ("a.docx", b"PK", r"unknown kind \(.docx\); known kinds: .txt"),
        ("README", b"text", r"unknown kind \(no suffix\)"),
        ("a.pdf", b"", "is empty"),
        ("a.pdf", b"hello", "is not a readable PDF"),
    ],
)
def test_a_bad_file_says_what_to_do(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        open_sources([tmp_path / name])


def test_an_encrypted_pdf_and_one_without_text(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is encrypted"):
        load_document(write_pdf(tmp_path / "locked.pdf", ["secret"], password="pw"))
    with pytest.raises(SourceError, match="holds no text"):
        load_document(write_pdf(tmp_path / "scan.pdf", [""]))


def test_all_errors_come_at_once_with_the_near_name(tmp_path: Path) -> None:
    (tmp_path / "policy.md").write_text("Text.", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError) as caught:
        open_sources(
            [tmp_path / "polcy.md", tmp_path / "gone" / "x.md", tmp_path / "empty", tmp_path]
        )
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "did you mean" in lines[0]
    assert lines[0].endswith("policy.md'?")
    assert "nor does the folder" in lines[1]
    assert "holds no source" in lines[2]


def test_what_a_document_is_about(tmp_path: Path) -> None:
    page = tmp_path / "fees.html"
    said = "Write to Anna Berg. "
    page.write_text(
        f"<title>Fees of Norrholm</title><h1>Fees</h1><p>They rise.</p>{f'<p>{said}</p>' * 3}",
        encoding="utf-8",
    )
    about = about_of(load_document(page))
    assert about.startswith("Fees of Norrholm | Fees They rise.")
    assert about.endswith("| Anna Berg")
