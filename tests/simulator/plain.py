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
        if row.absent and not found:
            service.rules.lean("plain.absent")
            raise not_found(row.table)
    return [_listed(row, _expanded(service, request, row, obj, view)) for obj in found]


def _check_scheduled(service: Service, obj: Obj) -> None:
    if obj.get("isSchedulingEnabled") and not obj.get("isEnabled"):
        service.rules.lean("plain.scheduled")
        raise bad_request("A workflow that is disabled can't be scheduled.", "BadRequest")


def _listed(row: Plain, item: Obj) -> Obj:
    return {name: value for name, value in item.items() if name not in row.singly}


def _expanded(service: Service, request: Request, row: Plain, obj: Obj, view: View) -> Obj:
    item = shown(row, obj, request.beta)
    for path, table in row.embeds.items():
        item = _in_full(item, path.split("."), table, request.beta, view)
    asked = _expands(request)
    for name, table in row.asked.items():
        held = item.pop(name)
        if name in asked:
            item[name] = _named_whole(table, held, request.beta, view) if table else _within(row, name, held, asked)
        else:
            service.rules.lean("plain.asked")
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


def _in_full(value: Any, steps: list[str], table: str, beta: bool, view: View) -> Any:
    if isinstance(value, list):
        return [_in_full(one, steps, table, beta, view) for one in value]
    if not isinstance(value, dict):
        return value
    if not steps:
        obj = view.get(table, value["id"])
        return value if obj is None else shown(ROWS[table], obj, beta)
    first, *rest = steps
    return {**value, first: _in_full(value[first], rest, table, beta, view)} if first in value else value


def _named_whole(table: str, held: Any, beta: bool, view: View) -> Any:
    """What is named by its id as it is shown by itself, without what it would show if asked for."""
    named = view.get(table, held["id"]) if isinstance(held, dict) else None
    return held if named is None else _bare(ROWS[table], named, beta)


def _within(row: Plain, name: str, held: Any, asked: dict[str, str]) -> Any:
    """Objects of this one's own, without what they would show if that were asked for, too."""
    model = schema.shape(schema.load(row.rule.model)).relationships[name].model
    assert model is not None
    hidden = schema.shape(model).relationships.keys() - _split(asked[name]).keys()
    if isinstance(held, list):
        return [{key: value for key, value in one.items() if key not in hidden} for one in held]
    return held and {key: value for key, value in held.items() if key not in hidden}


def _bare(row: Plain, obj: Obj, beta: bool) -> Obj:
    return {name: held for name, held in shown(row, obj, beta).items() if name not in row.asked}


def _contained(child: Plain, parent: str, beta: bool, view: View) -> Any:
    found = [
        shown(child, obj, beta)
        for key in view.ids(child.table)
        if (obj := view.get(child.table, key)) is not None and obj["_parent"] == parent
    ]
    return (found[0] if found else None) if child.singleton else found[:MOST_EXPANDED]


_EXPANDED = re.compile(r"(\w+)(?:\((?:\$expand=)?([^()]*(?:\([^()]*\)[^()]*)*)\))?(?:,|$)")


def _expands(request: Request) -> dict[str, str]:
    """Relationships that are asked for, each with what is asked of it in turn."""
    return _split(request.query.get("$expand", ""))


def _split(text: str) -> dict[str, str]:
    return {found[1]: found[2] or "" for found in _EXPANDED.finditer(text.replace(" ", ""))}


def _targets(view: View, row: Plain, key: str, link: LinkRule) -> list[Obj]:
    out = []
    for target in view.targets(f"{row.table}.{link.name}", key):
        for table in link.targets:
            obj = view.get(table, target)
            if obj is not None:
                name = {"displayName": obj["displayName"]} if "displayName" in obj else {}
                kind = obj.get("@odata.type", TYPES[table].odata_type)
                out.append({"@odata.type": kind, "id": target, **name})
    return sorted(out, key=lambda one: str(one["id"]))


