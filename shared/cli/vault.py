"""`holdfast vault`: whether the containers are locked, and what locks and lengthens them for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli import holding
from shared.cli.asking import confirmed
from shared.cli.parts import Parts
from shared.cli.screen import Answer, Screen
from shared.cli.session import Json, with_parts
from shared.domain.errors import BlobMissing, Refused, StorageDenied, Unusable

if TYPE_CHECKING:
    from datetime import datetime

    from shared.bootstrap import CopyParts
    from shared.bootstrap import Parts as Operator
    from shared.domain.ports import VaultControl
    from shared.domain.regions import Residency
    from shared.domain.vault import AccountState, ContainerState, RetentionPolicy
    from shared.engines.holds import Holds
    from shared.engines.protection import Shortfall

Container = Annotated[str, typer.Argument(metavar="CONTAINER", help="Such as vault-35d.")]
Confirm = Annotated[
    str, typer.Option("--confirm", metavar="CONTAINER", help="The container's name again, instead of typing it.")
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Lock state and legal holds of the vault. Nothing here weakens a retention lock.")
    group.command("status")(status)
    group.command("lock")(lock)
    group.command("extend")(extend)
    holding.register(group)
    app.add_typer(group, name="vault")


def status(ctx: typer.Context, as_json: Json = False) -> int:
    """Show what protects each container, and what doesn't.

    Ends with 3 if a container doesn't protect what is in it for as long as is promised. With the settings of the
    copy role, it is the second account that is looked at; so it is for lock and extend.

    Example: holdfast vault status
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        control, promised = _control(parts)
        account = await control.account()
        residency = _place(parts).settings.residency
        rows = [await _row(control, account, name, days, residency) for name, days in promised.items()]
        if parts.holds is not None:
            rows.append(await _hold_row(control, parts.holds, parts.clock.now()))
        return _status_answer(rows, account, residency)

    return with_parts(ctx, as_json, work)


def lock(ctx: typer.Context, container: Container, confirm: Confirm = "", as_json: Json = False) -> int:
    """Lock a container's retention policy, for good.

    Afterwards nobody can shorten or remove it, Microsoft neither; the storage account can't be deleted while a blob
    is in it. Its days can be increased five times.

    Example: holdfast vault lock vault-35d
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        control, promised = _control(parts)
        policy = _policy(await _container(control, container, promised), container)
        days = promised[container]
        if policy.locked:
            return _changed(container, policy, "was locked already; nothing was changed")
        if policy.days < days:
            raise Refused(
                f"{container} would keep blobs {policy.days} days, and {days} are promised",
                hint="deploy the container with the right days first: after locking, each increase is one of five",
            )
        if policy.appends:
            raise Refused(f"the policy of {container} lets blobs grow", hint="deploy it without protected appends")
        screen.note(f"Locking the policy of {container} can't be undone by anybody:")
        screen.note(f"  every blob in it, present and future, stays {policy.days} days from its creation;")
        screen.note("  the storage account and its resource group can't be deleted while one is there;")
        screen.note("  the days can be increased five times in the policy's life, and never decreased.")
        confirmed(container, confirm, "the container's name")
        return _changed(container, await control.lock(container, policy.etag), "is locked")

    return with_parts(ctx, as_json, work)


def extend(
    ctx: typer.Context,
    container: Container,
    days: Annotated[int, typer.Argument(metavar="DAYS", help="The new number of days.", min=1, max=146_000)],
    last: Annotated[bool, typer.Option("--last", help="Also if it is the last increase that there is.")] = False,
    confirm: Confirm = "",
    as_json: Json = False,
) -> int:
    """Increase the days of a locked policy, for good.

    It counts for blobs that are there, too. A locked policy can be increased five times.

    Example: holdfast vault extend vault-35d 60
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        from shared.domain.vault import EXTENSIONS

        control, promised = _control(parts)
        policy = _policy(await _container(control, container, promised), container)
        left = EXTENSIONS - policy.extended
        if not policy.locked:
            raise Refused(
                f"the policy of {container} is not locked: increasing it protects from nobody",
                hint=f"holdfast vault lock {container}",
            )
        if days <= policy.days:
            raise Refused(f"{container} keeps blobs {policy.days} days; a locked policy can only grow")
        if left <= 0:
            raise Refused(
                f"the policy of {container} has been increased {policy.extended} times, which is all there is",
                hint="new backups can go into a container of another retention class",
            )
        if left == 1 and not last:
            raise Refused(
                f"this would be the last increase of {container} that there is", hint="say so with --last"
            )
        screen.note(f"Increasing {container} from {policy.days} to {days} days can't be undone by anybody:")
        screen.note("  what is in it can't be erased for longer, whoever asks for it;")
        screen.note(f"  it is increase {policy.extended + 1} of {EXTENSIONS}.")
        confirmed(container, confirm, "the container's name")
        done = await control.extend(container, days, policy.etag)
        return _changed(container, done, f"keeps blobs {done.days} days")

    return with_parts(ctx, as_json, work)


def _control(parts: Parts) -> tuple[VaultControl, dict[str, int]]:
    place = _place(parts)
    if place.control is None:
        setting = "HOLDFAST_VAULT_RESOURCE_ID" if parts.operator is not None else "HOLDFAST_COPY_RESOURCE_ID"
        raise Unusable(
            "nobody said which storage account the vault is",
            hint=f"set {setting} to the account's resource id; an emulator has no lock state",
        )
    return place.control, place.settings.promised_days


