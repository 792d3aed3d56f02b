"""The final verification believes what it reads: each difference is explained by the plan or by an operation
that openly failed, or the verdict says that the tenant differs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import IntegrityError, Refused
from shared.domain.plan import Scope
from shared.domain.snapshot import Completeness, State
from shared.engines import jws
from shared.engines.evidence import Evidence, plan_folder
from shared.engines.journal import Journal
from shared.engines.jws import Purpose
from shared.engines.report import Kind, Report, Verdict
from shared.engines.wire import decode
from tests.faults import Faults, FaultyBlobStore, crash_points, run_until_crash
from tests.restore_planned import (
    add_member,
    attack,
    cloud_groups,
    cloud_users,
    delete,
    planned,
    read,
)
from tests.restore_world import EVIDENCE_KEY, KEYS, PLAN_KEY, objects
from tests.simdirectory import scripted
from tests.simulator.service import Service


def one_user_deleted(service: Service) -> None:
    delete(service, "users", str(cloud_users(service)[0]["id"]))


def two_users_patched(service: Service) -> None:
    for user in cloud_users(service)[:2]:
        scripted(service, "PATCH", f"/v1.0/users/{user['id']}", {"department": "Changed"})


async def test_a_tenant_that_was_brought_back_whole_is_equal() -> None:
    case = await planned(two_users_patched)
    await case.run()
    report = await case.report()
    assert (report.verdict, report.listed, report.unexpected, report.not_done) == (Verdict.EQUAL, (), (), ())
    assert report.counts["objects"] > 500
    assert report.counts["links"] > 100


async def test_a_full_attack_is_undone_but_for_what_is_listed_with_its_reason() -> None:
    case = await planned(attack)
    await case.run()
    report = await case.report()
    assert report.unexpected == ()
    assert (report.verdict, report.not_done) == (Verdict.EQUAL_EXCEPT_LISTED, ())
    assert [conflict.key for conflict in report.conflicts] == ["userPrincipalName"]
    ids = {new.old: new.new for new in report.new_ids}
    assert {old for old, kind in case.world.plan.new_ids.items()} == set(ids)
    users = {str(user["id"]) for user in objects(case.world.service, "users")}
    assert {new.new for new in report.new_ids if new.type == "users"} <= users
    assert {one.reason for one in report.listed} >= {"conflict", "addedSinceAndPruneNotAsked"}
    assert sum(wave.operations for wave in report.waves) == len(case.world.plan.operations)
    assert any("initial password" in care.what for care in report.after_care)
    assert (await Journal(case.world.view()).root(case.world.plan.id)) == (
        report.journal_root,
        report.journal_blobs,
    )


async def test_no_live_object_names_an_id_that_was_replaced() -> None:
    case = await planned(attack)
    await case.run()
    await case.report()
    olds = [old for old, kind in case.world.plan.new_ids.items()]
    for table in ("conditionalAccessPolicies", "servicePrincipals", "applications", "appRoleAssignments"):
        text = repr(objects(case.world.service, table))
        assert not [old for old in olds if old in text], table


async def test_a_reference_to_an_old_id_that_comes_back_is_found() -> None:
    case = await planned(attack)
    await case.run()
    old = next(old for old, kind in case.world.plan.new_ids.items() if kind == "groups")
    policy = objects(case.world.service, "conditionalAccessPolicies")[0]
    users: Any = policy["conditions"]["users"]  # type: ignore[index,call-overload]
    users["excludeGroups"] = [*(users.get("excludeGroups") or []), old]
    report = await case.report()
    assert report.verdict is Verdict.DIFFERS
    assert (Kind.OLD_REFERENCE, old) in {(one.kind, one.other) for one in report.unexpected}


async def test_a_property_changed_behind_the_restore_makes_the_verdict_differ() -> None:
    case = await planned(two_users_patched)
    await case.run()
    victim = cloud_users(case.world.service)[5]
    scripted(case.world.service, "PATCH", f"/v1.0/users/{victim['id']}", {"jobTitle": "Owner of everything"})
    report = await case.report()
    assert report.verdict is Verdict.DIFFERS
    assert [(one.kind, one.target, one.member) for one in report.unexpected] == [
        (Kind.CHANGED, victim["id"], "jobTitle")
    ]


async def test_a_member_removed_behind_the_restore_makes_the_verdict_differ_and_one_added_is_listed() -> None:
    case = await planned(two_users_patched)
    await case.run()
    service = case.world.service
    group = next(one for one in cloud_groups(service) if service.store.targets("groups.members", str(one["id"])))
    held = list(service.store.targets("groups.members", str(group["id"])))
    other = next(user for user in cloud_users(service) if user["id"] not in held)
    scripted(service, "DELETE", f"/v1.0/groups/{group['id']}/members/{held[0]}/$ref")
    add_member(service, str(group["id"]), str(other["id"]))
    report = await case.report()
    assert [(one.kind, one.other) for one in report.unexpected] == [(Kind.LINK_MISSING, held[0])]
    assert [(one.kind, one.other, one.reason) for one in report.listed] == [
        (Kind.LINK_ADDED, other["id"], "addedSinceAndPruneNotAsked")
    ]


async def test_a_link_that_is_excused_excuses_no_other_link_of_the_same_object() -> None:
    case = await planned(attack)
    await case.run()
    service = case.world.service
    excused = next(
        one
        for one in case.world.plan.exclusions
        if (one.type, one.member, one.reason.value) == ("groups", "members", "conflict")
    )
    group = {**case.world.plan.new_ids, **(await (await case.world.progress()).all_ids())}.get(
        excused.target, excused.target
    )
    held = list(service.store.targets("groups.members", group))
    scripted(service, "DELETE", f"/v1.0/groups/{group}/members/{held[0]}/$ref")
    report = await case.report()
    assert [(one.kind, one.target) for one in report.unexpected] == [(Kind.LINK_MISSING, excused.target)]


async def test_a_refused_operation_is_listed_with_graphs_reason_and_what_hung_on_it() -> None:
    case = await planned(attack)
    body = {"error": {"code": "Authorization_RequestDenied", "message": "no"}}
    case.world.service.faults.install(
        [{"match": {"pathRegex": r"^/v1.0/groups$", "method": "POST"}, "effect": {"status": 403, "body": body}}]
    )
    await case.run()
    report = await case.report()
    assert (report.verdict, report.unexpected) == (Verdict.EQUAL_EXCEPT_LISTED, ())
    assert report.outcomes["refusedByGraph"] == 2
    assert report.by_reason["refusedByGraph"] >= 2
    assert {one.state for one in report.not_done} >= {"refusedByGraph", "dependencyNotDone"}


async def test_a_policy_that_the_guard_left_off_is_listed_as_such() -> None:
    case = await planned(attack)
    account = case.world.plan.break_glass_ids[0]
    scripted(case.world.service, "PATCH", f"/v1.0/users/{account}", {"accountEnabled": False})
    await case.run()
    report = await case.report()
    assert {one.reason for one in report.listed} >= {"leftOffByGuard"}
    assert report.left_off
    # The account itself is a difference that nothing explains.
    assert [(one.target, one.member) for one in report.unexpected] == [(account, "accountEnabled")]


async def test_what_was_not_asked_for_is_out_of_scope() -> None:
    case = await planned(attack, scope=Scope(types=("namedLocations", "authorizationPolicy")))
    await case.run()
    report = await case.report()
    assert (report.verdict, report.unexpected) == (Verdict.EQUAL_EXCEPT_LISTED, ())
    assert report.by_reason["outOfScope"] > 10


async def test_lists_that_lag_are_waited_for() -> None:
    case = await planned(attack, lag=180.0)
    await case.run()
    report = await case.report(settled=False)
    assert report.unexpected == ()


# --- the report itself


async def test_a_plan_whose_steps_are_not_done_gets_no_report() -> None:
    case = await planned(one_user_deleted)
    confirmed = await case.confirm()
    assert (confirmed.report, confirmed.delay) == (None, 0.0)
    assert "not done" in confirmed.why
    with pytest.raises(Refused, match="no plan"):
        await case.confirmation().confirm("pnone")


async def test_the_report_is_made_once_signed_and_copied_in_plain() -> None:
    case = await planned(one_user_deleted)
    await case.run()
    report = await case.report()
    folder = plan_folder(case.world.tenant, case.world.plan.id)
    plain = case.world.evidence.blobs[f"{folder}report.json"]
    token = case.world.evidence.blobs[f"{folder}report.jws"]
    assert jws.verify(token, Purpose.EVIDENCE, EVIDENCE_KEY.public_keys) == plain
    assert decode(Report, plain) == report
    blobs = dict(case.world.evidence.blobs)
    case.world.clock.advance(3600)
    delete(case.world.service, "users", str(cloud_users(case.world.service)[3]["id"]))
    assert await case.report() == report
    assert case.world.evidence.blobs == blobs
    row = await case.world.rows.get("plans", case.world.plan.id)
    assert row is not None
    assert (row.values["state"], row.values["verdict"]) == ("done", "equal")


async def test_dying_at_any_write_of_the_report_ends_as_one_report() -> None:
    for rule in crash_points(2):
        case = await planned(one_user_deleted)
        await case.run()
        evidence = Evidence(FaultyBlobStore(case.world.evidence, Faults(rule)), case.world.tenant, KEYS)
        assert await run_until_crash(case.confirmation(evidence=evidence).confirm(case.world.plan.id))
        await case.report()
        names = [name for name in case.world.evidence.blobs if "/report." in name]
        assert len(names) == 2


async def test_a_report_that_the_evidence_key_did_not_sign_is_not_believed() -> None:
    case = await planned(one_user_deleted)
    await case.run()
    await case.report()
    name = f"{plan_folder(case.world.tenant, case.world.plan.id)}report.jws"
    payload = jws.verify(case.world.evidence.blobs[name], Purpose.EVIDENCE, EVIDENCE_KEY.public_keys)
    case.world.evidence.blobs[name] = await jws.sign(PLAN_KEY, Purpose.EVIDENCE, payload)
    with pytest.raises(IntegrityError):
        await case.confirmation().report(case.world.plan.id)


async def test_another_snapshot_than_the_plans_is_not_compared_with() -> None:
    case = await planned(one_user_deleted)
    await case.run()
    case.snapshot.manifest_sha256 = "6" * 64
    with pytest.raises(IntegrityError, match="not the one that the plan was made from"):
        await case.confirm()


async def test_a_type_that_could_not_be_read_whole_is_said_to_be_not_compared() -> None:
    case = await planned(one_user_deleted)
    await case.run()

    @asynccontextmanager
    async def partial() -> Any:
        view = await read(case.world.service, case.world.clock)
        entry = view.manifest.types["groups"]
        worse = replace(entry, completeness=Completeness(State.PARTIAL, "countMismatch"))
        view.manifest.types["groups"] = worse
        yield view

    confirmed = await case.confirmation(open_live=partial).confirm(case.world.plan.id)
    assert confirmed.report is not None
    assert [(one.kind, one.type) for one in confirmed.report.listed] == [(Kind.NOT_COMPARED, "groups")]
    assert confirmed.report.verdict is Verdict.EQUAL_EXCEPT_LISTED
