"""What the code names: queues, tables, containers, settings, functions, alarms. Read from the code itself, so that
a thing that it gains is missed in the templates, or the other way round."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import shared.domain.vault
import shared.settings
from shared.bootstrap import TABLE
from shared.domain.queues import QUEUES, poison
from shared.settings import CONNECTIONS, Role, Settings
from tests.infra.cases import ROOT

# Roles that a deployment has an app for, the first of which fills its vault: the first account's, and the second's.
# `Role.ALL` is for loopback only.
ROLES = (Role.BACKUP, Role.RESTORE)
COPIERS = (Role.COPY,)

# Settings that no deployment gives, and why.
LEFT_OUT = {
    "residency": "the default, inside the EU, is all that the template allows",
    "client_certificate": "a laptop's",
    "restore_app_resource_id": "of the shell of who arms",
    "export_dir": "a laptop's",
    "work_dir": "a laptop's",
    "copy_lag": "the default, 26 hours, fits a daily backup",
    "plan_many_objects": "the default asks for a second look where a plan does much",
    "plan_many_share": "the default asks for a second look where a plan does much",
    "plan_many_removals": "the default asks for a second look where a plan does much",
    "initial_password_days": "the default, a week, is the longest that a password should wait for its owner",
    "log_url": "loopback only, but for its default",
    "graph_url": "the default, the global cloud, is the one that app registrations are in",
    "graph_token": "loopback only",
    "management_url": "loopback only, but for its default",
    "keys_dir": "loopback only",
    "secrets_dir": "loopback only",
    "scratch_dir": "the system's folder for temporary files will do",
    "pack_bytes": "a default that stored formats rest on",
    "replication_wait": "the default is what the service promises",
    "work_budget": "the default fits the host's time limit (host.json)",
    "run_budget": "the default, 20 hours, fits a daily backup",
    "claim_seconds": "the default fits the time limit of a step",
    "clock_factor": "loopback only",
    "clock_epoch": "loopback only",
}
# Settings that some roles have and others don't.
OF_ROLE = {
    "backup_schedule": {Role.BACKUP},
    "sweep_schedule": {Role.BACKUP},
    "evidence_schedule": {Role.BACKUP},
    "log_workspace_id": {Role.BACKUP},
    "opt_in": {Role.BACKUP},
    "recovery_targets": {Role.BACKUP},
    "restore_client_id": {Role.BACKUP},
    "vault_resource_id": {Role.BACKUP},
    "secrets_vault_url": {Role.RESTORE},
    "vault_tenant_id": {Role.COPY},
    "copy_resource_id": {Role.COPY},
    "copy_region": {Role.COPY},
    "copy_schedule": {Role.COPY},
    **{
        name: set(ROLES)
        for name in ("approvers_sha256", "break_glass_ids", "key_vault_url", "override_hours", "region")
    },
}

_READ = """
import json, function_app
print(json.dumps([
    [one.get_function_name(), one.get_user_function().__module__, [it.get_dict_repr() for it in one.get_bindings()]]
    for one in function_app.app.get_functions()
], default=str))
"""
_ENOUGH = {
    "HOLDFAST_TENANT_ID": "11111111-2222-3333-4444-555555555555",
    "HOLDFAST_CLIENT_ID": "99999999-2222-3333-4444-555555555555",
    "HOLDFAST_KEY_VAULT_URL": "https://keys.vault.azure.net",
    "VaultStorage__blobServiceUri": "https://vault.blob.core.windows.net",
    "CopyStorage__blobServiceUri": "https://copy.blob.core.windows.net",
    "HOLDFAST_COPY_REGION": "westeurope",
    "HOLDFAST_PUBLIC_KEYS": "{}",
}


@dataclass(frozen=True)
class Trigger:
    function: str
    module: str  # that defines it
    queue: str
    connection: str
    schedule: str


@cache
def triggers(role: Role) -> tuple[Trigger, ...]:
    """What an app of this role is woken by, read from `function_app.py` as the platform's worker reads it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    run = subprocess.run(
        [sys.executable, "-c", _READ],
        cwd=ROOT,
        env={**environment, **_ENOUGH, "HOLDFAST_ROLE": role.value},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(run.stderr)
    return tuple(
        Trigger(name, module, one.get("queueName", ""), one.get("connection", ""), one.get("schedule", ""))
        for name, module, bindings in json.loads(run.stdout)
        for one in bindings
    )


def queues() -> set[tuple[str, str]]:
    """Connection and name of every queue, the poison queues among them."""
    return {(one.connection, name) for one in QUEUES for name in (one.name, poison(one.name))}


def tables() -> set[tuple[str, str]]:
    """Each role has the table in its own state account."""
    return {(connection, TABLE) for connection in CONNECTIONS if connection.endswith("State")}


def containers(settings: Settings) -> set[str]:
    """Those with a promised time, and in the first account whatever else the domain of the vault names as one:
    a copier fills no other one."""
    named = {value for name, value in vars(shared.domain.vault).items() if name.endswith("_CONTAINER")}
    return {*settings.promised_days, *(named if settings.role in ROLES else ())}


def setting_names(role: Role) -> set[str]:
    """Every setting of `Settings` that an app of this role has to be given, as an environment variable."""
    connections = {
        name for name, one in Settings.model_fields.items() if one.annotation is shared.settings.Connection
    }
    names = set(Settings.model_fields) - connections - set(LEFT_OUT)
    return {f"HOLDFAST_{name.upper()}" for name in names if role in OF_ROLE.get(name, {role})}


@cache
def told(kind: str, roles: tuple[Role, ...]) -> frozenset[str]:
    """Names of events that apps of these roles tell: first arguments of all calls of `event` or `alarm`, and of
    functions called after them."""
    found = set()
    for call in _calls(roles):
        function = call.func
        if isinstance(function, ast.Name) and re.fullmatch(rf"_?{kind}(_\w+)?", function.id) and call.args:
            first = call.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
    return frozenset(found)


@cache
def _parsed() -> dict[str, ast.Module]:
    """By the module's name."""
    paths = [*sorted((ROOT / "shared").rglob("*.py")), *sorted((ROOT / "functions").rglob("*.py"))]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
        for path in paths
    }


def _calls(roles: tuple[Role, ...]) -> Iterator[ast.Call]:
    """Of every module but those whose functions are other roles'."""
    own = {one.module for role in roles for one in triggers(role)}
    others = {one.module for role in (*ROLES, *COPIERS) for one in triggers(role)} - own
    for name, module in _parsed().items():
        for node in ast.walk(module) if name not in others else ():
            if isinstance(node, ast.Call):
                yield node
