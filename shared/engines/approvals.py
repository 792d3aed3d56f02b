"""Approvals: who said yes or no to a plan, and whether that is enough for a wave.

An approval counts only if every rule holds when it is looked at: signed (ES256, typ approval) by a key of the
approvers' document, whose own SHA-256 is a setting; for this tenant, plan and digest; for this wave; not
expired; its nonce used by itself alone; acknowledging what the wave asks for; not by the one who asked for the
plan. `needed` different keys make a
quorum; a key counts once however often it signs. One valid rejection stops the plan. An override that has waited
long enough, and that no approver withdrew, makes up for keys that are missing (`overrides.py`).

Grants of power over the tenant are counted one by one in the same way: as many of the keys that count have to have
named one when its wave starts (one of them, where an override holds), or it is not done. Approvals that don't name
it let the rest of the wave run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain.errors import BlobMissing, IntegrityError, Refused, Unusable
from shared.domain.plan import Approval, Approvers, Decision
from shared.domain.ports import BlobStore, Clock, Signer
from shared.domain.wire import Wire
from shared.engines import jws
from shared.engines.create import create_once, create_or_adopt
from shared.engines.evidence import (
    Evidence,
    StoredPlan,
    WaveStart,
    approval_blob,
    approvers_blob,
    nonce_blob,
    plan_folder,
    sha256,
    wave_blob,
)
from shared.engines.jws import Purpose
from shared.engines.overrides import Override, check_override, find_opening, record_opening
from shared.engines.wire import decode, encode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_MAX_TOKEN = 32 * 1024  # what a queue message holds besides: some two thousand keys of grants


@dataclass(frozen=True, slots=True)
class NonceUse(Wire):
    """Who used a nonce up, and for what."""

    plan: str
    key_id: str
    payload_sha256: str


@dataclass(frozen=True, slots=True)
class Signed:
    """An approval with a good signature of an approver's key; its other rules are still to be checked."""

    approval: Approval
    key_id: str
    person: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Quorum:
    """What the recorded approvals say of one wave. `ignored` tells, per token, the rule that it broke."""

    wave: int
    needed: int
    key_ids: tuple[str, ...]
    tokens: tuple[str, ...]  # SHA-256 of the tokens that count
    rejected_by: tuple[str, ...]  # key ids
    ignored: tuple[str, ...]
    override: Override | None = None  # the one that holds first
    holds: bool = False  # whether it does now
    withdrawn_by: tuple[str, ...] = ()  # key ids
    tier_zero: tuple[str, ...] = ()  # keys of the grants that enough approvers named

    @property
    def reached(self) -> bool:
        return (len(self.key_ids) >= self.needed or self.holds) and not self.rejected_by

    @property
    def by_override(self) -> str:
        """Nonce of the override without which the quorum would not be reached."""
        return self.override.nonce if self.override is not None and len(self.key_ids) < self.needed else ""

    def why(self) -> str:
        if self.rejected_by:
            return f"rejected by {', '.join(self.rejected_by)}"
        text = f"wave {self.wave} has {len(self.key_ids)} of {self.needed} approvals"
        if self.withdrawn_by:
            text += f"; overrides were withdrawn by {', '.join(self.withdrawn_by)}"
        elif self.override is not None:
            when = f"{self.override.holds_from:%Y-%m-%d %H:%M} UTC"
            text += f"; an override by {self.override.key_id} holds from {when}, unless an approver withdraws it"
        return f"{text}; not counted: {'; '.join(self.ignored)}" if self.ignored else text


@dataclass(frozen=True, slots=True)
class ApproverKeys:
    """The approvers' document, read and checked."""

    needed: int
    keys: dict[str, EllipticCurvePublicKey]
    persons: dict[str, str]


