"""Switching off what keeps the break-glass accounts out, and nothing else.

For the night in which conditional access locks everybody out: which policies do is the guard's question, asked of
the policies as they are and of the accounts, groups and roles as the last snapshot holds them. What is switched off
is exactly what was shown. Only the member that says whether a policy acts is written, each time only while it is
still as it was shown, and what was there before is in a record that exists before the first write.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from shared.catalog.registry import Catalog
from shared.catalog.spec import Enabling, ObjectType
from shared.domain.errors import AnswerLost, HoldfastError, Refused, Unusable
from shared.domain.objects import JsonObject
from shared.domain.ports import Clock, Directory, GraphRequest
from shared.domain.wire import Wire
from shared.engines.answers import error_of
from shared.engines.lockout.conditions import OFF
from shared.engines.lockout.facts import Facts
from shared.engines.lockout.verdict import Finding, against
from shared.engines.lockout.viewed import POLICIES
from shared.engines.targets import Targets, object_path
from shared.engines.wire import decode

RECORD_FORMAT: Final = 1
_TRIES: Final = 3  # writes of the same value, where the answer was lost
_LOOKS: Final = 12  # at most, until a write shows
_PAUSE: Final = 5.0  # seconds between them


@dataclass(frozen=True, slots=True)
class Blocking:
    """A policy that acts, and what the guard holds against it: account and finding."""

    policy: JsonObject
    findings: tuple[tuple[str, Finding], ...]

    @property
    def id(self) -> str:
        return str(self.policy.get("id"))

    @property
    def name(self) -> str:
        return str(self.policy.get("displayName"))

    def switched(self, catalog: Catalog, wanted: str) -> Switched:
        """As the record holds it."""
        before = str(self.policy.get(_enabling(catalog).property))
        return Switched(self.id, self.name, before, wanted, dict(self.policy))


@dataclass(frozen=True, slots=True)
class Switched(Wire):
    """One policy in the record: its state before, the one that was asked for, and the whole of it as it was."""

    id: str
    name: str
    before: str
    wanted: str
    policy: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UnlockRecord(Wire):
    """What a laptop keeps of one unlocking."""

    format: int
    tenant: str
    at: datetime
    accounts: tuple[str, ...]
    policies: tuple[Switched, ...]


def read_record(catalog: Catalog, data: bytes, tenant: str) -> UnlockRecord:
    """Raises `Unusable` for what is none, `Refused` for one of another tenant. A record is a file that anybody may
    have changed: it can only put on again what this command puts off."""
    enabling = _enabling(catalog)
    record = decode(UnlockRecord, data)
    if record.format != RECORD_FORMAT:
        raise Unusable(f"the record has another format than {RECORD_FORMAT}")
    if record.tenant != tenant:
        raise Refused("the record is of another tenant", saved="nothing was changed")
    if any(one.before not in enabling.acting or one.wanted not in OFF for one in record.policies):
        raise Unusable("the record says something else than that policies were on and are off")
    return record


def blocking(catalog: Catalog, facts: Facts, policies: Iterable[JsonObject]) -> list[Blocking]:
    """The acting policies that at least one account can't be proved to meet, by id. What the guard says of the
    state around them (a disabled account, no administrator) no policy mends: it is left out here."""
    enabling = _enabling(catalog)
    found = []
    for policy in policies:
        if policy.get(enabling.property) not in enabling.acting:
            continue
        about = tuple((account, one) for account, one in against(policy, facts) if one.policy_id)
        if about:
            found.append(Blocking(policy, about))
    return sorted(found, key=lambda one: one.id)


def by_groups_alone(catalog: Catalog, facts: Facts, policies: Sequence[JsonObject]) -> list[Blocking]:
    """Those that leave the accounts alone only as long as groups are as the snapshot holds them."""
    known = {one.id for one in blocking(catalog, facts, policies)}
    return [one for one in blocking(catalog, without_groups(facts), policies) if one.id not in known]


def without_groups(facts: Facts) -> Facts:
    """As if no group excluded anybody: who came in may have emptied them."""
    return replace(facts, groups=None)


def chosen(found: Sequence[Blocking], ids: Iterable[str]) -> list[Blocking]:
    """Those of these ids; without ids all. Raises `Unusable` for an id that isn't among them."""
    wanted = tuple(ids)
    if missing := sorted(set(wanted) - {one.id for one in found}):
        raise Unusable(
            f"not among the policies that keep an account out: {', '.join(missing)}",
            hint="this command switches off those alone",
        )
    return [one for one in found if not wanted or one.id in wanted]


