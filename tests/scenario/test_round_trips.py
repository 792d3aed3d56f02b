"""Every type of the hand-written list comes back: all at once in the quick run, one by one in the long one."""

from __future__ import annotations

import pytest

from tests.must_come_back import MUST, Must
from tests.scenario.round_trips import changing, renewing, there_and_back
from tests.simulator import plain, schema
from tests.simulator.rules.apart import APART
from tests.simulator.rules.methods import METHODS
from tests.simulator.rules.types import COMBINATION_MODELS, LOCATION_MODELS, METHOD_CONFIGURATIONS, TYPES

KINDS: dict[str, tuple[str, ...]] = {
    METHOD_CONFIGURATIONS.table: tuple(method.model for method in METHODS.values()),
    "namedLocations": tuple(LOCATION_MODELS.values()),
    "combinationConfigurations": (COMBINATION_MODELS["#microsoft.graph.fido2CombinationConfiguration"][0],),
}
INLINE = {METHOD_CONFIGURATIONS.table: {"includeTargets", "passkeyProfiles"}, "roleManagementPolicies": {"rules"}}


async def test_every_property_of_every_type_goes_back_at_once() -> None:
    found, report = await there_and_back(changing(), anew=False)
    assert found == []
    assert report.unexpected == ()


async def test_every_type_is_made_anew_at_once() -> None:
    found, report = await there_and_back(renewing(), anew=True)
    assert found == []
    assert report.unexpected == ()


@pytest.mark.full
@pytest.mark.parametrize("must", changing(), ids=lambda must: must.table)
async def test_every_property_goes_back(must: Must) -> None:
    found, report = await there_and_back((must,), anew=False, lag=40.0)
    assert found == []
    assert report.unexpected == ()


@pytest.mark.full
@pytest.mark.parametrize("must", renewing(), ids=lambda must: must.table)
async def test_what_was_purged_is_made_anew(must: Must) -> None:
    found, report = await there_and_back((must,), anew=True, lag=40.0)
    assert found == []
    assert report.unexpected == ()


@pytest.mark.parametrize("must", MUST, ids=lambda must: must.table)
def test_the_list_names_all_that_the_reference_lets_change(must: Must) -> None:
    """The simulated tenant's rules and the list were written from the same pages, one after the other."""
    row = plain.ROWS.get(must.table)
    rule = TYPES[must.table]
    taken: set[str] = set()
    for path in (row and tuple(row.kinds.values())) or KINDS.get(must.table) or (rule.model,):
        taken |= set(schema.names(schema.load(path), preview=row is not None and "v1.0" not in row.versions))
    taken |= set(row.inline) if row else INLINE.get(must.table, set())
    taken -= rule.read_only | rule.write_once | rule.secret | {"id"}
    files = {one.name for one in APART if one.table == must.table}
    assert files - must.files.keys() <= {"photo"}, "a photo is evidence only"
    told = {*must.changed, *must.apart} | (must.files.keys() & taken)
    if row is None:
        assert told == (taken if must.changed else set())
        return
    assert told == (taken if row.change else set())
    assert must.anew == bool(row.create)
