"""Devices and contacts of a seed. No random numbers are drawn here."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from .rules.types import OPEN_EXTENSIONS

if TYPE_CHECKING:
    from .seeds import Planter

_SPACE = uuid.UUID("5d0f3c1e-55b6-4e0b-9c39-0b7f5f6a1c20")


def _id(kind: str, number: int) -> str:
    return str(uuid.uuid5(_SPACE, f"{kind}:{number}"))


def plant_inventory(planter: Planter) -> None:
    """A device for every tenth user, the first of them in a group; two contacts, one with a manager."""
    people = planter.user_ids
    group = planter.group_ids[-1]
    for number in range(max(2, len(people) // 10)):
        device = planter.put(
            "devices",
            {
                "id": _id("device", number),
                "deviceId": _id("device id", number),
                "displayName": f"LAPTOP-{number:04d}",
                "accountEnabled": True,
                "operatingSystem": "Windows",
                "operatingSystemVersion": "10.0.26100.2033",
                "trustType": "AzureAd",
                "isCompliant": number % 2 == 0,
                "isManaged": True,
                "physicalIds": [f"[USER-GID]:{_id('device id', number)}:6755"],
                "approximateLastSignInDateTime": "2026-11-20T08:00:00Z",
                "registrationDateTime": "2024-05-02T09:00:00Z",
            },
        )
        for name in ("registeredOwners", "registeredUsers"):
            planter.store.link(f"devices.{name}", device, people[number * 7 % len(people)])
        if number == 0:
            planter.store.link("groups.members", group, device)
    name = "com.contoso.inventory"
    for owner in (_id("device", 0), planter.tenant_id):
        extension = {"id": f"microsoft.graph.openTypeExtension.{name}", "extensionName": name, "_owner": owner}
        planter.store.put(OPEN_EXTENSIONS, f"{owner}/{name}", {**extension, "asset": 4711, "floors": ["2", "3"]})
    for number in range(2):
        contact = planter.put(
            "orgContacts",
            {
                "id": _id("contact", number),
                "displayName": f"Supplier {number} “& Söhne”",
                "mail": f"supplier{number}@partner-sim.example",
                "mailNickname": f"supplier{number}",
                "proxyAddresses": [f"SMTP:supplier{number}@partner-sim.example"],
                "companyName": "Partner",
            },
        )
        if number == 0:
            planter.store.link("orgContacts.manager", contact, people[0])
