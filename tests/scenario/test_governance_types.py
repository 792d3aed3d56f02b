"""Units, grants, roles, strengths, contexts, methods and settings: changed back and made anew, as the simulated
tenant's own tables tell. What must stay true: an activation never comes back as an assignment, and what can't be
told apart stays out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.plan import Mechanism, Reason
from shared.engines.report import Report
from tests.changes import meaning
from tests.restore_planned import Planned, cloud_users, delete, planned, purge
from tests.restore_world import objects
from tests.simdirectory import scripted
from tests.simulator.service import Service

Obj = dict[str, Any]
STRENGTHS = "/policies/authenticationStrengthPolicies"
METHODS = "/policies/authenticationMethodsPolicy/authenticationMethodConfigurations"
CONTEXTS = "/v1.0/identity/conditionalAccess/authenticationContextClassReferences"
ROLES = "/roleManagement/directory"


def rows(service: Service, table: str) -> dict[str, Obj]:
    return {str(one["id"]): dict(one) for one in objects(service, table)}


def first(service: Service, table: str, **wanted: object) -> Obj:
    return next(one for one in rows(service, table).values() if all(one.get(k) == v for k, v in wanted.items()))


def same_but_for_ids(table: str, before: dict[str, Obj], after: dict[str, Obj], *moved: str) -> None:
    """Every object reads as before, in whatever id it is under now."""
    passing = {"id", "createdDateTime", "modifiedDateTime", "lastModifiedDateTime", *moved}

    def told(found: dict[str, Obj]) -> list[str]:
        texts = []
        for one in found.values():
            texts.append(json.dumps(meaning({k: v for k, v in one.items() if k not in passing}), sort_keys=True))
        return sorted(texts)

    assert told(after) == told(before), table


async def restored(case: Planned) -> Report:
    await case.run()
    report = await case.report()
    assert report.unexpected == (), report.unexpected
    return report


def change_everything(service: Service) -> None:
    """Each writable property of one object of each type."""
    unit = first(service, "administrativeUnits", visibility="Public")["id"]
    scripted(
        service, "PATCH", f"/v1.0/directory/administrativeUnits/{unit}", {"displayName": "x", "description": "y"}
    )
    for grant in list(rows(service, "oauth2PermissionGrants"))[:3]:
        scripted(service, "PATCH", f"/v1.0/oauth2PermissionGrants/{grant}", {"scope": "Directory.AccessAsUser.All"})
    role = first(service, "roleDefinitions", isBuiltIn=False)["id"]
    allowed = [{"allowedResourceActions": ["microsoft.directory/users/password/update"]}]
    scripted(
        service,
        "PATCH",
        f"/v1.0{ROLES}/roleDefinitions/{role}",
        {"displayName": "x", "description": "y", "isEnabled": False, "rolePermissions": allowed},
    )
    strength = first(service, "authenticationStrengthPolicies", displayName="Partners’ methods")["id"]
    scripted(service, "PATCH", f"/v1.0{STRENGTHS}/{strength}", {"displayName": "x", "description": "y"})
    scripted(
        service,
        "POST",
        f"/v1.0{STRENGTHS}/{strength}/updateAllowedCombinations",
        {"allowedCombinations": ["password,sms", "password,voice"]},
    )
    refined = first(service, "authenticationStrengthPolicies", displayName="Keys of ours only")["id"]
    combination = first(service, "combinationConfigurations", appliesToCombinations=["fido2"])
    scripted(
        service,
        "PATCH",
        f"/v1.0{STRENGTHS}/{refined}/combinationConfigurations/{combination['id']}",
        {"@odata.type": combination["@odata.type"], "allowedAAGUIDs": ["de1e552d-db1d-4423-a619-566b625cdc84"]},
    )
    scripted(service, "PATCH", f"{CONTEXTS}/c1", {"displayName": "x", "description": "y", "isAvailable": False})
    fido = "#microsoft.graph.fido2AuthenticationMethodConfiguration"
    scripted(
        service,
        "PATCH",
        f"/v1.0{METHODS}/Fido2",
        {"@odata.type": fido, "state": "disabled", "isAttestationEnforced": False, "includeTargets": []},
    )
    scripted(
        service,
        "PATCH",
        "/v1.0/policies/authenticationMethodsPolicy",
        {
            "registrationEnforcement": {
                "authenticationMethodsRegistrationCampaign": {
                    "snoozeDurationInDays": 14,
                    "state": "disabled",
                    "excludeTargets": [],
                    "includeTargets": [],
                }
            }
        },
    )
    for setting in rows(service, "groupSettings").values():
        values = [
            {**one, "value": {"true": "false", "false": "true"}.get(one["value"], one["value"])}
            for one in setting["values"]
        ]
        scripted(service, "PATCH", f"/v1.0/groupSettings/{setting['id']}", {"values": values})


CHANGED = (
    "administrativeUnits",
    "oauth2PermissionGrants",
    "roleDefinitions",
    "authenticationStrengthPolicies",
    "combinationConfigurations",
    "authenticationContextClassReferences",
    "authenticationMethodConfigurations",
    "authenticationMethodsPolicy",
    "groupSettings",
)


async def test_every_writable_property_goes_back() -> None:
    before: dict[str, dict[str, Obj]] = {}

    def damage(service: Service) -> None:
        before.update({table: rows(service, table) for table in CHANGED})
        change_everything(service)

    case = await planned(damage)
    report = await restored(case)
    assert (report.listed, report.not_done) == ((), ())
    # A policy shows the strength that it uses, and is not written because of it.
    assert {one.member for one in case.world.plan.exclusions} == {"grantControls"}
    for table in CHANGED:
        now = rows(case.world.service, table)
        assert now.keys() == before[table].keys()
        same_but_for_ids(table, before[table], now)
    # What a PATCH refuses went by its action, once.
    actions = [one for one in case.world.plan.operations if one.request.method == "POST"]
    assert [one.wanted.keys() for one in actions] == [{"allowedCombinations": 0}.keys()]
    assert actions[0].mechanism is Mechanism.PATCH


def purge_everything(service: Service) -> None:
    """What can be made anew, gone for good; the policy that uses the strength goes before it."""
    for policy in objects(service, "conditionalAccessPolicies"):
        strength = (policy.get("grantControls") or {}).get("authenticationStrength") or {}  # type: ignore[attr-defined]
        if strength.get("displayName") == "Keys of ours only":
            purge(service, "conditionalAccessPolicies", str(policy["id"]))
    for table, wanted in (
        ("administrativeUnits", {"visibility": "Public"}),
        ("administrativeUnits", {"isMemberManagementRestricted": True}),
        ("roleDefinitions", {"isBuiltIn": False, "isEnabled": True}),
        ("roleDefinitions", {"isBuiltIn": False, "isEnabled": False}),
        ("authenticationStrengthPolicies", {"displayName": "Keys of ours only"}),
        ("authenticationStrengthPolicies", {"displayName": "Partners’ methods"}),
        ("authenticationContextClassReferences", {"id": "c2"}),
    ):
        purge(service, table, str(first(service, table, **wanted)["id"]))
    for table in ("groupSettings", "oauth2PermissionGrants"):
        for key in rows(service, table):
            purge(service, table, key)


ANEW = (
    "administrativeUnits",
    "roleDefinitions",
    "authenticationStrengthPolicies",
    "combinationConfigurations",
    "authenticationContextClassReferences",
    "groupSettings",
    "oauth2PermissionGrants",
)


@pytest.mark.parametrize("lag", [0.0, 40.0])
async def test_what_was_purged_is_made_anew_with_what_names_it(lag: float) -> None:
    before: dict[str, dict[str, Obj]] = {}
    tables = (*ANEW, "roleAssignments", "conditionalAccessPolicies")

    def damage(service: Service) -> None:
        before.update({table: rows(service, table) for table in tables})
        purge_everything(service)

    case = await planned(damage, lag=lag)
    report = await restored(case)
    assert report.not_done == (), report.not_done
    service = case.world.service
    service.settings.lag = 0
    ids = {one.old: one.new for one in report.new_ids}
    for table in ANEW:
        same_but_for_ids(table, before[table], rows(service, table))
    # An authentication context keeps the id that it was made under.
    assert rows(service, "authenticationContextClassReferences").keys() == {"c1", "c2"}
    # Assignments of the purged role, and on the purged unit, name the new ones.
    for old in before["roleAssignments"].values():
        scope = str(old["directoryScopeId"])
        for was, now in ids.items():
            scope = scope.replace(was, now)
        wanted = {
            "principalId": old["principalId"],
            "roleDefinitionId": ids.get(str(old["roleDefinitionId"]), old["roleDefinitionId"]),
            "directoryScopeId": scope,
        }
        assert first(service, "roleAssignments", **wanted)
    used = {
        policy["grantControls"]["authenticationStrength"]["id"]  # type: ignore[index,call-overload]
        for policy in objects(service, "conditionalAccessPolicies")
        if (policy.get("grantControls") or {}).get("authenticationStrength")  # type: ignore[attr-defined]
    }
    assert used <= rows(service, "authenticationStrengthPolicies").keys()
    # Members of the restricted unit were put there last: nothing that is done to them comes later.
    restricted = first(service, "administrativeUnits", isMemberManagementRestricted=True)["id"]
    members = set(service.store.targets("administrativeUnits.members", restricted))
    assert members


async def test_a_restricted_unit_takes_its_members_after_everything_else_that_happens_to_them() -> None:
    touched: list[str] = []

    def damage(service: Service) -> None:
        unit = str(first(service, "administrativeUnits", isMemberManagementRestricted=True)["id"])
        touched.extend(service.store.targets("administrativeUnits.members", unit))
        purge(service, "administrativeUnits", unit)
        for key in touched:
            scripted(service, "PATCH", f"/v1.0/users/{key}", {"department": "Changed"})

    case = await planned(damage)
    report = await restored(case)
    assert report.not_done == ()
    order = [one for step in case.world.plan.steps for one in step.operations]
    puts = [at for at, one in enumerate(order) if one.type == "administrativeUnits" and one.relationship]
    patches = [at for at, one in enumerate(order) if one.type == "users" and one.target in touched]
    assert patches
    assert max(patches) < min(puts)
    for at in puts:
        assert {order[one].id for one in patches if order[one].target in order[at].wanted["members"]} <= set(  # type: ignore[operator]
            order[at].after
        )


async def test_a_restricted_unit_from_the_bin_comes_after_everything_else_that_happens_to_its_members() -> None:
    """The bin gives it back with its members, so that it is the unit itself that puts them out of reach."""
    held: list[str] = []
    people: dict[str, Obj] = {}

    def damage(service: Service) -> None:
        people.update(rows(service, "users"))
        unit = str(first(service, "administrativeUnits", isMemberManagementRestricted=True)["id"])
        held.extend((unit, *service.store.targets("administrativeUnits.members", unit)))
        delete(service, "directory/administrativeUnits", unit)
        for key in held[1:]:
            scripted(service, "PATCH", f"/v1.0/users/{key}", {"department": "Changed"})

    case = await planned(damage)
    unit, *members = held
    order = [one for step in case.world.plan.steps for one in step.operations]
    back = [one for one in order if one.target == unit]  # itself, and its members in case that the bin lost some
    assert [one.mechanism for one in back] == [Mechanism.BIN, *[Mechanism.LINK] * len(members)]
    patches = [one for one in order if one.type == "users" and one.target in members]
    assert {one.target for one in patches} == set(members)
    for one in back:
        assert {patch.id for patch in patches if one is back[0] or patch.target in one.wanted["members"]} <= set(
            one.after
        )
    report = await restored(case)
    assert report.not_done == ()
    service = case.world.service
    assert set(service.store.targets("administrativeUnits.members", unit)) == set(members)
    now = rows(service, "users")
    assert all(now[key].get("department") == people[key].get("department") for key in members)
    # From the moment it is back, nobody without a role on it can write to them: it came last.
    written = [txn.path for txn in service.store.log if txn.app == "holdfast-restore"]
    assert "restore" in written[-1]
    assert unit in written[-1]


def refine(service: Service, configuration: Obj, *combinations: str) -> None:
    strength = first(service, "authenticationStrengthPolicies", displayName="Keys of ours only")["id"]
    path = f"/v1.0{STRENGTHS}/{strength}/combinationConfigurations/{configuration['id']}"
    body = {"@odata.type": configuration["@odata.type"], "appliesToCombinations": list(combinations)}
    scripted(service, "PATCH", path, body)


def allow(service: Service, *combinations: str, name: str = "Keys of ours only") -> None:
    strength = first(service, "authenticationStrengthPolicies", displayName=name)["id"]
    body = {"allowedCombinations": list(combinations)}
    scripted(service, "POST", f"/v1.0{STRENGTHS}/{strength}/updateAllowedCombinations", body)


MULTI, SINGLE = "x509CertificateMultiFactor", "x509CertificateSingleFactor"


def loosened(service: Service) -> None:
    """A weaker combination is allowed, too, and the configuration made to speak of that."""
    allow(service, "fido2", MULTI, SINGLE)
    refine(service, first(service, "combinationConfigurations", appliesToCombinations=[MULTI]), SINGLE)


def exchanged(service: Service) -> None:
    """Nothing is left of the combination that the configuration spoke of."""
    loosened(service)
    allow(service, "fido2", SINGLE)


def taken(service: Service) -> None:
    """Gone with the configuration that refined it, and another one allowed instead."""
    purge(service, "combinationConfigurations", _certificates(service))
    allow(service, "fido2", "password,sms")


def taken_only(service: Service) -> None:
    purge(service, "combinationConfigurations", _certificates(service))
    allow(service, "fido2")


def _certificates(service: Service) -> str:
    return str(first(service, "combinationConfigurations", appliesToCombinations=[MULTI])["id"])


@pytest.mark.parametrize(("attack", "writes"), [(loosened, 1), (exchanged, 2), (taken, 2), (taken_only, 1)])
async def test_combinations_come_before_what_refines_them_and_go_after_it(
    attack: Callable[[Service], None], writes: int
) -> None:
    """Graph refuses a configuration for what isn't allowed, and to leave out what a configuration is for."""
    before: dict[str, dict[str, Obj]] = {}
    tables = ("authenticationStrengthPolicies", "combinationConfigurations")

    def damage(service: Service) -> None:
        before.update({table: rows(service, table) for table in tables})
        attack(service)

    case = await planned(damage)
    report = await restored(case)
    assert report.not_done == ()
    for table in tables:
        same_but_for_ids(table, before[table], rows(case.world.service, table))
    actions = [txn for txn in case.world.service.store.log if txn.app == "holdfast-restore"]
    assert len([txn for txn in actions if txn.path.endswith("updateAllowedCombinations")]) == writes
    assert len(actions) == writes + 1


