"""Every path that the catalog reads, writes or posts to leads through Graph's own metadata, actions included."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from functools import cache
from xml.etree import ElementTree

import pytest

from shared.catalog.registry import CATALOG
from shared.catalog.spec import LinkWrite, ObjectType
from shared.engines.csdl import Metadata, read_metadata
from tests.unit.csdl_samples import graph_metadata

_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
_KEY = re.compile(r"\{[\w]+\}")
# A key by name, which looks like a segment.
KEYS = {"endUserSettings": "Microsoft Graph: Get endUserSettings"}


@cache
def _graph() -> Metadata:
    with gzip.open(graph_metadata()) as source:
        return read_metadata(source)


@cache
def _bound() -> dict[str, set[str]]:
    """Actions and functions by the full name of the type they are bound to."""
    found: dict[str, set[str]] = {}
    with gzip.open(graph_metadata()) as source:
        for schema in ElementTree.parse(source).getroot().iter(f"{_EDM}Schema"):
            alias = {schema.get("Alias", ""): schema.get("Namespace", "")}
            for kind in ("Action", "Function"):
                for one in schema.findall(f"{_EDM}{kind}"):
                    first = one.find(f"{_EDM}Parameter")
                    if one.get("IsBound") != "true" or first is None:
                        continue
                    bound = first.get("Type", "").removeprefix("Collection(").removesuffix(")")
                    prefix, _, name = bound.rpartition(".")
                    found.setdefault(f"{alias.get(prefix, prefix)}.{name}", set()).add(one.get("Name", ""))
    return found


def _written(spec: ObjectType) -> Iterator[str]:
    item = spec.path if spec.singleton else f"{spec.path}/{{id}}"
    yield spec.path
    if spec.create is not None and spec.create.path:
        yield spec.create.path
    if spec.nature is not None and spec.nature.timed.path:
        yield spec.nature.timed.path
    yield from (f"{item}{action.path}" for action in spec.actions)
    yield from (part.path for part in spec.parts)
    if spec.bin is not None:
        yield from (spec.bin.list, spec.bin.restore)
    if spec.contain is not None:
        if spec.contain.withdrawal is not None:
            yield spec.contain.withdrawal.path
        yield from (f"{item}{path}" for path in (*spec.contain.secrets.values(), spec.contain.action) if path)
    for relationship in spec.relationships:
        yield f"{item}/{relationship.path}"
        if relationship.write is LinkWrite.FAR_REF:
            for target in relationship.target_types:
                yield f"{CATALOG.get(target).path}/{{id}}/{relationship.far}"
        if relationship.write is LinkWrite.FAR_ACTION:
            for target in relationship.target_types:
                for action in (relationship.far, relationship.far_away):
                    yield f"{CATALOG.get(target).path}/{{id}}/{action}"


def _lost(path: str) -> str:
    """The first segment that the metadata doesn't know after what comes before it; "" for a path that holds."""
    graph, bound = _graph(), _bound()
    first, *rest = path.partition("?")[0].strip("/").split("/")
    kind = graph.roots.get(first)
    if kind is None:
        return first
    for segment in rest:
        if _KEY.fullmatch(segment) or segment in ("0", "$ref", *KEYS):
            continue
        lineage = [*graph.lineage(kind), *graph.descendants(kind)]
        names = {one.name for one in lineage}
        navigations = {one.name: one.target for entity in lineage for one in entity.navigations}
        plain = segment.rpartition(".")[2]
        cast = f"microsoft.graph.{plain}"
        if segment in navigations:
            kind = navigations[segment]
        elif "." in segment and (cast in names or cast in graph.entities):
            kind = cast
        elif any(plain in bound.get(name, ()) for name in names):
            return ""
        else:
            return segment
    return ""


@pytest.mark.parametrize("spec", CATALOG.types, ids=lambda spec: spec.name)
def test_every_path_leads_through_graphs_metadata(spec: ObjectType) -> None:
    if spec.not_read:
        return
    lost = {path: segment for path in _written(spec) if (segment := _lost(path))}
    # What is read from /beta may be unknown to v1.0, whose metadata this is.
    assert not lost or spec.version == "beta", lost


def test_a_path_that_graph_does_not_know_is_noticed() -> None:
    assert _lost("/users/{id}/revokeSignInSessions") == ""
    assert _lost("/users/{id}/revokeSignInSession") == "revokeSignInSession"
    assert _lost("/users/{id}/managers") == "managers"
    assert _lost("/nothing") == "nothing"
