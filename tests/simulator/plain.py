"""Plain types: every collection and singleton that is nothing but rows of `rules/plain_rows.py`.

What must stay true: a write is checked in full (members, types, what may be set when, ids that it names) before
anything is stored, and a child is there only as long as its parent.
"""

from __future__ import annotations

import functools
import re
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import audit, schema, small
from .errors import GraphError, bad_request, not_found
from .rendering import render
from .rules.form import LinkRule
from .rules.plain import Named, Plain
from .rules.plain_rows import PLAIN
from .rules.types import TYPES
from .service import Request, Response, Service, route
from .store import View
from .writing import check_unique, checked, merge, new_id, reference_id, update, visible_target

if TYPE_CHECKING:
    from .seeds import Planter

Obj = dict[str, Any]
CHILDREN = "plain.children"  # parent -> table/child
MOST_EXPANDED = 20
_SPACE = uuid.UUID("5b1f0e0a-0c0e-4a4f-8d3e-1f1b6b8f5c01")


# --- shapes


def model_of(row: Plain, obj: Obj) -> type:
    path = row.kinds.get(str(obj.get("@odata.type", "")))
    return schema.load(path or row.rule.model)


@functools.cache
def _columns(
    model: type, beta: bool, inline: tuple[str, ...], hidden: frozenset[str]
) -> tuple[tuple[str, bool], ...]:
    shape = schema.shape(model)
    own = [(name, shape.properties[name].collection) for name in schema.names(model, preview=beta)]
    within = [(name, shape.relationships[name].collection) for name in inline if name in shape.relationships]
    return tuple((name, many) for name, many in (*own, *within) if name not in hidden)


def shown(row: Plain, obj: Obj, beta: bool) -> Obj:
    kind = {"@odata.type": obj["@odata.type"]} if row.kinds else {}
    out = render(obj, _columns(model_of(row, obj), beta, row.inline, row.rule.secret))
    # Singletons of the policies show a name for an id, others none at all.
    return {**kind, **out}


def _items(service: Service, request: Request, row: Plain, view: View) -> list[Obj]:
    found = [obj for key in view.ids(row.table) if (obj := view.get(row.table, key)) is not None]
    if row.parent:
        parent = _parent(row, request, view)
        found = [obj for obj in found if obj["_parent"] == parent]
    return [_listed(row, _expanded(service, request, row, obj, view)) for obj in found]


def _check_scheduled(service: Service, obj: Obj) -> None:
    if obj.get("isSchedulingEnabled") and not obj.get("isEnabled"):
        service.rules.lean("plain.scheduled")
        raise bad_request("A workflow that is disabled can't be scheduled.", "BadRequest")


def _listed(row: Plain, item: Obj) -> Obj:
    return {name: value for name, value in item.items() if name not in row.singly}


def _expanded(service: Service, request: Request, row: Plain, obj: Obj, view: View) -> Obj:
    item = shown(row, obj, request.beta)
    for name in row.grows:
        held = item.pop(name)
        if name in _expands(request):
            if len(held) > MOST_EXPANDED:
                service.rules.lean("plain.expand-20")
            item[name] = held[:MOST_EXPANDED]
    for asked in _expands(request):
        link = next((one for one in row.rule.links if one.name == asked), None)
        child = _CONTAINED.get((row.table, asked))
        if child is not None:
            item[asked] = _contained(child, obj["id"], request.beta, view)
            continue
        if link is None and asked not in row.inline:
            raise bad_request(f"Could not find a property named '{asked}'.", "BadRequest")
        if link is not None:
            targets = _targets(view, row, obj["id"], link)
            item[asked] = (targets[0] if targets else None) if link.single else targets[:MOST_EXPANDED]
    return item


def _contained(child: Plain, parent: str, beta: bool, view: View) -> Any:
    found = [
        shown(child, obj, beta)
        for key in view.ids(child.table)
        if (obj := view.get(child.table, key)) is not None and obj["_parent"] == parent
    ]
    return (found[0] if found else None) if child.singleton else found[:MOST_EXPANDED]


