"""What a list shows of the simulated tenant's tables.

Members of a group that holds a role, or may activate one, have rows of their own, which are made when they are read
and stand in no table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shared.catalog.spec import ObjectType, Relationship

Obj = dict[str, Any]
INSTANCES = "roleAssignmentScheduleInstances"
HELD = "roleAssignments"
ASSIGNMENTS = "accessPackageAssignments"
BY_MEMBERS = (
    INSTANCES,
    "roleAssignmentSchedules",
    "roleEligibilitySchedules",
    "groupEligibilitySchedules",
    "groupAssignmentSchedules",
)  # listed for the members of a group, too


def table_of(spec: ObjectType) -> str:
    """The simulated tenant's table of a type; "" for what isn't read by itself."""
    if spec.facet is not None or spec.not_read:
        return ""
    return f"bin:{spec.bin_of}" if spec.bin_of else spec.name


def ids_of(
    spec: ObjectType, objects: Callable[[str], Sequence[Obj]], rows: Sequence[Obj] | None = None
) -> list[str]:
    """Ids of all objects of a type that a list shows. `rows`: those of the table that it shows, if not all."""
    if spec.name in BY_MEMBERS:
        return instance_ids(objects, spec.name)
    held = objects(table_of(spec)) if rows is None else rows
    hidden = yet_to_begin(objects) if spec.name == HELD else set()
    return [one["id"] for one in held if one["id"] not in hidden and not is_over(spec.name, one)]


def yet_to_begin(objects: Callable[[str], Sequence[Obj]]) -> set[str]:
    """Role assignments of the seed that begin after any test's time, and until then are schedules only."""
    return {one["id"] for one in objects(INSTANCES) if str(one["startDateTime"] or "") >= "2030"}


def is_over(table: str, obj: Obj) -> bool:
    """History, which is asked for by nobody: an assignment of an access package that has ended."""
    return table == ASSIGNMENTS and obj["state"] == "expired"


def links_of(
    relationship: Relationship, truth: Sequence[Obj], objects: Callable[[str], Sequence[Obj]]
) -> set[tuple[str, str]]:
    """Source and target of each link; a child may know its parent, or a parent its children."""
    children = objects(relationship.contains) if relationship.contains else ()
    below = {(one["_parent"], one["id"]) for one in children if "_parent" in one}
    return below | {(one["id"], to) for one in truth for to in one["_links"].get(relationship.name, ())}


def instance_ids(objects: Callable[[str], Sequence[Obj]], table: str = INSTANCES) -> list[str]:
    """Ids of all instances that a list shows. `objects` gives the rows of a table."""
    members = {one["id"]: one["_links"].get("members", ()) for one in objects("groups")}
    hidden = yet_to_begin(objects) if table == INSTANCES else set()
    held = [one for one in objects(table) if one["id"] not in hidden]
    return [
        *(one["id"] for one in held),
        *(f"{one['id']}-{member}" for one in held for member in members.get(one["principalId"], ())),
    ]
