"""What can be said of the templates from their text: descriptions, unused names, values known in time, secrets.

A compiler would refuse some of it (a resource named by something that only the deployment knows); the rest is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tests.infra.cases import ROOTS, Texts
from tests.infra.evaluate import template
from tests.infra.syntax import Declared, Node, Template, named, text_of, walk

# Of a resource these are known before it is deployed; everything else, and every output of a module, is not.
_KNOWN: Final = frozenset({"id", "name", "type", "apiVersion"})
_REQUIRED: Final = 5


def findings(texts: Texts) -> Iterator[str]:
    used = set(ROOTS)
    for path, text in texts.of.items():
        one = template(path, text)
        yield from _described(one)
        yield from _unused(one)
        yield from _known_in_time(one)
        used |= {module.type for module in one.of("module")}
        used |= {f"modules/{module.type}" for module in one.of("module") if path.startswith("modules/")}
    for path in sorted(set(texts.of) - used):
        yield f"{path}: nothing deploys it"
    for path in ROOTS:
        required = [one for one in template(path, texts.of[path]).of("param") if one.value is None]
        if len(required) > _REQUIRED:
            yield f"{path}: {len(required)} parameters have to be given"


def _described(one: Template) -> Iterator[str]:
    for declared in (*one.of("param"), *one.outputs.values()):
        call = declared.decorators.get("description")
        if call is None or not literal_of(call):
            yield f"{one.path}:{declared.line}: {declared.name} has no description"
        if declared.decorators.get("secure") is not None:
            yield f"{one.path}:{declared.line}: {declared.name} is a secret, and there are none"
    for output in one.outputs.values():
        said = text_of(output.value)
        if "listKeys" in said or "listAccountSas" in said or "getSecret" in said:
            yield f"{one.path}:{output.line}: {output.name} gives a secret away"


def literal_of(call: Node) -> str:
    (argument,) = named(call.child_by_field_name("arguments"))
    return "".join(text_of(part) for part in named(argument))


def _unused(one: Template) -> Iterator[str]:
    counted: dict[str, int] = {}
    for node in walk(one.root):
        if node.type == "identifier":
            counted[text_of(node)] = counted.get(text_of(node), 0) + 1
    for declared in one.declared.values():
        if declared.kind in ("param", "var") and counted.get(declared.name, 0) < 2:
            yield f"{one.path}:{declared.line}: {declared.name} is used by nothing"


# --- known in time -----------------------------------------------------------------------------------------------
def _known_in_time(one: Template) -> Iterator[str]:
    """Names, scopes, conditions and loops have to be known when the deployment starts."""
    late: dict[str, bool] = {}

    def is_late(node: Node, bound: frozenset[str] = frozenset()) -> bool:
        if node.type == "member_expression":
            chain = _chain(node)
            declared = one.declared.get(chain[0]) if chain else None
            if declared is not None and declared.kind == "module":
                return "outputs" in chain
            if declared is not None and declared.kind == "resource":
                return len(chain) > 1 and chain[1] not in _KNOWN
        if node.type == "identifier":
            return text_of(node) not in bound and late.get(text_of(node), False)
        if node.type == "object_property":
            return is_late(named(node)[1], bound)
        return any(is_late(child, bound) for child in named(node))

    for declared in one.of("var"):
        late[declared.name] = is_late(declared.value)
        if declared.value.type == "for_statement" and late[declared.name]:
            yield f"{one.path}:{declared.line}: {declared.name} is made by a loop of what only the deployment knows"
    for declared in (*one.of("resource"), *one.of("module")):
        if "the name" not in dict(_start_values(declared)):
            yield f"{one.path}:{declared.line}: {declared.name} has no name"
        yield from (
            f"{one.path}:{declared.line}: {what} of {declared.name} is known to the deployment only"
            for what, node in _start_values(declared)
            if is_late(node)
        )


def _chain(node: Node) -> list[str]:
    """`a[0].b.c` as a, b, c; empty where it doesn't start with a name."""
    if node.type == "identifier":
        return [text_of(node)]
    if node.type == "subscript_expression":
        return _chain(node.child_by_field_name("object"))
    if node.type == "member_expression":
        before = _chain(node.child_by_field_name("object"))
        return [*before, text_of(node.child_by_field_name("property"))] if before else []
    return []


def _start_values(declared: Declared) -> Iterator[tuple[str, Node]]:
    node = declared.value
    if node.type == "for_statement":
        body = node.child_by_field_name("body")
        yield "the loop", next(one for one in reversed(named(node)) if one != body)
        node = body
    if node.type == "if_statement":
        condition, node = named(node)
        yield "the condition", condition
    members: Mapping[str, Node] = {
        text_of(named(member)[0]): named(member)[1] for member in named(node) if member.type == "object_property"
    }
    for what in ("name", "scope", "parent"):
        if what in members:
            yield f"the {what}", members[what]