def _names(row: Plain, beta: bool) -> frozenset[str]:
    models = [schema.load(path) for path in (row.rule.model, *row.kinds.values())]
    return frozenset(name for model in models for name in schema.names(model, preview=beta)) | set(row.inline)


def _parent(row: Plain, request: Request, view: View) -> str:
    key = request.params["id"]
    if view.get(row.parent, key) is None:
        raise not_found(key)
    return key


def _writable(service: Service, row: Plain, key: str, parent: str = "") -> None:
    """Refuses a write of what is built in."""
    above = ROWS.get(row.parent)
    for fixed, held in ((row.fixed, key), (above.fixed if above is not None else "", parent)):
        if fixed and held.startswith(fixed):
            service.rules.lean("plain.built-in")
            raise bad_request(f"'{held}' is built in and can't be changed.")


def _check_sole(service: Service, row: Plain, obj: Obj) -> None:
    held = [obj[name] for name in row.sole]
    others = service.store.tables[row.table].values()
    if row.sole and any(
        one["_parent"] == obj["_parent"] and [one[name] for name in row.sole] == held for one in others
    ):
        service.rules.lean("plain.sole")
        raise GraphError(409, "Conflict", f"There is one with the same {' and '.join(row.sole)}.")


def available(service: Service, request: Request, row: Plain) -> None:
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
    available(service, request, row)
    if row.singly:
        service.rules.lean("plain.singly")
    return small.page(
        service, request, _items(service, request, row, service.view(request)), _names(row, request.beta)
    )


def read_one(row: Plain, service: Service, request: Request) -> Response:
    available(service, request, row)
    view = service.view(request)
    obj = _found(service, request, row, view)
    return small.single(service, request, _expanded(service, request, row, obj, view), _names(row, request.beta))


def read_links(row: Plain, link: LinkRule, service: Service, request: Request) -> Response:
    available(service, request, row)
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
            if value in named.literals or _there(view, named, value if named.text else _last(value)):
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


def _told(value: Any) -> Any:
    """The value without nulls: what is left out of a write and what is null mean the same."""
    if isinstance(value, dict):
        return {name: _told(one) for name, one in value.items() if one is not None}
    return [_told(one) for one in value] if isinstance(value, list) else value


def _check_only_where(service: Service, row: Plain, values: Obj, before: Obj) -> None:
    for name, (path, form) in row.only_where.items():
        texts = [text for side in (before, values) for text in _values_at(side, path)]
        if _told(values.get(name)) != _told(before.get(name)) and not all(
            re.fullmatch(form, text) for text in texts
        ):
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
    if row.within:
        inline |= _belonging(service, row, body, before)
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


def _belonging(service: Service, row: Plain, body: Obj, before: Obj | None) -> Obj:
    """What an object belongs to: named when it is made and by each PUT, and never another."""
    given = body.get(row.within)
    key = given.get("id") if isinstance(given, dict) else None
    if before is not None and given is None and not row.whole:
        return {}
    if before is None or row.whole:
        service.rules.lean("plain.within")
        if not isinstance(key, str):
            raise bad_request(f"A value is required for property '{row.within}' of resource.")
    if before is not None and (not row.whole or key != before[row.within]["id"]):
        raise bad_request(f"'{row.within}' cannot be changed after creation.")
    return {row.within: {"id": key}}


def _without_nested(one: Obj, model: type, where: str) -> Obj:
    """The object but for what it names in turn: each by its id and, where its type is abstract, by its type."""
    nested = schema.shape(model).relationships.keys() & one.keys()
    for name in nested:
        held = one[name]
        if not isinstance(held, dict) or held.keys() != {"@odata.type", "id"}:
            raise bad_request(f"'{where}/{name}' is named by its @odata.type and its id.", "BadRequest")
    return {name: held for name, held in one.items() if name not in nested}


