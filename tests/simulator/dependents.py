"""Rows that live only while everything they name lives: delegated grants, role assignments and their instances.

A deleted object takes its rows out of sight and keeps them in the bin; they come back with it, as far as the other
ends are live. A purge takes them for good. What must stay true: a row in a table names only live objects.
"""

from __future__ import annotations

from typing import Any

from .reading import table_of
from .rules.types import BINNED_TABLES
from .service import Service

Obj = dict[str, Any]
Row = tuple[str, Obj]  # table, object
PARTIES = "dependents.of"  # the link from what is named to the row that names it
TABLES = (
    "oauth2PermissionGrants",
    "roleAssignments",
    "roleAssignmentScheduleInstances",
    "roleAssignmentSchedules",
    "roleEligibilitySchedules",
    "groupEligibilitySchedules",
    "groupAssignmentSchedules",
    "groupManagementPolicyAssignments",
    "roleManagementPolicyAssignments",
)


def scope_target(scope: str | None) -> str | None:
    """The object that a directory scope names; None for the whole tenant."""
    return None if scope in (None, "", "/") else str(scope).rsplit("/", 1)[-1]


def parties(table: str, obj: Obj) -> list[str]:
    if table == "oauth2PermissionGrants":
        named = [obj["clientId"], obj["resourceId"], obj.get("principalId")]
    elif table in ("groupEligibilitySchedules", "groupAssignmentSchedules"):
        named = [obj["principalId"], obj["groupId"]]
    elif table == "groupManagementPolicyAssignments":
        named = [obj["scopeId"]]
    else:
        named = [obj.get("principalId"), obj["roleDefinitionId"], scope_target(obj.get("directoryScopeId"))]
    return [one for one in dict.fromkeys(named) if one is not None]


def attach(service: Service, table: str, obj: Obj) -> None:
    service.store.put(table, obj["id"], obj)
    for one in parties(table, obj):
        service.store.link(PARTIES, one, f"{table}/{obj['id']}")


def detach(service: Service, table: str, key: str) -> None:
    obj = service.store.get(table, key)
    assert obj is not None
    for one in parties(table, obj):
        service.store.link(PARTIES, one, f"{table}/{key}", present=False)
    service.store.put(table, key, None)


def naming(service: Service, key: str, table: str) -> list[Obj]:
    """The rows of one table that name an object."""
    held = service.store.targets(PARTIES, key)
    found = (service.store.get(table, one.partition("/")[2]) for one in held if one.startswith(f"{table}/"))
    return [obj for obj in found if obj is not None]


def take_out(service: Service, key: str) -> list[list[Any]]:
    """Detach every row that names the object; answers them, for the bin."""
    rows: list[list[Any]] = []
    for one in list(service.store.targets(PARTIES, key)):
        table, _, row = one.partition("/")
        rows.append([table, service.store.get(table, row)])
        detach(service, table, row)
    return rows


def put_back(service: Service, rows: list[list[Any]]) -> None:
    """Attach rows again. One that names an object in the bin waits there; one that names a lost object is lost."""
    store = service.store
    live = store.view()
    for table, obj in rows:
        missing = [
            one
            for one in parties(table, obj)
            if table_of(live, one) is None and store.get("roleDefinitions", one) is None
        ]
        if not missing:
            attach(service, table, obj)
            continue
        for name in BINNED_TABLES:
            waiting = store.get(f"bin:{name}", missing[0])
            if waiting is not None:
                kept = [*waiting.get("_dependents", []), [table, obj]]
                store.put(f"bin:{name}", missing[0], {**waiting, "_dependents": kept})