def read_approvers(data: bytes) -> ApproverKeys:
    """Raises `Unusable` for a document that can't mean what it says: no quorum possible, one key twice."""
    document = decode(Approvers, data)
    keys: dict[str, EllipticCurvePublicKey] = {}
    for approver in document.approvers:
        key = jws.from_jwk(approver.jwk)
        if jws.thumbprint(key) != approver.key_id:
            raise Unusable("the approvers' document names a key by an id that is not its thumbprint")
        if approver.key_id in keys:
            raise Unusable("the approvers' document holds a key twice")
        keys[approver.key_id] = key
    if not 1 <= document.needed <= len(keys):
        raise Unusable("the approvers' document asks for a quorum that its keys can't make")
    return ApproverKeys(document.needed, keys, {one.key_id: one.person for one in document.approvers})


async def store_approvers(store: BlobStore, tenant: str, document: Approvers) -> str:
    """Stores the document and returns its SHA-256, for the setting of both apps."""
    data = encode(document)
    read_approvers(data)
    digest = sha256(data)
    await create_once(store, approvers_blob(tenant, digest), data)
    return digest


def _unacknowledged(approval: Approval, stored: StoredPlan) -> str:
    """What an approval leaves unsaid that its waves ask for, "" if nothing."""
    if not approval.decision.allows:
        return ""
    asks = {name for wave in stored.plan.waves if wave.number in approval.waves for name in wave.asks}
    silent = sorted(asks - set(approval.acknowledged))
    return f"the approval doesn't acknowledge {', '.join(silent)}" if silent else ""