def _place(parts: Parts) -> Operator | CopyParts:
    """The account that these settings read: with those of the copy role, the second one."""
    if parts.operator is None and parts.copy is not None:
        return parts.copy
    return parts.deployment("the lock state of the vault")


async def _container(control: VaultControl, name: str, promised: dict[str, int]) -> ContainerState:
    if name not in promised:
        raise Unusable(f"{name} is none of Holdfast's containers", hint=", ".join(promised))
    try:
        return await control.container(name)
    except BlobMissing:
        raise Refused(f"there is no container {name}", hint="deploy it first") from None


def _policy(state: ContainerState, name: str) -> RetentionPolicy:
    if state.policy is None:
        raise Refused(f"{name} has no retention policy", hint="the deployment makes it, unlocked")
    return state.policy


def _changed(container: str, policy: RetentionPolicy, what: str) -> Answer:
    from shared.cli.render import facts, line

    document = {"container": container, **_policy_document(policy)}
    view = (line(f"{container} {what}."), facts(_policy_facts(policy)))
    return Answer(document, view)


def _policy_facts(policy: RetentionPolicy) -> list[tuple[str, str]]:
    from shared.domain.vault import EXTENSIONS

    return [
        ("Days", f"{policy.days}"),
        ("Locked", "yes" if policy.locked else "no"),
        ("Increases", f"{policy.extended} of {EXTENSIONS} used"),
    ]


def _policy_document(policy: RetentionPolicy) -> dict[str, Any]:
    return {"days": policy.days, "locked": policy.locked, "extended": policy.extended, "appends": policy.appends}


async def _row(
    control: VaultControl, account: AccountState, name: str, days: int, residency: Residency
) -> dict[str, Any]:
    from shared.engines.protection import Shortfall, shortfalls

    try:
        state = await control.container(name)
    except BlobMissing:
        missing = (Shortfall("there is no such container", breaks=True),)
        return _row_document(name, days, None, missing)
    return _row_document(name, days, state, shortfalls(state, account, days, residency))


async def _hold_row(control: VaultControl, holds: Holds, now: datetime) -> dict[str, Any]:
    """The hold container, which promises no days: what is in it stays while it has a tag."""
    from shared.engines.holds import hold_shortfalls
    from shared.engines.protection import Shortfall

    name = holds.store.container
    try:
        state = await control.container(name)
        found = hold_shortfalls(state, await holds.all(), now)
    except BlobMissing:
        return _row_document(name, None, None, hold_shortfalls(None, (), now))
    except StorageDenied as denied:
        found = (Shortfall(f"its tags or records can't be read: {denied.what}", breaks=False),)
        return _row_document(name, None, None, found)
    return _row_document(name, None, state, found)


def _row_document(
    name: str, days: int | None, state: ContainerState | None, found: tuple[Shortfall, ...]
) -> dict[str, Any]:
    policy = state.policy if state is not None else None
    return {
        "container": name,
        "promisedDays": days,
        "protected": not any(one.breaks for one in found),
        "policy": _policy_document(policy) if policy is not None else None,
        "holds": [{"tag": one.tag, "since": one.since} for one in (state.holds if state is not None else ())],
        "shortfalls": [{"what": one.what, "breaks": one.breaks} for one in found],
    }


def _status_answer(rows: list[dict[str, Any]], account: AccountState, residency: Residency) -> Answer:
    from shared.cli.render import facts, line, table
    from shared.domain.vault import EXTENSIONS

    document = {
        "protected": all(row["protected"] for row in rows),
        "residency": residency,
        "primaryLocation": account.primary,
        "secondaryLocation": account.secondary,
        "containers": rows,
    }
    shown = []
    for row in rows:
        policy = row["policy"] or {}
        shown.append(
            (
                row["container"],
                f"{row['promisedDays']}" if row["promisedDays"] is not None else "while held",
                f"{policy['days']}" if policy else "none",
                "yes" if policy.get("locked") else "NO" if row["promisedDays"] is not None else "",
                f"{policy['extended']} of {EXTENSIONS}" if policy else "",
                ", ".join(one["tag"] for one in row["holds"]),
            )
        )
    view = [
        table(
            ("Container", "Promised", "Policy", "Locked", "Increases", "Holds"),
            shown,
            numbers=("Promised", "Policy"),
        )
    ]
    told: dict[str, list[str]] = {}
    for row in rows:
        for one in row["shortfalls"]:
            told.setdefault(("! " if one["breaks"] else "  ") + one["what"], []).append(row["container"])
    if told:
        view.append(
            table(
                ("What", "Where"),
                [(what, ", ".join(where)) for what, where in told.items()],
                title="Not as it should be",
            )
        )
    places = [("Primary location", account.primary), ("Secondary location", account.secondary or "none")]
    view.append(facts([("Promised to be in", residency.place), *places]))
    view.append(
        line("Every container protects what is in it.")
        if document["protected"]
        else line(
            "NOT protected: blobs can be changed or removed before their time (lines with !)", style="bold red"
        )
    )
    return Answer(document, tuple(view), 0 if document["protected"] else 3)
