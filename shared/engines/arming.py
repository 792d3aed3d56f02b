"""Switching the restore app on for a restore, and off again.

Between restores the app is stopped and its service principal disabled: whoever finds a way into the app gets no
token, and whoever enables the service principal has nothing that runs. Arming does both, in that order, so that the
first token that the app asks for is a good one, and then has the app itself say what its token permits. Disarming
goes the other way.

What must stay true: every step looks first and may be repeated; what was done before a failure stays, and the next
call goes on from there. Nothing is believed to have happened because it was asked for. What the app says is a
record in the evidence, signed by the execution key:

    v1/{tenant}/armed/{nonce}.jws       what the restore app's token permitted when it was asked
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.catalog.registry import Catalog
from shared.domain.errors import AnswerLost, GraphError, HoldfastError, NotYet, Refused, StorageDown, Unusable
from shared.domain.ports import AppSwitch, Clock, Directory, GraphRequest, GraphResponse, Ids, Signer, WorkQueue
from shared.domain.wire import Wire
from shared.engines.answers import error_of
from shared.engines.evidence import Evidence
from shared.engines.jws import Purpose
from shared.engines.paths import tenant_folder
from shared.engines.wire import decode, encode, parse

# Application id of Microsoft Graph, the same in every tenant. Source: Microsoft Graph permissions reference.
_GRAPH_APP: Final = "00000003-0000-0000-c000-000000000000"
_VERSION: Final = 1
_KIND: Final = "standing"
_PAUSE: Final = 5.0  # seconds between two looks
_AGAIN: Final = 60.0  # seconds after which the app is asked once more
_LOOKS: Final = 2  # in a row that have to agree: replicas lag


# --- what the app is asked, and says ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StandingMessage(Wire):
    """Queue `restore-steps`: say what your token permits."""

    v: int
    kind: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Standing(Wire):
    """The restore app's word. `roles` is None where it has no token, or one that doesn't tell: `why` says which."""

    tenant: str
    nonce: str
    at: datetime
    roles: tuple[str, ...] | None
    why: str = ""


def standing_message(nonce: str) -> str:
    return encode(StandingMessage(_VERSION, _KIND, nonce)).decode()


def read_standing(body: bytes) -> StandingMessage | None:
    """None for a message of any other kind. Raises `Unusable`."""
    tree = parse(body)
    if not isinstance(tree, dict) or tree.get("kind") != _KIND:
        return None
    message = decode(StandingMessage, body)
    if message.v != _VERSION:
        raise Unusable(f"the message has another version than {_VERSION}")
    return message


def standing_blob(tenant: str, nonce: str) -> str:
    if not (8 <= len(nonce) <= 64 and nonce.isascii() and nonce.isalnum()):
        raise Unusable("not a nonce")
    return f"{tenant_folder(tenant)}armed/{nonce}.jws"


async def tell_standing(
    message: StandingMessage, directory: Directory, evidence: Evidence, signer: Signer, clock: Clock
) -> Standing:
    """On the app's side: a record of what the token permits now. A nonce that was answered keeps its answer."""
    name = standing_blob(evidence.tenant, message.nonce)
    if (held := await evidence.find_signed(Standing, name, Purpose.EXECUTION)) is not None:
        return held
    roles, why = None, "the token doesn't say what it permits"
    try:
        roles = await directory.roles()
    except HoldfastError as error:  # that there is no token is what was asked for
        why = error.what
    told = None if roles is None else tuple(sorted(roles))
    made = Standing(evidence.tenant, message.nonce, clock.now(), told, "" if told is not None else why)
    await evidence.write_signed(name, Purpose.EXECUTION, signer, made)
    return made


# --- the person's side --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """One step: what was found or done. `finding` "": it is as it should be."""

    step: str
    text: str
    changed: bool = False
    finding: str = ""


