"""`holdfast unlock`: switches off the policies that keep the break-glass accounts out, from any laptop.

Which ones is asked of an exported folder first, without any sign-in. `--switch-off` then signs in as the unlock
application (by certificate, where people are kept out), asks again of the policies as they are, shows them, and
switches off exactly those after the tenant's id was typed. What was there before is in a file before that.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.asking import confirmed
from shared.cli.new_files import write_new
from shared.cli.parts import Source
from shared.cli.screen import Answer, Screen
from shared.cli.session import Json, Opener, TrustedKey, read_file, session_of
from shared.domain.errors import Fault, Refused, Unusable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from shared.catalog.registry import Catalog
    from shared.domain.objects import JsonObject
    from shared.engines.lockout.facts import Facts
    from shared.engines.unlocking import Blocking, Result, Unlocking, UnlockRecord


class Way(StrEnum):
    """How the unlock identity signs in where it has no certificate."""

    DEVICE = "device-code"
    BROWSER = "browser"


@dataclass(frozen=True, slots=True)
class Asked:
    """`folder` None: nothing is known but the policies, and no group excludes anybody."""

    folder: Path | None
    key: Path | None
    accounts: tuple[str, ...]
    policies: tuple[str, ...]
    without_groups: bool
    wanted: str
    confirm: str
    record: Path | None
    undo: Path | None
    way: Way


def register(app: typer.Typer) -> None:
    app.command("unlock")(unlock)


def unlock(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="A folder copy: what accounts, groups and roles were."),
    ] = None,
    accounts: Annotated[
        list[str] | None,
        typer.Option(
            "--account",
            metavar="ID",
            help="A break-glass account; may be repeated. Left out: HOLDFAST_BREAK_GLASS_IDS.",
        ),
    ] = None,
    switch_off: Annotated[
        bool, typer.Option("--switch-off", help="Sign in, ask again of the policies as they are, switch them off.")
    ] = False,
    policies: Annotated[
        list[str] | None,
        typer.Option("--policy", metavar="ID", help="Only this one of those shown; may be repeated."),
    ] = None,
    disable: Annotated[
        bool, typer.Option("--disable", help="Disabled in place of report-only, which still logs what it would do.")
    ] = False,
    without_groups: Annotated[
        bool, typer.Option("--without-groups", help="Trust no group to exclude an account: somebody emptied them.")
    ] = False,
    undo: Annotated[
        Path | None,
        typer.Option("--undo", metavar="RECORD", help="Put back what a record says, where the guard lets it pass."),
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Where the record goes; else named by the time.")
    ] = None,
    confirm: Annotated[
        str, typer.Option("--confirm", metavar="TENANT", help="The tenant's id, instead of typing it.")
    ] = "",
    sign_in: Annotated[
        Way, typer.Option("--sign-in", help="Without a certificate: by device code, or in this machine's browser.")
    ] = Way.DEVICE,
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Show which policies keep the break-glass accounts out, and switch off exactly those.

    Without --switch-off nothing is signed in to and nothing is changed. With it HOLDFAST_CLIENT_ID is the unlock
    application and HOLDFAST_CLIENT_CERTIFICATE its certificate: conditional access for people doesn't stop it. Only
    the state of the policies shown is written, each while it is still on. Ends with 3 where policies were found and
    left, 4 where not all could be switched.

    Example: holdfast unlock copy --key snapshot.pub --switch-off
    """
    session = session_of(ctx)
    screen = session.screen
    screen.as_json = as_json
    if undo is not None and switch_off:
        raise Unusable("--undo and --switch-off exclude each other")
    if folder is None and not (switch_off or undo):
        raise Unusable(
            "there is nothing to look at",
            hint="give a FOLDER; without one only --switch-off, which reads the policies as they are",
        )
    asked = Asked(
        folder=folder,
        key=key,
        accounts=_accounts(accounts or ()),
        policies=tuple(policies or ()),
        without_groups=without_groups,
        wanted="disabled" if disable else "enabledForReportingButNotEnforced",
        confirm=confirm,
        record=record,
        undo=undo,
        way=sign_in,
    )

    async def run() -> Answer:
        from shared.catalog.registry import CATALOG

        facts, tenant = await _known(asked, session.opener)
        if not (switch_off or undo):
            return _offline(CATALOG, facts, asked)
        async with session.unlocker(asked.folder, tenant, asked.way.value, screen.note) as unlocking:
            await unlocking.may()
            policies = await unlocking.policies()
            if undo is not None:
                return await _put_back(unlocking, facts, policies, tenant, asked, screen)
            return await _switch_off(unlocking, facts, policies, tenant, asked, screen)

    return screen.answer(asyncio.run(run()))


