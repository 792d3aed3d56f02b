"""What an object is told once, when it is made: where that names an application made anew, the plan says so."""

from __future__ import annotations

from typing import Any

from shared.domain.plan import Reason, Scope
from tests.restore_planned import make_plan, planned, purge
from tests.scenario.round_trips import purge_pairs
from tests.simulator.service import Service

TABLE = "permissionGrantIncludes"


def own_sets(service: Service) -> list[dict[str, Any]]:
    return [one for one in service.store.tables[TABLE].values() if one["_parent"] == "contoso-own"]


async def test_a_condition_set_that_names_an_application_made_anew_is_made_once_more_beside_itself() -> None:
    gone: list[str] = []
    ids: list[str] = []

    def damage(service: Service) -> None:
        gone.extend(set.union(*(set(one["clientApplicationIds"]) for one in own_sets(service))))
        named = [one for one in service.store.tables["applications"].values() if one["appId"] in gone]
        ids.extend(str(one["id"]) for one in named)
        purge_pairs(service, named)
        for one in named:
            purge(service, "applications", one["id"])

    case = await planned(damage)
    told = [one for one in case.world.plan.exclusions if one.type == TABLE]
    assert {(one.member, one.reason) for one in told} == {("", Reason.WRITE_ONCE)}
    before = own_sets(case.world.service)
    assert {one.target for one in told} == {one["id"] for one in before}
    # Where nothing but the applications was asked for, it is told.
    scope = Scope(ids=tuple(ids))
    alone = await make_plan(case.world.service, case.snapshot, case.world.clock, scope=scope)
    named = [(one.target, one.member, one.reason) for one in alone.exclusions if one.type == TABLE]
    assert named == [(one.target, "clientApplicationIds", Reason.WRITE_ONCE) for one in told]
    assert TABLE not in {one.type for one in alone.operations}
    await case.run()
    after = own_sets(case.world.service)
    assert [one for one in after if one in before] == before
    new = [one for one in after if one not in before]
    known = {one["appId"] for one in case.world.service.store.tables["applications"].values()}
    assert len(new) == len(before)
    assert all(set(one["clientApplicationIds"]) <= known for one in new)
    report = await case.report()
    assert report.unexpected == ()
    # A plan that is made now finds them.
    known_ids = {one.old: one.new for one in report.new_ids}
    again = await make_plan(case.world.service, case.snapshot, case.world.clock, known_ids=known_ids)
    assert TABLE not in {one.type for one in again.operations}


async def test_nothing_goes_back_to_before_there_were_passkey_profiles_and_the_rest_does() -> None:
    held: dict[str, Any] = {}

    def configuration(service: Service) -> dict[str, Any]:
        found = service.store.tables["authenticationMethodConfigurations"]["Fido2"]
        assert isinstance(found, dict)
        return found

    def before(service: Service) -> None:
        one = configuration(service)
        held.update({name: one.pop(name) for name in ("defaultPasskeyProfile", "passkeyProfiles")})
        one["includeTargets"] = [{"targetType": "group", "id": "all_users", "isRegistrationRequired": False}]

    def damage(service: Service) -> None:
        configuration(service).update(held, state="disabled")

    case = await planned(damage, prepare=before)
    told = [one for one in case.world.plan.exclusions if one.target == "Fido2"]
    assert {(one.member, one.reason) for one in told} == {(name, Reason.WRITE_ONCE) for name in held}
    await case.run()
    assert configuration(case.world.service)["state"] == "enabled"
    assert configuration(case.world.service)["passkeyProfiles"] == held["passkeyProfiles"]
    report = await case.report()
    assert report.unexpected == ()