def _with_ids(service: Service, row: Plain, inline: Obj) -> Obj:
    """What is written within an object, and is its own, has ids that the service gives."""
    made: Obj = {}
    for name, table in row.asked.items():
        if not table and name not in row.called and isinstance(held := inline.get(name), list):
            service.rules.lean("plain.inner-ids")
            made[name] = [{**one, "id": new_id(service)} for one in held]
    return {**inline, **made}


def without_inner_ids(table: str, obj: Obj) -> Obj:
    """The object without ids that the service gives anew with each write."""
    row = ROWS.get(table)
    own = [name for name, of in row.asked.items() if not of and name not in row.called] if row is not None else []
    return obj | {name: _without_id(obj[name]) for name in own if obj.get(name)}


def _without_id(held: Any) -> Any:
    if isinstance(held, list):
        return [_without_id(one) for one in held]
    return {key: value for key, value in held.items() if key != "id"}


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
            bare = _without_nested(one, schema.concrete(part.model, one), name)
            schema.check(bare, schema.concrete(part.model, one), preview=request.beta, prefix=f"{name}/")
    rest = {name: value for name, value in body.items() if name.removesuffix("@delta") not in inline}
    binds = tuple(link.name for link in row.rule.links)
    values = checked(
        service, request, row.rule, rest, create=before is None and not row.singleton, model=model, bindable=binds
    )
    values = {**kind, **values, **_with_ids(service, row, inline)}
    check_unique(service, row.rule, values, own)
    _check_scheduled(service, {**(before or row.defaults), **values})
    _check_names(service, request, row, values)
    _check_begins(service, row, values, before)
    if before is not None:
        _check_only_where(service, row, values, before)
    return values


# --- writing


def create(row: Plain, service: Service, request: Request) -> Response:
    available(service, request, row)
    values = _checked(service, request, row, None)
    if 0 < row.rule.most <= len(service.store.tables[row.table]):
        service.rules.lean("plain.most")
        raise bad_request("The maximum number of objects of this type has been reached.")
    held = [[one.get(name) for name in row.once] for one in service.store.tables[row.table].values()]
    if row.once and [values.get(name) for name in row.once] in held:
        service.rules.lean("plain.once")
        raise GraphError(409, "Conflict", "There is one already.")
    joined = "_".join(str(values[name]) for name in row.joined)
    key = row.lone or f"{row.prefix}{joined or values.get(row.keyed) or new_id(service)}"
    if service.store.get(row.table, key) is not None:
        raise GraphError(409, "Conflict", f"An object with the id '{key}' exists.")
    now = service.now_iso()
    obj = {**row.defaults, **values, **dict.fromkeys((*row.made, *row.stamps), now), "id": key}
    if row.keyed != "id":
        obj[row.keyed] = key
    binds = _bound(service, request, row)
    if row.parent:
        obj["_parent"] = _parent(row, request, service.store.view())
    _writable(service, row, key, obj.get("_parent", ""))
    if key == row.first:
        raise bad_request(f"'{key}' can't be created by itself.")
    _check_sole(service, row, obj)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        if row.first and service.store.get(row.table, row.first) is None:
            service.rules.lean("plain.first")
            put(service, row, {**row.defaults, "id": row.first, "_parent": obj["_parent"]})
        put(service, row, obj)
        for link, target in binds:
            service.store.link(f"{row.table}.{link.name}", key, target)
        audit.record(service, request, "Add", row.rule, obj, after=obj)
    context = service.context(request, f"{request.path.strip('/')}/$entity")
    return Response(201, {"@odata.context": context, **_bare(row, obj, request.beta)})


def _bound(service: Service, request: Request, row: Plain) -> list[tuple[LinkRule, str]]:
    found = []
    for link in row.rule.links:
        given = request.json().get(f"{link.name}@odata.bind") or []
        for one in given if isinstance(given, list) else [given]:
            found.append((link, _target(service, request, link, one)))
    return found


