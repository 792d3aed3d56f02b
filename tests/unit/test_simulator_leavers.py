"""When somebody leaves is read and written with permissions of its own; who answers for a guest has a limit."""

from __future__ import annotations

from tests.simulator.inprocess import InProcessTenant

LEAVES = "employeeLeaveDateTime"
WHEN = {LEAVES: "2027-06-30T16:00:00Z"}


async def test_who_may_read_and_write_users_may_not_when_they_leave() -> None:
    tenant = InProcessTenant.planted("300")
    path = f"/users/{tenant.store.order['users'][3]}"
    plain = tenant.with_roles("User.ReadWrite.All")
    assert (await plain.get(f"/users?$select=id,{LEAVES}")).status_code == 403
    assert (await plain.patch(path, WHEN)).status_code == 403
    reader = tenant.with_roles("User.Read.All", "User-LifeCycleInfo.Read.All")
    assert (await reader.get(f"/users?$select=id,{LEAVES}")).status_code == 200
    assert (await reader.patch(path, WHEN)).status_code == 403
    writer = tenant.with_roles("User.Read.All", "User-LifeCycleInfo.ReadWrite.All")
    assert (await writer.patch(path, WHEN)).status_code == 204
    assert (await writer.patch(path, {**WHEN, "department": "x"})).status_code == 403
    assert (await reader.get(f"{path}?$select={LEAVES}")).json()[LEAVES] == WHEN[LEAVES]


async def test_a_sixth_sponsor_is_refused() -> None:
    tenant = InProcessTenant.planted("300")
    user, *others = tenant.store.order["users"][8:15]
    answers = [
        await tenant.post(
            f"/users/{user}/sponsors/$ref",
            {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{other}"},
        )
        for other in others
    ]
    assert [answer.status_code for answer in answers] == [204] * 5 + [400]
