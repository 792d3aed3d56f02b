"""Reading a tenant: requests built from the catalog's declarations, and their answers cut into lines.

A reader yields parts. After each part its `position` says where a later worker goes on, so that a caller can
stop, store the position and resume at any part. A reader never ends early without an error: a generator that
finishes has followed its page chain to the end.

Graph facts that shape this module: `$expand` returns at most 20 related objects and says nothing of the rest,
so only fewer than 20 are trusted; pages may be empty and still have a successor; a delta feed repeats, splits
and reorders its entries, so an entry is only a hint to read that object again
(learn.microsoft.com: "Get incremental changes", "Known issues with Microsoft Graph", expand).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import islice
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec

from shared.catalog.registry import Catalog
from shared.catalog.spec import Apart, Condition, Facet, ObjectType, Relationship
from shared.domain.errors import (
    Fault,
    GraphDown,
    GraphError,
    GraphNotFound,
    GraphNotLicensed,
    GraphNotPermitted,
    GraphUnauthorized,
    IntegrityError,
    PageTokenExpired,
    Unusable,
)
from shared.domain.objects import Link
from shared.domain.ports import Directory, GraphRequest, GraphResponse, Page
from shared.domain.wire import Wire
from shared.engines import rawjson
from shared.engines.conditions import holds
from shared.engines.wire import dump, parse

EXPAND_LIMIT: Final = 20
BATCH: Final = 20
WINDOW: Final = 1000  # changed ids gathered from a delta feed before they are read again: repeats melt together
LINK_PAGE: Final = 999
_LICENCE_CODES: Final = ("nonpremium", "premiumlicense", "licenserequired", "notlicensed", "requiresaadpremium")


class Stage(StrEnum):
    """Which pass of a reading is under way."""

    LIST = "list"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Waiting(Wire):
    """An object, or the source of links, that is to be read on its own.

    `link` is where its links go on, "" for the first page. `removed`: the delta feed's last word on it was
    that it is gone."""

    id: str
    link: str = ""
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Position(Wire):
    """Where a reading goes on. `next_link` is "" at the start, `ended` says that its page chain is through
    (in a replay `next_link` is then the new delta link). `vanished` were not found, though nothing said that
    they are gone; `forbidden` counts sources whose links were refused."""

    stage: Stage
    next_link: str = ""
    ended: bool = False
    waiting: tuple[Waiting, ...] = ()
    vanished: tuple[str, ...] = ()
    forbidden: int = 0
    round: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What one step of a reading brought. `restarted`: a source's links were begun anew within this part."""

    objects: tuple[bytes, ...]
    links: tuple[bytes, ...]
    position: Position
    pages: int
    restarted: bool = False


class Reader(Protocol):
    """Reads the objects of a type, or the links of a relationship."""

    def listing(self, start: Position) -> AsyncGenerator[Part, None]:
        """Everything there is, from `start` to the end of the page chain."""
        ...

    def replay(self, start: Position) -> AsyncGenerator[Part, None]:
        """What changed since the delta link in `start`, read again: later lines count."""
        ...


class Taken(Protocol):
    """What an earlier reading brought of a relationship, for the parents that aren't asked this time."""

    def covers(self, parent: str) -> bool:
        """Whether the parent is one of them."""
        ...

    async def lines(self, parents: Sequence[str]) -> tuple[list[bytes], list[bytes]]:
        """Objects and links of these parents."""
        ...


def reader_for(
    directory: Directory, catalog: Catalog, spec: ObjectType, relationship: str, taken: Taken | None = None
) -> Reader:
    """`taken`: of a relationship whose parents are asked one by one, and not all of them each time."""
    if relationship:
        return LinkReader(directory, catalog, spec, spec.relationship(relationship), taken)
    if spec.singleton:
        return SingletonReader(directory, spec)
    if spec.facet is not None and spec.facet.each:
        return FacetReader(directory, spec, spec.facet)
    if spec.scoped is not None:
        return ScopedReader(directory, spec, catalog.get(spec.scoped.of), spec.scoped.when)
    return ObjectReader(directory, spec)


# --- lines -----------------------------------------------------------------------------------------------


class _Target(msgspec.Struct):
    id: str
    tag: str = msgspec.field(name="@odata.type", default="")


_target = msgspec.json.Decoder(_Target)
_targets = msgspec.json.Decoder(list[_Target])
_line = msgspec.json.Encoder()
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def object_id(raw: bytes, spec: ObjectType) -> str:
    """The id of an object as received. An object without one can't be kept apart from others: a fault."""
    return _id_in(raw, spec.identity) if spec.identity else spec.name


def _id_in(raw: bytes, member: str = "id") -> str:
    try:
        found = _head(member).decode(raw).id
    except (msgspec.MsgspecError, UnicodeDecodeError):
        try:
            found = rawjson.text_or_empty(rawjson.members(raw).get(member))
        except Unusable:
            found = ""
    return checked_id(found)


