"""What every embedder must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from orchestrator.project.protocols import Embedder

HARD = ("", " ", "\n\t", "日本語のテキスト", "\ud800", "\0", "🙂", "a" * 5000)
"""Texts that come out of real files."""
NEAR = (
    ("How do I reset my password?", "I forgot my login credentials", "The cat sat on the mat"),
    ("yearly cost of the allowance", "annual expense of the benefit", "a walk in the forest"),
    ("The doctor treats the patient", "a physician in a hospital", "compile the source code"),
)
"""A text, one that means about the same, and one that does not."""


class EmbedderConformance:
    """Say how the embedder is made."""

    _made: ClassVar[Embedder | None] = None

    def make(self) -> Embedder:
        """A new embedder, ready to use."""
        raise NotImplementedError

    # ── the requirements ─────────────────────────────────────────────────────────────────

    def test_it_satisfies_the_protocol(self) -> None:
        """It has a name, a number of dimensions and `embed`."""
        embedder = self._embedder()
        assert isinstance(embedder, Embedder)
        assert embedder.name
        assert embedder.dimensions > 0

    def test_vectors_are_float32_of_length_one(self) -> None:
        """Also those of texts with nothing in them, of no language, or of no Unicode."""
        import numpy as np

        embedder = self._embedder()
        vectors = embedder.embed(["One text.", "Another text, a little longer.", *HARD])
        assert vectors.shape == (2 + len(HARD), embedder.dimensions)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)

    def test_no_texts_give_no_vectors(self) -> None:
        """The shape tells the dimensions all the same."""
        import numpy as np

        embedder = self._embedder()
        vectors = embedder.embed([])
        assert vectors.shape == (0, embedder.dimensions)
        assert vectors.dtype == np.float32

    def test_a_text_has_one_vector_alone_and_in_company(self) -> None:
        """Else nothing that was stored can be found again."""
        import numpy as np

        embedder = self._embedder()
        alone = embedder.embed(["The allowance is 40 EUR."])[0]
        company = ["Something else entirely.", "The allowance is 40 EUR.", "", "word " * 300]
        assert np.allclose(alone, embedder.embed(company)[1], atol=1e-5)

    def test_many_texts_keep_their_order(self) -> None:
        """Batches, sorted by length inside or not, come back as they went in."""
        import numpy as np

        embedder = self._embedder()
        texts = [f"{'long ' * (n % 7)}text number {n}" for n in range(300)]
        whole = embedder.embed(texts)
        for n in (0, 6, 41, 299):
            assert np.allclose(whole[n], embedder.embed([texts[n]])[0], atol=1e-5), texts[n]

    def test_two_threads_may_use_it_at_once(self) -> None:
        """Branches of a run embed side by side."""
        import numpy as np

        embedder = self._embedder()
        texts = [f"A sentence on the subject {n}." for n in range(40)]
        expected = embedder.embed(texts)
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(embedder.embed, [texts] * 8):
                assert np.allclose(found, expected, atol=1e-5)

    def test_a_long_text_is_like_a_part_of_it(self) -> None:
        """It may be cut off, and never fails."""
        part = "Employees may work from home three days a week. "
        long, short = self._embedder().embed([part * 5000, part])
        assert float(long @ short) > 0.8

    def test_what_is_alike_lies_nearer(self) -> None:
        """By more than chance, for texts that share no word."""
        for text, near, far in NEAR:
            query, similar, other = self._embedder().embed([text, near, far])
            assert float(query @ similar) > float(query @ other) + 0.1, text

    def test_the_name_is_that_of_the_vectors(self) -> None:
        """Two of one name give the same vectors: stored ones are taken for one's own by it."""
        import numpy as np

        one, other = self._embedder(), self.make()
        assert one.name == other.name
        text = ["The same for both."]
        assert np.allclose(one.embed(text), other.embed(text), atol=1e-5)

    # ── means ────────────────────────────────────────────────────────────────────────────

    def _embedder(self) -> Embedder:
        """One for all tests of the class: loading may take seconds."""
        suite = type(self)
        if suite._made is None:
            suite._made = self.make()
        return suite._made
