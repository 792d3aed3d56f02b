"""`$metadata`: what the service declares, built from the SDK's models; sets of the first level only."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from . import schema
from .rules.permissions import PERMISSIONS
from .rules.types import TYPES
from .service import Request, Response, Service, route

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
    '<Schema Namespace="microsoft.graph" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
)
_TAIL = "</Schema></edmx:DataServices></edmx:Edmx>"


def document(service: Service) -> str:
    """With the properties that `settings.new_properties` adds by table, as a release of the service would."""
    kinds, sets = [], []
    for table, rule in TYPES.items():
        if rule.root.count("/") != 1 or ("GET", rule.root) not in PERMISSIONS:
            continue
        kind = rule.odata_type.removeprefix("#microsoft.graph.")
        names = [*schema.names(schema.load(rule.model), preview=False)]
        names += service.settings.new_properties.get(table, ())
        members = "".join(f'<Property Name={quoteattr(name)} Type="Edm.String" />' for name in dict.fromkeys(names))
        kinds.append(f'<EntityType Name="{kind}"><Key><PropertyRef Name="id" /></Key>{members}</EntityType>')
        sets.append(f'<EntitySet Name="{rule.root[1:]}" EntityType="microsoft.graph.{kind}" />')
    container = f'<EntityContainer Name="GraphService">{"".join(sets)}</EntityContainer>'
    return f"{_HEAD}{''.join(kinds)}{container}{_TAIL}"


def get_metadata(service: Service, request: Request) -> Response:
    return Response(200, {"#text": document(service)})


route("GET", "/$metadata", get_metadata)
