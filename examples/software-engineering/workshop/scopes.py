"""Which uses of a name inside functions mean something local, as Python's scopes say."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (*FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)


def shadowed(tree: ast.Module, name: str, means_it: Callable[[ast.AST], bool]) -> set[ast.AST]:
    """The `Name` nodes that say `name` and mean something else than the module's.

    Args:
        means_it: whether an import that binds the name locally brings the very same thing.
    """
    found: set[ast.AST] = set()

    def visit(node: ast.AST, local: bool) -> None:
        if isinstance(node, ast.Name) and node.id == name and local:
            found.add(node)
        if not isinstance(node, _SCOPES):
            for child in ast.iter_child_nodes(node):
                visit(child, local)
            return
        inside, outside = _parts(node)
        for child in outside:
            visit(child, local)
        own = _binds(node, name, means_it)
        for child in inside:
            # What a class binds is seen in its body and not in the functions inside it.
            seen = local if isinstance(node, ast.ClassDef) and isinstance(child, _SCOPES) else own
            visit(child, local if seen is None else seen)

    visit(tree, False)
    return found


def _parts(scope: ast.AST) -> tuple[list[ast.AST], list[ast.AST]]:
    """What stands inside the scope, and what Python evaluates outside it."""
    if isinstance(scope, ast.Lambda):
        return [scope.body], [*scope.args.defaults, *(d for d in scope.args.kw_defaults if d)]
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        inside: list[ast.AST] = list(scope.body)
        return inside, [c for c in ast.iter_child_nodes(scope) if c not in inside]
    return list(ast.iter_child_nodes(scope)), []


def _binds(scope: ast.AST, name: str, means_it: Callable[[ast.AST], bool]) -> bool | None:
    """True: the scope has its own; False: it says that it means the module's; None: neither."""
    own: bool | None = None
    if isinstance(scope, FUNCTIONS) and name in {a.arg for a in arguments(scope)}:
        own = True
    for node in within(_parts(scope)[0]):
        if isinstance(node, ast.Global) and name in node.names:
            return False
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {a.asname or a.name.partition(".")[0] for a in node.names}
            if name in names:
                own = not means_it(node)
        elif name in bound_by(node):
            own = True
    return own


def bound_by(node: ast.AST) -> set[str]:
    """The names that this very node gives a value to."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return {node.id}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        return {node.name}
    return set()


def arguments(function: Function) -> Iterator[ast.arg]:
    """All parameters of a function."""
    given = function.args
    yield from (*given.posonlyargs, *given.args, *given.kwonlyargs)
    yield from (arg for arg in (given.vararg, given.kwarg) if arg)


def within(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes and all below them that stand in the same scope; inner scopes by their head."""
    for node in nodes:
        yield node
        if isinstance(node, _SCOPES):
            yield from within(_parts(node)[1])
        else:
            yield from within(ast.iter_child_nodes(node))
