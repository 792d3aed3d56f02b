"""What goes into the package: the code that a function app runs, and the libraries that this code imports.

Two rules, neither of them a list of names to keep up to date. A library is in if the code imports it anywhere, or
if a library that is in requires it. Of a tree of generated code, only what is imported when its library is imported
is in: msgraph-sdk is some 390 MB installed, nearly all of it models that Holdfast never touches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.package.imports import anywhere, eager, named

PRODUCT = ("function_app.py", "host.json", "functions", "shared")
# The command line runs on an operator's machine, and the auditor's script goes out with an export.
NOT_IN_APPS = ("shared/cli", "shared/standalone")
GENERATED = ("msgraph/generated",)
# For installers. What is built here is never changed or taken out again by one.
_INSTALLER_FILES = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json"})
TARGET_ENVIRONMENT = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.13.0",
    "python_version": "3.13",
    "sys_platform": "linux",
}


def product_files(root: Path) -> list[Path]:
    """Files of the product, relative to its root."""
    found = []
    for name in PRODUCT:
        path = root / name
        inside = [path] if path.is_file() else sorted(path.rglob("*"))
        found += [one.relative_to(root) for one in inside if one.is_file() and "__pycache__" not in one.parts]
    return [one for one in found if not any(one.is_relative_to(out) for out in NOT_IN_APPS)]


def needed(root: Path, installed: Path) -> list[Distribution]:
    """The libraries that the product's files import, with all that these require, by name. Raises `LookupError`
    where one that is required isn't installed there."""
    there = {canonicalize_name(one.name): one for one in _distributions(installed)}
    owners = _owners(there)
    wanted: dict[str, set[str]] = {}
    queue = [(name, "") for top in sorted(_imported(root)) for name in sorted(owners.get(top, ()))]
    while queue:
        name, extra = queue.pop()
        if extra in wanted.setdefault(name, set()):
            continue
        wanted[name].add(extra)
        if name not in there:
            raise LookupError(f"{name} is required and not installed: requirements.txt lacks it")
        queue += list(requires(there[name], extra))
    return [there[name] for name in sorted(wanted)]


def library_files(installed: Path, libraries: Iterable[Distribution]) -> list[Path]:
    """Files of these libraries, relative to where they are installed, less generated code that nothing imports."""
    files = sorted(
        {
            Path(str(one))
            for library in libraries
            for one in library.files or ()
            if ".." not in one.parts and one.parts[0] != "bin" and "__pycache__" not in one.parts
        }
    )
    kept = [one for one in files if not (one.parts[0].endswith(".dist-info") and one.name in _INSTALLER_FILES)]
    return [one for one in _without_idle(installed, kept) if (installed / one).is_file()]


def requires(library: Distribution, extra: str) -> Iterator[tuple[str, str]]:
    """What a library with this extra (\"\" is none) requires where functions run, as name and extra."""
    for line in library.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({**TARGET_ENVIRONMENT, "extra": extra}):
            yield from ((canonicalize_name(requirement.name), one) for one in ("", *requirement.extras))


def _imported(root: Path) -> set[str]:
    names: set[str] = set()
    for path in product_files(root):
        if path.suffix == ".py":
            module, package = named(path, Path())
            names |= anywhere((root / path).read_text(encoding="utf-8"), module, package=package)
    return names


def _distributions(installed: Path) -> Iterator[Distribution]:
    for folder in sorted(installed.glob("*.dist-info")):
        yield PathDistribution(folder)


def _owners(there: Mapping[str, Distribution]) -> Mapping[str, set[str]]:
    """Which library holds a module, for every module and package. Namespace packages have many."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, library in there.items():
        for one in library.files or ():
            parts = one.with_suffix("").parts
            if one.suffix == ".py":
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)].add(name)
            elif one.suffix == ".so":
                found[".".join((*parts[:-1], one.name.partition(".")[0]))].add(name)
    return found


def _without_idle(installed: Path, files: list[Path]) -> Iterator[Path]:
    trees = tuple(Path(one) for one in GENERATED)
    generated = {named(one, Path())[0]: one for one in files if one.suffix == ".py" and _below(one, trees)}
    outside = [one for one in files if not _below(one, trees)]
    queue = [one for one in outside if any(one.is_relative_to(tree.parent) for tree in trees)]
    used: set[Path] = set()
    while queue:
        path = queue.pop()
        if path.suffix != ".py":
            continue
        module, package = named(path, Path())
        text = (installed / path).read_text(encoding="utf-8")
        for name in eager(text, module, package=package):
            if name in generated and generated[name] not in used:
                used.add(generated[name])
                queue.append(generated[name])
    yield from sorted([*outside, *used])


def _below(path: Path, trees: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(tree) for tree in trees)