def _expands(request: Request) -> list[str]:
    return [part.partition("(")[0].strip() for part in request.query.get("$expand", "").split(",") if part.strip()]


def _targets(view: View, row: Plain, key: str, link: LinkRule) -> list[Obj]:
    out = []
    for target in view.targets(f"{row.table}.{link.name}", key):
        for table in link.targets:
            obj = view.get(table, target)
            if obj is not None:
                name = {"displayName": obj["displayName"]} if "displayName" in obj else {}
                out.append({"@odata.type": TYPES[table].odata_type, "id": target, **name})
    return sorted(out, key=lambda one: str(one["id"]))


def _names(row: Plain, beta: bool) -> frozenset[str]:
    models = [schema.load(path) for path in (row.rule.model, *row.kinds.values())]
    return frozenset(name for model in models for name in schema.names(model, preview=beta)) | set(row.inline)


def _parent(row: Plain, request: Request, view: View) -> str:
    key = request.params["id"]
    if view.get(row.parent, key) is None:
        raise not_found(key)
    return key


def _available(service: Service, request: Request, row: Plain) -> None:
    if request.version not in row.versions:
        service.rules.lean("plain.v1-only")
        raise bad_request(f"Resource not found for the segment '{request.path.rsplit('/', 1)[-1]}'.", "BadRequest")
    held = {"": True, "P1": service.settings.premium, "P2": service.settings.premium_p2}[row.licence]
    if not held and not request.scripted:
        service.rules.lean("plain.licence")
        raise GraphError(
            service.settings.premium_refusal,
            "AadPremiumLicenseRequired",
            "The tenant doesn't have the licence that this feature needs.",
        )


# --- reading


def own_key(row: Plain, request: Request) -> str:
    if row.singleton:
        return request.params["id"] if row.parent else row.table
    return request.params[row.key]


def _found(service: Service, request: Request, row: Plain, view: View) -> Obj:
    key = own_key(row, request)
    if row.parent:
        _parent(row, request, view)
    obj = view.get(row.table, key)
    if obj is None or (row.parent and obj["_parent"] != request.params["id"]):
        if row.absent:
            service.rules.lean("plain.absent")
        raise not_found(key)
    return obj


def read_all(row: Plain, service: Service, request: Request) -> Response:
    _available(service, request, row)
    if row.singly:
        service.rules.lean("plain.singly")
    return small.page(
        service, request, _items(service, request, row, service.view(request)), _names(row, request.beta)
    )


def read_one(row: Plain, service: Service, request: Request) -> Response:
    _available(service, request, row)
    view = service.view(request)
    obj = _found(service, request, row, view)
    return small.single(service, request, _expanded(service, request, row, obj, view), _names(row, request.beta))


def read_links(row: Plain, link: LinkRule, service: Service, request: Request) -> Response:
    _available(service, request, row)
    view = service.view(request)
    obj = _found(service, request, row, view)
    items = _targets(view, row, obj["id"], link)
    if link.single:
        if not items:
            raise not_found(link.name)
        return Response(200, {"@odata.context": service.context(request, "directoryObjects/$entity"), **items[0]})
    return small.page(service, request, items, frozenset(("id", "displayName")))


# --- checks


def _values_at(value: Any, path: str) -> Iterator[Any]:
    """Every value that a dotted path leads to; `[]` steps into lists."""
    first, _, rest = path.partition(".")
    name = first.removesuffix("[]")
    held = value.get(name) if isinstance(value, dict) else None
    for one in held or [] if first.endswith("[]") else [] if held is None else [held]:
        if rest:
            yield from _values_at(one, rest)
        else:
            yield one


def _check_names(service: Service, request: Request, row: Plain, values: Obj) -> None:
    view = service.view(request)
    for named in row.names:
        for value in _named_at(values, named):
            if value in named.literals or _there(view, named, value):
                continue
            service.rules.lean("plain.names-exist")
            raise bad_request(f"'{named.path}' names '{value}', which does not exist.", "BadRequest")


