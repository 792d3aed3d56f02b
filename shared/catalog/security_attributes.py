"""Custom security attributes: sets, definitions with their allowed values, and where values are assigned.

Nothing of sets and definitions can be deleted, in any tenant, only retired. Who administers a tenant has no right
to any of it by default, nor has an app that may read all users: its permissions are its own.
"""

from __future__ import annotations

from shared.catalog.spec import (
    AnchorSpec,
    Create,
    Drill,
    MatchKey,
    MemberGroup,
    ObjectType,
    Quirk,
    Strength,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_READ = (("CustomSecAttributeDefinition.Read.All",),)
_WRITE = (("CustomSecAttributeDefinition.ReadWrite.All",),)
_SETS = "/directory/attributeSets"
_DEFINITIONS = "/directory/customSecurityAttributeDefinitions"

# What users and service principals hold of them.
MEMBER = "customSecurityAttributes"
VALUES = MemberGroup(
    MEMBER,
    (("CustomSecAttributeAssignment.Read.All",),),
    (("CustomSecAttributeAssignment.ReadWrite.All",),),
    members=(MEMBER,),
)
VALUED = {MEMBER: "#microsoft.graph.customSecurityAttributeValue"}

ATTRIBUTE_SETS = ObjectType(
    name="attributeSets",
    title="Sets of custom security attributes",
    path=_SETS,
    odata_type="#microsoft.graph.attributeSet",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    name_property="id",
    match_keys=(MatchKey(("id",), Strength.UNIQUE),),
    anchor=AnchorSpec(AnchorKind.KEY, "id", _SETS),
    create=Create(_SETS),
    writable=("description", "maxAttributesPerSet"),
    create_only=("id",),
    stays="Microsoft Entra keeps it for good: it can be deactivated, never deleted",
    quirks=(
        Quirk(
            "Can't be deleted. At most 500 sets in a tenant.",
            "Microsoft Entra: Add or deactivate custom security attribute definitions; service limits",
        ),
    ),
)

CUSTOM_SECURITY_ATTRIBUTE_DEFINITIONS = ObjectType(
    name="customSecurityAttributeDefinitions",
    title="Custom security attributes and their allowed values",
    path=_DEFINITIONS,
    odata_type="#microsoft.graph.customSecurityAttributeDefinition",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    inline=("allowedValues",),
    name_property="id",
    match_keys=(MatchKey(("attributeSet", "name"), Strength.UNIQUE),),
    anchor=AnchorSpec(AnchorKind.KEY, "name", f"{_DEFINITIONS}?$expand=allowedValues"),
    # Only what is available takes values.
    create=Create(_DEFINITIONS, held={"status": "Available"}),
    writable=("allowedValues", "description", "status", "usePreDefinedValuesOnly"),
    create_only=("attributeSet", "isCollection", "isSearchable", "name", "type"),
    sets=("allowedValues",),
    retired={"allowedValues": "isActive"},
    references=(ValueReference("attributeSet", ("attributeSets",)),),
    drill=Drill.REHEARSAL,
    stays="Microsoft Entra keeps it for good: it can be deactivated, never deleted",
    quirks=(
        Quirk(
            "Can't be deleted, only deprecated; the id is made of the set and the name, so that one that is made "
            "in another tenant has the same.",
            "Microsoft Graph: customSecurityAttributeDefinition resource type",
        ),
        Quirk(
            "Allowed values are changed one by one, and are never taken away: one that was added since is "
            "deactivated.",
            "Microsoft Graph: Update customSecurityAttributeDefinition, allowedValues@delta",
        ),
        Quirk(
            "A token without CustomSecAttributeAssignment.Read.All reads users and service principals without the "
            "values assigned to them.",
            "Microsoft Graph: Get user, customSecurityAttributes",
        ),
    ),
)
