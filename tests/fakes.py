"""A small directory in memory that behaves like Graph where reading is hard: pages (empty ones too) by token,
`$expand` cut at 20 without a word, delta feeds that repeat, split and lag, 404 and 403, links that expire.

A test changes the tenant through `put`, `remove`, `link`, `unlink`; `before` are called with each request and
may do the same, or raise, which plays what happens in the middle of a reading.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.catalog.registry import CATALOG, Catalog
from shared.domain.errors import (
    DeltaTokenExpired,
    GraphDown,
    GraphError,
    GraphNotFound,
    GraphNotPermitted,
    PageTokenExpired,
)
from shared.domain.ports import GraphRequest, GraphResponse, Page, Protection

ALL_ROLES = frozenset(name for group in CATALOG.needs(write=False) for name in group)
EXPAND = 20
_GROUPS = [group for spec in CATALOG.types for group in spec.member_groups]


class FakeDirectory:
    """`page_size` caps listings, `link_page` pages of links, `delta_page` pages of a delta feed."""

    def __init__(
        self, catalog: Catalog = CATALOG, *, page_size: int = 3, link_page: int = 7, delta_page: int = 2
    ) -> None:
        self._catalog = catalog
        self._page_size = page_size
        self._link_page = link_page
        self._delta_page = delta_page
        self.granted: frozenset[str] | None = ALL_ROLES
        self.objects: dict[str, dict[str, bytes]] = {
            spec.name: {}
            for spec in catalog.types
            if not spec.parent and (spec.facet is None or spec.path != catalog.get(spec.facet.of).path)
        }
        self.files: dict[str, str] = {}  # by path, data URIs
        self.links: dict[tuple[str, str], dict[str, list[bytes]]] = {}
        self.log: list[tuple[str, str, bool]] = []
        self.before: list[Callable[[GraphRequest], None]] = []
        self.requests: list[str] = []
        self.empty_pages = False
        self.expired_below = 0  # delta tokens older than this are too old

    # --- the tenant ---------------------------------------------------------------------------------------

    def put(self, type_name: str, **members: Any) -> None:
        self.put_raw(type_name, members["id"], json.dumps(members).encode())

    def put_raw(self, type_name: str, key: str, raw: bytes) -> None:
        self.objects[type_name][key] = raw
        self.log.append((type_name, key, False))

    def remove(self, type_name: str, key: str) -> None:
        """The object and its links, in both directions."""
        del self.objects[type_name][key]
        self.log.append((type_name, key, True))
        for (owner, name), sources in self.links.items():
            if owner == type_name:
                sources.pop(key, None)
            for source, targets in sources.items():
                if any(json.loads(target)["id"] == key for target in targets):
                    self.unlink(owner, name, source, key)

    def link(
        self, type_name: str, relationship: str, source: str, target: str, tag: str = "user", **more: Any
    ) -> None:
        """`more` makes the target a contained object."""
        tags = {} if more else {"@odata.type": f"#microsoft.graph.{tag}"}
        held = self.links.setdefault((type_name, relationship), {}).setdefault(source, [])
        held.append(json.dumps({**tags, "id": target, **more}).encode())
        self.log.append((type_name, source, False))

    def unlink(self, type_name: str, name: str, source: str, target: str) -> None:
        held = self.links[(type_name, name)][source]
        self.links[(type_name, name)][source] = [one for one in held if json.loads(one)["id"] != target]
        self.log.append((type_name, source, False))

    # --- the port -----------------------------------------------------------------------------------------

    async def roles(self) -> frozenset[str] | None:
        return self.granted

    async def page(self, request: GraphRequest) -> Page:
        if request.method == "POST":
            assert any(group.found and request.path.endswith(group.found.also) for group in _GROUPS), request.path
            return Page((), None, None, "req-1")  # no properties but those of the tenant's own applications
        self._arrive(request)
        items, next_link, delta_link = self._listed(request)
        return Page(tuple(items), next_link, delta_link, "req-1")

    async def send(self, request: GraphRequest) -> GraphResponse:
        try:
            self._arrive(request)
        except GraphError as refused:
            return self._refusal(refused)
        return self._answer(request)

    async def batch(self, requests: Sequence[GraphRequest]) -> list[GraphResponse]:
        self.requests.append("$batch")
        answers = []
        for request in requests:
            answers.append(await self.send(request))
        return answers

    def page_of(self, request: GraphRequest, response: GraphResponse) -> Page:
        try:
            body = json.loads(response.body)
            items = [json.dumps(item).encode() for item in body["value"]]
        except (ValueError, KeyError):
            raise GraphDown("the body is no whole page") from None
        link = body.get("@odata.nextLink", "").partition("://")[2]
        return Page(tuple(items), f"/{link.partition('/')[2]}" if link else None, None, response.request_id)

    def _arrive(self, request: GraphRequest) -> None:
        assert request.method == "GET"
        self.requests.append(request.path)
        for hook in list(self.before):
            hook(request)

    @staticmethod
    def _refusal(refused: GraphError) -> GraphResponse:
        body = json.dumps({"error": {"code": refused.code, "message": refused.what}}).encode()
        return GraphResponse(refused.status, body, "req-1")

    def _answer(self, request: GraphRequest) -> GraphResponse:
        try:
            if request.file:
                if request.path not in self.files:
                    raise GraphNotFound("not there", status=404)
                return GraphResponse(200, json.dumps(self.files[request.path]).encode(), "req-1")
            spec, rest, query = self._parse(request.path)
            if spec.singleton and not rest:
                if not self.objects[spec.name]:
                    raise GraphNotFound("not there", status=404)
                return GraphResponse(200, next(iter(self.objects[spec.name].values())), "req-1")
            if len(rest) == 1:
                shown = self._shown(spec.name, rest[0], self._object(spec.name, rest[0]), query)
                # Spread over lines, as some services do.
                return GraphResponse(200, shown.replace(b'", "', b'",\r\n "'), "req-1")
            items, next_link, _ = self._listed(request)
        except GraphError as refused:
            return self._refusal(refused)
        link = f', "@odata.nextLink": "https://graph.microsoft.com{next_link}"' if next_link else ""
        body = (
            b'{"@odata.context": "x",\n "value": [\n'
            + b",\n".join(item.replace(b'", "', b'",\n "') for item in items)
            + b"\n]"
            + link.encode()
            + b"}"
        )
        return GraphResponse(200, body, "req-1")

    def _listed(self, request: GraphRequest) -> tuple[list[bytes], str | None, str | None]:
        spec, rest, query = self._parse(request.path)
        if rest == ["delta"]:
            return self._delta(spec.name, spec.list_path, query)
        if rest:
            self._object(spec.name, rest[0])
            targets = self.links.get((spec.name, rest[1]), {}).get(rest[0], [])
            at = int(query.get("$skiptoken", "0"))
            page = targets[at : at + self._link_page]
            more = at + self._link_page < len(targets)
            link = f"{request.path.partition('?')[0]}?$skiptoken={at + self._link_page}" if more else None
            return page, link, None
        return self._objects_page(spec.name, spec.list_path, query)

    def _objects_page(
        self, type_name: str, path: str, query: dict[str, str]
    ) -> tuple[list[bytes], str | None, str | None]:
        after = query.get("$skiptoken", "")
        kept = "&".join(f"{name}={value}" for name, value in query.items() if name not in ("$skiptoken", "pause"))
        if self.empty_pages and "pause" not in query:
            return [], f"{path}?{kept}&pause=1&$skiptoken={after}", None
        keys = sorted(key for key in self.objects[type_name] if key > after)
        shown = keys[: self._page_size]
        items = [self._shown(type_name, key, self.objects[type_name][key], query) for key in shown]
        link = f"{path}?{kept}&$skiptoken={shown[-1]}" if len(keys) > len(shown) else None
        return items, link, None

    def _delta(
        self, type_name: str, path: str, query: dict[str, str]
    ) -> tuple[list[bytes], str | None, str | None]:
        token = query["$deltatoken"]
        if token == "latest":
            return [], None, f"{path}/delta?$deltatoken={len(self.log)}"
        if int(token) < self.expired_below:
            raise DeltaTokenExpired("too old", status=410, code="syncStateNotFound")
        start = int(query.get("$skip", token))
        changed = [entry for entry in self.log[start:] if entry[0] == type_name]
        shown = changed[: self._delta_page]
        items = []
        for _, key, removed in shown:
            entry: dict[str, Any] = {"id": key}
            if removed:
                entry["@removed"] = {"reason": "changed"}
            items += [json.dumps(entry).encode()] * 2  # repeats are normal
        if len(changed) > len(shown):
            position = [at for at in range(start, len(self.log)) if self.log[at][0] == type_name]
            return items, f"{path}/delta?$deltatoken={token}&$skip={position[len(shown)]}", None
        return items, None, f"{path}/delta?$deltatoken={len(self.log)}"

    def _object(self, type_name: str, key: str) -> bytes:
        if key not in self.objects[type_name]:
            raise GraphNotFound("not there", status=404, code="Request_ResourceNotFound")
        return self.objects[type_name][key]

    def _shown(self, type_name: str, key: str, raw: bytes, query: dict[str, str]) -> bytes:
        """The object as a list shows it: `$select=id` alone drops the rest, `$expand` adds up to 20 links."""
        if query.get("$select") == "id":
            raw = json.dumps({"id": key}).encode()
        expand = query.get("$expand", "")
        name = expand.partition("(")[0]
        if not expand or f'"{name}"'.encode() in raw:  # what is put with the object is shown with it
            return raw
        targets = self.links.get((type_name, name), {}).get(key, [])
        if not self._catalog.get(type_name).relationship(name).many:
            value = targets[0] if targets else b"null"
        else:
            value = b"[" + b",".join(targets[:EXPAND]) + b"]"
        return raw[:-1] + b', "' + name.encode() + b'": ' + value + b"}"

    def _parse(self, path: str) -> tuple[Any, list[str], dict[str, str]]:
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        # The longest path first: some types are listed below a singleton's.
        for spec in sorted(self._catalog.types, key=lambda one: -len(one.path)):
            if spec.parent:
                continue
            if parts.path == spec.list_path or parts.path.startswith(f"{spec.list_path}/"):
                rest = parts.path.removeprefix(spec.list_path).strip("/")
                return spec, [unquote(one) for one in rest.split("/")] if rest else [], query
        raise GraphNotFound("no such path", status=404)


class FakeInspector:
    def __init__(self, *, locked: bool = True, why: str = "") -> None:
        self.locked = locked
        self.why = why

    async def protections(self, containers: Sequence[str]) -> Mapping[str, Protection]:
        return dict.fromkeys(containers, Protection(self.locked, self.why))


def refuse(fragment: str, error: Callable[[], GraphError]) -> Callable[[GraphRequest], None]:
    """A hook that refuses requests whose path holds `fragment`."""

    def hook(request: GraphRequest) -> None:
        if fragment in request.path:
            raise error()

    return hook


def once(fragment: str, action: Callable[[], object], *, skip: int = 0) -> Callable[[GraphRequest], None]:
    """A hook that acts at one request whose path holds `fragment`, after letting `skip` of them pass."""
    left = skip + 1

    def hook(request: GraphRequest) -> None:
        nonlocal left
        if fragment in request.path and left:
            left -= 1
            if not left:
                action()

    return hook


def forbidden() -> GraphError:
    return GraphNotPermitted("no", status=403, code="Authorization_RequestDenied")


def page_expired() -> GraphError:
    return PageTokenExpired("too old", status=400, code="Directory_ExpiredPageToken")
