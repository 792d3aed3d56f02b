"""Settings of single groups."""

from __future__ import annotations

from .form import TypeRule
from .plain import Plain
from .registry import any_of
from .settings import UNIFIED_GUEST

_READ = (
    "GroupSettings.Read.All",
    "GroupSettings.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
_WRITE = any_of("GroupSettings.ReadWrite.All", "Directory.ReadWrite.All")
_GUESTS = {
    "templateId": UNIFIED_GUEST,
    "values": [{"name": "AllowToAddGuests", "value": "false"}],
}

SETTINGS_OF_GROUPS = Plain(
    rule=TypeRule(
        table="groupSpecificSettings",
        path="/groups/{id}/settings",
        odata_type="#microsoft.graph.groupSetting",
        model="group_setting.GroupSetting",
        source="https://learn.microsoft.com/graph/api/group-post-settings",
        required=("templateId", "values"),
        read_only=frozenset(("id", "displayName")),
        write_once=frozenset(("templateId",)),
        audit_name="settings of a group",
    ),
    read=any_of(*_READ),
    change=_WRITE,
    create=_WRITE,
    parent="groups",
    defaults={"displayName": "Group.Unified.Guest"},
    sole=("templateId",),
    versions=("v1.0",),
    starts=({"_parent": "@unified/0", **_GUESTS}, {"_parent": "@unified/1", **_GUESTS}),
)

GROUP_SETTINGS_ROWS: tuple[Plain, ...] = (SETTINGS_OF_GROUPS,)
