"""`python -m infra.package` writes `.build/package/holdfast-{version}.zip`, its SBOM and its SHA-256.

With `--unpack` also its contents as a folder, `.build/package/app`, for azd, which zips them itself (azure.yaml).

Wheels only, built elsewhere for the platform of the apps: nothing is compiled here and nothing is built in Azure.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from infra.package import archive, contents, sbom
from shared.package import LISTING

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / ".build" / "package"
UNPACKED = OUT / "app"
PYTHON = "3.13"
PLATFORM = "x86_64-manylinux_2_28"  # Flex Consumption runs a current Debian, whose C library is newer


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m infra.package", description="Builds what the apps run.")
    made.add_argument("--unpack", action="store_true", help="also as a folder, for azd")
    return made


def main(arguments: list[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    libraries = OUT / "libraries"
    _install(libraries)
    needed = contents.needed(ROOT, libraries)
    files = {path.as_posix(): ROOT / path for path in contents.product_files(ROOT)}
    files |= {
        f"{archive.LIBRARIES}/{path.as_posix()}": libraries / path
        for path in contents.library_files(libraries, needed)
    }
    written = archive.write(OUT / f"holdfast-{version}.zip", files, version=version, listing=LISTING)
    (OUT / f"holdfast-{version}.cdx.json").write_text(
        sbom.document("holdfast", version, needed, written.digest), encoding="utf-8"
    )
    (OUT / f"holdfast-{version}.zip.sha256").write_text(
        f"{written.sha256}  {written.path.name}\n", encoding="ascii"
    )
    if given.unpack:
        archive.unpack(written.path, UNPACKED)
    print(f"{written.path.relative_to(ROOT)}: {written.bytes / 2**20:.1f} MiB, {written.unpacked / 2**20:.1f} MiB")
    print(f"  unpacked, {written.files} files, {len(needed)} libraries")
    print(f"  digest {written.digest}")
    print(f"  sha256 {written.sha256}")
    return 0


def _install(target: Path) -> None:
    if target.exists():
        shutil.rmtree(target)
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--python-platform", PLATFORM, "--python-version", PYTHON, "--link-mode", "copy"]
    subprocess.run([*command, "--target", str(target), "-r", str(ROOT / "requirements.txt")], check=True)


if __name__ == "__main__":
    sys.exit(main())
