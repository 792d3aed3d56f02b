"""Which browser the pages are looked at with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.localrun.setup_browser import NO_BROWSER, NoBrowser, find_browser


def _program(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_a_name_on_the_path_counts_only_if_something_answers_behind_it(tmp_path: Path) -> None:
    _program(tmp_path / "a", "chromium", "exit 127")
    good = _program(tmp_path / "b", "google-chrome", "echo Google Chrome 150.0")
    assert find_browser({"PATH": f"{tmp_path / 'a'}:{tmp_path / 'b'}"}) == good


def test_the_one_that_is_named_is_taken_and_no_other(tmp_path: Path) -> None:
    _program(tmp_path, "chromium", "echo Chromium 150.0")
    own = _program(tmp_path / "own", "mine", "echo Chromium 151.0")
    assert find_browser({"PATH": str(tmp_path), "HOLDFAST_CHROMIUM": str(own)}) == own
    with pytest.raises(NoBrowser):
        find_browser({"PATH": str(tmp_path), "HOLDFAST_CHROMIUM": str(tmp_path / "none")})


def test_without_any_the_tests_say_the_reason_that_the_ledger_knows(tmp_path: Path) -> None:
    with pytest.raises(NoBrowser) as none:
        find_browser({"PATH": str(tmp_path)})
    assert str(none.value) == NO_BROWSER
    assert NO_BROWSER in (Path(__file__).parents[1] / "skips.txt").read_text(encoding="utf-8")
