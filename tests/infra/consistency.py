"""Code and templates name the same things: queues, tables, containers, settings, schedules, keys, alarms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Final

from shared.bootstrap import _SIGNS
from shared.domain.errors import Unusable
from shared.domain.vault import AccountState, ContainerState, DeletionRule, RetentionPolicy
from shared.engines.protection import shortfalls
from shared.settings import CONNECTIONS, Role, Settings, load_settings
from tests.infra import code
from tests.infra.cases import (
    COPY,
    COPY_OPEN,
    COPY_PRIVATE,
    COPY_REQUIRED,
    MAIN,
    OPEN,
    PRIVATE,
    REQUIRED,
    Texts,
    only,
)
from tests.infra.evaluate import Deployment, Resource, made_up, template
from tests.infra.page import DEPLOYMENT, SECURITY, listed, table
from tests.infra.policy import part_of
from tests.localrun.ncrontab import NcronSchedule

STORAGE: Final = "Microsoft.Storage/storageAccounts"
BLOBS: Final = f"{STORAGE}/blobServices"
CONTAINERS: Final = f"{BLOBS}/containers"
MARGIN: Final = 8  # days: the interval between fulls, and a week
# Of the platform, not of the product: name → pattern of its value.
PLATFORM: Final = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": r"ClientId={client};Authorization=AAD",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": r"InstrumentationKey=.+",
    "AzureWebJobsStorage__blobServiceUri": r"https://{host}\.blob\.core\.windows\.net/",
    "AzureWebJobsStorage__clientId": r"{client}",
    "AzureWebJobsStorage__credential": r"managedidentity",
    "AzureWebJobsStorage__tableServiceUri": r"https://{host}\.table\.core\.windows\.net/",
    "PYTHON_ENABLE_OPENTELEMETRY": r"true",
}
# What alert rules count by; absence is counted by nothing.
COUNTED_BY: Final = {
    "alarm": "Alarm",
    "vault-delete": "OperationName",
    "vault-refused": "StatusText",
    "code": "AccountName",
    "signature": "Caller",
}
_RULES: Final = ("Severity", "Fires when", "Looked at every", "Over")
# Which services of an account an app is given: its own state wholly, the other's queues to send to.
SERVICES: Final = {
    Role.BACKUP: {"VaultStorage": "blob", "BackupState": "queue table", "RestoreState": "queue"},
    Role.RESTORE: {"VaultStorage": "blob", "BackupState": "queue", "RestoreState": "queue table"},
    Role.COPY: {"VaultStorage": "blob", "CopyStorage": "blob"},
}


def findings(texts: Texts) -> Iterator[str]:
    first = (texts.all, code.ROLES, (_state, _outputs))
    second = (texts.copies, code.COPIERS, (_stateless, _copy_outputs))
    for deployments, roles, beside in (first, second):
        for deployment, given in deployments:
            for role in roles:
                yield from _app(deployment, role, given)
            yield from _vault(deployment, roles[0], given)
            yield from _keys(deployment, roles)
            for check in beside:
                yield from check(deployment)
    yield from _defaults(texts, MAIN, REQUIRED, ("Parameter", "Default", "Meaning"), (OPEN, PRIVATE))
    copied = (COPY_OPEN, COPY_PRIVATE)
    yield from _defaults(texts, COPY, COPY_REQUIRED, ("Parameter of the copy", "Default", "Meaning"), copied)
    yield from _differ("roles with an app", {*code.ROLES, *code.COPIERS}, set(Role) - {Role.ALL})


# --- queues and tables -------------------------------------------------------------------------------------------
def account_of(deployment: Deployment, connection: str) -> str:
    """The account that an app's connection leads to, by the settings of the apps; all have to agree."""
    found = {
        re.sub(r"https://([a-z0-9]+)\..*", r"\1", value)
        for role in code.ROLES
        for name, value in settings_of(deployment, role).items()
        if name.startswith(f"{connection}__") and name.endswith("ServiceUri")
    }
    return found.pop() if len(found) == 1 else f"{connection}: {len(found)} accounts"


def settings_of(deployment: Deployment, role: Role) -> Mapping[str, str]:
    return only(deployment, "Microsoft.Web/sites/config", role.value).properties


