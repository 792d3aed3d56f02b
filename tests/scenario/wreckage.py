"""What the scenario tests break, and what must be true of the tenant after it was brought back.

Owns the damage beyond the demo's (one purged object of each type that a restore creates) and the checks of the end
state, made from the tenant's own tables and commit log. What must stay true: nothing here asks Holdfast whether
Holdfast did well, but for the id map, which is checked against the tables.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.localrun import truth
from tests.localrun.demo import judge, stored_report
from tests.localrun.incidents import ATTACKER, Damage, play
from tests.localrun.world import World

Obj = dict[str, Any]
CREATED_TYPES = (
    "users",
    "groups",
    "applications",
    "servicePrincipals",
    "federatedIdentityCredentials",
    "appRoleAssignments",
    "conditionalAccessPolicies",
    "namedLocations",
    "oauth2PermissionGrants",
    # One that names an application made anew is made once more.
    "permissionGrantExcludes",
    "permissionGrantIncludes",
)
# By which nobody may find two objects: type → members that together name one.
_NAMES = {
    "users": ("userPrincipalName",),
    "groups": ("displayName",),
    "applications": ("displayName",),
    "servicePrincipals": ("appId",),
    "federatedIdentityCredentials": ("applicationId", "name"),
    "appRoleAssignments": ("principalId", "resourceId", "appRoleId"),
    "conditionalAccessPolicies": ("displayName",),
    "namedLocations": ("displayName",),
    "oauth2PermissionGrants": ("clientId", "resourceId", "consentType", "principalId"),
}


@dataclass(frozen=True, slots=True)
class Wreck:
    """The demo's damage, and the ids that were purged besides."""

    damage: Damage
    user: str
    group: str  # one that a policy includes
    location: str  # one that a purged policy excludes


def wreck(world: World) -> Wreck:
    """The demo's incident in small, and a user, a group and a named location purged."""
    tenant = world.simulator
    policies = tenant.objects("conditionalAccessPolicies")
    damage = play(tenant, users=4, memberships=20)
    people = sorted(tenant.objects("users"), key=lambda one: str(one["userPrincipalName"]))
    spared = set(tenant.break_glass_ids)
    user = next(
        one["id"]
        for one in people
        if one["id"] not in spared
        and one["userPrincipalName"] != damage.impersonated_upn
        and one.get("userType") == "Member"
        and not one.get("onPremisesSyncEnabled")
    )
    group = next(included for one in policies for included in one["conditions"]["users"].get("includeGroups") or [])
    location = next(
        excluded
        for one in policies
        if one["id"] in damage.purged_policies
        for excluded in (one["conditions"].get("locations") or {}).get("excludeLocations") or []
    )
    purged = {"users": user, "groups": group, "namedLocations": location}
    answers = tenant.incident(
        [{"op": "purge", "type": table, "id": key} for table, key in purged.items()], upn=ATTACKER
    )
    assert not answers["failed"], answers
    return Wreck(damage, user, group, location)


@dataclass(frozen=True, slots=True)
class Restored:
    """A tenant before the damage and after its restore, with the plan that was run and the report on it."""

    before: truth.State
    after: truth.State
    damage: Damage
    plan: Obj
    report: Obj
    restorer: str  # the restore app's service principal
    creations: list[Obj]  # commits of the restore app that made an object

    @classmethod
    def look(cls, world: World, before: truth.State, damage: Damage, plan: Obj) -> Restored:
        app = world.simulator.ready["holdfastApps"]["restore"]
        principals = {one["appId"]: one["id"] for one in before["servicePrincipals"].values()}
        return cls(
            before,
            truth.take(world.simulator),
            damage,
            plan,
            stored_report(world, plan["plan"]),
            principals[app],
            [one for one in world.simulator.log() if one["app"] == app and _creates(one)],
        )

    @property
    def ids(self) -> dict[str, str]:
        return {one["old"]: one["new"] for one in self.report["newIds"]}

    def explained(self) -> Counter[str]:
        """The differences that the damage and the report explain, by kind. Any other fails."""
        differences = truth.compare(self.before, self.after, self.ids)
        expected, unexpected = judge(differences, self.damage, self.report, self.restorer)
        assert not unexpected, unexpected
        return Counter(expected)

    def check_no_duplicates(self) -> None:
        """No name stands for more objects than before; the impostor's stands for as many."""
        for table, members in _NAMES.items():
            was = _named(self.before[table], members, self.ids)
            now = _named(self.after[table], members, {})
            more = {name: (was[name], number) for name, number in now.items() if number > was[name]}
            assert not more, (table, more)

    def check_created_once(self) -> None:
        """The commit log holds one creation for each CREATE operation of the plan, and no other."""
        operations = [
            one
            for step in self.plan["document"]["steps"]
            for one in step["operations"]
            if one["mechanism"] == "create"
        ]
        # What a request makes is in the log under the request.
        operations = [one for one in operations if not one["byRequest"]]
        planned = Counter(one["type"] for one in operations)
        assert set(planned) == set(CREATED_TYPES), planned
        made = Counter(change["type"] for one in self.creations for change in one["changes"] if _new(change))
        assert made == planned
        created = [change["id"] for one in self.creations for change in one["changes"] if _new(change)]
        assert sorted(created) == sorted(self.ids[one["target"]] for one in operations)

    def check(self) -> None:
        assert self.report["verdict"] == "equalExceptListed", self.report["unexpected"]
        assert self.report["notDone"] == []
        self.explained()
        self.check_no_duplicates()
        self.check_created_once()


def _creates(commit: Obj) -> bool:
    return (
        commit["method"] == "POST"
        and "/deletedItems/" not in commit["path"]
        and any(_new(change) for change in commit["changes"])
    )


def _new(change: Obj) -> bool:
    return change["op"] == "created" and change["type"] in CREATED_TYPES


def _named(table: dict[str, Obj], members: tuple[str, ...], ids: dict[str, str]) -> Counter[tuple[str, ...]]:
    return Counter(
        tuple(ids.get(str(one.get(name)), str(one.get(name))).casefold() for name in members)
        for one in table.values()
    )
