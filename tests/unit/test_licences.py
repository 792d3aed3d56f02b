"""Licences that a plan takes units of are told beside what is free."""

from __future__ import annotations

from shared.domain.plan import LicenceUnits, RestorePlan
from shared.domain.snapshot import Completeness, State
from tests.unit.views import Tenant, bins, group, guid, make_plan, user

E5, P2 = guid("sku E5"), guid("sku P2")


def licence(*skus: str) -> list[dict[str, object]]:
    return [{"skuId": one, "disabledPlans": []} for one in skus]


def stock(tenant: Tenant, sku: str, name: str, *, bought: int, used: int) -> None:
    members = {"skuId": sku, "skuPartNumber": name, "consumedUnits": used}
    tenant.add("subscribedSkus", guid(f"stock {sku}"), **members, prepaidUnits={"enabled": bought, "warning": 9})


def told(plan: RestorePlan) -> dict[str, LicenceUnits]:
    return {one.name: one for one in plan.licences}


async def test_members_of_a_licensed_group_and_users_from_the_bin_take_a_unit_each_and_once() -> None:
    before = Tenant()
    stock(before, E5, "E5", bought=10, used=9)
    stock(before, P2, "P2", bought=5, used=1)
    people = [user(before, f"user{number}") for number in range(4)]
    holder = user(before, "holder", assignedLicenses=licence(E5))
    binned = user(before, "binned", assignedLicenses=licence(E5, P2))
    group(before, "plain", people)
    licensed = group(before, "licensed", [*people, holder, binned], assignedLicenses=licence(E5))
    after = before.copy()
    for one in (*people[1:], holder):
        after.unlink("groups.members", licensed, one)
    gone = after.remove("users", binned)
    plan = await make_plan(before, after, held=bins(users=[gone]))
    assert told(plan) == {"E5": LicenceUnits(E5, "E5", 4, 1, 0), "P2": LicenceUnits(P2, "P2", 1, 4, 0)}
    assert plan.licences[0].short == 3
    assert not plan.licences[1].short


async def test_what_comes_back_without_its_licences_is_counted_for_who_gives_them_by_hand() -> None:
    before = Tenant()
    stock(before, E5, "E5", bought=2, used=1)
    purged = user(before, "purged", assignedLicenses=licence(E5))
    anna = user(before, "anna")
    gone = group(before, "gone", [anna], assignedLicenses=licence(E5))
    after = before.copy()
    after.remove("users", purged)
    after.remove("groups", gone)
    assert told(await make_plan(before, after)) == {"E5": LicenceUnits(E5, "E5", 0, 1, 2)}


async def test_units_that_were_not_read_are_not_said_to_be_free_or_short() -> None:
    before = Tenant()
    anna = user(before, "anna")
    licensed = group(before, "licensed", [anna], assignedLicenses=licence(E5))
    after = before.copy()
    after.unlink("groups.members", licensed, anna)
    barred = {"subscribedSkus": Completeness(State.NOT_PERMITTED, "no")}
    plan = await make_plan(before, after, after_states=barred)
    assert plan.licences == (LicenceUnits(E5, "", 1, None, 0),)
    assert not plan.licences[0].short
    assert "subscribedSkus: notPermitted, so how many licences are free is not known" in plan.untold
    # A licence that the tenant has no subscription of has no free unit.
    assert (await make_plan(before, after)).licences == (LicenceUnits(E5, "", 1, 0, 0),)
