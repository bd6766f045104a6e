"""The library against real Chroma."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.embedding.load import load_embedder
from orchestrator.errors import SourceError, StorageError
from orchestrator.evidence.sources.documents import Document, open_sources
from orchestrator.evidence.sources.library import Library
from orchestrator.evidence.tools import retrieve
from orchestrator.project.protocols import Embedder
from orchestrator.project.registry import BUILTINS
from orchestrator.types import OnInjection
from tests.evidence.samples import embedder

if TYPE_CHECKING:
    import numpy as np

TOPICS = {
    "remote.md": "# Remote work\n\nStaff may work from home three days a week.\n\n"
    "## Allowance\n\nThe monthly home office allowance is 40 EUR for each employee.\n",
    "leave.md": "# Leave\n\nEveryone has 28 days of annual leave.\n\n"
    "## Parents\n\nParental leave lasts 14 weeks.\n",
    "security.txt": "Laptops must be encrypted. Report a lost device within 24 hours.\n",
    "travel.html": "<h1>Travel</h1><p>Hotels cost at most <b>140 EUR</b> a night.</p>",
}


class Counting:
    """The static embedder, with a count of the texts that it saw."""

    def __init__(self, name: str = "counting") -> None:
        self._inner: Embedder = load_embedder("static")
        self.name = name
        self.dimensions = self._inner.dimensions
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.seen += texts
        return self._inner.embed(texts)


@pytest.fixture
def docs(tmp_path: Path) -> tuple[Document, ...]:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in TOPICS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return open_sources([folder])[0]


@pytest.mark.parametrize(
    ("query", "file", "words"),
    [
        ("How much is the home office allowance?", "remote.md", "40 EUR"),
        ("How long can new mothers and fathers stay away?", "leave.md", "14 weeks"),
        ("my notebook was stolen", "security.txt", "lost device"),
        ("price limit for accommodation", "travel.html", "140 EUR"),
    ],
)
async def test_the_right_passage_comes_first(
    tmp_path: Path, docs: tuple[Document, ...], query: str, file: str, words: str
) -> None:
    library = Library(tmp_path / "vectors", embedder())
    first, *rest = await library.retrieve(query, docs)
    assert Path(first.file).name == file
    assert words in first.text
    assert [p.id for p in (first, *rest)] == [f"p{i}" for i in range(1, len(rest) + 2)]
    assert first.score >= max(p.score for p in rest)


async def test_a_passage_is_exactly_what_stands_in_the_file(
    tmp_path: Path, docs: tuple[Document, ...]
) -> None:
    library = Library(tmp_path / "vectors", embedder())
    for passage in await library.retrieve("allowance", docs, k=20):
        text = Path(passage.file).read_text(encoding="utf-8")
        assert text[passage.start : passage.end] == passage.text
        assert 0 <= passage.score <= 1
    headings = {p.heading for p in await library.retrieve("allowance", docs, k=20)}
    assert {"Remote work › Allowance", "Leave › Parents", "Travel"} <= headings


async def test_nothing_is_embedded_twice(tmp_path: Path, docs: tuple[Document, ...]) -> None:
    first = Counting()
    library = Library(tmp_path / "vectors", first)
    await library.retrieve("leave", docs)
    passages = len(first.seen) - 1
    assert passages >= 6
    await library.retrieve("travel", docs)
    assert first.seen[passages + 1 :] == ["travel"]

    again = Counting()
    found = await Library(tmp_path / "vectors", again).retrieve("leave", docs)
    assert again.seen == ["leave"]
    assert found

    other = Counting("another embedder")
    await Library(tmp_path / "vectors", other).retrieve("leave", docs)
    assert len(other.seen) == passages + 1


async def test_only_what_is_new_in_a_changed_folder_is_embedded(
    tmp_path: Path, docs: tuple[Document, ...]
) -> None:
    embedder = Counting()
    library = Library(tmp_path / "vectors", embedder)
    await library.retrieve("hotel", docs)
    (tmp_path / "docs" / "security.txt").write_text("Badges are blue.", encoding="utf-8")
    embedder.seen.clear()
    changed, _ = open_sources([tmp_path / "docs"])
    found = await library.retrieve("which colour do badges have", changed)
    assert embedder.seen == ["Badges are blue.", "which colour do badges have"]
    assert found[0].text == "Badges are blue."
    assert not any("Laptops" in p.text for p in found)


async def test_only_the_given_documents_are_searched(
    tmp_path: Path, docs: tuple[Document, ...]
) -> None:
    library = Library(tmp_path / "vectors", embedder())
    await library.retrieve("allowance", docs)
    leave = [d for d in docs if d.file.endswith("leave.md")]
    found = await library.retrieve("home office allowance", leave)
    assert {p.file for p in found} == {leave[0].file}
    assert await library.retrieve("allowance", []) == ()
    assert len(await library.retrieve("allowance", docs, k=2)) == 2


async def test_the_same_text_in_many_files_is_found_once(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text("The office is in Lyon.", encoding="utf-8")
    documents, _ = open_sources([tmp_path])
    library = Library(tmp_path / "vectors", embedder())
    found = await library.retrieve("Where is the office?", documents)
    assert [Path(p.file).name for p in found] == ["a.txt"]


WRITER = """
import asyncio, sys
from pathlib import Path
from orchestrator.embedding.load import load_embedder
from orchestrator.evidence.sources.documents import open_sources
from orchestrator.evidence.sources.library import Library