def _accounts(given: Sequence[str]) -> tuple[str, ...]:
    from shared.engines.lockout.facts import distinct

    ids = tuple(given) or tuple(
        one.strip() for one in os.environ.get("HOLDFAST_BREAK_GLASS_IDS", "").split(",") if one.strip()
    )
    if not ids:
        raise Unusable(
            "no break-glass accounts are known, so there is nobody to let in",
            hint="set HOLDFAST_BREAK_GLASS_IDS, or give --account ID for each",
        )
    return distinct(ids)


async def _known(asked: Asked, opener: Opener) -> tuple[Facts, str]:
    """What the newest snapshot of the folder says of the accounts, and the tenant."""
    from shared.engines.lockout.facts import Facts
    from shared.engines.lockout.viewed import facts_of
    from shared.engines.unlocking import without_groups

    if asked.folder is None:
        tenant = os.environ.get("HOLDFAST_TENANT_ID", "").lower()
        if not tenant:
            raise Unusable("which tenant is meant is not known", hint="set HOLDFAST_TENANT_ID, or give a FOLDER")
        return Facts(asked.accounts), tenant
    async with opener(Source(asked.folder, asked.key)) as parts:
        facts = await facts_of(await parts.repository.open(), asked.accounts)
    return (without_groups(facts) if asked.without_groups else facts), parts.tenant


# --- looking -------------------------------------------------------------------------------------------------


def _offline(catalog: Catalog, facts: Facts, asked: Asked) -> Answer:
    from shared.cli.render import line
    from shared.engines.unlocking import blocking, by_groups_alone

    if facts.conditional_access_policies is None:
        raise Refused("the snapshot doesn't hold all policies", hint="--switch-off reads them as they are")
    found = blocking(catalog, facts, facts.conditional_access_policies)
    leaning = by_groups_alone(catalog, facts, facts.conditional_access_policies)
    document = {"switchedOff": False, **_document(found, leaning)}
    ending = (
        f"next: holdfast unlock{_copy(asked)} --switch-off"
        if found
        else "By this snapshot no policy that is on keeps a break-glass account out."
    )
    return Answer(document, (*_shown(found, leaning), line(ending)), 3 if found else 0)


def _document(found: Sequence[Blocking], leaning: Sequence[Blocking]) -> dict[str, object]:
    return {
        "policies": [
            {
                "id": one.id,
                "name": one.name,
                "findings": [
                    {"account": account, "rule": finding.rule.value, "why": finding.why}
                    for account, finding in one.findings
                ],
            }
            for one in found
        ],
        "onlyByGroups": [{"id": one.id, "name": one.name} for one in leaning],
    }


def _shown(found: Sequence[Blocking], leaning: Sequence[Blocking]) -> tuple[RenderableType, ...]:
    from shared.cli.render import listing, table

    rows = [(one.name, one.id, account, finding.why) for one in found for account, finding in one.findings]
    parts: list[RenderableType] = []
    if rows:
        title = f"{len(found)} policies that are on and keep an account out"
        parts.append(table(("Policy", "Id", "Account", "Why"), rows, title=title))
    if leaning:
        parts.append(
            listing(
                "These let the accounts in only as long as groups are as in the snapshot (--without-groups)",
                [f"{one.name} ({one.id})" for one in leaning],
            )
        )
    return tuple(parts)


# --- switching -----------------------------------------------------------------------------------------------