_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _named_at(values: Obj, named: Named) -> Iterator[str]:
    for value in _values_at(values, named.path):
        yield from _GUID.findall(value) if named.text else (value,)


def _check_begins(service: Service, row: Plain, values: Obj, before: Obj | None) -> None:
    today = service.now_iso()[: len("2026-01-31")]
    for path in row.begins:
        kept = [] if before is None else list(_values_at(before, path))
        if any(value < today and value not in kept for value in _values_at(values, path)):
            service.rules.lean("plain.begins")
            raise bad_request(f"'{path}' is in the past.", "BadRequest")


def _check_only_where(service: Service, row: Plain, values: Obj, before: Obj) -> None:
    for name, (path, form) in row.only_where.items():
        texts = [text for side in (before, values) for text in _values_at(side, path)]
        if values.get(name) != before.get(name) and not all(re.fullmatch(form, text) for text in texts):
            service.rules.lean("plain.only-where")
            raise bad_request(f"'{name}' can't be changed to, or from, other values than {form}.", "BadRequest")


def _said(value: Any) -> Any:
    """The value without nulls, which a request may leave out."""
    if isinstance(value, dict):
        return {name: said for name, member in value.items() if (said := _said(member)) is not None} or None
    return [_said(one) for one in value] or None if isinstance(value, list) else value


def _repeated(service: Service, row: Plain, body: Obj, before: Obj | None) -> Obj:
    """The body of a PUT without what is set once, which it has to name as it is."""
    if before is None or not row.whole:
        return body
    for name in row.rule.write_once:
        service.rules.lean("plain.put-repeats")
        if _said(body.get(name)) != _said(before.get(name)):
            raise bad_request(f"'{name}' cannot be changed after creation.", "BadRequest")
    return {name: value for name, value in body.items() if name not in row.rule.write_once}


def _there(view: View, named: Named, value: str) -> bool:
    if named.key == "id":
        return any(view.get(table, value) is not None for table in named.tables)
    return any(
        (obj := view.get(table, key)) is not None and obj.get(named.key) == value
        for table in named.tables
        for key in view.ids(table)
    )


def _kind(service: Service, row: Plain, body: Obj, before: Obj | None) -> Obj:
    """The `@odata.type` that a write is about."""
    if not row.kinds:
        return {}
    given = str(body.get("@odata.type", ""))
    given = given if given.startswith("#") else f"#{given}"
    if given not in row.kinds or (before is not None and before["@odata.type"] != given):
        service.rules.lean("plain.type-fixed")
        raise bad_request(f"@odata.type must be one of {sorted(row.kinds)}, and stay what it is.", "BadRequest")
    return {"@odata.type": given}


def _inline(service: Service, request: Request, row: Plain, body: Obj, before: Obj | None) -> Obj:
    """Relationships that are written within the object; of those that only grow, what there is then."""
    inline = {name: body[name] for name in row.inline if name in body}
    if before is None:
        return {name: _numbered(value) for name, value in inline.items()} if row.versioned else inline
    for name in row.grows:
        if name in inline:
            raise bad_request(f"'{name}' can't be replaced: '{name}@delta' changes it.", "BadRequest")
        if f"{name}@delta" in body:
            service.rules.lean("plain.grows")
            if not request.scripted and request.headers.get("odata-version") != "4.01":
                raise bad_request(f"'{name}@delta' needs OData-Version 4.01.", "BadRequest")
            held = {one["id"]: one for one in before.get(name) or []}
            held |= {one["id"]: one for one in body[f"{name}@delta"]}
            inline[name] = sorted(held.values(), key=lambda one: str(one["id"]))
    return inline


