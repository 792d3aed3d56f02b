"""`holdfast demo --cross-tenant`: a tenant restored into another one, from an exported folder, on one laptop.

The other tenant is a blank simulated one, with domains and ids of its own. Everything printed with `$` is the
product's own command. Ends with 0 only if Holdfast's report and the tables of both tenants agree that all has come
but for what is listed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from shared.catalog.registry import CATALOG
from tests.localrun import truth
from tests.localrun.moved import unexplained
from tests.localrun.world import APPROVERS, World
from tests.reviewing import reviewed
from tests.simulator.client import SimulatorProcess
from tests.simulator.seeds import MAIN_DOMAIN
from tests.simulator.seeds_blank import BLANK, BLANK_MAIN

Obj = dict[str, Any]


class Laptop:
    """Commands on the exported folder, signed in to the other tenant."""

    def __init__(self, world: World, other: SimulatorProcess, factor: float) -> None:
        self._world = world
        roles = {any_of[0] for write in (True, False) for any_of in CATALOG.needs(write=write)}
        self.app = other.ready["holdfastApps"]["restore"]
        self.copy = world.folder / "copy"
        self._env = {
            "HOLDFAST_GRAPH_URL": other.url,
            "HOLDFAST_GRAPH_TOKEN": other.token(
                sorted(roles | {"AuditLog.Read.All"}), appid=self.app, expires_in=30 * 86400
            ),
            "HOLDFAST_BREAK_GLASS_IDS": ",".join(other.break_glass_ids),
            # One process does all here, in real time; only the clock runs faster.
            "HOLDFAST_CLAIM_SECONDS": f"{12 * max(10.0, factor):g}",
        }
        self._into = ("--local", str(self.copy), "--into", other.tenant_id)
        self._keys = ("--key", str(world.folder / "keys" / "operator"))

    def run(self, *arguments: str, keys: bool = True, check: tuple[int, ...] = (0,)) -> str:
        given = (*arguments, *self._into, *(self._keys if keys else ()))
        print(f"\n$ holdfast {' '.join(given)}", flush=True)
        ended = self._world.shell(*given, echo=True, **self._env)
        if ended.code not in check:
            raise AssertionError(f"holdfast {' '.join(given)}: exit {ended.code}")
        return ended.out

    def document(self, *arguments: str, check: tuple[int, ...] = (0,)) -> Obj:
        ended = self._world.shell(*arguments, *self._into, *self._keys, "--json", **self._env)
        if ended.code not in check:
            raise AssertionError(f"holdfast {' '.join(arguments)}: exit {ended.code}\n{ended.err}")
        found: Obj = json.loads(ended.out)
        return found

    def restored(self, *options: str) -> tuple[Obj, Obj]:
        """Planned, approved by two, restored: the plan's document and the report."""
        planned = self.document("plan", "latest", *options)
        size = planned["forecast"]["operations"]
        print(f"\nplan {planned['plan']}: {size:,} operations, digest {planned['digest']}")
        if not planned["document"]["steps"]:
            return planned["document"], {}
        said = reviewed(planned)
        for name in APPROVERS[:2]:
            key = self._world.approver_key(name)
            self.run("approve", planned["plan"], "--key", key, "--yes", *said, keys=False)
        self.run("restore", planned["plan"], "--digest", planned["digest"], check=(0, 3, 4))
        return planned["document"], self._report(planned["plan"])

    def _report(self, plan: str) -> Obj:
        (stored,) = self.copy.with_name("copy.work").glob(f"evidence-*/v1/*/plans/{plan}/report.json")
        found: Obj = json.loads(stored.read_bytes())
        return found


def story(options: argparse.Namespace, folder: Path, started: float) -> int:
    _say("The stage", f"a tenant of {options.users} users, and a blank one; {options.factor:g} times as fast")
    with (
        World.start(folder, seed=str(options.users), clock_factor=options.factor) as world,
        SimulatorProcess.start(
            seed=BLANK, clock_factor=options.factor, clock_epoch=world.stack.clock.epoch
        ) as other,
    ):
        print("  here:  " + _counts(world.simulator.ready["counts"]))
        print("  there: " + _counts(other.ready["counts"]))
        world.start_host("backup")
        before, first = truth.take(world.simulator), truth.take(other)

        _say("1. Back up, and export", "the folder is all that the laptop needs")
        _run(world, "backup")
        laptop = Laptop(world, other, options.factor)
        _run(world, "export", str(laptop.copy))
        _run(world, "keys", "create", str(world.folder / "copy.work" / "keys"), "--laptop")

        _say("2. What can't move", "a dry run: the other tenant is read, and nothing is written")
        domains = ("--domain-map", f"{MAIN_DOMAIN}={BLANK_MAIN}")
        laptop.run("plan", "latest", *domains, "--dry-run")

        _say("3. Plan, approve, restore", "by the same commands, with --into")
        plan, report = laptop.restored(*domains)

        _say("4. Policies on", "the group that they exclude is there now, and holds this tenant's accounts")
        _, second = laptop.restored(*domains)
        return _verdict(options, other, before, first, plan, [report, second], laptop.app, started)


def _verdict(
    options: argparse.Namespace,
    other: SimulatorProcess,
    before: truth.State,
    first: truth.State,
    plan: Obj,
    reports: list[Obj],
    app: str,
    started: float,
) -> int:
    after = truth.take(other)
    principals = {one["appId"]: one["id"] for one in after["servicePrincipals"].values()}
    made = [one for report in reports for one in report.get("newIds", [])]
    # What the first plan left off, the second one turned on.
    told = [one for one in reports[0]["exclusions"] if one["member"] != "state" or not reports[1]]
    whole = {**reports[0], "newIds": made, "exclusions": told}
    found = unexplained(before, first, after, whole, plan["knownIds"], plan["domains"], owner=principals[app])
    _say("5. A second opinion", "both tenants' own tables, compared without Holdfast")
    objects = sum(len(table) for table in before.values())
    print(f"  {objects} objects compared through {len(made)} new ids and {len(plan['knownIds'])} matches")
    for reason, number in sorted(Counter(one["reason"] for one in plan["exclusions"]).items()):
        print(f"    {number} × {reason}")
    for line in found[:20]:
        print(f"  UNEXPECTED {line}"[:300])
    states = Counter(one["state"] for one in after["conditionalAccessPolicies"].values())
    print(f"  policies there: {', '.join(f'{number} {state}' for state, number in sorted(states.items()))}")
    print(
        f"  {time.monotonic() - started:.0f} s; clock factor {options.factor:g}, shared by both tenants and the app"
    )
    print()
    bad = [one for one in reports if one and (one["verdict"] == "differs" or one["notDone"])]
    if found or bad or not reports[0]:
        print(f"FAILED: {len(found)} differences that nothing explains, {len(bad)} reports that aren't in order")
        return 3
    print("OK: the other tenant has all of the first that can move; the rest is listed, with its reason")
    return 0


def _counts(counts: Obj) -> str:
    shown = ("users", "groups", "applications", "servicePrincipals", "conditionalAccessPolicies")
    return ", ".join(f"{counts.get(name, 0)} {name}" for name in shown)


def _run(world: World, *arguments: str) -> str:
    print(f"\n$ holdfast {' '.join(arguments)}", flush=True)
    return world.holdfast(*arguments, echo=True)


def _say(title: str, more: str) -> None:
    print(f"\n━━ {title} · {more}", flush=True)
