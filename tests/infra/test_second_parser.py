"""The templates of `infra/`, read by the parser that checkov uses. It is slow: for `make check` alone."""

from __future__ import annotations

import pycep
import pytest

from tests.infra.cases import INFRA, Texts
from tests.infra.syntax import files

pytestmark = pytest.mark.full
TEXTS = Texts.here()


@pytest.mark.parametrize("path", files(INFRA))
def test_a_file_is_in_the_subset_that_the_second_parser_reads(path: str) -> None:
    """checkov leaves out what it can't read, and says so only in a count."""
    assert pycep.BicepParser().parse(text=TEXTS.of[path])