def _numbered(items: list[Obj]) -> list[Obj]:
    """Tasks in their order, with ids of the service's; those of a new version with the same work stay, so that two
    readings of the tenant can be compared."""
    return [
        {**one, "executionSequence": number, "id": str(uuid.uuid5(_SPACE, f"{number} {one['taskDefinitionId']}"))}
        if "taskDefinitionId" in one
        else one
        for number, one in enumerate(items, start=1)
    ]


def _checked(service: Service, request: Request, row: Plain, before: Obj | None) -> Obj:
    return _taken(service, request, row, request.json(), before)


def _taken(
    service: Service, request: Request, row: Plain, given: Obj, before: Obj | None, own: str | None = None
) -> Obj:
    """`own`: the id of the object that holds what must be unique, where it is checked as a new one."""
    own = own if before is None else before["id"]
    body = _repeated(service, row, given, before)
    if before is not None and (fixed := set(row.versioned) & set(body)):
        service.rules.lean("plain.new-version")
        raise bad_request(f"{sorted(fixed)} can only be changed by a new version.", "BadRequest")
    kind = _kind(service, row, body, before)
    model = model_of(row, kind)
    relationships = schema.shape(model).relationships
    inline = _inline(service, request, row, body, before)
    for name, held in inline.items():
        part = relationships[name]
        many = held if isinstance(held, list) else [held]
        if isinstance(held, list) != part.collection or not all(isinstance(one, dict) for one in many):
            raise bad_request(f"Invalid value specified for property '{name}'.")
        for one in many:
            assert part.model is not None
            schema.check(one, schema.concrete(part.model, one), preview=request.beta, prefix=f"{name}/")
    rest = {name: value for name, value in body.items() if name.removesuffix("@delta") not in inline}
    binds = tuple(link.name for link in row.rule.links)
    values = checked(
        service, request, row.rule, rest, create=before is None and not row.singleton, model=model, bindable=binds
    )
    values = {**kind, **values, **inline}
    check_unique(service, row.rule, values, own)
    _check_scheduled(service, {**(before or row.defaults), **values})
    _check_names(service, request, row, values)
    _check_begins(service, row, values, before)
    if before is not None:
        _check_only_where(service, row, values, before)
    return values


# --- writing


def create(row: Plain, service: Service, request: Request) -> Response:
    _available(service, request, row)
    values = _checked(service, request, row, None)
    if 0 < row.rule.most <= len(service.store.tables[row.table]):
        service.rules.lean("plain.most")
        raise bad_request("The maximum number of objects of this type has been reached.")
    joined = "_".join(str(values[name]) for name in row.joined)
    key = joined or str(values.get(row.keyed) or new_id(service))
    if service.store.get(row.table, key) is not None:
        raise GraphError(409, "Conflict", f"An object with the id '{key}' exists.")
    now = service.now_iso()
    obj = {**row.defaults, **values, **dict.fromkeys((*row.made, *row.stamps), now), "id": key}
    if row.keyed != "id":
        obj[row.keyed] = key
    binds = _bound(service, request, row)
    if row.parent:
        obj["_parent"] = _parent(row, request, service.store.view())
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        put(service, row, obj)
        for link, target in binds:
            service.store.link(f"{row.table}.{link.name}", key, target)
        audit.record(service, request, "Add", row.rule, obj, after=obj)
    context = service.context(request, f"{request.path.strip('/')}/$entity")
    return Response(201, {"@odata.context": context, **shown(row, obj, request.beta)})


def _bound(service: Service, request: Request, row: Plain) -> list[tuple[LinkRule, str]]:
    found = []
    for link in row.rule.links:
        given = request.json().get(f"{link.name}@odata.bind") or []
        for one in given if isinstance(given, list) else [given]:
            found.append((link, _target(service, request, link, one)))
    return found


def _target(service: Service, request: Request, link: LinkRule, address: Any) -> str:
    key = reference_id(address)
    view = service.view(request)
    if not any(view.get(table, key) is not None for table in link.targets):
        visible_target(service, request, view, key, link.targets)
    return key


