"""`python -m tests.infra.mutants`: the templates broken in every way known here, and what is noticed.

A mutant is one template with one place changed: a property, element, resource, module, condition or decorator gone,
a name misspelt, a value widened, a right or an account mixed up with another. Each is judged by all checks. What no
check notices is printed with the reason why it does no harm; a survivor without a reason fails the command.

Texts for people (descriptions, notes) aren't changed: no check could know better.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final

from tests.infra import types
from tests.infra.cases import Texts
from tests.infra.checks import first_finding
from tests.infra.evaluate import template
from tests.infra.syntax import Node, named, text_of, walk
from tests.reference import ABSENT

ENOUGH: Final = 0.95
_CHUNK: Final = 20  # mutants that a process takes at a time
_whole = Texts({})  # of a process that judges
_PROSE: Final = frozenset({"description", "notes", "message", "displayName"})
# What a value is widened to where its opposite is known; any other text gets another letter.
_WIDER: Final = {
    "Deny": "Allow",
    "None": "AzureServices",
    "Disabled": "Enabled",
    "TLS1_2": "TLS1_0",
    "1.2": "1.0",
    "AAD": "PrivateLink",
    "Block": "Log",
    "Standard_ZRS": "Standard_LRS",
    "Standard_GZRS": "Standard_RAGRS",
    "CanNotDelete": "ReadOnly",
    "ServicePrincipal": "User",
    "Group": "ServicePrincipal",
    "Default": "DoNotEnforce",
    "UserAssigned": "SystemAssigned",
    "Dedicated": "AzureDiagnostics",
    "global": "eastus",
}
_OWNER: Final = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Names that are easily mixed up, and whose mixing up gives somebody something.
_PAIRS: Final = (
    ("backup", "restore"),
    ("readers", "keepers"),
    ("requesters", "readers"),
    ("approvers", "requesters"),
    ("armers", "restoreDeployers"),
    ("passwordReaders", "readers"),
    ("principalId", "clientId"),
    ("clientId", "id"),
    ("queueUri", "tableUri"),
    ("tableUri", "blobUri"),
    ("blobUri", "queueUri"),
    ("signing", "passwords"),
    ("deployers", "switchers"),
    ("vaultAccount", "backupStateAccount"),
    ("evidenceDays", "chainDays"),
)
_ADDED: Final = {  # list → what it is widened by
    "actions": "'*'",
    "dataActions": "'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete'",
    "allowed": "'norwayeast'",
    "queues": "'more'",
    "tables": "'more'",
    "keyOps": "'encrypt'",
    "category": "'StorageRead'",
    "groupIds": "'file'",
    "alarms": "'no.such'",
    "assignableScopes": "'/'",
    "operations": "'Microsoft.Storage/storageAccounts/read'",
    "zoneNames": "'privatelink.file.core.windows.net'",
    "subnetIds": "'/subscriptions/x/subnets/other'",
    "regions": "'eastus'",
}

# Survivors that do no harm: what they have in common, and why.
HARMLESS: Final[tuple[tuple[str, str], ...]] = (
    (
        r": widen: name of (?!.*\.)|: widen: name of endpoints\.",
        "a name that nothing refers to (a module's deployment, a setting, an endpoint): it has only to be there",
    ),
    (
        r": widen: (app|identity)Name of \w+\.params$",
        "another name of an app or identity, within what the platform takes; nothing refers to it by name",
    ),
    (r": mix up: .* in \w+\.name$", "a part of a name that has only to be unique and the same each time"),
    (
        r"dependsOn",
        "order: what comes too early is refused by the platform and comes with the next deployment; nothing is "
        "open in between",
    ),
    (
        r"^modules/.*: (drop decorator|widen): @?(allowed|minValue|maxValue|minLength|maxLength)\(|"
        r"^modules/.*(of|to) allowed$",
        "main.bicep and copy.bicep, which alone are deployed, have the same limit",
    ),
)


@dataclass(frozen=True)
class Mutant:
    kind: str
    path: str
    line: int
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.kind}: {self.what}"


def mutants(texts: Texts) -> Iterator[Mutant]:
    """In the order of the files; the same for the same templates."""
    seen = set()
    for path, text in texts.of.items():
        for kind, node, what, new in _changes(template(path, text).root):
            raw = text.encode()
            changed = (raw[: node.start_byte] + new.encode() + raw[node.end_byte :]).decode()
            if changed != text and changed not in seen:
                seen.add(changed)
                yield Mutant(kind, path, int(node.start_point[0]) + 1, what, changed)


Change = tuple[str, Node, str, str]  # kind, the node that goes, in words, what takes its place


def _changes(root: Node) -> Iterator[Change]:
    for node in (one for one in walk(root) if one.is_named):
        match node.type:
            case "object_property":
                yield from _property(node)
            case "resource_declaration" | "module_declaration":
                yield f"drop {node.type.partition('_')[0]}", node, _name(node), ""
                yield from _version(node)
            case "variable_declaration":
                yield from _value(named(node)[1], _name(node))
            case "parameter_declaration":
                if len(named(node)) > 2:
                    yield from _value(named(node)[2], _name(node))
            case "output_declaration":
                yield "drop output", node, _name(node), ""
            case "decorator":
                yield "drop decorator", node, _first(text_of(node)), ""
                yield from _decorator(node)
            case "array":
                yield from _elements(node)
            case "if_statement":
                condition = named(node)[0]
                yield "negate", condition, _first(text_of(condition)), f"(!{text_of(condition)})"
            case "ternary_expression":
                yield from _ternary(node)
            case "identifier" | "property_identifier" if node.parent.type not in ("parameter_declaration",):
                yield from _mixed_up(node)
            case "binary_expression":
                yield from _binary(node)


def _property(node: Node) -> Iterator[Change]:
    key, value = named(node)
    name = text_of(key)
    if name in _PROSE:
        return
    what = f"{name} of {_owner(node)}"
    yield "drop property", node, what, ""
    if key.type == "identifier":
        yield "misspell property", key, what, f"{name}X"
    yield from _value(value, what)


def _value(value: Node, what: str) -> Iterator[Change]:
    match value.type:
        case "boolean":
            yield "widen", value, what, "false" if text_of(value) == "true" else "true"
        case "number":
            yield "widen", value, what, str(int(text_of(value)) + 1)
        case "string":
            yield from _string(value, what)


def _string(value: Node, what: str) -> Iterator[Change]:
    inner = text_of(value)[1:-1]
    if _GUID.fullmatch(inner):
        yield "widen", value, what, f"'{_OWNER}'"
    elif text_of(value).startswith("'") and not text_of(value).startswith("'''"):
        yield "widen", value, what, f"'{_WIDER.get(inner, inner + 'x')}'"


def _elements(node: Node) -> Iterator[Change]:
    of = _list_name(node)
    if of in _PROSE:
        return
    for one in named(node):
        what = f"{_first(text_of(one))} of {of}"
        yield "drop element", one, what, ""
        if one.type == "string":
            yield from _string(one, what)
    if of in _ADDED and named(node):
        last = named(node)[-1]
        yield "add element", last, f"{_ADDED[of]} to {of}", f"{text_of(last)}\n{_ADDED[of]}"


def _version(node: Node) -> Iterator[Change]:
    declared = next((one for one in named(node) if one.type == "string"), None)
    if declared is not None and "@" in text_of(declared) and types.folder() is not None:
        yield "version", declared, _name(node), re.sub(r"@\d{4}", "@2019", text_of(declared))


def _decorator(node: Node) -> Iterator[Change]:
    call = named(node)[0]
    arguments = named(call.child_by_field_name("arguments"))
    if arguments and arguments[0].type == "number":
        value = int(text_of(arguments[0]))
        wider = value - 1 if "min" in text_of(call).lower() else value * 10
        yield "widen", arguments[0], _first(text_of(call)), str(wider)


def _ternary(node: Node) -> Iterator[Change]:
    condition, yes, no = (
        text_of(node.child_by_field_name(one)) for one in ("condition", "consequence", "alternative")
    )
    yield "swap", node, _first(condition), f"{condition} ? {no} : {yes}"


def _binary(node: Node) -> Iterator[Change]:
    operator = node.child_by_field_name("operator")
    other = {"==": "!=", "!=": "==", "&&": "||", "||": "&&", ">=": "<", "+": "-", "<": ">"}.get(text_of(operator))
    if other:
        yield "operator", operator, _first(text_of(node)), other


def _mixed_up(node: Node) -> Iterator[Change]:
    name = text_of(node)
    parent = node.parent
    declares = parent.type.endswith("_declaration") or parent.type == "object_property"
    if declares and named(parent)[0] == node:
        return
    for one, other in _PAIRS:
        for was, becomes in ((one, other), (other, one)):
            changed = re.sub(rf"^{was}(?=[A-Z]|$)", becomes, name)
            if changed != name:
                yield "mix up", node, f"{name} with {changed} in {_owner(node)}", changed
    if parent.type == "member_expression" and text_of(parent.child_by_field_name("object")) == "roleIds":
        other = "vaultAppend" if name != "vaultAppend" else "vaultLock"
        yield "mix up", node, f"role {name} with {other} in {_owner(node)}", other


# --- in words ----------------------------------------------------------------------------------------------------
def _first(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line[:60]


def _name(node: Node) -> str:
    return text_of(named(node)[0])


def _owner(node: Node) -> str:
    """The declaration that a node is part of, and the property."""
    found = []
    at = node.parent
    while at is not None and not at.type.endswith("_declaration"):
        if at.type == "object_property":
            found.append(text_of(named(at)[0]))
        at = at.parent
    return ".".join([_name(at) if at is not None else "", *reversed(found)])


def _list_name(node: Node) -> str:
    """What a list is the value of: a property, a variable, a decorator."""
    at = node.parent
    while at is not None and at.type in ("arguments", "array", "ternary_expression"):
        at = at.parent
    if at is None:
        return ""
    return text_of(at.child_by_field_name("function")) if at.type == "call_expression" else text_of(named(at)[0])


# --- the proof ---------------------------------------------------------------------------------------------------
@dataclass
class Proof:
    caught: Counter[str]
    survivors: list[tuple[Mutant, str]]  # with the reason why it does no harm, "" for none

    @property
    def share(self) -> float:
        caught = sum(self.caught.values())
        return caught / (caught + len(self.survivors))

    @property
    def holds(self) -> bool:
        return self.share >= ENOUGH and all(reason for _, reason in self.survivors)


def prove(texts: Texts, every: int = 1, processes: int = 1) -> Proof:
    """`every`: 5 takes each fifth mutant. Each is judged alone, so that more processes find the same."""
    proof = Proof(Counter(), [])
    chosen = list(islice(mutants(texts), 0, None, every))
    with ProcessPoolExecutor(processes, initializer=_begin, initargs=(dict(texts.of),)) as pool:
        for one, found in zip(chosen, pool.map(_judged, chosen, chunksize=_CHUNK), strict=True):
            if found:
                proof.caught[found] += 1
            else:
                proof.survivors.append((one, harmless(one)))
    return proof


def _begin(of: dict[str, str]) -> None:
    """In each process: the templates as they are, of which a mutant changes one."""
    global _whole
    _whole = Texts(of)


def _judged(one: Mutant) -> str:
    """Which check notices; "" where none does."""
    found = first_finding(_whole.with_(one.path, one.text))
    return found[0] if found is not None else ""


def harmless(one: Mutant) -> str:
    return next((why for pattern, why in HARMLESS if re.search(pattern, str(one))), "")


def report(proof: Proof) -> Iterator[str]:
    caught = sum(proof.caught.values())
    yield f"{caught + len(proof.survivors)} mutants, {caught} caught ({proof.share:.1%})"
    for name, count in proof.caught.most_common():
        yield f"  {count:5} by {name}"
    if types.folder() is None:
        yield f"  API versions were not mutated: {ABSENT}"
    for one, reason in proof.survivors:
        yield f"survivor {one}\n         {reason or 'NO REASON'}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.infra.mutants")
    parser.add_argument("--every", type=int, default=1, help="5 takes each fifth mutant")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    proof = prove(Texts.here(), given.every, given.processes)
    sys.stdout.writelines(f"{line}\n" for line in report(proof))
    return 0 if proof.holds else 1


if __name__ == "__main__":
    sys.exit(main())
