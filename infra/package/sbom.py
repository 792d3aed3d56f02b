"""What the package is made of, as a CycloneDX document: the product, its libraries, and which requires which."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import Distribution

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from infra.package.contents import requires

# A document that said when it was made would differ each time.
_MADE = datetime(1980, 1, 1, tzinfo=UTC)


def document(product: str, version: str, libraries: Sequence[Distribution], digest: str) -> str:
    """CycloneDX 1.6 as JSON, the same for the same package."""
    licenses = LicenseFactory()
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{product}:{digest}"))
    bom.metadata.timestamp = _MADE
    root = Component(name=product, version=version, type=ComponentType.APPLICATION, bom_ref=product)
    bom.metadata.component = root
    parts = {}
    for one in libraries:
        name = canonicalize_name(one.name)
        stated = one.metadata.get("License-Expression") or ""
        parts[name] = Component(
            name=name,
            version=one.version,
            type=ComponentType.LIBRARY,
            bom_ref=f"{name}@{one.version}",
            purl=PackageURL("pypi", None, name, one.version),
            licenses=[licenses.make_from_string(stated)] if stated else [],
        )
    for component in parts.values():
        bom.components.add(component)
    bom.register_dependency(root, parts.values())
    for one in libraries:
        below = {name for name, _ in requires(one, "")}
        bom.register_dependency(parts[canonicalize_name(one.name)], [parts[name] for name in sorted(below)])
    return JsonV1Dot6(bom).output_as_string(indent=1)