async def test_an_added_configuration_that_keeps_a_combination_is_named_with_what_to_do() -> None:
    """It is not removed without being asked for, so Graph keeps the combination; nothing else is held up."""
    added: list[str] = []

    def damage(service: Service) -> None:
        strength = first(service, "authenticationStrengthPolicies", displayName="Partners’ methods")
        allow(service, *strength["allowedCombinations"], "fido2", name="Partners’ methods")
        path = f"/v1.0{STRENGTHS}/{strength['id']}"
        body = {
            "@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
            "appliesToCombinations": ["fido2"],
            "allowedAAGUIDs": ["de1e552d-db1d-4423-a619-566b625cdc84"],
        }
        was = rows(service, "combinationConfigurations").keys()
        scripted(service, "POST", f"{path}/combinationConfigurations", body)
        added.extend((strength["id"], *(rows(service, "combinationConfigurations").keys() - was)))

    case = await planned(damage)
    strength, configuration = added
    told = {(one.type, one.target, one.member, one.other): one for one in case.world.plan.exclusions}
    warned = told["authenticationStrengthPolicies", strength, "allowedCombinations", configuration]
    assert warned.reason is Reason.ADDED_SINCE
    assert f"combinationConfigurations/{configuration} was added" in warned.why
    assert "delete it, then plan this object again" in warned.why
    assert told["combinationConfigurations", configuration, "", ""].reason is Reason.ADDED_SINCE
    report = await restored(case)
    [refused] = report.not_done
    assert (refused.type, refused.target, refused.state) == (
        "authenticationStrengthPolicies",
        strength,
        "refusedByGraph",
    )
    assert "combinationConfiguration" in refused.why
    assert warned in report.exclusions
    assert configuration in rows(case.world.service, "combinationConfigurations")


