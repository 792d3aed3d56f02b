"""The `AppSwitch` contract, against the simulated management plane of an app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from shared.adapters.app_switch import ArmAppSwitch
from shared.adapters.management import LoopbackToken
from shared.domain.errors import StorageDenied, StorageDown, Unusable
from shared.domain.ports import AppState, AppSwitch
from tests.contract.suite import Suite
from tests.localrun.sites import APP_ID, SitePlane

SUITE = Suite(AppSwitch, {"arm": ArmAppSwitch})


@dataclass
class Case:
    switch: AppSwitch
    plane: SitePlane


@pytest.fixture(params=SUITE.params())
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with SitePlane() as plane:
        switch = ArmAppSwitch.open(APP_ID, LoopbackToken(), plane.url, retry_total=0)
        yield Case(SUITE.made(request.param, switch), plane)
        await switch.close()


async def test_an_app_is_started_and_stopped_and_twice_is_once(case: Case) -> None:
    assert await case.switch.state() == AppState(running=False, enabled=True)
    for _ in range(2):
        await case.switch.start()
        assert (await case.switch.state()).running
    for _ in range(2):
        await case.switch.stop()
        assert not (await case.switch.state()).running


async def test_an_app_that_a_deployment_took_offline_is_told_from_a_stopped_one(case: Case) -> None:
    case.plane.enabled = False
    await case.switch.start()
    assert await case.switch.state() == AppState(running=True, enabled=False)


async def test_an_act_without_a_clear_answer_is_down_and_may_have_happened(case: Case) -> None:
    case.plane.lose = 1
    with pytest.raises(StorageDown):
        await case.switch.start()
    assert case.plane.acts == ["start"]
    assert (await case.switch.state()).running


async def test_a_role_that_is_too_small_is_denied(case: Case) -> None:
    case.plane.denied = True
    for act in (case.switch.state, case.switch.start, case.switch.stop):
        with pytest.raises(StorageDenied):
            await act()
    assert case.plane.acts == []


@pytest.mark.parametrize("other", ["", "https://evil.example/x", f"{APP_ID}/slots/x", APP_ID.replace("Web", "Sql")])
def test_only_an_apps_resource_id_is_taken(other: str) -> None:
    with pytest.raises(Unusable):
        ArmAppSwitch.open(other, LoopbackToken())
