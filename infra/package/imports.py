"""What Python source imports, read off its text: nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def eager(source: str, module: str, *, package: bool) -> set[str]:
    """Absolute names that importing this module imports: not those inside functions or for type checkers.

    `from a import b` gives `a` and `a.b`, since `b` may be a module of its own."""
    return set(_names(_at_import(ast.parse(source).body), module, package=package))


def anywhere(source: str, module: str, *, package: bool) -> set[str]:
    """Absolute names imported anywhere in this module, in functions, too."""
    return set(_names(ast.walk(ast.parse(source)), module, package=package))


def named(path: Path, root: Path) -> tuple[str, bool]:
    """A file's name as a module below `root`, and whether it is a package's own file."""
    parts = path.relative_to(root).with_suffix("").parts
    package = parts[-1] == "__init__"
    return ".".join(parts[:-1] if package else parts), package


def _at_import(body: list[ast.stmt]) -> Iterator[ast.AST]:
    for one in body:
        yield one
        if isinstance(one, ast.If):
            if not _for_type_checkers(one.test):
                yield from _at_import(one.body)
            yield from _at_import(one.orelse)
        elif isinstance(one, ast.Try):
            for part in (one.body, *(handler.body for handler in one.handlers), one.orelse, one.finalbody):
                yield from _at_import(part)
        elif isinstance(one, ast.With | ast.ClassDef):
            yield from _at_import(one.body)


def _for_type_checkers(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _names(nodes: Iterator[ast.AST], module: str, *, package: bool) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module, package=package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _base(node: ast.ImportFrom, module: str, *, package: bool) -> str:
    if not node.level:
        return node.module or ""
    parents = module.split(".")
    parents = parents[: len(parents) - node.level + (1 if package else 0)]
    return ".".join([*parents, *([node.module] if node.module else [])])
