"""The whole story on this machine: back up a tenant, break it, bring it back through the queues.

`holdfast demo [--users N] [--factor F] [--keep DIR] [--worker platform] [--package ZIP]`, or with `--cross-tenant`
the story of `demo_into`. Every command printed
with `$` is the product's own, run as an operator would; the rest is the stage: a simulated tenant, storage behind
the WORM gateway, two app hosts. Ends with 0 only if Holdfast's confirmation and the tenant's own tables agree that
all is back but for what is listed.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from shared import package as packaging
from tests.localrun import demo_into, setup_platform, truth
from tests.localrun.children import ROOT
from tests.localrun.incidents import Damage, play
from tests.localrun.setup_azurite import AzuriteMissing
from tests.localrun.setup_platform import NoPython, PlatformSetupFailed
from tests.localrun.stack import HostProcess
from tests.localrun.world import APPROVERS, World
from tests.reviewing import reviewed
from tests.simulator.rules.apart import PHOTO

Obj = dict[str, Any]
_PLAN = re.compile(r"\bp[0-9a-f]{23}\b")
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    folder = Path(options.keep) if options.keep else ROOT / ".holdfast" / "demo"
    if folder.exists() and not options.keep:
        shutil.rmtree(folder)
    started = time.monotonic()
    tell = demo_into.story if options.cross_tenant else _story
    try:
        return tell(options, folder.resolve(), started)
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running")
        return 130
    except AzuriteMissing as missing:
        print(f"the storage emulator can't run: {missing}", file=sys.stderr)
        return 1
    except (NoPython, PlatformSetupFailed) as missing:
        print(f"the platform's worker can't run: {missing}", file=sys.stderr)
        return 1


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="holdfast demo", description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--users", type=int, default=2000, help="how large the tenant is")
    parser.add_argument("--factor", type=float, default=30.0, help="how fast the shared clock runs")
    parser.add_argument(
        "--worker",
        choices=("local", "platform"),
        default="local",
        help="who runs the functions: the local host itself, or the platform's own worker library",
    )
    parser.add_argument(
        "--cross-tenant", action="store_true", help="restore the tenant into a second, blank one instead"
    )
    parser.add_argument(
        "--package",
        default="",
        metavar="ZIP",
        help="run the functions from a package of `make package`, with its libraries and no others",
    )
    parser.add_argument("--keep", default="", metavar="DIR", help="a new folder for pages, keys and logs")
    return parser.parse_args(arguments)


def _story(options: argparse.Namespace, folder: Path, started: float) -> int:
    real = real_data()
    seed = f"{options.users}+real" if real else str(options.users)
    _say("The stage", f"a tenant of {options.users} users; one clock for all, {options.factor:g} times as fast")
    if not real:
        print("SKIPPED: the 36 real policies, because HOLDFAST_REFERENCE names no folder that holds them")
    package = _unpacked(options.package, folder) if options.package else None
    python = None
    if package or options.worker == "platform":
        python = setup_platform.ready(setup_platform.BARE if package else setup_platform.WITH_APP)
        print("  functions run under the platform's own worker library, on Python 3.13")
    with World.start(folder, seed=seed, clock_factor=options.factor, platform_python=python) as world:
        print("  " + ", ".join(f"{number} {name}" for name, number in world.simulator.ready["counts"].items()))
        world.package = package
        for role in ("backup", "restore"):
            _same_code(world.start_host(role), package)
        before = truth.take(world.simulator)

        _say("1. Back up", "the nightly timer would do the same")
        _run(world, "backup")
        _run(world, "verify")
        backup = world.simulator.stats()

        _say("2. The incident", "an attacker with every right; none of it asks Holdfast")
        users = min(40, options.users // 10)
        damage = play(world.simulator, users=users, memberships=min(500, options.users // 4))
        _tell(damage)

        _say("3. What changed")
        _run(world, "diff", "latest", "live", "--html", str(folder / "diff.html"))

        _say("4. Plan", "reads only; stored as an immutable, signed blob")
        shown = _run(world, "plan", "latest", "--html", str(folder / "plan.html"))
        plan, digest = _found(_PLAN, shown, "plan id"), _found(_DIGEST, shown, "digest")

        _say("5. Two people approve", "one alone is not enough")
        said = reviewed(world.holdfast_json("status", plan))
        for name in APPROVERS[:2]:
            _run(world, "approve", plan, "--key", world.approver_key(name), "--digest", digest, *said, "--yes")

        _say("6. Restore", "step by step through the queue restore-steps")
        world.simulator.reset_stats()
        _run(world, "restore", plan, "--digest", digest, "--html", str(folder / "report.html"), check=(0, 3, 4))
        return _verdict(world, options, folder, before, backup, damage, stored_report(world, plan), started)


def _unpacked(archive: str, folder: Path) -> Path:
    target = folder / "package"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(target)
    print(f"  the apps are {Path(archive).name}, digest {packaging.digest(target)}")
    return target


def _same_code(host: HostProcess, package: Path | None) -> None:
    """Ends the demo if an app that is to run from a package runs this checkout's code instead."""
    if package is None:
        return
    (started,) = (one for one in host.events() if one["event"] == "hostStart")
    strays = [one for one in started["code"] if not Path(one).is_relative_to(package)]
    if strays:
        raise RuntimeError(f"not from the package: {strays}")


