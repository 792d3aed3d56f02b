"""Reads an OData service's metadata (CSDL XML 4.0: entity types, their members, the container's sets).

Owns asking for it and parsing, and nothing of what it means. The document comes from outside: it is read in pieces,
is refused above a size and at the first sign of a document type declaration, so that no entity is ever expanded,
and nothing it names is fetched. Source of the elements: OASIS, OData Common Schema Definition Language (CSDL) XML
4.01.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType

from shared.domain.errors import GraphError, Unusable
from shared.domain.ports import Directory, GraphRequest
from shared.engines.answers import error_of

LARGEST: Final = 64 << 20  # bytes; Graph's own is below 8 MiB
_DEEPEST: Final = 64
_EDM: Final = "http://docs.oasis-open.org/odata/ns/edm"
_PATH: Final = "/v1.0/$metadata"
_COLLECTION: Final = "Collection("


@dataclass(frozen=True, slots=True)
class Navigation:
    """A navigation property. `target`: the full name of the entity type it leads to; `contains`: its targets are
    parts of the object and have no set of their own."""

    name: str
    target: str
    contains: bool


@dataclass(frozen=True, slots=True)
class EntityType:
    """As declared, without what it inherits. `name` and `base` are full names; `base` is empty for none."""

    name: str
    base: str
    properties: tuple[str, ...]
    navigations: tuple[Navigation, ...]


@dataclass(frozen=True)
class Metadata:
    """`roots`: sets and singletons of the entity containers, each with the full name of its entity type."""

    entities: dict[str, EntityType]
    roots: dict[str, str]

    def lineage(self, name: str) -> tuple[EntityType, ...]:
        """The type and what it inherits from, nearest first; empty for a type that isn't declared."""
        found: dict[str, EntityType] = {}
        while name in self.entities and name not in found:
            found[name] = self.entities[name]
            name = found[name].base
        return tuple(found.values())

    def descendants(self, name: str) -> tuple[EntityType, ...]:
        """Every type that inherits from this one, at any depth."""
        found: dict[str, EntityType] = {}
        waiting = [name]
        while waiting:
            for child in self._children.get(waiting.pop(), ()):
                if child.name not in found:
                    found[child.name] = child
                    waiting.append(child.name)
        return tuple(found.values())

    @cached_property
    def _children(self) -> dict[str, list[EntityType]]:
        children: dict[str, list[EntityType]] = {}
        for entity in self.entities.values():
            children.setdefault(entity.base, []).append(entity)
        return children


async def ask_metadata(directory: Directory) -> Metadata:
    """What the service says of itself, in v1.0. Raises `GraphError` for any answer but the document, and what
    `read_metadata` and the port raise. Source: Microsoft Graph: Access data and methods by navigating Microsoft
    Graph, Microsoft Graph API metadata."""
    answer = await directory.send(GraphRequest("GET", _PATH, headers={"Accept": "application/xml"}))
    if not answer.ok:
        code, message = error_of(answer.body)
        raise GraphError(
            f"Graph answered {answer.status} to the request for its metadata: {message or code}".rstrip(": "),
            status=answer.status,
            code=code,
            request_id=answer.request_id,
        )
    return read_metadata((answer.body,))


def read_metadata(pieces: Iterable[bytes]) -> Metadata:
    """Raises `Unusable` for anything but a well-formed metadata document that declares something."""
    reader = _Reader()
    read = 0
    try:
        for piece in pieces:
            read += len(piece)
            if read > LARGEST:
                raise Unusable(f"the metadata is larger than {LARGEST >> 20} MiB and was not read to its end")
            reader.parser.Parse(piece, False)
        reader.parser.Parse(b"", True)
    except ExpatError as error:
        raise Unusable(f"the metadata is no well-formed XML: {error}") from None
    metadata = reader.metadata()
    if not metadata.entities or not metadata.roots:
        raise Unusable(
            "the metadata declares no entity types or no entity sets",
            hint="what is expected is what Microsoft Graph answers to GET /v1.0/$metadata",
        )
    return metadata


@dataclass(slots=True)
class _Draft:
    """An entity type as it is being read: names as they stand in the document."""

    namespace: str
    name: str
    base: str
    properties: list[str] = field(default_factory=list)
    navigations: list[tuple[str, str, bool]] = field(default_factory=list)


class _Reader:
    def __init__(self) -> None:
        self.parser: XMLParserType = ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = _refuse
        self.parser.EntityDeclHandler = _refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self._within: list[str] = []
        self._namespace = ""
        self._aliases: dict[str, str] = {}
        self._drafts: list[_Draft] = []
        self._roots: dict[str, str] = {}

    def metadata(self) -> Metadata:
        entities = {entity.name: entity for entity in self._entities()}
        return Metadata(entities, {name: self._full(target) for name, target in self._roots.items()})

    def _entities(self) -> Iterator[EntityType]:
        for draft in self._drafts:
            yield EntityType(
                name=f"{draft.namespace}.{draft.name}",
                base=self._full(draft.base),
                properties=tuple(draft.properties),
                navigations=tuple(
                    Navigation(name, self._full(target), contains) for name, target, contains in draft.navigations
                ),
            )

    def _full(self, name: str) -> str:
        """A type's full name: without `Collection()` and with its schema's namespace in place of the alias."""
        name = name.removeprefix(_COLLECTION).removesuffix(")")
        prefix, _, last = name.rpartition(".")
        return f"{self._aliases.get(prefix, prefix)}.{last}" if prefix else name

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        namespace, _, name = element.rpartition(" ")
        around = self._within[-1] if self._within else ""
        self._within.append(name if namespace == _EDM else "")
        if len(self._within) > _DEEPEST:
            raise Unusable(f"the metadata nests more than {_DEEPEST} elements and was not read to its end")
        if namespace != _EDM:
            return
        match around, name:
            case _, "Schema":
                self._namespace = attributes.get("Namespace", "")
                if alias := attributes.get("Alias"):
                    self._aliases[alias] = self._namespace
            case "Schema", "EntityType":
                self._drafts.append(
                    _Draft(self._namespace, attributes.get("Name", ""), attributes.get("BaseType", ""))
                )
            case "EntityType", "Property":
                self._drafts[-1].properties.append(attributes.get("Name", ""))
            case "EntityType", "NavigationProperty":
                contains = attributes.get("ContainsTarget") == "true"
                self._drafts[-1].navigations.append(
                    (attributes.get("Name", ""), attributes.get("Type", ""), contains)
                )
            case "EntityContainer", "EntitySet":
                self._roots[attributes.get("Name", "")] = attributes.get("EntityType", "")
            case "EntityContainer", "Singleton":
                self._roots[attributes.get("Name", "")] = attributes.get("Type", "")
            case _:
                pass

    def _end(self, element: str) -> None:
        self._within.pop()


def _refuse(*declaration: object) -> None:
    raise Unusable("the metadata has a document type declaration, which Graph's never has: it was not read")
