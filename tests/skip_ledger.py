"""Which skips are known: a test that is left out for any other reason fails the run in CI.

Owns reading `tests/skips.txt` and comparing. What must stay true: a test can't drop out of CI unnoticed, because
its prerequisite went missing there or because somebody added a condition; an expected failure is not a skip.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

LEDGER = Path(__file__).with_name("skips.txt")


@dataclass(frozen=True, slots=True)
class KnownSkip:
    """One line of the ledger."""

    reason: str
    files: tuple[str, ...]  # from the repository's root


def read_ledger(path: Path) -> tuple[KnownSkip, ...]:
    """`reason | file file …` on each line; `#` begins a comment line."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        reason, bar, files = line.rpartition(" | ")
        if not bar or not reason.strip() or not files.split():
            raise ValueError(f"{path.name}, line {number}: not of the form `reason | file file`")
        found.append(KnownSkip(reason.strip(), tuple(files.split())))
    return tuple(found)


class SkipLedger:
    """A pytest plugin; with `strict` an unknown skip fails the run."""

    def __init__(self, known: tuple[KnownSkip, ...], *, strict: bool) -> None:
        self._known = {(one.reason, file) for one in known for file in one.files}
        self._strict = strict
        self._unknown: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        # A worker of pytest-xdist only passes its reports on.
        if self._unknown and self._strict and not hasattr(session.config, "workerinput"):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._unknown:
            said = "fails in CI" if not self._strict else "fails the run"
            terminalreporter.write_sep("=", f"skips that tests/skips.txt doesn't know: {said}", red=True)
            for line in self._unknown:
                terminalreporter.write_line(line)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.outcome != "skipped" or hasattr(report, "wasxfail"):
            return
        assert isinstance(report.longrepr, tuple)
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if (reason, report.nodeid.partition("::")[0]) not in self._known:
            self._unknown.append(f"{report.nodeid}: {reason}")
