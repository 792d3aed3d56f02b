"""A tenant restored into another one: what both have is matched, what can come comes once, the rest is told.

The other tenant is a blank one with ids and domains of its own. Whatever happens on the way, processes that die and
answers that are lost, the end is that of an undisturbed run, by an independent comparison of both tenants' tables.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.domain.errors import BlobMissing, IntegrityError, Refused, Unusable
from shared.domain.plan import Mechanism, Reason, Scope
from shared.engines.evidence import Evidence
from shared.engines.wire import encode
from tests.faults import Call, Faults, crash_at, run_until_crash
from tests.restore_planned import add_member, make_plan, undo_of
from tests.restore_world import KEYS, PLAN_KEY, objects, tenant
from tests.seeds import chance
from tests.simdirectory import scripted
from tests.simulator.seeds import INITIAL_DOMAIN, MAIN_DOMAIN
from tests.simulator.seeds_blank import BLANK, BLANK_MAIN, INTUNE
from tests.simulator.service import Service
from tests.two_tenants import DOMAINS, Two, plan_into, two_tenants

# What may stay behind, and nothing else.
CLOSED = {
    Reason.ADDED_SINCE,  # what the other tenant had of its own
    Reason.COMPUTED,
    Reason.DOMAIN,
    Reason.DYNAMIC,
    Reason.FOREIGN,
    Reason.LICENCE,
    Reason.LOCK_OUT_GUARD,
    Reason.NEEDS_ACTION,
    Reason.NEW_ID,
    Reason.PASSING,
    Reason.SECRET,
    Reason.SYNCED,
}
PEOPLE = ("users", "groups", "administrativeUnits")


@dataclass(frozen=True)
class Ended:
    """What has to be the same whatever happened on the way."""

    verdict: str
    by_reason: dict[str, int]
    created: dict[str, int]


async def ended(two: Two) -> Ended:
    report = await two.case.report()
    assert (report.unexpected, report.not_done) == ((), ())
    assert two.unexplained(report) == []
    held = {table: rows for table, rows in two.there.store.tables.items() if table != "directoryAudits"}
    assert "[hf:" not in repr(held)
    return Ended(report.verdict.value, report.by_reason, two.created())


@pytest.fixture(scope="module")
def planned() -> Two:
    return asyncio.run(two_tenants())


@pytest.fixture(scope="module")
def done(planned: Two) -> Two:
    two = planned.again()
    asyncio.run(two.case.run())
    return two


async def test_everything_comes_that_can_and_nothing_is_taken_away(done: Two) -> None:
    assert (await ended(done)).verdict == "equalExceptListed"
    for table, held in done.first.items():
        assert held.keys() <= done.there.store.tables[table].keys(), table


async def test_the_comparison_notices_what_did_not_come(planned: Two, done: Two) -> None:
    report = await done.case.report()
    assert len(planned.unexplained(report)) > 50
    two = done.again()
    user = next(key for key in two.there.store.tables["users"] if key not in two.first["users"])
    scripted(two.there, "PATCH", f"/v1.0/users/{user}", {"department": "Elsewhere"})
    assert any("department" in one for one in two.unexplained(report))


async def test_names_are_those_of_the_other_tenants_domains(done: Two) -> None:
    came = [one for key, one in done.there.store.tables["users"].items() if key not in done.first["users"]]
    assert len(came) == 7
    assert {str(one["userPrincipalName"]).rpartition("@")[2] for one in came} == {BLANK_MAIN}
    (organization,) = objects(done.there, "organization")
    assert organization["technicalNotificationMails"] == [f"it@{BLANK_MAIN}"]
    for table in ("users", "groups", "administrativeUnits"):
        text = repr(done.there.store.tables[table])
        assert INITIAL_DOMAIN not in text
        assert MAIN_DOMAIN not in text


async def test_addresses_of_applications_are_those_of_the_other_tenants_domains(planned: Two, done: Two) -> None:
    came = [
        one for key, one in done.there.store.tables["applications"].items() if key not in done.first["applications"]
    ]
    uris = {uri for one in came for uri in one["web"]["redirectUris"]}
    assert uris
    assert {uri.partition(".")[2] for uri in uris} == {f"{BLANK_MAIN}/cb"}
    for table in ("applications", "servicePrincipals"):
        assert MAIN_DOMAIN not in repr(done.there.store.tables[table])
    told = {one.new for one in planned.plan.addresses if one.type == "applications"}
    assert told == uris
    assert all(
        (one.new, one.left) == (one.old.replace(MAIN_DOMAIN, BLANK_MAIN), "") for one in planned.plan.addresses
    )


async def test_an_address_of_a_domain_that_nothing_takes_the_place_of_stays_and_is_told() -> None:
    two = await two_tenants(domains=(), types=("applications", "servicePrincipals"))
    assert two.plan.addresses
    assert {(one.new == one.old, one.left) for one in two.plan.addresses} == {(True, MAIN_DOMAIN)}
    await two.case.run()
    came = [
        one for key, one in two.there.store.tables["applications"].items() if key not in two.first["applications"]
    ]
    uris = {uri for one in came for uri in one["web"]["redirectUris"]}
    assert uris == {one.old for one in two.plan.addresses if one.type == "applications"}
    assert (await two.case.report()).unexpected == ()


async def test_what_both_tenants_have_is_one_thing(planned: Two) -> None:
    ids = planned.plan.known_ids
    assert ids[planned.here.tenant_id] == planned.there.tenant_id
    for old, new in zip(planned.here.info["breakGlassIds"], planned.there.info["breakGlassIds"], strict=True):
        assert ids[old] == new  # by name, once the initial domain is the other's
    principals = {one["appId"]: key for key, one in planned.here.store.tables["servicePrincipals"].items()}
    for key, one in planned.there.store.tables["servicePrincipals"].items():
        if one["appId"] in planned.here.info["firstParty"]:
            assert ids[principals[str(one["appId"])]] == key
    made = {one.type for one in planned.plan.operations if one.mechanism is Mechanism.CREATE}
    assert not {"organization", "authorizationPolicy", "domains"} & made


async def test_an_application_of_microsofts_comes_by_its_appid_alone(planned: Two, done: Two) -> None:
    (create,) = [
        one
        for one in planned.plan.operations
        if one.type == "servicePrincipals" and one.mechanism is Mechanism.CREATE and one.wanted["appId"] == INTUNE
    ]
    assert create.request.body == {"appId": INTUNE}
    assert [one["appId"] for one in objects(done.there, "servicePrincipals")].count(INTUNE) == 1
    told = [one for one in planned.plan.exclusions if one.target == create.target]
    assert [one.reason for one in told] == [Reason.FOREIGN]


async def test_what_can_not_move_has_a_reason_of_the_list(planned: Two) -> None:
    reasons = {one.reason for one in planned.plan.exclusions}
    assert reasons <= CLOSED
    by_type: dict[str, set[Reason]] = {}
    for one in planned.plan.exclusions:
        if not one.member:
            by_type.setdefault(one.type, set()).add(one.reason)
    assert by_type["domains"] == {Reason.DOMAIN}
    assert by_type["devices"] == {Reason.FOREIGN}
    assert by_type["subscribedSkus"] == {Reason.LICENCE}
    assert by_type["roleAssignments"] >= {Reason.PASSING}
    assert by_type["users"] == {Reason.NEEDS_ACTION}  # guests
    assert all(one.why for one in planned.plan.exclusions)


async def test_guests_are_listed_each_with_what_would_bring_it_and_what_begins_anew(planned: Two) -> None:
    guests = {key for key, one in planned.here.store.tables["users"].items() if "#EXT#" in one["userPrincipalName"]}
    told = [one for one in planned.plan.exclusions if one.reason is Reason.NEEDS_ACTION and one.target in guests]
    assert guests
    assert {one.target for one in told if not one.member} == guests
    for one in told:
        assert "POST /invitations" in one.why
        assert "sendInvitationMessage false sends no mail" in one.why
        assert "redemption begins anew" in one.why
    assert not {one.target for one in planned.plan.operations if one.mechanism.brings} & guests


async def test_the_same_inputs_give_the_same_plan(planned: Two) -> None:
    clock = planned.case.world.clock
    again = await plan_into(
        planned.there, planned.snapshot, clock, planned.here, planned.plan.id, planned.plan.scope
    )
    moments = {"created_at": planned.plan.created_at, "live_as_of": planned.plan.live_as_of}
    assert encode(replace(again, **moments)) == encode(planned.plan)


async def test_policies_stay_off_until_an_exclusion_that_was_there_lets_the_break_glass_accounts_in(
    done: Two,
) -> None:
    """By the first plan the excluded group comes; only then does it count for the accounts of this tenant."""
    off = [one for one in done.plan.exclusions if one.reason is Reason.LOCK_OUT_GUARD]
    assert off
    assert {one["state"] for one in objects(done.there, "conditionalAccessPolicies")} <= {
        "disabled",
        "enabledForReportingButNotEnforced",
    }
    second = await done.next_plan()
    of_policies = [one for one in second.operations if one.type == "conditionalAccessPolicies"]
    assert {one.mechanism for one in of_policies} == {Mechanism.PATCH, Mechanism.ENABLE}
    reporting = {"state": "enabledForReportingButNotEnforced"}  # where Microsoft's own evaluation is asked
    assert all(one.wanted == reporting for one in of_policies if one.mechanism is Mechanism.PATCH)
    assert not any(one.mechanism is Mechanism.CREATE for one in second.operations)
    two = done.again()
    await two.case.world.view().store_plan(second, PLAN_KEY)
    await two.case.go_on(second)
    states = {str(one["displayName"]): one["state"] for one in objects(two.there, "conditionalAccessPolicies")}
    assert states == {one["displayName"]: one["state"] for one in objects(two.here, "conditionalAccessPolicies")}
    assert (await two.next_plan("p0123456789abcdef0333333")).operations == ()


async def test_the_plan_and_its_approvals_are_good_for_the_other_tenant_only(planned: Two) -> None:
    plan, world = planned.plan, planned.case.world
    assert (plan.tenant, plan.source_tenant) == (planned.there.tenant_id, planned.here.tenant_id)
    other = Evidence(world.evidence, planned.here.tenant_id, KEYS)
    with pytest.raises(BlobMissing):
        await other.load_plan(plan.id)
    moved = {
        name.replace(planned.there.tenant_id, planned.here.tenant_id): data
        for name, data in world.evidence.blobs.items()
    }
    world_copy = planned.again().case.world
    world_copy.evidence.blobs.update(moved)
    with pytest.raises((IntegrityError, Refused)):
        await Evidence(world_copy.evidence, planned.here.tenant_id, KEYS).load_plan(plan.id)


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "error", "words"),
    [
        ({"prune": True}, Unusable, "--prune is not for another tenant: what the other tenant has"),
        ({"rescue": True}, Unusable, "--rescue is not for another tenant: what was deleted is in"),
        ({"contain": True}, Unusable, "--contain is not for another tenant: who has to be kept out"),
        ({"domains": ("a.example",)}, Unusable, "no pair of domains"),
        ({"domains": (f"{MAIN_DOMAIN}=nowhere.example",)}, Unusable, "has not verified nowhere.example"),
        ({"into": "11111111-1111-4111-8111-111111111111"}, Refused, "asked for the tenant"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    planned: Two, scope: dict[str, Any], error: type[Exception], words: str
) -> None:
    asked = Scope(**{"into": planned.there.tenant_id, "domains": DOMAINS, **scope})
    with pytest.raises(error, match=words):
        await plan_into(
            planned.there, planned.snapshot, planned.case.world.clock, planned.here, planned.plan.id, asked
        )


async def test_a_snapshot_of_another_tenant_is_never_planned_without_into(planned: Two) -> None:
    with pytest.raises(Refused, match="asked for the tenant"):
        await plan_into(
            planned.there, planned.snapshot, planned.case.world.clock, planned.here, planned.plan.id, Scope()
        )


async def test_the_tenant_that_was_read_must_be_the_one_that_was_meant(planned: Two) -> None:
    """Signed in to the snapshot's own tenant by mistake."""
    clock, here = planned.case.world.clock, planned.here
    meant = planned.there.tenant_id
    asked = Scope(into=meant, domains=DOMAINS)
    with pytest.raises(Refused, match="the tenant that was read is"):
        await make_plan(_called(here, meant), planned.snapshot, clock, scope=asked, source_tenant=here.tenant_id)


