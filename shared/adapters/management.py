"""`VaultControl` over Azure Resource Manager.

The identity needs to read containers, policies, the account, its blob service and its lifecycle rules; to lock and
extend it needs `…/containers/immutabilityPolicies/lock/action` and `extend/action`, for holds `setLegalHold/action`
and `clearLegalHold/action` (learn.microsoft.com: "Azure permissions for Storage"). No call here weakens a policy.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.azure_errors import translated
from shared.domain.errors import BlobMissing, Refused, Unusable
from shared.domain.vault import AccountState, ContainerState, DeletionRule, LegalHold, RetentionPolicy

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.mgmt.storage.aio import StorageManagementClient

ARM: Final = "https://management.azure.com"
_ID = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f-]{36})/resourceGroups/(?P<group>[-\w.()]{1,90})"
    r"/providers/Microsoft\.Storage/storageAccounts/(?P<account>[a-z0-9]{3,24})",
    re.IGNORECASE | re.ASCII,
)
_DEFAULT: Final = "default"


def account_parts(resource_id: str) -> re.Match[str]:
    """Groups `subscription`, `group` and `account`. Raises `Unusable` for any other resource."""
    found = _ID.fullmatch(resource_id)
    if found is None:
        raise Unusable(
            "that is not the resource id of a storage account",
            hint="/subscriptions/…/resourceGroups/…/providers/Microsoft.Storage/storageAccounts/…",
        )
    return found


class LoopbackToken:
    """A credential for a simulated management plane on this machine: it proves nothing."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        from azure.core.credentials import AccessToken

        return AccessToken("loopback", int(time.time()) + 3600)

    async def close(self) -> None:
        return

    async def __aenter__(self) -> LoopbackToken:
        return self

    async def __aexit__(self, *_: object) -> None:
        return


class ArmVaultControl:
    """One storage account, by its resource id."""

    def __init__(self, client: StorageManagementClient, group: str, account: str, **options: Any) -> None:
        self._client = client
        self._group = group
        self._account = account
        self._options = options

    @classmethod
    def open(cls, resource_id: str, credential: AsyncTokenCredential, url: str = ARM) -> ArmVaultControl:
        """`url` is another one for a simulated management plane on loopback only (`Settings` sees to that)."""
        from azure.mgmt.storage.aio import StorageManagementClient

        found = account_parts(resource_id)
        client = StorageManagementClient(
            credential, found["subscription"], url, credential_scopes=[f"{ARM}/.default"]
        )
        options = {} if url.startswith("https://") else {"enforce_https": False}
        return cls(client, found["group"], found["account"], **options)

    async def close(self) -> None:
        await self._client.close()

    async def account(self) -> AccountState:
        place = (self._group, self._account)
        with _told("reading the storage account"):
            account = await self._client.storage_accounts.get_properties(*place, **self._options)
        with _told("reading the blob service"):
            service = await self._client.blob_services.get_service_properties(*place, **self._options)
        of, blobs = account.properties, service.blob_service_properties
        if of is None or blobs is None:
            raise Unusable("the management plane described an account without properties")
        return AccountState(
            primary=_region(of.primary_location or account.location),
            secondary=_region(of.secondary_location),
            # Unset means allowed.
            shared_keys=of.allow_shared_key_access is not False,
            public_blobs=bool(of.allow_blob_public_access),
            versioning=bool(blobs.is_versioning_enabled),
            soft_delete_days=_days(blobs.delete_retention_policy),
            container_soft_delete_days=_days(blobs.container_delete_retention_policy),
            deletions=await self._deletions(),
        )

    async def container(self, name: str) -> ContainerState:
        with _told(f"reading the policy of {name}"):
            found = await self._client.blob_containers.get(self._group, self._account, name, **self._options)
        of = found.container_properties
        held = of.legal_hold if of is not None else None
        versions = of.immutable_storage_with_versioning if of is not None else None
        return ContainerState(
            name,
            _policy(of.immutability_policy) if of is not None and of.has_immutability_policy else None,
            tuple(LegalHold(one.tag or "", one.timestamp) for one in (held.tags if held else None) or ()),
            versioned=bool(versions and versions.enabled),
        )

    async def lock(self, name: str, etag: str) -> RetentionPolicy:
        from azure.core import MatchConditions

        with _told(f"locking the policy of {name}"):
            await self._client.blob_containers.lock_immutability_policy(
                self._group,
                self._account,
                name,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
                **self._options,
            )
        return await self._required(name)

    async def extend(self, name: str, days: int, etag: str) -> RetentionPolicy:
        from azure.core import MatchConditions
        from azure.mgmt.storage.models import ImmutabilityPolicy, ImmutabilityPolicyProperty

        wanted = ImmutabilityPolicy(
            properties=ImmutabilityPolicyProperty(immutability_period_since_creation_in_days=days)
        )
        with _told(f"extending the policy of {name}"):
            await self._client.blob_containers.extend_immutability_policy(
                self._group,
                self._account,
                name,
                wanted,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
                **self._options,
            )
        return await self._required(name)

    async def hold(self, name: str, tag: str) -> None:
        from azure.mgmt.storage.models import LegalHold as Hold

        with _told(f"setting a legal hold on {name}"):
            await self._client.blob_containers.set_legal_hold(
                self._group, self._account, name, Hold(tags=[tag]), **self._options
            )

    async def release(self, name: str, tag: str) -> None:
        from azure.mgmt.storage.models import LegalHold as Hold

        with _told(f"clearing a legal hold of {name}"):
            await self._client.blob_containers.clear_legal_hold(
                self._group, self._account, name, Hold(tags=[tag]), **self._options
            )

    async def _required(self, name: str) -> RetentionPolicy:
        """As the service has it now: what a change answered is not what is believed."""
        policy = (await self.container(name)).policy
        if policy is None:
            raise Refused(f"{name} has no retention policy any more")
        return policy

    async def _deletions(self) -> tuple[DeletionRule, ...]:
        try:
            with _told("reading the lifecycle rules"):
                found = await self._client.management_policies.get(
                    self._group, self._account, _DEFAULT, **self._options
                )
        except BlobMissing:
            return ()
        policy = found.properties.policy if found.properties is not None else None
        return tuple(rule for one in (policy.rules if policy is not None else ()) or () for rule in _rules(one))


