"""What is off by itself: told as not read with the reason, and where it is asked for, read of every owner."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest

from shared.adapters.memory import ManualClock
from shared.catalog.registry import CATALOG
from shared.catalog.spec import Tier
from shared.domain import data_uri
from shared.domain.errors import Unusable
from shared.domain.plan import Mechanism, Reason
from shared.domain.snapshot import State, Why
from shared.engines.diff import diff
from shared.engines.export import items_of
from shared.engines.view import PackedView
from tests.backup import Backup, small_tenant
from tests.fakes import FakeDirectory, forbidden, once, refuse
from tests.faults import Crash, Faults, fail, run_until_crash
from tests.restore_planned import Snapshot, cloud_groups, cloud_users, make_plan, purge, read, read_as
from tests.restore_world import WRITER, objects, tenant
from tests.simdirectory import SimDirectory
from tests.simulator.auth import Principal
from tests.simulator.provisioning_templates import HELD as HELD_TEMPLATES
from tests.simulator.user_methods import MOBILE_ID, PASSWORD_ID

EVERY = tuple(sorted(CATALOG.opt_ins))
HELD = WRITER | {name for group in CATALOG.needs(write=False, opt_in=EVERY) for name in group}


async def stored(view: PackedView, type_name: str) -> dict[str, Any]:
    return {entry.id: json.loads(raw) async for entry, raw in view.objects(type_name)}


def fake(**wanted: Any) -> Backup:
    directory = FakeDirectory(page_size=3)
    directory.granted = HELD
    small_tenant(directory)
    for key in list(directory.objects["users"]):
        directory.link("users", "authentication", key, "the-same-for-all", kind="password")
    return Backup(directory=directory, **wanted)


async def test_what_is_off_is_told_with_its_reason() -> None:
    backup = fake()
    await backup.back_up()
    manifest = (await backup.repository().open()).manifest
    for name, why in CATALOG.opt_ins.items():
        assert manifest.completeness(name).state is State.NOT_READ
        assert why in manifest.completeness(name).reason
    assert not [path for path in backup.directory.requests if "authentication/methods" in path or "aboutMe" in path]


def test_a_name_that_is_no_opt_in_is_refused() -> None:
    with pytest.raises(Unusable, match=r"users.*known: .*apiConnectors"):
        items_of(CATALOG, (), ("users",))


def test_a_relationship_may_be_off_with_what_it_contains() -> None:
    applications = CATALOG.get("applications")
    off = {"tier": Tier.OPT_IN, "off_because": "it is dear"}
    changed = dataclasses.replace(
        applications, relationships=tuple(dataclasses.replace(one, **off) for one in applications.relationships)
    )
    catalog = dataclasses.replace(
        CATALOG, types=tuple(changed if one is applications else one for one in CATALOG.types)
    )
    items, not_read = items_of(catalog)
    assert "applications.owners" not in {item.id for item in items}
    assert {"applications.owners", "federatedIdentityCredentials"} <= not_read.keys()
    items, not_read = items_of(catalog, (), ("applications.federatedIdentityCredentials",))
    assert "applications.federatedIdentityCredentials" in {item.id for item in items}
    assert "federatedIdentityCredentials" not in not_read


async def test_what_is_asked_for_is_read_of_every_owner_that_has_it() -> None:
    clock = ManualClock()
    service = tenant(clock)
    users = {str(one["id"]): one for one in objects(service, "users")}
    people = sorted(users)
    service.store.tables["users"][people[0]] |= {"aboutMe": "Grüße 😀", "interests": ["chess"]}
    service.store.tables["users"][people[1]] |= {"signInActivity": {"lastSignInDateTime": "2026-11-01T00:00:00Z"}}
    for number, table in enumerate(("users", "groups", "orgContacts")):
        service.store.tables[table][min(service.store.tables[table])]["onPremisesSyncEnabled"] = number == 1
    offers = min(service.store.tables["applications"])
    templates = [
        {"id": "scim", "factoryTag": "CustomSCIM", "schema": {"directories": [], "synchronizationRules": []}}
    ]
    service.store.tables["applications"][offers] |= {HELD_TEMPLATES: templates}
    unified = {str(one["id"]) for one in objects(service, "groups") if "Unified" in one["groupTypes"]}  # type: ignore[operator]
    directory: Any = SimDirectory(service, clock, Principal("holdfast-backup", "holdfast-backup", HELD))
    backup = Backup(directory=directory, clock=clock, opt_in=EVERY)
    await backup.back_up()
    view = await backup.repository().open()
    for name in EVERY:
        assert view.manifest.completeness(name).state is State.COMPLETE, (name, view.manifest.completeness(name))
    profiles = await stored(view, "userProfiles")
    assert profiles.keys() == users.keys()
    assert (profiles[people[0]]["aboutMe"], profiles[people[0]]["interests"]) == ("Grüße 😀", ["chess"])
    for kind, table in (("user", "users"), ("group", "groups"), ("orgContact", "orgContacts")):
        synced = {key: one.get("onPremisesSyncEnabled") for key, one in service.store.tables[table].items()}
        found = await stored(view, f"{kind}OnPremisesSyncBehavior")
        managed = {key: one["onPremisesSyncBehavior"]["isCloudManaged"] for key, one in found.items()}
        assert managed == {key: not told for key, told in synced.items() if told is not None} != {}
    kept = await stored(view, "applicationProvisioningTemplates")
    assert kept == {offers: {"id": offers, "templates": templates}}
    assert (await stored(view, "groupMailSettings")).keys() == unified != set()
    methods = await stored(view, "userAuthenticationMethods")
    assert methods.keys() == users.keys()
    for key, one in methods.items():
        expected = [PASSWORD_ID, MOBILE_ID] if users[key].get("mobilePhone") else [PASSWORD_ID]
        assert [method["id"] for method in one["methods"]] == expected
    for table, kind in (("users", "userPhotos"), ("groups", "groupPhotos")):
        held = {
            one["id"]: one["_photo"]["photo"] for one in service.store.tables[table].values() if "_photo" in one
        }
        photos = {key: data_uri.decode(one["photo"]) for key, one in (await stored(view, kind)).items()}
        assert {key: [told, base64.b64encode(content).decode()] for key, (told, content) in photos.items()} == held
        assert held
    activity = await stored(view, "userSignInActivity")
    assert activity[people[1]]["signInActivity"]["lastSignInDateTime"] == "2026-11-01T00:00:00Z"
    report = await backup.verify()
    assert not report.findings


async def test_a_photo_that_goes_meanwhile_is_not_kept_and_one_that_comes_is() -> None:
    backup = fake(opt_in=("userPhotos",))
    directory = backup.directory
    assert isinstance(directory, FakeDirectory)
    went, came = (f"/v1.0/users/user-00{number}/photo/$value" for number in (1, 0))
    directory.files[went] = data_uri.encode("image/png", b"1")

    def change() -> None:
        del directory.files[went]
        directory.files[came] = data_uri.encode("image/png", b"0")
        for key in ("user-001", "user-000"):
            directory.put_raw("users", key, directory.objects["users"][key])

    directory.before.append(once("user-004/photo", change))
    await backup.back_up()
    view = await backup.repository().open()
    assert view.manifest.completeness("userPhotos").state is State.COMPLETE
    assert await stored(view, "userPhotos") == {"user-000": {"id": "user-000", "photo": directory.files[came]}}


async def test_owners_that_go_or_come_meanwhile_leave_no_gap_and_no_ghost() -> None:
    backup = fake(opt_in=("userAuthenticationMethods",))
    directory = backup.directory
    assert isinstance(directory, FakeDirectory)

    def change() -> None:
        directory.remove("users", "user-001")
        directory.remove("users", "user-006")
        directory.put("users", id="user-100", displayName="New")
        directory.link("users", "authentication", "user-100", "the-same-for-all", kind="password")

    directory.before.append(once("user-003/authentication", change))
    await backup.back_up()
    view = await backup.repository().open()
    held = await stored(view, "userAuthenticationMethods")
    assert view.manifest.completeness("userAuthenticationMethods").state is State.COMPLETE
    assert held.keys() == directory.objects["users"].keys()
    assert all(one["methods"][0]["id"] == "the-same-for-all" for one in held.values())


async def test_an_owner_that_is_refused_makes_it_partial() -> None:
    backup = fake(opt_in=("userAuthenticationMethods",))
    backup.directory.before.append(refuse("user-003/authentication", forbidden))
    await backup.back_up()
    view = await backup.repository().open()
    told = view.manifest.completeness("userAuthenticationMethods")
    assert (told.state, told.reason) == (State.PARTIAL, Why.NOT_PERMITTED_FOR_SOME)
    assert "user-003" not in await stored(view, "userAuthenticationMethods")


async def test_without_its_permission_nothing_is_asked_and_the_name_is_told() -> None:
    backup = fake(opt_in=EVERY)
    backup.directory.granted = HELD - {"AuditLog.Read.All"}
    await backup.back_up()
    told = (await backup.repository().open()).manifest.completeness("userSignInActivity")
    assert (told.state, told.reason) == (State.NOT_PERMITTED, "AuditLog.Read.All")
    assert not [path for path in backup.directory.requests if "signInActivity" in path]


async def test_a_worker_that_dies_anywhere_or_has_no_time_leaves_the_same_snapshot() -> None:
    whole = fake(opt_in=("userAuthenticationMethods",))
    await whole.back_up()
    expected = await stored(await whole.repository().open(), "userAuthenticationMethods")
    limits = dataclasses.replace(whole.limits, time_budget=0.0)
    hurried = fake(opt_in=("userAuthenticationMethods",), limits=limits)
    await hurried.back_up()
    assert await stored(await hurried.repository().open(), "userAuthenticationMethods") == expected
    for before in (True, False):
        for skip in range(6):
            dying = fake(opt_in=("userAuthenticationMethods",))
            await dying.start()
            rule = fail("userAuthenticationMethods", Crash, before=before, skip=skip)
            assert await run_until_crash(dying.deliver(faults=Faults(rule)))
            dying.clock.advance(61)
            await dying.deliver()
            assert await stored(await dying.repository().open(), "userAuthenticationMethods") == expected


async def test_a_restore_brings_the_owner_back_and_says_of_its_facets_that_they_are_evidence() -> None:
    clock = ManualClock()
    service = tenant(clock)
    directory: Any = SimDirectory(service, clock, Principal("holdfast-backup", "holdfast-backup", HELD))
    backup = Backup(directory=directory, clock=clock, opt_in=("userProfiles",))
    await backup.back_up()
    view = await backup.repository().open()
    gone = str(cloud_users(service)[0]["id"])
    purge(service, "users", gone)
    clock.advance(3600)
    plan = await make_plan(service, view, clock)  # type: ignore[arg-type]  # a committed snapshot
    operations = [one for step in plan.steps for one in step.operations]
    assert [one.type for one in operations if one.target == gone and one.mechanism is Mechanism.CREATE] == ["users"]
    assert not [one for one in operations if one.type == "userProfiles"]
    assert not [one for one in plan.exclusions if one.type in CATALOG.opt_ins and one.reason is Reason.NOT_COMPLETE]
    changes = await diff(view, await read(service, clock), CATALOG, types=("userProfiles",))
    assert [gap.name for gap in changes.gaps] == ["userProfiles"]


async def test_authority_that_moved_is_shown_and_no_restore_moves_it() -> None:
    clock = ManualClock()
    service = tenant(clock)
    kind, held = "groupOnPremisesSyncBehavior", WRITER | {"Group-OnPremisesSyncBehavior.ReadWrite.All"}
    moved, gone = (str(one["id"]) for one in cloud_groups(service)[:2])
    for key in (moved, gone):
        service.store.tables["groups"][key]["onPremisesSyncEnabled"] = False
    clock.advance(60)
    before = Snapshot.of(await read_as(service, clock, held, (kind,)))
    service.store.tables["groups"][moved]["onPremisesSyncEnabled"] = True
    purge(service, "groups", gone)
    clock.advance(3600)
    plan = await make_plan(service, before, clock)
    operations = [one for step in plan.steps for one in step.operations]
    assert Mechanism.CREATE in {one.mechanism for one in operations if one.target == gone}
    assert kind not in {one.type for one in operations}
    after = Snapshot.of(await read_as(service, clock, held, (kind,)))
    changes = await diff(before, after, CATALOG, types=(kind,))
    assert {one.id: one.kind.value async for one in changes} == {moved: "changed", gone: "removed"}
