"""The shape of the code base: layers, sizes, public names, what an import may load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import orchestrator

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "orchestrator"

LAYERS = (  # top first; a module may import its own layer and those after it
    ("testing",),
    ("cli", "__main__"),
    ("gateway",),
    ("viewer",),
    ("mesh",),
    ("cleaning",),
    ("parts",),
    ("chat",),
    ("scaffold",),
    ("evaluation",),
    ("replay",),
    ("learning",),
    ("graph",),
    ("roles",),
    ("caching",),
    ("tooling",),
    ("evidence",),
    ("calling",),
    ("routing",),
    ("fleet",),
    ("tracing",),
    ("guard",),
    ("embedding",),
    ("storage",),
    ("sharing",),
    ("project",),
    ("validation",),
    ("plotting",),
    ("call_types",),
    ("types", "errors", "records"),
    ("money",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

COMPOSERS = ("", "cli", "gateway", "mesh", "cleaning", "parts", "__main__")

ALLOWED_UPWARDS = {
    # The message of an unknown name carries the near name; imported inside the function.
    ("orchestrator.errors", "orchestrator.project.names"),
}

HEAVY = ("litellm", "chromadb", "torch", "langgraph", "langchain_core", "sentence_transformers")

# Written in halves, so that this file does not name what it looks for.
REGISTRY_HOSTS = tuple(
    f"{name}.{ending}"
    for name, ending in (
        ("pypi", "org"),
        ("files.pythonhosted", "org"),
        ("registry.npmjs", "org"),
        ("conda.anaconda", "org"),
        ("proxy.golang", "org"),
    )
)

TEMPLATE = PACKAGE / "scaffold" / "template"  # a project of its own, which imports the root
SOURCES = sorted(p for p in PACKAGE.rglob("*.py") if not p.is_relative_to(TEMPLATE))
ALL_PYTHON = sorted(
    path
    for folder in ("orchestrator", "tests", "examples", "scripts")
    for path in (ROOT / folder).rglob("*.py")
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(module: str) -> str:
    """`graph` for `orchestrator.graph.compile`; the empty string for the root itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every import of our own modules in a file, those inside functions and checks included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            module = node.module or ""
            yield node.lineno, module
            submodules = {f"{module}.{alias.name}" for alias in node.names}
            yield from ((node.lineno, name) for name in submodules if is_module(name))


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# ── layers ───────────────────────────────────────────────────────────────────────────────


def test_every_part_of_the_package_has_a_layer() -> None:
    parts = {layer(module_name(path)) for path in SOURCES} - {""}
    assert parts <= set(LEVEL), "give the new part its place in LAYERS"


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.parent != PACKAGE or p.stem != "__init__"], ids=relative
)
def test_layers_import_downwards_only(path: Path) -> None:
    module = module_name(path)
    own = LEVEL[layer(module)]
    for line, target in imports(path):
        if target.split(".")[0] != "orchestrator" or (module, target) in ALLOWED_UPWARDS:
            continue
        if target == "orchestrator":
            # `from orchestrator import types` names a module, which is looked at by itself.
            continue
        above = LEVEL[layer(target)] < own
        assert not above, f"{relative(path)}:{line}: {module} imports {target}, which lies above it"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.stem != "__init__"], ids=relative)