class ApprovalDesk:
    """Records approvals and counts them. `approvers_sha256` is the setting that names the document, `wait` the one
    after how many seconds an override holds (0: never). `recorder` writes down when one was handed in; None for who
    only counts."""

    def __init__(
        self,
        evidence: Evidence,
        clock: Clock,
        approvers_sha256: str,
        wait: float = 0.0,
        recorder: Signer | None = None,
    ) -> None:
        self._evidence = evidence
        self._clock = clock
        self._sha256 = approvers_sha256
        self._wait = wait
        self._recorder = recorder
        self._approvers: ApproverKeys | None = None

    async def approvers(self) -> ApproverKeys:
        if self._approvers is None:
            if not self._sha256:
                raise Refused("no approvers are set", hint="set HOLDFAST_APPROVERS_SHA256")
            try:
                data = await self._evidence.store.get(approvers_blob(self._evidence.tenant, self._sha256))
            except BlobMissing:
                raise Refused("the approvers' document that the settings name is not in the vault") from None
            if sha256(data) != self._sha256:
                raise Refused("the approvers' document is not the one that the settings name: its digest differs")
            self._approvers = read_approvers(data)
        return self._approvers

    async def open(self, token: bytes) -> Signed:
        """Raises `Refused` for a signature that isn't an approver's, `Unusable` for a payload that is none."""
        if len(token) > _MAX_TOKEN:
            raise Unusable("the approval is too long", hint="name fewer tier-0 grants, and the rest in another one")
        known = await self.approvers()
        try:
            payload, key_id = jws.verify_signed(token, Purpose.APPROVAL, known.keys)
        except Refused as error:
            raise Refused(f"the approval's signature is not valid: {error.what}") from None
        return Signed(decode(Approval, payload), key_id, known.persons[key_id], payload)

    async def record(self, token: bytes) -> Signed:
        """Checks an approval and keeps it. The same one again changes nothing. Raises `Refused` naming the
        rule, `Unusable`."""
        signed = await self.open(token)
        approval = signed.approval
        name = nonce_blob(self._evidence.tenant, approval.nonce)
        if approval.tenant != self._evidence.tenant:
            raise Refused("the approval is for another tenant")
        try:
            stored = await self._evidence.load_plan(approval.plan)
        except BlobMissing:
            raise Refused("the approval is for a plan that is not there") from None
        if broken := self._broken_rule(signed, stored) or _unacknowledged(approval, stored):
            raise Refused(broken)
        opening = await self._opening(signed, stored)
        use = encode(NonceUse(approval.plan, signed.key_id, sha256(signed.payload)))
        if await create_or_adopt(self._evidence.store, name, use) != use:
            raise Refused("the approval's nonce was used before")
        target = approval_blob(self._evidence.tenant, approval.plan, approval.nonce)
        held = await create_or_adopt(self._evidence.store, target, token)
        if held != token and (await self.open(held)).payload != signed.payload:
            raise Refused("another approval is kept under this nonce")
        if opening is not None:
            await record_opening(
                self._evidence, approval, signed.key_id, signed.payload, self._clock.now(), opening
            )
        return signed

    async def _opening(self, signed: Signed, stored: StoredPlan) -> Signer | None:
        """Who writes down that an override was handed in; None for any other decision. Raises `Refused` for one
        that could never count. One that is on record is let pass, so that a repeated message ends as the first."""
        approval = signed.approval
        if approval.decision is not Decision.OVERRIDE:
            return None
        if self._recorder is None:
            raise Refused("only who records approvals can open an override")
        if await find_opening(self._evidence, approval, signed.key_id, signed.payload) is None:
            held = (
                (await self.quorum(stored, stored.plan.waves[0].number)).withdrawn_by if stored.plan.waves else ()
            )
            check_override(approval, self._clock.now(), self._wait, bool(held))
        return self._recorder

    def _broken_rule(self, signed: Signed, stored: StoredPlan) -> str:
        """The rule that an approval breaks at this moment, "" if none."""
        approval = signed.approval
        if approval.tenant != stored.plan.tenant:
            return "the approval is for another tenant"
        if approval.plan != stored.plan.id:
            return "the approval is for another plan"
        if approval.digest != stored.digest:
            return "the approval's digest is not the plan's"
        if signed.key_id == stored.commit.requested_by and approval.decision is not Decision.WITHDRAW:
            return "the approval is by the key that asked for the plan"
        if approval.decision.allows:
            # A rejection stays one: only a yes can go stale.
            if approval.expires_at <= self._clock.now():
                return "the approval has expired"
            if not set(approval.waves) <= {wave.number for wave in stored.plan.waves}:
                return "the approval is for waves that the plan doesn't have"
            if not set(approval.tier_zero) <= {grant.key for grant in stored.plan.tier_zero}:
                return "the approval names tier-0 grants that the plan doesn't have"
        return ""

    async def quorum(self, stored: StoredPlan, wave: int) -> Quorum:
        """Counts the recorded approvals for a wave, every rule checked anew."""
        known = await self.approvers()
        asks = {name for one in stored.plan.waves if one.number == wave for name in one.asks}
        tenant = self._evidence.tenant
        folder = f"{plan_folder(tenant, stored.plan.id)}approvals/"
        counted: dict[str, str] = {}
        named: dict[str, set[str]] = {}  # key of a grant → approvers who named it
        rejected: set[str] = set()
        withdrawn: set[str] = set()
        overrides: list[Override] = []
        ignored: list[str] = []
        async for stat in self._evidence.store.list(folder):
            label = stat.name.removeprefix(folder)
            token = await self._evidence.store.get(stat.name)
            try:
                signed = await self.open(token)
                broken = self._broken_rule(signed, stored) or await self._nonce_rule(signed, stat.name)
            except (Refused, Unusable) as error:
                # Anybody who may add blobs can put noise here; noise neither approves nor stops a plan.
                broken = error.what
            if broken:
                ignored.append(f"{label}: {broken}")
            elif signed.approval.decision is Decision.REJECT:
                rejected.add(signed.key_id)
            elif signed.approval.decision is Decision.WITHDRAW:
                withdrawn.add(signed.key_id)
            elif wave in signed.approval.waves and (silent := asks - set(signed.approval.acknowledged)):
                ignored.append(f"{label}: it doesn't acknowledge {', '.join(sorted(silent))}")
            elif wave in signed.approval.waves:
                counted.setdefault(signed.key_id, sha256(token))
                for grant in signed.approval.tier_zero:
                    named.setdefault(grant, set()).add(signed.key_id)
                if signed.approval.decision is Decision.OVERRIDE:
                    try:
                        overrides += await self._handed_in(signed)
                    except (Refused, IntegrityError) as error:
                        ignored.append(f"{label}: {error.what}")
        key_ids = tuple(sorted(counted))
        first = min(overrides, key=lambda one: (one.holds_from, one.nonce), default=None)
        holds = first is not None and not withdrawn and first.holds(self._clock.now())
        return Quorum(
            wave,
            known.needed,
            key_ids,
            tuple(counted[key_id] for key_id in key_ids),
            tuple(sorted(rejected)),
            tuple(ignored),
            first,
            holds,
            tuple(sorted(withdrawn)),
            tuple(sorted(grant for grant, who in named.items() if holds or len(who) >= known.needed)),
        )

    async def _handed_in(self, signed: Signed) -> tuple[Override, ...]:
        """The override with the time from which it holds; none where there are none, or nothing is on record."""
        opened = await find_opening(self._evidence, signed.approval, signed.key_id, signed.payload)
        if opened is None or not self._wait:
            return ()
        holds_from = opened.at + timedelta(seconds=self._wait)
        return (Override(opened.nonce, signed.key_id, opened.at, holds_from),)

    async def wave_started(self, stored: StoredPlan, wave: int) -> bool:
        """Whether the executor has let this wave start. Raises `IntegrityError` for a record that isn't its."""
        return await self._wave_start(stored, wave) is not None

    async def not_named(self, stored: StoredPlan, wave: int) -> frozenset[str]:
        """Operations of a wave that has started which too few approvers had named by then. Raises `Refused` for a
        wave that hasn't."""
        start = await self._wave_start(stored, wave)
        if start is None:
            raise Refused(f"wave {wave} has not started")
        granted = frozenset(start.tier_zero)
        return frozenset(grant.operation for grant in stored.plan.tier_zero if grant.key not in granted)

    async def _wave_start(self, stored: StoredPlan, wave: int) -> WaveStart | None:
        name = wave_blob(self._evidence.tenant, stored.plan.id, wave)
        start = await self._evidence.find_signed(WaveStart, name, Purpose.EXECUTION)
        if start is not None and (start.plan, start.digest, start.wave) != (stored.plan.id, stored.digest, wave):
            raise Refused(f"the start of wave {wave} was recorded for another plan")
        return start

    async def closed(self, stored: StoredPlan, wave: int) -> str:
        """Why a wave may not run, "" if it may. Started once, it runs to its end: an approval that expires
        meanwhile, or an approver who leaves, doesn't stop it half-way (cancelling does)."""
        if await self.wave_started(stored, wave):
            return ""
        quorum = await self.quorum(stored, wave)
        return "" if quorum.reached else quorum.why()

    async def start_wave(self, stored: StoredPlan, wave: int, signer: Signer) -> str:
        """Like `closed`, and records under the execution key that the wave starts, by these approvals."""
        if await self.wave_started(stored, wave):
            return ""
        quorum = await self.quorum(stored, wave)
        if not quorum.reached:
            return quorum.why()
        start = WaveStart(
            stored.plan.id,
            stored.digest,
            wave,
            self._clock.now(),
            quorum.tokens,
            quorum.key_ids,
            tier_zero=quorum.tier_zero,
            override=quorum.by_override,
        )
        name = wave_blob(self._evidence.tenant, stored.plan.id, wave)
        await self._evidence.write_signed(name, Purpose.EXECUTION, signer, start)
        if not await self.wave_started(stored, wave):
            raise Refused(f"the start of wave {wave} was stored and is not there")
        return ""

    async def _nonce_rule(self, signed: Signed, name: str) -> str:
        approval = signed.approval
        if name != approval_blob(self._evidence.tenant, approval.plan, approval.nonce):
            return "the approval lies under another nonce"
        held = await self._evidence.find(nonce_blob(self._evidence.tenant, approval.nonce))
        if held != encode(NonceUse(approval.plan, signed.key_id, sha256(signed.payload))):
            return "the approval's nonce was not used by this approval"
        return ""
