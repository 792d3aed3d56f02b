"""The last look before a policy acts, on the simulated tenant: whatever changed since the plan counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.adapters.memory import ManualClock
from shared.catalog.registry import CATALOG
from shared.domain.errors import Retryable
from shared.domain.objects import JsonObject
from shared.domain.plan import Mechanism, Operation, Request
from shared.domain.ports import GraphRequest, GraphResponse
from shared.engines.live_guard import LiveGuard
from shared.engines.second_opinion import AGREED, Opinion
from tests.restore_world import WRITER, objects, tenant
from tests.simdirectory import SimDirectory, scripted
from tests.simulator.auth import Principal
from tests.simulator.service import Service
from tests.unit import lockout_cases as table
from tests.unit.cli_samples import plan as sample_plan


@dataclass
class Live:
    clock: ManualClock
    service: Service

    @property
    def accounts(self) -> list[str]:
        return [*self.service.info["breakGlassIds"]]

    @property
    def group(self) -> str:
        return str(self.service.info["breakGlassGroupId"])

    def directory(self, roles: frozenset[str] = WRITER) -> SimDirectory:
        return SimDirectory(self.service, self.clock, Principal("holdfast-restore", "holdfast-restore", roles))

    async def why(
        self,
        policy: JsonObject,
        directory: Any = None,
        groups: tuple[str, ...] | None = None,
        type_name: str = "conditionalAccessPolicies",
    ) -> str:
        plan = replace(
            sample_plan(),
            break_glass_ids=tuple(self.accounts),
            guard_groups=(self.group,) if groups is None else groups,
        )
        operation = self.patch(type_name, policy)
        guard = LiveGuard(directory or self.directory(), CATALOG, self.clock)
        return (await guard.word(plan, operation, policy, {})).against

    def patch(self, type_name: str, item: JsonObject) -> Operation:
        return replace(
            sample_plan().operations[0],
            type=type_name,
            target=str(item.get("id", "")),
            mechanism=Mechanism.PATCH,
            relationship="",
            before={},
            wanted=item,
        )

    async def why_not(self, operation: Operation, directory: Any = None) -> str:
        plan = replace(sample_plan(), break_glass_ids=tuple(self.accounts), guard_groups=())
        guard = LiveGuard(directory or self.directory(), CATALOG, self.clock)
        return (await guard.word(plan, operation, {}, {})).against


@pytest.fixture
def live() -> Live:
    clock = ManualClock()
    service = tenant(clock)
    clock.advance(3600)
    return Live(clock, service)


def excluding(live: Live) -> JsonObject:
    return table.for_users(includeUsers=["All"], excludeGroups=[live.group])


async def test_a_policy_that_excludes_the_group_may_act(live: Live) -> None:
    assert await live.why(excluding(live)) == ""
    assert await live.why(table.for_users(includeUsers=["All"], excludeUsers=live.accounts)) == ""
    assert "it blocks" in await live.why(table.for_users(includeUsers=["All"]))


async def test_a_group_that_the_plan_does_not_name_excludes_nobody(live: Live) -> None:
    assert "it blocks" in await live.why(excluding(live), groups=())


def _patched(path: str, **values: Any) -> Callable[[Live], None]:
    return lambda live: scripted(live.service, "PATCH", path.format(live), values) and None


def _no_administrators(live: Live) -> None:
    another = next(one["id"] for one in objects(live.service, "users") if one["id"] not in live.accounts)
    assigned = {"principalId": another, "roleDefinitionId": table.GLOBAL_ADMINISTRATOR, "directoryScopeId": "/"}
    scripted(live.service, "POST", "/v1.0/roleManagement/directory/roleAssignments", assigned)
    for one in objects(live.service, "roleAssignments"):
        if one["principalId"] in live.accounts:
            scripted(live.service, "DELETE", f"/v1.0/roleManagement/directory/roleAssignments/{one['id']}")


def _member_gone(live: Live) -> None:
    scripted(live.service, "DELETE", f"/v1.0/groups/{live.group}/members/{live.accounts[0]}/$ref")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (_patched("/v1.0/users/{0.accounts[0]}", accountEnabled=False), "not known to be enabled"),
        (_patched("/v1.0/policies/identitySecurityDefaultsEnforcementPolicy", isEnabled=True), "security defaults"),
        (_no_administrators, "Global Administrator"),
        (_member_gone, "it blocks"),
    ],
    ids=["disabled", "security defaults", "no administrator", "no member"],
)
async def test_what_changed_a_moment_ago_counts(live: Live, change: Callable[[Live], None], word: str) -> None:
    change(live)
    live.clock.advance(3600)
    assert word in await live.why(excluding(live))


async def test_who_is_caught_is_asked_of_the_account_however_deep_the_group_lies(live: Live) -> None:
    url = "/v1.0/groups"
    made = scripted(
        live.service,
        "POST",
        url,
        {"displayName": "Around", "mailNickname": "around", "mailEnabled": False, "securityEnabled": True},
    )
    around = str(made["id"])
    policy = table.for_users(includeGroups=[around])
    live.clock.advance(3600)
    assert await live.why(policy) == ""
    address = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{live.group}"}
    scripted(live.service, "POST", f"{url}/{around}/members/$ref", address)
    live.clock.advance(3600)
    assert "it blocks" in await live.why(policy)


async def test_a_policy_that_the_accounts_meet_may_act(live: Live) -> None:
    policy = table.policy("mfa")
    assert "multifactor" in await live.why(policy)
    for account in live.accounts:
        scripted(live.service, "PATCH", f"/v1.0/users/{account}", {"mobilePhone": "+49 30 1"})
    methods = "/v1.0/policies/authenticationMethodsPolicy/authenticationMethodConfigurations"
    sms = {"@odata.type": "#microsoft.graph.smsAuthenticationMethodConfiguration", "state": "enabled"}
    scripted(live.service, "PATCH", f"{methods}/Sms", sms)
    live.clock.advance(3600)
    assert "wasn't read" in await live.why(policy), "the restore app may not, unless its owner lets it"
    allowed = live.directory(WRITER | {"UserAuthenticationMethod.Read.All"})
    assert await live.why(policy, allowed) == ""


@pytest.mark.parametrize(
    ("missing", "word"),
    [
        ("User.ReadWrite.All", "could not be read"),
        ("RoleManagement.ReadWrite.Directory", "role assignments could not be read"),
    ],
)
async def test_what_may_not_be_read_proves_nothing(live: Live, missing: str, word: str) -> None:
    family = missing.split(".")[0]
    roles = frozenset(
        one for one in WRITER if not one.startswith((family, "Directory", "RoleAssignment", "RoleEligib", "Domain"))
    )
    assert word in await live.why(excluding(live), live.directory(roles))


# --- what policies that are on rest on


def _of(service: Service, name: str, object_id: str) -> JsonObject:
    return next(dict(one) for one in objects(service, name) if one["id"] == object_id)


async def test_what_lets_them_out_now_stays_as_it_is(live: Live) -> None:
    dynamic = {"groupTypes": ["DynamicMembership"], "membershipRule": "x"}
    assert await live.why({"id": live.group, "description": "other"}, type_name="groups") == ""
    assert "asks for" in await live.why({"id": live.group, **dynamic}, type_name="groups")


async def test_accounts_stay_able_to_sign_in(live: Live) -> None:
    user = _of(live.service, "users", live.accounts[0])
    assert await live.why({**user, "department": "other"}, type_name="users") == ""
    assert "enabled" in await live.why({**user, "accountEnabled": False}, type_name="users")
    elsewhere = {**user, "userPrincipalName": "glass@federated.contoso-sim.example"}
    assert "managed" in await live.why(elsewhere, type_name="users")


async def test_security_defaults_stay_off_beside_policies_that_are_on(live: Live) -> None:
    defaults = {"id": "identitySecurityDefaultsEnforcementPolicy", "isEnabled": True}
    assert "security defaults" in await live.why(defaults, type_name=str(defaults["id"]))
    assert await live.why({**defaults, "isEnabled": False}, type_name=str(defaults["id"])) == ""


# --- links and removals


def _link(live: Live, group: str, *, coming: list[str] | None = None, going: list[str] | None = None) -> Operation:
    mechanism = Mechanism.LINK if coming else Mechanism.UNLINK
    made = replace(live.patch("groups", {}), target=group, mechanism=mechanism, relationship="members")
    return replace(made, wanted={"members": [*coming]} if coming else {}, before={"members": [*(going or ())]})


def _remove(live: Live, type_name: str, object_id: str) -> Operation:
    return replace(live.patch(type_name, {}), target=object_id, mechanism=Mechanism.REMOVE)


def _made_group(live: Live, name: str, members: list[str]) -> str:
    body = {"displayName": name, "mailNickname": name, "mailEnabled": False, "securityEnabled": True}
    made = str(scripted(live.service, "POST", "/v1.0/groups", body)["id"])
    for member in members:
        address = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{member}"}
        scripted(live.service, "POST", f"/v1.0/groups/{made}/members/$ref", address)
    live.clock.advance(3600)
    return made


def _on(live: Live, users: JsonObject, **members: Any) -> None:
    """Somebody turned a policy on, after the plan was made."""
    policy = {
        "displayName": "New",
        "state": "enabled",
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": ["All"]},
            "users": users,
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
        **members,
    }
    scripted(live.service, "POST", "/v1.0/identity/conditionalAccess/policies", policy)
    live.clock.advance(3600)


async def test_nobody_is_taken_out_of_a_group_that_lets_them_out_by_now(live: Live) -> None:
    staff = _made_group(live, "staff", live.accounts)
    assert await live.why_not(_link(live, staff, going=[live.accounts[0]])) == ""
    _on(live, {"includeUsers": ["All"], "excludeGroups": [staff]})
    assert "it blocks" in await live.why_not(_link(live, staff, going=[live.accounts[0]]))
    assert "it blocks" in await live.why_not(_remove(live, "groups", staff))
    other = next(str(one["id"]) for one in objects(live.service, "users") if one["id"] not in live.accounts)
    assert await live.why_not(_link(live, staff, going=[other])) == ""


async def test_nobody_is_linked_into_a_group_that_is_shut_out_by_now_however_deep(live: Live) -> None:
    inner = _made_group(live, "inner", [])
    outer = _made_group(live, "outer", [inner])
    holding = _made_group(live, "holding", [live.accounts[0]])
    into = [_link(live, inner, coming=[live.accounts[1]]), _link(live, inner, coming=[holding])]
    assert [await live.why_not(one) for one in into] == ["", ""]
    _on(live, {"includeGroups": [outer]})
    first, second = [await live.why_not(one) for one in into]
    assert "it blocks" in first
    assert live.accounts[1] in first
    assert live.accounts[0] not in first
    assert "it blocks" in second
    assert live.accounts[0] in second
    assert await live.why_not(_link(live, inner, going=[live.accounts[0]])) == ""


async def test_the_last_administrators_role_is_not_taken_away(live: Live) -> None:
    held = [one for one in objects(live.service, "roleAssignments") if one["principalId"] in live.accounts]
    for one in held[1:]:
        scripted(live.service, "DELETE", f"/v1.0/roleManagement/directory/roleAssignments/{one['id']}")
    live.clock.advance(3600)
    assert "Global Administrator" in await live.why_not(_remove(live, "roleAssignments", str(held[0]["id"])))


async def test_nobody_is_given_a_role_that_is_shut_out_by_now(live: Live) -> None:
    _on(live, {"includeRoles": [table.EXCHANGE_ADMINISTRATOR]})
    body = {
        "principalId": live.accounts[0],
        "roleDefinitionId": table.EXCHANGE_ADMINISTRATOR,
        "directoryScopeId": "/",
    }
    made = replace(live.patch("roleAssignments", body), mechanism=Mechanism.CREATE, target="new")
    assert "it blocks" in await live.why_not(made)


async def test_a_domain_of_theirs_is_not_sent_elsewhere(live: Live) -> None:
    name = str(_of(live.service, "users", live.accounts[0])["userPrincipalName"]).partition("@")[2]
    made = replace(live.patch("domainFederations", {}), mechanism=Mechanism.CREATE, target="new")

    def of(domain: str) -> Operation:
        return replace(
            made, request=Request("POST", f"/v1.0/domains/{domain}/federationConfiguration", {}, "directory")
        )

    assert "managed" in await live.why_not(of(name))
    assert await live.why_not(of("other.example")) == ""


async def test_methods_that_a_group_may_not_use_are_not_counted(live: Live) -> None:
    held = _made_group(live, "unlucky", live.accounts)
    for account in live.accounts:
        scripted(live.service, "PATCH", f"/v1.0/users/{account}", {"mobilePhone": "+49 30 1"})
    allowed = live.directory(WRITER | {"UserAuthenticationMethod.Read.All"})
    sms: JsonObject = {
        "@odata.type": "#microsoft.graph.smsAuthenticationMethodConfiguration",
        "state": "enabled",
    }
    path = "/v1.0/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/Sms"
    scripted(live.service, "PATCH", path, sms)
    live.clock.advance(3600)
    assert await live.why(table.policy("mfa"), allowed) == ""
    _on(live, {"includeUsers": ["All"]}, grantControls={"operator": "OR", "builtInControls": ["mfa"]})
    off = replace(live.patch("authenticationMethodConfigurations", {"state": "disabled"}), target="Sms")
    assert "no method" in await live.why_not(off, allowed)
    excluded = {**sms, "excludeTargets": [{"targetType": "group", "id": held}]}
    scripted(live.service, "PATCH", path, excluded)
    live.clock.advance(3600)
    assert "no method" in await live.why(table.policy("mfa"), allowed)


async def test_what_sends_them_elsewhere_by_now_counts(live: Live) -> None:
    assert "Federated" in {one["authenticationType"] for one in objects(live.service, "domains")}
    definition = '{"HomeRealmDiscoveryPolicy": {"AccelerateToFederatedDomain": true}}'
    body = {"displayName": "R", "definition": [definition], "isOrganizationDefault": False}
    made = str(scripted(live.service, "POST", "/v1.0/policies/homeRealmDiscoveryPolicies", body)["id"])
    live.clock.advance(3600)
    assert await live.why(excluding(live)) == ""
    default = replace(live.patch("homeRealmDiscoveryPolicies", {"isOrganizationDefault": True}), target=made)
    assert "federated domain" in await live.why_not(default)
    path = f"/v1.0/policies/homeRealmDiscoveryPolicies/{made}"
    scripted(live.service, "PATCH", path, {"isOrganizationDefault": True})
    live.clock.advance(3600)
    assert "federated domain" in await live.why(excluding(live))


# --- the service's own evaluation


class Evaluating:
    """The directory, with another answer to what policies would do; None: the tenant's own."""

    def __init__(self, directory: SimDirectory, answer: GraphResponse | None = None) -> None:
        self._directory = directory
        self._answer = answer
        self.asked: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._directory, name)

    async def send(self, request: GraphRequest) -> GraphResponse:
        if not request.path.endswith("/evaluate"):
            return await self._directory.send(request)
        self.asked.append(request.body)
        return self._answer or await self._directory.send(request)