def _state(deployment: Deployment) -> Iterator[str]:
    for kind, service, wanted in (("queues", "queue", code.queues()), ("tables", "table", code.tables())):
        accounts = {account_of(deployment, one): one for one in SERVICES[Role.BACKUP]}
        made = {
            (accounts.get(one.name.split("/")[0], one.name.split("/")[0]), one.leaf)
            for one in deployment.of(f"{STORAGE}/{service}Services/{kind}")
        }
        yield from _differ(kind, made, wanted)


def _stateless(deployment: Deployment) -> Iterator[str]:
    for kind in ("queueServices/queues", "tableServices/tables"):
        for one in deployment.of(f"{STORAGE}/{kind}"):
            yield f"{one}: a copier has neither queue nor table"


def _differ(what: str, made: Set[Any], wanted: Set[Any]) -> Iterator[str]:
    for one in sorted(wanted - made):
        yield f"{what}: the code names {one}, and the templates don't make it"
    for one in sorted(made - wanted):
        yield f"{what}: the templates make {one}, which the code doesn't name"


# --- apps --------------------------------------------------------------------------------------------------------
def _app(deployment: Deployment, role: Role, given: Mapping[str, Any]) -> Iterator[str]:
    settings = settings_of(deployment, role)
    site = only(deployment, "Microsoft.Web/sites", role.value)
    identity = only(deployment, "Microsoft.ManagedIdentity/userAssignedIdentities", role.value)
    client = made_up(f"{identity.id} clientId")
    host = only(deployment, STORAGE, role.value)
    own = {name for name in settings if name.startswith("HOLDFAST_")}
    yield from _differ(f"settings of the {role.value} app", own, code.setting_names(role))
    yield from _platform_settings(role, settings, client, host.name)
    yield from _connections(role, settings, client)
    yield from _values(deployment, role, settings, given, client)
    yield from _site(deployment, site, identity, host, given)
    served = {(one.connection, one.queue) for one in code.triggers(role) if one.queue}
    deployed = {pair for pair in code.queues() if pair[0] == f"{role.value.capitalize()}State"}
    yield from _differ(f"queues served by the {role.value} app", deployed, served)
    for one in code.triggers(role):
        for name in re.findall(r"%([^%]+)%", f"{one.schedule} {one.queue}"):
            if name not in settings:
                yield f"{role.value} app: {one.function} needs the setting {name}"
            elif name.endswith("_SCHEDULE"):
                try:
                    NcronSchedule(settings[name])
                except ValueError:
                    yield f"{role.value} app: {name} is no six-field cron: {settings[name]}"


def _platform_settings(role: Role, settings: Mapping[str, str], client: str, host: str) -> Iterator[str]:
    connections = {name for name in settings if name.partition("__")[0] in CONNECTIONS}
    others = {name for name in settings if not name.startswith("HOLDFAST_")} - connections
    yield from _differ(f"platform settings of the {role.value} app", others, set(PLATFORM))
    for name, pattern in PLATFORM.items():
        wanted = pattern.replace("{client}", client).replace("{host}", host)
        if not re.fullmatch(wanted, settings.get(name, "")):
            yield f"{role.value} app: {name} is {settings.get(name)!r}"


def _connections(role: Role, settings: Mapping[str, str], client: str) -> Iterator[str]:
    for connection, services in SERVICES[role].items():
        wanted = {f"{connection}__{one}ServiceUri" for one in services.split()}
        wanted |= {f"{connection}__clientId", f"{connection}__credential"}
        made = {name for name in settings if name.startswith(f"{connection}__")}
        yield from _differ(f"{connection} of the {role.value} app", made, wanted)
        for service in services.split():
            uri = settings.get(f"{connection}__{service}ServiceUri", "")
            if not re.fullmatch(rf"https://[a-z0-9]+\.{service}\.core\.windows\.net/", uri):
                yield f"{role.value} app: the {service} service of {connection} is {uri!r}"
        if settings.get(f"{connection}__clientId") != client:
            yield f"{role.value} app: {connection} is reached with another identity than the app's own"
        if settings.get(f"{connection}__credential") != "managedidentity":
            yield f"{role.value} app: {connection} is not reached with a managed identity"


