"""Provisioning jobs of enterprise applications."""

from __future__ import annotations

from .apart import HELD
from .form import TypeRule
from .plain import Plain
from .registry import any_of

_SCHEMA = {
    "id": "scim.5f2e9d5e0b1c4f6f9a5b3c2d1e0f9a8b.71b6a4a4-2f0e-4a8d-8e0f-0b8a9f1d2c3e",
    "directories": [
        {
            "id": "66e4a8cc-1b7b-435e-95f8-f06cea133828",
            "name": "Microsoft Entra ID",
            "discoveryDateTime": "0001-01-01T00:00:00Z",
            "objects": [{"name": "User", "attributes": [{"name": "mail", "type": "String"}]}],
        },
    ],
    "synchronizationRules": [
        {
            "id": "4c5ecfa1-a072-4460-b1c3-4adde3479854",
            "name": "USER_TO_SCIM",
            "priority": 1,
            "editable": True,
            "sourceDirectoryName": "Microsoft Entra ID",
            "targetDirectoryName": "customappsso",
            "objectMappings": [
                {
                    "enabled": True,
                    "name": "Synchronize users",
                    "sourceObjectName": "User",
                    "targetObjectName": "User",
                    "attributeMappings": [
                        {
                            "targetAttributeName": "userName",
                            "matchingPriority": 1,
                            "flowType": "Always",
                            "source": {"expression": "[mail]", "name": "mail", "type": "Attribute"},
                        },
                    ],
                },
            ],
        },
    ],
}

JOBS = Plain(
    rule=TypeRule(
        table="synchronizationJobs",
        path="/servicePrincipals/{id}/synchronization/jobs",
        odata_type="#microsoft.graph.synchronizationJob",
        model="synchronization_job.SynchronizationJob",
        source="https://learn.microsoft.com/graph/api/synchronization-synchronization-list-jobs",
        audit_name="provisioning job",
        audit_category="ApplicationManagement",
    ),
    read=any_of("Synchronization.Read.All", "Synchronization.ReadWrite.All"),
    parent="servicePrincipals",
    absent=True,
    starts=(
        {
            "_parent": "@gallery/0",
            "id": "scim.5f2e9d5e0b1c4f6f9a5b3c2d1e0f9a8b.71b6a4a4-2f0e-4a8d-8e0f-0b8a9f1d2c3e",
            "templateId": "scim",
            "schedule": {"expiration": None, "interval": "PT40M", "state": "Active"},
            "status": {"code": "Active", "countSuccessiveCompleteFailures": 0, "escrowsPruned": False},
            "synchronizationJobSettings": [{"name": "AzureIngestionAttributeOptimization", "value": "False"}],
            HELD: {"schema": _SCHEMA},
        },
    ),
)

SYNCHRONIZATION: tuple[Plain, ...] = (JOBS,)
