"""The deployments that the checks expand: enough that each branch of the templates is taken and not taken."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from tests.infra.evaluate import SUBSCRIPTION, Deployment, Resource, deploy, made_up, template
from tests.infra.syntax import files, literal, named

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
MAIN = "main.bicep"
COPY = "copy.bicep"
ROOTS = (MAIN, COPY)  # templates that are deployed by themselves
GROUPS = (
    "requesters",
    "approvers",
    "readers",
    "keepers",
    "holders",
    "passwords",
    "backupDeployers",
    "restoreDeployers",
    "armers",
)
REQUIRED: dict[str, Any] = {
    "location": "swedencentral",
    "tenantId": made_up("tenant"),
    "backupClientId": made_up("reads Graph"),
    "restoreClientId": made_up("writes to Graph"),
    "alertEmails": ["on-call@example.org"],
}
OPEN: dict[str, Any] = {
    **{f"{group}GroupId": made_up(group) for group in GROUPS},
    "copierPrincipalId": made_up("copier"),
    "copierSubnetIds": [
        f"{SUBSCRIPTION}/resourceGroups/holdcopy-network/providers/Microsoft.Network/virtualNetworks/holdcopy-network/subnets/copy"
    ],
    "retentionClasses": [35, 365],
    "breakGlassIds": [made_up("one"), made_up("two")],
    "optIns": ["groupMailSettings", "userProfiles"],
    "approversSha256": "ab" * 32,
    "overrideHours": 48,
    "publicKeys": '{"snapshot":{"keys":[]}}',
    "callerRanges": ["198.51.100.0/24", "203.0.113.7/32"],
    "redundancy": "zonesAndPair",
    "chainDays": 500,
    "evidenceDays": 600,
    "absenceHours": 30,
    "logDays": 730,
    "backupSchedule": "0 0 2 * * *",
    "sweepSchedule": "0 */10 * * * *",
    "evidenceSchedule": "0 0 6 1 * *",
    "statusSchedule": "0 0 7 * * *",
}
PRIVATE: dict[str, Any] = {
    "network": "private",
    "restoreArmed": True,
    "lockedContainers": ["vault-35d", "chain"],
    "name": "other",
    "location": "westeurope",
}
COPY_GROUPS = ("readers", "keepers", "copyDeployers")
COPY_REQUIRED: dict[str, Any] = {
    "location": "germanywestcentral",
    "tenantId": made_up("tenant"),
    "vaultBlobUri": "https://holdfastv0.blob.core.windows.net/",
    "publicKeys": '{"snapshot":{"keys":[]}}',
    "alertEmails": ["on-call@example.org"],
}
COPY_OPEN: dict[str, Any] = {
    **{f"{group}GroupId": made_up(group) for group in COPY_GROUPS},
    "vaultTenantId": made_up("tenant of the first account"),
    "copierClientId": made_up("reads the first account"),
    "name": "second",
    "redundancy": "zonesAndPair",
    "lockedContainers": ["vault-35d", "chain"],
    **{
        name: OPEN[name]
        for name in ("retentionClasses", "callerRanges", "chainDays", "evidenceDays", "absenceHours", "logDays")
    },
    "copySchedule": "0 45 * * * *",
    "statusSchedule": "0 0 8 * * *",
}
COPY_PRIVATE: dict[str, Any] = {
    "network": "private",
    "location": "northeurope",
    "callerRanges": ["198.51.100.0/24"],
    "vaultResourceId": f"{SUBSCRIPTION}/resourceGroups/holdfast-vault/providers/"
    "Microsoft.Storage/storageAccounts/holdfastv0",
}


@lru_cache(maxsize=64)
def _deployed(root: str, texts: tuple[tuple[str, str], ...], given: str) -> Deployment:
    """Kept, for a change of one template is none of a deployment that doesn't read it."""
    return deploy(dict(texts), root, json.loads(given))


@dataclass(frozen=True)
class Texts:
    """The templates, perhaps changed, and what they deploy."""

    of: Mapping[str, str]

    @classmethod
    def here(cls) -> Texts:
        return cls(files(INFRA))

    def with_(self, path: str, text: str) -> Texts:
        return Texts({**self.of, path: text})

    def deployed(self, given: Mapping[str, Any]) -> Deployment:
        return self._of(MAIN, {**REQUIRED, **given})

    def copied(self, given: Mapping[str, Any]) -> Deployment:
        """The second account and its copier."""
        return self._of(COPY, {**COPY_REQUIRED, **given})

    def _of(self, root: str, given: Mapping[str, Any]) -> Deployment:
        read = tuple((path, text) for path, text in self.of.items() if path == root or path not in ROOTS)
        return _deployed(root, read, json.dumps(given, sort_keys=True))

    @cached_property
    def plain(self) -> Deployment:
        """The default deployment: required parameters only."""
        return self.deployed({})

    @cached_property
    def open(self) -> Deployment:
        """Every optional thing switched on, behind the public firewall."""
        return self.deployed(OPEN)

    @cached_property
    def private(self) -> Deployment:
        """Private endpoints, some containers locked by now, the restore app running."""
        return self.deployed(PRIVATE)

    @property
    def all(self) -> Iterator[tuple[Deployment, Mapping[str, Any]]]:
        yield self.plain, REQUIRED
        yield self.open, {**REQUIRED, **OPEN}
        yield self.private, {**REQUIRED, **PRIVATE}

    @cached_property
    def copy_plain(self) -> Deployment:
        """The second account in the first one's tenant: required parameters only."""
        return self.copied({})

    @cached_property
    def copy_open(self) -> Deployment:
        """Every optional thing switched on: another tenant, groups, some containers locked by now."""
        return self.copied(COPY_OPEN)

    @cached_property
    def copy_private(self) -> Deployment:
        """Private endpoints only, and one that leads to a first account that has no others."""
        return self.copied(COPY_PRIVATE)

    @property
    def copies(self) -> Iterator[tuple[Deployment, Mapping[str, Any]]]:
        yield self.copy_plain, COPY_REQUIRED
        yield self.copy_open, {**COPY_REQUIRED, **COPY_OPEN}
        yield self.copy_private, {**COPY_REQUIRED, **COPY_PRIVATE}

    def allowed(self, parameter: str, path: str = MAIN) -> list[str]:
        """What `@allowed` lets a parameter of a template be; nothing where it stands open."""
        one = template(path, self.of[path]).declared.get(parameter)
        call = one.decorators.get("allowed") if one else None
        if call is None:
            return []
        return [literal(value) for value in named(named(call.child_by_field_name("arguments"))[0])]

    def combinations(self, *parameters: str, path: str = MAIN) -> Iterator[dict[str, str]]:
        for values in product(*(self.allowed(one, path) for one in parameters)):
            yield dict(zip(parameters, values, strict=True))


def only(deployment: Deployment, kind: str, part: str, contains: str = "") -> Resource:
    """The one resource of a type in a part of the deployment."""
    found = [
        one
        for one in deployment.of(kind)
        if f"-{part}/" in f"{one.id.split('/providers/')[0]}/" and contains in one.name
    ]
    if len(found) != 1:
        raise LookupError(f"{len(found)} of {kind} in {part}")
    return found[0]