def put(service: Service, row: Plain, obj: Obj) -> None:
    service.store.put(row.table, obj["id"], obj)
    if row.parent:
        service.store.link(CHILDREN, obj["_parent"], f"{row.table}/{obj['id']}")


def change(row: Plain, service: Service, request: Request) -> Response:
    _available(service, request, row)
    if row.absent and not row.makes and service.store.get(row.table, row.table) is None:
        before: Obj = {**row.defaults, "id": row.table}
    else:
        _found(service, request, row, service.view(request))
        before = _found(service, request, row, service.store.view())
    values = _checked(service, request, row, before)
    if values.get("id", before["id"]) != before["id"]:
        raise bad_request("Property 'id' is read-only and cannot be set.")
    if row.whole:
        service.rules.lean("plain.put-whole")
        lasting = row.rule.read_only | row.rule.write_once
        kept = {name: held for name, held in before.items() if name in lasting or name.startswith("_")}
        after = {**row.defaults, **kept, **values, "id": before["id"]}
    else:
        after = merge(service, row.rule, before, values, model_of(row, before))
    after |= dict.fromkeys(row.stamps, service.now_iso())
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, row.rule, before, after)
    return Response(204)


def make(row: Plain, service: Service, request: Request) -> Response:
    """A singleton that isn't there yet comes to be where it is written to."""
    _available(service, request, row)
    key = own_key(row, request)
    if row.parent:
        _parent(row, request, service.view(request))
    if service.store.get(row.table, key) is not None:
        service.rules.lean("plain.made-once")
        raise GraphError(409, "Conflict", f"There is one already: '{key}'.")
    values = _checked(service, request, row, None)
    now = service.now_iso()
    obj = {**row.defaults, **values, **dict.fromkeys((*row.made, *row.stamps), now), "id": key, row.keyed: key}
    if row.parent:
        obj["_parent"] = key
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        put(service, row, obj)
        audit.record(service, request, "Add", row.rule, obj, after=obj)
    return Response(204)


def new_version(row: Plain, service: Service, request: Request) -> Response:
    """The whole object once more: checked as a creation is, and kept under its id."""
    _available(service, request, row)
    _found(service, request, row, service.view(request))
    before = _found(service, request, row, service.store.view())
    body = request.json().get(row.version[1])
    if not isinstance(body, dict) or not set(row.versioned) & set(body):
        service.rules.lean("plain.new-version")
        raise bad_request(f"A new version needs the whole object as '{row.version[1]}'.", "BadRequest")
    for name in row.rule.write_once:
        if body.get(name, before[name]) != before[name]:
            raise bad_request(f"Property '{name}' cannot be changed after creation.")
    values = _taken(service, request, row, body, None, before["id"])
    kept = {name: held for name, held in before.items() if name in row.rule.read_only or name.startswith("_")}
    after = {**row.defaults, **kept, **values, "id": before["id"], "version": before["version"] + 1}
    after |= dict.fromkeys(row.stamps, service.now_iso())
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, row.rule, before, after)
    context = service.context(request, f"{row.rule.root.strip('/')}/$entity")
    return Response(200, {"@odata.context": context, **shown(row, after, request.beta)})


# --- recycle bins of their own


def _binned(row: Plain, view: View, key: str) -> Obj:
    obj = view.get(f"bin:{row.table}", key)
    if obj is None:
        raise not_found(key)
    return obj


def read_bin(row: Plain, service: Service, request: Request) -> Response:
    _available(service, request, row)
    view = service.view(request)
    bin_table = f"bin:{row.table}"
    held = [obj for key in view.ids(bin_table) if (obj := view.get(bin_table, key)) is not None]
    items = [_listed(row, shown(row, obj, request.beta)) for obj in held]
    return small.page(service, request, items, _names(row, request.beta))


def read_binned(row: Plain, service: Service, request: Request) -> Response:
    _available(service, request, row)
    obj = _binned(row, service.view(request), request.params["id"])
    return small.single(service, request, shown(row, obj, request.beta), _names(row, request.beta))