def _target(service: Service, request: Request, link: LinkRule, address: Any) -> str:
    view = service.view(request)
    roots = [ROWS[table].rule.root for table in link.targets if table in ROWS]
    if roots and not any(f"{root}/" in str(address) for root in roots):
        service.rules.lean("plain.address")
        raise bad_request(f"The address '{address}' is none of what '{link.name}' takes.", "BadRequest")
    key = str(address).rsplit("/", 1)[-1] if set(link.targets) <= ROWS.keys() else reference_id(address)
    if not any(view.get(table, key) is not None for table in link.targets):
        visible_target(service, request, view, key, link.targets)
    return key


def put(service: Service, row: Plain, obj: Obj) -> None:
    service.store.put(row.table, obj["id"], obj)
    for owner in _owners(row, obj):
        service.store.link(CHILDREN, owner, f"{row.table}/{obj['id']}")


def _owners(row: Plain, obj: Obj) -> set[str]:
    """Ids of all that it goes with."""
    own = {obj["_parent"]} if row.parent else {obj[row.within]["id"]} if row.within else set()
    return own | {_last(value) for path in row.goes_with for value in _values_at(obj, path)}


def _last(value: str) -> str:
    """The id that a path such as a scope ends with."""
    return value.rpartition("/")[2]


def change(row: Plain, service: Service, request: Request) -> Response:
    available(service, request, row)
    if row.singleton and row.absent and not row.makes and service.store.get(row.table, row.table) is None:
        before: Obj = {**row.defaults, "id": row.table}
    else:
        _found(service, request, row, service.view(request))
        before = _found(service, request, row, service.store.view())
    values = _checked(service, request, row, before)
    if values.get("id", before["id"]) != before["id"]:
        raise bad_request("Property 'id' is read-only and cannot be set.")
    _writable(service, row, before["id"], before.get("_parent", ""))
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
        _forget(service, row, after)
    return Response(204)


def _forget(service: Service, row: Plain, obj: Obj) -> None:
    """Links that the object can't have as it is now."""
    for rel, (member, value) in row.held_while.items():
        for source in list(service.store.sources(rel, obj["id"])) if obj[member] != value else ():
            service.rules.lean("plain.held-while")
            service.store.link(rel, source, obj["id"], present=False)


def make(row: Plain, service: Service, request: Request) -> Response:
    """A singleton that isn't there yet comes to be where it is written to."""
    available(service, request, row)
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
    available(service, request, row)
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
    available(service, request, row)
    view = service.view(request)
    bin_table = f"bin:{row.table}"
    held = [obj for key in view.ids(bin_table) if (obj := view.get(bin_table, key)) is not None]
    items = [_listed(row, shown(row, obj, request.beta)) for obj in held]
    return small.page(service, request, items, _names(row, request.beta))


def read_binned(row: Plain, service: Service, request: Request) -> Response:
    available(service, request, row)
    obj = _binned(row, service.view(request), request.params["id"])
    return small.single(service, request, shown(row, obj, request.beta), _names(row, request.beta))


def restore(row: Plain, service: Service, request: Request) -> Response:
    available(service, request, row)
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
    available(service, request, row)
    obj = _binned(row, service.store.view(), request.params["id"])
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(f"bin:{row.table}", obj["id"], None)
        audit.record(service, request, "Hard Delete", row.rule, obj)
    return Response(204)


def delete(row: Plain, service: Service, request: Request) -> Response:
    available(service, request, row)
    obj = _found(service, request, row, service.store.view())
    _writable(service, row, obj["id"], obj.get("_parent", ""))
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
        if ROWS[one.split("/", 1)[0]].goes_with:
            service.rules.lean("entitlement.goes-with")
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
    for owner in _owners(row, obj):
        store.link(CHILDREN, owner, f"{table}/{key}", present=False)
    store.put(table, key, None)


def read_inline(row: Plain, name: str, service: Service, request: Request) -> Response:
    available(service, request, row)
    obj = _found(service, request, row, service.view(request))
    return small.page(service, request, obj.get(name) or [], frozenset(("id", "isActive")))