def _values(
    deployment: Deployment, role: Role, settings: Mapping[str, str], given: Mapping[str, Any], client: str
) -> Iterator[str]:
    try:
        loaded = load_settings(dict(settings))
    except Unusable as error:
        yield f"{role.value} app: its own settings class refuses the settings: {error}"
        return
    vault = only(deployment, STORAGE, "vault")
    own_values = _copier_values if role is Role.COPY else _app_values
    wanted: dict[str, Any] = {
        "role": role,
        "tenant_id": given["tenantId"],
        "identity_client_id": client,
        "retention_classes": tuple(given.get("retentionClasses", (35,))),
        "evidence_days": given.get("evidenceDays", 400),
        "chain_days": max(
            given.get("chainDays", 400), *given.get("retentionClasses", (35,)), given.get("evidenceDays", 400)
        ),
        "public_keys": given.get("publicKeys", ""),
        **own_values(deployment, role, given),
    }
    for name in ("backup_schedule", "sweep_schedule", "status_schedule", "evidence_schedule", "copy_schedule"):
        default = Settings.model_fields[name].default
        own = role in code.OF_ROLE.get(name, {role})
        words = name.split("_")
        wanted[name] = given.get(words[0] + words[1].capitalize(), default) if own else default
    for name, value in wanted.items():
        if getattr(loaded, name) != value:
            yield f"{role.value} app: {name} is {getattr(loaded, name)!r}, and not {value!r}"
    filled = loaded.copy_storage if role is Role.COPY else loaded.vault_storage
    if filled.blob != f"https://{vault.name}.blob.core.windows.net/":
        yield f"{role.value} app: the storage that it fills is not the vault of this deployment"
    if role is Role.COPY and loaded.vault_storage.blob != given["vaultBlobUri"]:
        yield f"{role.value} app: VaultStorage is not the first account"


def _app_values(deployment: Deployment, role: Role, given: Mapping[str, Any]) -> dict[str, Any]:
    """What an app of the first deployment is told beside what all apps are."""
    workspace = only(deployment, "Microsoft.OperationalInsights/workspaces", "watch")
    keys = only(deployment, "Microsoft.KeyVault/vaults", "keys", "-k-").name
    passwords = only(deployment, "Microsoft.KeyVault/vaults", "keys", "-p-").name
    backs_up = role is Role.BACKUP
    return {
        "client_id": given[f"{role.value}ClientId"],
        "region": given["location"],
        "break_glass_ids": tuple(sorted(given.get("breakGlassIds", ()))),
        "opt_in": tuple(given.get("optIns", ())) if backs_up else (),
        "approvers_sha256": given.get("approversSha256", ""),
        "override_hours": given.get("overrideHours", 24),
        "vault_resource_id": only(deployment, STORAGE, "vault").id if backs_up else "",
        "log_workspace_id": made_up(workspace.id) if backs_up else "",
        "key_vault_url": f"https://{keys}.vault.azure.net/",
        "secrets_vault_url": f"https://{passwords}.vault.azure.net/" if role is Role.RESTORE else "",
    }


def _copier_values(deployment: Deployment, role: Role, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "client_id": given.get("copierClientId", ""),
        "copy_region": given["location"],
        "copy_resource_id": only(deployment, STORAGE, "vault").id,
        "vault_tenant_id": given.get("vaultTenantId", ""),
        "vault_resource_id": "",
        "key_vault_url": "",
        "secrets_vault_url": "",
    }


def _site(
    deployment: Deployment, site: Resource, identity: Resource, host: Resource, given: Mapping[str, Any]
) -> Iterator[str]:
    part = part_of(site)
    running = part != "restore" or bool(given.get("restoreArmed", False))
    storage = site.properties["functionAppConfig"]["deployment"]["storage"]
    wanted = {
        "running": (site.properties["enabled"], running),
        "tag for azd": (site.body.get("tags"), {"azd-service-name": part}),
        "identity": (list(site.body["identity"]["userAssignedIdentities"]), [identity.id]),
        "identity for key vault references": (site.properties["keyVaultReferenceIdentity"], identity.id),
        "package": (storage["value"], f"https://{host.name}.blob.core.windows.net/package"),
        "identity for the package": (storage["authentication"]["userAssignedIdentityResourceId"], identity.id),
        "subnet": (site.properties["virtualNetworkSubnetId"].rpartition("/")[2], part),
        "plan": (site.properties["serverFarmId"], only(deployment, "Microsoft.Web/serverfarms", part).id),
        "package container": ([one.leaf for one in _of(deployment, CONTAINERS, host)], ["package"]),
        "logins with a password": (
            sorted(
                one.leaf
                for one in deployment.of(f"{site.type}/basicPublishingCredentialsPolicies")
                if site.id in one.id
            ),
            ["ftp", "scm"],
        ),
    }
    for what, (is_so, should) in wanted.items():
        if is_so != should:
            yield f"{part} app: {what} is {is_so!r}, and not {should!r}"


