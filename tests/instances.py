"""Role assignment instances as the simulated tenant shows them, from its tables: members of a group that holds a
role have instances of their own, which are made when they are read and stand in no table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Obj = dict[str, Any]
INSTANCES = "roleAssignmentScheduleInstances"


def instance_ids(objects: Callable[[str], Sequence[Obj]]) -> list[str]:
    """Ids of all instances that a list shows. `objects` gives the rows of a table."""
    members = {one["id"]: one["_links"].get("members", ()) for one in objects("groups")}
    held = objects(INSTANCES)
    return [
        *(one["id"] for one in held),
        *(f"{one['id']}-{member}" for one in held for member in members.get(one["principalId"], ())),
    ]
