"""Delta queries of directory objects and delegated permission grants.

A token stands for a commit. A round tells the net difference between the token's commit and the commit that the
serving replica has reached, so that what is late comes in the next round. Pages are small, uneven, may be empty
and may repeat an entry; a group's links come in pieces.
"""

from __future__ import annotations

from typing import Any

from . import odata
from .errors import GraphError, bad_request
from .reading import columns_for, hides_members, table_of
from .rendering import Columns, default_columns, derived, without_keys
from .rules.types import TYPES, TypeRule, place_of
from .service import Request, Response, Service, route
from .store import View

Obj = dict[str, Any]
_OPTIONS = frozenset(["$select", "$deltatoken", "$skiptoken", "$filter"])
_LinkChanges = dict[str, dict[str, bool]]  # relationship name -> target -> present


class _Tracked:
    """What a delta follows: columns and relationships, fixed by the first call's $select."""

    def __init__(self, rule: TypeRule, columns: Columns, links: tuple[str, ...]) -> None:
        self.rule = rule
        self.columns = columns
        self.names = frozenset(n for n, _ in columns)
        self.links = links


def _tracked(service: Service, request: Request, table: str, select: str | None) -> _Tracked:
    rule = TYPES[table]
    known_links = tuple(link.name for link in rule.links if link.tracked_by_delta)
    if select is None:
        links = tuple(n for n in known_links if n != "manager")
        return _Tracked(rule, default_columns(table, request.beta), links)
    names = odata.parse_select(select) or ()
    links = tuple(n for n in names if n in known_links)
    plain = tuple(n for n in names if n not in known_links)
    columns = columns_for(service, request, rule, plain, single=False) if plain else ()
    return _Tracked(rule, columns, links)


def delta(service: Service, request: Request) -> Response:
    table = place_of(request.template)[0].table
    for name in request.query:
        if name.startswith("$") and name not in _OPTIONS:
            raise bad_request(f"Query option '{name}' is not supported by delta.", "Request_UnsupportedQuery")
    if "$skiptoken" in request.query:
        return _page(service, request, table, service.recall(request.query["$skiptoken"], request))
    token = request.query.get("$deltatoken")
    select = request.query.get("$select")
    if token == "latest":
        service.rules.lean("delta.latest-at-primary")
        _tracked(service, request, table, select)
        fresh = _new_token(service, table, select, service.store.seq)
        return Response(
            200,
            {
                "@odata.context": _context(service, request, table),
                "@odata.deltaLink": _delta_link(service, request, fresh),
                "value": [],
            },
        )
    if token:
        held = _known_token(service, request, table, token)
        return _start(service, request, table, held["select"], held["seq"])
    return _start(service, request, table, select, None)


def _context(service: Service, request: Request, table: str) -> str:
    place = TYPES[table].root.strip("/")
    return service.context(request, f"{place}/$delta" if "$deltatoken" in request.query else place)


def _new_token(service: Service, table: str, select: str | None, seq: int) -> str:
    token = f"d~{service.rng.getrandbits(160):040x}"
    expires = service.clock.now() + service.settings.delta_token_life
    service.delta_tokens[token] = {"table": table, "select": select, "seq": seq, "expires": expires}
    return token


def _delta_link(service: Service, request: Request, token: str) -> str:
    return service.link(request, {"$deltatoken": token})


def _known_token(service: Service, request: Request, table: str, token: str) -> Obj:
    held = service.delta_tokens.get(token)
    if held is None or held["table"] != table:
        raise bad_request("The delta token is invalid.", "Request_BadRequest")
    if request.effects.get("expireDeltaToken") or held["expires"] <= service.clock.now():
        service.rules.lean("delta.expiry")
        how = service.settings.delta_expiry
        if how == "410" or (how == "mixed" and service.rng.random() < 0.5):
            raise GraphError(
                410,
                "resyncRequired",
                "Resync required. Replace any local items with the server's version.",
                headers={"Location": service.link(request, {"$deltatoken": ""})},
            )
        raise bad_request("The sync state generation is not found; it expired.", "syncStateNotFound")
    return held


# --- a round


def _start(service: Service, request: Request, table: str, select: str | None, since: int | None) -> Response:
    tracked = _tracked(service, request, table, select)
    view = service.view(request)
    if view.seq < service.store.seq:
        service.rules.lean("delta.lag")
    if since is not None and view.seq < since:
        view = service.store.view(since)  # an older replica: nothing new, and never a step back
    only = _only_ids(request)
    if since is None:
        todo: list[Any] = [[key, None] for key in view.ids(table) if only is None or key in only]
    else:
        todo = [e for e in _differences(service, tracked, view, since) if only is None or e[0] in only]
    return _page(service, request, table, {"select": select, "seq": view.seq, "todo": todo, "at": 0, "part": 0})


def _only_ids(request: Request) -> set[str] | None:
    text = request.query.get("$filter")
    if text is None:
        return None
    parsed = odata.parse_filter(text)
    if parsed.equals is None or parsed.equals[0] != "id" or len(parsed.equals[1]) > 50:
        raise bad_request("Delta filters only by up to 50 ids.", "Request_UnsupportedQuery")
    return set(parsed.equals[1])