def _of(deployment: Deployment, kind: str, account: Resource) -> list[Resource]:
    return [one for one in deployment.of(kind) if one.id.startswith(f"{account.id}/")]


# --- vault -------------------------------------------------------------------------------------------------------
def _vault(deployment: Deployment, filled_by: Role, given: Mapping[str, Any]) -> Iterator[str]:
    """Containers and their retention, judged by the product's own judgement as if all were locked by now.
    `filled_by`: whose settings say what has to be there."""
    vault = only(deployment, STORAGE, "vault")
    settings = load_settings(dict(settings_of(deployment, filled_by)))
    made = {one.leaf for one in _of(deployment, CONTAINERS, vault)}
    yield from _differ("containers", made, code.containers(settings))
    locked = set(given.get("lockedContainers", ()))
    days = {
        one.name.split("/")[2]: one.properties
        for one in _of(deployment, f"{CONTAINERS}/immutabilityPolicies", vault)
    }
    yield from _differ(
        "retention policies that are not locked yet", set(days), (made & set(settings.promised_days)) - locked
    )
    account = _account(deployment, vault)
    for name, promised in settings.promised_days.items():
        rules = [one for one in account.deletions if one.prefix == f"{name}/"]
        expires = [one.days for one in rules]
        if expires != [promised + MARGIN + 1]:
            yield f"container {name}: it expires after {expires} days, and not {promised + MARGIN + 1}"
        if name not in days:
            continue
        kept = days[name]["immutabilityPeriodSinceCreationInDays"]
        if kept != promised + MARGIN:
            yield f"container {name}: it keeps {kept} days, and not {promised} and {MARGIN}"
        policy = RetentionPolicy(kept, True, days[name]["allowProtectedAppendWrites"], 0, "etag")
        for one in shortfalls(ContainerState(name, policy, (), False), account, promised):
            yield f"container {name}: {one.what}"
    if len(account.deletions) != len(settings.promised_days):
        yield f"the vault has {len(account.deletions)} lifecycle rules for {len(settings.promised_days)} containers"


def _account(deployment: Deployment, vault: Resource) -> AccountState:
    blobs = only(deployment, BLOBS, "vault").properties
    rules = only(deployment, f"{STORAGE}/managementPolicies", "vault").properties["policy"]["rules"]
    return AccountState(
        primary=vault.body["location"],
        secondary="",
        shared_keys=vault.properties["allowSharedKeyAccess"],
        public_blobs=vault.properties["allowBlobPublicAccess"],
        versioning=blobs["isVersioningEnabled"],
        soft_delete_days=int(blobs["deleteRetentionPolicy"]["enabled"]),
        container_soft_delete_days=int(blobs["containerDeleteRetentionPolicy"]["enabled"]),
        deletions=tuple(
            DeletionRule(
                one["name"],
                prefix,
                one["definition"]["actions"]["baseBlob"]["delete"]["daysAfterCreationGreaterThan"],
            )
            for one in rules
            for prefix in one["definition"]["filters"]["prefixMatch"]
        ),
    )


# --- keys --------------------------------------------------------------------------------------------------------
def _keys(deployment: Deployment, roles: tuple[Role, ...]) -> Iterator[str]:
    wanted = {name for role in roles for name in _SIGNS.get(role, ())}
    made = {one.leaf for one in deployment.of("Microsoft.KeyVault/vaults/keys") if "-k-" in one.name}
    yield from _differ("signing keys", made, wanted)


