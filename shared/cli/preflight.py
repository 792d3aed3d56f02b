"""`holdfast preflight`: whether a restore would find what it needs, asked on a good day. Nothing is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from shared.cli.parts import Parts, approval_desk
from shared.cli.screen import Answer, Screen
from shared.cli.session import Into, Json, LocalRestore, TrustedKey, Work, restoring_from, with_parts
from shared.domain import queues
from shared.domain.errors import HoldfastError

if TYPE_CHECKING:
    from shared.bootstrap import Parts as Operator


def register(app: typer.Typer) -> None:
    app.command("preflight")(preflight)


def preflight(
    ctx: typer.Context,
    local: LocalRestore = None,
    work_dir: Work = None,
    into: Into = "",
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Check that a restore would find what it needs: token, permissions, vault, state, keys, approvers, locks.

    Asks with the settings of this shell: with HOLDFAST_ROLE=backup for what reads, with restore for what writes.
    Nothing is written, and no message is sent. Ends with 3 on a finding.

    Example: holdfast preflight
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        with screen.progress("Looking") as progress:
            lines = []
            async for one in looked(parts):
                progress.tell(f"Looked at {one.what}")
                lines.append(one)
        return _answer(lines)

    return with_parts(ctx, as_json, work, restoring_from(ctx, local, work_dir, key, into=into))


@dataclass(frozen=True, slots=True)
class Line:
    """`finding` "": it is in order, as `told` says."""

    what: str
    told: str = ""
    finding: str = ""


async def looked(parts: Parts) -> AsyncIterator[Line]:
    """Each thing in turn; one that can't be asked is a finding of its own and keeps none from being looked at."""
    operator = parts.deployment("looking before a restore")
    checks: dict[str, Callable[[Parts, Operator], Awaitable[Line]]] = {
        "token and permissions": _permissions,
        "vault": _vault,
        "state": _state,
        "public keys": _keys,
        "approvers": _approvers,
        "break-glass accounts": _break_glass,
    }
    if parts.worker is None and operator.settings.role != "restore":
        checks["retention locks"] = _locks  # a folder has none, and the restore app isn't told which account it is
    for what, check in checks.items():
        try:
            yield await check(parts, operator)
        except HoldfastError as error:
            yield Line(what, finding=error.what + (f"; {error.hint}" if error.hint else ""))


async def _permissions(parts: Parts, operator: Operator) -> Line:
    what, settings = "token and permissions", operator.settings
    held = await operator.directory.roles()
    if held is None:
        return Line(what, "there is a token; it doesn't say what it permits")
    missing: list[str] = []
    if settings.role != "restore":
        missing += operator.catalog.lacking(held, write=False, opt_in=settings.opt_in)
    if settings.role != "backup":
        missing += operator.catalog.lacking(held, write=True, opt_in=settings.opt_in)
    return Line(what, f"{len(held)} permissions", f"the token lacks {', '.join(missing)}" if missing else "")


async def _vault(parts: Parts, operator: Operator) -> Line:
    snapshot = await parts.repository.open()
    return Line("vault", f"newest snapshot {snapshot.manifest.snapshot}, head {await parts.repository.head()}")


async def _state(parts: Parts, operator: Operator) -> Line:
    await operator.tables.get("preflight", "nothing")
    if parts.worker is not None:
        return Line("state", "the work folder can be read; messages stay in this process")
    own = ("restore",) if operator.settings.role == "restore" else ("backup",)
    missing = [spec.name for spec in queues.QUEUES if spec.role in own and spec.name not in operator.queues]
    finding = f"no account is named for the queues {', '.join(missing)}" if missing else ""
    return Line("state", "the table answers, and the queues' account is named; no message was sent", finding)


async def _keys(parts: Parts, operator: Operator) -> Line:
    from shared.engines.jws import KEY_PURPOSES

    names = [name for name, of in KEY_PURPOSES.items() if not all(operator.keys.get(one) for one in of)]
    unlisted = sorted(
        signer.key_id for purpose, signer in operator.signers.items() if signer.key_id not in operator.keys[purpose]
    )
    findings = [f"there is no public key for {', '.join(names)}"] if names else []
    if unlisted:
        findings.append(f"signing keys that no list holds: {', '.join(unlisted)}")
    return Line("public keys", "for every purpose", "; ".join(findings))


async def _approvers(parts: Parts, operator: Operator) -> Line:
    known = await approval_desk(parts, operator).approvers()
    return Line("approvers", f"{known.needed} of {len(known.keys)} are needed")


async def _break_glass(parts: Parts, operator: Operator) -> Line:
    ids = operator.settings.break_glass_ids
    none = "none are set: plans that touch conditional access are refused; set HOLDFAST_BREAK_GLASS_IDS"
    return Line("break-glass accounts", f"{len(ids)} set", "" if ids else none)


async def _locks(parts: Parts, operator: Operator) -> Line:
    found = await operator.inspector.protections(tuple(operator.settings.promised_days))
    open_ones = [f"{name}: {one.why}" for name, one in found.items() if not one.locked]
    return Line("retention locks", f"{len(found)} containers are locked", "; ".join(open_ones))


def _answer(lines: list[Line]) -> Answer:
    from shared.cli.render import line, table

    findings = [one for one in lines if one.finding]
    document = {
        "ready": not findings,
        "checks": [{"what": one.what, "ok": not one.finding, "told": one.finding or one.told} for one in lines],
    }
    view = (
        table(
            ("What", "", "Told"),
            [(one.what, "FINDING" if one.finding else "ok", one.finding or one.told) for one in lines],
        ),
        line(
            f"{len(findings)} of {len(lines)} need somebody" if findings else "A restore would find what it needs.",
            style="bold yellow" if findings else "bold green",
        ),
    )
    return Answer(document, view, 3 if findings else 0)