def take_roles_away(service: Service) -> None:
    spared = set(service.info["breakGlassIds"])
    for key, one in rows(service, "roleAssignments").items():
        if one["principalId"] not in spared:
            purge(service, "roleAssignments", key)


async def test_an_activation_stays_out_and_a_time_bound_assignment_keeps_its_end() -> None:
    instances: dict[str, Obj] = {}
    held: dict[str, Obj] = {}

    def damage(service: Service) -> None:
        instances.update(rows(service, "roleAssignmentScheduleInstances"))
        yet = {key for key, one in instances.items() if str(one["startDateTime"] or "") > service.now_iso()}
        held.update({key: one for key, one in rows(service, "roleAssignments").items() if key not in yet})
        take_roles_away(service)

    case = await planned(damage)
    report = await restored(case)
    assert report.not_done == (), report.not_done
    service = case.world.service
    activated = {key for key, one in instances.items() if one["assignmentType"] == "Activated"}
    ends = {key: one["endDateTime"] for key, one in instances.items() if one["endDateTime"]}
    assert activated
    assert ends.keys() - activated
    told_of = [one for one in case.world.plan.exclusions if one.type == "roleAssignments"]
    out = {one.target for one in told_of if one.reason is Reason.PASSING}
    assert out == activated
    ids = {one.old: one.new for one in report.new_ids}
    now = rows(service, "roleAssignmentScheduleInstances")
    for key in held.keys() - activated:
        one = now[ids.get(key, key)]
        assert (one["assignmentType"], one["endDateTime"]) == ("Assigned", ends.get(key)), key
    names = ("principalId", "roleDefinitionId", "directoryScopeId")
    told = {tuple(one[name] for name in names) for one in now.values()}
    assert not {tuple(held[key][name] for name in names) for key in activated} & told


