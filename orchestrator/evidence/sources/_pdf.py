"""The text of a PDF's pages."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import SourceError

PAGE_BREAK = "\f"


def pdf_text(path: Path, data: bytes) -> tuple[str, tuple[tuple[int, int], ...]]:
    """All pages joined by form feeds, and (page number, start) of each.

    Raises:
        SourceError: no PDF, damaged, encrypted, or without text (a scan).
    """
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    file = path.as_posix()
    if not data.strip():
        raise SourceError(f"{file}: is empty; leave it out or put text into it")
    try:
        with _quiet():
            reader = PdfReader(io.BytesIO(data))
            if reader.is_encrypted and not reader.decrypt(""):
                raise SourceError(f"{file}: is encrypted; save a copy without a password")
            texts = [page.extract_text().replace(PAGE_BREAK, "\n") for page in reader.pages]
    except SourceError:
        raise
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # A damaged PDF makes the reader fail in many ways; all mean the same to its owner.
        raise SourceError(f"{file}: is not a readable PDF ({error}); export it again") from error
    except ImportError as error:
        raise SourceError(f"{file}: is encrypted; save a copy without a password") from error
    if not "".join(texts).strip():
        raise SourceError(f"{file}: holds no text (a scan?); run text recognition on it first")
    pages: list[tuple[int, int]] = []
    start = 0
    for number, text in enumerate(texts, 1):
        pages.append((number, start))
        start += len(text) + len(PAGE_BREAK)
    return PAGE_BREAK.join(texts), tuple(pages)


@contextmanager
def _quiet() -> Iterator[None]:
    """pypdf logs each oddity of a file; what matters to the user is in our own error."""
    logger = logging.getLogger("pypdf")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
