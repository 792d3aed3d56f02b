"""Whether the vault is what it promises: nobody can change or remove what is in it before its days are over.

A pure judgement over what the management plane says. What is not known to hold does not hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.domain.ports import Protection
from shared.domain.regions import Residency, outside
from shared.domain.vault import AccountState, ContainerState, DeletionRule

# Lifecycle deletion acts within a day or two of the rule's time, never before the policy's end; a rule that fires
# earlier is refused by the policy again and again and shows that somebody means to shorten the retention.
_EVERY: Final = ""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Something that isn't as it has to be. `breaks`: blobs could be changed or lost before their time, so that a
    snapshot written now is unprotected; else it is a matter of hygiene or residency, told and alarmed."""

    what: str
    breaks: bool


def shortfalls(
    container: ContainerState, account: AccountState, days: int, residency: Residency = Residency.EU
) -> tuple[Shortfall, ...]:
    """What keeps a container from protecting its blobs for `days` where they may be, worst first."""
    found = (*_of_container(container, days), *_of_account(account, container.name, days, residency))
    return worst_first(found)


def protection_of(
    container: ContainerState, account: AccountState, days: int, residency: Residency = Residency.EU
) -> Protection:
    found = shortfalls(container, account, days, residency)
    broken = [one.what for one in found if one.breaks]
    return Protection(
        locked=not broken, why="; ".join(broken), concerns=tuple(one.what for one in found if not one.breaks)
    )


def _of_container(container: ContainerState, days: int) -> Iterable[Shortfall]:
    policy = container.policy
    if policy is None:
        yield Shortfall("the container has no retention policy", breaks=True)
    else:
        if not policy.locked:
            yield Shortfall("the retention policy is not locked: it can be shortened or removed", breaks=True)
        if policy.days < days:
            yield Shortfall(f"the policy keeps blobs {policy.days} days, {days} are promised", breaks=True)
        if policy.appends:
            yield Shortfall("the policy lets blobs grow: protected appends are allowed", breaks=True)
    if container.versioned:
        yield Shortfall("version-level immutability lets an uploader weaken the retention of a blob", breaks=True)


def _of_account(account: AccountState, container: str, days: int, residency: Residency) -> Iterable[Shortfall]:
    for what in outside(residency, account.primary, account.secondary):
        yield Shortfall(what, breaks=False)
    if account.shared_keys:
        # The policy binds holders of keys, too; but nobody can say who they are.
        yield Shortfall("shared keys are allowed: they bypass every role", breaks=False)
    if account.public_blobs:
        yield Shortfall("containers may be opened to the public", breaks=False)
    if account.versioning:
        yield Shortfall("versioning is on: it prolongs erasure and protects nothing here", breaks=False)
    if account.soft_delete_days or account.container_soft_delete_days:
        yield Shortfall("soft delete is on: it prolongs erasure and protects nothing here", breaks=False)
    for rule in account.deletions:
        if covers(rule, container) and rule.days < days:
            yield Shortfall(
                f"lifecycle rule {rule.name} deletes after {rule.days:g} days, {days} are promised", breaks=False
            )


def covers(rule: DeletionRule, container: str) -> bool:
    """Whether a lifecycle rule looks at a container, or at a part of it."""
    return rule.prefix == _EVERY or rule.prefix.partition("/")[0] == container


def worst_first(found: Iterable[Shortfall]) -> tuple[Shortfall, ...]:
    return tuple(sorted(found, key=lambda one: (not one.breaks, one.what)))
