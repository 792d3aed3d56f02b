"""Gathering: from a real chain in memory, with each source present, absent and failing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.keys import LocalSigner
from shared.domain.errors import HoldfastError, StorageDenied, StorageDown, Unusable
from shared.domain.evidence import Topic
from shared.engines import paths
from shared.engines.evidence import WaveStart, plan_folder, wave_blob
from shared.engines.evidence_desk import period_of
from shared.engines.evidence_facts import Earlier, oldest_age, slots, unmet
from shared.engines.jws import Purpose
from tests.backup import TENANT
from tests.fakes import forbidden, refuse
from tests.unit.cli_samples import report
from tests.unit.cli_world import APPROVERS, EVIDENCE_KEY, EXECUTION_KEY, PLAN_KEY
from tests.unit.evidence_samples import START, TARGET, document, facts, snapshot
from tests.unit.evidence_world import World


@pytest.fixture
def world() -> World:
    return World()


def at(day: int, hour: int = 1, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


async def test_snapshots_are_told_as_they_were_committed(world: World) -> None:
    first = await world.back_up(at(23))
    world.deployment.backup.directory.before.append(refuse("/groupSettings", forbidden))
    second = await world.back_up(at(24))
    world.deployment.backup.clock.advance(3600)
    found = (await world.gather()).snapshots
    assert found is not None
    assert [one.snapshot for one in found.taken] == [first, second]
    whole, torn = found.taken
    assert (whole.trigger, whole.region, whole.protected, whole.key) == (
        "timer",
        "westeurope",
        True,
        world.deployment.backup.signer.key_id,
    )
    assert whole.objects is not None
    assert whole.objects["groups"] == 3
    assert whole.gaps == {}
    # What its owner left off, and what no app can read, is told apart from what is missed.
    assert {"userProfiles", "agreements"} <= set(whole.off)
    assert torn.gaps is not None
    assert set(torn.gaps) == {"groupSettings"}
    assert found.names["groups"] == "Groups"
    assert (found.expected, found.missed, found.damaged) == (2, (), ())


async def test_a_month_without_backups_is_all_missed_but_not_before_the_first_of_all(world: World) -> None:
    await world.back_up(at(23))
    world.deployment.backup.clock.advance(timedelta(days=3, minutes=30).total_seconds())
    found = (await world.gather()).snapshots
    assert found is not None
    assert (found.expected, found.missed) == (4, (at(24), at(25)))  # the one of today may still come
    assert found.oldest_age == 3 * 86400 + 1800
    empty = World()
    empty.deployment.backup.clock.advance((at(26, 12) - empty.deployment.backup.clock.now()).total_seconds())
    none = (await empty.gather()).snapshots
    assert none is not None
    assert (none.expected, len(none.missed), none.taken, none.oldest_age) == (26, 26, (), None)


async def test_a_run_that_never_ended_is_failed_once_its_time_is_over_and_says_why(world: World) -> None:
    backup = world.deployment.backup
    backup.clock.advance((at(23) - backup.clock.now()).total_seconds())
    run = await backup.start()
    found = (await world.gather()).snapshots
    assert found is not None
    assert [(one.snapshot, one.failed) for one in found.open] == [(run.snapshot, False)]
    backup.clock.advance(timedelta(days=3).total_seconds())
    found = (await world.gather()).snapshots
    assert found is not None
    (failed,) = found.open
    assert (failed.failed, failed.items, len(failed.missing)) == (True, len(run.items), len(run.items))


async def test_an_expired_a_foreign_and_a_damaged_snapshot_stay_in_the_list_with_the_reason(world: World) -> None:
    first = await world.back_up(at(23))
    second = await world.back_up(at(24))
    vault = world.deployment.backup.vault
    manifest = f"{paths.folder(TENANT, first)}{paths.MANIFEST}"
    vault.blobs[manifest] = vault.blobs[manifest].replace(b"timer", b"tImer")
    found = (await world.gather()).snapshots
    assert found is not None
    assert [(one.snapshot, bool(one.unread)) for one in found.taken] == [(first, True), (second, False)]
    world.deployment.backup.clock.advance(timedelta(days=60).total_seconds())
    expired = (await world.gather()).snapshots
    assert expired is not None
    assert [one.unread for one in expired.taken] == ["expired on 2026-12-28", "expired on 2026-12-29"]
    elsewhere = (await World.gather(world, vaults={})).snapshots
    assert elsewhere is not None
    assert all(one.unread for one in elsewhere.taken)


async def test_a_damaged_chain_entry_is_told_and_hides_no_other(world: World) -> None:
    await world.back_up(at(23))
    second = await world.back_up(at(24))
    chain = world.deployment.backup.chain
    chain.blobs[paths.chain_entry(TENANT, 1)] += b"A"
    found = await world.gather()
    assert found.snapshots is not None
    assert [one.snapshot for one in found.snapshots.taken] == [second]
    assert len(found.snapshots.damaged) == 1
    assert found.verification is not None
    assert found.verification.findings


async def test_the_vault_is_told_as_read(world: World) -> None:
    found = await world.gather()
    assert found.retention is not None
    assert [(one.name, one.days, one.locked, one.extended, one.breaks) for one in found.retention.containers] == [
        ("chain", 42, True, 2, ()),
        ("vault-35d", 42, True, 2, ()),
    ]
    assert found.retention.containers[0].holds == {"case20261": START}
    world.plane.policy = None
    found = await world.gather()
    assert found.retention is not None
    assert found.retention.containers[0].breaks == ("the container has no retention policy",)
    assert found.residency is not None
    assert (found.residency.secondary, found.residency.outside) == ("northeurope", ())
    assert found.segregation is not None
    assert found.segregation.apart


async def test_role_assignments_are_compared_with_those_of_earlier_evidence(world: World) -> None:
    before = document(facts())
    known = before.facts.access
    assert known is not None
    kept, gone = known.assignments
    made = replace(kept, id="/new", created_at=at(5))
    world.plane.held = (kept, made)
    found = (await world.gather(earlier=Earlier("v1/t/evidence/x/", before))).access
    assert found is not None
    assert (found.changed, found.gone, found.compared_with) == (("/new",), (gone,), "v1/t/evidence/x/")
    found = (await world.gather()).access
    assert found is not None
    assert (found.gone, found.compared_with) == ((), "")


async def test_keys_are_those_that_are_trusted_and_those_that_signed(world: World) -> None:
    await world.back_up(at(23))
    found = (await world.gather()).keys
    assert found is not None
    of = {one.purpose: one for one in found.keys}
    assert set(of) == {"snapshot", "plan", "evidence", "execution"}
    assert (of["snapshot"].used, of["snapshot"].first, of["snapshot"].current) == (1, at(23), True)
    assert (of["plan"].key, of["plan"].trusted, of["plan"].current) == (PLAN_KEY.key_id, True, False)


# --- restores ---------------------------------------------------------------------------------------------


async def _restored(world: World, key: LocalSigner = EXECUTION_KEY) -> str:
    await world.deployment.set_approvers()
    stored = await world.deployment.store_plan()
    plan, evidence = stored.plan.id, world.deployment.view()
    approvers = tuple(one.key_id for one in APPROVERS.values())
    start = WaveStart(plan, stored.digest, 4, at(10), ("a", "b"), approvers, override="nonce-1")
    await evidence.write_signed(wave_blob(TENANT, plan, 4), Purpose.EXECUTION, key, start)
    made = replace(report(), plan=plan, digest=stored.digest, made_at=at(10, 3))
    await evidence.write_signed(f"{plan_folder(TENANT, plan)}report.jws", Purpose.EVIDENCE, EVIDENCE_KEY, made)
    return plan


async def test_a_restore_is_told_with_approvers_and_reconciliation(world: World) -> None:
    plan = await _restored(world)
    found = (await world.gather()).restores
    assert found is not None
    assert (found.needed, found.damaged) == (2, {})
    (one,) = found.run
    assert (one.plan, one.verdict, one.seconds, one.not_done, one.left_off) == (
        plan,
        "equalExceptListed",
        7200,
        1,
        1,
    )
    assert one.waves[0].approvers == {key.key_id: name for name, key in APPROVERS.items()}
    assert one.waves[0].override == "nonce-1"
    earlier = period_of(at(1).date(), at(9).date())
    found = (await world.gather(earlier)).restores
    assert found is not None
    assert found.run == ()


async def test_a_wave_that_the_execution_key_did_not_sign_is_no_restore_but_a_finding(world: World) -> None:
    plan = await _restored(world, key=EVIDENCE_KEY)
    found = (await world.gather()).restores
    assert found is not None
    assert found.run == ()
    assert set(found.damaged) == {plan}


async def test_without_approvers_restores_are_told_all_the_same(world: World) -> None:
    found = (await world.gather()).restores
    assert found is not None
    assert (found.needed, found.run, found.unapproved) == (0, (), "no approvers are set")
    world.deployment.approvers_sha256 = "00" * 32
    found = (await world.gather()).restores
    assert found is not None
    assert "is not in the vault" in found.unapproved


# --- sources away -------------------------------------------------------------------------------------------


async def test_where_nothing_is_configured_rows_say_which_setting_is_missing(world: World) -> None:
    found = await world.gather(control=None, access=None, log=None)
    bare = await world.gather(declared=replace(world.sources().declared, restore_app=""))
    assert {topic for topic, why in found.away.items() if "HOLDFAST_VAULT_RESOURCE_ID" in why} == {
        Topic.RETENTION,
        Topic.RESIDENCY,
        Topic.SEGREGATION,
        Topic.ACCESS,
    }
    assert "HOLDFAST_LOG_WORKSPACE_ID" in found.away[Topic.READS]
    assert "make package" in found.away[Topic.PACKAGE]
    assert "HOLDFAST_RESTORE_CLIENT_ID" in bare.away[Topic.ARMING]
    assert "no snapshot yet" in found.away[Topic.VERIFICATION]
    for topic in found.away:
        assert getattr(found, topic) is None


@pytest.mark.parametrize("error", [StorageDown, StorageDenied])
async def test_what_cannot_be_read_is_left_out_with_the_reason_and_the_rest_stays(
    world: World, error: Callable[[str], HoldfastError]
) -> None:
    await world.back_up(at(23))
    world.plane.error = error("HTTP 503 ServerBusy")
    found = await world.gather()
    assert {topic for topic, why in found.away.items() if why == "HTTP 503 ServerBusy"} == {
        Topic.RETENTION,
        Topic.RESIDENCY,
        Topic.SEGREGATION,
        Topic.ACCESS,
        Topic.READS,
    }
    assert found.snapshots is not None
    assert found.verification is not None


async def test_without_the_chain_everything_that_rests_on_it_is_away(world: World) -> None:
    class Away:
        container = "chain"

        def list(self, prefix: str = "") -> Any:
            raise StorageDown("the chain can't be listed")

    chain: Any = Away()
    found = await world.gather(chain=chain)
    gone = {topic for topic, why in found.away.items() if why == "the chain can't be listed"}
    assert gone == {
        Topic.SNAPSHOTS,
        Topic.COMPLETENESS,
        Topic.KEYS,
        Topic.TARGETS,
        Topic.VERIFICATION,
        Topic.ARMING,
    }
    assert (found.head, found.snapshots, found.keys, found.targets) == ("", None, None, None)
    assert found.restores is not None


async def test_targets_stand_beside_what_was_measured(world: World) -> None:
    await _restored(world)
    await world.back_up(at(23))
    declared = replace(world.sources().declared, targets=(TARGET,), package_sha256="ab" * 32)
    found = await world.gather(declared=declared)
    assert found.targets is not None
    assert (found.targets.set, found.targets.longest_restore) == ((TARGET,), 7200)
    assert found.package is not None


# --- schedules and ages --------------------------------------------------------------------------------------


def test_a_schedule_is_read_as_timers_of_the_platform_read_it() -> None:
    assert slots("0 30 1 * * *", at(1, 1, 30), at(3)) == (at(1, 1, 30), at(2, 1, 30))
    # Day of the month and day of the week both have to match: the 15th of November 2026 is a Sunday.
    assert slots("0 0 1 15 * 0", at(1), at(30)) == (at(15),)
    assert slots("0 0 1 15 * 1", at(1), at(30)) == ()
    for bad in ("0 1 * * *", "every night", "0 0 25 * * *"):
        with pytest.raises(Unusable):
            slots(bad, at(1), at(3))


def test_a_firing_is_met_by_a_run_before_the_next_one() -> None:
    firings = (at(1), at(2), at(3), at(4))
    assert unmet(firings, [at(1), at(2, 13), at(3)], at(4, 12)) == (at(4),)
    assert unmet(firings, [at(1), at(2, 13), at(3)], at(4, 1, 30)) == ()
    assert unmet(firings, [], at(5)) == firings


def test_the_age_is_counted_to_when_the_next_snapshot_is_finished() -> None:
    one, two = snapshot(2), snapshot(4, ended_at=datetime(2026, 10, 4, 3, tzinfo=UTC))
    end = datetime(2026, 10, 5, tzinfo=UTC)
    assert oldest_age((one, two), None, end) == 50 * 3600
    assert oldest_age((two, one), datetime(2026, 9, 20, 1, tzinfo=UTC), end) == int(
        (one.ended_at - datetime(2026, 9, 20, 1, tzinfo=UTC)).total_seconds()
    )
    assert oldest_age((), None, end) is None
    assert oldest_age((), START, end) == 4 * 86400
