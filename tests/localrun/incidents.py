"""What happens to the demo's tenant: an attacker with every right, and what exactly was touched.

Owns the choice of victims. What must stay true: it is made from the tenant's truth by fixed rules, so that one seed
always suffers the same; break-glass accounts and their group are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.simulator.client import SimulatorProcess

Obj = dict[str, Any]
ATTACKER = "mallory@evil.example"


@dataclass(slots=True)
class Damage:
    """Ids of what was hit."""

    disabled_policies: list[str] = field(default_factory=list)
    purged_policies: list[str] = field(default_factory=list)
    purged_group: str = ""  # "" where no policy excludes another group than the break-glass one
    deleted_users: list[str] = field(default_factory=list)
    purged_application: str = ""
    purged_app_id: str = ""
    purged_service_principal: str = ""
    removed_memberships: list[tuple[str, str]] = field(default_factory=list)  # group, member
    impersonated: str = ""  # the purged user
    impersonated_upn: str = ""


def play(tenant: SimulatorProcess, *, users: int = 40, memberships: int = 500) -> Damage:
    """Everything at once. Smaller numbers make a smaller story for tests."""
    damage = Damage()
    policies = sorted(tenant.objects("conditionalAccessPolicies"), key=lambda one: str(one["displayName"]))
    groups = {one["id"]: one for one in tenant.objects("groups")}
    spared = {tenant.break_glass_group_id, *tenant.break_glass_ids}
    requests: list[Obj] = []

    enabled = [one for one in policies if one["state"] == "enabled"]
    guarded = [one for one in enabled if tenant.break_glass_group_id in _excluded(one)]
    damage.purged_policies = [one["id"] for one in guarded[:2]]
    damage.disabled_policies = [one["id"] for one in enabled if one["id"] not in damage.purged_policies]
    requests += [
        _patch(f"/beta/identity/conditionalAccess/policies/{one}", {"state": "disabled"})
        for one in damage.disabled_policies
    ]
    requests += [_purge("conditionalAccessPolicies", one) for one in damage.purged_policies]

    others = [group for one in guarded for group in _excluded(one) if group in groups and group not in spared]
    if others:
        damage.purged_group = others[0]
        requests.append(_purge("groups", damage.purged_group))

    people = sorted(tenant.objects("users"), key=lambda one: str(one["userPrincipalName"]))
    plain = [one for one in people if one["id"] not in spared and one.get("userType") == "Member"]
    plain = [one for one in plain if not one.get("onPremisesSyncEnabled")]
    damage.deleted_users = [one["id"] for one in plain[:users]]
    requests += [{"method": "DELETE", "url": f"/v1.0/users/{one}"} for one in damage.deleted_users]

    principals = {one["appId"]: one for one in tenant.objects("servicePrincipals")}
    ours = set(tenant.ready["holdfastApps"].values())
    application = next(
        one
        for one in sorted(tenant.objects("applications"), key=lambda one: str(one["displayName"]))
        if one["appId"] in principals and one["appId"] not in ours
    )
    damage.purged_application, damage.purged_app_id = application["id"], application["appId"]
    damage.purged_service_principal = principals[application["appId"]]["id"]
    requests.append(_purge("servicePrincipals", damage.purged_service_principal))
    requests.append(_purge("applications", damage.purged_application))

    victim = plain[users]
    damage.impersonated, damage.impersonated_upn = victim["id"], victim["userPrincipalName"]
    gone = {*damage.deleted_users, damage.impersonated}
    for group in sorted(groups.values(), key=lambda one: str(one["id"])):
        if group["id"] in spared or group["id"] == damage.purged_group or group.get("membershipRule"):
            continue
        for member in group["_links"].get("members", []):
            if len(damage.removed_memberships) < memberships and member not in gone:
                damage.removed_memberships.append((group["id"], member))
    requests += [
        {"method": "DELETE", "url": f"/v1.0/groups/{group}/members/{member}/$ref"}
        for group, member in damage.removed_memberships
    ]

    loosened = {"allowInvitesFrom": "everyone", "allowedToUseSSPR": True, "blockMsolPowerShell": False}
    requests.append(_patch("/v1.0/policies/authorizationPolicy", loosened))

    requests.append(_purge("users", damage.impersonated))
    requests.append(
        {
            "method": "POST",
            "url": "/v1.0/users",
            "body": {
                "accountEnabled": True,
                "displayName": victim["displayName"],
                "mailNickname": victim["mailNickname"],
                "userPrincipalName": victim["userPrincipalName"],
                "passwordProfile": {
                    "password": "Only-the-attacker-knows-1",
                    "forceChangePasswordNextSignIn": False,
                },
            },
        }
    )
    answers = tenant.incident(requests, upn=ATTACKER)
    if answers["failed"]:
        refused = [one for one in answers["responses"] if one["status"] >= 400]
        raise RuntimeError(f"the incident itself failed: {refused[:3]}")
    return damage


def _excluded(policy: Obj) -> list[str]:
    return list(policy["conditions"]["users"].get("excludeGroups") or [])


def _patch(path: str, body: Obj) -> Obj:
    return {"method": "PATCH", "url": path, "body": body}


def _purge(table: str, key: str) -> Obj:
    return {"op": "purge", "type": table, "id": key}