def put_back(
    catalog: Catalog, facts: Facts, policies: Sequence[JsonObject], record: UnlockRecord
) -> dict[str, str]:
    """Why a policy of the record has to stay off, by its id: with its state as before it would still keep an
    account out. Empty: all may go back."""
    enabling = _enabling(catalog)
    held = {one.get("id"): one for one in policies}
    stay = {}
    for one in record.policies:
        policy = held.get(one.id)
        if policy is None:
            stay[one.id] = "there is no such policy any more"
        elif found := blocking(catalog, facts, [{**policy, enabling.property: one.before}]):
            stay[one.id] = f"it would still keep an account out: {found[0].findings[0][1].why}"
    return stay


class End(StrEnum):
    """How one policy ended."""

    DONE = "done"
    ALREADY = "already"  # was so before it was asked for
    CHANGED = "changed"  # isn't as it was shown any more: left alone
    GONE = "gone"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Result:
    id: str
    end: End
    why: str = ""

    @property
    def good(self) -> bool:
        return self.end in (End.DONE, End.ALREADY)


@dataclass(frozen=True, slots=True)
class Unlocking:
    """Reads and switches policies as the unlock identity. `pause` waits, by the clock's seconds."""

    directory: Directory
    catalog: Catalog
    clock: Clock
    pause: Callable[[float], Awaitable[None]]

    @property
    def _spec(self) -> ObjectType:
        return self.catalog.get(POLICIES)

    async def may(self) -> None:
        """Raises `Refused` where the token can't switch policies. An opaque token is tried."""
        held = await self.directory.roles()
        lacking = [
            "|".join(group) for group in self._spec.needs_to_write if held is not None and not held & {*group}
        ]
        if lacking:
            raise Refused(
                f"the token lacks {', '.join(lacking)}",
                saved="nothing was changed",
                hint="sign in as the unlock application (docs/permissions.md, Unlock)",
            )

    async def policies(self) -> list[JsonObject]:
        """All of them, every page. Raises `GraphError` and its kinds, `GraphDown`."""
        found, _ = await Targets(self.directory, self.clock).listed(self._spec, self._spec.list_path)
        return found

    async def switch(self, policy: str, expected: str, wanted: str) -> Result:
        """Writes the one member that says whether it acts, while it says `expected`. How it failed is in the
        result, so that one policy keeps no other from being switched."""
        try:
            return await self._switched(policy, expected, wanted)
        except HoldfastError as error:
            return Result(policy, End.UNKNOWN, f"{error.what}; look, and give the command again")

    async def _switched(self, policy: str, expected: str, wanted: str) -> Result:
        for sent in range(_TRIES):
            state = await self._state(policy)
            if state is None:
                return Result(policy, End.GONE, "there is no such policy any more")
            if state == wanted:
                return Result(policy, End.DONE if sent else End.ALREADY)
            if state != expected:
                return Result(policy, End.CHANGED, f"it is {state} now, and not {expected}")
            body: JsonObject = {self._member: wanted}
            path = object_path(self._spec, policy)
            try:
                answer = await self.directory.send(
                    GraphRequest("PATCH", path, body, throttle=str(self._spec.throttle))
                )
            except AnswerLost:
                await self.pause(_PAUSE)
                continue
            if not answer.ok:
                code, message = error_of(answer.body)
                return Result(policy, End.REFUSED, f"{answer.status} {code}: {message}"[:300])
            return await self._shown(policy, wanted)
        return Result(policy, End.UNKNOWN, "no clear answer came back; look, and give the command again")

    async def _shown(self, policy: str, wanted: str) -> Result:
        for _ in range(_LOOKS):
            if await self._state(policy) == wanted:
                return Result(policy, End.DONE)
            await self.pause(_PAUSE)
        return Result(policy, End.UNKNOWN, "it was accepted and doesn't show yet; look again in a minute")

    async def _state(self, policy: str) -> str | None:
        """By the list, which is how the catalog reads policies back; None where there is none."""
        held = next((one for one in await self.policies() if one.get("id") == policy), None)
        return None if held is None else str(held.get(self._member))

    @property
    def _member(self) -> str:
        return _enabling(self.catalog).property


def _enabling(catalog: Catalog) -> Enabling:
    enabling = catalog.get(POLICIES).enabling
    assert enabling is not None
    return enabling
