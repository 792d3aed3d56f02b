"""For all tests: skips have to be in the ledger, and CI enforces that."""

from __future__ import annotations

import os

import pytest

from tests.skip_ledger import LEDGER, SkipLedger, read_ledger


def pytest_configure(config: pytest.Config) -> None:
    strict = os.environ.get("CI", "").lower() in ("true", "1")
    config.pluginmanager.register(SkipLedger(read_ledger(LEDGER), strict=strict), "skip-ledger")