def _called(service: Service, tenant: str) -> Any:
    """The service, as far as a plan's own tenant id is concerned another one."""

    class Called:
        tenant_id = tenant

        def __getattr__(self, name: str) -> Any:
            return getattr(service, name)

    return Called()


async def test_who_has_a_domain_that_is_not_there_stays_behind_with_that_reason() -> None:
    two = await two_tenants(domains=(), types=PEOPLE)
    told = [one for one in two.plan.exclusions if one.reason is Reason.DOMAIN and one.type == "users"]
    stays = [one for one in told if not one.member]
    assert len(stays) == 7
    assert not any(one.type == "users" and one.mechanism is Mechanism.CREATE for one in two.plan.operations)
    await two.case.run()
    assert (await two.case.report()).unexpected == ()


async def test_objects_are_asked_for_by_their_ids_in_the_snapshot(planned: Two) -> None:
    two = planned
    account, person = (
        two.here.info["breakGlassIds"][0],
        next(
            str(one["id"])
            for one in objects(two.here, "users")
            if str(one["userPrincipalName"]).startswith("user00001")
        ),
    )
    asked = replace(two.plan.scope, ids=(account, person))
    clock = two.case.world.clock
    plan = await plan_into(two.there, two.snapshot, clock, two.here, two.plan.id, asked)
    assert plan.scope == asked
    assert {one.target for one in plan.operations if one.mechanism is Mechanism.CREATE} == {person}


