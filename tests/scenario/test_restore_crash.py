"""A restore that is killed at every write, gets every message twice, runs in several workers, loses answers and
meets lagging replicas ends as an undisturbed one: every object once, every reference rewritten."""

from __future__ import annotations

import asyncio
import random

import pytest

from shared.engines.executor import StepEnd
from shared.engines.journal import Journal
from tests.faults import Crash, Faults, Interleaved, crash_at, run_until_crash
from tests.restore_world import World, live, objects, start, world

LOST = {
    "bin": r"/directory/deletedItems/[^/]+/restore$",
    "create by key": r"^/v1.0/users$",
    "create by marker": r"^/v1.0/groups$",
    "create with two ids": r"^/v1.0/applications$",
    "create that names a new id": r"^/v1.0/servicePrincipals$",
    "create of a child": r"federatedIdentityCredentials$",
    "link, single": r"manager/\$ref$",
    "patch": r"^/v1.0/users/[^/]+$",
    "finish and link": r"^/v1.0/groups/[^/]+$",
    "policy": r"conditionalAccess/policies/[^/]+$",
}


async def check(one: World) -> None:
    """The end state, whatever happened on the way."""
    assert set((await one.ends()).values()) <= {"done", "alreadyAsWanted"}, await one.ends()
    damage, service = one.damage, one.service
    ids = await (await one.progress()).all_ids()
    users = {str(user["id"]): user for user in objects(service, "users")}
    named = [user for user in users.values() if user["userPrincipalName"] == damage.purged["userPrincipalName"]]
    assert [user["id"] for user in named] == [ids[str(damage.purged["id"])]]
    assert damage.binned["id"] in users
    assert users[str(damage.patched["id"])].get("department") == damage.patched.get("department")
    groups = [group for group in objects(service, "groups") if "Payroll" in str(group["displayName"])]
    assert [(group["id"], group["displayName"]) for group in groups] == [
        (ids[str(damage.group["id"])], "Payroll <all>")
    ]
    apps = [app for app in objects(service, "applications") if "Pay app" in str(app["displayName"])]
    assert [(app["id"], app["displayName"]) for app in apps] == [(ids[str(damage.application["id"])], "Pay app")]
    assert apps[0]["appId"] == ids[str(damage.application["appId"])]
    principals = [sp for sp in objects(service, "servicePrincipals") if sp["appId"] == apps[0]["appId"]]
    assert [sp["id"] for sp in principals] == [ids[str(damage.principal["id"])]]
    credentials = live(service, f"/v1.0/applications/{apps[0]['id']}/federatedIdentityCredentials")["value"]
    assert [item["name"] for item in credentials] == ["ci"]
    members = live(service, f"/v1.0/groups/{groups[0]['id']}/members?$select=id&$top=999")["value"]
    assert {item["id"] for item in members} == {ids.get(member, member) for member in damage.members}
    manager = live(service, f"/v1.0/users/{named[0]['id']}/manager?$select=id")
    assert manager["id"] == damage.boss
    policies = {str(policy["id"]): policy for policy in objects(service, "conditionalAccessPolicies")}
    policy = policies[str(damage.policy["id"])]
    assert policy["state"] == "enabled"
    assert policy["conditions"]["users"]["excludeGroups"] == [groups[0]["id"]]  # type: ignore[index,call-overload]
    creations = [txn.path for txn in service.store.log if txn.method == "POST" and txn.app == "holdfast-restore"]
    for path in ("/users", "/groups", "/applications", "/servicePrincipals"):
        assert creations.count(path) == 1, creations
    assert sum(path.endswith("/federatedIdentityCredentials") for path in creations) == 1
    assert len(one.secrets.versions) == 1
    assert [len(versions) for versions in one.secrets.versions.values()] == [1]
    assert not any(
        b"password" in blob and b"forceChange" in blob and _secret(one) in blob for blob in _journal(one)
    )
    for step in one.plan.steps:
        await Journal(one.view()).step(one.plan.id, step.id)  # chain and signatures hold


def _secret(one: World) -> bytes:
    (versions,) = one.secrets.versions.values()
    return versions[-1].encode()


def _journal(one: World) -> list[bytes]:
    blobs = [data for name, data in one.evidence.blobs.items() if "/steps/" in name]
    assert not any(_secret(one) in data for data in blobs)
    return blobs


async def _writes_of_a_clean_run() -> int:
    one = await world()
    await start(one)
    faults = Faults()
    await one.process(faults).drain()
    await check(one)
    return len(faults.written)