async def test_a_time_bound_assignment_that_ended_meanwhile_is_told() -> None:
    def prepare(service: Service) -> None:
        for key, one in rows(service, "roleAssignmentScheduleInstances").items():
            if one["endDateTime"] and one["assignmentType"] == "Assigned":
                soon = "2026-11-22T00:30:00Z"
                with service.store.transaction("TEST", "/", "test"):
                    service.store.put("roleAssignmentScheduleInstances", key, {**one, "endDateTime": soon})

    case = await planned(lambda service: None, prepare=prepare)
    assert Reason.ENDED in {one.reason for one in case.world.plan.exclusions if one.type == "roleAssignments"}
    assert not [one for one in case.world.plan.operations if one.type == "roleAssignments"]


async def test_without_p2_every_assignment_is_for_good() -> None:
    def unlicensed(service: Service) -> None:
        service.settings.premium_p2 = False

    case = await planned(take_roles_away, prepare=unlicensed)
    operations = [one for one in case.world.plan.operations if one.type == "roleAssignments"]
    assert operations
    assert not any(one.by_request for one in operations)
    assert (await restored(case)).not_done == ()


async def test_where_instances_could_not_be_read_assignments_stay_out_unclassified() -> None:
    def forbid(service: Service) -> None:
        body = {"error": {"code": "Authorization_RequestDenied", "message": "no"}}
        effect = {"status": 403, "body": body}
        match = {"pathRegex": "roleAssignmentScheduleInstances", "method": "GET"}
        service.faults.install([{"match": match, "effect": effect}])

    case = await planned(take_roles_away, prepare=forbid)
    assert not [one for one in case.world.plan.operations if one.type == "roleAssignments"]
    reasons = {one.reason for one in case.world.plan.exclusions if one.type == "roleAssignments" and one.target}
    assert reasons == {Reason.UNCLASSIFIED}


