"""Finds statements that stand in several functions, and moves them into one.

Two runs of statements are the same where their syntax trees are, local names aside: `rate` here may
be `percent` there. What they take from their module must be the very same thing in both.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .code_base import CodeBase, bindings, dependency_map, is_test
from .scopes import FUNCTIONS, arguments, bound_by, within

LEAST, MOST = 3, 30
"""Statements, counted with those inside them."""
_LEAVES = (ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Break, ast.Continue)
_DECLARES = (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True)
class Block:
    """Statements that follow each other in a function."""

    module: str
    file: str
    function: ast.FunctionDef
    statements: tuple[ast.stmt, ...]
    inputs: tuple[str, ...]
    """Local names that it reads before it gives them a value."""
    outputs: tuple[str, ...]
    """Local names that it gives a value and that are read after it."""
    shape: str
    """The syntax with local names numbered, and what the other names stand for."""

    @property
    def first(self) -> int:
        return self.statements[0].lineno

    @property
    def last(self) -> int:
        return self.statements[-1].end_lineno or 0

    @property
    def place(self) -> str:
        return f"{self.file}:{self.first}"


def duplicates(code: CodeBase) -> list[tuple[Block, ...]]:
    """The blocks that stand in more than one function, the longest first; none overlap."""
    groups: dict[tuple[str, int, int], list[Block]] = {}
    for block in _blocks(code):
        key = (block.shape, len(block.inputs), len(block.outputs))
        groups.setdefault(key, []).append(block)
    repeated = [group for group in groups.values() if len({_owner(b) for b in group}) > 1]
    found: list[tuple[Block, ...]] = []
    for group in sorted(repeated, key=lambda g: (-len(g[0].shape), g[0].place)):
        apart = [b for b in group if not any(_overlap(b, o) for other in found for o in other)]
        if len(apart) > 1:
            found.append(tuple(apart))
    return found


def _owner(block: Block) -> tuple[str, int]:
    return block.file, block.function.lineno


def _overlap(one: Block, other: Block) -> bool:
    return one.file == other.file and one.first <= other.last and other.first <= one.last


def about(block: Block, code: CodeBase, topic: str) -> bool:
    """Whether the block, or what is said about it, speaks of the topic."""
    lines = code.files[block.file].split("\n")
    words = "\n".join(lines[_with_comments(lines, block.first) - 1 : block.last])
    doc = ast.get_docstring(code.trees[block.module]) or ""
    return topic.lower() in f"{words}\n{doc}\n{ast.get_docstring(block.function) or ''}".lower()


def at_lines(code: CodeBase, file: str, first: int, last: int) -> Block | None:
    """The whole statements of a function on those lines, where they may become another one."""
    lines = code.files.get(file, "").split("\n")
    if not 0 < first <= last <= len(lines):
        return None
    for module in (name for name, place in code.modules.items() if place == file):
        for function, body in _all_bodies(code, module):
            inside = [s for s in body if first <= s.lineno and (s.end_lineno or 0) <= last]
            held = {n for s in inside for n in range(s.lineno, (s.end_lineno or 0) + 1)}
            rest = [lines[n - 1].strip() for n in range(first, last + 1) if n not in held]
            if inside and not any(text and not text.startswith("#") for text in rest):
                return _block(module, file, function, inside, _module_names(code, module))
    return None


def _blocks(code: CodeBase) -> Iterator[Block]:
    for module, file in code.modules.items():
        if is_test(file):
            continue
        globals_ = _module_names(code, module)
        for function, body in _all_bodies(code, module):
            for start in range(len(body)):
                for end in range(start + 1, min(start + MOST, len(body)) + 1):
                    inside = [n for s in body[start:end] for n in ast.walk(s)]
                    if not LEAST <= sum(isinstance(n, ast.stmt) for n in inside) <= MOST:
                        continue
                    block = _block(module, file, function, body[start:end], globals_)
                    if block:
                        yield block


def _all_bodies(code: CodeBase, module: str) -> Iterator[tuple[ast.FunctionDef, list[ast.stmt]]]:
    for function in ast.walk(code.trees[module]):
        if isinstance(function, ast.FunctionDef):
            yield from ((function, body) for body in _bodies(function))


def _bodies(function: ast.FunctionDef) -> Iterator[list[ast.stmt]]:
    """The lists of statements of a function, those of inner functions left out."""
    for node in [function, *within(function.body)]:
        for key in ("body", "orelse", "finalbody") if node is function or _compound(node) else ():
            if body := getattr(node, key, None):
                yield body


def _compound(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt) and not isinstance(node, (*FUNCTIONS, ast.ClassDef))


def _module_names(code: CodeBase, module: str) -> dict[str, str]:
    """What a module's own and imported names stand for, everywhere the same."""
    own = {name for node in code.trees[module].body for name in bound_by(node)}
    own |= {n for node in within(code.trees[module].body) for n in bound_by(node)}
    return {name: f"{module}.{name}" for name in own} | bindings(code, module)


