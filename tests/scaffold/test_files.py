"""Writing into a folder in which something stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import UserError
from orchestrator.scaffold.files import write_files

FILES = {"a.yaml": b"new a", "deep/er/b.md": b"new b"}


def contents(root: Path) -> dict[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def test_files_are_written_with_their_folders(tmp_path: Path) -> None:
    written = write_files(tmp_path / "new" / "folder", FILES)
    assert written.made == ("a.yaml", "deep/er/b.md")
    assert contents(tmp_path / "new" / "folder") == FILES


def test_nothing_is_written_where_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b.md").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"(?s)nothing was written.*b\.md\n") as refused:
        write_files(tmp_path, FILES)
    assert "a.yaml" not in str(refused.value)
    assert contents(tmp_path) == {"deep/er/b.md": b"mine"}


def test_what_is_the_same_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"new a")
    written = write_files(tmp_path, FILES)
    assert (written.made, written.kept) == (("deep/er/b.md",), ("a.yaml",))
    assert write_files(tmp_path, FILES).made == ()


def test_force_moves_the_former_files_away_and_loses_none(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "a.yaml").write_bytes(b"mine %d" % number)
        written = write_files(tmp_path, FILES, force=True)
        assert written.replaced == {"a.yaml": f".mesh/replaced/{number}/a.yaml"}
    assert contents(tmp_path) == {
        **FILES,
        ".mesh/replaced/1/a.yaml": b"mine 1",
        ".mesh/replaced/2/a.yaml": b"mine 2",
    }


def test_a_link_that_leads_nowhere_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"a\.yaml"):
        write_files(tmp_path, FILES)
    write_files(tmp_path, FILES, force=True)
    assert not (tmp_path / "elsewhere").exists()
    assert (tmp_path / ".mesh/replaced/1/a.yaml").is_symlink()


@pytest.mark.parametrize("force", [False, True])
def test_a_file_in_a_folders_place_and_a_folder_in_a_files_place(
    tmp_path: Path, force: bool
) -> None:
    (tmp_path / "deep").write_bytes(b"a file")
    with pytest.raises(UserError, match="deep is a file; a folder is needed"):
        write_files(tmp_path, FILES, force=force)
    (tmp_path / "deep").unlink()
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(UserError, match=r"a\.yaml is a folder; a file is needed"):
        write_files(tmp_path, FILES, force=force)
    assert contents(tmp_path) == {}