async def test_two_names_that_become_one_are_told_and_the_second_stays_behind() -> None:
    def twins(service: Service) -> None:
        person = next(
            one for one in objects(service, "users") if str(one["userPrincipalName"]).endswith(MAIN_DOMAIN)
        )
        scripted(
            service,
            "POST",
            "/v1.0/users",
            {
                "accountEnabled": True,
                "displayName": "Of the same name",
                "mailNickname": "twin",
                "userPrincipalName": f"{str(person['userPrincipalName']).partition('@')[0]}@{INITIAL_DOMAIN}",
                "passwordProfile": {"password": "Twin!xyz-123"},
            },
        )

    both = (f"{MAIN_DOMAIN}={BLANK_MAIN}", f"{INITIAL_DOMAIN}={BLANK_MAIN}")
    two = await two_tenants(prepare=twins, domains=both, types=("users",))
    told = [one for one in two.plan.exclusions if one.reason is Reason.CONFLICT]
    assert len(told) == 1
    assert "userPrincipalName" in told[0].why
    made = [one.wanted["userPrincipalName"] for one in two.plan.operations if one.mechanism is Mechanism.CREATE]
    assert len(made) == len(set(made))


async def test_what_comes_by_other_ways_stays_behind_and_says_so(planned: Two) -> None:
    def of_others(service: Service) -> None:
        tables = service.store.tables
        synced = next(
            key for key, one in tables["users"].items() if str(one["userPrincipalName"]).startswith("user")
        )
        tables["users"][synced]["onPremisesSyncEnabled"] = True
        saas = next(
            key for key, one in tables["servicePrincipals"].items() if str(one["displayName"])[:4] == "SaaS"
        )
        tables["servicePrincipals"][saas]["servicePrincipalType"] = "ManagedIdentity"
        partner = {"tenantId": planned.there.tenant_id}
        scripted(service, "POST", "/v1.0/policies/crossTenantAccessPolicy/partners", partner)

    types = ("users", "servicePrincipals", "crossTenantAccessPartners")
    two = await two_tenants(prepare=of_others, types=types)
    whys = {
        one.type: (one.reason, one.why)
        for one in two.plan.exclusions
        if not one.member and one.reason in (Reason.SYNCED, Reason.FOREIGN) and one.type in types
    }
    assert whys["users"] == (
        Reason.SYNCED,
        "it comes to the other tenant by that tenant's own synchronization, if at all",
    )
    assert whys["servicePrincipals"][1].startswith("a managed identity is of an Azure resource")
    assert whys["crossTenantAccessPartners"] == (Reason.FOREIGN, "it is about the tenant that it would go to")
    assert not any(planned.there.tenant_id == one.target for one in two.plan.operations)