def checked_id(found: str) -> str:
    """The id, or a fault for what can be no id: nothing, or with control characters."""
    if found and found.isascii() and found.isprintable():
        return found
    if not found or _UNUSABLE.search(found):
        raise Fault("Graph sent an object without a usable id")
    return found


def link_line(source: str, target: str, target_type: str) -> bytes:
    """Names sorted and no spaces, as everything we write."""
    return _line.encode(Link(source, target, target_type))


def _link_lines(links: Sequence[Link]) -> list[bytes]:
    return _line.encode_lines(links).split(b"\n")[:-1]


@cache
def _head(member: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(msgspec.defstruct("Head", [("id", str, msgspec.field(name=member))]))


@cache
def _expanded(name: str) -> msgspec.json.Decoder[Any]:
    """Reads an object that came with its links of this name, as far as they came whole."""
    fields = [
        ("id", str, msgspec.field(name="id")),
        ("targets", list[_Target], msgspec.field(name=name)),
        ("next_link", Any, msgspec.field(name=f"{name}@odata.nextLink", default=msgspec.UNSET)),
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Expanded", fields))


class LinkLine(msgspec.Struct):
    """A line of a pack of links: a link or, with `reset`, where those of its source begin anew."""

    source: str
    target: str = ""
    type: str = ""
    reset: bool = False


_link_line = msgspec.json.Decoder(LinkLine)


def parsed_link(raw: bytes) -> LinkLine:
    """Raises `IntegrityError` for a line that is none."""
    try:
        return _link_line.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise IntegrityError("a pack of links holds a line that is no link") from None


def _target_in(raw: bytes) -> _Target:
    try:
        return _target.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = rawjson.members(raw)
        return _Target(_id_in(raw), rawjson.text_or_empty(found.get("@odata.type")))


def _targets_in(raw: bytes) -> list[_Target]:
    try:
        return _targets.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return [_target_in(one) for one in rawjson.elements(raw)]


def reset_line(source: str) -> bytes:
    """From here on the links of `source` are told anew; what came before no longer counts."""
    return dump({"reset": True, "source": source})


def tombstone(object_id: str) -> bytes:
    """The object is gone, in the form of a delta feed."""
    return dump({"@removed": {"reason": "deleted"}, "id": object_id})


# --- requests --------------------------------------------------------------------------------------------


def list_request(spec: ObjectType) -> GraphRequest:
    top = (f"$top={spec.page_size}",) if spec.page_size else ()
    return _get(spec, spec.list_path, (*spec.query, *_select(spec.select), *_inline(spec), *top), spec.list_cost)


def inline_request(spec: ObjectType, owner: str, name: str) -> GraphRequest:
    """All of what an object shows inline."""
    return _get(spec, f"{spec.list_path}/{_segment(owner)}/{name}", (), spec.item_cost)


def object_request(spec: ObjectType, object_id: str) -> GraphRequest:
    query = (*_select(spec.select), *_inline(spec))
    return _get(spec, f"{spec.list_path}/{_segment(object_id)}", query, spec.item_cost)


def owners_request(spec: ObjectType, when: Condition | None) -> GraphRequest:
    """The objects that something is asked for one by one, with what tells which of them have any."""
    return _get(spec, spec.list_path, (_owner_select(when), f"$top={LINK_PAGE}"), spec.list_cost)


def owner_request(spec: ObjectType, when: Condition | None, owner: str) -> GraphRequest:
    """One of them."""
    return _get(spec, f"{spec.list_path}/{_segment(owner)}", (_owner_select(when),), spec.item_cost)


def _owner_select(when: Condition | None) -> str:
    return f"$select={','.join(('id', *(when.asks if when is not None else ())))}"


def scoped_request(spec: ObjectType, owner: str) -> GraphRequest:
    """The objects of one owner."""
    query = (option.replace("{id}", _segment(owner)) for option in spec.query)
    return _get(spec, spec.list_path, (*query, *_select(spec.select)), spec.list_cost)


def facet_request(spec: ObjectType, facet: Facet, owner: str) -> GraphRequest:
    if spec.apart:
        return apart_request(spec, spec.apart[0], owner)
    if not facet.collection:
        return object_request(spec, owner)
    return _get(spec, f"{spec.list_path}/{_segment(owner)}/{facet.collection}", (), spec.item_cost)


def apart_request(spec: ObjectType, one: Apart, object_id: str, parent: str = "") -> GraphRequest:
    """A member that has a path of its own."""
    root = spec.list_path.replace("{parent}", _segment(parent))
    path = f"{root}/{_segment(object_id)}/{one.path}"
    return GraphRequest("GET", path, throttle=spec.throttle, cost=spec.item_cost, file=one.file)


def links_page_request(owner: ObjectType, relationship: Relationship, link: str) -> GraphRequest:
    """A further page of one source's links."""
    return _follow(owner, link, relationship.page_cost)


def replay_request(spec: ObjectType, link: str) -> GraphRequest:
    """Further pages of a feed cost what a listing does."""
    return _follow(spec, link, spec.list_cost)


def delta_request(spec: ObjectType) -> GraphRequest:
    """Asks for a delta link that starts now. What is selected here is what the link will report; of a facet, which
    its owner's feed knows nothing of, who comes and goes."""
    if spec.facet is not None:
        return _get(spec, f"{spec.list_path}/delta", ("$deltatoken=latest", "$select=id"), spec.list_cost)
    tracked = tuple(one.name for one in spec.relationships if one.delta)
    select = _select((*spec.select, *tracked)) if spec.select else ()
    return _get(spec, f"{spec.list_path}/delta", ("$deltatoken=latest", *select), spec.list_cost)


def parents_request(spec: ObjectType, relationship: Relationship, *, expand: bool) -> GraphRequest:
    """The parents of a relationship, with up to 20 of their links where the relationship can be expanded."""
    top = (f"$top={spec.page_size}",) if spec.page_size else ()
    grown = (_expand(relationship),) if expand else ()
    when = relationship.asked_when
    names = (spec.identity, *(when.asks if when is not None else ()))
    return _get(spec, spec.list_path, (f"$select={','.join(names)}", *grown, *top), spec.list_cost)


def links_request(
    spec: ObjectType, relationship: Relationship, child: ObjectType | None, source: str
) -> GraphRequest:
    """The first page of one source's links (or contained objects); for a single-valued relationship the
    source itself with its link, because the link's own path says 404 for "none"."""
    path = f"{spec.list_path}/{_segment(source)}"
    if not relationship.many and (child is None or child.version == spec.version):
        return _get(spec, path, (f"$select={spec.identity}", _expand(relationship)), spec.item_cost)
    if child is None:
        query: tuple[str, ...] = ("$select=id", f"$top={LINK_PAGE}")
        return _get(spec, f"{path}/{relationship.path}", query, relationship.page_cost)
    top = (f"$top={child.page_size}",) if child.page_size else ()
    own = child.list_path.replace("{parent}", _segment(source))
    return _get(child, own, (*_select(child.select), *_inline(child), *top), relationship.page_cost)


def _expand(relationship: Relationship) -> str:
    return f"$expand={relationship.name}" + ("" if relationship.contains else "($select=id)")


def _inline(spec: ObjectType) -> tuple[str, ...]:
    return (f"$expand={','.join(spec.inline)}",) if spec.inline else ()


def _select(names: Sequence[str]) -> tuple[str, ...]:
    return (f"$select={','.join(names)}",) if names else ()


def _get(spec: ObjectType, path: str, query: Sequence[str], cost: int) -> GraphRequest:
    """`$select` makes a request cheaper by one unit and `$expand` dearer by one (learn.microsoft.com:
    "Microsoft Graph service-specific throttling limits", identity and access)."""
    for option in query:
        cost += option.startswith("$expand=") - option.startswith("$select=")
    full = f"{path}?{'&'.join(query)}" if query else path
    return GraphRequest("GET", full, throttle=spec.throttle, cost=max(cost, 1))


def _follow(spec: ObjectType, link: str, cost: int) -> GraphRequest:
    return GraphRequest("GET", link, throttle=spec.throttle, cost=cost)


def _segment(value: str) -> str:
    return quote(value, safe="")


# --- answers ---------------------------------------------------------------------------------------------


async def latest_delta(directory: Directory, spec: ObjectType) -> str:
    """A delta link that reports what changes from now on."""
    request = delta_request(spec)
    while True:
        page = await directory.page(request)
        if page.delta_link is not None:
            return page.delta_link
        request = _next(spec, page, request)


def _next(spec: ObjectType, page: Page, asked: GraphRequest) -> GraphRequest:
    """The request for the page after this one; there must be one, and it must lead on."""
    if page.next_link is None:
        raise Fault("a delta feed ended without a delta link", object_type=spec.name, request_id=page.request_id)
    if page.next_link == asked.path:
        raise Fault("a page names itself as the next one", object_type=spec.name, request_id=page.request_id)
    return _follow(spec, page.next_link, asked.cost)


def _body(response: GraphResponse, spec: ObjectType, about: str) -> bytes | None:
    """The answer's body, None for 404; raises what the status means."""
    if response.ok:
        return response.body
    if response.status == 404:
        return None
    code = _error_code(response.body)
    what = f"Graph refused a read with {response.status} {code}".rstrip()
    where = {"object_type": spec.name, "object_id": about, "request_id": response.request_id}
    if response.status in (0, 408, 429) or response.status >= 500:
        raise GraphDown(what, after=None, **where)
    kinds = {401: GraphUnauthorized, 403: GraphNotPermitted}
    kind = kinds.get(response.status, GraphError)
    if response.status in (400, 403) and any(mark in code.lower() for mark in _LICENCE_CODES):
        kind = GraphNotLicensed
    raise kind(what, status=response.status, code=code, **where)


def _error_code(body: bytes) -> str:
    try:
        code = rawjson.text_or_empty(rawjson.members(rawjson.members(body).get("error", b"")).get("code"))
    except Unusable:
        return ""
    return code if code.isascii() and code.replace("_", "").isalnum() and len(code) <= 80 else ""


async def _ask(directory: Directory, spec: ObjectType, requests: Sequence[GraphRequest]) -> list[GraphResponse]:
    if spec.batchable and len(requests) > 1:
        answers = await directory.batch(requests)
        if len(answers) != len(requests):
            raise Fault("a batch came back with another number of answers", object_type=spec.name)
        return answers
    return [await directory.send(request) for request in requests]


async def with_apart(
    directory: Directory, spec: ObjectType, lines: Sequence[bytes], parents: Sequence[str] = ()
) -> tuple[list[bytes], int]:
    """The objects with their members that have a path of their own, null where there is none; and how many of these
    were refused, which are left out. `parents`: of children, those of each line."""
    if not spec.apart or not lines:
        return list(lines), 0
    owners = parents or [""] * len(lines)
    values = [parse(line) for line in lines]
    more: list[dict[str, bytes]] = [{one.member: b"null" for one in spec.apart} for _ in lines]
    asked = [
        (number, one, apart_request(spec, one, object_id(line, spec), owners[number]))
        for number, line in enumerate(lines)
        for one in spec.apart
        if one.when is None or holds(one.when, values[number])
    ]
    refused = 0
    for chunk in (asked[start : start + BATCH] for start in range(0, len(asked), BATCH)):
        answers = await _ask(directory, spec, [request for _, _, request in chunk])
        for (number, one, _), answer in zip(chunk, answers, strict=True):
            try:
                body = _body(answer, spec, object_id(lines[number], spec))
            except GraphUnauthorized:
                raise
            except GraphError:
                refused += 1
                del more[number][one.member]
                continue
            if body is not None:
                more[number][one.member] = rawjson.one_line(body)
    return [_and(line, members) for line, members in zip(lines, more, strict=True)], refused


def _and(line: bytes, more: dict[str, bytes]) -> bytes:
    """The object as it was received, with more members behind its own."""
    bare = line.rstrip()
    if not bare.endswith(b"}") or more.keys() & rawjson.members(bare).keys():
        return _with_members(line, more)
    return bare[:-1] + b"".join(b"," + dump(name) + b":" + value for name, value in more.items()) + b"}"


def _with_members(line: bytes, more: dict[str, bytes]) -> bytes:
    members = {**rawjson.members(line), **more}
    return b"{" + b",".join(dump(name) + b":" + value for name, value in members.items()) + b"}"


# --- delta -------------------------------------------------------------------------------------------------


class _Changes:
    """Follows a delta feed and gathers ids to read again. Its entries' own values are never used, except
    that an entry is kept where it says that the object is gone."""

    def __init__(self, directory: Directory, spec: ObjectType, start: Position) -> None:
        self._directory = directory
        self._spec = spec
        self.position = start
        self.waiting = {one.id: one for one in start.waiting}
        self.vanished = dict.fromkeys(start.vanished)

    async def gather(self) -> tuple[list[tuple[str, bytes]], int]:
        """Reads on until enough ids are waiting or the feed ends. Returns entries of the gone, and pages."""
        gone: dict[str, bytes] = {}
        pages = 0
        link, ended = self.position.next_link, self.position.ended
        while not ended and len(self.waiting) < WINDOW:
            request = replay_request(self._spec, link)
            page = await self._directory.page(request)
            pages += 1
            for item in page.items:
                self._note(item, gone)
            if page.delta_link is not None:
                link, ended = page.delta_link, True
            else:
                link = _next(self._spec, page, request).path
        self.position = replace(self.position, next_link=link, ended=ended)
        return list(gone.items()), pages

    def _note(self, item: bytes, gone: dict[str, bytes]) -> None:
        changed = object_id(item, self._spec)
        removed = b"@removed" in item and "@removed" in rawjson.members(item)
        if removed:
            gone[changed] = item
            self.vanished.pop(changed, None)
        self.waiting[changed] = Waiting(changed, removed=removed)

    def here(self) -> Position:
        return replace(
            self.position,
            waiting=tuple(self.waiting.values()),
            vanished=tuple(self.vanished),
        )


# --- readers -----------------------------------------------------------------------------------------------


class ObjectReader:
    """The objects of a type that is listed page by page."""

    def __init__(self, directory: Directory, spec: ObjectType) -> None:
        self._directory = directory
        self._spec = spec

    async def listing(self, start: Position) -> AsyncGenerator[Part, None]:
        if start.ended:
            return
        spec = self._spec
        forbidden = start.forbidden
        request = _follow(spec, start.next_link, spec.list_cost) if start.next_link else list_request(spec)
        while True:
            page = await self._directory.page(request)
            items = await self._each(page.items) if spec.singly else []
            for item in () if spec.singly else page.items:
                object_id(item, spec)
                items.append(await self._whole(item) if spec.inline else item)
            items, refused = await with_apart(self._directory, spec, items)
            forbidden += refused
            ended = page.next_link is None
            yield Part(tuple(items), (), Position(Stage.LIST, page.next_link or "", ended, forbidden=forbidden), 1)
            if ended:
                return
            request = _next(spec, page, request)

    async def _each(self, items: Sequence[bytes]) -> list[bytes]:
        """The objects of which a listing shows a part; one that is gone by now is no longer there."""
        found = []
        ids = [object_id(item, self._spec) for item in items]
        for asked in (ids[start : start + BATCH] for start in range(0, len(ids), BATCH)):
            requests = [object_request(self._spec, one) for one in asked]
            for one, answer in zip(asked, await _ask(self._directory, self._spec, requests), strict=True):
                body = _body(answer, self._spec, one)
                if body is not None:
                    found.append(self._line_of(one, body))
        return found

    def _line_of(self, one: str, body: bytes) -> bytes:
        line = rawjson.one_line(body)
        if object_id(line, self._spec) != one:
            raise Fault("Graph answered with another object", object_type=self._spec.name, object_id=one)
        return line

    async def _whole(self, item: bytes) -> bytes:
        """The object with all of what it shows inline: where 20 came back there may be more."""
        members = rawjson.members(item)
        for name in self._spec.inline_names:
            link = members.pop(f"{name}@odata.nextLink", None)
            held = members.get(name, b"[]")
            if link is None and (held[:1] != b"[" or len(rawjson.elements(held)) < EXPAND_LIMIT):
                continue
            found: list[bytes] = []
            request = inline_request(self._spec, object_id(item, self._spec), name)
            while True:
                page = await self._directory.page(request)
                found += page.items
                if page.next_link is None:
                    break
                request = _next(self._spec, page, request)
            members[name] = b"[" + b",".join(found) + b"]"
            item = _with_members(item, members)
        return item

    async def replay(self, start: Position) -> AsyncGenerator[Part, None]:
        changes = _Changes(self._directory, self._spec, start)
        while True:
            gone, pages = await changes.gather()
            if pages:
                yield Part(tuple(entry for _, entry in gone), (), changes.here(), pages)
            while changes.waiting:
                chunk = list(islice(changes.waiting.values(), BATCH))
                objects = await self._read_again(changes, chunk)
                yield Part(tuple(objects), (), changes.here(), 1)
            if changes.position.ended:
                return

    async def _read_again(self, changes: _Changes, chunk: Sequence[Waiting]) -> list[bytes]:
        requests = [object_request(self._spec, one.id) for one in chunk]
        found = []
        for one, answer in zip(chunk, await _ask(self._directory, self._spec, requests), strict=True):
            body = _body(answer, self._spec, one.id)
            del changes.waiting[one.id]
            if body is not None:
                found.append(self._line_of(one.id, body))
                changes.vanished.pop(one.id, None)
            elif not one.removed:
                changes.vanished[one.id] = None
        found, refused = await with_apart(self._directory, self._spec, found)
        changes.position = replace(changes.position, forbidden=changes.position.forbidden + refused)
        return found


class OwnerReader(ObjectReader, ABC):
    """What objects of another type, or of the same path, have: asked for one by one. Owners that are refused are
    counted, and those that have none are passed over."""

    def __init__(self, directory: Directory, spec: ObjectType, owner: ObjectType, when: Condition | None) -> None:
        super().__init__(directory, spec)
        self._owner = owner
        self._when = when

    @abstractmethod
    def _request(self, owner: str) -> GraphRequest:
        """Asks one owner."""

    @abstractmethod
    async def _lines(self, owner: str, request: GraphRequest, answer: GraphResponse) -> list[bytes]:
        """What an owner's answer brought, further pages included."""

    async def listing(self, start: Position) -> AsyncGenerator[Part, None]:
        spec = self._spec
        state = _Changes(self._directory, spec, start)
        request = (
            _follow(spec, start.next_link, spec.list_cost)
            if start.next_link
            else owners_request(self._owner, self._when)
        )
        while True:
            if not state.position.ended and not state.waiting:
                page = await self._directory.page(request)
                owners = (object_id(item, self._owner) for item in page.items if self._has(item))
                state.waiting = {one: Waiting(one) for one in owners}
                ended = page.next_link is None
                state.position = replace(state.position, next_link=page.next_link or "", ended=ended)
                if not ended:
                    request = _next(spec, page, request)
                yield Part((), (), state.here(), 1)
            while state.waiting:
                objects = await self._had(state, list(islice(state.waiting.values(), BATCH)))
                yield Part(tuple(objects), (), state.here(), 1)
            if state.position.ended:
                return

    async def _read_again(self, changes: _Changes, chunk: Sequence[Waiting]) -> list[bytes]:
        """Whether they have any may have changed, too."""
        if self._when is None:
            return await self._had(changes, chunk)
        having = []
        requests = [owner_request(self._owner, self._when, one.id) for one in chunk]
        for one, answer in zip(chunk, await _ask(self._directory, self._spec, requests), strict=True):
            body = _body(answer, self._spec, one.id)
            if body is None or self._has(body):
                having.append(one)
            else:
                del changes.waiting[one.id]
                changes.vanished.pop(one.id, None)
        return await self._had(changes, having) if having else []

    def _has(self, owner: bytes) -> bool:
        return self._when is None or holds(self._when, parse(owner))

    async def _had(self, state: _Changes, chunk: Sequence[Waiting]) -> list[bytes]:
        requests = [self._request(one.id) for one in chunk]
        found = []
        for one, request, answer in zip(
            chunk, requests, await _ask(self._directory, self._spec, requests), strict=True
        ):
            try:
                body = _body(answer, self._spec, one.id)
            except GraphNotPermitted:
                state.position = replace(state.position, forbidden=state.position.forbidden + 1)
                del state.waiting[one.id]
                continue
            del state.waiting[one.id]
            if body is not None:
                state.vanished.pop(one.id, None)
                found += await self._lines(one.id, request, answer)
            elif self._spec.absent:
                # It has none, and what an earlier line of this reading says of it counts no more.
                found += [tombstone(one.id)] if state.position.stage is Stage.REPLAY else []
            elif not one.removed:
                state.vanished[one.id] = None
        return found

    async def _every(self, request: GraphRequest, answer: GraphResponse) -> list[bytes]:
        """The items of a list, to its end."""
        page = self._directory.page_of(request, answer)
        items = [*page.items]
        while page.next_link is not None:
            request = _next(self._spec, page, request)
            page = await self._directory.page(request)
            items += page.items
        return [rawjson.one_line(item) for item in items]


class FacetReader(OwnerReader):
    """The facets of a type's objects, each under its owner's id."""

    def __init__(self, directory: Directory, spec: ObjectType, facet: Facet) -> None:
        super().__init__(directory, spec, spec, facet.when)
        self._facet = facet

    def _request(self, owner: str) -> GraphRequest:
        return facet_request(self._spec, self._facet, owner)

    async def _lines(self, owner: str, request: GraphRequest, answer: GraphResponse) -> list[bytes]:
        """As received, or what stands under a member: a collection's items, or what has a path of its own."""
        if self._spec.apart:
            return [_under(owner, self._spec.apart[0].member, rawjson.one_line(answer.body))]
        if not self._facet.collection:
            return [self._line_of(owner, answer.body)]
        items = b",".join(await self._every(request, answer))
        return [_under(owner, self._facet.member, b"[%b]" % items)]


def _under(owner: str, member: str, held: bytes) -> bytes:
    return b'{"id":%b,%b:%b}' % (_line.encode(owner), _line.encode(member), held)


class ScopedReader(OwnerReader):
    """The objects of a type that is listed for one object of another type at a time."""

    def _request(self, owner: str) -> GraphRequest:
        return scoped_request(self._spec, owner)

    async def _lines(self, owner: str, request: GraphRequest, answer: GraphResponse) -> list[bytes]:
        items = await self._every(request, answer)
        for item in items:
            object_id(item, self._spec)
        return items


class SingletonReader:
    """A type of which a tenant has exactly one, answered as an object or as a list of one."""

    def __init__(self, directory: Directory, spec: ObjectType) -> None:
        self._directory = directory
        self._spec = spec

    async def listing(self, start: Position) -> AsyncGenerator[Part, None]:
        if start.ended:
            return
        spec = self._spec
        answer = await self._directory.send(list_request(spec))
        body = _body(answer, spec, "")
        if body is None:
            raise GraphNotFound(
                "Graph has none of these here", status=404, object_type=spec.name, request_id=answer.request_id
            )
        try:
            found = rawjson.members(body)
            listed = found.get("value", b"")
            whole = bool(spec.identity) and spec.identity in found
            objects = rawjson.elements(listed) if listed[:1] == b"[" and not whole else [body]
        except Unusable:
            raise GraphDown("an answer is no object", object_type=spec.name) from None
        if rawjson.text_or_empty(found.get("@odata.nextLink")):
            raise Fault("a type declared single has several pages", object_type=spec.name)
        lines = tuple(rawjson.one_line(one) for one in objects)
        for line in lines:
            object_id(line, spec)
        yield Part(lines, (), Position(Stage.LIST, "", True), 1)

    async def replay(self, start: Position) -> AsyncGenerator[Part, None]:
        raise Fault("a single object has no delta feed", object_type=self._spec.name)
        yield  # pragma: no cover (makes this a generator)


class LinkReader:
    """The links of one relationship, and the objects it contains if it contains any."""

    def __init__(
        self,
        directory: Directory,
        catalog: Catalog,
        spec: ObjectType,
        relationship: Relationship,
        taken: Taken | None = None,
    ) -> None:
        self._directory = directory
        self._catalog = catalog
        self._spec = spec
        self._taken = taken
        self._relationship = relationship
        self._child = catalog.get(relationship.contains) if relationship.contains else None
        self._kinds: dict[str, str] = {}
        # A child read in another API version can't come along with its parent.
        self._expand = relationship.expands and (self._child is None or self._child.version == spec.version)

    async def listing(self, start: Position) -> AsyncGenerator[Part, None]:
        spec = self._spec
        if start == Position(Stage.LIST) and not await self._may_have_any():
            yield Part((), (), replace(start, ended=True), 1)
            return
        state = _Changes(self._directory, spec, start)
        request = (
            _follow(spec, start.next_link, spec.list_cost)
            if start.next_link
            else parents_request(spec, self._relationship, expand=self._expand)
        )
        while True:
            if not state.position.ended and not state.waiting:
                page = await self._directory.page(request)
                objects: list[bytes] = []
                links: list[bytes] = []
                for item in page.items:
                    self._take_parent(item, objects, links, state)
                objects = await self._with_apart(objects, links, state)
                await self._take_over(objects, links, state)
                ended = page.next_link is None
                state.position = replace(state.position, next_link=page.next_link or "", ended=ended)
                if not ended:
                    request = _next(spec, page, request)
                yield Part(tuple(objects), tuple(links), state.here(), 1)
            while state.waiting:
                yield await self._read_waiting(state)
            if state.position.ended:
                return

    async def replay(self, start: Position) -> AsyncGenerator[Part, None]:
        changes = _Changes(self._directory, self._spec, start)
        while True:
            gone, pages = await changes.gather()
            if pages:
                resets = tuple(reset_line(source) for source, _ in gone)
                yield Part((), resets, changes.here(), pages)
            while changes.waiting:
                yield await self._read_waiting(changes)
            if changes.position.ended:
                return

    async def _may_have_any(self) -> bool:
        """Whether an object is there that the links could lead to."""
        if self._relationship.asked_while is None:
            return True
        target = self._catalog.get(self._relationship.target_types[0])
        request = list_request(target)
        while True:
            page = await self._directory.page(request)
            if any(holds(self._relationship.asked_while, parse(item)) for item in page.items):
                return True
            if page.next_link is None:
                return False
            request = _next(target, page, request)

    async def _take_over(self, objects: list[bytes], links: list[bytes], state: _Changes) -> None:
        """Lines of the parents that aren't asked this time, in place of asking."""
        if self._taken is None:
            return
        covered = [parent for parent in state.waiting if self._taken.covers(parent)]
        known_objects, known_links = await self._taken.lines(covered)
        objects += known_objects
        links += known_links
        for parent in covered:
            del state.waiting[parent]

    def _take_parent(self, item: bytes, objects: list[bytes], links: list[bytes], state: _Changes) -> None:
        """Links that came with their parent; a parent whose links may be cut is read on its own."""
        if self._expand and self._child is None and self._relationship.many:
            try:
                parent = _expanded(self._relationship.name).decode(item)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                pass  # nothing came, or a name that is cut inside an emoji: the careful way tells which
            else:
                if len(parent.targets) < EXPAND_LIMIT and parent.next_link is msgspec.UNSET:
                    links += self._lines(checked_id(parent.id), parent.targets)
                else:
                    state.waiting[checked_id(parent.id)] = Waiting(parent.id)
                return
        source = object_id(item, self._spec)
        if not self._expand:
            when = self._relationship.asked_when
            if when is None or holds(when, parse(item)):
                state.waiting[source] = Waiting(source)
            return
        name = self._relationship.name
        found = rawjson.members(item)
        value = found.get(name)
        if not self._relationship.many:
            if value is not None and value != b"null":
                self._take(source, [value], objects, links)
            return
        if value is None or value[:1] != b"[" or f"{name}@odata.nextLink" in found:
            state.waiting[source] = Waiting(source)
            return
        if self._child is None:
            found_targets = _targets_in(value)
            if len(found_targets) < EXPAND_LIMIT:
                links += self._lines(source, found_targets)
                return
        else:
            contained = rawjson.elements(value)
            if len(contained) < EXPAND_LIMIT:
                self._take(source, contained, objects, links)
                return
        state.waiting[source] = Waiting(source)

    def _take(self, source: str, targets: Sequence[bytes], objects: list[bytes], links: list[bytes]) -> None:
        if self._child is None:
            links += self._lines(source, [_target_in(target) for target in targets])
            return
        for target in targets:
            objects.append(rawjson.one_line(target))
            links.append(link_line(source, object_id(target, self._child), self._child.name))

    async def _with_apart(self, objects: list[bytes], links: Sequence[bytes], state: _Changes) -> list[bytes]:
        """Each object has its link among these."""
        if self._child is None or not self._child.apart or not objects:
            return objects
        found = [link for link in map(parsed_link, links) if not link.reset]
        complete, refused = await with_apart(self._directory, self._child, objects, [link.source for link in found])
        state.position = replace(state.position, forbidden=state.position.forbidden + refused)
        return complete

    def _lines(self, source: str, targets: Sequence[_Target]) -> list[bytes]:
        return _link_lines([Link(source, checked_id(one.id), self._kind(one.tag)) for one in targets])

    def _kind(self, tag: str) -> str:
        """The catalog's name of a target's type; Graph's own where the catalog has none; "" where unknown."""
        kind = self._kinds.get(tag)
        if kind is None:
            only = self._relationship.target_types
            known = self._catalog.by_odata_type(tag)
            if known is not None:
                kind = known.name
            elif tag and not _UNUSABLE.search(tag):
                kind = tag.removeprefix("#")
            else:
                kind = only[0] if len(only) == 1 else ""
            self._kinds[tag] = kind
        return kind

    async def _read_waiting(self, state: _Changes) -> Part:
        """One step over the sources that are read on their own: a batch of first pages, or one further page."""
        objects: list[bytes] = []
        links: list[bytes] = []
        first = next(iter(state.waiting.values()))
        if first.link:
            return await self._read_on(first, state)
        chunk = list(islice((one for one in state.waiting.values() if not one.link), BATCH))
        requests = [links_request(self._spec, self._relationship, self._child, one.id) for one in chunk]
        forbidden = 0
        answers = await _ask(self._directory, self._spec, requests)
        for one, request, answer in zip(chunk, requests, answers, strict=True):
            del state.waiting[one.id]
            try:
                body = _body(answer, self._spec, one.id)
            except GraphNotPermitted:
                forbidden += 1
                continue
            if body is None:
                if self._child is not None and self._child.absent:
                    links.append(reset_line(one.id))  # it has none of these
                elif not one.removed:
                    state.vanished[one.id] = None
                continue
            state.vanished.pop(one.id, None)
            links.append(reset_line(one.id))
            if not self._relationship.many:
                self._take_parent(rawjson.one_line(body), objects, links, state)
                continue
            page = self._directory.page_of(request, answer)
            self._take(one.id, page.items, objects, links)
            if page.next_link is not None:
                # In front, so that a source is finished before the next one is begun.
                state.waiting = {one.id: Waiting(one.id, page.next_link), **state.waiting}
        state.position = replace(state.position, forbidden=state.position.forbidden + forbidden)
        objects = await self._with_apart(objects, links, state)
        return Part(tuple(objects), tuple(links), state.here(), 1)

    async def _read_on(self, one: Waiting, state: _Changes) -> Part:
        objects: list[bytes] = []
        links: list[bytes] = []
        owner = self._child or self._spec
        request = links_page_request(owner, self._relationship, one.link)
        try:
            page = await self._directory.page(request)
        except PageTokenExpired:
            state.waiting[one.id] = Waiting(one.id)
            return Part((), (reset_line(one.id),), state.here(), 1, restarted=True)
        except GraphNotFound:
            # Gone between two of its pages: what was read of it is taken back.
            del state.waiting[one.id]
            state.vanished[one.id] = None
            return Part((), (reset_line(one.id),), state.here(), 1, restarted=True)
        except GraphNotPermitted:
            del state.waiting[one.id]
            state.position = replace(state.position, forbidden=state.position.forbidden + 1)
            return Part((), (), state.here(), 1)
        self._take(one.id, page.items, objects, links)
        if page.next_link is None:
            del state.waiting[one.id]
        else:
            _next(owner, page, request)
            state.waiting[one.id] = Waiting(one.id, page.next_link)
        objects = await self._with_apart(objects, links, state)
        return Part(tuple(objects), tuple(links), state.here(), 1)