@pytest.mark.parametrize(
    "lost", [r"roleAssignmentScheduleRequests$", r"roleAssignments$", r"oauth2PermissionGrants$"]
)
async def test_a_creation_whose_answer_was_lost_is_not_repeated(lost: str) -> None:
    def damage(service: Service) -> None:
        take_roles_away(service)
        for key in rows(service, "oauth2PermissionGrants"):
            purge(service, "oauth2PermissionGrants", key)

    case = await planned(damage)
    rule = {"match": {"pathRegex": lost, "method": "POST", "times": 2}, "effect": {"loseAnswer": True}}
    case.world.service.faults.install([rule])
    report = await restored(case)
    assert report.not_done == ()
    creations = [one.target for one in case.world.plan.operations if one.mechanism is Mechanism.CREATE]
    made = [txn for txn in case.world.service.store.log if txn.method == "POST" and txn.app == "holdfast-restore"]
    assert len(made) == len(creations)


async def test_grants_and_assignments_come_back_with_what_the_bin_gives_back() -> None:
    kept: dict[str, dict[str, Obj]] = {}

    def damage(service: Service) -> None:
        named = {
            one["principalId"] for one in rows(service, "oauth2PermissionGrants").values() if "principalId" in one
        }
        for table in ("oauth2PermissionGrants", "roleAssignments"):
            kept[table] = rows(service, table)
        for user in cloud_users(service):
            if user["id"] in named:
                delete(service, "users", str(user["id"]))

    case = await planned(damage)
    report = await restored(case)
    assert report.not_done == ()
    for table, before in kept.items():
        assert rows(case.world.service, table).keys() == before.keys()
    assert not [one for one in report.new_ids if one.type in kept]
