"""Dependencies point inward: domain ← catalog ← engines ← adapters ← bootstrap ← functions, cli ← function_app."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A layer may import itself and the layers named here.
ARROWS: dict[str, set[str]] = {
    "shared.domain": set(),
    "shared.catalog": {"shared.domain"},
    "shared.engines": {"shared.domain", "shared.catalog"},
    "shared.adapters": {"shared.domain", "shared.catalog", "shared.engines"},
    "shared.settings": {"shared.domain"},
    "shared.telemetry": set(),
    "shared.package": set(),
    "shared.allocator": set(),
    "shared.standalone": set(),  # handed out alone
    "shared.pages": {"shared.domain"},
    "shared.bootstrap": {
        "shared.domain",
        "shared.catalog",
        "shared.engines",
        "shared.adapters",
        "shared.settings",
        "shared.telemetry",
    },
}
ARROWS["shared.desks"] = {*ARROWS["shared.bootstrap"], "shared.bootstrap"}
ARROWS["shared.laptop"] = {*ARROWS["shared.desks"], "shared.desks"}
_INNER = {*ARROWS}
ARROWS["functions"] = _INNER
ARROWS["shared.cli"] = _INNER
ARROWS["function_app"] = {*_INNER, "functions"}

# Third-party packages a layer may use; the SDKs stay in the adapters.
LIBRARIES: dict[str, set[str]] = {
    "shared.domain": {"msgspec"},  # for values that come in millions
    "shared.catalog": set(),
    "shared.engines": {"croniter", "msgspec", "zstandard", "cryptography", "pydantic"},
    "shared.settings": {"pydantic"},
    "shared.telemetry": {"azure.monitor"},
    "shared.standalone": {"cryptography", "zstandard"},
    "shared.bootstrap": {"azure.core.credentials_async", "cryptography"},  # names of types only
    "functions": {"azure.functions"},
    "function_app": {"azure.functions"},
    "shared.pages": {"jinja2", "markupsafe"},
    "shared.cli": {"typer", "rich", "markupsafe", "cryptography", "msgspec", "click"},
}


def _layer(module: str) -> str:
    for layer in ARROWS:
        if module == layer or module.startswith(layer + "."):
            return layer
    return ""


def _files() -> Iterator[tuple[str, Path]]:
    for path in sorted([*ROOT.glob("shared/**/*.py"), *ROOT.glob("functions/**/*.py"), ROOT / "function_app.py"]):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module != "shared":
            yield module, path


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "shared")


MODULES = dict(_files())


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_imports_only_what_lies_further_in(module: str) -> None:
    layer = _layer(module)
    assert layer, f"{module} belongs to no layer"
    for name in _imports(MODULES[module]):
        if name.split(".")[0] in ("shared", "functions", "function_app", "tests"):
            target = _layer(name)
            allowed = {layer, *ARROWS[layer]}
            assert target in allowed or name == "shared", f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_libraries_stay_in_their_layer(module: str) -> None:
    layer = _layer(module)
    if layer not in LIBRARIES:
        return
    for name in _imports(MODULES[module]):
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in ("shared", "functions", "function_app"):
            continue
        known = LIBRARIES[layer]
        assert any(name == one or name.startswith(one + ".") for one in known), f"{module} imports {name}"


def test_engines_name_no_object_type() -> None:
    """A type that needs a special case in an engine shows that the catalog lacks a concept."""
    from shared.catalog.registry import CATALOG

    names = {spec.name for spec in CATALOG.types}
    for path in sorted((ROOT / "shared" / "engines").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                for part in ast.walk(node):
                    if isinstance(part, ast.Constant) and part.value in names:
                        raise AssertionError(f"{path.name}:{part.lineno} compares with the type {part.value!r}")
