"""Time-locked overrides: fewer approvers than a plan needs, after a wait in which any approver can end it.

An override is an approval with another decision, signed like every approval. It is a yes at once, and stands for
the approvers who can't be reached only when `wait` has passed since it was handed in. When that was is not the
signer's to say: who records approvals writes it down under the evidence key, and the executor, by its own clock and
its own setting, waits from then on. Any approver may withdraw: then no override lets this plan run, whenever it is
opened. A rejection stops the plan as ever.

    v1/{tenant}/plans/{plan}/overrides/{nonce}.jws       when an override was handed in
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import Refused
from shared.domain.plan import Approval, Decision
from shared.domain.ports import Signer
from shared.domain.wire import Wire
from shared.engines.evidence import Evidence, approval_blob, plan_folder, sha256
from shared.engines.jws import Purpose


@dataclass(frozen=True, slots=True)
class OverrideOpened(Wire):
    """The recorder's word for one override: which, and since when."""

    tenant: str
    plan: str
    digest: str
    nonce: str
    key_id: str
    payload_sha256: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Override:
    """One that was handed in and not withdrawn. It counts from `holds_from` on."""

    nonce: str
    key_id: str
    opened_at: datetime
    holds_from: datetime

    def holds(self, now: datetime) -> bool:
        return self.holds_from <= now


def override_blob(tenant: str, plan: str, nonce: str) -> str:
    name = approval_blob(tenant, plan, nonce).rpartition("/")[2]  # nonces are checked there
    return f"{plan_folder(tenant, plan)}overrides/{name}"


def check_override(approval: Approval, now: datetime, wait: float, withdrawn: bool) -> None:
    """Raises `Refused` for one that could never count. `wait` in seconds, 0: there are no overrides."""
    if approval.decision is not Decision.OVERRIDE:
        return
    if not wait:
        raise Refused("overrides are switched off", hint="HOLDFAST_OVERRIDE_HOURS says after how long they hold")
    if approval.expires_at <= now + timedelta(seconds=wait):
        raise Refused("the override would expire before it holds", hint="sign it with a later --expires")
    if withdrawn:
        raise Refused(
            "an approver withdrew the overrides of this plan", hint="it takes every approver, or a new plan"
        )


async def record_opening(
    evidence: Evidence, approval: Approval, key_id: str, payload: bytes, at: datetime, signer: Signer
) -> OverrideOpened:
    """Writes down that it was handed in; the first time counts, however often the message comes."""
    opened = OverrideOpened(
        evidence.tenant, approval.plan, approval.digest, approval.nonce, key_id, sha256(payload), at
    )
    name = override_blob(evidence.tenant, approval.plan, approval.nonce)
    await evidence.write_signed(name, Purpose.EVIDENCE, signer, opened)
    return await find_opening(evidence, approval, key_id, payload) or opened


async def find_opening(
    evidence: Evidence, approval: Approval, key_id: str, payload: bytes
) -> OverrideOpened | None:
    """None where nothing is on record. Raises `IntegrityError` for a record that isn't the recorder's, `Refused`
    for one of another approval."""
    name = override_blob(evidence.tenant, approval.plan, approval.nonce)
    opened = await evidence.find_signed(OverrideOpened, name, Purpose.EVIDENCE)
    if opened is None:
        return None
    of = (approval.tenant, approval.plan, approval.digest, approval.nonce, key_id, sha256(payload))
    if (opened.tenant, opened.plan, opened.digest, opened.nonce, opened.key_id, opened.payload_sha256) != of:
        raise Refused("when the override was handed in is on record for another approval")
    return opened
