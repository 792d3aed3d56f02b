"""One Bicep file as a tree, and what it declares.

The grammar is tree-sitter's, which knows where everything stands in the text: mutants are cut by those places. What
a file may use is the subset that a second parser (pycep, as in checkov) reads, too; `checks` sees to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import tree_sitter
import tree_sitter_bicep

COMMENTS = frozenset({"comment", "diagnostic_comment"})


class BicepError(Exception):
    """A file that can't be read, or a deployment that would be refused; says where."""


@cache
def _parser() -> tree_sitter.Parser:
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


Node = Any  # tree_sitter.Node: its stubs don't type fields


@dataclass(frozen=True)
class Declared:
    """A parameter, variable, resource, module or output. `value`: its expression."""

    kind: str
    name: str
    node: Node
    value: Node  # None where there is none
    type: str = ""  # of a parameter or output; type@version of a resource; path of a module
    existing: bool = False
    decorators: Mapping[str, Node] = field(default_factory=dict)

    @property
    def line(self) -> int:
        return int(self.node.start_point[0]) + 1


@dataclass(frozen=True)
class Template:
    path: str  # from the folder of all templates, with `/`
    text: str
    scope: str
    declared: Mapping[str, Declared]
    outputs: Mapping[str, Declared]
    root: Node

    def of(self, kind: str) -> Iterator[Declared]:
        return (one for one in self.declared.values() if one.kind == kind)


def text_of(node: Node) -> str:
    return str(node.text.decode())


def named(node: Node) -> list[Node]:
    """Children that mean something."""
    return [one for one in node.named_children if one.type not in COMMENTS]


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def literal(node: Node) -> str:
    """The text of a string without interpolation."""
    parts = named(node)
    if node.type != "string" or any(one.type != "string_content" for one in parts):
        raise BicepError(f"line {node.start_point[0] + 1}: a plain string is needed, not {text_of(node)[:40]}")
    return "".join(text_of(one) for one in parts)


def read(path: str, text: str) -> Template:
    root = _parser().parse(text.encode()).root_node
    if root.has_error:
        bad = next((one for one in walk(root) if one.type == "ERROR" or one.is_missing), root)
        raise BicepError(f"{path}:{bad.start_point[0] + 1}: the file doesn't parse")
    scope = "resourceGroup"
    declared: dict[str, Declared] = {}
    outputs: dict[str, Declared] = {}
    decorators: dict[str, Node] = {}
    for node in named(root):
        if node.type == "target_scope_assignment":
            scope = literal(named(node)[0])
        elif node.type == "decorators":
            decorators = {text_of(one): one.parent for one in _decorator_names(node)}
        else:
            one = _declaration(path, node, decorators)
            decorators = {}
            into = outputs if one.kind == "output" else declared
            if one.name in into:
                raise BicepError(f"{path}:{one.line}: {one.name} is declared twice")
            into[one.name] = one
    return Template(path, text, scope, declared, outputs, root)


def _decorator_names(node: Node) -> Iterator[Node]:
    for decorator in named(node):
        yield named(decorator)[0].child_by_field_name("function")


def _declaration(path: str, node: Node, decorators: Mapping[str, Node]) -> Declared:
    parts = named(node)
    name = text_of(parts[0]) if parts else ""
    match node.type:
        case "parameter_declaration":
            value = parts[2] if len(parts) > 2 else None
            return Declared("param", name, node, value, text_of(parts[1]), decorators=dict(decorators))
        case "variable_declaration":
            return Declared("var", name, node, parts[1])
        case "output_declaration":
            return Declared("output", name, node, parts[2], text_of(parts[1]), decorators=dict(decorators))
        case "resource_declaration":
            existing = any(one.type == "existing" for one in node.children)
            return Declared("resource", name, node, parts[-1], literal(parts[1]), existing)
        case "module_declaration":
            return Declared("module", name, node, parts[-1], literal(parts[1]))
        case _:
            raise BicepError(f"{path}:{node.start_point[0] + 1}: {node.type} is outside the subset used here")


def files(folder: Path) -> dict[str, str]:
    """Path from `folder` → text, of every template but those of the Graph extension, which no parser here reads."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.bicep"))
        if "graph" not in path.relative_to(folder).parts
    }
