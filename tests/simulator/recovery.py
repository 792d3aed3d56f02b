"""Jobs of the tenant's native backup: a list that a scenario fills, and that applications may only read.

Source: recoveryJobBase resource type, https://learn.microsoft.com/graph/api/resources/entrarecoveryservices-recoveryjobbase.
"""

from __future__ import annotations

from .service import Request, Response, Service, route

TABLE = "recoveryJobs"


def list_jobs(service: Service, request: Request) -> Response:
    service.rules.lean("recovery.jobs")
    service.store.declare(TABLE)
    view = service.view(request)
    found = [job for key in view.ids(TABLE) if (job := view.get(TABLE, key)) is not None]
    return Response(200, {"@odata.context": service.context(request, "directory/recovery/jobs"), "value": found})


def begin(service: Service, key: str, status: str = "running", kind: str = "recoveryJob", **members: str) -> None:
    """What an administrator does in the portal: no application may."""
    job = {
        "@odata.type": f"#microsoft.graph.entraRecoveryServices.{kind}",
        "id": key,
        "status": status,
        "jobStartDateTime": service.now_iso(),
        "jobCompletionDateTime": None,
        "targetStateDateTime": service.now_iso(),
        **members,
    }
    service.store.declare(TABLE)
    with service.store.transaction("POST", "/directory/recovery/jobs", "portal"):
        service.store.put(TABLE, key, job)


route("GET", "/directory/recovery/jobs", list_jobs)
