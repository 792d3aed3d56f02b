"""Directory extensions and custom security attributes: behaviour that is not a plain property rule."""

from __future__ import annotations

from .registry import Rule

_LEARN = "https://learn.microsoft.com/"
_GUIDE = "Add custom data to resources by using extensions, " + _LEARN + "graph/extensibility-overview"
_AVAILABLE = (
    "directoryObject: getAvailableExtensionProperties, "
    + _LEARN
    + "graph/api/directoryobject-getavailableextensionproperties"
)

_ASSIGN = (
    "Assign, update, list, or remove custom security attribute assignments using the Microsoft Graph API, "
    + _LEARN
    + "graph/custom-security-attributes-examples"
)

EXTENSIONS: tuple[Rule, ...] = (
    Rule(
        "attribute.type-tags",
        "A set says that it is a customSecurityAttributeValue, and collections and integers say their types.",
        _ASSIGN,
    ),
    Rule(
        "attribute.hidden",
        "A token without the permission to read assignments sees none, without error.",
        "Get user, " + _LEARN + "graph/api/user-get",
        unverified=True,
    ),
    Rule(
        "attribute.deprecated",
        "A deactivated attribute can't be assigned.",
        "customSecurityAttributeDefinition resource type, "
        + _LEARN
        + "graph/api/resources/customsecurityattributedefinition",
    ),
    Rule(
        "extension.full-name",
        "A property is created by its short name and answers with extension_{appId without dashes}_{name}.",
        "Create extensionProperty, " + _LEARN + "graph/api/application-post-extensionproperty",
    ),
    Rule(
        "extension.values",
        "Values are set with the object they are on, by the property's full name; null takes one away.",
        _GUIDE,
    ),
    Rule(
        "extension.select",
        "Values are shown only where $select names them, and a name whose property isn't there answers 400.",
        _GUIDE,
        unverified=True,
    ),
    Rule(
        "extension.values-kept",
        "Values of a deleted property are out of sight and come back with a property of the same name.",
        _GUIDE,
        unverified=True,
    ),
    Rule(
        "extension.available-limit",
        "With more than 1,000 service principals the list of available properties is empty, without a word.",
        _AVAILABLE,
    ),
)
