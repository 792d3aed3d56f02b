"""Applications, consent and attributes, as far as they are plain."""

from __future__ import annotations

from .form import TypeRule
from .plain import Named, Plain
from .registry import any_of, words

_GUIDE = "https://learn.microsoft.com/graph/api/"
_DEFINITION_READ = any_of("CustomSecAttributeDefinition.Read.All", "CustomSecAttributeDefinition.ReadWrite.All")
_DEFINITION_WRITE = any_of("CustomSecAttributeDefinition.ReadWrite.All")

ATTRIBUTE_SETS = Plain(
    rule=TypeRule(
        table="attributeSets",
        path="/directory/attributeSets",
        odata_type="#microsoft.graph.attributeSet",
        model="attribute_set.AttributeSet",
        source=_GUIDE + "directory-post-attributesets",
        required=("id",),
        audit_name="attribute set",
        audit_category="AttributeManagement",
    ),
    read=_DEFINITION_READ,
    change=_DEFINITION_WRITE,
    create=_DEFINITION_WRITE,
    delete=(),
    starts=(
        {"id": "Engineering", "description": "What engineers have", "maxAttributesPerSet": 25},
        {"id": "Legal", "description": "Holds – §1", "maxAttributesPerSet": None},
    ),
)


def _definition(name: str, kind: str, *, many: bool = False, values: tuple[str, ...] = (), **more: object) -> dict:
    return {
        "id": f"Engineering_{name}",
        "attributeSet": "Engineering",
        "name": name,
        "type": kind,
        "isCollection": many,
        "isSearchable": True,
        "status": "Available",
        "usePreDefinedValuesOnly": bool(values),
        "description": f"{name} of engineers",
        "allowedValues": [{"id": value, "isActive": True} for value in values],
        **more,
    }


DEFINITIONS = Plain(
    rule=TypeRule(
        table="customSecurityAttributeDefinitions",
        path="/directory/customSecurityAttributeDefinitions",
        odata_type="#microsoft.graph.customSecurityAttributeDefinition",
        model="custom_security_attribute_definition.CustomSecurityAttributeDefinition",
        source=_GUIDE + "directory-post-customsecurityattributedefinitions",
        required=words("attributeSet isCollection isSearchable name status type usePreDefinedValuesOnly"),
        read_only=frozenset(("id",)),
        write_once=frozenset(("attributeSet", "isCollection", "isSearchable", "name", "type")),
        audit_name="custom security attribute definition",
        audit_category="AttributeManagement",
    ),
    read=_DEFINITION_READ,
    change=_DEFINITION_WRITE,
    create=_DEFINITION_WRITE,
    delete=(),
    inline=("allowedValues",),
    grows=("allowedValues",),
    joined=("attributeSet", "name"),
    names=(Named("attributeSet", ("attributeSets",)),),
    starts=(
        _definition("Projects", "String", many=True, values=tuple(f"Project {n:02}" for n in range(24))),
        _definition("Level", "Integer"),
        _definition("Cleared", "Boolean"),
        _definition("Badge", "String", description=None),
    ),
)

APPS: tuple[Plain, ...] = (ATTRIBUTE_SETS, DEFINITIONS)
