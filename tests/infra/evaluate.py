"""A deployment expanded: which resources with which properties a template makes for given parameters.

Names and ids are as Azure makes them; what only a deployment knows (an identity's principal id) is a made-up value
that says whose it is. What the compiler or the platform would refuse (an unknown name, a missing parameter, a value
outside `@allowed`, a missing member) raises `BicepError`, so that a check needs no second opinion on it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from posixpath import dirname, join, normpath
from typing import Any

from tests.infra.syntax import BicepError, Declared, Node, Template, named, read, text_of

SUBSCRIPTION = "/subscriptions/00000000-0000-4000-8000-000000000000"
TENANT = "00000000-0000-4000-8000-00000000000a"
_BICEP_ONLY = ("name", "parent", "scope", "dependsOn")
_SPACE = uuid.UUID("3f0c55e2-9a1f-4a43-8a77-4f2f6e1f3c10")


def made_up(what: str) -> str:
    """A GUID that is the same for the same `what`."""
    return str(uuid.uuid5(_SPACE, what))


@dataclass(eq=False)
class Resource:
    """One resource of a deployment. `body`: as sent, without name and scope; `file`, `line`: its source."""

    type: str
    api: str
    name: str  # full: account/default/container
    scope: str  # id of the resource, group or subscription that it is deployed to
    id: str
    body: dict[str, Any]
    file: str
    line: int
    existing: bool = False

    @property
    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body.get("properties", {})
        return found

    @property
    def leaf(self) -> str:
        return self.name.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.type} {self.name}"


@dataclass
class Deployment:
    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def of(self, kind: str) -> list[Resource]:
        return [one for one in self.resources if one.type == kind]

    _by_id: dict[str, Resource] = field(default_factory=dict)

    def add(self, resource: Resource) -> None:
        self.resources.append(resource)
        self._by_id[resource.id] = resource

    def at(self, id: str) -> Resource | None:
        return self._by_id.get(id)


def deploy(texts: Mapping[str, str], main: str, given: Mapping[str, Any], scope: str = SUBSCRIPTION) -> Deployment:
    """Expand `main` with the parameters `given`."""
    found = Deployment()
    found.outputs = _Run(texts, found, main, given, scope, "deployer").outputs()
    return found


@lru_cache(maxsize=64)  # those that stand, and the mutants of late
def template(path: str, text: str) -> Template:
    return read(path, text)


class _Module:
    def __init__(self, run: _Run) -> None:
        self.run = run


class _Run:
    """One template with its parameters, deployed to one scope."""

    def __init__(
        self, texts: Mapping[str, str], into: Deployment, path: str, given: Mapping[str, Any], scope: str, name: str
    ) -> None:
        if path not in texts:
            raise BicepError(f"{path}: there is no such file")
        self.texts, self.into, self.scope, self.name = texts, into, scope, name
        self.template = template(path, texts[path])
        self._values: dict[str, Any] = {}
        self._pending: set[str] = set()
        self._check_given(given)
        self._given = given
        for one in self.template.declared.values():
            self.value(one.name, one.node)

    def outputs(self) -> dict[str, Any]:
        return {name: self.eval(one.value, {}) for name, one in self.template.outputs.items()}

    def fail(self, node: Node, why: str) -> BicepError:
        return BicepError(f"{self.template.path}:{node.start_point[0] + 1}: {why}")

    def _check_given(self, given: Mapping[str, Any]) -> None:
        params = {one.name: one for one in self.template.of("param")}
        if unknown := set(given) - set(params):
            raise BicepError(f"{self.template.path}: no parameter {', '.join(sorted(unknown))}")
        missing = [name for name, one in params.items() if one.value is None and name not in given]
        if missing:
            raise BicepError(f"{self.template.path}: missing parameter {', '.join(missing)}")

    # --- names ---------------------------------------------------------------------------------------------------
    def value(self, name: str, at: Node) -> Any:
        if name in self._values:
            return self._values[name]
        declared = self.template.declared.get(name)
        if declared is None:
            raise self.fail(at, f"nothing is called {name}")
        if name in self._pending:
            raise self.fail(at, f"{name} depends on itself")
        self._pending.add(name)
        made = {"param": self._param, "var": self._var, "resource": self._resource, "module": self._module}
        self._values[name] = made[declared.kind](declared)
        self._pending.discard(name)
        return self._values[name]

    def _param(self, one: Declared) -> Any:
        value: Any = self._given[one.name] if one.name in self._given else self.eval(one.value, {})
        types: dict[str, type | tuple[type, ...]] = {
            "string": str,
            "bool": bool,
            "int": int,
            "array": list,
            "object": dict,
        }
        wanted = types[one.type]
        fits = isinstance(value, wanted) and not (one.type == "int" and isinstance(value, bool))
        if not fits:
            raise self.fail(one.node, f"{one.name} is a {one.type}, and {value!r} is none")
        rules: dict[str, Callable[[Any], bool]] = {
            "allowed": lambda limit: value in limit,
            "minLength": lambda limit: len(value) >= limit,
            "maxLength": lambda limit: len(value) <= limit,
            "minValue": lambda limit: value >= limit,
            "maxValue": lambda limit: value <= limit,
        }
        for name, call in one.decorators.items():
            if name in rules:
                limit = self.eval(named(call.child_by_field_name("arguments"))[0], {})
                if not rules[name](limit):
                    raise self.fail(one.node, f"{one.name} is {value!r}, against @{name}({limit!r})")
        return value

    def _var(self, one: Declared) -> Any:
        return self.eval(one.value, {})

    def _resource(self, one: Declared) -> Any:
        kind, _, api = one.type.partition("@")
        return self._each(one, lambda body, names: self._made(one, kind, api, body, names))

    def _module(self, one: Declared) -> Any:
        path = normpath(join(dirname(self.template.path), one.type))
        return self._each(one, lambda body, names: self._called(one, path, body, names))

    def _each(self, one: Declared, make: Callable[[Node, dict[str, Any]], Any]) -> Any:
        """One, or a list of them from a loop; None where a condition is false."""
        node = one.value
        assert node is not None
        if node.type == "for_statement":
            return [make(body, names) for body, names in self._loop(node, {})]
        if node.type == "if_statement":
            condition, node = named(node)
            if not self._true(condition, {}):
                return None
        return make(node, {})

    def _made(self, one: Declared, kind: str, api: str, body: Node, names: dict[str, Any]) -> Resource:
        read = self._members(body, names)
        if "name" not in read:
            raise self.fail(one.node, f"{one.name} has no name")
        leaf, scope, parent = str(read["name"]), self.scope, read.get("parent")
        depth = kind.count("/") - 1
        if parent is not None:
            if not isinstance(parent, Resource) or parent.type != kind.rpartition("/")[0]:
                raise self.fail(one.node, f"{one.name}: its parent is not of type {kind.rpartition('/')[0]}")
            name, id = f"{parent.name}/{leaf}", f"{parent.id}/{kind.rpartition('/')[2]}/{leaf}"
            scope = parent.scope
        else:
            if leaf.count("/") != depth:
                raise self.fail(one.node, f"{one.name}: {leaf!r} doesn't name {depth + 1} levels")
            if "scope" in read:
                scope = read["scope"].id if isinstance(read["scope"], Resource) else str(read["scope"])
            name, id = leaf, _id(scope, kind, leaf)
        sent = {key: value for key, value in read.items() if key not in _BICEP_ONLY}
        made = Resource(kind, api, name, scope, id, sent, self.template.path, one.line, one.existing)
        if not one.existing:
            if self.into.at(id) is not None:
                raise self.fail(one.node, f"{kind} {name} is deployed twice")
            self.into.add(made)
        return made

    def _called(self, one: Declared, path: str, body: Node, names: dict[str, Any]) -> _Module:
        read = self._members(body, names)
        if unknown := set(read) - {"name", "scope", "params", "dependsOn"}:
            raise self.fail(one.node, f"{one.name}: a module has no {', '.join(sorted(unknown))}")
        scope = read.get("scope", self.scope)
        target = scope.id if isinstance(scope, Resource) else str(scope)
        wanted = "resourceGroup" if "/resourceGroups/" in target else "subscription"
        try:
            run = _Run(self.texts, self.into, path, read.get("params", {}), target, str(read.get("name", "")))
        except BicepError as error:
            raise BicepError(f"{error} (module {one.name} of {self.template.path}:{one.line})") from None
        if run.template.scope != wanted:
            raise self.fail(one.node, f"{one.name} is for a {run.template.scope}, and is deployed to a {wanted}")
        return _Module(run)

    # --- expressions ---------------------------------------------------------------------------------------------
    def _true(self, node: Node, names: Mapping[str, Any]) -> bool:
        value = self.eval(node, names)
        if not isinstance(value, bool):
            raise self.fail(node, f"{value!r} is neither true nor false")
        return value

    def _loop(self, node: Node, names: Mapping[str, Any]) -> Iterator[tuple[Node, dict[str, Any]]]:
        body = node.child_by_field_name("body")
        first, over = (one for one in named(node) if one != body)
        variables = [text_of(one) for one in (named(first) if first.type == "for_loop_parameters" else (first,))]
        values = self.eval(over, names)
        if not isinstance(values, list):
            raise self.fail(over, f"a loop over {values!r}")
        for index, value in enumerate(values):
            yield body, {**names, **dict(zip(variables, (value, index), strict=False))}

    def _members(self, node: Node, names: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for member in named(node):
            key, value = named(member)
            name = text_of(key) if key.type == "identifier" else str(self.eval(key, names))
            if name in found:
                raise self.fail(member, f"{name} stands there twice")
            found[name] = self.eval(value, names)
        return found

    def eval(self, node: Node, names: Mapping[str, Any]) -> Any:
        match node.type:
            case "string":
                return self._string(node, names)
            case "number":
                return int(text_of(node))
            case "boolean":
                return text_of(node) == "true"
            case "null":
                return None
            case "identifier":
                name = text_of(node)
                return names[name] if name in names else self.value(name, node)
            case "array":
                return [self.eval(one, names) for one in named(node)]
            case "object":
                return self._members(node, names)
            case "parenthesized_expression":
                return self.eval(named(node)[0], names)
            case "for_statement":
                return [self.eval(body, inner) for body, inner in self._loop(node, names)]
            case "ternary_expression":
                chosen = (
                    "consequence" if self._true(node.child_by_field_name("condition"), names) else "alternative"
                )
                return self.eval(node.child_by_field_name(chosen), names)
            case "unary_expression":
                value = self.eval(node.child_by_field_name("argument"), names)
                return not value if text_of(node.child_by_field_name("operator")) == "!" else -value
            case "binary_expression":
                return self._binary(node, names)
            case "member_expression":
                of = self.eval(node.child_by_field_name("object"), names)
                return self._member(node, of, text_of(node.child_by_field_name("property")))
            case "subscript_expression":
                of = self.eval(node.child_by_field_name("object"), names)
                key = self.eval(node.child_by_field_name("index"), names)
                try:
                    return of[key]
                except (KeyError, IndexError, TypeError):
                    raise self.fail(node, f"{text_of(node)}: there is no {key!r}") from None
            case "call_expression":
                return self._call(node, names)
            case other:
                raise self.fail(node, f"{other} is outside the subset used here")

    def _string(self, node: Node, names: Mapping[str, Any]) -> str:
        """By places in the text: the grammar counts spaces between two interpolations to the second one."""
        raw: bytes = node.text
        start: int = node.start_byte
        quote = 3 if raw.startswith(b"'''") else 1
        found, at = "", quote
        for part in named(node):
            if part.type not in ("interpolation", "escape_sequence"):
                continue
            skipped = part.text.index(b"${") if part.type == "interpolation" else 0
            found += raw[at : part.start_byte - start + skipped].decode()
            at = part.end_byte - start
            if part.type == "escape_sequence":
                found += {"\\n": "\n", "\\'": "'", "\\\\": "\\", "\\$": "$"}[text_of(part)]
                continue
            value = self.eval(named(part)[0], names)
            if not isinstance(value, str | int):
                raise self.fail(part, f"{text_of(part)} is no text")
            found += str(value).lower() if isinstance(value, bool) else str(value)
        return found + raw[at : len(raw) - quote].decode()

    def _binary(self, node: Node, names: Mapping[str, Any]) -> Any:
        operator = text_of(node.child_by_field_name("operator"))
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        match operator:
            case "&&":
                return self._true(left, names) and self._true(right, names)
            case "||":
                return self._true(left, names) or self._true(right, names)
            case "==":
                return self.eval(left, names) == self.eval(right, names)
            case "!=":
                return self.eval(left, names) != self.eval(right, names)
            case "+" | "-" | "*" | ">" | "<" | ">=" | "<=":
                a, b = self.eval(left, names), self.eval(right, names)
                if not isinstance(a, int) or not isinstance(b, int):
                    raise self.fail(node, f"{a!r} {operator} {b!r}")
                whole: dict[str, Callable[[], Any]] = {
                    "+": lambda: a + b,
                    "-": lambda: a - b,
                    "*": lambda: a * b,
                    ">": lambda: a > b,
                    "<": lambda: a < b,
                    ">=": lambda: a >= b,
                    "<=": lambda: a <= b,
                }
                return whole[operator]()
            case _:
                raise self.fail(node, f"{operator} is outside the subset used here")

    def _member(self, node: Node, of: Any, name: str) -> Any:
        if isinstance(of, _Module):
            return _Outputs(of.run) if name == "outputs" else self._no(node, name)
        if isinstance(of, _Outputs):
            one = of.run.template.outputs.get(name)
            return of.run.eval(one.value, {}) if one is not None else self._no(node, name)
        if isinstance(of, Resource):
            return self._of_resource(node, of, name)
        if isinstance(of, dict) and name in of:
            return of[name]
        return self._no(node, name)

    def _of_resource(self, node: Node, of: Resource, name: str) -> Any:
        if name in ("id", "type"):
            return getattr(of, name)
        if name == "name":
            return of.leaf
        if name == "properties":
            return {**_told(of), **of.properties}
        return of.body[name] if name in of.body else self._no(node, name)

    def _no(self, node: Node, name: str) -> Any:
        raise self.fail(node, f"{text_of(node)}: there is no {name}")

    def _call(self, node: Node, names: Mapping[str, Any]) -> Any:
        name = text_of(node.child_by_field_name("function"))
        given = [self.eval(one, names) for one in named(node.child_by_field_name("arguments"))]
        own: dict[str, Callable[..., Any]] = {
            "subscription": lambda: {"id": SUBSCRIPTION, "subscriptionId": SUBSCRIPTION.rpartition("/")[2]},
            "resourceGroup": lambda *other: self._group(node, *other),
            "deployment": lambda: {"name": self.name},
        }
        function = own.get(name) or FUNCTIONS.get(name)
        if function is None:
            raise self.fail(node, f"{name}() is outside the subset used here")
        try:
            return function(*given)
        except (TypeError, AttributeError, IndexError, ValueError) as error:
            raise self.fail(node, f"{name}(): {error}") from None

    def _group(self, node: Node, other: str = "") -> Any:
        """This template's group with its location unknown, or the id of the one named."""
        if other:
            return f"{SUBSCRIPTION}/resourceGroups/{other}"
        if "/resourceGroups/" not in self.scope:
            raise self.fail(node, "resourceGroup() in a template of a subscription")
        return {"id": self.scope, "name": self.scope.rpartition("/")[2]}


