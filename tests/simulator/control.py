"""The control plane `/_sim`: tokens, statistics, the commit log, faults, settings, truth, scripted incidents."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from . import dependents, plain, role_assignments, role_settings, strengths
from .auth import Principal
from .bins import purge, soft_delete
from .errors import GraphError, bad_request, not_found
from .rules.types import DIRECTORY_TABLES, TYPES
from .service import Request, Response, Service, Stats
from .service_principals import remove_assignment
from .store import Change, Transaction

Obj = dict[str, Any]
_APP_SPACE = uuid.UUID("5f0d3c0e-6a54-4d5e-8d0a-0d6f3f1d7a11")
_THROTTLE_SETTINGS = {
    "throttling": "enabled",
    "tenantSize": "size",
    "conditionalAccessBurst": "conditional_access_burst",
}


def run(service: Service, method: str, path: str, query: dict[str, str], body: Any) -> Response:
    parts = path.strip("/").split("/")[1:]
    match method, parts:
        case "POST", ["token"]:
            return Response(200, issue_token(service, _object(body)))
        case "GET", ["stats"]:
            return Response(200, stats(service))
        case "POST", ["stats", "reset"]:
            service.stats = Stats()
            service.rules.reset()
            return Response(204)
        case "GET", ["log"]:
            since = int(query.get("since", "0"))
            return Response(
                200, {"entries": [entry(t) for t in service.store.log[since:]], "seq": service.store.seq}
            )
        case "GET", ["faults"]:
            return Response(200, {"faults": service.faults.report()})
        case "POST", ["faults"]:
            return _install_faults(service, body)
        case "DELETE", ["faults"]:
            service.faults.clear()
            return Response(204)
        case "GET", ["settings"]:
            return Response(200, settings(service))
        case "POST", ["settings"]:
            change_settings(service, _object(body))
            return Response(200, settings(service))
        case "GET", ["clock"]:
            return Response(200, clock(service))
        case "POST", ["clock"]:
            service.clock.advance(float(_object(body).get("advance", 0)))
            return Response(200, clock(service))
        case "GET", ["objects", table]:
            return Response(200, {"value": [full(service, table, k) for k in _ids(service, table)]})
        case "GET", ["objects", table, key]:
            return Response(200, full(service, table, key))
        case "POST", ["incident"]:
            return Response(200, incident(service, _object(body)))
        case "GET", ["info"]:
            return Response(200, {k: v for k, v in service.info.items() if k != "firstParty"})
        case "GET", ["rules"]:
            return Response(200, {"rules": [dataclasses.asdict(r) for r in service.rules.rules.values()]})
    raise GraphError(404, "NotFound", f"no control path {method} {path}")


def _object(body: Any) -> Obj:
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise bad_request("the body must be an object")
    return body


def _install_faults(service: Service, body: Any) -> Response:
    rules: Any = body["faults"] if isinstance(body, dict) and "faults" in body else body
    try:
        service.faults.install(rules if isinstance(rules, list) else [rules])
    except (ValueError, AttributeError) as error:
        raise bad_request(str(error)) from error
    return Response(200, {"faults": service.faults.report()})


# --- tokens


def principal_for(service: Service, body: Obj, default_name: str) -> Principal:
    app_id = body.get("appid") or body.get("appId") or str(uuid.uuid5(_APP_SPACE, default_name))
    held = service.store.find("servicePrincipals", "appId", app_id)
    name = body.get("displayName") or default_name
    if held is not None:
        name = (service.store.get("servicePrincipals", held) or {}).get("displayName", name)
    upn = body.get("upn")
    user = None if upn is None else service.store.find("users", "userPrincipalName", upn)
    object_id = user or held or str(uuid.uuid5(_APP_SPACE, f"object of {app_id}"))
    roles: list[str] = body.get("roles") or body.get("scp") or []
    return Principal(app_id, object_id, frozenset(roles), upn, name)


def issue_token(service: Service, body: Obj) -> Obj:
    who = principal_for(service, body, "test client")
    expires = float(body.get("expiresIn", 86400))
    token = service.tokens.issue(
        app_id=who.app_id,
        object_id=who.object_id,
        roles=sorted(who.permissions),
        expires_in=expires,
        upn=who.upn,
        display_name=who.display_name,
    )
    return {
        "token": token,
        "token_type": "Bearer",
        "expires_in": expires,
        "appId": who.app_id,
        "objectId": who.object_id,
    }


# --- what happened


def stats(service: Service) -> Obj:
    return {
        **service.stats.as_json(),
        "faults": service.faults.report(),
        "unverifiedRules": service.rules.unverified_leaned_on(),
        "commits": service.store.seq,
    }


def entry(txn: Transaction) -> Obj:
    changes = [_change(c) for c in txn.changes if c.table != "directoryAudits"]
    first = changes[0] if changes else {}
    return {
        "seq": txn.seq,
        "time": txn.time,
        "method": txn.method,
        "path": txn.path,
        "app": txn.app,
        "type": first.get("type"),
        "id": first.get("id"),
        "changes": changes,
    }


def _change(change: Change) -> Obj:
    if change.kind == "link":
        verb = "linked" if change.after else "unlinked"
        return {"op": verb, "type": change.table, "id": change.key, "target": change.target}
    verb = "created" if change.before is None else "removed" if change.after is None else "changed"
    out: Obj = {"op": verb, "type": change.table, "id": change.key}
    if verb == "changed":
        out["properties"] = sorted(
            n for n in {*change.before, *change.after} if change.before.get(n) != change.after.get(n)
        )
    return out


# --- the truth, without lag


def _ids(service: Service, table: str) -> list[str]:
    if table not in service.store.tables:
        raise not_found(table)
    return list(service.store.order[table])


def full(service: Service, table: str, key: str) -> Obj:
    """A stored object with its links, all properties, as committed."""
    if table not in service.store.tables:
        raise not_found(table)
    obj = service.store.get(table, key)
    if obj is None:
        raise not_found(key)
    links = {
        rel.split(".", 1)[1]: sorted(service.store.targets(rel, key))
        for rel in service.store.forward
        if rel.startswith(f"{table}.") and service.store.targets(rel, key)
    }
    return {**obj, "_links": links} if "_links" not in obj else obj


# --- settings and clock


def settings(service: Service) -> Obj:
    out = {_camel(k): v for k, v in dataclasses.asdict(service.settings).items()}
    out.update({name: getattr(service.throttle, attr) for name, attr in _THROTTLE_SETTINGS.items()})
    return out


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def change_settings(service: Service, body: Obj) -> None:
    known = {_camel(f.name): f.name for f in dataclasses.fields(service.settings)}
    unknown = set(body) - set(known) - set(_THROTTLE_SETTINGS)
    if unknown:
        raise bad_request(f"unknown settings {sorted(unknown)}")
    for name, value in body.items():
        if name in known:
            setattr(service.settings, known[name], tuple(value) if name == "replicas" else value)
        else:
            setattr(service.throttle, _THROTTLE_SETTINGS[name], value)


def clock(service: Service) -> Obj:
    return {
        "now": service.clock.now(),
        "iso": service.now_iso(),
        "factor": service.clock.factor,
        "epoch": service.clock.epoch,
    }


# --- incidents


def incident(service: Service, body: Obj) -> Obj:
    """Apply requests as another app, at once: no permissions, throttle, faults or lag.

    `{"op": "purge", "type", "id"}` takes an object away for good, bin included.
    """
    who = principal_for(service, body, body.get("displayName") or "attacker")
    answers: list[Obj] = []
    for one in body.get("requests") or []:
        if "op" in one:
            answers.append(_scripted_operation(service, who, one))
            continue
        answer = service.handle(_scripted(who, one))
        answers.append({"status": answer.status, "body": answer.body})
    failed = sum(1 for a in answers if a["status"] >= 400)
    return {"appId": who.app_id, "failed": failed, "responses": answers, "seq": service.store.seq}


def _scripted(who: Principal, one: Obj) -> Request:
    url = urlsplit(one["url"])
    path = "/" + url.path.lstrip("/")
    version = one.get("version", "beta" if path.startswith(("/beta/", "/identity/")) else "v1.0")
    for prefix in ("/v1.0/", "/beta/"):
        if path.startswith(prefix):
            version, path = prefix.strip("/"), path[len(prefix) - 1 :]
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return Request(
        str(one.get("method", "GET")).upper(), version, path, query, {}, one.get("body"), who, scripted=True
    )


def _scripted_operation(service: Service, who: Principal, one: Obj) -> Obj:
    table, key = one.get("type", ""), one.get("id", "")
    if one["op"] != "purge" or table not in service.store.tables:
        return {"status": 400, "body": {"error": {"code": "BadRequest", "message": f"unknown operation {one}"}}}
    obj = service.store.get(table, key)
    binned = service.store.tables.get(f"bin:{table}", {}).get(key)
    if obj is None and binned is None:
        return {"status": 404, "body": None}
    request = Request("DELETE", "v1.0", f"/{table}/{key}", {}, {}, None, who, scripted=True)
    with service.store.transaction("PURGE", f"/{table}/{key}", who.app_id):
        if table in DIRECTORY_TABLES:
            if obj is not None:
                soft_delete(service, request, TYPES[table], key)
            if TYPES[table].has_bin and service.store.get(f"bin:{table}", key) is not None:
                purge(service, table, key)
                _audit_purge(service, request, table, obj or binned or {})
        else:
            _take_away(service, table, key)
            _audit_purge(service, request, table, obj or binned or {})
    return {"status": 204, "body": None}


def _take_away(service: Service, table: str, key: str) -> None:
    """An object that is no directory object, with what hangs on it."""
    if table == "appRoleAssignments":
        remove_assignment(service, service.store.tables[table][key])
    elif table in (role_assignments.TABLE, role_assignments.INSTANCES):
        role_assignments.remove(service, key)
    elif table == role_assignments.SCHEDULES:
        role_assignments.remove_schedule(service, key)
    elif table in dependents.TABLES:
        dependents.detach(service, table, key)
    elif table == strengths.TABLE:
        strengths.remove_strength(service, key)
    else:
        role_settings.remove(service, key)
        dependents.take_out(service, key)  # the assignments of a role definition
        plain.remove(service, table, key)
        for rel, back in service.store.reverse.items():
            for source in list(back.get(key, ())):
                service.store.link(rel, source, key, present=False)
        for name in (table, f"bin:{table}"):
            if service.store.tables.get(name, {}).get(key) is not None:
                service.store.put(name, key, None)


def _audit_purge(service: Service, request: Request, table: str, obj: Obj) -> None:
    from . import audit

    audit.record(service, request, "Hard Delete", TYPES[table], obj)
