"""For all tests: skips have to be in the ledger, and CI enforces that; the list of kills at the end of a run; how
many examples a property is tried with.

Both stand here and not beside the tests they are about, because with several workers only this file is read by
the process that prints."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.seeds import VARIABLE, current_seed
from tests.skip_ledger import LEDGER, SkipLedger, read_ledger

# Drawing an example costs more than trying it. `make test-full` chooses the thorough profile; none has a deadline,
# which a busy machine would miss.
settings.register_profile("quick", max_examples=60, deadline=None)
settings.register_profile("thorough", max_examples=600, deadline=None)
settings.load_profile("quick")


def pytest_configure(config: pytest.Config) -> None:
    strict = os.environ.get("CI", "").lower() in ("true", "1")
    config.pluginmanager.register(SkipLedger(read_ledger(LEDGER), strict=strict), "skip-ledger")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The kills of this run, each between two writes of one item, and the seed of what was drawn by chance."""
    terminalreporter.write_line(f"seed of the crash proofs: {current_seed()} ({VARIABLE} sets another)")
    lines = [
        value
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "kill" and report.when == "call"
    ]
    if lines:
        terminalreporter.write_sep("-", f"{len(lines)} SIGKILLs of the local host")
        for line in lines:
            terminalreporter.write_line(str(line))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start servers of their own come first: they wait more than they compute, and one that a worker
    takes last would leave the other without work."""
    items.sort(key=lambda item: item.get_closest_marker("azurite") is None)
