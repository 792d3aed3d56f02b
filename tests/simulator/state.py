"""Keeping a tenant across runs of the simulator: tables and links in one JSON file.

The commit log, page tokens and delta tokens are not kept: after a restart they are unknown, as after a loss of
sync state.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from .service import Service


def content_of(service: Service) -> dict[str, Any]:
    store = service.store
    return {
        "tenantId": service.tenant_id,
        "now": service.clock.now(),
        "info": service.info,
        "tables": store.tables,
        "links": {rel: {s: list(t) for s, t in sources.items() if t} for rel, sources in store.forward.items()},
        "audits": service.audits,
        "fullAnnotations": service.settings.full_annotations,
    }


def save(service: Service, path: Path) -> None:
    temporary = path.with_suffix(".part")
    temporary.write_bytes(msgspec.json.encode(content_of(service)))
    temporary.replace(path)


def load(service: Service, path: Path) -> None:
    put(service, msgspec.json.decode(path.read_bytes()))


def put(service: Service, content: dict[str, Any]) -> None:
    """Makes a new tenant what `content_of` told of another."""
    store = service.store
    with store.seeding():
        for table, objects in content["tables"].items():
            for key, obj in objects.items():
                store.put(table, key, obj)
        for rel, sources in content["links"].items():
            for source, targets in sources.items():
                for target in targets:
                    store.link(rel, source, target)
    service.info.update(content["info"])
    service.audits.extend((moment, key) for moment, key in content["audits"])
    service.settings.full_annotations = content["fullAnnotations"]
    service.clock.advance(max(0.0, content["now"] - service.clock.now()))
    service.start(content["tenantId"])