def test_the_package_does_not_use_its_own_front_door(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "orchestrator":
            for alias in node.names:
                assert is_module(f"orchestrator.{alias.name}") or alias.name == "__version__", (
                    f"{relative(path)}:{node.lineno}: import {alias.name} from where it lives"
                )


def test_only_mesh_puts_the_parts_together() -> None:
    """No module below `mesh` knows both how models are called and how graphs are run."""
    for path in SOURCES:
        if layer(module_name(path)) in COMPOSERS:
            continue
        layers = {
            layer(target) for _, target in imports(path) if target.startswith("orchestrator.")
        }
        assert not {"graph", "calling"} <= layers, f"{relative(path)} composes graph and calling"


# ── public names and imports ─────────────────────────────────────────────────────────────


def test_at_most_thirty_public_names() -> None:
    assert len(orchestrator.__all__) <= 30


def test_every_public_name_resolves_and_is_documented() -> None:
    for name in orchestrator.__all__:
        value = getattr(orchestrator, name)
        if name != "__version__":
            assert value.__doc__, f"orchestrator.{name} has no docstring"


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Mash"):
        orchestrator.__getattr__("Mash")


def loaded_by(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after running `code`."""
    script = f"{code}\nimport sys\nprint('LOADED', *(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_importing_the_library_loads_nothing_heavy() -> None:
    assert loaded_by("import orchestrator") == set()


def test_the_help_of_the_command_loads_nothing_heavy() -> None:
    code = """
import sys
sys.argv = ["mesh", "--help"]
from orchestrator.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""
    assert loaded_by(code) == set()


# ── sizes ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ALL_PYTHON, ids=relative)
def test_files_and_functions_stay_readable(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= 800, f"{relative(path)} is longer than 800 lines"
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        place = f"{relative(path)}:{node.lineno} {node.name}"
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        assert length <= 80, f"{place} has {length} lines"
        assert parameters(node) <= 8 or is_command(path, node), f"{place} has too many parameters"


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = node.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def is_command(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A command of `cli/` takes one parameter for each option that it has."""
    returns_none = isinstance(node.returns, ast.Constant) and node.returns.value is None
    public = not node.name.startswith("_")
    return path.is_relative_to(PACKAGE / "cli") and public and returns_none


# ── what no file may hold ────────────────────────────────────────────────────────────────


def committed_files() -> list[Path]:
    """All files of the project, without what is generated or installed."""
    skipped = {".git", ".venv", ".mesh", "dist", "build", "__pycache__"}
    return [
        path
        for path in sorted(ROOT.rglob("*"))
        if path.is_file()
        and not skipped & set(path.relative_to(ROOT).parts)
        and not any(part.endswith(("_cache", ".hypothesis")) for part in path.parts)
    ]


def test_no_file_names_a_package_registry() -> None:
    hosts = re.compile("|".join(re.escape(host) for host in REGISTRY_HOSTS).encode())
    found = [relative(path) for path in committed_files() if hosts.search(path.read_bytes())]
    assert not found


# ── seams ────────────────────────────────────────────────────────────────────────────────


def declared_transports() -> set[str]:
    """The names that `@transport("…")` gives anywhere in the package."""
    names: set[object] = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith("transport"):
                    names.update(a.value for a in mark.args if isinstance(a, ast.Constant))
    return {str(name) for name in names}


def conformance() -> str:
    return "".join(
        path.read_text("utf-8") for path in (ROOT / "tests" / "conformance").glob("test_*.py")
    )


def test_every_transport_is_in_the_conformance_suite() -> None:
    assert declared_transports(), "no transport is registered"
    missing = {name for name in declared_transports() if f'name = "{name}"' not in conformance()}
    assert not missing, f"the conformance suite does not run over {missing}"


def test_every_embedder_is_in_the_conformance_suite() -> None:
    from orchestrator.embedding.load import NAMES

    assert not {name for name in NAMES if f'load_embedder("{name}"' not in conformance()}


def test_every_seam_has_a_suite_that_runs_over_something() -> None:
    from orchestrator import testing

    tree = ast.parse((PACKAGE / "project" / "protocols.py").read_text("utf-8"))
    seams = [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef) and "Protocol" in {ast.unparse(b) for b in node.bases}
    ]
    assert "Transport" in seams
    seams.remove("Pass")  # what a `Traffic` hands out, and its suite looks at
    for seam in seams:
        suite = getattr(testing, f"{seam}Conformance", None)
        assert suite is not None, f"orchestrator.testing has no {seam}Conformance"
        assert f"{seam}Conformance)" in conformance(), f"nothing runs {seam}Conformance"
