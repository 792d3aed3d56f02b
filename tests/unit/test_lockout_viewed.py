"""The guard's facts from a view: what is read, what is opened, and that what wasn't read is never a pass."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from shared.adapters.memory import ManualClock
from shared.catalog.registry import CATALOG
from shared.domain.snapshot import Completeness, State
from shared.engines.lockout.facts import Facts, read_facts
from shared.engines.lockout.registered import registered_now
from shared.engines.lockout.verdict import judge
from shared.engines.lockout.viewed import NATURES, REGISTERED, TYPES, facts_of, whole_of
from tests.restore_planned import read
from tests.restore_world import tenant as simulated
from tests.simdirectory import SimDirectory
from tests.simulator.auth import Principal
from tests.unit import lockout_cases as table
from tests.unit.lockout_cases import ONE, TWO
from tests.unit.views import Tenant, TenantView

ACCOUNTS = (ONE, TWO)
_PLAIN = ("users", "domains", "conditionalAccessPolicies", "authenticationStrengthPolicies", "roleAssignments")


def tenant_of(file: dict[str, Any]) -> Tenant:
    """What the file says, as a tenant that is backed up."""
    made = Tenant()
    for name in _PLAIN:
        for item in file[name]:
            made.add(name, item["id"], **{key: value for key, value in item.items() if key != "id"})
    for group in file["groups"]:
        members = group.get("members", [])
        made.add(
            "groups", group["id"], **{key: value for key, value in group.items() if key not in ("id", "members")}
        )
        for member in members:
            made.link("groups.members", group["id"], member, "groups" if member == table.BREAK_GLASS else "users")
    policy = file["authenticationMethodsPolicy"]
    made.add("authenticationMethodsPolicy", policy["id"])
    for config in policy["authenticationMethodConfigurations"]:
        made.add(
            "authenticationMethodConfigurations",
            config["id"],
            **{key: value for key, value in config.items() if key != "id"},
        )
    made.add("identitySecurityDefaultsEnforcementPolicy", "defaults", isEnabled=False)
    for account, methods in file["registeredMethods"].items():
        made.add(REGISTERED, account, methods=methods)
    return made


async def rules(file: dict[str, Any], **states: State) -> dict[str, set[str]]:
    told = {name.replace("__", "."): Completeness(state) for name, state in states.items()}
    facts = await facts_of(TenantView(tenant_of(file), states=told), ACCOUNTS)
    return {one.id: {finding.rule.value for finding in one.findings} for one in judge(facts).accounts}


def with_policy(policy: dict[str, Any]) -> dict[str, Any]:
    return {**table.sound(), "conditionalAccessPolicies": [policy]}


def excluding(group: str) -> dict[str, Any]:
    return with_policy(table.for_users(includeUsers=["All"], excludeGroups=[group]))


def _can_be_a_tenant(file: dict[str, Any]) -> bool:
    """Whether the file says what a tenant can say, of these accounts."""
    return (
        set(file) == set(table.sound())
        and file["breakGlassIds"] == [*ACCOUNTS]
        and all(isinstance(group.get("members", []), list) for group in file["groups"])
        and len({one["id"] for one in file["roleAssignments"]}) == len(file["roleAssignments"])
        and all("id" in one for one in file["authenticationMethodsPolicy"]["authenticationMethodConfigurations"])
        and not file["identitySecurityDefaultsEnforcementPolicy"]["isEnabled"]
        and file["registeredMethods"] is not None
    )


CASES = [case for case in table.CASES if _can_be_a_tenant(case.file)]


async def test_a_tenant_is_judged_as_its_file_is() -> None:
    for case in CASES:
        whole = {**case.file, "groups": [{"members": [], **group} for group in case.file["groups"]]}
        expected = {
            account.id: {finding.rule.value for finding in account.findings}
            for account in judge(read_facts(whole)).accounts
        }
        assert await rules(whole) == expected, (case.group, case.name)


def test_most_cases_can_be_a_tenant() -> None:
    assert len(CASES) > 200


async def test_what_the_view_lacks_is_found() -> None:
    for name, rule in {
        "conditionalAccessPolicies": "policiesNotRead",
        "domains": "domainsNotRead",
        "roleAssignments": "rolesNotRead",
        NATURES[0]: "rolesNotRead",
        NATURES[1]: "rolesNotRead",
    }.items():
        for state in (State.PARTIAL, State.NOT_PERMITTED, State.NOT_READ):
            assert await rules(table.sound(), **{name: state}) == {ONE: {rule}, TWO: {rule}}, (name, state)
    mfa = with_policy(table.policy("mfa"))
    assert await rules(mfa) == {ONE: set(), TWO: set()}
    for name in (REGISTERED, "authenticationMethodsPolicy", "authenticationMethodConfigurations"):
        assert await rules(mfa, **{name: State.NOT_READ}) == {ONE: {"mfaNotProved"}, TWO: {"mfaNotProved"}}, name
    rule = "securityDefaultsWithPolicies"
    assert await rules(mfa, identitySecurityDefaultsEnforcementPolicy=State.NOT_PERMITTED) == {
        ONE: {rule},
        TWO: {rule},
    }


async def test_without_the_licence_for_roles_assignments_are_what_they_are() -> None:
    nothing = {ONE: set[str](), TWO: set[str]()}
    assert await rules(table.sound(), **dict.fromkeys(NATURES, State.NOT_LICENSED)) == nothing


async def test_groups_that_were_read_in_part_exclude_nobody() -> None:
    blocked = {ONE: {"block"}, TWO: {"block"}}
    assert await rules(excluding(table.INNER)) == {ONE: set(), TWO: set()}
    assert await rules(excluding(table.INNER), groups=State.PARTIAL) == blocked
    assert await rules(excluding(table.INNER), groups__members=State.PARTIAL) == blocked
    including = with_policy(table.for_users(includeGroups=[table.GONE]))
    assert await rules(including) == {ONE: set(), TWO: set()}
    assert await rules(including, groups=State.PARTIAL) == blocked


async def test_an_account_that_a_partial_listing_holds_is_known() -> None:
    assert await rules(table.sound(), users=State.PARTIAL) == {ONE: set(), TWO: set()}
    tenant = tenant_of(table.sound())
    tenant.remove("users", TWO)
    for state, rule in ((State.COMPLETE, "unknownAccount"), (State.PARTIAL, "usersNotRead")):
        view = TenantView(tenant, states={"users": Completeness(state)})
        (_, two) = judge(await facts_of(view, ACCOUNTS)).accounts
        assert rule in {finding.rule.value for finding in two.findings}


async def test_only_what_can_matter_is_opened() -> None:
    file = excluding(table.INNER)
    view = TenantView(tenant_of(file))
    await facts_of(view, ACCOUNTS)
    opened = set(view.opened)
    assert {ONE, TWO, table.INNER, table.BREAK_GLASS} <= opened
    assert not opened & {table.STRANGER, table.OTHERS, table.ADMINS}


def test_the_types_are_of_the_catalog() -> None:
    assert {CATALOG.get(name).name for name in (*TYPES, REGISTERED)} == {*TYPES, REGISTERED}


def test_what_bears_on_the_guards_word_is_declared() -> None:
    bearing = {spec.name: spec.bearing for spec in CATALOG.types if spec.bearing is not None}
    declared = {*bearing, *(spec.name for spec in CATALOG.types if spec.enabling is not None)}
    assert declared >= {*TYPES}, "what is read may change under the guard's hands"
    assert {one.fact for one in bearing.values()} <= {one.name for one in fields(Facts)}
    for name, one in bearing.items():
        assert {*one.links} <= {link.name for link in CATALOG.get(name).relationships}
        known = {*CATALOG.get(name).restorable, *CATALOG.get(name).create_only, *CATALOG.get(name).select}
        assert {*one.unsettling, *([one.about] if one.about else [])} <= known | {"principalId"}


async def test_a_whole_tenant_tells_what_no_file_does() -> None:
    tenant = tenant_of(table.sound())
    definition = '{"HomeRealmDiscoveryPolicy": {"AccelerateToFederatedDomain": true}}'
    tenant.add("homeRealmDiscoveryPolicies", "realm", definition=[definition], isOrganizationDefault=False)
    tenant.add("servicePrincipals", table.APPLIED, appId=table.AZURE_MANAGEMENT)
    tenant.add("servicePrincipals", table.STRANGER, appId=table.EXCHANGE)

    async def found(**states: State) -> set[str]:
        told = {name.replace("__", "."): Completeness(state) for name, state in states.items()}
        facts = await whole_of(TenantView(tenant, states=told), ACCOUNTS)
        return {finding.rule.value for one in judge(facts).accounts for finding in one.findings}

    assert await found() == set()
    tenant.link("homeRealmDiscoveryPolicies.appliesTo", "realm", table.STRANGER, "servicePrincipals")
    assert await found() == set()
    for states in (
        {"homeRealmDiscoveryPolicies": State.PARTIAL},
        {"homeRealmDiscoveryPolicies__appliesTo": State.NOT_READ},
    ):
        assert await found(**states) == {"homeRealm"}
    tenant.link("homeRealmDiscoveryPolicies.appliesTo", "realm", table.APPLIED, "servicePrincipals")
    assert await found() == {"homeRealm"}
    assert not [one for one in judge(await facts_of(TenantView(tenant), ACCOUNTS)).accounts if one.findings]


# --- the simulated tenant


async def test_the_simulated_tenants_accounts_are_read_over_graph() -> None:
    clock = ManualClock()
    service = simulated(clock)
    clock.advance(60)
    accounts = tuple(service.info["breakGlassIds"])
    facts = await facts_of(await read(service, clock), accounts)
    assert facts.users is not None
    assert len(facts.users) == 2
    assert facts.conditional_access_policies
    assert facts.authentication_strength_policies
    assert facts.authentication_methods_policy is not None
    rules = {finding.rule.value for account in judge(facts).accounts for finding in account.findings}
    assert rules <= {
        "restrictedManagement"
    }  # each policy excludes their group; a restricted unit holds one of them


async def test_methods_are_asked_for_the_accounts_alone_and_a_refusal_is_no_answer() -> None:
    clock = ManualClock()
    service = simulated(clock)
    accounts = tuple(service.info["breakGlassIds"])

    def asking(*roles: str) -> SimDirectory:
        return SimDirectory(service, clock, Principal("reader", "reader", frozenset(roles)))

    allowed = asking("UserAuthenticationMethod.Read.All")
    found = await registered_now(allowed, CATALOG, clock, accounts)
    assert found is not None
    assert set(found) == set(accounts)
    assert await registered_now(asking("User.Read.All"), CATALOG, clock, accounts) is None
    gone = await registered_now(allowed, CATALOG, clock, (table.guid(1),))
    assert gone == {}
