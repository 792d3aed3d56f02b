"""The lists of Graph permissions: they follow the catalog, hold no more than is needed, and are enough."""

from __future__ import annotations

import dataclasses
import re

import pytest

from infra.graph import lists
from infra.graph.__main__ import main
from infra.graph.ids import APP_ROLES
from infra.graph.lists import APPS, BACKUP, RESTORE, UNLOCK, Need, chosen, needs
from shared.catalog.registry import CATALOG, Catalog
from tests.reference import ABSENT, reference
from tests.simulator.rules.permissions import PERMISSIONS, allowed

STORED = lists.stored()
NAMES = {app: frozenset(one.name for one in entries) for app, entries in STORED.items()}


def test_the_file_is_what_the_catalog_gives() -> None:
    assert lists.FILE.read_text(encoding="utf-8") == lists.document(CATALOG), "run python -m infra.graph lists"
    assert main(["lists", "--check"]) == 0


def test_a_type_added_later_extends_the_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *rest = CATALOG.types
    wider = dataclasses.replace(first, needs_to_read=(*first.needs_to_read, ("BitlockerKey.Read.All",)))
    with pytest.raises(LookupError, match="BitlockerKey"):
        lists.document(Catalog((wider, *rest)))
    monkeypatch.setattr(lists, "APP_ROLES", {**APP_ROLES, "BitlockerKey.Read.All": "x"})
    assert "BitlockerKey.Read.All" in lists.document(Catalog((wider, *rest)))


@pytest.mark.parametrize("app", APPS)
def test_every_need_is_met_and_no_permission_is_idle(app: str) -> None:
    groups = {need.permissions for need in needs(CATALOG, app)}
    assert all(NAMES[app].intersection(group) for group in groups)
    for name in NAMES[app]:
        assert not all((NAMES[app] - {name}).intersection(group) for group in groups), f"{name} is idle"
    by = {need.by for need in needs(CATALOG, app)}
    assert {one for entry in STORED[app] for one in entry.needed_by} == by


def test_the_needs_are_those_of_the_catalog() -> None:
    for app, write in ((BACKUP, False), (RESTORE, True)):
        listed = CATALOG.needs(write=write, by_choice=False)
        assert {need.permissions for need in needs(CATALOG, app)} == set(listed)


def test_an_app_that_holds_its_list_lacks_nothing() -> None:
    """What an owner may add by choice is in no list: an app is not told every day that it is without it."""
    for app, write in ((BACKUP, False), (RESTORE, True)):
        assert CATALOG.lacking(NAMES[app], write=write) == ()
        for name in sorted(NAMES[app]):
            assert CATALOG.lacking(NAMES[app] - {name}, write=write), f"nobody misses {name}"


def test_a_list_for_reading_writes_nothing_and_the_unlock_app_only_conditional_access() -> None:
    assert not [name for name in NAMES[BACKUP] if "Write" in name]
    assert [name for name in NAMES[UNLOCK] if "Write" in name] == ["Policy.ReadWrite.ConditionalAccess"]
    assert NAMES[UNLOCK] < NAMES[RESTORE]


def test_of_an_open_group_the_first_is_taken_and_what_others_cover_is_not() -> None:
    a, b, c = "Member.Read.Hidden", "Policy.Read.All", "Directory.Read.All"
    assert [one.name for one in chosen([Need((a, b), "x")])] == [a]
    assert [one.name for one in chosen([Need((a, b), "x"), Need((b,), "y")])] == [b]
    taken = chosen([Need((a, c), "x"), Need((b, c), "y"), Need((c,), "z")])
    assert [(one.name, one.needed_by) for one in taken] == [(c, ("x", "y", "z"))]


@pytest.mark.parametrize("app", [BACKUP, RESTORE])
def test_published_permission_data_lets_the_app_read_all_that_it_reads(app: str) -> None:
    """The simulated tenant's table comes from Microsoft's data and doesn't know the catalog."""
    asked = [spec for spec in CATALOG.types if spec.name not in CATALOG.opt_ins]
    paths = {spec.path.replace("{parent}", "{id}") for spec in asked}
    paths |= {f"{spec.path}/delta" for spec in CATALOG.types if spec.delta}
    paths |= {f"{spec.path}/{{id}}/{one.name}" for spec, one in CATALOG.relationships if not spec.singleton}
    if app == RESTORE:  # who adds what writes a type by choice reads it by that, and evidence isn't read again
        apart = [spec for spec in CATALOG.types if spec.write_by_choice or spec.evidence_only]
        paths -= {spec.path.replace("{parent}", "{id}") for spec in apart if spec.facet is None}
    known = {path for path in paths if ("GET", path) in PERMISSIONS}
    assert len(known) >= 30
    assert not [path for path in sorted(known) if not allowed(PERMISSIONS["GET", path], NAMES[app])]


def test_published_permission_data_lets_the_restore_app_write_and_the_backup_app_not() -> None:
    writes = [
        (method, path)
        for spec in CATALOG.types
        for method, path in (("POST", spec.path), ("PATCH", f"{spec.path}/{{id}}"), ("PATCH", spec.path))
        if (method, path) in PERMISSIONS and not (spec.evidence_only or spec.write_by_choice)
    ]
    assert len(writes) >= 20
    assert not [one for one in writes if not allowed(PERMISSIONS[one], NAMES[RESTORE])]
    assert not [one for one in writes if allowed(PERMISSIONS[one], NAMES[BACKUP])]


def test_ids_are_those_of_the_reference_data() -> None:
    if (page := reference("azure", "bicep.md")) is None:
        pytest.skip(ABSENT)
    text = page.read_text(encoding="utf-8")
    published = dict(re.findall(r"^\| ([\w.-]+) \| `([0-9a-f-]{36})` \|$", text, re.MULTILINE))
    common = published.keys() & APP_ROLES.keys()
    assert len(common) >= 14
    assert {name: published[name] for name in common} == {name: APP_ROLES[name] for name in common}


def test_the_table_of_ids_holds_what_the_lists_hold() -> None:
    assert set(APP_ROLES) == frozenset().union(*NAMES.values())
    assert len(set(APP_ROLES.values())) == len(APP_ROLES)
