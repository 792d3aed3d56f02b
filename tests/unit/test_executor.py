"""A step does what the approved plan says and nothing else: every reason not to write, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.keys import LocalSigner
from shared.domain.errors import Fault, GraphUnauthorized, IntegrityError, StorageDown
from shared.domain.plan import Intent, Operation, Request
from shared.engines import jws
from shared.engines.evidence import PlanCommit, intent_blob, plan_folder
from shared.engines.executor import Limits, StepEnd, StepResult
from shared.engines.journal import Journal
from shared.engines.jws import Purpose
from shared.engines.wire import decode, encode
from tests.faults import Call, Faults, fail
from tests.faults import Fault as Injected
from tests.restore_world import (
    ORIGIN,
    PLAN_KEY,
    World,
    live,
    objects,
    operations,
    plan_of,
    start,
    world,
)
from tests.simdirectory import scripted


async def small(*names: str, change: Callable[[dict[str, Operation], World], None] | None = None) -> World:
    """A world whose plan holds these operations only, all in their own steps, `after` cut to what is there."""
    one = await world(approve=False)
    made = operations(one.service, one.damage)
    if change is not None:
        change(made, one)
    kept = {
        name: replace(made[name], after=tuple(other for other in made[name].after if other in names))
        for name in names
    }
    one.plan = replace(plan_of(one.service, kept), id="psmall")
    await one.view().store_plan(one.plan, PLAN_KEY)
    await one.approve()
    return one


async def run(one: World, step: str = "s1", *, faults: Faults | None = None) -> StepResult:
    return await one.process(faults).executor.run_step(one.plan.id, step)


async def ends(one: World) -> dict[str, str]:
    return await one.ends()


async def why(one: World, operation: str) -> str:
    end = await (await one.progress()).end(operation)
    assert end is not None
    return end.why


def writes(one: World) -> int:
    return sum(txn.app == "holdfast-restore" for txn in one.service.store.log)


def install(one: World, path: str, effect: dict[str, Any], **match: Any) -> None:
    one.service.faults.install([{"match": {"pathRegex": path, **match}, "effect": effect}])


def refusal(status: int, code: str, message: str) -> dict[str, Any]:
    return {"status": status, "body": {"error": {"code": code, "message": message}}}


# --- what lets a step run at all


async def test_a_step_that_was_not_approved_waits_and_writes_nothing() -> None:
    one = await world(approve=False)
    result = await run(one)
    assert (result.end, writes(one)) == (StepEnd.AWAITING_APPROVAL, 0)
    assert "0 of 2" in result.why


async def test_a_step_whose_dependencies_are_not_done_is_not_run() -> None:
    one = await world()
    result = await run(one, "s3")
    assert (result.end, writes(one)) == (StepEnd.NOT_READY, 0)


async def test_unknown_plans_and_steps_and_cancelled_plans_are_refused() -> None:
    one = await world()
    assert (await one.process().executor.run_step("pnone", "s1")).end is StepEnd.REFUSED
    assert (await one.process().executor.run_step(one.plan.id, "s99")).end is StepEnd.REFUSED
    await one.view().cancel(one.plan.id, one.clock.now())
    result = await run(one)
    assert (result.end, writes(one)) == (StepEnd.REFUSED, 0)
    assert "cancelled" in result.why


async def test_a_plan_that_was_changed_after_it_was_signed_is_not_run() -> None:
    one = await world()
    name = f"{plan_folder(one.tenant, one.plan.id)}plan.json"
    one.evidence.blobs[name] = one.evidence.blobs[name].replace(b"Payroll", b"Payrole")
    with pytest.raises(IntegrityError, match="digest differs"):
        await run(one)
    assert writes(one) == 0


async def test_a_plan_signed_by_another_key_or_for_another_plan_is_not_run() -> None:
    one = await world()
    folder = plan_folder(one.tenant, one.plan.id)
    stored = await one.stored()
    for signer, commit in (
        (LocalSigner.generate(), stored.commit),
        (PLAN_KEY, replace(stored.commit, plan="pother")),
        (PLAN_KEY, replace(stored.commit, tenant="another")),
    ):
        assert isinstance(commit, PlanCommit)
        one.evidence.blobs[f"{folder}plan.jws"] = await jws.sign(signer, Purpose.PLAN, encode(commit))
        with pytest.raises(IntegrityError):
            await run(one)
    assert writes(one) == 0


async def test_if_the_intent_cannot_be_written_nothing_is_sent() -> None:
    one = await world()
    faults = Faults(fail("intent.json", lambda: StorageDown("down"), times=1000))
    result = await run(one, faults=faults)
    assert (result.end, writes(one)) == (StepEnd.REQUEUE, 0)


# --- preconditions


async def test_a_value_that_changed_since_the_plan_is_not_overwritten() -> None:
    one = await small("patch-user", "bin-user")
    user = one.damage.patched["id"]
    scripted(one.service, "PATCH", f"/v1.0/users/{user}", {"department": "Changed by its owner"})
    await run(one)
    assert await ends(one) == {"patch-user": "changedSincePlan", "bin-user": "done"}
    assert live(one.service, f"/v1.0/users/{user}?$select=department")["department"] == "Changed by its owner"
    assert "department" in await why(one, "patch-user")


async def test_what_reads_as_wanted_is_not_written_again() -> None:
    one = await small("patch-user")
    user = one.damage.patched
    scripted(one.service, "PATCH", f"/v1.0/users/{user['id']}", {"department": user.get("department")})
    await run(one)
    assert (await ends(one), writes(one)) == ({"patch-user": "alreadyAsWanted"}, 0)


async def test_an_object_that_is_gone_is_not_patched() -> None:
    one = await small("patch-user")
    scripted(one.service, "DELETE", f"/v1.0/users/{one.damage.patched['id']}")
    await run(one)
    assert await ends(one) == {"patch-user": "changedSincePlan"}


async def test_the_bin_gives_back_only_what_is_in_it() -> None:
    one = await small("bin-user")
    scripted(one.service, "DELETE", f"/v1.0/directory/deletedItems/{one.damage.binned['id']}")
    await run(one)
    assert await ends(one) == {"bin-user": "changedSincePlan"}
    one = await small("bin-user")
    scripted(one.service, "POST", f"/v1.0/directory/deletedItems/{one.damage.binned['id']}/restore")
    await run(one)
    assert (await ends(one), writes(one)) == ({"bin-user": "alreadyAsWanted"}, 0)


@pytest.mark.parametrize("state", ["enabled", "disabled"])
async def test_a_policy_comes_back_from_the_bin_only_if_it_does_not_act(state: str) -> None:
    def binned(made: dict[str, Operation], one: World) -> None:
        policy = str(one.damage.policy["id"])
        path = f"/beta/identity/conditionalAccess/policies/{policy}"
        scripted(one.service, "PATCH", path, {"state": state})
        scripted(one.service, "DELETE", path)
        made["bin-user"] = replace(
            made["bin-user"],
            type="conditionalAccessPolicies",
            target=policy,
            request=Request(
                "POST",
                f"/beta/identity/conditionalAccess/deletedItems/policies/{policy}/restore",
                None,
                "conditionalAccess",
            ),
            read=path,
            read_list="/beta/identity/conditionalAccess/policies",
            ids={"id": policy},
        )

    one = await small("bin-user", change=binned)
    await run(one)
    back = any(item["id"] == one.damage.policy["id"] for item in objects(one.service, "conditionalAccessPolicies"))
    expected = ("changedSincePlan", False) if state == "enabled" else ("done", True)
    assert ((await ends(one))["bin-user"], back) == expected


async def test_a_single_valued_link_that_somebody_set_since_is_not_overwritten() -> None:
    one = await small("create-user", "link-manager")
    await run(one)
    new = (await (await one.progress()).all_ids())[str(one.damage.purged["id"])]
    other = {"@odata.id": f"{ORIGIN}/v1.0/directoryObjects/{one.damage.patched['id']}"}
    scripted(one.service, "PUT", f"/v1.0/users/{new}/manager/$ref", other)
    await run(one, "s2")
    assert (await ends(one))["link-manager"] == "changedSincePlan"


async def test_a_target_that_changes_between_claim_and_sending_is_looked_at_again() -> None:
    one = await small("patch-user")
    user = one.damage.patched["id"]

    def meddle(call: Call) -> None:
        if "intent.json" in call.what and call.write:
            one.clock.advance(6)
            scripted(one.service, "PATCH", f"/v1.0/users/{user}", {"department": "In the last moment"})

    await run(one, faults=Faults(meddle))
    assert await ends(one) == {"patch-user": "changedSincePlan"}
    assert live(one.service, f"/v1.0/users/{user}?$select=department")["department"] == "In the last moment"


async def test_a_claim_that_grew_old_before_sending_is_not_used() -> None:
    one = await small("patch-user")
    slow = True

    def late(call: Call) -> None:
        nonlocal slow
        if "intent.json" in call.what and call.write and slow:
            slow = False
            one.clock.advance(one.limits.claim / 2 + 1)

    result = await run(one, faults=Faults(late))
    assert result.end is StepEnd.DONE
    journal = await Journal(one.view()).step(one.plan.id, "s1")
    assert (journal.attempt, await ends(one)) == (2, {"patch-user": "done"})
    assert writes(one) == 1


# --- claims


async def test_a_claim_is_left_to_its_holder_until_it_is_old() -> None:
    one = await small("patch-user")
    intent = Intent(one.plan.id, "s1", 1, "somebody", one.clock.now(), ("patch-user",), {"patch-user": {}}, "")
    one.evidence.blobs[intent_blob(one.tenant, one.plan.id, "s1", 1)] = encode(intent)
    result = await run(one)
    assert (result.end, writes(one)) == (StepEnd.REQUEUE, 0)
    assert 0 < result.delay <= one.limits.claim
    one.clock.advance(result.delay)
    assert (await run(one)).end is StepEnd.DONE
    assert await ends(one) == {"patch-user": "done"}


# --- creating


async def test_a_name_that_somebody_holds_is_a_conflict_and_not_a_target() -> None:
    one = await small("create-user", "link-manager")
    impersonator = {
        name: one.damage.purged[name]
        for name in ("accountEnabled", "displayName", "mailNickname", "userPrincipalName")
    }
    made = scripted(
        one.service, "POST", "/v1.0/users", {**impersonator, "passwordProfile": {"password": "Attack3r!xyz"}}
    )
    await run(one)
    await run(one, "s2")
    assert await ends(one) == {"create-user": "changedSincePlan", "link-manager": "dependencyNotDone"}
    assert str(made["id"]) in await why(one, "create-user")
    assert writes(one) == 0


@pytest.mark.parametrize(
    ("minutes", "changes", "state"),
    [(0, {"displayName": "Somebody else"}, "changedSincePlan"), (-120, {}, "changedSincePlan"), (0, {}, "done")],
    ids=["other values", "older than the claim", "as it was sent"],
)
async def test_after_a_lost_answer_a_key_is_ours_only_if_it_reads_so_and_is_no_older(
    minutes: int, changes: dict[str, Any], state: str
) -> None:
    one = await small("create-user")
    install(one, r"^/v1.0/users$", {"dropConnectionBeforeCommit": True}, method="POST", times=1)
    result = await run(one)
    assert result.end is StepEnd.REQUEUE
    holder = {
        name: one.damage.purged[name]
        for name in ("accountEnabled", "displayName", "mailNickname", "userPrincipalName")
    }
    made = scripted(
        one.service,
        "POST",
        "/v1.0/users",
        {**holder, **changes, "passwordProfile": {"password": "Attack3r!xyz"}},
    )
    table = one.service.store.tables["users"]
    if minutes:
        table[made["id"]] = {**table[made["id"]], "createdDateTime": "2026-11-21T00:00:00Z"}
    await run(one)
    assert await ends(one) == {"create-user": state}


async def test_an_unanswered_creation_is_not_repeated_before_its_anchor_was_absent_for_twelve_minutes() -> None:
    one = await small("create-group")
    install(one, r"^/v1.0/groups$", {"dropConnectionBeforeCommit": True}, method="POST", times=1)
    since = one.clock.now()
    while (result := await run(one)).end is StepEnd.REQUEUE:
        assert result.delay > 0
        one.clock.advance(result.delay)
    assert (one.clock.now() - since).total_seconds() >= 720
    assert await ends(one) == {"create-group": "done"}
    assert writes(one) == 1


def after_first_attempt(one: World, act: Callable[[dict[str, Any]], None]) -> Faults:
    """Acts on the marked group once the first attempt is over, before anything is looked up."""

    def rule(call: Call) -> None:
        if call.write and "0001.outcome.jws" in call.what:
            (made,) = [group for group in objects(one.service, "groups") if "[hf:" in str(group["displayName"])]
            act(made)

    return Faults(rule)


async def test_two_objects_with_one_marker_stop_the_step_and_are_both_named() -> None:
    one = await small("create-group")
    install(one, r"^/v1.0/groups$", {"dropConnectionAfterCommit": True}, method="POST", times=1)
    ids: list[str] = []

    def twin(first: dict[str, Any]) -> None:
        body = {name: first[name] for name in ("displayName", "mailEnabled", "mailNickname", "securityEnabled")}
        ids.extend((first["id"], scripted(one.service, "POST", "/v1.0/groups", body)["id"]))

    with pytest.raises(Fault) as fault:
        await run(one, faults=after_first_attempt(one, twin))
    assert len(ids) == 2
    assert all(name in str(fault.value) for name in ids)


async def test_an_object_of_ours_that_somebody_deleted_meanwhile_is_not_made_again() -> None:
    one = await small("create-group")
    install(one, r"^/v1.0/groups$", {"dropConnectionAfterCommit": True}, method="POST", times=1)
    ids: list[str] = []

    def delete(made: dict[str, Any]) -> None:
        ids.append(made["id"])
        scripted(one.service, "DELETE", f"/v1.0/groups/{made['id']}")

    await run(one, faults=after_first_attempt(one, delete))
    assert await ends(one) == {"create-group": "changedSincePlan"}
    assert ids[0] in await why(one, "create-group")


async def test_a_marker_that_is_there_before_anything_was_sent_is_not_ours() -> None:
    one = await small("create-group")
    forged = {
        "displayName": "Payroll <all> [hf:create-group]",
        "mailEnabled": False,
        "mailNickname": "x",
        "securityEnabled": True,
    }
    scripted(one.service, "POST", "/v1.0/groups", forged)
    await run(one)
    assert (await ends(one), writes(one)) == ({"create-group": "changedSincePlan"}, 0)


async def test_an_initial_password_is_kept_before_it_is_sent_and_used_again_after_a_lost_answer() -> None:
    one = await small("create-user")
    install(one, r"^/v1.0/users$", {"dropConnectionBeforeCommit": True}, method="POST", times=1)
    await run(one)
    ((name, versions),) = one.secrets.versions.items()
    assert len(versions) == 1
    one.clock.advance(721)
    await run(one)
    assert (await ends(one), one.secrets.versions) == ({"create-user": "done"}, {name: versions})
    assert not any(versions[0].encode() in data for data in one.evidence.blobs.values())


async def test_an_initial_password_that_expired_before_it_was_used_is_not_used() -> None:
    one = await small("create-user")
    install(one, r"^/v1.0/users$", {"dropConnectionBeforeCommit": True}, method="POST", times=1)
    await run(one)
    one.clock.advance(8 * 86400)
    await run(one)
    ((first, second),) = one.secrets.versions.values()
    assert await ends(one) == {"create-user": "done"}
    assert first != second


async def test_without_a_secret_store_no_user_is_created() -> None:
    one = await small("create-user")
    faults = Faults(fail("secret ", lambda: StorageDown("no vault"), times=1000))
    result = await run(one, faults=faults)
    assert (result.end, writes(one)) == (StepEnd.REQUEUE, 0)


# --- links


async def test_members_that_are_there_already_are_subtracted_and_the_rest_is_sent() -> None:
    one = await small("create-user", "bin-user", "create-group", "link-members")
    await run(one)
    ids = await (await one.progress()).all_ids()
    group = ids[str(one.damage.group["id"])]
    for member in one.damage.members[1:3]:
        address = {"@odata.id": f"{ORIGIN}/v1.0/directoryObjects/{member}"}
        scripted(one.service, "POST", f"/v1.0/groups/{group}/members/$ref", address)
    await run(one, "s2")
    await run(one, "s3")
    assert (await ends(one))["link-members"] == "done"
    held = live(one.service, f"/v1.0/groups/{group}/members?$select=id&$top=999")["value"]
    assert {item["id"] for item in held} == {ids.get(member, member) for member in one.damage.members}


async def test_members_that_are_all_there_are_already_as_wanted() -> None:
    one = await small("create-user", "bin-user", "create-group", "link-members")
    await run(one)
    ids = await (await one.progress()).all_ids()
    for member in one.damage.members:
        address = {"@odata.id": f"{ORIGIN}/v1.0/directoryObjects/{ids.get(member, member)}"}
        scripted(one.service, "POST", f"/v1.0/groups/{ids[str(one.damage.group['id'])]}/members/$ref", address)
    await run(one, "s2")
    await run(one, "s3")
    assert (await ends(one))["link-members"] == "alreadyAsWanted"


# --- answers


async def test_a_refusal_is_final_names_graphs_code_and_blocks_what_needs_it() -> None:
    one = await small("create-group", "finish-group", "patch-user")
    install(one, r"^/v1.0/groups$", refusal(403, "Authorization_RequestDenied", "no"), method="POST")
    await run(one)
    await run(one, "s2")
    assert await ends(one) == {
        "create-group": "refusedByGraph",
        "finish-group": "dependencyNotDone",
        "patch-user": "done",
    }
    assert "Authorization_RequestDenied" in await why(one, "create-group")


NOT_YET = refusal(400, "Request_BadRequest", "The appId does not reference a valid application object.")


async def test_what_graph_calls_not_there_yet_is_tried_again() -> None:
    one = await small("create-app", "create-sp")
    install(one, r"^/v1.0/servicePrincipals$", NOT_YET, method="POST", times=5)
    await start(one)
    await one.process().drain()
    assert set((await ends(one)).values()) == {"done"}


async def test_patience_with_not_there_yet_ends_after_twelve_minutes() -> None:
    one = await small("create-app", "create-sp")
    install(one, r"^/v1.0/servicePrincipals$", NOT_YET, method="POST")
    await start(one)
    since = one.clock.now()
    await one.process().drain()
    assert await ends(one) == {"create-app": "done", "create-sp": "refusedByGraph"}
    assert (one.clock.now() - since).total_seconds() >= 720
    assert "valid application object" in await why(one, "create-sp")


@pytest.mark.parametrize(
    ("code", "text"),
    [("BadRequest", "1234: the object {new} does not exist."), ("PolicyNotFound", "It has no such policy.")],
)
async def test_an_error_about_an_object_that_was_just_brought_back_is_a_replica_that_is_behind(
    code: str, text: str
) -> None:
    one = await small("create-user", "link-manager")
    await run(one)
    new = (await (await one.progress()).all_ids())[str(one.damage.purged["id"])]
    behind = refusal(400, code, text.format(new=new))
    install(one, r"manager/\$ref$", behind, method="PUT", times=3)
    await start(one, "s2")
    await one.process().drain()
    assert (await ends(one))["link-manager"] == "done"


async def test_a_token_that_is_refused_stops_the_run_and_loses_nothing() -> None:
    one = await small("patch-policy", change=_alone)
    refused = Faults(fail("PATCH /beta", lambda: GraphUnauthorized("expired", status=401)))
    for step in ("s1", "s2", "s3", "gate"):
        assert (await run(one, step)).end is StepEnd.DONE
    with pytest.raises(GraphUnauthorized):
        await run(one, "s4", faults=refused)
    assert (await ends(one))["patch-policy"] == ""
    one.clock.advance(30)
    await run(one, "s4")
    assert (await ends(one))["patch-policy"] == "done"


def _alone(made: dict[str, Operation], one: World) -> None:
    """The policy's conditions, without the group that isn't in this plan."""
    policy = made["patch-policy"]
    now = next(item for item in objects(one.service, "conditionalAccessPolicies") if item["id"] == policy.target)
    conditions: Any = {**now["conditions"], "clientAppTypes": ["browser"]}  # type: ignore[dict-item]
    made["patch-policy"] = replace(
        policy,
        wanted={"conditions": conditions},
        request=replace(policy.request, body={"conditions": conditions}),
    )


# --- reading back


async def test_what_is_undone_at_once_was_not_read_back_and_blocks_what_needs_it() -> None:
    one = await small("create-group", "finish-group")
    undone = False

    def undo(call: Call) -> Injected | None:
        nonlocal undone
        made = [group for group in objects(one.service, "groups") if "[hf:" in str(group["displayName"])]
        if "outcome.jws" in call.what and call.write and made and not undone:
            undone = True
            scripted(one.service, "DELETE", f"/v1.0/groups/{made[0]['id']}")
        return None

    await start(one)
    await one.process(Faults(undo)).drain()
    assert await ends(one) == {"create-group": "notHeld", "finish-group": "dependencyNotDone"}
    assert "not read back" in await why(one, "create-group")


async def test_links_that_are_undone_at_once_were_not_read_back() -> None:
    one = await small("create-user", "bin-user", "create-group", "link-members")
    await start(one)

    def undo(call: Call) -> None:
        if call.write and "s3/0001.outcome.jws" in call.what:
            (group,) = [item for item in objects(one.service, "groups") if "[hf:" in str(item["displayName"])]
            scripted(one.service, "DELETE", f"/v1.0/groups/{group['id']}/members/{one.damage.members[2]}/$ref")

    await one.process(Faults(undo)).drain()
    assert (await ends(one))["link-members"] == "notHeld"


async def test_a_reading_counts_only_with_a_second_one_that_agrees() -> None:
    one = await small("patch-user")
    one.limits = Limits(claim=60.0, pause=0.5, agree=3)
    faults = Faults()
    await run(one, faults=faults)
    reads = [call.what for call in faults.calls if call.what.startswith("batch GET")]
    assert len(reads) == 4  # one before the write, three after it


# --- the guard


def policies(one: World) -> str:
    return f"/beta/identity/conditionalAccess/policies/{one.damage.policy['id']}"


async def guarded(spoil: Callable[[World], None]) -> World:
    one = await world()
    await start(one)
    process = one.process()
    while (wait := one.steps.next_visible) is not None:
        one.clock.advance(wait)
        for message in one.steps.receive():
            if '"s5"' in message.body:
                spoil(one)
            await process.serve(message)
    return one


async def test_a_policy_is_enabled_only_while_every_break_glass_account_is_there_and_enabled() -> None:
    def disable(one: World) -> None:
        account = one.plan.break_glass_ids[0]
        scripted(one.service, "PATCH", f"/v1.0/users/{account}", {"accountEnabled": False})

    def delete(one: World) -> None:
        scripted(one.service, "DELETE", f"/v1.0/users/{one.plan.break_glass_ids[1]}")

    for spoil in (disable, delete):
        one = await guarded(spoil)
        assert (await ends(one))["enable-policy"] == "leftOffByGuard"
        assert live(one.service, policies(one))["state"] == "disabled"
        assert "break-glass account" in await why(one, "enable-policy")


async def test_a_policy_is_judged_as_it_is_now_and_not_as_the_plan_saw_it() -> None:
    def expose(one: World) -> None:
        conditions = live(one.service, policies(one))["conditions"]
        conditions["users"]["excludeUsers"] = []
        scripted(one.service, "PATCH", policies(one), {"conditions": conditions})

    one = await guarded(expose)
    assert (await ends(one))["enable-policy"] == "leftOffByGuard"
    assert live(one.service, policies(one))["state"] == "disabled"


async def test_a_group_excludes_only_if_it_was_there_before_and_holds_the_account_now() -> None:
    def by_group(group: Callable[[World], str], *, empty: bool = False) -> Callable[[World], None]:
        def spoil(one: World) -> None:
            conditions = live(one.service, policies(one))["conditions"]
            conditions["users"]["excludeUsers"] = []
            conditions["users"]["excludeGroups"] = [group(one)]
            scripted(one.service, "PATCH", policies(one), {"conditions": conditions})
            if empty:
                for account in one.plan.break_glass_ids:
                    scripted(one.service, "DELETE", f"/v1.0/groups/{group(one)}/members/{account}/$ref")

        return spoil

    def known(one: World) -> str:
        return str(one.service.info["breakGlassGroupId"])

    def made_by_us(one: World) -> str:
        (group,) = [item for item in objects(one.service, "groups") if item["displayName"] == "Payroll <all>"]
        for account in one.plan.break_glass_ids:
            address = {"@odata.id": f"{ORIGIN}/v1.0/directoryObjects/{account}"}
            scripted(one.service, "POST", f"/v1.0/groups/{group['id']}/members/$ref", address)
        return str(group["id"])

    one = await guarded(by_group(known))
    assert (await ends(one))["enable-policy"] == "done"
    for spoil in (by_group(known, empty=True), by_group(made_by_us)):
        one = await guarded(spoil)
        assert (await ends(one))["enable-policy"] == "leftOffByGuard"


async def test_pre_images_hold_what_the_write_replaced() -> None:
    one = await small("patch-user")
    await run(one)
    intent = decode(Intent, one.evidence.blobs[intent_blob(one.tenant, one.plan.id, "s1", 1)])
    assert intent.pre_images == {"patch-user": {"department": "Changed by the attacker"}}
