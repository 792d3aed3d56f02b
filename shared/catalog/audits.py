"""The directory audit log, kept as a series: who changed what, longer than the service keeps it."""

from __future__ import annotations

from shared.catalog.spec import Drill, ObjectType, Quirk, Series, Throttle, WaveNumber

DIRECTORY_AUDITS = ObjectType(
    name="directoryAudits",
    title="Directory audit log",
    path="/auditLogs/directoryAudits",
    odata_type="#microsoft.graph.directoryAudit",
    wave=WaveNumber.REST,
    needs_to_read=(("AuditLog.Read.All",),),
    needs_to_write=(),
    only_read="a log tells what happened, and nothing writes it back",
    series=Series("activityDateTime", first_days=7, overlap_hours=4),
    page_size=999,
    throttle=Throttle.AUDIT,
    name_property="activityDisplayName",
    drill=Drill.NONE,
    no_drill="a log can't be restored",
    quirks=(
        Quirk(
            "Kept by the service for 7 days without a premium licence, and for 30 with one.",
            "Microsoft Entra data retention",
        ),
        Quirk(
            "Events come into sight minutes after they happened, some later: each window begins four hours before "
            "the last one ended.",
            "Microsoft Entra: reporting latencies",
            unverified=True,
        ),
    ),
)