def restore(row: Plain, service: Service, request: Request) -> Response:
    _available(service, request, row)
    obj = {**_binned(row, service.store.view(), request.params["id"]), "deletedDateTime": None}
    check_unique(service, row.rule, obj, None)
    service.rules.lean("plain.bin")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(f"bin:{row.table}", obj["id"], None)
        put(service, row, obj)
        audit.record(service, request, "Restore", row.rule, obj)
    # The answer shows less than comes back.
    return Response(200, _listed(row, shown(row, obj, request.beta)))


def purge(row: Plain, service: Service, request: Request) -> Response:
    _available(service, request, row)
    obj = _binned(row, service.store.view(), request.params["id"])
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(f"bin:{row.table}", obj["id"], None)
        audit.record(service, request, "Hard Delete", row.rule, obj)
    return Response(204)


def delete(row: Plain, service: Service, request: Request) -> Response:
    _available(service, request, row)
    obj = _found(service, request, row, service.store.view())
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        remove(service, row.table, obj["id"])
        if row.bin:
            service.store.put(f"bin:{row.table}", obj["id"], {**obj, "deletedDateTime": service.now_iso()})
        audit.record(service, request, "Delete", row.rule, obj)
    return Response(204)


def remove(service: Service, table: str, key: str) -> None:
    """An object with its children and links; for those without a row, the children alone."""
    store = service.store
    for one in list(store.targets(CHILDREN, key)):
        store.link(CHILDREN, key, one, present=False)
        remove(service, *one.split("/", 1))
    row = ROWS.get(table)
    obj = store.get(table, key)
    if row is None or obj is None:
        return
    for link in row.rule.links:
        for target in list(store.targets(f"{table}.{link.name}", key)):
            store.link(f"{table}.{link.name}", key, target, present=False)
    for rel in LINKS:
        for source in list(store.sources(rel, key)):
            store.link(rel, source, key, present=False)
    if row.parent:
        store.link(CHILDREN, obj["_parent"], f"{table}/{key}", present=False)
    store.put(table, key, None)


def read_inline(row: Plain, name: str, service: Service, request: Request) -> Response:
    _available(service, request, row)
    obj = _found(service, request, row, service.view(request))
    return small.page(service, request, obj.get(name) or [], frozenset(("id", "isActive")))


def add_link(row: Plain, link: LinkRule, service: Service, request: Request) -> Response:
    _available(service, request, row)
    obj = _found(service, request, row, service.view(request))
    target = _target(service, request, link, request.json().get("@odata.id"))
    rel = f"{row.table}.{link.name}"
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        if link.single:
            for old in list(service.store.targets(rel, obj["id"])):
                service.store.link(rel, obj["id"], old, present=False)
        if not service.store.link(rel, obj["id"], target) and not link.single:
            raise bad_request("One or more added object references already exist.")
        audit.record(service, request, "Update", row.rule, obj, extra=(link.name,))
    return Response(204)


def cut_link(row: Plain, link: LinkRule, service: Service, request: Request) -> Response:
    _available(service, request, row)
    obj = _found(service, request, row, service.view(request))
    target = request.params["target"]
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        if not service.store.link(f"{row.table}.{link.name}", obj["id"], target, present=False):
            raise not_found(target)
        audit.record(service, request, "Update", row.rule, obj, extra=(link.name,))
    return Response(204)


def assign(row: Plain, link: LinkRule, table: str, service: Service, request: Request) -> Response:
    """A link that is read on the row's side, written on the other."""
    view = service.view(request)
    holder = request.params["id"]
    if view.get(table, holder) is None:
        raise not_found(holder)
    there = request.method == "POST"
    key = reference_id(request.json().get("@odata.id")) if there else request.params["target"]
    obj = view.get(row.table, key)
    if obj is None:
        raise not_found(key)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        if not service.store.link(f"{row.table}.{link.name}", key, holder, present=there):
            if there:
                raise bad_request("One or more added object references already exist.")
            raise not_found(key)
        audit.record(service, request, "Update", row.rule, obj, extra=(link.name,))
    return Response(204)


