"""Bad nights: what somebody does to a small tenant, one function a night. Each is one page in `docs/runbooks`."""

from __future__ import annotations

from typing import Any

from tests.simdirectory import scripted
from tests.simulator.service import Service

Obj = dict[str, Any]
REPORT_ONLY = "enabledForReportingButNotEnforced"
CA = "/beta/identity/conditionalAccess/policies"


def named(service: Service, table: str, name: str) -> str:
    """Id of the one object whose display name holds this."""
    (found,) = [key for key, one in service.store.tables[table].items() if name in str(one["displayName"])]
    return found


def block_everybody(service: Service) -> None:
    """A policy that blocks all, one that lost its exclusions, and the group that excluded the accounts emptied."""
    scripted(
        service,
        "POST",
        CA,
        {
            "displayName": "Temporary maintenance",
            "state": "enabled",
            "conditions": {
                "users": {"includeUsers": ["All"]},
                "applications": {"includeApplications": ["All"]},
                "clientAppTypes": ["all"],
            },
            "grantControls": {"operator": "OR", "builtInControls": ["block"]},
        },
    )
    policy = named(service, "conditionalAccessPolicies", "Require MFA for all")
    conditions = service.store.tables["conditionalAccessPolicies"][policy]["conditions"]
    scripted(
        service,
        "PATCH",
        f"{CA}/{policy}",
        {"conditions": {**conditions, "users": {"includeUsers": ["All"]}}},
    )
