"""Administrative units and their members."""

from __future__ import annotations

from shared.catalog.extensions import in_text
from shared.catalog.spec import (
    AnchorSpec,
    Bin,
    Condition,
    Create,
    DomainName,
    Licence,
    LinkWrite,
    MatchKey,
    ObjectType,
    Quirk,
    Relationship,
    Strength,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_READ = (("AdministrativeUnit.Read.All", "Directory.Read.All"),)
_WRITE = (("AdministrativeUnit.ReadWrite.All",),)

ADMINISTRATIVE_UNITS = ObjectType(
    name="administrativeUnits",
    title="Administrative units",
    path="/directory/administrativeUnits",
    odata_type="#microsoft.graph.administrativeUnit",
    wave=WaveNumber.PEOPLE,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    page_size=999,
    delta=True,
    relationships=(
        Relationship(
            name="members",
            target_types=("users", "groups", "devices"),
            write=LinkWrite.REF,
            delta=True,
            crowded=0.5,
            computed_when=Condition("membershipType", ("Dynamic",)),
            seals_when=Condition("isMemberManagementRestricted", (True,)),
            # Units with hidden membership show their members to those who may see hidden ones only.
            needs_to_read=(*_READ, ("Member.Read.Hidden",)),
            needs_to_write=_WRITE,
        ),
    ),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(
        AnchorKind.MARKER,
        "displayName",
        "/directory/administrativeUnits?$filter=displayName eq '{value}'&$select=id,displayName",
        "/directory/deletedItems/microsoft.graph.administrativeUnit?$select=id,displayName&$top=999",
    ),
    bin=Bin(
        list="/directory/deletedItems/microsoft.graph.administrativeUnit",
        item="/directory/deletedItems/{id}",
        restore="/directory/deletedItems/{id}/restore",
        version="v1.0",
    ),
    # A rule that runs before it was looked at would put people under other administrators at once.
    create=Create("/directory/administrativeUnits", held={"membershipRuleProcessingState": "Paused"}),
    writable=(
        "description",
        "displayName",
        "membershipRule",
        "membershipRuleProcessingState",
        "membershipType",
        "visibility",
    ),
    create_only=("isMemberManagementRestricted",),
    references=(in_text("membershipRule"),),
    domain_names=(DomainName("membershipRule"),),
    licence=Licence(
        "Entra ID P1 for the administrators of a unit, and for its members where a rule names them",
        "Microsoft Entra: administrative units, License requirements",
    ),
    quirks=(
        Quirk(
            "Members of a unit with restricted management can be changed only with a role scoped to that unit, so "
            "they are put there after everything else that happens to them.",
            "Microsoft Entra: restricted management administrative units",
        ),
        Quirk(
            "isMemberManagementRestricted can be set only when the unit is created.",
            "Microsoft Graph: administrativeUnit resource type",
        ),
        Quirk("The name is not unique, so a created unit carries a marker.", "Microsoft Graph: administrativeUnit"),
    ),
)