class _Outputs:
    def __init__(self, run: _Run) -> None:
        self.run = run


def _id(scope: str, kind: str, name: str) -> str:
    if kind == "Microsoft.Resources/resourceGroups":
        return f"{scope}/resourceGroups/{name}"
    provider, *types = kind.split("/")
    pairs = "".join(f"/{one}/{leaf}" for one, leaf in zip(types, name.split("/"), strict=True))
    return f"{scope}/providers/{provider}{pairs}"


def _told(of: Resource) -> dict[str, Any]:
    """What the platform adds to a resource and templates read."""
    name = of.leaf
    match of.type:
        case "Microsoft.ManagedIdentity/userAssignedIdentities":
            return {one: made_up(f"{of.id} {one}") for one in ("principalId", "clientId")}
        case "Microsoft.Storage/storageAccounts":
            services = ("blob", "queue", "table")
            return {"primaryEndpoints": {one: f"https://{name}.{one}.core.windows.net/" for one in services}}
        case "Microsoft.KeyVault/vaults":
            return {"vaultUri": f"https://{name}.vault.azure.net/"}
        case "Microsoft.Insights/components":
            return {
                "ConnectionString": f"InstrumentationKey={made_up(of.id)}",
                "InstrumentationKey": made_up(of.id),
            }
        case "Microsoft.OperationalInsights/workspaces":
            return {"customerId": made_up(of.id)}
        case _:
            return {}