def _verdict(
    world: World,
    options: argparse.Namespace,
    folder: Path,
    before: truth.State,
    backup: Obj,
    damage: Damage,
    report: Obj,
    started: float,
) -> int:
    restore = world.simulator.stats()
    id_map = {one["old"]: one["new"] for one in report["newIds"]}
    differences = truth.compare(before, truth.take(world.simulator), id_map)
    principals = {one["appId"]: one["id"] for one in before["servicePrincipals"].values()}
    restorer = principals[world.simulator.ready["holdfastApps"]["restore"]]
    expected, unexpected = judge(differences, damage, report, restorer)

    _say("7. A second opinion", "the tenant's own tables, compared without Holdfast")
    objects = sum(len(table) for table in before.values())
    print(f"  {objects} objects compared through {len(id_map)} new ids; {len(expected)} differences, as listed:")
    for what, number in sorted(Counter(expected).items()):
        print(f"    {number} × {what}")
    for one in unexpected:
        print(f"  UNEXPECTED {one.table}/{one.old_id} {one.what}: {one.before!r} → {one.after!r}"[:300])

    _say("What it took")
    for name, stats in (("backup", backup), ("plan, restore, confirm", restore)):
        requests, operations = stats["requests"], stats["operations"]
        print(f"  {name}: {requests} requests, {operations} operations, {stats['throttled']} answers 429")
    real_seconds = time.monotonic() - started
    print(f"  {objects} objects; {real_seconds:.0f} s; clock factor {options.factor:g}, shared by tenant and apps")
    print("  immutability: an emulator has no retention lock, so this snapshot is marked unprotected")
    unverified = {one["id"] for stats in (backup, restore) for one in stats["unverifiedRules"]}
    print(f"  rules that a real tenant must still prove: {', '.join(sorted(unverified)) or 'none'}")
    print(f"  pages: {folder / 'diff.html'}  {folder / 'plan.html'}  {folder / 'report.html'}")
    print()
    if unexpected or report["verdict"] == "differs" or report["notDone"]:
        open_ends = len(report["notDone"]) + report["unexpectedCount"]
        print(f"FAILED: {len(unexpected)} differences that nothing explains, {open_ends} in Holdfast's own report")
        return 3
    print("OK: the tenant equals the snapshot in every restorable property, but for what is listed")
    return 0


def judge(
    differences: list[truth.Difference], damage: Damage, report: Obj, restorer: str
) -> tuple[list[str], list[truth.Difference]]:
    """Differences that the story itself explains, as text, and the others. `restorer`: the restore app's service
    principal."""
    stopped = damage.impersonated
    made = {one["old"] for one in report["newIds"]}
    left_off = {one["target"] for one in report.get("leftOff", [])}
    expected, unexpected = [], []
    for one in differences:
        if one.table == "users" and one.old_id == stopped:
            expected.append("the impersonated user, stopped as a conflict")
        elif one.what == "added" and one.table == "users" and _impostor(one, damage):
            expected.append("the impostor's account: adding is not undone unless asked")
        elif one.what.startswith("links") and set(one.before or []) <= {stopped} and not one.after:
            expected.append("links of the impersonated user")
        elif one.what == "missing" and one.before.get("principalId") == stopped:
            expected.append("app role assignments of the impersonated user")
        elif one.what in ("keyCredentials", "passwordCredentials") and one.old_id in made:
            expected.append("credentials of a re-created application, which nobody can read back")
        elif one.what in ("mail", "proxyAddresses") and one.table == "users" and one.old_id in made:
            expected.append("addresses of a re-created user, which the mail system makes")
        elif one.what == PHOTO and one.old_id in made:
            expected.append("photos, which are backed up only where they are asked for")
        elif one.what == "links owners" and one.old_id in made and not one.before and one.after == [restorer]:
            expected.append("the restore app as owner of what it created")
        elif one.table == "conditionalAccessPolicies" and one.what == "state" and one.old_id in left_off:
            expected.append("policies left off by the lock-out guard")
        else:
            unexpected.append(one)
    return expected, unexpected


def _impostor(one: truth.Difference, damage: Damage) -> bool:
    return bool(one.after["userPrincipalName"] == damage.impersonated_upn)


def stored_report(world: World, plan: str) -> Obj:
    from azure.storage.blob import ContainerClient

    storage = world.stack.settings("reader")["VaultStorage"]
    name = f"v1/{world.simulator.tenant_id}/plans/{plan}/report.json"
    with ContainerClient.from_connection_string(storage, "evidence-400d") as container:
        stored: Obj = json.loads(container.download_blob(name).readall())
    return stored


def _tell(damage: Damage) -> None:
    print(f"  {len(damage.disabled_policies)} enabled policies disabled, {len(damage.purged_policies)} purged")
    if damage.purged_group:
        print(f"  a group that policies exclude purged: {damage.purged_group}")
    print(f"  {len(damage.deleted_users)} users deleted")
    print(f"  an app registration and its service principal purged: {damage.purged_application}")
    print(f"  {len(damage.removed_memberships)} memberships removed; the authorization policy loosened")
    print(f"  one user purged, and a new account of the same name created: {damage.impersonated_upn}")


def _run(world: World, *arguments: str, check: tuple[int, ...] = (0,)) -> str:
    print(f"\n$ holdfast {' '.join(arguments)}", flush=True)
    return world.holdfast(*arguments, check=check, echo=True)


def _found(pattern: re.Pattern[str], text: str, what: str) -> str:
    match = pattern.search(text)
    if match is None:
        raise RuntimeError(f"the command printed no {what}")
    return match[0]


def real_data() -> bool:
    from tests.reference import reference

    return reference("real-data", "conditional-access-baseline", "groups.jsonl") is not None


def _say(title: str, more: str = "") -> None:
    print(f"\n━━ {title}" + (f" · {more}" if more else ""), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