def _differences(service: Service, tracked: _Tracked, view: View, since: int) -> list[Any]:
    """[id, how] of each object that differs: None for a whole entry, "changed" or "deleted", or what moved."""
    table = tracked.rule.table
    relations = {f"{table}.{name}": name for name in tracked.links}
    first: dict[str, Obj | None] = {}
    touched: set[str] = set()
    links: dict[str, _LinkChanges] = {}
    was_binned: dict[str, bool] = {}
    for change in service.store.changes_between(since, view.seq):
        if change.kind == "object" and change.table == table:
            first.setdefault(change.key, change.before)
            touched.add(change.key)
        elif change.kind == "object" and change.table == f"bin:{table}":
            was_binned.setdefault(change.key, change.before is not None)
            touched.add(change.key)
        elif change.kind == "link" and change.table in relations:
            name = relations[change.table]
            links.setdefault(change.key, {}).setdefault(name, {}).setdefault(change.target, change.before)
            touched.add(change.key)
    out: list[Any] = []
    for key in sorted(touched):
        now = view.get(table, key)
        before = first.get(key, now)
        if now is None:
            gone = _gone(view, table, key, before is not None or was_binned.get(key, False))
            if gone is not None:
                out.append([key, gone])
        elif before is None:
            out.append([key, None])
        else:
            entry = _changed_entry(tracked, view, key, before, now, links.get(key, {}))
            if entry is not None:
                out.append([key, entry])
    return out


def _gone(view: View, table: str, key: str, known: bool) -> str | None:
    if not known:
        return None  # created and removed between two rounds
    binned = TYPES[table].has_bin and view.get(f"bin:{table}", key) is not None
    return "changed" if binned else "deleted"


def _changed_entry(
    tracked: _Tracked, view: View, key: str, before: Obj, now: Obj, links: _LinkChanges
) -> Obj | None:
    changed = sorted(n for n in tracked.names if before.get(n) != now.get(n))
    moved: _LinkChanges = {}
    for name, targets in links.items():
        rel = f"{tracked.rule.table}.{name}"
        differing = {t: not was for t, was in targets.items() if view.linked(rel, key, t) != was}
        if differing:
            moved[name] = differing
    return {"changed": changed, "links": moved} if changed or moved else None


def _entry_links(
    service: Service, request: Request, tracked: _Tracked, view: View, key: str, entry: Any
) -> list[tuple[str, str, bool]]:
    """(relationship, target, present) to tell for one entry, in a fixed order."""
    out: list[tuple[str, str, bool]] = []
    for name in tracked.links:
        if name == "members" and hides_members(service, request, view, key):
            continue
        if name == "owners":
            service.rules.lean("delta.owners")
        if entry is None:
            out += [(name, t, True) for t in sorted(view.targets(f"{tracked.rule.table}.{name}", key))]
        else:
            out += [(name, t, there) for t, there in sorted(entry["links"].get(name, {}).items())]
    return out


def _page(service: Service, request: Request, table: str, cursor: Obj) -> Response:
    tracked = _tracked(service, request, table, cursor["select"])
    view = service.store.view(cursor["seq"])
    body: Obj = {"@odata.context": _context(service, request, table)}
    todo, at, part = cursor["todo"], cursor["at"], cursor["part"]
    value: list[Obj] = []
    settings = service.settings
    service.rules.lean("delta.pages")
    chance = service.rng.random() < settings.delta_empty_pages and at < len(todo)
    if (chance or request.effects.get("emptyPage")) and not cursor.get("emptied"):
        service.rules.lean("delta.empty-page")
        return _more(service, request, body, value, {**cursor, "emptied": True})
    objects = max(1, int(settings.delta_page_objects * service.rng.uniform(0.6, 1.0)))
    room = settings.delta_page_links
    while at < len(todo) and len(value) < objects and room > 0:
        key, entry = todo[at]
        if entry in ("changed", "deleted"):
            service.rules.lean("delta.removed")
            value.append({"id": key, "@removed": {"reason": entry}})
            at += 1
            continue
        links = _entry_links(service, request, tracked, view, key, entry)
        piece = links[part : part + room]
        value.append(_rendered(request, tracked, view, key, entry, piece))
        room -= len(piece)
        part += len(piece)
        if part >= len(links):
            at, part = at + 1, 0
    if value and service.rng.random() < settings.delta_replays:
        service.rules.lean("delta.replay")
        value.append(value[0])
    if at < len(todo):
        return _more(service, request, body, value, {**cursor, "at": at, "part": part, "emptied": False})
    token = _new_token(service, table, cursor["select"], cursor["seq"])
    body["@odata.deltaLink"] = _delta_link(service, request, token)
    body["value"] = value
    return Response(200, body)


def _more(service: Service, request: Request, body: Obj, value: list[Obj], cursor: Obj) -> Response:
    token = service.remember({k: v for k, v in cursor.items() if k != "expires"})
    body["@odata.nextLink"] = service.link(request, {"$skiptoken": token})
    body["value"] = value
    return Response(200, body)


def _rendered(
    request: Request, tracked: _Tracked, view: View, key: str, entry: Any, piece: list[tuple[str, str, bool]]
) -> Obj:
    obj = view.get(tracked.rule.table, key)
    assert obj is not None
    shown = without_keys(obj)
    minimal = "return=minimal" in request.headers.get("prefer", "").replace(" ", "")
    out = derived(obj)
    for name, _ in tracked.columns:
        if name == "passwordProfile":
            continue
        changed = entry is not None and name in entry["changed"]
        held = shown.get(name)
        if (held is not None and (entry is None or not minimal)) or changed:
            out[name] = held
    out["id"] = key
    for name, target, present in piece:
        table = table_of(view, target)
        link: Obj = {
            "@odata.type": "#microsoft.graph.user" if table is None else TYPES[table].odata_type,
            **(derived(view.get(table, target) or {}) if table is not None else {}),
            "id": target,
        }
        if not present:
            link["@removed"] = {"reason": "deleted"}
        out.setdefault(f"{name}@delta", []).append(link)
    return out


for _rule in TYPES.values():
    if _rule.has_delta:
        route("GET", f"{_rule.root}/delta", delta)
