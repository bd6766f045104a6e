"""Which files make up a project: its own, and for each that it lacks the default one."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import InternalError, Problem, UserError
from orchestrator.project.declared import NAME_PATTERN

SINGLE = ("mesh.yaml", "fleet.yaml", "policy.yaml")
REFRESHED = "fleet.refreshed.yaml"
"""Written by the program, and only where somebody asked for it; none is inherited."""
FOLDERS = {"agents": ".md", "graphs": ".yaml", "evals": ".yaml"}


@dataclass(frozen=True, slots=True)
class Source:
    """One declared file. `key` is its place in any project, `agents/checker.md`."""

    key: str
    path: Path
    file: str
    """The path as a person would write it; stands in messages."""
    own: bool
    """True where the project has the file itself; False for the default one."""

    @property
    def name(self) -> str:
        """The file name is the name."""
        return Path(self.key).stem


def default_root() -> Path:
    """The folder of the default project: inside an installed package, or a checkout's root.

    Raises:
        InternalError: neither is there; the installation is broken.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_defaults", package.parent):
        if (folder / "mesh.yaml").is_file():
            return folder
    raise InternalError(f"the default project is missing beside {package}")


def find_sources(
    root: Path | None, defaults: Path, given: Collection[str] = ()
) -> tuple[dict[str, Source], list[Problem]]:
    """The files of the project in `root`, by key, sorted; without a root the default ones.

    Args:
        given: the keys for which no file is needed.

    Raises:
        UserError: `root` is not a folder that can be read.
    """
    found, problems = ({}, []) if root is None else _own(root)
    if root is None or defaults.resolve() != root.resolve():
        inherited, wrong = _in_folder(defaults, own=False)
        # A suite asks about the documents beside it, which another project does not have.
        inherited = {key: s for key, s in inherited.items() if not key.startswith("evals/")}
        found = {**inherited, **found}
        problems += wrong
    for key in SINGLE:
        if key not in {*found, *given}:
            file = str((root or defaults) / key)
            message = "the file is missing, here and by default"
            problems.append(Problem(file=file, message=message, code="missing-file"))
    return {key: found[key] for key in sorted(found) if key not in given}, problems


def _own(root: Path) -> tuple[dict[str, Source], list[Problem]]:
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise UserError(f"the project folder {root} {what}")
    try:
        return _in_folder(root, own=True)
    except OSError as error:
        where = error.filename or root
        raise UserError(f"{where} cannot be read: {error.strerror or error}") from error


def _in_folder(root: Path, *, own: bool) -> tuple[dict[str, Source], list[Problem]]:
    found: dict[str, Source] = {}
    problems: list[Problem] = []
    for key in (*SINGLE, REFRESHED) if own else SINGLE:
        if _stands(root / key):
            found[key] = Source(key, root / key, str(root / key), own)
        other = (root / key).with_suffix(".yml")
        if _stands(other):
            message, code = "this file is not read", "file-not-read"
            problems.append(Problem(file=str(other), message=message, near=key, code=code))
    for folder, suffix in FOLDERS.items():
        if not _stands(root / folder):
            continue
        if not (root / folder).is_dir():
            message, code = "a folder is expected here", "file-not-read"
            problems.append(Problem(file=str(root / folder), message=message, code=code))
            continue
        for path in sorted((root / folder).iterdir()):
            if path.name.startswith((".", "__")):
                continue
            source = Source(f"{folder}/{path.name}", path, str(path), own)
            wrong = _wrong_name(folder, path, suffix)
            if wrong:
                problems.append(wrong)
            elif path.suffix == suffix or (folder == "agents" and path.suffix == ".py"):
                found[source.key] = source
    return found, problems


def _stands(path: Path) -> bool:
    """True for a dangling link too: it is an error, not an absence."""
    return path.exists() or path.is_symlink()


def _wrong_name(folder: str, path: Path, suffix: str) -> Problem | None:
    """A file that would be passed over in silence, or whose name cannot be a name."""
    if folder == "evals" and path.suffix not in (".yaml", ".yml"):
        return None  # datasets and benchmarks stand beside the suites
    kinds = (suffix, ".py") if folder == "agents" else (suffix,)
    if path.suffix not in kinds:
        message = f"this is not read: {folder}/ holds NAME{suffix} files"
        near = path.stem + suffix
        return Problem(file=str(path), message=message, near=near, code="file-not-read")
    if allowed := wrong_name(path.stem):
        near = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._")
        return Problem(
            file=str(path),
            message="the file name is the name, and this is not a valid one",
            found=path.stem,
            allowed=allowed,
            near=near,
            code="bad-file-name",
        )
    return None


def wrong_name(name: str) -> str:
    """What a name may be, where `name` is none; an empty string where it is one."""
    if re.fullmatch(NAME_PATTERN, name) and len(name) <= 64:
        return ""
    return "small letters, digits, '-', '_' and '.', at most 64 characters"