async def test_an_undisturbed_restore_ends_well_and_asks_for_its_verification() -> None:
    one = await world()
    await start(one)
    results = await one.process().drain()
    assert {result.end for result in results} == {StepEnd.DONE}
    await check(one)
    assert len(one.verify.bodies) >= 1


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_killed_at_each_write_in_turn(before: bool) -> None:
    total = await _writes_of_a_clean_run()
    assert total >= 30
    for number in range(1, total + 1):
        one = await world()
        await start(one)
        faults = Faults(crash_at(number, before=before))
        assert await run_until_crash(one.process(faults).drain()), number
        await one.process().drain()
        await check(one)


async def test_killed_again_while_it_picks_up() -> None:
    rng = random.Random(7)
    for _ in range(25):
        one = await world()
        await start(one)
        for _ in range(4):
            faults = Faults(crash_at(rng.randrange(1, 15), before=rng.random() < 0.5))
            await run_until_crash(one.process(faults).drain())
        await one.process().drain()
        await check(one)


async def test_every_message_twice() -> None:
    one = await world()
    await start(one)
    await one.process().drain(twice=True)
    await check(one)


async def test_messages_again_after_the_end_change_nothing_and_send_what_is_ready() -> None:
    one = await world()
    await start(one)
    await one.process().drain()
    commits = one.service.store.seq
    blobs = dict(one.evidence.blobs)
    for step in one.plan.steps:
        await start(one, step.id)
    results = await one.process().drain()
    assert {result.end for result in results} == {StepEnd.DONE}
    assert (one.service.store.seq, one.evidence.blobs) == (commits, blobs)


@pytest.mark.parametrize("seed", range(12))
async def test_three_workers_on_the_same_messages(seed: int) -> None:
    one = await world()
    rng = random.Random(seed)
    for step in one.plan.steps:
        for _ in range(2):
            await start(one, step.id)
    workers = [one.process(Interleaved(random.Random(rng.random()))) for _ in range(3)]
    await asyncio.gather(*(worker.drain() for worker in workers))
    await one.process().drain()
    await check(one)


@pytest.mark.parametrize("seed", range(8))
async def test_workers_that_die_beside_others(seed: int) -> None:
    one = await world()
    rng = random.Random(100 + seed)
    await start(one)
    await start(one)
    workers = [
        one.process(Interleaved(random.Random(rng.random()), crash_at(rng.randrange(1, 25), before=before)))
        for before in (True, False)
    ]
    ends = await asyncio.gather(*(worker.drain() for worker in workers), return_exceptions=True)
    assert all(isinstance(end, Crash | list) for end in ends), ends
    await one.process().drain()
    await check(one)


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not committed"])
@pytest.mark.parametrize("path", LOST.values(), ids=LOST.keys())
async def test_an_answer_that_is_lost_leaves_one_object(path: str, committed: bool) -> None:
    one = await world()
    effect = "dropConnectionAfterCommit" if committed else "dropConnectionBeforeCommit"
    methods = ["POST", "PATCH", "PUT"]
    one.service.faults.install(
        [{"match": {"pathRegex": path, "method": methods, "times": 1}, "effect": {effect: True}}]
    )
    await start(one)
    await one.process().drain()
    assert one.service.faults.report()[0]["fired"] == 1
    await check(one)


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not committed"])
async def test_every_answer_to_a_write_is_lost_once(committed: bool) -> None:
    one = await world()
    effect = "dropConnectionAfterCommit" if committed else "dropConnectionBeforeCommit"
    one.service.faults.install(
        [
            {"match": {"pathRegex": path, "method": ["POST", "PATCH", "PUT"], "times": 1}, "effect": {effect: True}}
            for path in LOST.values()
        ]
    )
    await start(one)
    await one.process().drain()
    await check(one)


@pytest.mark.parametrize("lag", [20.0, 120.0, 600.0])
async def test_replicas_that_lag(lag: float) -> None:
    one = await world(lag=lag)
    await start(one)
    await one.process().drain()
    await check(one)


@pytest.mark.parametrize("number", range(3, 30, 4))
async def test_killed_while_replicas_lag_and_answers_are_lost(number: int) -> None:
    one = await world(lag=120.0)
    one.service.faults.install(
        [
            {
                "match": {"pathRegex": path, "method": "POST", "times": 1},
                "effect": {"dropConnectionAfterCommit": True},
            }
            for path in LOST.values()
        ]
    )
    await start(one)
    await run_until_crash(one.process(Faults(crash_at(number, before=number % 8 == 3))).drain())
    await one.process().drain()
    await check(one)


async def test_the_answer_to_a_claim_is_lost_and_the_claim_is_known_as_ours() -> None:
    from shared.domain.errors import StorageDown
    from tests.faults import fail

    one = await world()
    await start(one)
    faults = Faults(fail("put evidence-400d", lambda: StorageDown("no answer"), before=False, times=40))
    await one.process(faults).drain()
    await check(one)