def _outputs(deployment: Deployment) -> Iterator[str]:
    """What the steps after a deployment rest on."""
    vault = only(deployment, STORAGE, "vault")
    state = account_of(deployment, "BackupState")
    keys = only(deployment, "Microsoft.KeyVault/vaults", "keys", "-k-").name
    wanted: dict[str, Any] = {
        "vaultResourceId": vault.id,
        "vaultBlobUri": f"https://{vault.name}.blob.core.windows.net/",
        "backupQueueUri": f"https://{state}.queue.core.windows.net/",
        "backupTableUri": f"https://{state}.table.core.windows.net/",
        "restoreQueueUri": f"https://{account_of(deployment, 'RestoreState')}.queue.core.windows.net/",
        "restoreAppResourceId": only(deployment, "Microsoft.Web/sites", "restore").id,
        "keyVaultUri": f"https://{keys}.vault.azure.net/",
        "containersToLock": list(load_settings(dict(settings_of(deployment, Role.BACKUP))).promised_days),
    }
    for part in ("backup", "restore"):
        identity = only(deployment, "Microsoft.ManagedIdentity/userAssignedIdentities", part)
        wanted[f"{part}PrincipalId"] = made_up(f"{identity.id} principalId")
    if deployment.outputs != wanted:
        yield f"outputs are {deployment.outputs}, and not {wanted}"


def _copy_outputs(deployment: Deployment) -> Iterator[str]:
    vault = only(deployment, STORAGE, "vault")
    identity = only(deployment, "Microsoft.ManagedIdentity/userAssignedIdentities", "copy")
    wanted: dict[str, Any] = {
        "copyResourceId": vault.id,
        "copyBlobUri": f"https://{vault.name}.blob.core.windows.net/",
        "copierPrincipalId": made_up(f"{identity.id} principalId"),
        "copierSubnetId": only(deployment, "Microsoft.Web/sites", "copy").properties["virtualNetworkSubnetId"],
        "containersToLock": list(load_settings(dict(settings_of(deployment, Role.COPY))).promised_days),
    }
    if deployment.outputs != wanted:
        yield f"outputs are {deployment.outputs}, and not {wanted}"


# --- defaults and the page on deployment -------------------------------------------------------------------------
def _defaults(
    texts: Texts,
    path: str,
    needed: Mapping[str, Any],
    heading: tuple[str, ...],
    cases: tuple[Mapping[str, Any], ...],
) -> Iterator[str]:
    params = {one.name: one for one in template(path, texts.of[path]).of("param")}
    required = {name for name, one in params.items() if one.value is None}
    if required != set(needed):
        yield f"{path}: parameters that have to be given: {sorted(required)}"
    said = {row[0].strip("`"): row[1] for row in table(DEPLOYMENT, *heading)}
    yield from _differ(f"parameters of {path} ({DEPLOYMENT})", set(params), set(said))
    for name, one in params.items():
        default = "required" if one.value is None else " ".join(one.value.text.decode().split())
        if name in said and said[name].strip("`") != default:
            yield f"{DEPLOYMENT}: the default of {name} is {default}, and not {said[name]}"
    for case in cases:
        if unknown := set(case) - set(params):
            yield f"{path}: no parameter {sorted(unknown)}"


# --- alerts ------------------------------------------------------------------------------------------------------
def watched(texts: Texts) -> Iterator[str]:
    """Alert rules against the code's alarms and the page on security."""
    for deployment, given in texts.all:
        yield from _queries(deployment, given, WATCHED)
        yield from _operations(deployment)
    for deployment, given in texts.copies:
        yield from _queries(deployment, given, COPY_WATCHED)
        yield from _operations(deployment)


@dataclass(frozen=True)
class Watched:
    """What the rules of a deployment look for. `absent`: rule → the event that has to come, in hours."""

    heading: str
    name: str
    roles: tuple[Role, ...]
    absent: Mapping[str, str]
    hours: int


WATCHED: Final = Watched(
    "Rule", "holdfast", code.ROLES, {"no-snapshot": "snapshot.committed", "no-status": "status.checked"}, 26
)
COPY_WATCHED: Final = Watched(
    "Rule of the copy", "holdcopy", code.COPIERS, {"no-copy": "copy.pulled", "no-status": "copy.checked"}, 6
)


