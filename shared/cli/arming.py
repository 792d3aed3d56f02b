"""`holdfast restore arm|disarm`: switches the restore app on for a restore, and off again.

Each step is told as it is done, so that somebody who is stopped half-way sees how far it went; the same command
again goes on from there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.parts import Parts
from shared.cli.screen import Answer, Screen
from shared.cli.session import Json, Minutes, session_of, with_parts
from shared.domain import queues
from shared.domain.errors import HoldfastError, Unusable

if TYPE_CHECKING:
    from shared.engines.arming import Arming, Told

SignInApp = Annotated[
    str,
    typer.Option(
        "--sign-in-app",
        metavar="CLIENT-ID",
        help="Sign in to the tenant by device code, to this application; else as the Azure CLI is signed in.",
    ),
]


def register(group: typer.Typer) -> None:
    group.command("arm")(arm)
    group.command("disarm")(disarm)


def arm(ctx: typer.Context, sign_in_app: SignInApp = "", minutes: Minutes = 15.0, as_json: Json = False) -> int:
    """Switch the restore app on: enable its service principal, start it, wait for a token that permits a restore.

    Needs HOLDFAST_RESTORE_CLIENT_ID and HOLDFAST_RESTORE_APP_RESOURCE_ID, a sign-in to the protected tenant that
    may change service principals, and the right to start the app. What is on already stays; the same command again
    goes on where it was. Ends with 3 where a permission is lacking.

    Example: holdfast restore arm
    """
    return _switch(ctx, sign_in_app, minutes, as_json, lambda arming: arming.arm(), "armed")


def disarm(ctx: typer.Context, sign_in_app: SignInApp = "", minutes: Minutes = 15.0, as_json: Json = False) -> int:
    """Switch the restore app off: stop it, disable its service principal, see that both are so.

    A restore that runs stands still, and goes on after the next arming.

    Example: holdfast restore disarm
    """
    return _switch(ctx, sign_in_app, minutes, as_json, lambda arming: arming.disarm(), "disarmed")


def _switch(
    ctx: typer.Context,
    sign_in_app: str,
    minutes: float,
    as_json: bool,
    way: Callable[[Arming], AsyncIterator[Told]],
    done: str,
) -> int:
    session = session_of(ctx)

    async def work(parts: Parts, screen: Screen) -> Answer:
        from shared.engines.arming import Arming

        operator = parts.deployment("switching the restore app")
        steps = operator.queues.get(queues.RESTORE_STEPS)
        if steps is None:
            raise Unusable(
                "no account is named for the queue restore-steps, through which the app is asked",
                hint="set RestoreState__queueServiceUri",
            )
        told: list[Told] = []
        async with session.armer(sign_in_app, screen.note) as armer:
            arming = Arming(
                directory=armer.directory,
                switch=armer.switch,
                evidence=parts.evidence,
                steps=steps,
                catalog=parts.catalog,
                clock=operator.clock,
                ids=operator.ids,
                app=operator.settings.restore_client_id,
                pause=session.pause,
                patience=minutes * 60,
            )
            try:
                async for one in way(arming):
                    screen.note(f"{one.step}: {one.finding or one.text}")
                    told.append(one)
            except HoldfastError as error:
                changed = [one.step for one in told if one.changed]
                error.saved = error.saved or (f"changed so far: {', '.join(changed)}" if changed else "no change")
                raise
        return _answer(told, done)

    stopped = "stopped half-way; the same command goes on from there, holdfast restore disarm puts both back"
    return with_parts(ctx, as_json, work, stopped=stopped)


def _answer(told: list[Told], done: str) -> Answer:
    from shared.cli.render import line, table

    findings = [one for one in told if one.finding]
    document = {
        done: not findings,
        "steps": [
            {"step": one.step, "changed": one.changed, "ok": not one.finding, "told": one.finding or one.text}
            for one in told
        ],
    }
    ending = (
        f"{done}, but {len(findings)} of {len(told)} need somebody" if findings else f"The restore app is {done}."
    )
    view = (
        table(
            ("What", "", "Told"),
            [(one.step, "FINDING" if one.finding else "ok", one.finding or one.text) for one in told],
        ),
        line(ending, style="bold yellow" if findings else "bold green"),
    )
    return Answer(document, view, 3 if findings else 0)
