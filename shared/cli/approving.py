"""`holdfast approve`: shows an approver what is signed, signs it with the approver's own key, hands it in.

The key never leaves this process. What is shown is what is signed: the plan is loaded and checked first, and
the digest in the signature is the one of the bytes that were shown.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.parts import Parts, approval_desk
from shared.cli.screen import Answer, Screen
from shared.cli.session import (
    Into,
    Json,
    LocalRestore,
    Minutes,
    Work,
    ask_secret,
    read_file,
    restoring_from,
    session_of,
    with_parts,
)
from shared.cli.waiting import Pause, numbers, span, wait_for
from shared.domain import queues
from shared.domain.errors import NotYet, Refused, Unusable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.adapters.keys import LocalSigner
    from shared.domain.plan import Approval, Decision
    from shared.engines.approvals import Quorum, Signed
    from shared.engines.evidence import StoredPlan


def register(app: typer.Typer) -> None:
    app.command("approve")(approve)


def approve(
    ctx: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The plan's id.")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Your private approver key, in PEM.")],
    waves: Annotated[
        str,
        typer.Option("--waves", metavar="N,N", help="Waves to let run; else all that ask no more."),
    ] = "",
    digest: Annotated[
        str, typer.Option("--digest", metavar="D", help="Refuse unless the plan's digest is this one.")
    ] = "",
    acknowledge: Annotated[
        list[str] | None,
        typer.Option(
            "--acknowledge",
            metavar="WHAT",
            help="Say that you mean this, too: what the plan is flagged with, or a wave asks for, such as removes; "
            "may be repeated.",
        ),
    ] = None,
    tier_zero: Annotated[
        list[str] | None,
        typer.Option(
            "--tier-zero",
            metavar="KEY",
            help="Let this grant of power over the tenant through, by its key in the plan; may be repeated.",
        ),
    ] = None,
    expires: Annotated[
        str,
        typer.Option(
            "--expires",
            metavar="SPAN",
            help="How long the approval holds: 45m, 8h, 2d; 8h, and a day from when an override holds.",
        ),
    ] = "",
    reject: Annotated[bool, typer.Option("--reject", help="Sign a rejection: the plan stops for good.")] = False,
    override: Annotated[
        bool,
        typer.Option(
            "--override",
            help="The others can't be reached: after HOLDFAST_OVERRIDE_HOURS this counts for them, too.",
        ),
    ] = False,
    withdraw: Annotated[
        bool, typer.Option("--withdraw-override", help="No override lets this plan run, now or later.")
    ] = False,
    minutes: Minutes = 2.0,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before signing.")] = False,
    local: LocalRestore = None,
    work_dir: Work = None,
    into: Into = "",
    as_json: Json = False,
) -> int:
    """Approve or reject a plan with your own key.

    With --override your yes opens a wait, of which an alarm tells; after it fewer approvers than are needed let the
    plan run. Until then any approver can end it, with --withdraw-override or a rejection.

    Example: holdfast approve p0123abc --key ~/holdfast-key/maria.pem --waves 2,3,4 --expires 8h
    """
    asked, said = numbers(waves) if waves else (), _listed(acknowledge)
    named = tuple(key.lower() for key in _listed(tier_zero))
    if sum((reject, override, withdraw)) > 1:
        raise Unusable("--reject, --override and --withdraw-override exclude each other")
    lasts = span(expires) if expires else None
    signer = approver_signer(key)
    pause = session_of(ctx).pause

    async def work(parts: Parts, screen: Screen) -> Answer:
        from shared.domain.plan import Approval

        operator = parts.deployment("approving")
        stored = await _load(parts, plan)
        if digest and digest != stored.digest:
            raise Refused(
                f"the digest of plan {plan} is {stored.digest}, not the one given",
                saved="nothing was signed",
                hint="read the plan again before you approve it",
            )
        approval = Approval(
            tenant=parts.tenant,
            plan=plan,
            digest=stored.digest,
            waves=asked or _waves_meant(stored, said),
            decision=_decision(reject=reject, override=override, withdraw=withdraw),
            acknowledged=said,
            expires_at=parts.clock.now() + (lasts or _lasts(operator.settings.override_wait if override else 0.0)),
            nonce=operator.ids.new(),
            tier_zero=named,
        )
        _check_waves(approval, stored)
        _check_named(approval, stored)
        for line in _shown(approval, stored):
            screen.note(line)
        if not yes and sys.stdin.isatty() and not typer.confirm("Sign this?", err=True):
            raise Refused("not signed", saved="nothing was sent")
        return await _hand_in(parts, screen, stored, approval, signer, parts.worker or pause, minutes)

    return with_parts(ctx, as_json, work, restoring_from(ctx, local, work_dir, reads_copy=False, into=into))


def _decision(*, reject: bool, override: bool, withdraw: bool) -> Decision:
    from shared.domain.plan import Decision

    if reject:
        return Decision.REJECT
    if withdraw:
        return Decision.WITHDRAW
    return Decision.OVERRIDE if override else Decision.APPROVE


def _lasts(wait: float) -> timedelta:
    """How long an approval holds where nobody says it. `wait`: of an override, in seconds."""
    return timedelta(seconds=wait) + timedelta(days=1) if wait else timedelta(hours=8)


def override_document(quorum: Quorum) -> dict[str, object] | None:
    """An override of a wave as JSON; None where there is none."""
    if quorum.override is None:
        return None
    return {
        "keyId": quorum.override.key_id,
        "openedAt": quorum.override.opened_at,
        "holdsFrom": quorum.override.holds_from,
        "holds": quorum.holds,
        "withdrawnBy": list(quorum.withdrawn_by),
    }


async def _load(parts: Parts, plan: str) -> StoredPlan:
    from shared.domain.errors import BlobMissing

    try:
        return await parts.evidence.load_plan(plan)
    except BlobMissing:
        raise Unusable(f"there is no plan {plan}", hint="see the plans that there are: holdfast status") from None


def _listed(given: list[str] | None) -> tuple[str, ...]:
    """Options that are repeated, or name several with commas between."""
    return tuple(sorted({name.strip() for text in given or () for name in text.split(",") if name.strip()}))


def _waves_meant(stored: StoredPlan, said: tuple[str, ...]) -> tuple[int, ...]:
    """What is only done where it is asked for is left out unasked; a flag is never passed over in silence."""
    flags = {flag.name for flag in stored.plan.flags}
    return tuple(wave.number for wave in stored.plan.waves if set(wave.asks) <= flags | set(said))


def _check_waves(approval: Approval, stored: StoredPlan) -> None:
    concerned = [wave for wave in stored.plan.waves if wave.number in approval.waves] or stored.plan.waves
    asks = {name for wave in concerned for name in wave.asks}
    if approval.decision.allows and (silent := sorted(asks - set(approval.acknowledged))):
        raise Refused(
            f"these waves ask for more than a yes: {', '.join(silent)}",
            saved="nothing was signed",
            hint="; ".join([*_because(stored, silent), _acknowledging(silent)]) + ", or other --waves",
        )
    there = {wave.number for wave in stored.plan.waves}
    if missing := sorted(set(approval.waves) - there):
        raise Unusable(
            f"the plan has no wave {', '.join(map(str, missing))}",
            hint=f"its waves: {', '.join(map(str, sorted(there)))}",
        )


def _because(stored: StoredPlan, names: Iterable[str]) -> Iterable[str]:
    return (f"{flag.name}: {flag.why}" for flag in stored.plan.flags if flag.name in set(names))


def _acknowledging(names: Iterable[str]) -> str:
    return " ".join(f"--acknowledge {name}" for name in names)


def _check_named(approval: Approval, stored: StoredPlan) -> None:
    waves = {grant.key: grant.wave for grant in stored.plan.tier_zero}
    if unknown := [key for key in approval.tier_zero if key not in waves]:
        raise Unusable(
            f"the plan has no tier-0 grant {', '.join(unknown)}",
            saved="nothing was signed",
            hint=f"see their keys: holdfast status {approval.plan}",
        )
    if outside := [key for key in approval.tier_zero if waves[key] not in approval.waves]:
        raise Unusable(
            f"in waves that this approval doesn't name: tier-0 grant {', '.join(outside)}",
            saved="nothing was signed",
            hint=f"name their waves, too: --waves {','.join(sorted({str(waves[key]) for key in outside}))}",
        )


def _shown(approval: Approval, stored: StoredPlan) -> Iterable[str]:
    from shared.cli.conflicts_view import chosen_lines
    from shared.cli.moving_view import moving_facts
    from shared.cli.plan_view import forecast_line, grant_line

    yield f"You {approval.decision.value} plan {approval.plan} of snapshot {stored.plan.snapshot}"
    yield f"  digest   {approval.digest}"
    for name, text in moving_facts(stored.plan):
        yield f"  {name}: {text}"
    for wave in stored.plan.waves:
        mark = "yes" if wave.number in approval.waves else "no "
        more = f"; asks for {_acknowledging(wave.asks)}" if wave.asks else ""
        yield f"  wave {wave.number}   {mark}  {wave.title}: {forecast_line(wave.forecast)}{more}"
    for flag in stored.plan.flags:
        yield f"  {flag.name}: {flag.why}"
    yield f"  conflicts {len(stored.plan.conflicts)}, left as it is {len(stored.plan.exclusions)}"
    for line in chosen_lines(one for one in stored.plan.chosen if one.done):
        yield f"  chosen    {line}"
    asked = [grant for grant in stored.plan.tier_zero if grant.wave in approval.waves]
    if asked and approval.decision.allows:
        through = [grant for grant in asked if grant.key in approval.tier_zero]
        for grant in through:
            yield f"  LETS THROUGH {grant.key}: {grant_line(grant)}"
        if left := len(asked) - len(through):
            yield f"  {left:,} of {len(asked):,} tier-0 grants are not named here: without --tier-zero KEY not done"
    if stored.plan.despite_erasure:
        yield f"  BRINGS BACK although on the erasure list: {', '.join(stored.plan.despite_erasure)}"
    yield f"  holds until {approval.expires_at:%Y-%m-%d %H:%M} UTC"


def approver_signer(path: Path) -> LocalSigner:
    """The approver's key; a passphrase is asked for where the file is encrypted."""
    from shared.adapters.keys import LocalFileSigner, LocalSigner

    pem = read_file(path, "private key")
    if b"ENCRYPTED" not in pem:
        return LocalFileSigner(path)
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    passphrase = ask_secret(f"passphrase of {path.name}").encode()
    try:
        key = serialization.load_pem_private_key(pem, password=passphrase)
    except (ValueError, TypeError):
        raise Unusable(f"{path} can't be opened with this passphrase") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Unusable(f"{path} holds no P-256 key")
    return LocalSigner(key)