def _rules(rule: Any) -> Iterator[DeletionRule]:
    action = rule.definition.actions.base_blob if rule.enabled is not False else None
    delete = action.delete if action is not None else None
    if delete is None:
        return
    times = (delete.days_after_creation_greater_than, delete.days_after_modification_greater_than)
    days = min((time for time in times if time is not None), default=0.0)
    filters = rule.definition.filters
    for prefix in (filters.prefix_match if filters is not None else None) or ("",):
        yield DeletionRule(rule.name or "", prefix, days)


def _policy(found: Any) -> RetentionPolicy | None:
    of = found.properties if found is not None else None
    if of is None:
        return None
    return RetentionPolicy(
        days=of.immutability_period_since_creation_in_days or 0,
        locked=str(getattr(of.state, "value", of.state)).lower() == "locked",
        appends=bool(of.allow_protected_append_writes or of.allow_protected_append_writes_all),
        extended=sum(
            str(getattr(one.update_property, "value", one.update_property)).lower() == "extend"
            for one in found.update_history or ()
        ),
        etag=found.etag or "",
    )


def _days(policy: Any) -> int:
    return int(policy.days or 0) if policy is not None and policy.enabled else 0


def _region(name: str | None) -> str:
    return (name or "").replace(" ", "").lower()


@contextmanager
def _told(what: str) -> Iterator[None]:
    from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

    with translated(what):
        try:
            yield
        except ResourceNotFoundError:
            raise BlobMissing(f"{what}: there is none") from None
        except HttpResponseError as error:
            if error.status_code in (409, 412):
                code = getattr(error.error, "code", "") or ""
                raise Refused(
                    f"{what}: the service refused it ({error.status_code} {code})".replace(" )", ")"),
                    hint="look at it again with holdfast vault status",
                ) from None
            raise