async def _switch_off(
    unlocking: Unlocking, facts: Facts, policies: list[JsonObject], tenant: str, asked: Asked, screen: Screen
) -> Answer:
    from shared.cli.render import line
    from shared.engines.unlocking import RECORD_FORMAT, UnlockRecord, blocking, by_groups_alone, chosen
    from shared.engines.wire import encode

    found = blocking(unlocking.catalog, facts, policies)
    leaning = by_groups_alone(unlocking.catalog, facts, policies)
    picked = chosen(found, asked.policies)
    if not picked:
        ending = line("No policy that is on keeps a break-glass account out; nothing was changed.")
        return Answer({"switchedOff": False, **_document(found, leaning)}, (*_shown(found, leaning), ending), 0)
    for one in picked:
        screen.note(f"{one.name} ({one.id}): {one.findings[0][1].why}")
    screen.note(f"the state of {len(picked)} policies becomes {asked.wanted}; nothing else is changed")
    confirmed(tenant, asked.confirm, "the tenant's id")
    now = unlocking.clock.now()
    record = UnlockRecord(
        RECORD_FORMAT,
        tenant,
        now,
        asked.accounts,
        tuple(one.switched(unlocking.catalog, asked.wanted) for one in picked),
    )
    at = asked.record or Path(f"unlock-{now:%Y%m%dT%H%M%SZ}.json")
    _keep(at, encode(record))
    screen.note(f"what is there now is in {at}")
    results = [await unlocking.switch(one.id, one.before, one.wanted) for one in record.policies]
    back = _undo_command(asked, at)
    return _ended(
        record, results, {"switchedOff": True, "record": str(at), "undo": back}, f"to put it back: {back}"
    )


def _undo_command(asked: Asked, at: Path) -> str:
    accounts = "".join(f" --account {one}" for one in asked.accounts)
    return f"holdfast unlock{_copy(asked)} --undo {shlex.quote(str(at))}{accounts}"


def _copy(asked: Asked) -> str:
    """The folder and its key, as a command line takes them."""
    folder = f" {shlex.quote(str(asked.folder))}" if asked.folder is not None else ""
    return folder + (f" --key {shlex.quote(str(asked.key))}" if asked.key is not None else "")


async def _put_back(
    unlocking: Unlocking, facts: Facts, policies: list[JsonObject], tenant: str, asked: Asked, screen: Screen
) -> Answer:
    """Only what the guard lets pass: the policies may have been mended since, or not."""
    from shared.engines.unlocking import End, Result, put_back, read_record

    assert asked.undo is not None
    record = read_record(unlocking.catalog, read_file(asked.undo, "record"), tenant)
    stay = put_back(unlocking.catalog, facts, policies, record)
    for one in record.policies:
        screen.note(f"{one.name} ({one.id}): {stay.get(one.id) or f'{one.wanted} becomes {one.before} again'}")
    if len(stay) < len(record.policies):
        confirmed(tenant, asked.confirm, "the tenant's id")
    results = [
        Result(one.id, End.REFUSED, stay[one.id])
        if one.id in stay
        else await unlocking.switch(one.id, one.wanted, one.before)
        for one in record.policies
    ]
    return _ended(record, results, {"putBack": True}, "")


def _ended(record: UnlockRecord, results: Sequence[Result], more: dict[str, object], ending: str) -> Answer:
    from shared.cli.render import line, table

    names = {one.id: one.name for one in record.policies}
    document = {
        **more,
        "policies": [
            {"id": one.id, "end": one.end.value, **({"why": one.why} if one.why else {})} for one in results
        ],
    }
    view: list[RenderableType] = [
        table(
            ("Policy", "Id", "End", "Why"),
            [(names[one.id], one.id, one.end.value, one.why) for one in results],
        )
    ]
    if ending:
        view.append(line(ending))
    return Answer(document, tuple(view), 0 if all(one.good for one in results) else 4)


def _keep(path: Path, data: bytes) -> None:
    """On disk before the first write; never over something else."""
    try:
        write_new(path, data)
    except OSError as error:
        raise Fault(
            f"the record can't be written: {error.strerror}: {path}",
            saved="nothing was changed",
            hint="give --record FILE, a name that isn't taken",
        ) from None
