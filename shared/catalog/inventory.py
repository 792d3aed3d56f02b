"""What a tenant holds and nobody can put back: devices, contacts, subscriptions, schema extensions."""

from __future__ import annotations

from shared.catalog.spec import (
    MAIL_ADDRESSES,
    Drill,
    LinkWrite,
    MatchKey,
    ObjectType,
    Quirk,
    Relationship,
    StaysBehind,
    Stock,
    Strength,
    WaveNumber,
)
from shared.domain.plan import Reason

_READ_USERS = ("User.Read.All", "Directory.Read.All")
_NOTHING = "nothing can be written back"

DEVICES = ObjectType(
    name="devices",
    title="Devices",
    path="/devices",
    odata_type="#microsoft.graph.device",
    wave=WaveNumber.REST,
    needs_to_read=(("Device.Read.All", "Directory.Read.All"),),
    needs_to_write=(),
    page_size=999,
    delta=True,
    relationships=tuple(
        Relationship(
            name=name,
            target_types=("users",),
            write=LinkWrite.NONE,
            needs_to_read=(("Device.Read.All", "Directory.Read.All"), _READ_USERS),
        )
        for name in ("registeredOwners", "registeredUsers")
    ),
    match_keys=(MatchKey(("deviceId",), Strength.WEAK),),
    stays_behind=StaysBehind(
        Reason.FOREIGN, "a device is in one tenant at a time, and has to join the other itself"
    ),
    only_read="its key is on the device itself, which has to join again",
    volatile=("approximateLastSignInDateTime", "onPremisesLastSyncDateTime"),
    sets=("physicalIds", "systemLabels", "alternativeSecurityIds"),
    drill=Drill.NONE,
    no_drill=_NOTHING,
    quirks=(
        Quirk("A device comes back by joining or registering again.", "Microsoft Graph: device resource type"),
        Quirk(
            "BitLocker keys and local administrators' passwords are objects of their own, and are not read.",
            "Microsoft Graph: bitlockerRecoveryKey, deviceLocalCredentialInfo resource types",
        ),
    ),
)

ORG_CONTACTS = ObjectType(
    name="orgContacts",
    title="Organizational contacts",
    path="/contacts",
    odata_type="#microsoft.graph.orgContact",
    wave=WaveNumber.REST,
    needs_to_read=(("OrgContact.Read.All", "Directory.Read.All"),),
    needs_to_write=(),
    page_size=999,
    delta=True,
    relationships=(
        Relationship(
            name="manager",
            target_types=("users", "orgContacts"),
            write=LinkWrite.NONE,
            many=False,
            needs_to_read=(("OrgContact.Read.All", "Directory.Read.All"), _READ_USERS),
        ),
    ),
    match_keys=(MAIL_ADDRESSES, MatchKey(("mail",), Strength.WEAK)),
    stays_behind=StaysBehind(
        Reason.FOREIGN, "Exchange or the other tenant's own synchronization makes contacts there"
    ),
    only_read="Exchange or the synchronization makes contacts, and Graph can't",
    volatile=("onPremisesLastSyncDateTime",),
    sets=("proxyAddresses",),
    drill=Drill.NONE,
    no_drill=_NOTHING,
    quirks=(
        Quirk(
            "Contacts are kept in Exchange or on premises, and only shown here.",
            "Microsoft Graph: orgContact resource type",
        ),
    ),
)

SUBSCRIBED_SKUS = ObjectType(
    name="subscribedSkus",
    title="Subscriptions",
    path="/subscribedSkus",
    odata_type="#microsoft.graph.subscribedSku",
    wave=WaveNumber.REST,
    needs_to_read=(("LicenseAssignment.Read.All", "Organization.Read.All", "Directory.Read.All"),),
    needs_to_write=(),
    list_cost=3,
    name_property="skuPartNumber",
    match_keys=(MatchKey(("skuId",), Strength.WEAK, across=True),),
    stays_behind=StaysBehind(
        Reason.LICENCE, "the other tenant has no such subscription: they are bought, not made"
    ),
    only_read="subscriptions are bought, not made",
    stock=Stock(
        "skuId",
        "prepaidUnits.enabled",
        "consumedUnits",
        "Microsoft Graph: subscribedSku and licenseUnitsDetail resource types",
    ),
    volatile=("consumedUnits",),
    sets=("servicePlans", "subscriptionIds"),
    drill=Drill.NONE,
    no_drill=_NOTHING,
    quirks=(
        Quirk(
            "Licences are assigned from it, and each assignment changes consumedUnits.",
            "Microsoft Graph: subscribedSku resource type",
        ),
    ),
)

SCHEMA_EXTENSIONS = ObjectType(
    name="schemaExtensions",
    title="Schema extensions",
    path="/schemaExtensions",
    odata_type="#microsoft.graph.schemaExtension",
    wave=WaveNumber.REST,
    needs_to_read=(("Application.Read.All", "Directory.Read.All"),),
    needs_to_write=(),
    name_property="id",
    only_read="only the application that owns one may make, change or delete it",
    sets=("targetTypes", "properties"),
    drill=Drill.NONE,
    no_drill=_NOTHING,
    quirks=(
        Quirk(
            "The list holds the tenant's own, and those of other tenants that are available to everybody.",
            "Microsoft Graph: List schemaExtensions",
        ),
        Quirk(
            "An application may name itself as owner only, and nobody but the owner updates one.",
            "Microsoft Graph: Create schemaExtension; Update schemaExtension",
        ),
    ),
)
