"""Indexes: what references miss, and what stands in a line."""

from __future__ import annotations

import json

import pytest

from shared.catalog.registry import CATALOG
from shared.domain.errors import IntegrityError
from shared.domain.snapshot import Dangling
from shared.engines.index import DANGLING_LISTED, sorter
from shared.engines.reading import link_line
from tests.backup import Backup, small_tenant


def _policy(key: str, **users: list[str]) -> bytes:
    return json.dumps({"id": key, "displayName": key, "conditions": {"users": users}}).encode()


def test_a_policy_that_names_what_is_not_there_is_listed_as_dangling() -> None:
    with sorter() as made:
        made.add_objects(CATALOG.get("groups"), 0, [b'{"id":"g1"}'])
        made.add_objects(
            CATALOG.get("conditionalAccessPolicies"),
            0,
            [
                _policy("p1", includeUsers=["All", "u1"], excludeGroups=["g1", "dead"]),
                _policy("p2", includeGroups=["older version"]),
                _policy("p2", includeGroups=["g1"]),
                _policy("p3", includeGroups=["removed"]),
                b'{"id":"p3","@removed":{"reason":"changed"}}',
            ],
        )
        made.settle()
        listed, total = made.dangling()
    assert total == 2
    assert listed == (
        Dangling(
            "conditionalAccessPolicies", "p1", "conditions.users.excludeGroups[]", "dead", "not in this snapshot"
        ),
        Dangling(
            "conditionalAccessPolicies", "p1", "conditions.users.includeUsers[]", "u1", "not in this snapshot"
        ),
    )


@pytest.mark.parametrize("mark", ["null", "{}", '{"reason":"changed"}'])
@pytest.mark.parametrize("lone", ["", "\\ud800"])
def test_any_removed_mark_makes_a_tombstone(mark: str, lone: str) -> None:
    with sorter() as made:
        lines = [b'{"id":"u1","displayName":"x"}', f'{{"id":"u1","n":"{lone}","@removed":{mark}}}'.encode()]
        made.add_objects(CATALOG.get("users"), 0, lines)
        made.settle()
        assert list(made.object_lines("users")) == []


def test_odd_shapes_in_a_policy_stop_nothing() -> None:
    with sorter() as made:
        for conditions in ("null", "[]", '"x"', '{"users":[{}]}', '{"users":{"includeUsers":[1,null,{}]}}'):
            raw = f'{{"id":"p","displayName":null,"conditions":{conditions}}}'.encode()
            made.add_objects(CATALOG.get("conditionalAccessPolicies"), 0, [raw])
        made.settle()
        assert made.dangling() == ((), 0)


def test_the_list_of_dangling_references_is_bounded_and_the_count_is_not() -> None:
    with sorter() as made:
        number = made.begin_links("groups", "members", "")
        made.add_objects(CATALOG.get("groups"), 0, [b'{"id":"g"}'])
        made.add_links(number, [link_line("g", f"m{n:05d}", "users") for n in range(DANGLING_LISTED + 7)])
        made.settle()
        listed, total = made.dangling()
    assert (len(listed), total) == (DANGLING_LISTED, DANGLING_LISTED + 7)


def test_a_target_whose_type_graph_did_not_say_gets_it_from_the_snapshot() -> None:
    with sorter() as made:
        made.add_objects(CATALOG.get("servicePrincipals"), 0, [b'{"id":"sp"}'])
        number = made.begin_links("groups", "owners", "")
        made.add_links(number, [link_line("g", "sp", ""), link_line("g", "other", "")])
        made.settle()
        lines = list(made.link_lines(number))
    assert [json.loads(line)["type"] for line in lines] == ["", "servicePrincipals"]


@pytest.mark.parametrize("line", [b"", b"[]", b'{"source":1}', b'{"target":"x"}'])
def test_a_line_that_is_no_link_is_an_integrity_error(line: bytes) -> None:
    with sorter() as made:
        number = made.begin_links("groups", "owners", "")
        with pytest.raises(IntegrityError):
            made.add_links(number, [line])


async def test_the_index_of_a_snapshot_leads_to_the_lines_of_its_objects() -> None:
    backup = Backup()
    small_tenant(backup.directory, users=40)
    await backup.back_up()
    snapshot = await backup.repository().open()
    assert len(snapshot.manifest.types["users"].packs) > 5
    async for entry in snapshot.index("users"):
        assert await snapshot.get("users", entry) == backup.directory.objects["users"][entry.id]
    found = await snapshot.find("users", "user-007")
    assert found is not None
    assert found.name == "User 7"
    assert await snapshot.find("users", "nobody") is None
    dangling = {(one.source, one.target) for one in snapshot.manifest.dangling}
    assert ("policy-1", "group-dead") in dangling
