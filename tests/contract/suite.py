"""What a contract suite says of itself: which port, and which class each of its cases is made of.

A suite's fixture takes its parameters from here and passes what it made through `made`, so that a suite can't
claim an implementation that it doesn't run on. `test_every_implementation.py` finds the ones that no suite claims.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
AZURE = "azure"  # cases of this name run on a real account, where one is given
AZURE_ACCOUNT = os.environ.get("HOLDFAST_TEST_STORAGE", "")


@dataclass(frozen=True)
class Suite:
    """`cases`: name → class. Names that begin with "azurite" need the emulator."""

    port: type
    cases: Mapping[str, type]

    def params(self) -> list[Any]:
        """For `pytest.fixture(params=…)`."""
        return [
            pytest.param(name, marks=pytest.mark.azurite if name.startswith("azurite") else ())
            for name in self.cases
            if name != AZURE or AZURE_ACCOUNT
        ]

    def made(self, name: str, implementation: T) -> T:
        """What the fixture made for a case. Fails if it is of another class than the suite says."""
        assert type(implementation) is self.cases[name], f"{name} is made of {type(implementation).__name__}"
        return implementation


def azure_account(service: str) -> tuple[str, str]:
    """URL of a service (`blob`, `queue`, `table`) of the account given, and the name of the container, queue or
    table to use there."""
    account, _, name = AZURE_ACCOUNT.rstrip("/").rpartition("/")
    return account.replace(".blob.", f".{service}."), name.replace("-", "") if service == "table" else name