def _union(first: Any, *rest: Any) -> Any:
    if isinstance(first, dict):
        merged = dict(first)
        for one in rest:
            merged.update(one)
        return merged
    both = [*first, *(value for one in rest for value in one)]
    return [value for index, value in enumerate(both) if value not in both[:index]]


def _items(of: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": of[key]} for key in sorted(of)]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "array": lambda of: of if isinstance(of, list) else [of],
    "concat": lambda *parts: "".join(parts) if isinstance(parts[0], str) else [x for one in parts for x in one],
    "contains": lambda of, what: what in of,
    "empty": lambda of: not of,
    "environment": lambda: {"suffixes": {"storage": "core.windows.net", "keyvaultDns": ".vault.azure.net"}},
    "flatten": lambda of: [x for one in of for x in one],
    "format": lambda text, *values: text.format(*values),
    "guid": lambda *parts: made_up("\0".join(parts)),
    "items": _items,
    "join": lambda parts, between: between.join(parts),
    "length": len,
    "max": max,
    "range": lambda start, count: list(range(start, start + count)),
    "replace": lambda text, old, new: text.replace(old, new),
    "string": lambda value: value if isinstance(value, str) else json.dumps(value, separators=(",", ":")),
    "subscriptionResourceId": lambda kind, name: _id(SUBSCRIPTION, kind, name),
    "substring": lambda text, start, length: text[start : start + length],
    "take": lambda of, count: of[:count],
    "tenant": lambda: {"tenantId": TENANT},
    "tenantResourceId": lambda kind, name: _id("", kind, name),
    "toLower": lambda text: text.lower(),
    "union": _union,
    "uniqueString": lambda *parts: made_up("\0".join(parts)).replace("-", "")[:13],
}
