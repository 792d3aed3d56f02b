"""What the package carries and what it doesn't, on a product and libraries of a few lines; and that it is the same
package each time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from infra.package import archive, contents, sbom
from infra.package.imports import anywhere, eager
from shared.package import LISTING, digest
from tests.localrun.children import ROOT

SOURCE = """
from __future__ import annotations
import json
from typing import TYPE_CHECKING
from . import near
from ..far import thing
if TYPE_CHECKING:
    import for_checkers
else:
    import for_running
try:
    import fast
except ImportError:
    import slow

class Holder:
    import inside_a_class

def later():
    import lazy
"""


def test_what_is_imported_at_once_and_what_only_later() -> None:
    now = eager(SOURCE, "a.b.c", package=False)
    assert now >= {"json", "a.b.near", "a.far.thing", "for_running", "fast", "slow", "inside_a_class"}
    assert not now & {"for_checkers", "lazy"}
    assert anywhere(SOURCE, "a.b.c", package=False) >= {"for_checkers", "lazy", *now}
    assert eager("from . import x", "a.b", package=True) == {"a.b", "a.b.x"}


def _library(site: Path, name: str, files: dict[str, str], requires: tuple[str, ...] = ()) -> None:
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    lines = [f"Requires-Dist: {one}" for one in requires]
    head = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", "License-Expression: MIT"]
    (info / "METADATA").write_text("\n".join([*head, *lines]) + "\n")
    record = [f"{info.name}/METADATA,,", f"{info.name}/RECORD,,", "../../bin/tool,,"]
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
        record.append(f"{path},,")
    (info / "RECORD").write_text("\n".join(record) + "\n")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Libraries: used, required, required on another system only, never used; and one with generated code."""
    site = tmp_path / "site"
    markers = ('on-windows ; sys_platform == "win32"', "with-extra[more]", 'old ; python_version < "3.13"')
    _library(site, "used", {"used/__init__.py": ""}, requires=markers)
    _library(
        site, "with-extra", {"with_extra.py": ""}, requires=('for-more ; extra == "more"', 'no ; extra == "o"')
    )
    _library(site, "for-more", {"for_more.py": ""})
    _library(site, "on-windows", {"on_windows.py": ""})
    _library(site, "screen", {"screen.py": ""})
    _library(site, "azure-one", {"azure/one/__init__.py": ""})
    _library(site, "azure-two", {"azure/two/__init__.py": ""})
    generated = "msgraph/generated"
    _library(
        site,
        "msgraph-sdk",
        {
            "msgraph/__init__.py": "from .client import Client\n",
            "msgraph/client.py": "from .generated.base import Base\nfrom typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from .generated.models.user import User\n",
            f"{generated}/base.py": "from .helper import help\ndef users():\n    from .models.user import User\n",
            f"{generated}/helper.py": "",
            f"{generated}/models/user.py": "",
        },
    )
    return site


@pytest.fixture
def product(tmp_path: Path) -> Path:
    root = tmp_path / "product"
    for path, text in {
        "function_app.py": "import shared.work\n",
        "host.json": "{}",
        "functions/__init__.py": "",
        "shared/__init__.py": "",
        "shared/work.py": "import msgraph\nfrom azure import one\ndef later():\n    import used\n",
        "shared/page.html.j2": "<p>",
        "shared/cli/main.py": "import screen\n",
        "shared/standalone/script.py": "import screen\n",
        "shared/__pycache__/work.pyc": "x",
        "tests/test_it.py": "import screen\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_only_the_code_of_the_apps_is_in(product: Path) -> None:
    assert {path.as_posix() for path in contents.product_files(product)} == {
        "function_app.py",
        "functions/__init__.py",
        "host.json",
        "shared/__init__.py",
        "shared/page.html.j2",
        "shared/work.py",
    }


def test_only_libraries_that_are_imported_or_required_on_the_platform_are_in(product: Path, site: Path) -> None:
    found = [one.name for one in contents.needed(product, site)]
    assert found == ["azure-one", "for-more", "msgraph-sdk", "used", "with-extra"]


def test_a_requirement_that_is_not_installed_ends_the_build(product: Path, site: Path) -> None:
    _library(site, "broken", {"broken.py": ""}, requires=("absent",))
    (product / "shared" / "more.py").write_text("import broken\n")
    with pytest.raises(LookupError, match=r"absent is required and not installed: requirements\.txt lacks it"):
        contents.needed(product, site)


def test_generated_code_that_nothing_imports_stays_out(product: Path, site: Path) -> None:
    files = {path.as_posix() for path in contents.library_files(site, contents.needed(product, site))}
    assert {one for one in files if one.startswith("msgraph/")} == {
        "msgraph/__init__.py",
        "msgraph/client.py",
        "msgraph/generated/base.py",
        "msgraph/generated/helper.py",
    }
    assert "used-1.0.dist-info/METADATA" in files  # who looks for entry points needs it
    assert not any(one.endswith("RECORD") or "bin/" in one for one in files)


def test_the_same_files_make_the_same_package(product: Path, tmp_path: Path) -> None:
    files = {path.as_posix(): product / path for path in contents.product_files(product)}
    first = archive.write(tmp_path / "1.zip", files, version="1", listing=LISTING)
    for path in files.values():
        path.touch()
        path.chmod(0o755)
    second = archive.write(tmp_path / "2.zip", dict(reversed(files.items())), version="1", listing=LISTING)
    assert (first.sha256, first.digest) == (second.sha256, second.digest)
    (product / "shared" / "work.py").write_text("pass\n")
    third = archive.write(tmp_path / "3.zip", files, version="1", listing=LISTING)
    assert third.digest != first.digest


def test_the_app_reports_the_digest_of_what_it_runs_from(product: Path, tmp_path: Path) -> None:
    files = {path.as_posix(): product / path for path in contents.product_files(product)}
    written = archive.write(tmp_path / "1.zip", files, version="1", listing=LISTING)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "stale.py").write_text("pass\n")
    archive.unpack(written.path, tmp_path / "app")
    assert not (tmp_path / "app" / "stale.py").exists()
    assert digest(tmp_path / "app") == written.digest
    listed = json.loads((tmp_path / "app" / LISTING).read_text())["files"]
    assert listed == {name: hashlib.sha256((tmp_path / "app" / name).read_bytes()).hexdigest() for name in files}
    assert digest(product) == ""  # a checkout is no package


def test_the_bill_of_materials_names_each_library_and_what_it_requires(product: Path, site: Path) -> None:
    libraries = contents.needed(product, site)
    told = json.loads(sbom.document("holdfast", "1", libraries, "d"))
    assert told["bomFormat"] == "CycloneDX"
    assert {one["purl"] for one in told["components"]} == {f"pkg:pypi/{one.name}@1.0" for one in libraries}
    below = {one["ref"]: set(one.get("dependsOn", ())) for one in told["dependencies"]}
    assert below["used@1.0"] == {"with-extra@1.0"}
    assert below["holdfast"] == {f"{one.name}@1.0" for one in libraries}
    assert sbom.document("holdfast", "1", libraries, "d") == sbom.document("holdfast", "1", libraries, "d")


def test_everything_that_the_apps_need_is_pinned_for_them() -> None:
    """Whatever is installed here only because something else wants it would be missing in the package."""
    installed = Path(pytest.__file__).parents[1]
    pinned = {
        canonicalize_name(line.partition("==")[0])
        for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    }
    assert {canonicalize_name(one.name) for one in contents.needed(ROOT, installed)} <= pinned
