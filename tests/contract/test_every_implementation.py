"""Every class in `shared/adapters` that is a port by its shape runs through that port's contract suite."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import shared.adapters
import tests.contract
from shared.domain import ports
from tests.contract.suite import Suite


def _modules(package: ModuleType) -> list[ModuleType]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [importlib.import_module(one.name) for one in found]


def _own_classes(module: ModuleType) -> list[type]:
    return [one for one in vars(module).values() if inspect.isclass(one) and one.__module__ == module.__name__]


PORTS = [one for one in _own_classes(ports) if getattr(one, "_is_protocol", False)]
SUITES: list[Suite] = [module.SUITE for module in _modules(tests.contract) if hasattr(module, "SUITE")]


def _methods(cls: type) -> dict[str, list[str]]:
    """Public methods of a class, inherited ones too, with the names of their parameters."""
    return {
        name: list(inspect.signature(member).parameters)
        for name, member in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }


def implements(cls: type, port: type) -> bool:
    """By shape, as the type checker sees it: every method of the port, with parameters of the same names."""
    held = _methods(cls)
    return all(held.get(name) == parameters for name, parameters in _methods(port).items())


IMPLEMENTATIONS = [
    (port, cls)
    for module in _modules(shared.adapters)
    for cls in _own_classes(module)
    for port in PORTS
    if implements(cls, port)
]


@pytest.mark.parametrize("port", PORTS, ids=lambda port: port.__name__)
def test_a_port_has_one_suite_and_something_that_implements_it(port: type) -> None:
    assert len([suite for suite in SUITES if suite.port is port]) == 1
    assert [cls for held, cls in IMPLEMENTATIONS if held is port]


@pytest.mark.parametrize(("port", "cls"), IMPLEMENTATIONS, ids=lambda one: one.__name__)
def test_an_implementation_runs_through_the_suite_of_its_port(port: type, cls: type) -> None:
    assert cls in {one for suite in SUITES if suite.port is port for one in suite.cases.values()}


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.port.__name__)
def test_a_suite_claims_implementations_of_its_port_only(suite: Suite) -> None:
    assert [cls.__name__ for cls in suite.cases.values() if not implements(cls, suite.port)] == []


def test_shapes_are_told_apart() -> None:
    """What the checks above rest on: a class that lacks a method or names a parameter otherwise is no port."""

    class Queue:
        async def send(self, body: str, *, delay: float = 0.0) -> None: ...

    class Another:
        async def send(self, request: str) -> None: ...

    assert implements(Queue, ports.WorkQueue)
    assert not implements(Another, ports.WorkQueue)
    assert not implements(Queue, ports.Directory)
