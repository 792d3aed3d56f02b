"""`python -m infra.graph lists` writes what the apps may do, and the pages about it; `register` makes it so."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack

from infra.graph import lists, permission_page, type_page
from infra.graph.register import Plan, Registrar
from infra.graph.signing_in import signed_in
from infra.graph.wanted import Standing, Wanted, wanted
from shared.adapters.clock import SystemClock
from shared.catalog.registry import CATALOG
from shared.domain.errors import HoldfastError

DONE, STALE, FINDING = 0, 1, 3


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    if given.command == "lists":
        return write_lists(check=given.check)
    try:
        return asyncio.run(_register(given))
    except HoldfastError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.graph", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    generate = commands.add_parser(
        "lists", help="write the apps' permissions and the pages about them from the catalog"
    )
    generate.add_argument("--check", action="store_true", help="only say whether the files are what they should be")
    register = commands.add_parser("register", help="make the applications and assign their permissions")
    register.add_argument("--tenant", required=True, type=_guid, help="id of the tenant that is backed up")
    register.add_argument("--home", type=_guid, help="id of the subscription's tenant; default: the same")
    register.add_argument("--name", default="holdfast", help="prefix, as given to the deployment")
    for app in (lists.BACKUP, lists.RESTORE, lists.UNLOCK):
        register.add_argument(
            f"--{app}-identity", type=_guid, help=f"principal id of the {app} app's managed identity"
        )
    register.add_argument("--unlock", action="store_true", help="the unlock app, too")
    register.add_argument("--prune", action="store_true", help="take surplus permissions and credentials away")
    register.add_argument("--yes", action="store_true", help="don't ask")
    register.add_argument(
        "--sign-in-app", default="", help="client id to sign in to by device code; default: the Azure CLI's sign-in"
    )
    return parser


def _guid(text: str) -> str:
    return str(uuid.UUID(text))


def write_lists(*, check: bool) -> int:
    written = {one.FILE: one.document(CATALOG) for one in (lists, permission_page, type_page)}
    if check:
        stale = [file for file, text in written.items() if file.read_text(encoding="utf-8") != text]
        for file in stale:
            print(f"{file.parent.name}/{file.name} is stale: run python -m infra.graph lists", file=sys.stderr)
        return STALE if stale else DONE
    for file, text in written.items():
        file.write_text(text, encoding="utf-8")
    for app, entries in lists.stored().items():
        print(f"{app}: {', '.join(one.name for one in entries)}")
    return DONE


async def _register(given: argparse.Namespace) -> int:
    home = given.home or given.tenant
    identities = {lists.BACKUP: given.backup_identity or "", lists.RESTORE: given.restore_identity or ""}
    if given.unlock or given.unlock_identity:
        identities[lists.UNLOCK] = given.unlock_identity or ""
    registrations = wanted(given.name, home, given.tenant, identities, lists.stored())
    async with AsyncExitStack() as stack:
        protected = await stack.enter_async_context(
            signed_in(given.tenant, given.sign_in_app, os.environ, _to_person)
        )
        there = protected
        if home != given.tenant:
            there = await stack.enter_async_context(signed_in(home, given.sign_in_app, os.environ, _to_person))
        registrar = Registrar(there, protected, SystemClock())
        agreed = (lambda: True) if given.yes else _asked
        return await run(registrar, registrations, prune=given.prune, agreed=agreed, show=print)


async def run(
    registrar: Registrar,
    registrations: Wanted,
    *,
    prune: bool,
    agreed: Callable[[], bool],
    show: Callable[[str], None],
) -> int:
    """Shows what is missing, asks, does it, and shows the client ids. 3: something is there that shouldn't be."""
    plan = await registrar.plan(registrations, prune=prune)
    _show_plan(plan, show)
    if plan.steps and not agreed():
        show("nothing was changed")
        return FINDING
    standing = await registrar.carry_out(plan, lambda text: show(f"done  {text}"))
    for line in parameters(registrations, standing):
        show(line)
    left = (await registrar.plan(registrations)).findings if prune else plan.findings
    return FINDING if left else DONE


def _show_plan(plan: Plan, show: Callable[[str], None]) -> None:
    for finding in plan.findings:
        show(f"note  {finding}")
    for step in plan.steps:
        show(f"to do {step.text}")
    if not plan.steps:
        show("nothing to do")


def parameters(registrations: Wanted, standing: dict[str, Standing]) -> list[str]:
    """What the deployment is given: `backupClientId=…`, one line each, and what a second run is still for."""
    lines = [f"{app.key}ClientId={standing[app.key].app_id}" for app in registrations.apps]
    waiting = [app.key for app in registrations.apps if not app.identity and not standing[app.key].trusts]
    if waiting:
        lines.append(
            f"no managed identity is trusted yet by {', '.join(waiting)}: deploy, then run this again with "
            + " ".join(f"--{key}-identity PRINCIPAL-ID" for key in waiting)
        )
    return lines


def _asked() -> bool:
    return input("Do this? [y/N] ").strip().lower() in ("y", "yes")


def _to_person(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
