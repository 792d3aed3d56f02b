"""Open extensions: owners that have one of the same name keep each their own."""

from __future__ import annotations

from typing import Any

from shared.adapters.memory import ManualClock
from shared.domain.snapshot import State
from tests.backup import Backup
from tests.restore_planned import directory
from tests.restore_world import WRITER, tenant
from tests.scenario.test_opt_ins import stored
from tests.simdirectory import scripted

TYPE = "microsoft.graph.openTypeExtension"
NAME = "com.contoso.inventory"
DEVICES, UNITS, WHOLE = "deviceOpenExtensions", "administrativeUnitOpenExtensions", "organizationOpenExtensions"


async def test_owners_with_extensions_of_one_name_keep_each_their_own() -> None:
    clock = ManualClock()
    service = tenant(clock)
    units = sorted(service.store.tables["administrativeUnits"])
    for number, unit in enumerate(units[:2]):
        body = {"@odata.type": TYPE, "extensionName": NAME, "floor": number, "rooms": ["a", "b"]}
        scripted(service, "POST", f"/v1.0/directory/administrativeUnits/{unit}/extensions", body)
    reader: Any = directory(service, clock, WRITER | {"Device.ReadWrite.All"})
    backup = Backup(directory=reader, clock=clock, opt_in=(DEVICES, UNITS, WHOLE))
    await backup.back_up()
    view = await backup.repository().open()
    for name in (DEVICES, UNITS, WHOLE):
        assert view.manifest.completeness(name).state is State.COMPLETE
    found = await stored(view, UNITS)
    assert found.keys() == set(units)
    assert [found[unit]["extensions"][0]["floor"] for unit in units[:2]] == [0, 1]
    assert {one["id"] for unit in units[:2] for one in found[unit]["extensions"]} == {f"{TYPE}.{NAME}"}
    assert all(found[unit]["extensions"] == [] for unit in units[2:])
    (whole,) = (await stored(view, WHOLE)).values()
    assert (whole["extensions"][0]["asset"], whole["extensions"][0]["floors"]) == (4711, ["2", "3"])
    devices = [one["extensions"] for one in (await stored(view, DEVICES)).values()]
    assert sorted(map(len, devices))[-2:] == [0, 1]
