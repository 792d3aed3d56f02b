"""Each type there and back: seed → backup → change or purge → restore → equal.

`python -m tests.scenario.round_trips` prints the table of types by what was shown of them. Truth is the simulated
tenant's own tables and links, all of them, compared without ids of its own objects: whatever named an object that
was made anew must name the new one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.engines.report import Report
from tests.changes import changed, meaning
from tests.instances import is_over
from tests.must_come_back import MUST, Must
from tests.restore_planned import cloud_groups, cloud_users, planned, purge
from tests.simdirectory import scripted
from tests.simulator import plain, schema
from tests.simulator.apart import STAMP
from tests.simulator.rules.methods import METHODS
from tests.simulator.rules.role_rules import MODELS, starting_rules
from tests.simulator.rules.types import METHOD_CONFIGURATIONS, TYPES
from tests.simulator.service import Service

Obj = dict[str, Any]
# What tells of the restore itself, and moves with any write.
_PASSING = frozenset(
    (
        "createdDateTime",
        "createdDate",
        "addedDateTime",
        "modifiedDateTime",
        "lastModifiedDateTime",
        "updatedDateTime",
        "modifiedBy",
        "createdBy",
        "createdUsing",
        "createdByAppId",
        "lastModifiedBy",
        "version",
        STAMP,
    )
)
_BEGINNINGS = ("startDate", "startDateTime")
_NOT_COMPARED = (
    "directoryAudits",
    "groupAssignmentScheduleRequests",
    "groupEligibilityScheduleRequests",
    "roleAssignmentScheduleRequests",
    "roleEligibilityScheduleRequests",
)
# Links of what is only read: they don't come to name a person who was made anew.
_ONLY_READ = ("devices.registeredOwners", "devices.registeredUsers", "orgContacts.manager")
# Nothing but what they say of others; what is made anew takes them along under other ids.
_DEPENDENT = (
    "appRoleAssignments",
    "combinationConfigurations",
    "federatedIdentityCredentials",
    "groupAssignmentSchedules",
    "groupEligibilitySchedules",
    "groupManagementPolicyAssignments",
    "oauth2PermissionGrants",
    "roleAssignments",
    "roleAssignmentScheduleInstances",
    "roleAssignmentSchedules",
    "roleEligibilitySchedules",
    "roleManagementPolicies",
    "roleManagementPolicyAssignments",
)
_THEIR_IDS = ("id", "roleAssignmentOriginId", "roleAssignmentScheduleId", "policyId")


def rows(service: Service, must: Must) -> list[Obj]:
    """The objects that a row of the list is about."""
    picked = _PICKED.get(must.table)
    found = picked(service)[:MOST] if picked else service.store.tables[must.table].values()
    return [one for one in found if all(one.get(name) == value for name, value in must.only.items())]


# Of the directory's own objects some are the sync's, some are protected, and a few are as good as all.
MOST = 4


def _of_others(service: Service) -> list[Obj]:
    """Enterprise applications whose application is in another tenant, and that an API lets us bring in again."""
    ours = {one["appId"] for one in service.store.tables["applications"].values()}
    return [
        one
        for one in service.store.tables["servicePrincipals"].values()
        if one["appId"] not in ours and str(one["displayName"]).startswith("SaaS app")
    ]


def _without_synced_reports(service: Service) -> list[Obj]:
    """Cloud users whom no synced user has for a manager: that link is the sync's."""
    synced = {one["id"] for one in service.store.tables["users"].values() if one.get("onPremisesSyncEnabled")}
    return [
        one for one in cloud_users(service) if not synced & service.store.sources("users.manager", one["id"]).keys()
    ]


def _with_visible_members(service: Service) -> list[Obj]:
    """What hidden membership was changed to stays: Graph sets it at creation alone."""
    return [one for one in cloud_groups(service) if one.get("visibility") != "HiddenMembership"]


def _ours(service: Service) -> list[Obj]:
    """Applications but for Holdfast's own, which restores."""
    return [
        one
        for one in service.store.tables["applications"].values()
        if not str(one["displayName"]).startswith("Holdfast")
    ]


def _held_for_good(service: Service) -> list[Obj]:
    """Assignments without an end that are no activations."""
    instances = service.store.tables["roleAssignmentScheduleInstances"]
    told = {key: one for key, one in instances.items() if one["assignmentType"] == "Assigned"}
    held = service.store.tables["roleAssignments"].values()
    return [one for one in held if one["id"] in told and not told[one["id"]].get("endDateTime")]


