"""What is only read here: devices and contacts, and the permissions for them."""

from __future__ import annotations

from .form import LinkRule, TypeRule
from .registry import Alternatives, any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"

DEVICES = TypeRule(
    table="devices",
    odata_type="#microsoft.graph.device",
    model="device.Device",
    source=_GUIDE + "device-list",
    read_only=frozenset(("id", "deletedDateTime")),
    alternate_keys=("deviceId",),
    unique=("deviceId",),
    links=(LinkRule("registeredOwners", ("users",)), LinkRule("registeredUsers", ("users",))),
    has_delta=True,
    expandable=frozenset(("registeredOwners", "registeredUsers")),
    audit_name="device",
    audit_category="Device",
)

CONTACTS = TypeRule(
    table="orgContacts",
    path="/contacts",
    odata_type="#microsoft.graph.orgContact",
    model="org_contact.OrgContact",
    source=_GUIDE + "orgcontact-list",
    read_only=frozenset(("id", "deletedDateTime")),
    links=(LinkRule("manager", ("users", "orgContacts"), single=True),),
    has_delta=True,
    expandable=frozenset(("manager",)),
    audit_name="contact",
)

_DEVICE_READ = any_of("Device.Read.All", "Device.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
_CONTACT_READ = any_of("OrgContact.Read.All", "Directory.Read.All", "Directory.ReadWrite.All")

READ: dict[str, Alternatives] = {"devices": _DEVICE_READ, "orgContacts": _CONTACT_READ}
PERMISSIONS: dict[tuple[str, str], Alternatives] = {
    **{
        ("GET", path): _DEVICE_READ
        for path in (
            "/devices",
            "/devices/$count",
            "/devices/delta",
            "/devices/{id}",
            "/devices/{id}/memberOf",
            "/devices/{id}/registeredOwners",
            "/devices/{id}/registeredUsers",
        )
    },
    **{
        ("GET", path): _CONTACT_READ
        for path in (
            "/contacts",
            "/contacts/$count",
            "/contacts/delta",
            "/contacts/{id}",
            "/contacts/{id}/manager",
            "/contacts/{id}/memberOf",
        )
    },
}