async def main(folder, number):
    library = Library(Path(folder) / "vectors", load_embedder("static"))
    for i in range(6):
        file = Path(folder) / f"{number}-{i}.txt"
        file.write_text(f"Writer {number} put fact {i} here.", encoding="utf-8")
        documents, _ = open_sources([file])
        found = await library.retrieve(f"fact {i}", documents)
        assert found[0].text == documents[0].text, found

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


@pytest.mark.slow
async def test_processes_share_a_folder(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(n)], stderr=subprocess.PIPE, text=True
        )
        for n in range(3)
    ]
    errors = [writer.communicate()[1] for writer in writers]
    assert [w.returncode for w in writers] == [0, 0, 0], errors
    embedder = Counting(load_embedder("static").name)
    documents, _ = open_sources(sorted(tmp_path.glob("*.txt")))
    found = await Library(tmp_path / "vectors", embedder).retrieve("fact", documents, k=50)
    assert embedder.seen == ["fact"]
    assert len(found) == len(documents) == 18
    assert all(p.score > 0 for p in found)


async def test_many_retrievals_at_once(tmp_path: Path, docs: tuple[Document, ...]) -> None:
    embedder = Counting()
    library = Library(tmp_path / "vectors", embedder)
    found = await asyncio.gather(*(library.retrieve("annual leave", docs) for _ in range(5)))
    assert len({tuple(p.text for p in each) for each in found}) == 1
    assert len(embedder.seen) - 5 == len(set(embedder.seen)) - 1


async def test_a_folder_that_cannot_be_made(tmp_path: Path, docs: tuple[Document, ...]) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StorageError, match="cannot be made"):
            await Library(path, embedder()).retrieve("x", docs)


async def test_a_damaged_store_says_what_to_do(tmp_path: Path, docs: tuple[Document, ...]) -> None:
    (tmp_path / "vectors").mkdir()
    (tmp_path / "vectors" / "chroma.sqlite3").write_bytes(b"this is not a database" * 400)
    with pytest.raises(StorageError, match="delete the folder"):
        await Library(tmp_path / "vectors", embedder()).retrieve("x", docs)


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from orchestrator.embedding.load import load_embedder
from orchestrator.errors import StorageError
from orchestrator.evidence.sources.documents import open_sources
from orchestrator.evidence.sources.library import Library

documents, _ = open_sources([sys.argv[1]])
library = Library(Path(sys.argv[2]), load_embedder("static"))
import chromadb
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    asyncio.run(library.retrieve("leave", documents))
except StorageError as error:
    sys.exit(0 if "free some space" in str(error) else str(error))
sys.exit("no error")
"""


def test_a_full_disk_is_a_storage_error(tmp_path: Path, docs: tuple[Document, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "docs"), str(tmp_path / "vectors")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


class Box:
    """What the graph hands to a tool."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.injection: OnInjection = "fence"
        self.sent_back: object = None
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


async def test_the_tool_notes_what_it_left_out(tmp_path: Path, docs: tuple[Document, ...]) -> None:
    (tmp_path / "docs" / "empty.md").write_text("", encoding="utf-8")
    box = Box(Library(tmp_path / "vectors", embedder()))
    found = await retrieve(box, query="annual leave", sources=[str(tmp_path / "docs")])
    assert "28 days" in found[0].text
    assert len(box.notes) == 1
    assert "empty.md: is empty" in box.notes[0]
    assert await retrieve(box, query="x", sources=None) == ()
    assert BUILTINS.get("tool", "retrieve") is retrieve
    with pytest.raises(SourceError, match="does not exist"):
        await retrieve(box, query="x", sources=[str(tmp_path / "gone.md")])


def test_the_library_is_imported_without_chroma() -> None:
    code = (
        "import sys; import orchestrator.evidence.sources.library, orchestrator.evidence.tools; "
        "print([m for m in ('chromadb', 'numpy', 'pypdf') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
