"""Directory extensions: properties that applications add to users, groups and others, and where their names stand.

A property is called `extension_{appId without dashes}_{name}`: on the objects that hold values, in rules of dynamic
membership, and in claims. An application that is made anew has another appId, so all of these are renamed with it.
"""

from __future__ import annotations

from shared.catalog.spec import (
    AnchorSpec,
    Condition,
    Create,
    Drill,
    Found,
    MatchKey,
    MemberGroup,
    ObjectType,
    Protected,
    Quirk,
    Strength,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind, Reason

_PREFIX = "extension_[0-9a-fA-F]{32}_"
_NAME = f"{_PREFIX}[0-9A-Za-z_]+"
_READ = (("Application.Read.All", "Directory.Read.All"),)
_PATH = "/applications/{parent}/extensionProperties"

# Values are members that bear a property's name.
BY_NAME = ValueReference("*", ("extensionProperties",), key="name", names=True, pattern=_NAME)


def in_text(path: str) -> ValueReference:
    """Names of properties within longer text, such as `user.extension_…_team -eq "A"`."""
    return ValueReference(path, ("extensionProperties",), key="name", text=True, pattern=_NAME)


def values_of(kind: str) -> MemberGroup:
    """The values that objects of a kind (`User`) hold."""
    also = "/directoryObjects/getAvailableExtensionProperties"
    found = Found("extensionProperties", "targetObjects", kind, also, (("Directory.Read.All",),), _NAME)
    return MemberGroup("directoryExtensions", _READ, found=found)


EXTENSION_PROPERTIES = ObjectType(
    name="extensionProperties",
    title="Directory extensions of applications",
    path=_PATH,
    odata_type="#microsoft.graph.extensionProperty",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=_READ,
    needs_to_write=(("Application.ReadWrite.All",),),
    parent="applications",
    parent_relationship="extensionProperties",
    name_property="name",
    list_cost=2,
    match_keys=(MatchKey(("name",), Strength.UNIQUE),),
    anchor=AnchorSpec(AnchorKind.KEY, "name", _PATH),
    create=Create(_PATH),
    create_only=("dataType", "isMultiValued", "name", "targetObjects"),
    volatile=("appDisplayName",),
    sets=("targetObjects",),
    prefixed={"name": _PREFIX},
    protected=(Protected(Condition("isSyncedFromOnPremises", (True,)), Reason.SYNCED),),
    keys_besides_id=("name",),
    drill=Drill.REHEARSAL,
    quirks=(
        Quirk(
            "Created by its short name, shown as extension_{appId without dashes}_{name}, and never changed after.",
            "Microsoft Graph: Create extensionProperty",
        ),
        Quirk(
            "The call that lists those of other tenants' applications, too, answers with nothing in a tenant of "
            "more than 1,000 service principals. Those of the tenant's own applications are read from them.",
            "Microsoft Graph: directoryObject: getAvailableExtensionProperties",
        ),
        Quirk(
            "Values of a property that was deleted are out of sight, and back with a property of the same name.",
            "Microsoft Graph: Add custom data to resources by using extensions, directory extensions",
            unverified=True,
        ),
    ),
)