def _yet_to_begin(service: Service) -> list[Obj]:
    """Role assignments that are schedules only."""
    schedules = service.store.tables["roleAssignmentSchedules"].values()
    now = service.now_iso()
    return [one for one in schedules if str(one["scheduleInfo"]["startDateTime"] or "") > now]


def _set_by_somebody(service: Service) -> list[Obj]:
    """Settings of roles that differ from what every role starts with."""
    found = service.store.tables["roleManagementPolicies"].values()
    return [one for one in found if one["rules"] != starting_rules()]


def _that_can_be_changed(service: Service) -> list[Obj]:
    """Identity providers but for those that are built in."""
    found = service.store.tables["identityProviders"].values()
    return [one for one in found if not one["@odata.type"].endswith("builtInIdentityProvider")]


_PICKED: dict[str, Callable[[Service], list[Obj]]] = {
    "users": _without_synced_reports,
    "groups": _with_visible_members,
    "applications": _ours,
    "servicePrincipals": _of_others,
    "roleAssignments": _held_for_good,
    "roleAssignmentSchedules": _yet_to_begin,
    "identityProviders": _that_can_be_changed,
    "roleManagementPolicies": _set_by_somebody,
}


@dataclass(frozen=True, slots=True)
class Way:
    """How a type that is no row of plain types is written. `{parent}`: the other end of the link `parents`."""

    path: str
    tagged: bool = False  # a write names its @odata.type
    parents: str = ""


_POLICIES, _ACCESS = "/beta/policies", "/beta/identity/conditionalAccess"
_WAYS = {
    "authorizationPolicy": Way("/v1.0/policies/authorizationPolicy"),
    "authenticationMethodsPolicy": Way(f"{_POLICIES}/authenticationMethodsPolicy"),
    "authenticationMethodConfigurations": Way(
        f"{_POLICIES}/authenticationMethodsPolicy/authenticationMethodConfigurations/{{id}}", tagged=True
    ),
    "combinationConfigurations": Way(
        f"{_POLICIES}/authenticationStrengthPolicies/{{parent}}/combinationConfigurations/{{id}}",
        tagged=True,
        parents="authenticationStrengthPolicies.combinationConfigurations",
    ),
    "conditionalAccessPolicies": Way(f"{_ACCESS}/policies/{{id}}"),
    "federatedIdentityCredentials": Way(
        "/v1.0/applications/{parent}/federatedIdentityCredentials/{id}",
        parents="applications.federatedIdentityCredentials",
    ),
    "namedLocations": Way(f"{_ACCESS}/namedLocations/{{id}}", tagged=True),
}


def way_of(table: str) -> Way:
    return _WAYS.get(table) or Way(f"/v1.0{TYPES[table].root}/{{id}}")


def path_of(service: Service, must: Must, obj: Obj) -> str:
    row = plain.ROWS.get(must.table)
    if row is None:
        way = way_of(must.table)
        parents = service.store.sources(way.parents, obj["id"]) if way.parents else {"": None}
        return way.path.replace("{id}", obj["id"]).replace("{parent}", next(iter(parents)))
    path = row.item.replace("{id}", str(obj.get("_parent", obj["id"]))).replace("{child}", str(obj["id"]))
    return f"/{row.versions[0]}{path}"


def model_of(table: str, obj: Obj) -> type:
    if table == METHOD_CONFIGURATIONS.table:
        return schema.load(METHODS[obj["id"]].model)
    return schema.derived_type(str(obj.get("@odata.type", ""))) or schema.load(TYPES[table].model)


def _change_rules(service: Service, must: Must) -> None:
    """Every rule, by its own path."""
    for policy in rows(service, must):
        for rule in policy["rules"]:
            names = tuple(name for name in rule if name not in ("@odata.type", "id", "target"))
            body = changed(schema.load(MODELS[rule["@odata.type"]]), rule, names, must.values)
            kept = {name: rule[name] for name in ("@odata.type", "id", "target")}
            path = f"/v1.0/policies/roleManagementPolicies/{policy['id']}/rules/{rule['id']}"
            scripted(service, "PATCH", path, {**kept, **body})


# Types whose objects aren't written as a whole.
_APART: dict[str, Callable[[Service, Must], None]] = {"roleManagementPolicies": _change_rules}


def _change_files(service: Service, must: Must) -> None:
    """What has a path of its own: put there, or taken away."""
    for obj in rows(service, must):
        for name, value in must.files.items():
            path = f"{path_of(service, must, obj)}/{name}"
            scripted(service, "PUT" if value is not None else "DELETE", path, value)