# --- every tenant's own


_PLACE = re.compile(
    r"@(users|groups|applications|servicePrincipals|administrativeUnits|customTaskExtensions)/([0-9]+)(?:\.([a-zA-Z]+))?"
)


def plant(planter: Planter) -> None:
    """What every tenant has. `@groups/2` stands for the id of its third group, `@applications/0.appId` for a member
    of its first application; `_links` holds what a relationship names."""
    for row in PLAIN:
        for number, start in enumerate(row.starts):
            obj = _resolved(planter, {**row.defaults, **start})
            links = obj.pop("_links", {})
            obj |= {name: _numbered(obj[name]) for name in row.inline if row.versioned and name in obj}
            made_up = row.table if row.singleton else str(uuid.uuid5(_SPACE, f"{row.table} {number}"))
            obj.setdefault("id", obj.get(row.keyed, made_up))
            put(planter.service, row, obj)
            for name, targets in links.items():
                for target in targets:
                    planter.store.link(f"{row.table}.{name}", obj["id"], target)


def _resolved(planter: Planter, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _resolved(planter, member) for name, member in value.items()}
    if isinstance(value, list):
        return [_resolved(planter, one) for one in value]
    if not isinstance(value, str):
        return value

    def place(found: re.Match[str]) -> str:
        objects = planter.store.tables[found[1]]
        ids = {"users": planter.user_ids, "groups": planter.group_ids}.get(found[1]) or sorted(objects)
        key = ids[int(found[2]) % len(ids)]
        return str(objects[key][found[3]]) if found[3] else key

    return _PLACE.sub(place, value)


ROWS = {row.table: row for row in PLAIN}
_CONTAINED = {(row.parent, row.rule.path.rsplit("/", 1)[-1]): row for row in PLAIN if row.parent}
LINKS = tuple(f"{row.table}.{link.name}" for row in PLAIN for link in row.rule.links)
_HANDLERS = {"POST": create, "PATCH": change, "PUT": change, "DELETE": delete}

for _row in PLAIN:
    for _method, _path, _ in _row.methods():
        if _method == _row.makes:
            route(_method, _path, functools.partial(make, _row))
        elif _path == _row.item:
            route(_method, _path, functools.partial(read_one if _method == "GET" else _HANDLERS[_method], _row))
        elif _path == _row.rule.root:
            route(_method, _path, functools.partial(read_all if _method == "GET" else create, _row))
    if _row.versioned:
        route("POST", f"{_row.item}/{_row.version[0]}", functools.partial(new_version, _row))
    if _row.bin:
        route("GET", _row.bin, functools.partial(read_bin, _row))
        route("GET", f"{_row.bin}/{{id}}", functools.partial(read_binned, _row))
        route("POST", f"{_row.bin}/{{id}}/restore", functools.partial(restore, _row))
        route("DELETE", f"{_row.bin}/{{id}}", functools.partial(purge, _row))
    for _name in _row.grows:
        route("GET", f"{_row.item}/{_name}", functools.partial(read_inline, _row, _name))
    for _link in _row.rule.links:
        _there_path = f"{_row.item}/{_link.name}"
        route("GET", _there_path, functools.partial(read_links, _row, _link))
        for _table in _link.targets if _row.assigned else ():
            _far = f"/{_table}/{{id}}/{_row.assigned}"
            route("POST", f"{_far}/$ref", functools.partial(assign, _row, _link, _table))
            route("DELETE", f"{_far}/{{target}}/$ref", functools.partial(assign, _row, _link, _table))
        if _row.change and not _row.assigned:
            route(
                "PUT" if _link.single else "POST", f"{_there_path}/$ref", functools.partial(add_link, _row, _link)
            )
        if _row.change and not _row.assigned and not _link.single:
            route("DELETE", f"{_there_path}/{{target}}/$ref", functools.partial(cut_link, _row, _link))
