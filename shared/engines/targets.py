"""Reads of single objects and small lists as the tenant holds them now, for an operation that is about to be
sent or was sent. Never from a cache that is older than the caller allows; an answer that is neither "here" nor
"not here" raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from shared.catalog.spec import ObjectType
from shared.domain.errors import GraphDown, GraphError, GraphNotFound, GraphNotPermitted, Unusable
from shared.domain.objects import JsonObject
from shared.domain.ports import Clock, Directory, GraphRequest, GraphResponse
from shared.engines.answers import error_of
from shared.engines.reading import EXPAND_LIMIT, inline_request
from shared.engines.wire import parse

_MAX_PAGES = 10_000
_NO_SUCH_MEMBER = "could not find a property named"


@dataclass(frozen=True, slots=True)
class Found:
    """One object as it was at `at` (monotonic). `body` is None where it isn't there."""

    body: JsonObject | None
    at: float

    @property
    def here(self) -> bool:
        return self.body is not None


@dataclass(slots=True)
class Targets:
    directory: Directory
    clock: Clock
    _lists: dict[str, tuple[float, list[JsonObject]]] = field(default_factory=dict)

    async def objects(self, spec: ObjectType, paths: Sequence[str]) -> list[Found]:
        """One GET each, batched where the type allows it. A path that shows a member apart gives an object with
        that member alone, null where it isn't there."""
        aside = [spec.apart_at(path) for path in paths]
        requests = [
            GraphRequest(
                "GET",
                path,
                throttle=str(spec.throttle),
                cost=spec.item_cost,
                file=one is not None and one.file,
            )
            for path, one in zip(paths, aside, strict=True)
        ]
        at = self.clock.monotonic()
        if spec.batchable:
            answers = await self.directory.batch(requests)
        else:
            answers = [await self.directory.send(request) for request in requests]
        bodies = [
            _object(answer, spec.name) if one is None else _member(answer, spec.name, one.member)
            for answer, one in zip(answers, aside, strict=True)
        ]
        return [Found(body and await self._whole(spec, body), at) for body in bodies]

    async def _whole(self, spec: ObjectType, item: JsonObject) -> JsonObject:
        """The object with all of what it shows inline: where 20 came back there may be more."""
        for name in spec.inline_names:
            held = item.get(name)
            if isinstance(held, list) and len(held) >= EXPAND_LIMIT:
                more = await self._lookup(spec, inline_request(spec, _id(item), name).path)
                item = {**item, name: [*(more or held)]}
        return item

    async def listed(self, spec: ObjectType, path: str, *, max_age: float = 0.0) -> tuple[list[JsonObject], float]:
        """All items of a list and when reading it began; one read up to `max_age` seconds ago will do."""
        now = self.clock.monotonic()
        held = self._lists.get(path)
        if held is None or now - held[0] > max_age:
            held = (now, [item async for page in self._pages(spec, path) for item in page])
            self._lists[path] = held
        return held[1], held[0]

    def forget(self, path: str) -> None:
        """A list that was written to must be read again."""
        self._lists.pop(path, None)

    async def one_of_list(self, spec: ObjectType, path: str, object_id: str, *, max_age: float = 0.0) -> Found:
        items, at = await self.listed(spec, path, max_age=max_age)
        for item in items:
            if item.get(spec.identity) == object_id:
                return Found(item, at)
        return Found(None, at)

    async def lookups(self, spec: ObjectType, paths: Sequence[str]) -> list[list[JsonObject] | None]:
        """Every item that each lookup lists; None where Graph answers that the list's parent isn't there."""
        if not spec.batchable:
            return [await self._lookup(spec, path) for path in paths]
        requests = [GraphRequest("GET", path, throttle=str(spec.throttle), cost=spec.list_cost) for path in paths]
        results: list[list[JsonObject] | None] = []
        for request, answer in zip(requests, await self.directory.batch(requests), strict=True):
            if _object(answer, spec.name) is None:
                results.append(None)
                continue
            if spec.singleton:
                results.append([_parsed(answer.body, spec.name)])
                continue
            first = self.directory.page_of(request, answer)
            items = [_parsed(item, spec.name) for item in first.items]
            if first.next_link is not None:
                items += [item async for page in self._pages(spec, first.next_link) for item in page]
            results.append([await self._whole(spec, item) for item in items])
        return results

    async def linked(self, spec: ObjectType, source: str, relationship: str) -> set[str] | None:
        """Ids that a relationship of a live object holds; None where the source (or, for a single-valued one,
        the target) isn't there."""
        declared = spec.relationship(relationship)
        path = f"{spec.list_path}/{quote(source, safe='')}/{declared.path}?$select=id"
        if declared.many:
            found = await self._lookup(spec, f"{path}&$top=999")
            return None if found is None else {_id(item) for item in found}
        (one,) = await self.objects(spec, [path])
        return None if one.body is None else {_id(one.body)}

    async def _lookup(self, spec: ObjectType, path: str) -> list[JsonObject] | None:
        if spec.singleton:
            (one,) = await self.objects(spec, [path])
            return None if one.body is None else [one.body]
        try:
            return [item async for page in self._pages(spec, path) for item in page]
        except GraphNotFound:
            return None

    async def _pages(self, spec: ObjectType, path: str) -> Any:
        link: str | None = path
        for _ in range(_MAX_PAGES):
            if link is None:
                return
            page = await self.directory.page(
                GraphRequest("GET", link, throttle=str(spec.throttle), cost=spec.list_cost)
            )
            yield [_parsed(item, spec.name) for item in page.items]
            link = page.next_link
        raise GraphDown(f"a list of {spec.name} doesn't end", object_type=spec.name)