def change_all(service: Service, must: Must) -> None:
    """Every property that must go back, on every object."""
    if must.table in _APART:
        _APART[must.table](service, must)
        return
    _change_files(service, must)
    row = plain.ROWS.get(must.table)
    for obj in rows(service, must) if must.changed else ():
        if row is None:
            body = changed(model_of(must.table, obj), obj, must.changed, must.values)
            if way_of(must.table).tagged:
                kind = METHODS[obj["id"]].odata_type if must.table == METHOD_CONFIGURATIONS.table else ""
                body["@odata.type"] = kind or obj["@odata.type"]
            scripted(service, "PATCH", path_of(service, must, obj), body)
            continue
        shown = plain.shown(row, obj, beta=True)
        body = changed(plain.model_of(row, obj), shown, must.changed, must.values)
        for name in row.grows:
            if name in body:
                body[f"{name}@delta"] = body.pop(name)
        if row.whole:
            kept = {name: value for name, value in shown.items() if name not in row.rule.read_only}
            body = {**kept, **body}
        if row.kinds:
            body["@odata.type"] = obj["@odata.type"]
        if row.versioned:
            kept = {name: value for name, value in shown.items() if name not in row.rule.read_only}
            path = f"{path_of(service, must, obj)}/{row.version[0]}"
            scripted(service, "POST", path, {row.version[1]: {**kept, **body}})
            continue
        scripted(service, "PUT" if row.whole else "PATCH", path_of(service, must, obj), body)


def purge_all(service: Service, must: Must) -> None:
    found = list(rows(service, must))
    if must.table == "applications":  # the two halves of a pair come back the same way or not at all
        purge_pairs(service, found)
    for obj in found:
        if service.store.get(must.table, obj["id"]) is not None:
            purge(service, must.table, obj["id"])


def purge_pairs(service: Service, applications: list[Obj]) -> None:
    for application in applications:
        principal = service.store.find("servicePrincipals", "appId", application["appId"])
        if principal is not None:
            purge(service, "servicePrincipals", principal)


@dataclass(frozen=True)
class Truth:
    """All of the tenant, with the ids of its objects replaced by what tells one from another."""

    tables: dict[str, list[str]]
    links: dict[str, list[str]]


def truth(service: Service, musts: Iterable[Must]) -> Truth:
    dependent = {*_DEPENDENT, *(name for name, row in plain.ROWS.items() if row.requested or row.goes_with)}
    by = {must.table: must.by for must in musts if must.anew and must.table not in dependent}
    names: dict[str, str] = {}
    for table, properties in by.items():
        for key, obj in service.store.tables[table].items():
            told = "|".join(str(obj.get(name)) for name in properties)
            names.setdefault(key, f"<{table} {told}>")
            if table == "applications":
                names[obj["appId"]] = f"<appId {told}>"
                principal = service.store.find("servicePrincipals", "appId", obj["appId"])
                if principal is not None:
                    names[principal] = f"<servicePrincipal {told}>"
    for table in (*_DEPENDENT, *(name for name, row in plain.ROWS.items() if _hangs(row))):
        for key, obj in service.store.tables[table].items():
            told = plain.without_inner_ids(table, obj)
            rest = {name: value for name, value in told.items() if name not in _THEIR_IDS}
            names.setdefault(key, f"<{table} {hashlib.sha256(_told(rest, names).encode()).hexdigest()[:12]}>")
    for key, named in list(names.items()):
        names[key] = named.replace('"', "'")
    own = {must.table: frozenset(must.own) for must in musts if must.anew}
    stale = set(_naming_the_gone(service))
    tables = {
        table: sorted(
            _told(plain.without_inner_ids(table, obj), names, own.get(table, frozenset()))
            for obj in objects.values()
            if not is_over(table, obj) and f"{table}/{obj['id']}" not in stale
        )
        for table, objects in service.store.tables.items()
        if table not in _NOT_COMPARED and not table.startswith("bin:")
    }
    links = {
        rel: sorted(
            f"{_named(source, names)} -> {_named(target, names)}"
            for source, ends in held.items()
            for target in ends
            if target not in stale
        )
        for rel, held in service.store.forward.items()
        if any(held.values()) and rel not in _ONLY_READ
    }
    return Truth(tables, links)


def _naming_the_gone(service: Service) -> Iterator[str]:
    """Condition sets of consent policies that name an application which is gone: nobody can change or miss them,
    and another one names what took its place."""
    known = {one["appId"] for table in ("applications", "servicePrincipals") for one in _all(service, table)}
    for table in ("permissionGrantIncludes", "permissionGrantExcludes"):
        for one in _all(service, table):
            named = {*(one.get("clientApplicationIds") or ()), one.get("resourceApplication")}
            if {name for name in named if name and GUID.fullmatch(name)} - known:
                yield f"{table}/{one['id']}"