async def test_what_nobody_vouches_for_is_not_taken_for_a_group_that_policies_exclude(planned: Two) -> None:
    """Not even by the operator's word: the second plan finds the group that the first one made."""

    def with_group(service: Service) -> None:
        values = {"displayName": "Way in", "mailEnabled": False, "mailNickname": "wayin", "securityEnabled": True}
        group = scripted(service, "POST", "/v1.0/groups", values)
        for account in service.info["breakGlassIds"]:
            add_member(service, str(group["id"]), account)
        made.append(str(group["id"]))

    made: list[str] = []
    here = planned.here.info["breakGlassGroupId"]
    other = tenant(planned.case.world.clock, BLANK)
    with_group(other)
    asked = replace(planned.plan.scope, adopt=(f"{here}={made[0]}",))
    plan = await plan_into(other, planned.snapshot, planned.case.world.clock, planned.here, planned.plan.id, asked)
    (chosen,) = plan.chosen
    assert (chosen.done, "nothing says what it is" in chosen.why) == (False, True)
    assert not any(one.mechanism is Mechanism.ENABLE for one in plan.operations)


async def test_a_user_of_the_same_name_there_is_taken_for_the_same_and_changed() -> None:
    def same(service: Service) -> None:
        scripted(
            service,
            "POST",
            "/v1.0/users",
            {
                "accountEnabled": True,
                "displayName": "Already here",
                "mailNickname": "user00000",
                "userPrincipalName": f"user00000@{BLANK_MAIN}",
                "passwordProfile": {"password": "Here!xyz-123"},
            },
        )

    two = await two_tenants(there=same, types=("users",))
    (patch,) = [
        one for one in two.plan.operations if one.name.startswith("<script") and one.mechanism is Mechanism.PATCH
    ]
    assert patch.before["displayName"] == "Already here"


