"""Each command that the pages give is one that exists, with options that it takes.

What is Azure's own (`az`, `azd`, `bicep`) isn't here to be asked; of these the parameters, variables and files that
they are given are looked up.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from shared.cli.main import app
from tests.infra.cases import INFRA, ROOT, Texts
from tests.infra.evaluate import template

PAGES = (
    "README.md",
    "docs/deployment.md",
    "docs/package.md",
    "docs/cost.md",
    "docs/security.md",
    "docs/erasure.md",
    *sorted(str(one.relative_to(ROOT)) for one in (ROOT / "docs/runbooks").glob("*.md")),
    "docs/guard.md",
)
TEXTS = Texts.here()
HOLDFAST: Any = get_command(app)
MODULE = re.compile(r"(?:\.venv/bin/)?python3? -m (\S+)")


def _commands() -> Iterator[tuple[str, str]]:
    """Page and command: each of a fenced block, and each span of code that is one."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        blocks = re.findall(r"^ *```\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
        spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^ *```\n.*?^ *```", "", text, flags=re.M | re.S))
        lines = [line for block in blocks for line in re.sub(r"\\\n", " ", block).splitlines()]
        for line in (*lines, *spans):
            for part in re.split(r" && | \|\| |; ", line):
                command = part.split("  #")[0].strip()
                placeholder = re.search(r"COMMAND|-m …", command)  # "any of them"
                if not placeholder and re.match(r"(holdfast|make|az|azd) |" + MODULE.pattern, command):
                    yield page, command


COMMANDS = sorted(set(_commands()))


def _starting(*names: str) -> list[tuple[str, str]]:
    return [(page, command) for page, command in COMMANDS if re.match(rf"({'|'.join(names)}) ", command)]


@pytest.mark.parametrize(("page", "command"), _starting("holdfast"))
def test_holdfast_has_the_command_with_its_options(page: str, command: str) -> None:
    for words in _alternatives(command):
        at, rest = HOLDFAST, words[1:]
        while rest and hasattr(at, "commands"):
            if rest[0] not in at.commands and hasattr(at, "default"):
                rest = [at.default, *rest]
            assert rest[0] in at.commands, f"{page}: {command}: holdfast has no {rest[0]}"
            at, rest = at.commands[rest[0]], rest[1:]
        options = {name for one in at.params for name in (*one.opts, *one.secondary_opts)}
        if at.name == "demo":  # hands its options on
            options = _options("tests.localrun.demo")
        for word in rest:
            if word.startswith("-"):
                assert word.split("=")[0] in options, f"{page}: {command}: no option {word}"


def _alternatives(command: str) -> list[list[str]]:
    """Words; `status|lock` makes two commands of one, and what is redirected or left out is no word."""
    words = [word for word in re.split(r"\s+", re.sub(r"[\[\]]", "", re.split(r" [>#] ?", command)[0])) if word]
    found: list[list[str]] = [[]]
    for word in words:
        found = [[*before, one] for before in found for one in word.split("|") if one not in ("…", "")]
    return found


@pytest.mark.parametrize(("page", "command"), _starting("make"))
def test_make_has_the_target(page: str, command: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert command.split()[1] in targets, f"{page}: {command}"


@pytest.mark.parametrize(("page", "command"), _starting(r"(?:\.venv/bin/)?python3?"))
def test_the_module_exists_and_names_the_options(page: str, command: str) -> None:
    found = MODULE.match(command)
    assert found, command
    module = found.group(1)
    if module == "pytest":
        return
    given = set(re.findall(r" (--[a-z-]+)", command))
    assert given <= _options(module), f"{page}: {command}"


def _options(module: str) -> set[str]:
    """Of its parser where it has one to ask, else as its source spells them."""
    spec = find_spec(module)
    assert spec is not None, f"no module {module}"
    name = f"{module}.__main__" if spec.submodule_search_locations is not None else module
    loaded = import_module(name)
    if make := getattr(loaded, "parser", getattr(loaded, "_parser", None)):
        return set(_of_parser(make()))
    return set(re.findall(r'"(--[a-z-]+)"', Path(str(loaded.__file__)).read_text(encoding="utf-8")))


def _of_parser(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        for below in (action.choices or {}).values() if isinstance(action, argparse._SubParsersAction) else ():
            yield from _of_parser(below)


@pytest.mark.parametrize(
    ("page", "command"), [one for one in _starting("az") if re.search(r"template-file|infra/.*bicepparam", one[1])]
)
def test_a_deployment_gives_parameters_that_its_template_has(page: str, command: str) -> None:
    words = shlex.split(command)
    files = [word for word in words if word.startswith("infra/")]
    assert files
    assert all((ROOT / one).is_file() for one in files), f"{page}: {command}"
    given = [word.split("=")[0] for word in words[words.index("--parameters") + 1 :] if "=" in word]
    if not given:
        return
    path = files[0].removeprefix("infra/")
    params = {one.name: one for one in template(path, TEXTS.of[path]).of("param")}
    assert set(given) <= set(params), f"{page}: {command}"
    assert {name for name, one in params.items() if one.value is None} <= set(given), f"{page}: {command}"


def test_what_azd_is_told_is_what_the_parameter_file_reads() -> None:
    read = set(
        re.findall(r"readEnvironmentVariable\('(\w+)'", (INFRA / "main.bicepparam").read_text(encoding="utf-8"))
    )
    needed = set(
        re.findall(r"readEnvironmentVariable\('(\w+)'\)", (INFRA / "main.bicepparam").read_text(encoding="utf-8"))
    )
    told = {command.split()[3] for _, command in _starting("azd") if command.startswith("azd env set ")}
    assert told <= read
    assert needed - {"AZURE_LOCATION"} <= told


def test_there_are_commands_to_look_at() -> None:
    """A reading that lost the blocks would find nothing wrong with them."""
    assert len(_starting("holdfast")) >= 30
    assert len(_starting("az")) >= 10
    assert len(_starting("make")) >= 5
