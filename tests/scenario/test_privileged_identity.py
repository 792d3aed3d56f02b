"""Eligibility for roles and role settings. What must stay true: no eligibility lasts longer than it did, begins
earlier, or becomes somebody's own that came with a group's membership; rules follow their role."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain.plan import Reason, Scope
from shared.engines.report import Kind
from tests.restore_planned import make_plan, planned, purge
from tests.scenario.test_governance_types import first, restored, rows
from tests.simdirectory import scripted
from tests.simulator.clock import iso
from tests.simulator.service import Service

Obj = dict[str, Any]
TABLE = "roleEligibilitySchedules"
REQUESTS = "/v1.0/roleManagement/directory/roleEligibilityScheduleRequests"


def purge_all(service: Service) -> None:
    for key in rows(service, TABLE):
        purge(service, TABLE, key)


def facts(found: dict[str, Obj]) -> set[tuple[str, ...]]:
    return {
        tuple(
            str(part)
            for part in (
                one["principalId"],
                one["roleDefinitionId"],
                one["directoryScopeId"],
                one["scheduleInfo"]["expiration"],
            )
        )
        for one in found.values()
    }


def given(service: Service, whole: Obj, start: float, expiration: Obj) -> None:
    """Takes one away, as if it had been given for another period, and gives that."""
    purge(service, TABLE, str(whole["id"]))
    body = {name: whole[name] for name in ("principalId", "roleDefinitionId", "directoryScopeId")}
    period = {"startDateTime": iso(start), "expiration": expiration}
    scripted(
        service, "POST", REQUESTS, {**body, "action": "adminAssign", "justification": "x", "scheduleInfo": period}
    )


@pytest.mark.parametrize("lag", [0.0, 40.0])
async def test_eligibility_comes_back_by_requests_and_ends_when_it_would_have(lag: float) -> None:
    before: dict[str, Obj] = {}

    def damage(service: Service) -> None:
        before.update(rows(service, TABLE))
        purge_all(service)

    case = await planned(damage, lag=lag)
    made = [one for one in case.world.plan.operations if one.type == TABLE]
    assert len(made) == len(before)
    assert {one.request.path for one in made} == {REQUESTS}
    report = await restored(case)
    assert report.not_done == ()
    case.world.service.settings.lag = 0
    after = rows(case.world.service, TABLE)
    # What the members of a group have through it is shown under new ids, and nothing else is told.
    assert {one.kind for one in report.listed} == {Kind.ADDED, Kind.MISSING}
    assert not {one.live or one.target for one in report.listed} & (after.keys() | before.keys())
    assert facts(after) == facts(before)
    assert not after.keys() & before.keys()
    # What a group's members have by their membership was in the snapshot, and is nobody's own now.
    assert {one["memberType"] for one in after.values()} == {"Direct"}
    told = [one for one in case.world.plan.exclusions if one.type == TABLE]
    assert {one.reason for one in told} <= {Reason.PASSING}


async def test_eligibility_for_a_role_and_a_person_who_are_made_anew_names_the_new_ones() -> None:
    old: Obj = {}

    def damage(service: Service) -> None:
        role = first(service, "roleDefinitions", isBuiltIn=False, isEnabled=True)["id"]
        old.update(first(service, TABLE, roleDefinitionId=role))
        purge(service, "roleDefinitions", str(role))
        purge(service, "users", str(old["principalId"]))

    case = await planned(damage)
    report = await restored(case)
    assert report.not_done == ()
    ids = {one.old: one.new for one in report.new_ids}
    wanted = {name: ids[str(old[name])] for name in ("principalId", "roleDefinitionId")}
    assert first(case.world.service, TABLE, **wanted)["scheduleInfo"]["expiration"]["type"] == "noExpiration"


async def test_the_same_given_by_somebody_else_for_another_period_is_a_conflict() -> None:
    held: list[Obj] = []

    def damage(service: Service) -> None:
        whole = first(service, TABLE, principalId=_lasting(service)["principalId"])
        held.append(whole)
        ends = {"type": "afterDateTime", "endDateTime": iso(service.clock.now() + 86400)}
        given(service, whole, service.clock.now(), ends)

    case = await planned(damage)
    (conflict,) = (one for one in case.world.plan.conflicts if one.type == TABLE)
    assert conflict.target == held[0]["id"]


def _lasting(service: Service) -> Obj:
    return next(
        one for one in rows(service, TABLE).values() if one["scheduleInfo"]["expiration"]["type"] == "noExpiration"
    )


async def test_one_that_has_yet_to_begin_begins_when_it_would_have() -> None:
    starts: list[float] = []

    def prepare(service: Service) -> None:
        starts.append(service.clock.now() + 30 * 86400)
        given(service, _lasting(service), starts[0], {"type": "afterDuration", "duration": "P10D"})

    case = await planned(purge_all, prepare=prepare)
    report = await restored(case)
    assert report.not_done == ()
    begun = [one["scheduleInfo"] for one in rows(case.world.service, TABLE).values()]
    (later,) = (one for one in begun if one["startDateTime"] == iso(starts[0]))
    assert later["expiration"]["endDateTime"] == iso(starts[0] + 10 * 86400)


async def test_one_that_ended_meanwhile_stays_out_and_is_told() -> None:
    old: list[Obj] = []

    def prepare(service: Service) -> None:
        whole = _lasting(service)
        old.append(whole)
        ends = {"type": "afterDateTime", "endDateTime": iso(service.clock.now() + 5400)}
        given(service, whole, service.clock.now(), ends)

    case = await planned(lambda service: None, prepare=prepare)
    (told,) = (one for one in case.world.plan.exclusions if one.reason is Reason.ENDED)
    assert (told.type, told.name) == (TABLE, old[0]["principalId"])
    assert not [one for one in case.world.plan.operations if one.type == TABLE]


# --- role settings

SETTINGS, ASSIGNED = "roleManagementPolicies", "roleManagementPolicyAssignments"
OTHERS: dict[str, Obj] = {
    "ApprovalRule": {"setting": {"isApprovalRequired": False, "approvalMode": "NoApproval", "approvalStages": []}},
    "AuthenticationContextRule": {"isEnabled": False, "claimValue": ""},
    "EnablementRule": {"enabledRules": ["MultiFactorAuthentication"]},
    "ExpirationRule": {"isExpirationRequired": True, "maximumDuration": "PT5H"},
    "NotificationRule": {
        "isDefaultRecipientsEnabled": False,
        "notificationLevel": "Critical",
        "notificationRecipients": ["nobody@contoso-sim.example"],
    },
}


def settings_of(service: Service, role: str) -> Obj:
    return rows(service, SETTINGS)[first(service, ASSIGNED, roleDefinitionId=role)["policyId"]]


def ruled(policy: Obj) -> list[Obj]:
    return sorted(policy["rules"], key=lambda one: str(one["id"]))


def change_rules(service: Service, role: str, **only: Obj) -> None:
    """Every rule, or those that are named, as a client writes it."""
    policy = settings_of(service, role)
    for rule in policy["rules"]:
        kind = str(rule["@odata.type"])
        values = only.get(rule["id"]) if only else OTHERS[kind.rpartition("Policy")[2]]
        if values is not None:
            path = f"/v1.0/policies/roleManagementPolicies/{policy['id']}/rules/{rule['id']}"
            body = {"@odata.type": kind, "id": rule["id"], "target": rule["target"], **values}
            scripted(service, "PATCH", path, body)


def custom_role(service: Service) -> str:
    return str(first(service, "roleDefinitions", isBuiltIn=False, isEnabled=True)["id"])


async def test_every_rule_of_a_role_goes_back_by_a_write_of_its_own() -> None:
    before: list[Obj] = []

    def damage(service: Service) -> None:
        before.extend(ruled(settings_of(service, custom_role(service))))
        change_rules(service, custom_role(service))

    case = await planned(damage)
    written = [one for one in case.world.plan.operations if one.type == ASSIGNED]
    assert len(written) == len(before) == 17
    assert {one.request.method for one in written} == {"PATCH"}
    report = await restored(case)
    assert (report.not_done, report.listed) == ((), ())
    assert ruled(settings_of(case.world.service, custom_role(case.world.service))) == before
    again = await make_plan(case.world.service, case.snapshot, case.world.clock, plan_id="again")
    assert not again.operations


@pytest.mark.parametrize("lag", [0.0, pytest.param(40.0, marks=pytest.mark.full)])
async def test_rules_of_a_role_that_is_made_anew_are_found_by_the_role_and_name_new_approvers(lag: float) -> None:
    old: Obj = {}

    def damage(service: Service) -> None:
        role = custom_role(service)
        old.update(settings_of(service, role), role=role)
        stage = next(one for one in old["rules"] if "setting" in one)["setting"]["approvalStages"][0]
        old["approvers"] = [one.get("userId") or one["groupId"] for one in stage["primaryApprovers"]]
        purge(service, "roleDefinitions", role)
        for table, key in zip(("users", "groups"), old["approvers"], strict=True):
            purge(service, table, key)
        purge(service, "authenticationContextClassReferences", "c1")

    case = await planned(damage, lag=lag)
    report = await restored(case)
    assert report.not_done == ()
    case.world.service.settings.lag = 0
    ids = {one.old: one.new for one in report.new_ids}
    now = settings_of(case.world.service, ids[old["role"]])
    assert now["id"] == ids[old["id"]] != old["id"]
    text = json.dumps(ruled(old))
    for one in old["approvers"]:
        assert ids[one] != one
        text = text.replace(one, ids[one])
    assert ruled(now) == json.loads(text)


async def test_rules_are_right_before_eligibility_that_they_decide_on() -> None:
    def damage(service: Service) -> None:
        role = custom_role(service)
        purge(service, TABLE, str(first(service, TABLE, roleDefinitionId=role)["id"]))
        change_rules(service, role, Expiration_Admin_Eligibility={"isExpirationRequired": True})

    case = await planned(damage)
    order = [one for step in case.world.plan.steps for one in step.operations if one.type in (TABLE, ASSIGNED)]
    assert [one.type for one in order] == [ASSIGNED, TABLE]
    report = await restored(case)
    assert report.not_done == ()
    role = custom_role(case.world.service)
    assert (
        first(case.world.service, TABLE, roleDefinitionId=role)["scheduleInfo"]["expiration"]["endDateTime"] is None
    )


async def test_rules_come_first_for_assignments_with_an_end_and_those_without_need_none() -> None:
    """A rule that can't go back must not keep anybody from a role that is simply assigned."""

    def damage(service: Service) -> None:
        for role in ("29232cdf-9323-42fd-ade2-1d097af3e4de", "62e90394-69f5-4237-9190-012177145e10"):
            held = rows(service, "roleAssignments")
            change_rules(service, role, Expiration_Admin_Assignment={"isExpirationRequired": True})
            purge(
                service,
                "roleAssignments",
                next(key for key, one in held.items() if one["roleDefinitionId"] == role),
            )

    case = await planned(damage)
    by_id = {one.id: one for one in case.world.plan.operations}
    made = {one.by_request: one for one in by_id.values() if one.type == "roleAssignments"}
    assert {by_id[one].type for one in made[True].after} == {ASSIGNED}
    assert not made[False].after
    assert (await restored(case)).not_done == ()


async def test_an_approver_who_is_gone_for_good_keeps_that_rule_alone_from_going_back() -> None:
    gone: list[str] = []

    def damage(service: Service) -> None:
        role = custom_role(service)
        (rule,) = (one for one in settings_of(service, role)["rules"] if "setting" in one)
        gone.append(rule["setting"]["approvalStages"][0]["primaryApprovers"][0]["userId"])
        change_rules(service, role)
        purge(service, "users", gone[0])

    case = await planned(damage, scope=Scope(types=(ASSIGNED,)))
    await case.run()
    service = case.world.service
    changed = {one["id"] for one in settings_of(service, custom_role(service))["rules"] if _weak(one)}
    assert changed == {"Approval_EndUser_Assignment"}


def _weak(rule: Obj) -> bool:
    values = OTHERS[str(rule["@odata.type"]).rpartition("Policy")[2]]
    return all(rule[name] == value for name, value in values.items())
