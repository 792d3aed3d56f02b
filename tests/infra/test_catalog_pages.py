"""The pages made from the catalog: current, whole, and true of what a run does without a permission."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from infra.graph import lists, permission_page, type_page
from infra.graph.__main__ import DONE, STALE, main
from infra.graph.lists import APPS, BACKUP
from infra.graph.permission_page import lacking
from shared.catalog.registry import CATALOG, Catalog
from shared.catalog.spec import ObjectType
from shared.domain.snapshot import State, TypeEntry
from tests.backup import Backup, small_tenant
from tests.fakes import FakeDirectory

HELD = frozenset(one.name for one in lists.stored()[BACKUP])
PAGES = (permission_page, type_page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.FILE.name)
def test_a_page_is_what_the_catalog_gives(page: ModuleType) -> None:
    assert page.FILE.read_text(encoding="utf-8") == page.document(CATALOG), "run python -m infra.graph lists"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.FILE.name)
def test_a_stale_page_is_named_and_made_anew(
    page: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for one in (lists, *PAGES):
        (tmp_path / one.FILE.name).write_text(one.document(CATALOG), encoding="utf-8")
        monkeypatch.setattr(one, "FILE", tmp_path / one.FILE.name)
    page.FILE.write_text("as it was", encoding="utf-8")
    assert main(["lists", "--check"]) == STALE
    told = capsys.readouterr().err.splitlines()
    assert [line.split(" ")[0].rsplit("/", 1)[1] for line in told] == [page.FILE.name]
    assert page.FILE.read_text(encoding="utf-8") == "as it was"
    assert main(["lists"]) == DONE
    assert page.FILE.read_text(encoding="utf-8") == page.document(CATALOG)


@pytest.mark.parametrize("spec", CATALOG.types, ids=lambda spec: spec.name)
def test_the_section_of_a_type_has_all_that_was_declared_of_it(spec: ObjectType) -> None:
    (section,) = (
        part
        for part in type_page.FILE.read_text(encoding="utf-8").split("\n## ")
        if part.startswith(f"{spec.name}\n")
    )
    groups = (
        *spec.needs_to_read,
        *(() if spec.evidence_only else spec.needs_to_write),
        *(extra.permissions for extra in spec.needs_to_write_also),
        *(group for one in spec.relationships for group in (*one.needs_to_read, *one.needs_to_write)),
    )
    for name in (
        *(name for group in groups for name in group),
        *(spec.relationship_path(one) for one in spec.relationships),
        *(*spec.select, *spec.writable, *spec.set_after, *spec.create_only),
        *(*spec.secret, *spec.action_only, *spec.volatile),
    ):
        assert f"`{name}`" in section
    reasons = [one.about for one in spec.quirks] + [
        spec.not_created,
        spec.no_drill,
        spec.made_by_service,
        spec.write_by_choice,
        spec.only_read,
        spec.not_read,
        spec.off_because,
    ]
    assert all(reason in section for reason in reasons)


def test_what_is_declared_later_changes_the_page() -> None:
    first, *rest = CATALOG.types
    wider = Catalog((dataclasses.replace(first, secret=("aSecret",)), *rest))
    assert "Never readable: `aSecret`" in type_page.document(wider)


def test_the_page_of_permissions_has_what_the_apps_are_given() -> None:
    text = permission_page.FILE.read_text(encoding="utf-8")
    for app, section in zip(APPS, text.split("\n## ")[1:], strict=True):
        rows = [line for line in section.split("HOLDFAST_OPT_IN")[0].splitlines() if line.startswith("| `")]
        assert [row.split("`")[1] for row in rows] == [one.name for one in lists.stored()[app]]


def states(entries: Mapping[str, TypeEntry], state: State) -> set[str]:
    return {name for name, entry in entries.items() if entry.completeness.state is state}


@pytest.mark.parametrize("left_out", sorted(HELD))
async def test_a_permission_that_is_left_out_costs_the_types_that_need_it_and_never_the_run(left_out: str) -> None:
    directory = FakeDirectory()
    small_tenant(directory)
    directory.granted = HELD - {left_out}
    backup = Backup(directory=directory)
    await backup.back_up()
    manifest = (await backup.repository().open()).manifest
    entries = {**manifest.types, **manifest.relationships, **manifest.groups}
    without = lacking(CATALOG, HELD - {left_out})
    assert without.not_permitted or without.partial
    assert states(entries, State.NOT_PERMITTED) == set(without.not_permitted)
    assert states(entries, State.PARTIAL) == set(without.partial)
    assert states(entries, State.COMPLETE) == set(entries) - {*without.not_permitted, *without.partial}
    for name in (*without.not_permitted, *without.partial):
        assert left_out in entries[name].completeness.reason