def _queries(deployment: Deployment, given: Mapping[str, Any], about: Watched) -> Iterator[str]:
    name = given.get("name", about.name)
    rules = {
        one.name.removeprefix(f"{name}-"): one.properties
        for one in deployment.of("Microsoft.Insights/scheduledQueryRules")
    }
    said = {row[0]: row[1:] for row in table(SECURITY, about.heading, *_RULES)}
    yield from _differ("alert rules", set(rules), set(said))
    for key, rule in rules.items():
        (criterion,) = rule["criteria"]["allOf"]
        absence = key.startswith("no-")
        query = criterion["query"]
        is_so = (str(rule["severity"]), rule["evaluationFrequency"], rule["windowSize"])
        if key in said and is_so != (said[key][0], said[key][2], said[key][3]):
            yield f"alert {key}: severity, frequency and window are {is_so}, and {SECURITY} says {said[key]}"
        if rule["overrideQueryTimeRange"] != rule["windowSize"] or rule["autoMitigate"] is not absence:
            yield f"alert {key}: its time range or how it ends is wrong"
        if (criterion["operator"], criterion["threshold"]) != (("LessThan", 1) if absence else ("GreaterThan", 0)):
            yield f"alert {key}: fires when {criterion['operator']} {criterion['threshold']}"
        grouped = re.search(r"\| summarize Found = count\(\)(?: by (\w+))?$", query)
        if grouped is None or grouped.group(1) != COUNTED_BY.get(key):
            yield f"alert {key}: the query doesn't end with a count"
        elif criterion["dimensions"] and criterion["dimensions"][0]["name"] != grouped.group(1):
            yield f"alert {key}: it is split by something that the query doesn't give"
        for wanted in _wanted(deployment, key, given, about):
            if wanted not in query:
                yield f"alert {key}: the query lacks {wanted}"
    alarms = set(re.findall(r'"([a-z._]+)"', rules["alarm"]["criteria"]["allOf"][0]["query"].split("dynamic(")[-1]))
    yield from _differ("alarms", alarms, code.told("alarm", about.roles))
    for key in ("alarm", "code"):
        if not rules[key]["criteria"]["allOf"][0]["dimensions"]:
            yield f"alert {key}: it isn't split, so that one alarm hides another"
    for event in about.absent.values():
        if event not in code.told("event", about.roles):
            yield f"the code has no event {event}, and an alert waits for it"


def _wanted(deployment: Deployment, key: str, given: Mapping[str, Any], about: Watched) -> tuple[str, ...]:
    vault = only(deployment, STORAGE, "vault").name
    if event := about.absent.get(key):
        hours = 26 if key == "no-status" else given.get("absenceHours", about.hours)
        return (
            f"AppTraces | where TimeGenerated > ago({hours}h) | ",
            f'| where Message startswith "{event} " |',
        )
    clients = [
        made_up(f"{one.id} clientId") for one in deployment.of("Microsoft.ManagedIdentity/userAssignedIdentities")
    ]
    writes = '("PutBlob", "PutBlock", "PutBlockList", "CopyBlob", "DeleteBlob")'
    alters = (
        '("DeleteBlob", "DeleteContainer", "SetBlobMetadata", "SetBlobProperties", "SetBlobTier", "PutBlock", '
        '"PutBlockList", "AppendBlock", "CopyBlob", "SnapshotBlob")'
    )
    fired: dict[str, tuple[str, ...]] = {
        "alarm": ('AppTraces | extend Alarm = tostring(split(Message, " ")[0]) | where Alarm in (dynamic([',),
        "vault-delete": (f'StorageBlobLogs | where AccountName == "{vault}" | where OperationName in {alters} |',),
        "vault-refused": (
            f'StorageBlobLogs | where AccountName == "{vault}" | where StatusText startswith "Authorization" or '
            'StatusText == "AuthenticationFailed" |',
        ),
        "code": (f'StorageBlobLogs | where ObjectKey has "/package/" | where OperationName in {writes} |',),
        "signature": (
            'AZKVAuditLogs | where OperationName == "KeySign" | ',
            f"| where Caller !in (dynamic({json.dumps(clients, separators=(',', ':'))})) |",
        ),
    }
    return fired.get(key, ())


def _operations(deployment: Deployment) -> Iterator[str]:
    said = {row[0]: listed(row[2]) for row in table(SECURITY, "Change", "Tells of", "Operations")}
    found = {}
    for one in deployment.of("Microsoft.Insights/activityLogAlerts"):
        key = one.name.partition("-")[2].removesuffix("-changed")
        conditions = one.properties["condition"]["allOf"]
        found[key] = {leaf["equals"] for condition in conditions for leaf in condition.get("anyOf", ())}
        if not any(condition == {"field": "category", "equals": "Administrative"} for condition in conditions):
            yield f"alert {one.name}: it is not about the administrative log"
    yield from _differ("alerts on changes", set(found), set(said))
    for key in sorted({*found} & {*said}):
        yield from _differ(f"alert {key}", found[key], said[key])
