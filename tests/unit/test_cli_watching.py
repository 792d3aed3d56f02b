"""`holdfast status PLAN --watch`: what is told while a restore runs, and how watching ends."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.cli.main import run as run_cli
from shared.cli.screen import Screen
from shared.cli.session import Session
from shared.domain.plan import Outcome, OutcomeState
from shared.engines.evidence import StoredPlan, plan_folder
from shared.engines.journal import Journal, OperationEnd, StepDone
from shared.engines.jws import Purpose
from tests.backup import TENANT
from tests.unit.cli_samples import HOSTILE, plan, report
from tests.unit.cli_world import APPROVERS, EVIDENCE_KEY, EXECUTION_KEY, Cli, write_key


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Restoring:
    """The apps' side: with each wait of the watcher the restore comes a little further."""

    def __init__(self, cli: Cli, stored: StoredPlan) -> None:
        self.cli, self.stored, self.waits = cli, stored, 0

    async def go_on(self) -> None:
        self.waits += 1
        world, plan_id = self.cli.world, self.stored.plan.id
        journal = Journal(world.view(), EXECUTION_KEY)
        now = world.backup.clock.now()
        step = self.stored.plan.steps[1]
        if self.waits == 1:
            await world.desk().start_wave(self.stored, 4, EXECUTION_KEY)
            await journal.finish(StepDone(plan_id, self.stored.digest, "s0", now, (), ""))
        if self.waits == 2:
            open_step = await journal.step(plan_id, step.id)
            names = tuple(one.id for one in step.operations)
            await journal.claim(open_step, plan_id, "worker", now, names, {})
            outcomes = (
                Outcome("op0", OutcomeState.DONE, 204, "r", "", {}, now),
                Outcome("op1", OutcomeState.WAITING, 404, "r", f"not there yet {HOSTILE}", {}, now),
            )
            await journal.conclude(open_step, "worker", outcomes)
        if self.waits == 3:
            world.backup.clock.advance(timedelta(seconds=30).total_seconds())
            ends = (
                OperationEnd("op0", OutcomeState.DONE, True, "", {}, now),
                OperationEnd("op1", OutcomeState.REFUSED, False, "no such manager", {}, now),
            )
            await journal.finish(StepDone(plan_id, self.stored.digest, step.id, now, ends, ""))
        if self.waits == 4:
            made = replace(report(states=("refusedByGraph",)), tenant=TENANT, digest=self.stored.digest)
            name = f"{plan_folder(TENANT, plan_id)}report.jws"
            await world.view().write_signed(name, Purpose.EVIDENCE, EVIDENCE_KEY, made)


@pytest.fixture
def cli() -> Cli:
    return Cli.with_approvers()


@pytest.fixture
def restoring(cli: Cli, tmp_path: Path) -> Restoring:
    stored = cli.do(cli.world.store_plan())
    for name, signer in APPROVERS.items():
        key = write_key(tmp_path / f"{name}.pem", signer)
        assert cli("approve", "p0001", "--key", str(key)).code == 0
    made = Restoring(cli, stored)
    cli.world.while_waiting = made.go_on
    return made


def test_watching_tells_progress_failures_and_ends_as_the_restore_did(cli: Cli, restoring: Restoring) -> None:
    ran = cli("status", "p0001", "--watch")
    assert ran.code == 4, ran.err
    assert restoring.waits == 4
    lines = ran.err.splitlines()
    assert "0 of 2 operations, 0 of 2 steps done, wave 4: 0/2" in lines[1]
    assert "directory 0.0 of 20 writes a second" in ran.err
    assert "1 tried again, e.g. users anna (user-1), patch: waiting, not there yet" in ran.err
    assert "failed: users anna (user-1), patch: refused by Graph, no such manager" in lines
    assert "2 of 2 operations, 2 of 2 steps done" in ran.err
    assert "comparing the tenant with the snapshot" in ran.err
    assert "Verdict: equalExceptListed" in ran.out
    assert "\x1b" not in ran.err + ran.out


def test_with_json_there_is_one_document_at_the_end(cli: Cli, restoring: Restoring) -> None:
    ran = cli("status", "p0001", "--watch", "--json")
    assert ran.code == 4
    assert ran.document["verdict"] == "equalExceptListed"


def test_on_a_terminal_the_line_is_drawn_again_and_failures_stay(cli: Cli, restoring: Restoring) -> None:
    out, err = io.StringIO(), Terminal()
    session = Session(Screen(out=out, err=err, width=300), cli.world.opener, cli.world.serve)
    assert run_cli(["status", "p0001", "--watch"], session) == 4
    assert "\x1b[" in err.getvalue()
    assert "failed: users anna (user-1)" in err.getvalue()
    assert "\x1b" not in out.getvalue()


def test_ctrl_c_leaves_the_restore_alone_and_says_so(cli: Cli, restoring: Restoring) -> None:
    async def interrupted() -> None:
        raise KeyboardInterrupt

    cli.world.while_waiting = interrupted
    before = dict(cli.world.evidence.blobs)
    ran = cli("status", "p0001", "--watch")
    assert ran.code == 130
    assert "the restore goes on without this terminal (holdfast status p0001 --watch)" in ran.err
    assert cli.world.evidence.blobs == before
    assert not cli.world.queues["restore-control"].bodies


def test_watching_waits_for_approvals_and_ends_with_a_rejection(cli: Cli, tmp_path: Path) -> None:
    cli.do(cli.world.store_plan())
    key = write_key(tmp_path / "maria.pem", APPROVERS["maria"])

    waiting = cli("status", "p0001", "--watch", "--timeout", "0")
    assert waiting.code == 1
    assert "left, once wave 4 has 0 of 2 approvals" in waiting.err
    assert cli("approve", "p0001", "--key", str(key), "--reject").code == 0
    ran = cli("status", "p0001", "--watch")
    assert ran.code == 3
    assert "rejected by" in ran.err


def test_a_cancelled_plan_and_one_with_nothing_to_do_end_the_watch(cli: Cli) -> None:
    cli.do(cli.world.store_plan())
    assert cli("restore", "p0001", "--cancel").code == 0
    assert "cancelled" in cli("status", "p0001", "--watch").err
    cli.do(cli.world.store_plan(replace(plan(), id="p0002", steps=(), waves=())))
    ran = cli("status", "p0002", "--watch")
    assert ran.code == 3
    assert "nothing to do" in ran.err


@pytest.mark.parametrize("which", [(), ("20261122T013000Z-full",)])
def test_only_a_plan_can_be_watched(cli: Cli, which: tuple[str, ...]) -> None:
    assert cli("status", *which, "--watch").code == 2