def add_link(row: Plain, link: LinkRule, service: Service, request: Request) -> Response:
    available(service, request, row)
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
    available(service, request, row)
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
    rel = f"{row.table}.{link.name}"
    if there and row.alone and any(one != key for one in service.store.sources(rel, holder)):
        service.rules.lean("plain.alone")
        raise bad_request("Only one policy can be assigned, and there is another one.")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        if not service.store.link(rel, key, holder, present=there):
            if there:
                raise bad_request("One or more added object references already exist.")
            raise not_found(key)
        audit.record(service, request, "Update", row.rule, obj, extra=(link.name,))
    return Response(204)


# --- every tenant's own


_OF_A_KIND = {"gallery": "servicePrincipals", "unified": "groups"}
_PLACE = re.compile(r"@([a-zA-Z]+)/([0-9]+)(?:\.([a-zA-Z]+))?")


def plant(planter: Planter) -> None:
    """What every tenant has. `@groups/2` stands for the id of its third group, `@applications/0.appId` for a member
    of its first application, `@gallery/0` for the first enterprise application made from a template,
    `@unified/0` for the first Microsoft 365 group; `_links` holds what a relationship names."""
    for row in PLAIN:
        for number, start in enumerate(row.starts):
            obj = _resolved(planter, {**row.defaults, **start})
            if row.parent and obj["_parent"] not in planter.store.tables[row.parent]:
                continue  # a small seed lacks what contains it
            links, held = obj.pop("_links", {}), obj.pop("_held", {})
            obj |= {name: _numbered(obj[name]) for name in row.inline if row.versioned and name in obj}
            made_up = row.table if row.singleton else started(row.table, number)
            obj.setdefault("id", obj.get(row.keyed, made_up))
            put(planter.service, row, obj)
            for name, targets in links.items():
                for target in targets:
                    planter.store.link(f"{row.table}.{name}", obj["id"], target)
            for rel, sources in held.items():
                for source in filter(None, sources):
                    planter.store.link(rel, source, obj["id"])


def _settable(group: Obj) -> bool:
    return "Unified" in group["groupTypes"] and not group.get("onPremisesSyncEnabled")


def started(table: str, number: int) -> str:
    return str(uuid.uuid5(_SPACE, f"{table} {number}"))


def _resolved(planter: Planter, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _resolved(planter, member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_resolved(planter, one) for one in value]
    if not isinstance(value, str):
        return value

    def place(found: re.Match[str]) -> str:
        if found[1] in ROWS:
            return started(found[1], int(found[2]))
        objects = planter.store.tables[_OF_A_KIND.get(found[1], found[1])]
        if found[1] == "gallery":
            objects = {key: one for key, one in objects.items() if one.get("applicationTemplateId")}
        if found[1] == "unified":
            objects = {key: one for key, one in objects.items() if _settable(one)}
        ids = {"users": planter.user_ids, "groups": planter.group_ids}.get(found[1]) or sorted(objects)
        if not ids:
            return ""
        key = ids[int(found[2]) % len(ids)]
        return str(objects[key][found[3]]) if found[3] else key

    return _PLACE.sub(place, value)


ROWS = {row.table: row for row in PLAIN}
_CONTAINED = {(row.parent, row.rule.path.rsplit("/", 1)[-1]): row for row in PLAIN if row.parent}
LINKS = (
    *(f"{row.table}.{link.name}" for row in PLAIN for link in row.rule.links),
    *(rel for row in PLAIN for rel in row.held_while),
)
_HANDLERS = {"POST": create, "PATCH": change, "PUT": change, "DELETE": delete}

for _row in PLAIN:
    for _method, _path, _ in _row.methods():
        if _method == "POST" and _path == _row.requested:
            continue  # a module of its own handles it
        if _method == _row.makes:
            route(_method, _path, functools.partial(make, _row))
        elif _path == _row.item:
            route(_method, _path, functools.partial(read_one if _method == "GET" else _HANDLERS[_method], _row))
        elif _path in (_row.rule.root, _row.made_at):
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