def _all(service: Service, table: str) -> Iterable[Obj]:
    return service.store.tables[table].values()


def _named(text: str, names: dict[str, str]) -> str:
    head, slash, key = text.rpartition("/")
    return f"{head}{slash}{names.get(key, key)}"


def _told(obj: Obj, names: dict[str, str], own: frozenset[str] = frozenset()) -> str:
    passing = _PASSING | own
    kept = meaning({name: _renamed(value, names) for name, value in obj.items() if name not in passing})
    return json.dumps(kept, sort_keys=True)


GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WORD = re.compile(r"[A-Za-z0-9_-]{8,}")


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        # A period that is asked for again begins when it is.
        return {name: _renamed(member, names) for name, member in value.items() if name not in _BEGINNINGS}
    if isinstance(value, list):
        return [_renamed(one, names) for one in value]
    return _WORD.sub(lambda found: _new_name(found[0], names), value) if isinstance(value, str) else value


def _new_name(word: str, names: dict[str, str]) -> str:
    """Some words are made of several ids, or of an id and a name."""
    return names.get(word) or "_".join(names.get(part, part) for part in word.split("_"))


def _hangs(row: plain.Plain) -> bool:
    return bool(row.parent or row.within or row.requested or row.goes_with)


def differences(before: Truth, after: Truth) -> list[str]:
    """Every line that one has and the other hasn't."""
    found = []
    for was, now, kind in ((before.tables, after.tables, "objects"), (before.links, after.links, "links")):
        for name in sorted(was.keys() | now.keys()):
            old, new = was.get(name, []), now.get(name, [])
            if old != new:
                lost, extra = sorted(set(old) - set(new)), sorted(set(new) - set(old))
                found += [f"{kind} of {name}: {one}" for one in _told_apart(lost, extra)]
                found += [f"{kind} of {name}: another number"] if not (lost or extra) else []
    return found


def _told_apart(lost: list[str], extra: list[str]) -> list[str]:
    """Of an object that is there with other values these values alone; else the whole of it."""
    told = []
    others = {_id(one): one for one in extra}
    for one in lost:
        other = others.pop(_id(one), None)
        if other is None:
            told.append(f"lost {one}")
            continue
        old, new = json.loads(one), json.loads(other)
        names = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
        told += [f"{_id(one)}.{name}: {old.get(name)!r} became {new.get(name)!r}" for name in names]
    return told + [f"extra {one}" for one in others.values()]


def _id(line: str) -> str:
    return str(json.loads(line).get("id")) if line.startswith("{") else line


async def there_and_back(musts: tuple[Must, ...], *, anew: bool, lag: float = 0.0) -> tuple[list[str], Report]:
    """Damages every object of these types, restores, and tells what differs from before."""
    before: list[Truth] = []
    renamed = musts if anew else ()

    def damage(service: Service) -> None:
        before.append(truth(service, renamed))
        for must in musts:
            assert rows(service, must), f"the seed has no {must.table}"
        for must in musts:
            (purge_all if anew else change_all)(service, must)
        assert truth(service, renamed) != before[0]

    case = await planned(damage, lag=lag)
    await case.run()
    report = await case.report()
    return differences(before[0], truth(case.world.service, renamed)), report


def changing() -> tuple[Must, ...]:
    return tuple(must for must in MUST if must.changed or must.files)


def renewing() -> tuple[Must, ...]:
    return tuple(must for must in MUST if must.anew)


async def _table(only: tuple[str, ...]) -> int:
    bad = 0
    print(f"{'type':56} {'changed back':14} {'made anew'}")
    for must in MUST:
        if only and must.table not in only:
            continue
        cells = []
        for wanted, anew, why in (
            (must.changed or must.files, False, must.not_changed),
            (must.anew, True, must.not_anew),
        ):
            if not wanted:
                cells.append(f"no: {why}")
                continue
            try:
                found, _ = await there_and_back((must,), anew=anew)
            except AssertionError as error:
                found = [str(error)]
            bad += bool(found)
            cells.append(
                f"FAILED ({len(found)}): {found[:6]}"
                if found
                else "yes"
                if anew
                else f"yes ({len(must.changed) + len(must.files)})"
            )
        print(f"{must.table:56} {cells[0]:14} {cells[1]}")
    return bad


if __name__ == "__main__":
    sys.exit(asyncio.run(_table(tuple(sys.argv[1:]))))