def _block(
    module: str,
    file: str,
    function: ast.FunctionDef,
    statements: Sequence[ast.stmt],
    globals_: Mapping[str, str],
) -> Block | None:
    """The block, where it may become a function of its own."""
    inside = [n for s in statements for n in ast.walk(s)]
    if any(isinstance(n, (*_LEAVES, *_DECLARES)) for n in inside):
        return None
    local = {a.arg for a in arguments(function)}
    local |= {name for node in within(function.body) for name in bound_by(node)}
    order = {name: f"_{n}" for n, name in enumerate(_names(inside, local))}
    free = {n.id for n in inside if isinstance(n, ast.Name)} - local
    if any(name not in globals_ and name not in _BUILTINS for name in free):
        return None
    written = {name for n in inside for name in bound_by(n)} & local
    later = _read_later(function, statements)
    needed = _read_first(statements, local, later)
    if not needed <= _bound_before(function, statements[0]):
        return None
    inputs = [name for name in order if name in needed]
    outputs = [name for name in order if name in written & later]
    numbered = [_Numbered(order).visit(copy.deepcopy(s)) for s in statements]
    shape = "\n".join(ast.dump(s) for s in numbered)
    roles = [[order[name] for name in names] for names in (inputs, outputs)]
    origins = sorted((name, globals_.get(name, "builtin")) for name in free)
    return Block(
        module=module,
        file=file,
        function=function,
        statements=tuple(statements),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        shape=f"{shape}\n{roles}\n{origins}",
    )


def _names(nodes: Sequence[ast.AST], local: set[str]) -> list[str]:
    names = [n for n in nodes if isinstance(n, ast.Name) and n.id in local]
    names.sort(key=lambda n: (n.lineno, n.col_offset))
    return list(dict.fromkeys(n.id for n in names))


class _Numbered(ast.NodeTransformer):
    def __init__(self, order: Mapping[str, str]) -> None:
        self._order = order

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._order.get(node.id, node.id)
        return node


def _position(node: ast.Name | ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _read_later(function: ast.FunctionDef, statements: Sequence[ast.stmt]) -> set[str]:
    """Names that may be read after the block: below it, around it in a loop, or by an inner
    function whenever that is called."""
    end = (statements[-1].end_lineno or 0, statements[-1].end_col_offset or 0)
    nodes = list(ast.walk(function))
    inner = [n for n in nodes if isinstance(n, FUNCTIONS) and n is not function]
    loops = [n for n in nodes if isinstance(n, ast.For | ast.While | ast.AsyncFor)]
    around = [n for n in loops if statements[0] in ast.walk(n) and n not in statements]
    anywhere = {id(n) for scope in (*inner, *around) for n in ast.walk(scope)}
    names = [n for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    return {n.id for n in names if _position(n) > end or id(n) in anywhere}


def _bound_before(function: ast.FunctionDef, first: ast.stmt) -> set[str]:
    """Names that surely have a value where the block begins."""
    found = {a.arg for a in arguments(function)}
    for statement in function.body:
        plain = isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign)
        if plain and _position(statement) < _position(first):
            found |= {name for n in ast.walk(statement) for name in bound_by(n)}
    return found


def _read_first(statements: Sequence[ast.stmt], local: set[str], later: set[str]) -> set[str]:
    """Names that may be read before the block itself has given them a value.

    A value that is given inside an `if` or a loop may not be given at all, so it does not count;
    and a name that is read later needs the value that it had.
    """
    given: set[str] = set()
    needed: set[str] = set()
    for statement in statements:
        names = [n for n in ast.walk(statement) if isinstance(n, ast.Name) and n.id in local]
        stores = {n.id for n in names if isinstance(n.ctx, ast.Store)}
        reads = {n.id for n in names if isinstance(n.ctx, ast.Load) or _adds(statement, n)}
        if isinstance(statement, ast.For):
            reads -= {n.id for n in ast.walk(statement.target) if isinstance(n, ast.Name)}
        simple = isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign)
        needed |= (reads if simple else reads | (stores & later)) - given
        given |= stores if simple else set()
    return needed


def _adds(statement: ast.stmt, name: ast.Name) -> bool:
    return any(isinstance(n, ast.AugAssign) and n.target is name for n in ast.walk(statement))