TRIED: JsonObject = {"state": "enabledForReportingButNotEnforced"}


def _said(live: Live, **said: Any) -> GraphResponse:
    return GraphResponse(200, json.dumps({"value": [{"id": _policy(live)["id"], **said}]}).encode())


def _policy(live: Live) -> JsonObject:
    """One that is in report-only mode, blocks, and excludes the accounts by their group."""
    for one in objects(live.service, "conditionalAccessPolicies"):
        if one["displayName"] == "Tried":
            return dict(one)
    body = {
        "displayName": "Tried",
        **TRIED,
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": ["All"]},
            "users": {"includeUsers": ["All"], "excludeGroups": [live.group]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    }
    scripted(live.service, "POST", "/v1.0/identity/conditionalAccess/policies", body)
    live.clock.advance(3600)
    return _policy(live)


async def _opinion(
    live: Live, directory: Evaluating, before: JsonObject | None = None, policy: JsonObject | None = None
) -> Opinion:
    on: JsonObject = {**(policy or _policy(live)), "state": "enabled"}
    plan = replace(sample_plan(), break_glass_ids=tuple(live.accounts), guard_groups=(live.group,))
    enable = replace(live.patch("conditionalAccessPolicies", on), mechanism=Mechanism.ENABLE)
    guard = LiveGuard(directory, CATALOG, live.clock)
    return await guard.word(plan, enable, on, TRIED if before is None else before)


async def test_the_service_agrees_on_a_policy_that_excludes_them(live: Live) -> None:
    directory = Evaluating(live.directory())
    assert await _opinion(live, directory) == AGREED
    assert {one["signInIdentity"]["userId"] for one in directory.asked} == {*live.accounts}
    kinds = {one["signInContext"]["@odata.type"] for one in directory.asked}
    assert kinds == {"#microsoft.graph.applicationContext", "#microsoft.graph.userActionContext"}


async def test_where_the_service_says_that_it_applies_it_stays_off(live: Live) -> None:
    opinion = await _opinion(live, Evaluating(live.directory(), _said(live, policyApplies=True)))
    assert "says that it applies" in opinion.against
    assert "it blocks" in opinion.against


async def test_who_meets_a_policy_needs_no_second_opinion(live: Live) -> None:
    directory = Evaluating(live.directory())
    harmless = table.policy(session={"signInFrequency": {"value": 1}})
    assert await _opinion(live, directory, policy=harmless) == AGREED
    assert directory.asked == []


@pytest.mark.parametrize(
    ("answer", "kind", "word"),
    [
        (GraphResponse(403, b"{}"), "against", "refused"),
        (GraphResponse(400, b"{}"), "against", "refused"),
        (GraphResponse(200, b"x"), "against", "not understood"),
        (GraphResponse(200, b'{"value": {}}'), "against", "not understood"),
        (GraphResponse(200, b'{"value": []}'), "wait", "doesn't know yet"),
        (GraphResponse(404, b"{}"), "told", "no second opinion"),
        (GraphResponse(501, b"{}"), "told", "no second opinion"),
    ],
    ids=["forbidden", "bad request", "no JSON", "no list", "unknown policy", "absent", "not implemented"],
)
async def test_no_answer_is_no_agreement(live: Live, answer: GraphResponse, kind: str, word: str) -> None:
    opinion = await _opinion(live, Evaluating(live.directory(), answer))
    assert word in getattr(opinion, kind)
    assert [one for one in (opinion.against, opinion.wait, opinion.told) if one] == [getattr(opinion, kind)]


async def test_what_reads_as_off_is_waited_for_and_what_says_nothing_stops(live: Live) -> None:
    off = _said(live, policyApplies=False, analysisReasons="policyNotEnabled")
    assert "report-only" in (await _opinion(live, Evaluating(live.directory(), off))).wait
    silent = _said(live, analysisReasons="users")
    assert "not understood" in (await _opinion(live, Evaluating(live.directory(), silent))).against
    untried = await _opinion(live, Evaluating(live.directory()), {"state": "disabled"})
    assert "wasn't in report-only mode" in untried.told


async def test_a_service_that_is_down_is_waited_for(live: Live) -> None:
    with pytest.raises(Retryable):
        await _opinion(live, Evaluating(live.directory(), GraphResponse(503, b"")))


async def test_the_simulated_evaluation_says_whom_a_policy_would_catch(live: Live) -> None:
    policy = _policy(live)
    other = next(str(one["id"]) for one in objects(live.service, "users") if one["id"] not in live.accounts)

    def evaluated(user: str, **context: Any) -> JsonObject:
        kind = "userActionContext" if context else "applicationContext"
        asked = {
            "signInIdentity": {"@odata.type": "#microsoft.graph.userSignIn", "userId": user},
            "signInContext": {
                "@odata.type": f"#microsoft.graph.{kind}",
                **(context or {"includeApplications": [table.AZURE_MANAGEMENT]}),
            },
            "signInConditions": {"devicePlatform": "windows", "clientAppType": "browser"},
        }
        answer = scripted(live.service, "POST", "/beta/identity/conditionalAccess/evaluate", asked)
        return next(dict(one) for one in answer["value"] if one["id"] == policy["id"])

    assert evaluated(other)["policyApplies"] is True
    assert evaluated(other, userAction="registerSecurityInformation")["policyApplies"] is True
    spared = evaluated(live.accounts[0])
    assert (spared["policyApplies"], spared["analysisReasons"]) == (False, "users")
    path = f"/v1.0/identity/conditionalAccess/policies/{policy['id']}"
    scripted(live.service, "PATCH", path, {"state": "disabled"})
    assert evaluated(other)["analysisReasons"] == "policyNotEnabled"