async def _hand_in(
    parts: Parts,
    screen: Screen,
    stored: StoredPlan,
    approval: Approval,
    signer: LocalSigner,
    pause: Pause,
    minutes: float,
) -> Answer:
    from shared.engines import jws
    from shared.engines.restore_requests import approval_message
    from shared.engines.wire import encode

    operator = parts.deployment("approving")
    desk = approval_desk(parts, operator)
    if approval.decision.allows and signer.key_id == stored.commit.requested_by:
        raise Refused("this key asked for the plan, so it can't approve it", saved="nothing was sent")
    token = await jws.sign(signer, jws.Purpose.APPROVAL, encode(approval))
    signed = await desk.open(token)  # is this key an approver's? told here, where it can be put right
    await operator.queues[queues.RESTORE_CONTROL].send(approval_message(token))
    recorded = await _recorded(parts, screen, approval, pause, minutes)
    quorums = [await desk.quorum(stored, wave) for wave in approval.waves]
    return _answer(approval, signed, recorded, quorums, parts.flags)


async def _recorded(parts: Parts, screen: Screen, approval: Approval, pause: Pause, minutes: float) -> bool:
    """Waits until the backup app has checked and kept the approval."""
    from shared.engines.evidence import approval_blob

    name = approval_blob(parts.tenant, approval.plan, approval.nonce)

    async def look() -> bool | None:
        return True if await parts.evidence.find(name) is not None else None

    with screen.progress("Handed in; waiting until it is recorded"):
        try:
            return await wait_for(
                look, pause=pause, minutes=minutes, what="the recorded approval", hint="holdfast status"
            )
        except NotYet:
            return False


