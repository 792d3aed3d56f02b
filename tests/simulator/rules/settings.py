"""Templates of group settings: the same ids and defaults in every tenant.

Source: "Overview of group settings" and "List groupSettingTemplates" (learn.microsoft.com/graph/).
"""

from __future__ import annotations

from typing import Any

_TEXT, _FLAG, _NUMBER, _GUID = "System.String", "System.Boolean", "System.Int32", "System.Guid"
UNIFIED = "62375ab9-6b52-47ed-826b-58e47e0e304b"
UNIFIED_GUEST = "08d542b9-071f-4e16-94b0-74abb372e3d9"
PASSWORD_RULES = "5cf42378-d67d-4f36-ba46-e8b86229381d"


def _template(key: str, name: str, description: str, *values: tuple[str, str, str]) -> dict[str, Any]:
    held = [{"name": n, "type": t, "defaultValue": d, "description": f"Setting {n}"} for n, t, d in values]
    return {"id": key, "displayName": name, "description": description, "values": held}


TEMPLATES: dict[str, dict[str, Any]] = {
    one["id"]: one
    for one in (
        _template(
            UNIFIED,
            "Group.Unified",
            "Settings of all Microsoft 365 groups",
            ("NewUnifiedGroupWritebackDefault", _FLAG, "true"),
            ("EnableMIPLabels", _FLAG, "false"),
            ("CustomBlockedWordsList", _TEXT, ""),
            ("EnableMSStandardBlockedWords", _FLAG, "false"),
            ("ClassificationDescriptions", _TEXT, ""),
            ("DefaultClassification", _TEXT, ""),
            ("PrefixSuffixNamingRequirement", _TEXT, ""),
            ("AllowGuestsToBeGroupOwner", _FLAG, "false"),
            ("AllowGuestsToAccessGroups", _FLAG, "true"),
            ("GuestUsageGuidelinesUrl", _TEXT, ""),
            ("GroupCreationAllowedGroupId", _GUID, ""),
            ("AllowToAddGuests", _FLAG, "true"),
            ("UsageGuidelinesUrl", _TEXT, ""),
            ("ClassificationList", _TEXT, ""),
            ("EnableGroupCreation", _FLAG, "true"),
        ),
        _template(
            UNIFIED_GUEST,
            "Group.Unified.Guest",
            "Guest settings of one Microsoft 365 group",
            ("AllowToAddGuests", _FLAG, "true"),
        ),
        _template(
            PASSWORD_RULES,
            "Password Rule Settings",
            "Lockout and banned passwords",
            ("BannedPasswordCheckOnPremisesMode", _TEXT, "Audit"),
            ("EnableBannedPasswordCheckOnPremises", _FLAG, "true"),
            ("EnableBannedPasswordCheck", _FLAG, "true"),
            ("LockoutDurationInSeconds", _NUMBER, "60"),
            ("LockoutThreshold", _NUMBER, "10"),
            ("BannedPasswordList", _TEXT, ""),
        ),
        _template(
            "dffd5d46-495d-40a9-8e21-954ff55e198a",
            "Consent Policy Settings",
            "Consent to applications",
            ("EnableGroupSpecificConsent", _FLAG, "false"),
            ("BlockUserConsentForRiskyApps", _FLAG, "true"),
            ("EnableAdminConsentRequests", _FLAG, "false"),
            ("ConstrainGroupSpecificConsentToMembersOfGroupId", _GUID, ""),
        ),
        _template(
            "80661d51-be2f-4d46-9713-98a2fcaec5bc",
            "Prohibited Names Settings",
            "Names that are not allowed",
            ("CustomBlockedSubStringsList", _TEXT, ""),
            ("CustomBlockedWholeWordsList", _TEXT, ""),
        ),
    )
}
