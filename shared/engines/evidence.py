"""The evidence container: names of its blobs, what they hold, and how they are written and checked.

    v1/{tenant}/approvers/{sha256}.json            who may approve, and how many are needed
    v1/{tenant}/nonces/{nonce}.json                 an approval's nonce is used up
    v1/{tenant}/armed/{nonce}.jws                   what the restore app's token permitted when it was armed
    v1/{tenant}/plans/{plan}/
      drafts/{digest}.jws                           the planner's word for a plan, given before the plan is stored
      plan.json  plan.jws                           the plan; the planner's word for its digest
      approvals/{nonce}.jws                         approvers' decisions as they signed them
      overrides/{nonce}.jws                         when an override was handed in
      cancel.json                                   no further step of this plan runs
      waves/{number}.jws                            a wave was allowed to start, and by which approvals
      steps/{step}/{attempt}.intent.json            claim of an attempt, and what its writes replace
      steps/{step}/{attempt}.outcome.jws            how each operation ended in that attempt
      steps/{step}/done.jws                         every operation is final and was read back
      followed/{step}.json                          the messages that a step's end leads to were sent
      report.json  report.jws                       the final verification

Everything is create-only. What is found under a name is believed only with the signature of the one whose
business it is: plans by the plan key, journals and waves by the execution key, reports by the evidence key.
A plan draft is signed before `plan.json` exists, so that after a crash a plan is adopted only if it was ours.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from shared.domain.errors import BlobMissing, IntegrityError, Refused, Unusable
from shared.domain.plan import PLAN_FORMAT, RestorePlan
from shared.domain.ports import BlobStore, Signer
from shared.domain.wire import Wire
from shared.engines import jws
from shared.engines.create import create_once, create_or_adopt
from shared.engines.jws import Purpose
from shared.engines.paths import tenant_folder
from shared.engines.wire import decode, encode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

T = TypeVar("T")

_PLAN = re.compile(r"[0-9a-z](?:[0-9a-z-]{0,62}[0-9a-z])?", re.ASCII)
_STEP = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z_-]{0,98}[0-9A-Za-z])?", re.ASCII)
_NONCE = re.compile(r"[0-9a-z](?:[0-9a-z-]{6,62}[0-9a-z])", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ATTEMPT = re.compile(r"(\d{4})\.(intent\.json|outcome\.jws)", re.ASCII)

MAX_ATTEMPT = 9999


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def plan_id(tenant: str, request_id: str) -> str:
    """The plan that a request asks for: a request that comes twice names the same plan."""
    seed = f"{tenant}\n{request_id}".encode("utf-8", "surrogatepass")
    return "p" + hashlib.sha256(seed).hexdigest()[:23]


# --- names ---------------------------------------------------------------------------------------------


def approvers_blob(tenant: str, digest: str) -> str:
    return f"{tenant_folder(tenant)}approvers/{_checked(_DIGEST, digest, 'a digest')}.json"


def nonce_blob(tenant: str, nonce: str) -> str:
    return f"{tenant_folder(tenant)}nonces/{_checked(_NONCE, nonce, 'a nonce')}.json"


def plan_folder(tenant: str, plan: str) -> str:
    return f"{tenant_folder(tenant)}plans/{_checked(_PLAN, plan, 'a plan id')}/"


def approval_blob(tenant: str, plan: str, nonce: str) -> str:
    return f"{plan_folder(tenant, plan)}approvals/{_checked(_NONCE, nonce, 'a nonce')}.jws"


def wave_blob(tenant: str, plan: str, wave: int) -> str:
    return f"{plan_folder(tenant, plan)}waves/{wave}.jws"


def step_folder(tenant: str, plan: str, step: str) -> str:
    return f"{plan_folder(tenant, plan)}steps/{_checked(_STEP, step, 'a step id')}/"


def intent_blob(tenant: str, plan: str, step: str, attempt: int) -> str:
    return f"{step_folder(tenant, plan, step)}{attempt:04}.intent.json"


def outcome_blob(tenant: str, plan: str, step: str, attempt: int) -> str:
    return f"{step_folder(tenant, plan, step)}{attempt:04}.outcome.jws"


def done_blob(tenant: str, plan: str, step: str) -> str:
    return f"{step_folder(tenant, plan, step)}done.jws"


def followed_blob(tenant: str, plan: str, step: str) -> str:
    return f"{plan_folder(tenant, plan)}followed/{_checked(_STEP, step, 'a step id')}.json"


def attempt_of(name: str) -> tuple[int, bool] | None:
    """Attempt and whether it is the intent, from the last part of a blob's name; None for other blobs."""
    match = _ATTEMPT.fullmatch(name)
    return (int(match[1]), match[2] == "intent.json") if match else None


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise Unusable(f"not {what}")
    return text