async def test_what_came_goes_again_by_an_undo_of_the_plan() -> None:
    two = await two_tenants(types=("users", "groups"))
    await two.case.run()
    came = set(two.there.store.tables["users"]) - set(two.first["users"])
    assert len(came) == 7
    plan = await undo_of(two.case)
    assert (plan.tenant, plan.source_tenant) == (two.plan.tenant, two.plan.source_tenant)
    await two.case.go_on(plan)
    assert set(two.there.store.tables["users"]) == set(two.first["users"])
    assert set(two.there.store.tables["groups"]) == set(two.first["groups"])
    assert (await two.case.report()).unexpected == ()


# --- whatever happens on the way ------------------------------------------------------------------------------


async def _slice() -> Two:
    return await two_tenants(types=PEOPLE)


async def writes(two: Two) -> tuple[list[Call], Ended]:
    calm, log = two.again(), Faults()
    await calm.case.begin()
    await calm.case.world.process(log).drain()
    return log.writes, await ended(calm)


async def dies(two: Two, number: int, *, before: bool) -> Ended:
    one = two.again()
    await one.case.begin()
    await run_until_crash(one.case.world.process(Faults(crash_at(number, before=before))).drain())
    await one.case.world.process().drain()
    return await ended(one)


async def test_killed_at_some_writes_it_ends_as_if_nothing_had_happened() -> None:
    two = await _slice()
    log, calm = await writes(two)
    for number in sorted(chance("tenant").sample(range(1, len(log)), 2)):
        assert await dies(two, number, before=number % 2 == 0) == calm, log[number - 1]


@pytest.mark.full
async def test_killed_at_each_write_it_ends_as_if_nothing_had_happened() -> None:
    two = await _slice()
    log, calm = await writes(two)
    for number in range(1, len(log) + 1):
        for before in (True, False):
            assert await dies(two, number, before=before) == calm, (log[number - 1], before)


@pytest.mark.full
async def test_killed_at_one_write_in_twenty_of_the_whole_tenant(planned: Two) -> None:
    log, calm = await writes(planned)
    for number in range(1 + chance("tenant", "whole").randrange(20), len(log) + 1, 20):
        assert await dies(planned, number, before=number % 40 < 20) == calm, log[number - 1]


LOST = {"match": {"method": ["POST", "PATCH", "PUT"]}, "effect": {"dropConnectionAfterCommit": True}}


async def loses(two: Two, matches: list[dict[str, Any]]) -> Ended:
    one = two.again()
    one.there.faults.install([{**LOST, "match": {**LOST["match"], **match}} for match in matches])
    await one.case.run()
    return await ended(one)


async def test_answers_that_are_lost_change_nothing_of_the_outcome() -> None:
    two = await _slice()
    _, calm = await writes(two)
    assert await loses(two, [{"times": 12, "probability": 0.3, "seed": 1}]) == calm


@pytest.mark.full
async def test_each_answer_that_is_lost_changes_nothing_of_the_outcome() -> None:
    two = await _slice()
    _, calm = await writes(two)
    sent = sum(one.mechanism is not Mechanism.ACT for one in two.plan.operations)
    for number in range(1, sent + 1):
        assert await loses(two, [{"nth": number}]) == calm, number


@pytest.mark.full
async def test_every_message_twice_makes_everything_once(planned: Two, done: Two) -> None:
    two = planned.again()
    await two.case.begin()
    await two.case.world.process().drain(twice=True)
    assert await ended(two) == await ended(done)
