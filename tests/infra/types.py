"""Resource types, API versions and properties against the published type data (azure/bicep-types-az).

The data is a folder of one file for each provider, part of the reference data; without it these checks are left
out. Property trees are those of the newest stable version, so that is the version that the templates take.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.infra.cases import Texts
from tests.infra.evaluate import Resource, template
from tests.reference import reference

# The normal version of diagnostic settings is a preview, and has been for years.
PREVIEWS: Final = frozenset({"Microsoft.Insights/diagnosticSettings@2021-05-01-preview"})


def folder() -> Path | None:
    return reference("azure", "bicep-types")


@cache
def _provider(name: str) -> Mapping[str, Any]:
    where = folder()
    path = where / f"{name}.json" if where else Path("/nonexistent")
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def findings(texts: Texts) -> Iterator[str]:
    if folder() is None:
        return
    for path, text in texts.of.items():
        for declared in template(path, text).of("resource"):
            yield from _version(f"{path}:{declared.line}", declared.type)
    seen = set()
    for deployment, _ in (*texts.all, *texts.copies):
        for resource in deployment.resources:
            for problem in _resource(resource):
                if problem not in seen:
                    seen.add(problem)
                    yield problem


def _version(where: str, declared: str) -> Iterator[str]:
    kind, _, version = declared.partition("@")
    known = _provider(kind.split("/")[0]).get(kind)
    if known is None:
        yield f"{where}: no type {kind}"
    elif version not in (known["apiVersion"], *known["knownVersions"]):
        yield f"{where}: {kind} has no version {version}"
    elif version != known["apiVersion"]:
        yield f"{where}: {kind}@{version} isn't the version that the properties are known of: {known['apiVersion']}"
    elif "preview" in version and declared not in PREVIEWS:
        yield f"{where}: {declared} is a preview"


def _resource(resource: Resource) -> Iterator[str]:
    known = _provider(resource.type.split("/")[0]).get(resource.type)
    if known is None:
        return
    body = {**resource.body, "name": resource.leaf}
    yield from _of(known["defs"], {"ref": known["root"]}, body, f"{resource.file}:{resource.line} {resource.type}")


def _of(defs: Mapping[str, Any], wanted: Any, value: Any, where: str) -> Iterator[str]:
    if wanted in ("string", "int", "bool"):
        fits = {"string": str, "int": int, "bool": bool}[wanted]
        if not isinstance(value, fits) or (wanted == "int" and isinstance(value, bool)):
            yield f"{where}: {value!r} is no {wanted}"
    elif not isinstance(wanted, dict):
        return
    elif "const" in wanted:
        if value != wanted["const"]:
            yield f"{where}: {value!r} is not {wanted['const']!r}"
    elif "enum" in wanted:
        if not wanted.get("open") and value not in wanted["enum"]:
            yield f"{where}: {value!r} is none of {wanted['enum']}"
    elif "string" in wanted:
        yield from _text(wanted["string"], value, where)
    elif "int" in wanted:
        limits = wanted["int"]
        if not isinstance(value, int) or not limits.get("minValue", value) <= value <= limits.get(
            "maxValue", value
        ):
            yield f"{where}: {value!r} is outside {limits}"
    elif "array" in wanted:
        for index, one in enumerate(value if isinstance(value, list) else ()):
            yield from _of(defs, wanted["array"], one, f"{where}[{index}]")
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no list"
    elif "map" in wanted:
        for name, one in value.items() if isinstance(value, dict) else ():
            yield from _of(defs, wanted["map"], one, f"{where}.{name}")
    elif "oneOf" in wanted:
        if all(list(_of(defs, one, value, where)) for one in wanted["oneOf"]):
            yield f"{where}: {value!r} is none of what is possible"
    elif "ref" in wanted:
        yield from _object(defs, defs[wanted["ref"]], value, where)


def _text(limits: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{where}: {value!r} is no text"
    elif not limits.get("minLength", 0) <= len(value) <= limits.get("maxLength", len(value)):
        yield f"{where}: {value!r} is too short or too long"
    elif "pattern" in limits and re.search(limits["pattern"], value) is None:
        yield f"{where}: {value!r} doesn't match {limits['pattern']}"


def _object(defs: Mapping[str, Any], definition: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no object"
        return
    if "discriminator" in definition:
        variant = definition["variants"].get(value.get(definition["discriminator"]))
        if variant is None:
            yield f"{where}: no variant {value.get(definition['discriminator'])!r}"
            return
        definition = defs[variant["ref"]]
    members = definition["props"]
    for name, one in value.items():
        if name not in members:
            if definition.get("additional") is None:
                yield f"{where}: no property {name}"
            continue
        if "readOnly" in members[name].get("f", ()):
            yield f"{where}: {name} can't be set"
        yield from _of(defs, members[name]["t"], one, f"{where}.{name}")
    for name, member in members.items():
        if "required" in member.get("f", ()) and name not in value:
            yield f"{where}: {name} is missing"