# --- values --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanCommit(Wire):
    """Payload of `plan.jws`. `requested_by`: key id of the request's signer, "" if it was not signed."""

    plan: str
    digest: str
    tenant: str
    snapshot: str
    manifest_sha256: str
    requested_by: str = ""


@dataclass(frozen=True, slots=True)
class Cancellation(Wire):
    plan: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WaveStart(Wire):
    """A wave was allowed to start; `approvals` are the SHA-256 of the tokens that allowed it. `tier_zero`: keys of
    the grants of power that enough of the approvers had named."""

    plan: str
    digest: str
    wave: int
    at: datetime
    approvals: tuple[str, ...]
    approvers: tuple[str, ...]  # key ids
    tier_zero: tuple[str, ...] = ()
    override: str = ""  # nonce of the override that stood for the approvers who are missing


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan that was checked: digest of its bytes, signature, tenant."""

    plan: RestorePlan
    digest: str
    commit: PlanCommit


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """Public keys by purpose. A key missing here can sign whatever it likes: it isn't believed."""

    plan: Mapping[str, EllipticCurvePublicKey]
    execution: Mapping[str, EllipticCurvePublicKey]
    evidence: Mapping[str, EllipticCurvePublicKey] = field(default_factory=dict)

    @classmethod
    def among(cls, keys: Mapping[Purpose, Mapping[str, EllipticCurvePublicKey]]) -> TrustedKeys:
        """Those of all that a process was given; none for a purpose it has no keys for."""
        return cls(keys.get(Purpose.PLAN, {}), keys.get(Purpose.EXECUTION, {}), keys.get(Purpose.EVIDENCE, {}))

    def of(self, purpose: Purpose) -> Mapping[str, EllipticCurvePublicKey]:
        found = {Purpose.PLAN: self.plan, Purpose.EXECUTION: self.execution, Purpose.EVIDENCE: self.evidence}
        return found[purpose]


# --- reading and writing -----------------------------------------------------------------------------------