# ── moving ───────────────────────────────────────────────────────────────────────────────


def extract(code: CodeBase, blocks: Sequence[Block], name: str) -> CodeBase:
    """The code base with a function `name` in the place of the blocks.

    It comes to stand in the first of their modules, in dependency order, above the function that
    held it; the others import it from there.

    Raises:
        ValueError: the name is taken, or the import would close a circle.
    """
    order = [module.name for module in dependency_map(code).modules]
    ranked = sorted(blocks, key=lambda b: (order.index(b.module), b.first))
    home = ranked[0]
    for block in blocks:
        if name in _module_names(code, block.module) or name in _all_names(code, block):
            raise ValueError(f"`{name}` already stands for something in {block.file}")
    texts = {file: code.files[file] for file in {b.file for b in blocks}}
    made = _function(code, home, name)
    for block in sorted(blocks, key=lambda b: -b.first):
        lines = texts[block.file].split("\n")
        first = block.first
        if block is home or _comments(lines, first) == _comments(_lines(code, home), home.first):
            first = _with_comments(lines, first)
        indent = " " * block.statements[0].col_offset
        left = ", ".join(block.outputs)
        call = f"{name}({', '.join(block.inputs)})"
        lines[first - 1 : block.last] = [f"{indent}{left} = {call}" if left else f"{indent}{call}"]
        texts[block.file] = "\n".join(lines)
    for block in {b.file: b for b in ranked if b.file != home.file}.values():
        texts[block.file] = _importing(texts[block.file], home.module, name)
    lines = texts[home.file].split("\n")
    above = min([home.function.lineno, *(d.lineno for d in home.function.decorator_list)])
    above = _with_comments(lines, above)
    lines[above - 1 : above - 1] = [*made, "", ""]
    texts[home.file] = "\n".join(lines)
    changed = code.changed(texts)
    new = set(dependency_map(changed).cycles) - set(dependency_map(code).cycles)
    if new:
        raise ValueError(f"`{name}` would close a circle of imports: {' → '.join(new.pop())}")
    return changed


def _all_names(code: CodeBase, block: Block) -> set[str]:
    nodes = ast.walk(code.trees[block.module])
    return {n.id for n in nodes if isinstance(n, ast.Name)}


def _lines(code: CodeBase, block: Block) -> list[str]:
    return code.files[block.file].split("\n")


def _function(code: CodeBase, block: Block, name: str) -> list[str]:
    """The new function: the block as it stands, comments and format included."""
    lines = _lines(code, block)
    body = lines[_with_comments(lines, block.first) - 1 : block.last]
    indent = block.statements[0].col_offset
    kinds = _annotations(block.function)
    known = all(n in kinds for n in (*block.inputs, *block.outputs))
    taken = ", ".join(f"{n}: {kinds[n]}" if known else n for n in block.inputs)
    given = [kinds[n] for n in block.outputs] if known else []
    kind = given[0] if len(given) == 1 else f"tuple[{', '.join(given)}]" if given else "None"
    head = f"def {name}({taken})" + (f" -> {kind}:" if known else ":")
    end = [f"    return {', '.join(block.outputs)}"] if block.outputs else []
    return [head, *(f"    {line[indent:]}" if line.strip() else line for line in body), *end]


def _annotations(function: ast.FunctionDef) -> dict[str, str]:
    found = {a.arg: ast.unparse(a.annotation) for a in arguments(function) if a.annotation}
    for node in within(function.body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = ast.unparse(node.annotation)
    return found


def _with_comments(lines: Sequence[str], first: int) -> int:
    """The first line of the comment that stands right above line `first`, or that line."""
    while first > 1 and lines[first - 2].lstrip().startswith("#"):
        first -= 1
    return first


def _comments(lines: Sequence[str], first: int) -> list[str]:
    return [line.strip() for line in lines[_with_comments(lines, first) - 1 : first - 1]]


def _importing(text: str, module: str, name: str) -> str:
    """The text with one more import, below the last one at its top, in their order."""
    body = ast.parse(text).body
    imports = [n for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
    lines = text.split("\n")
    line = f"from {module} import {name}"
    local = [n for n in imports if isinstance(n, ast.ImportFrom) and (n.module or "") < module]
    plain = [n for n in imports if isinstance(n, ast.Import)]
    doc = body[:1] if body and isinstance(body[0], ast.Expr) else []
    after = (local or plain or doc)[-1:]
    at = (after[0].end_lineno or 0) if after else 0
    lines[at:at] = [line] if local or plain or not doc else ["", line]
    return "\n".join(lines)