def object_path(spec: ObjectType, object_id: str, select: Sequence[str] = (), expand: Sequence[str] = ()) -> str:
    """GET path of an object of a type that has no parent."""
    if spec.singleton:
        return spec.list_path
    path = f"{spec.list_path}/{quote(object_id, safe='')}"
    options = (("$select", select), ("$expand", expand))
    query = "&".join(f"{option}={','.join(names)}" for option, names in options if names)
    return f"{path}?{query}" if query else path


def _object(answer: GraphResponse, type_name: str) -> JsonObject | None:
    if answer.ok:
        return _parsed(answer.body, type_name)
    if answer.status == 404:
        return None
    status, request_id = answer.status, answer.request_id
    code, message = error_of(answer.body)
    if status == 400 and _NO_SUCH_MEMBER in message.casefold():
        return None  # a member that was declared a moment ago is not on this replica: it isn't here as asked for
    what = f"reading before a write failed with status {status} {code}".rstrip()
    if status == 403:
        raise GraphNotPermitted(what, status=status, code=code, object_type=type_name, request_id=request_id)
    if status in (0, 429) or status >= 500:
        raise GraphDown(what, object_type=type_name, request_id=request_id)
    raise GraphError(what, status=status, code=code, object_type=type_name, request_id=request_id)


def _member(answer: GraphResponse, type_name: str, member: str) -> JsonObject:
    """A file is a text; anything else is shown with annotations that are not its own."""
    if answer.ok and answer.body.startswith(b'"'):
        return {member: parse(answer.body)}
    return {member: _object(answer, type_name)}


def _parsed(data: bytes, type_name: str) -> JsonObject:
    try:
        value = parse(data)
    except Unusable as error:
        raise GraphDown(f"an answer was not JSON: {error.what}", object_type=type_name) from None
    if not isinstance(value, dict):
        raise GraphDown("an answer was no JSON object", object_type=type_name)
    return value


def _items(body: JsonObject, type_name: str) -> list[JsonObject]:
    value = body.get("value")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise GraphDown("a list came without its items", object_type=type_name)
    return [item for item in value if isinstance(item, dict)]


def _id(item: JsonObject) -> str:
    found = item.get("id")
    if not isinstance(found, str):
        raise GraphDown("a list came with an item without id")
    return found
