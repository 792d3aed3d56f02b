"""A restore that covers every way back, killed before and after every write of it, at every port."""

from __future__ import annotations

import inspect
import re
from collections import Counter

import pytest

from shared.catalog.registry import CATALOG
from shared.catalog.spec import LinkWrite, ObjectType
from shared.domain import ports
from shared.domain.plan import AnchorKind, Mechanism, Operation
from tests import faults as fault_wrappers
from tests.localrun.truth import TABLES
from tests.restore_story import RESTORER
from tests.scenario.crash_crowd import all_points, alone, crowds
from tests.scenario.crash_points import PORTS, Tried, restore_points, undisturbed_restore

# Ports by which nothing outside is changed, or nothing by a backup or a restore: a vault is locked by a person.
_CHANGE_NOTHING = {"StoreInspector", "VaultAccess", "VaultLog", "Audit", "Clock", "Ids"}
# What takes away, and what an operator chose, has crash proofs of its own: `test_scopes.py`, `test_containment.py`,
# `test_conflicts.py`.
_BACK = set(Mechanism) - {
    Mechanism.UNLINK,
    Mechanism.REMOVE,
    Mechanism.REVOKE,
    Mechanism.ACT,
    Mechanism.RENAME,
}
_WRAPPED = {"WorkQueue": "FaultyQueue"}


@pytest.mark.full
async def test_a_crash_before_or_after_any_write_of_a_restore_changes_nothing_of_its_end() -> None:
    """Every point, many in one restore; those that the crowds don't come to, because an earlier death moved what
    they are about to another message, alone."""
    calm = await undisturbed_restore()
    points = await all_points()
    assert len(points) == 2 * len(calm.log.writes) >= 200
    assert {call.port for call in points.values()} == PORTS
    come_to = await crowds(calm.outcome)
    left = points.keys() - come_to.keys()
    assert len(left) < len(points) / 10
    for point in left:
        await alone(point, points[point])


@pytest.mark.full
async def test_a_crash_by_itself_before_or_after_any_write_of_a_restore_changes_nothing_of_its_end() -> None:
    tried: list[Tried] = [one async for one in restore_points()]
    assert not [str(one) for one in tried if one.error]
    assert len(tried) >= 200
    assert {one.point.port for one in tried} == PORTS
    sides = Counter((one.point.number, one.point.before) for one in tried)
    assert set(sides.values()) == {1}
    assert len(sides) == 2 * len({number for number, _ in sides})


async def test_the_enumerated_restore_has_every_way_back_that_there_is() -> None:
    """A mechanism, a kind of link or a way of writing that comes new to the planner has to come into the story's
    damage, too. That each type comes back is shown by `test_round_trips.py`."""
    story = (await undisturbed_restore()).story
    operations = story.world.plan.operations
    assert {one.mechanism for one in operations} == _BACK
    links = {CATALOG.get(one.type).relationship(one.relationship).write for one in operations if one.relationship}
    assert links == {one.write for _, one in CATALOG.relationships} - {LinkWrite.NONE}
    assert {one.anchor.kind for one in operations if one.anchor} == set(AnchorKind)
    assert any(one.secret_for for one in operations)
    assert any(one.guarded for one in operations)
    # Each of them is written, not found done already.
    ends = await story.world.ends()
    written = [one for one in operations if ends[one.id] == "done"]
    assert {one.mechanism for one in written} == _BACK
    assert {one.type for one in written} >= set(TABLES) - {"combinationConfigurations"}
    for concept in (_by_action, _by_request, _by_put, _disabled_first, _under_a_chosen_id):
        assert any(concept(spec, None) for spec in CATALOG.types), concept
        assert any(concept(CATALOG.get(one.type), one) for one in written), concept
    assert {
        CATALOG.get(one.type).relationship(one.relationship).write for one in written if one.relationship
    } == links


# A way of writing that a type has, and whether an operation goes that way.


def _by_action(spec: ObjectType, operation: Operation | None) -> bool:
    paths = tuple(one.path for one in spec.actions)
    if operation is None:
        return bool(paths)
    path = operation.request.path
    return operation.mechanism is Mechanism.PATCH and isinstance(path, str) and path.endswith(paths)


def _by_request(spec: ObjectType, operation: Operation | None) -> bool:
    return spec.nature is not None and (operation is None or operation.by_request)


def _by_put(spec: ObjectType, operation: Operation | None) -> bool:
    return spec.put and (operation is None or operation.request.method == "PUT")


def _disabled_first(spec: ObjectType, operation: Operation | None) -> bool:
    first = operation is None or (operation.mechanism is Mechanism.PATCH and operation.why.startswith("Disables"))
    return bool(spec.disabled_first) and first


def _under_a_chosen_id(spec: ObjectType, operation: Operation | None) -> bool:
    return spec.chooses_id and (operation is None or operation.mechanism is Mechanism.CREATE)


async def test_nothing_of_a_restore_is_written_past_the_ports_that_fail() -> None:
    """What is different outside after the story is what its log has, and what people did; nothing else."""
    calm = await undisturbed_restore()
    begin, story, log = calm.begin, calm.story, calm.log
    by_port = {port: [call.what for call in log.writes if call.port == port] for port in PORTS}
    blobs = {f"put {story.world.evidence.container}/{name}" for name in story.world.evidence.blobs}
    there = {f"put {begin.world.evidence.container}/{name}" for name in begin.world.evidence.blobs}
    assert blobs - there == set(by_port["blob"])
    rows = {f"{partition}/{key}" for partition, key in story.world.rows._rows}
    assert rows == {what.partition("/")[2] for what in by_port["table"]}
    versions = story.world.secrets.versions
    assert Counter(by_port["secret"]) == Counter(f"secret {name}" for name in versions for _ in versions[name])
    people = Counter({"restore-requests": 2, "restore-control": 2})
    came = Counter(name for name, _ in dict.fromkeys(story.ids))
    assert came - people == Counter(what.removeprefix("send ") for what in by_port["queue"])
    asked = {
        re.sub(r"^([A-Z]+) /(v1\.0|beta)/", r"\1 /", one)
        for what in by_port["graph"]
        for one in what.removeprefix("batch ").split(", ")
        if not one.startswith("GET ")
    }
    commits = [txn for txn in story.world.service.store.log if txn.app == RESTORER and txn.method]
    assert commits
    assert {f"{txn.method} {txn.path}" for txn in commits} <= asked


def test_every_port_that_writes_can_fail() -> None:
    """A port that comes new has to get a wrapper with all its calls, or a word that it changes nothing."""
    protocols = {
        name: one
        for name, one in vars(ports).items()
        if inspect.isclass(one) and getattr(one, "_is_protocol", False) and one.__module__ == ports.__name__
    }
    assert protocols.keys() >= _CHANGE_NOTHING
    for name in protocols.keys() - _CHANGE_NOTHING:
        wrapper = getattr(fault_wrappers, _WRAPPED.get(name, f"Faulty{name}"))
        calls = {one for one in vars(protocols[name]) if not one.startswith("_")}
        assert calls <= vars(wrapper).keys(), (name, calls - vars(wrapper).keys())
