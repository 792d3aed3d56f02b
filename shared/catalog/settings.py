"""Settings of the tenant that stand alone: registration of devices, leaving as a guest, federated tokens."""

from __future__ import annotations

from shared.catalog.spec import DomainName, ObjectType, Quirk, ValueReference, WaveNumber

_ALWAYS_THERE = "every tenant has one, which can't be deleted"
_MEMBERSHIPS = (
    "azureADJoin.allowedToJoin",
    "azureADJoin.localAdmins.registeringUsers",
    "azureADRegistration.allowedToRegister",
)

DEVICE_REGISTRATION_POLICY = ObjectType(
    name="deviceRegistrationPolicy",
    title="Device registration policy",
    path="/policies/deviceRegistrationPolicy",
    odata_type="#microsoft.graph.deviceRegistrationPolicy",
    singleton=True,
    wave=WaveNumber.POLICIES,
    needs_to_read=(("Policy.Read.DeviceConfiguration",),),
    needs_to_write=(("Policy.ReadWrite.DeviceConfiguration",),),
    writable=(
        "azureADJoin",
        "azureADRegistration",
        "localAdminPassword",
        "multiFactorAuthConfiguration",
        "userDeviceQuota",
    ),
    put=True,
    whole=("azureADJoin", "azureADRegistration", "localAdminPassword"),
    kinds=_MEMBERSHIPS,
    sets=tuple(f"{path}.{name}" for path in _MEMBERSHIPS for name in ("groups", "users")),
    references=tuple(
        ValueReference(f"{path}.{name}[]", (name,), include=True)
        for path in _MEMBERSHIPS
        for name in ("groups", "users")
    ),
    not_created=_ALWAYS_THERE,
    quirks=(
        Quirk(
            "A change is a PUT: a quota that it leaves out becomes 0, and nobody may register a device.",
            "Microsoft Graph: Update deviceRegistrationPolicy",
        ),
        Quirk(
            "All, nobody or those listed: the @odata.type alone says which.",
            "Microsoft Graph: deviceRegistrationMembership resource type",
        ),
    ),
)

EXTERNAL_IDENTITIES_POLICY = ObjectType(
    name="externalIdentitiesPolicy",
    title="External identities policy",
    path="/policies/externalIdentitiesPolicy",
    odata_type="#microsoft.graph.externalIdentitiesPolicy",
    version="beta",
    singleton=True,
    wave=WaveNumber.POLICIES,
    needs_to_read=(("Policy.Read.All",),),
    needs_to_write=(("Policy.ReadWrite.ExternalIdentities",),),
    writable=("allowDeletedIdentitiesDataRemoval", "allowExternalIdentitiesToLeave"),
    not_created=_ALWAYS_THERE,
    quirks=(
        Quirk(
            "Whether guests may leave by themselves, and whether their data is then removed. Known to beta alone.",
            "Microsoft Graph: externalIdentitiesPolicy resource type (beta)",
        ),
    ),
)

FEDERATED_TOKEN_VALIDATION_POLICY = ObjectType(
    name="federatedTokenValidationPolicy",
    title="Validation of federated tokens",
    path="/policies/federatedTokenValidationPolicy",
    odata_type="#microsoft.graph.federatedTokenValidationPolicy",
    second_look="federation",
    singleton=True,
    wave=WaveNumber.POLICIES,
    needs_to_read=(("Policy.Read.All",),),
    needs_to_write=(("Policy.ReadWrite.FedTokenValidation",),),
    name_property="id",
    writable=("validatingDomains",),
    put=True,
    whole=("validatingDomains",),
    kinds=("validatingDomains",),
    sets=("validatingDomains.domainNames",),
    references=(ValueReference("validatingDomains.domainNames[]", ("domains",)),),
    domain_names=(DomainName("validatingDomains.domainNames[]", verified=True),),
    not_created=_ALWAYS_THERE,
    quirks=(
        Quirk(
            "Whether a federated account's domain must be that of the account it signs in to: by kind of domain, "
            "or for the domains that are listed. The @odata.type says which.",
            "Microsoft Graph: validatingDomains, allDomains and enumeratedDomains resource types",
        ),
    ),
)