@dataclass(frozen=True, slots=True)
class _Principal:
    id: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Arming:
    """`directory`: the protected tenant, as the person who arms. `app`: client id of the restore app's
    registration. `patience`: seconds for each step. `pause` waits, by the clock's seconds."""

    directory: Directory
    switch: AppSwitch
    evidence: Evidence
    steps: WorkQueue
    catalog: Catalog
    clock: Clock
    ids: Ids
    app: str
    pause: Callable[[float], Awaitable[None]]
    patience: float = 900.0

    async def arm(self) -> AsyncIterator[Told]:
        """Raises what the ports raise, `Refused` where there is nothing to arm, `NotYet` beyond patience."""
        principal = await self._found()
        lacking = self.catalog.lacking(await self._assigned(principal), write=True)
        yield Told(
            "permissions",
            "every permission of the restore list is assigned",
            finding=f"not assigned: {', '.join(lacking)}; repeat: python -m infra.graph register"
            if lacking
            else "",
        )
        if principal.enabled:
            yield Told("service principal", "was enabled already")
        else:
            await self._set_enabled(principal.id, wanted=True)
            yield Told("service principal", "enabled", changed=True)
        yield await self._started()
        yield await self._token()

    async def disarm(self) -> AsyncIterator[Told]:
        """The app first, so that it doesn't run into refusals. Both are seen off before this ends."""
        state = await self.switch.state()
        if state.running:
            await self._until("the restore app stands", self.switch.stop, self._stands)
        yield Told("restore app", "stopped" if state.running else "was stopped already", changed=state.running)
        principal = await self._found()
        # Sent in any case: a replica that lags shows as disabled what was enabled a moment ago.
        await self._set_enabled(principal.id, wanted=False)
        yield Told(
            "service principal",
            "disabled" if principal.enabled else "was disabled already; said again, to be sure",
            changed=principal.enabled,
        )

    # the service principal

    async def _found(self) -> _Principal:
        if not self.app:
            raise Unusable(
                "nobody said which application the restore app is", hint="set HOLDFAST_RESTORE_CLIENT_ID"
            )
        found = await self._get(f"/v1.0/servicePrincipals(appId='{self.app}')?$select=id,accountEnabled")
        if found is None:
            raise Refused(
                "the protected tenant has no service principal of the restore app",
                object_id=self.app,
                saved="nothing was changed",
                hint="python -m infra.graph register makes it again; docs/runbooks/own-service-principal.md",
            )
        return _Principal(str(found["id"]), found.get("accountEnabled") is True)

    async def _assigned(self, principal: _Principal) -> Collection[str]:
        """Names of Microsoft Graph's app roles that are assigned: what the next token holds."""
        graph = await self._get(f"/v1.0/servicePrincipals(appId='{_GRAPH_APP}')?$select=id,appRoles")
        if graph is None:
            raise Refused("the protected tenant has no service principal of Microsoft Graph")
        names = {one["id"]: one["value"] for one in graph["appRoles"]}
        found: set[str] = set()
        link: str | None = f"/v1.0/servicePrincipals/{principal.id}/appRoleAssignments"
        while link is not None:
            page = await self.directory.page(GraphRequest("GET", link))
            for item in page.items:
                one: Any = parse(item)
                if one["resourceId"] == graph["id"] and one["appRoleId"] in names:
                    found.add(names[one["appRoleId"]])
            link = page.next_link
        return found

    async def _set_enabled(self, principal: str, *, wanted: bool) -> None:
        path = f"/v1.0/servicePrincipals/{principal}"

        async def write() -> None:
            answer = await self.directory.send(GraphRequest("PATCH", path, {"accountEnabled": wanted}))
            if not answer.ok:
                raise _refusal("changing the service principal", answer)

        async def look() -> bool:
            return (await self._found()).enabled is wanted

        word = "enabled" if wanted else "disabled"
        await self._until(f"the service principal shows as {word}", write, look)

    async def _get(self, path: str) -> Any:
        answer = await self.directory.send(GraphRequest("GET", path))
        if answer.status == 404:
            return None
        if not answer.ok:
            raise _refusal("reading a service principal", answer)
        return parse(answer.body)

    # the app

    async def _stands(self) -> bool:
        return not (await self.switch.state()).running

    async def _runs(self) -> bool:
        return (await self.switch.state()).running

    async def _started(self) -> Told:
        before = await self.switch.state()
        if not before.running:
            await self._until("the restore app runs", self.switch.start, self._runs)
        if not (await self.switch.state()).enabled:
            return Told(
                "restore app",
                "started",
                changed=not before.running,
                finding="it was started, but its deployment took it offline; deploy with restoreArmed=true",
            )
        return Told(
            "restore app", "was running already" if before.running else "started", changed=not before.running
        )

    async def _token(self) -> Told:
        """What the app itself says, asked again until its token permits all or patience ends."""
        end = self.clock.now().timestamp() + self.patience
        said: Standing | None = None
        while True:
            nonce = self.ids.new()
            await self.steps.send(standing_message(nonce))
            again = min(end, self.clock.now().timestamp() + _AGAIN)
            while (answer := await self._said(nonce)) is None and self.clock.now().timestamp() < again:
                await self.pause(_PAUSE)
            said = answer or said
            lacking = self._lacking(said)
            if said is not None and not lacking:
                return Told("token", f"the restore app says that its token permits {len(said.roles or ())} things")
            if self.clock.now().timestamp() >= end:
                return Told("token", "", finding=_untold(said, lacking))
            if answer is not None:
                await self.pause(_AGAIN)

    async def _said(self, nonce: str) -> Standing | None:
        name = standing_blob(self.evidence.tenant, nonce)
        return await self.evidence.find_signed(Standing, name, Purpose.EXECUTION)

    def _lacking(self, said: Standing | None) -> tuple[str, ...]:
        if said is None or said.roles is None:
            return ("everything",)
        return self.catalog.lacking(said.roles, write=True)

    async def _until(
        self, what: str, act: Callable[[], Awaitable[None]], look: Callable[[], Awaitable[bool]]
    ) -> None:
        """Acts until an answer is clear, then looks until it holds."""
        end = self.clock.now().timestamp() + self.patience
        clear, seen = False, 0
        while seen < _LOOKS:
            if not clear:
                clear = await _clear(act)
            seen = seen + 1 if await look() else 0
            if seen == _LOOKS:
                return
            if self.clock.now().timestamp() >= end:
                raise NotYet(
                    f"it doesn't show yet that {what}",
                    saved="it was asked for, and what was done before stays",
                    hint="the same command again goes on from there",
                )
            await self.pause(_PAUSE)


async def _clear(act: Callable[[], Awaitable[None]]) -> bool:
    """Whether it was carried out for certain. Each act may be done twice."""
    try:
        await act()
    except (AnswerLost, StorageDown):
        return False
    return True


def _untold(said: Standing | None, lacking: tuple[str, ...]) -> str:
    if said is None:
        return (
            "the restore app doesn't answer: see its log, and whether HOLDFAST_PUBLIC_KEYS holds its execution key"
        )
    if said.roles is None:
        return f"the restore app has no token that tells what it permits: {said.why}"
    return f"its token lacks {', '.join(lacking)}; a token lives for an hour: assign them, disarm, and arm again"


def _refusal(what: str, answer: GraphResponse) -> GraphError:
    code, _ = error_of(answer.body)
    hint = "sign in as Cloud Application Administrator or Application Administrator of the protected tenant"
    return GraphError(
        f"{what}: HTTP {answer.status}{f' {code}' if code else ''}",
        status=answer.status,
        code=code,
        request_id=answer.request_id,
        saved="what was done before stays",
        hint=hint if answer.status == 403 else "the same command again goes on from there",
    )
