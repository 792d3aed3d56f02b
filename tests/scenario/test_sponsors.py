"""Who answers for a guest comes back: whoever was taken away, and whoever was made anew."""

from __future__ import annotations

from typing import Any

import pytest

from tests.restore_planned import cloud_groups, cloud_users, delete, planned
from tests.scenario.test_governance_types import restored
from tests.simdirectory import scripted
from tests.simulator.service import Service


def sponsor(service: Service, user: str, target: str) -> None:
    name = f"https://graph.microsoft.com/v1.0/directoryObjects/{target}"
    scripted(service, "POST", f"/v1.0/users/{user}/sponsors/$ref", {"@odata.id": name})


def held(service: Service, user: str) -> set[str]:
    return set(service.store.targets("users.sponsors", user))


class Answering:
    def __init__(self) -> None:
        self.users: list[str] = []
        self.group = ""

    def prepare(self, service: Service) -> None:
        self.users = [str(user["id"]) for user in cloud_users(service)[:3]]
        self.group = str(cloud_groups(service)[0]["id"])
        first, second, third = self.users
        sponsor(service, first, self.group)
        sponsor(service, first, second)
        sponsor(service, third, second)

    def damage(self, service: Service) -> None:
        first, second, third = self.users
        scripted(service, "DELETE", f"/v1.0/users/{first}/sponsors/{self.group}/$ref")
        delete(service, "users", second, purge=True)
        delete(service, "users", third, purge=True)


@pytest.mark.full
async def test_sponsors_come_back_and_follow_who_was_made_anew() -> None:
    answering = Answering()
    case = await planned(answering.damage, prepare=answering.prepare)
    assert (await restored(case)).not_done == ()
    new: dict[str, Any] = {one.old: one.new for one in (await case.report()).new_ids}
    first, second, third = answering.users
    service = case.world.service
    assert held(service, first) == {answering.group, new[second]}
    assert held(service, new[third]) == {new[second]}
