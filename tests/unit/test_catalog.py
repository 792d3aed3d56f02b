"""The catalog contradicts itself nowhere, and says of each type what a restore has to know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.catalog.registry import CATALOG, Catalog
from shared.catalog.spec import Drill, Enabling, LinkWrite, ObjectType, Tier
from shared.catalog.users import USERS
from shared.domain.errors import Unusable


def test_an_unknown_type_is_named_with_those_that_exist() -> None:
    with pytest.raises(Unusable, match=r"no object type 'widgets'.*known: .*users"):
        CATALOG.get("widgets")


def test_the_version_changes_with_any_declaration() -> None:
    changed = tuple(replace(spec, title="Persons") if spec.name == "users" else spec for spec in CATALOG.types)
    assert Catalog(changed).version != CATALOG.version


@pytest.mark.parametrize(
    "wrong",
    [
        {"writable": (*USERS.writable, "aboutMe")},
        {"writable": (*USERS.writable, "assignedLicenses")},
        {"anchor": None},
        {"create": None},
        {"not_created": "because"},
        {"drill": Drill.NONE},
        {"no_drill": "because"},
        {"tier": Tier.ROLLING},
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="users"):
        Catalog((replace(USERS, **wrong),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"tier": Tier.ROLLING},
        {"rolling_days": 7},
        {"tier": Tier.ROLLING, "rolling_days": 1},
        {"tier": Tier.ROLLING, "rolling_days": 7, "expands": True},
        {"tier": Tier.ROLLING, "rolling_days": 7, "delta": True},
    ],
)
def test_only_what_is_asked_parent_by_parent_can_roll(wrong: dict[str, Any]) -> None:
    name = "connectedOrganizations"
    spec = CATALOG.get(name)
    first, *others = spec.relationships
    changed = replace(spec, relationships=(replace(first, **wrong), *others))
    with pytest.raises(ValueError, match="can't roll"):
        Catalog(tuple(changed if one.name == name else one for one in CATALOG.types))


def test_what_is_changed_whole_is_not_changed_in_parts() -> None:
    types = tuple(
        replace(spec, put=True) if spec.name == "conditionalAccessPolicies" else spec for spec in CATALOG.types
    )
    with pytest.raises(ValueError, match="conditionalAccessPolicies is changed whole, and in parts"):
        Catalog(types)


def test_a_type_declared_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Catalog((USERS, USERS))


@pytest.mark.parametrize("spec", CATALOG.types, ids=lambda spec: spec.name)
def test_every_type_tells_how_it_is_read_and_with_which_permissions(spec: ObjectType) -> None:
    assert bool(spec.needs_to_read) != bool(spec.not_read)
    assert spec.needs_to_write or not spec.mechanisms
    assert spec.singleton or spec.parent or spec.path.startswith("/")
    for quirk in spec.quirks:
        assert quirk.source, f"{spec.name}: a fact without a source"
    assert spec.licence is None or (spec.licence.name and spec.licence.source)


@pytest.mark.parametrize("spec", [spec for spec in CATALOG.types if spec.enabling], ids=lambda spec: spec.name)
def test_what_acts_on_sign_ins_never_comes_from_the_bin_acting(spec: ObjectType) -> None:
    assert isinstance(spec.enabling, Enabling)
    if spec.bin is not None:
        assert spec.bin.refused_when is not None
        assert set(spec.enabling.acting) <= set(spec.bin.refused_when.values)


def test_permissions_for_reading_include_no_write() -> None:
    for any_of in CATALOG.needs(write=False):
        assert not any("ReadWrite" in one for one in any_of)


def test_role_assignable_groups_ask_for_the_permission_that_writes_them() -> None:
    assert ("RoleManagement.ReadWrite.Directory",) in CATALOG.needs(write=True)


def test_links_of_contained_children_are_written_by_creating_the_child() -> None:
    for spec, relationship in CATALOG.relationships:
        if relationship.contains:
            assert relationship.write is LinkWrite.NONE, f"{spec.name}.{relationship.name}"