def _answer(approval: Approval, signed: Signed, recorded: bool, quorums: list[Quorum], flags: str) -> Answer:
    from shared.cli.render import facts, line, table

    document = {
        "plan": approval.plan,
        "digest": approval.digest,
        "decision": approval.decision.value,
        "waves": list(approval.waves),
        "expiresAt": approval.expires_at,
        "keyId": signed.key_id,
        "person": signed.person,
        "nonce": approval.nonce,
        "tierZero": list(approval.tier_zero),
        "recorded": recorded,
        "quorum": [
            {
                "wave": quorum.wave,
                "approvals": len(quorum.key_ids),
                "needed": quorum.needed,
                "reached": quorum.reached,
                "rejectedBy": list(quorum.rejected_by),
                "tierZero": list(quorum.tier_zero),
                "override": override_document(quorum),
            }
            for quorum in quorums
        ],
    }
    rejected = approval.decision.value == "reject"
    pending = next((quorum.override for quorum in quorums if quorum.override is not None), None)
    ready = bool(quorums) and all(quorum.reached for quorum in quorums)
    if not recorded:
        ending = f"not recorded yet; look again: holdfast status {approval.plan}{flags}"
    elif rejected:
        ending = "recorded: no wave of this plan runs any more"
    elif approval.decision.value == "withdraw":
        ending = "recorded: no override lets this plan run; it takes every approver that is needed"
    elif ready:
        ending = f"next: holdfast restore {approval.plan} --digest {approval.digest}{flags}"
    elif pending is not None and not quorums[0].withdrawn_by:
        ending = (
            f"holds from {pending.holds_from:%Y-%m-%d %H:%M} UTC, unless an approver withdraws it; then: "
            f"holdfast restore {approval.plan} --digest {approval.digest}{flags}"
        )
    else:
        said = f" {_acknowledging(approval.acknowledged)}" if approval.acknowledged else ""
        ending = f"next: another approver runs holdfast approve {approval.plan}{said}{flags}"
    view = (
        facts([("Signed by", f"{signed.person} ({signed.key_id})"), ("Decision", approval.decision.value)]),
        table(
            ("Wave", "Approvals", "Needed", "May run", "Tier-0 grants let through"),
            [
                (
                    str(quorum.wave),
                    str(len(quorum.key_ids)),
                    str(quorum.needed),
                    "yes" if quorum.reached else "no",
                    str(len(quorum.tier_zero)),
                )
                for quorum in quorums
            ],
            numbers=("Wave", "Approvals", "Needed", "Tier-0 grants let through"),
        ),
        line(ending),
    )
    return Answer(document, view, 0 if recorded else 1)