class Evidence:
    """One tenant's part of the evidence container."""

    def __init__(self, store: BlobStore, tenant: str, keys: TrustedKeys) -> None:
        self.store = store
        self.tenant = tenant
        self.keys = keys
        self._plans: dict[str, RestorePlan] = {}  # by digest, so that a large plan is read into values once

    async def find(self, name: str) -> bytes | None:
        try:
            return await self.store.get(name)
        except BlobMissing:
            return None

    # signed blobs

    async def read_signed(self, cls: type[T], name: str, purpose: Purpose) -> tuple[T, bytes]:
        """Value and token. Raises `BlobMissing`, and `Refused` where the signature isn't one we trust."""
        token = await self.store.get(name)
        return self.open_signed(cls, name, token, purpose), token

    async def find_signed(self, cls: type[T], name: str, purpose: Purpose) -> T | None:
        token = await self.find(name)
        return None if token is None else self.open_signed(cls, name, token, purpose)

    def open_signed(self, cls: type[T], name: str, token: bytes, purpose: Purpose) -> T:
        try:
            payload = jws.verify(token, purpose, self.keys.of(purpose))
            return decode(cls, payload)
        except (Refused, Unusable) as error:
            raise IntegrityError(
                f"{name} is not what its place demands: {error.what}",
                hint="find out who wrote it; nothing is done on its word",
            ) from None

    async def write_signed(self, name: str, purpose: Purpose, signer: Signer, value: object) -> bytes:
        """Stores the signed value, or finds an earlier one. Returns the token that holds the name now; whether
        it says the same is the caller's question."""
        return await create_or_adopt(self.store, name, await jws.sign(signer, purpose, encode(value)))

    # plans

    async def store_plan(self, plan: RestorePlan, signer: Signer, requested_by: str = "") -> StoredPlan:
        """Draft signature, plan, signature. A plan of ours that is there already is adopted, and comes back."""
        folder = plan_folder(self.tenant, plan.id)
        data = encode(plan)
        commit = PlanCommit(plan.id, sha256(data), plan.tenant, plan.snapshot, plan.manifest_sha256, requested_by)
        await self.write_signed(f"{folder}drafts/{commit.digest}.jws", Purpose.PLAN, signer, commit)
        await create_or_adopt(self.store, f"{folder}plan.json", data)
        adopted = await self.adopt_plan(plan.id)
        if adopted is None:
            raise IntegrityError(f"the plan {plan.id} was stored and is not there")
        return adopted

    async def adopt_plan(self, plan: str) -> StoredPlan | None:
        """The stored plan, its signature completed where a crash left it out; None where there is no plan."""
        folder = plan_folder(self.tenant, plan)
        data = await self.find(f"{folder}plan.json")
        if data is None:
            return None
        if await self.find(f"{folder}plan.jws") is None:
            draft = await self.find(f"{folder}drafts/{sha256(data)}.jws")
            if draft is None:
                raise IntegrityError(
                    f"the plan {plan} lies there without a draft of ours",
                    hint="somebody else wrote it; ask for a plan under another request id",
                )
            self.open_signed(PlanCommit, f"{folder}drafts/", draft, Purpose.PLAN)
            await create_once(self.store, f"{folder}plan.jws", draft)
        return await self.load_plan(plan)

    async def load_plan(self, plan: str) -> StoredPlan:
        """The plan as it lies there now, checked: signature, digest, tenant, id. Raises `BlobMissing`,
        `IntegrityError`, `Refused`."""
        folder = plan_folder(self.tenant, plan)
        data = await self.store.get(f"{folder}plan.json")
        commit, _ = await self.read_signed(PlanCommit, f"{folder}plan.jws", Purpose.PLAN)
        digest = sha256(data)
        if commit.digest != digest:
            raise IntegrityError(f"the plan {plan} is not the one that was signed: its digest differs")
        if commit.plan != plan or commit.tenant != self.tenant:
            raise IntegrityError(f"the signature of the plan {plan} is for another plan or tenant")
        value = self._plans.get(digest)
        if value is None:
            value = decode(RestorePlan, data)
            if (value.id, value.tenant, value.format) != (plan, self.tenant, PLAN_FORMAT):
                raise Refused(f"the plan {plan} is of another tenant or format")
            if len(self._plans) >= 4:
                self._plans.clear()
            self._plans[digest] = value
        return StoredPlan(value, digest, commit)

    async def follow(self, plan: str, step: str) -> None:
        """Notes that what a step's end leads to was sent. Idempotent."""
        await create_or_adopt(self.store, followed_blob(self.tenant, plan, step), b"{}")

    async def followed(self, plan: str, step: str) -> bool:
        """Whatever the blob holds. A false one makes a plan stand still until it is resumed, as `cancel` does."""
        return await self.find(followed_blob(self.tenant, plan, step)) is not None

    async def cancel(self, plan: str, at: datetime) -> None:
        await create_or_adopt(
            self.store, f"{plan_folder(self.tenant, plan)}cancel.json", encode(Cancellation(plan, at))
        )

    async def cancelled(self, plan: str) -> bool:
        """Whatever the blob holds: its being there stops the plan."""
        return await self.find(f"{plan_folder(self.tenant, plan)}cancel.json") is not None
