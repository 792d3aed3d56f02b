"""`azure.yaml` and `infra/main.bicepparam`: what they name exists in the templates and the repository.

azd itself isn't here; what the file may say is from "Azure Developer CLI's azure.yaml schema" (v1.0).
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from infra.package.__main__ import PYTHON, UNPACKED
from infra.package.__main__ import parser as package_parser
from tests.infra.cases import INFRA, MAIN, REQUIRED, ROOT, Texts
from tests.infra.code import ROLES
from tests.infra.evaluate import template

TEXTS = Texts.here()
PROJECT: dict[str, Any] = yaml.safe_load((ROOT / "azure.yaml").read_text(encoding="utf-8"))
# `param NAME = FUNCTION(readEnvironmentVariable('VARIABLE', 'default'))`; strings take no function.
LINE = re.compile(r"param (\w+) = (?:(\w+)\()?readEnvironmentVariable\('(\w+)'(?:, '(.*)')?\)\)?")
READS = {"string": None, "bool": "bool", "int": "int", "array": "json"}


def test_each_service_is_the_app_that_its_tag_and_group_lead_to() -> None:
    services = PROJECT["services"]
    assert set(services) == {role.value for role in ROLES}
    apps = {
        (site.body["tags"]["azd-service-name"], site.scope.rpartition("/")[2])
        for site in TEXTS.plain.of("Microsoft.Web/sites")
    }
    led = {
        (name, re.sub(r"\$\{DEPLOY_NAME=(\w+)\}", r"\1", one["resourceGroup"])) for name, one in services.items()
    }
    assert led == apps


def test_each_service_is_the_package_as_it_was_built() -> None:
    for one in PROJECT["services"].values():
        assert one["host"] == "function"
        assert one["language"] == "python"
        assert one["remoteBuild"] is False
        assert (ROOT / one["project"] / one["dist"]).resolve() == UNPACKED
    assert f"param pythonVersion = readEnvironmentVariable('DEPLOY_PYTHON_VERSION', '{PYTHON}')" in _parameters()


def test_the_hooks_that_build_it_run_commands_that_exist() -> None:
    assert set(PROJECT["hooks"]) == {"prepackage", "predeploy"}
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for hook in PROJECT["hooks"].values():
        prepare, build = hook["run"].split(" && ")
        assert prepare.split()[0] == "make"
        assert prepare.split()[1] in targets
        module = ".venv/bin/python -m infra.package "
        assert build.startswith(module)
        assert package_parser().parse_args(build.removeprefix(module).split()).unpack


def test_the_templates_are_where_azd_looks_for_them() -> None:
    folder = ROOT / PROJECT["infra"]["path"]
    assert PROJECT["infra"]["provider"] == "bicep"
    assert (folder / f"{PROJECT['infra']['module']}.bicep").is_file()
    assert f"using '{PROJECT['infra']['module']}.bicep'" in _parameters()


def test_each_parameter_is_read_from_a_variable_of_its_own_name_and_kind() -> None:
    lines = [line for line in _parameters() if line.startswith("param ")]
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found), [line for line, one in zip(lines, found, strict=True) if one is None]
    read = [one.groups() for one in found if one]
    declared = {one.name: one for one in template(MAIN, TEXTS.of[MAIN]).of("param")}
    assert [name for name, *_ in read] == list(declared)
    for name, function, variable, default in read:
        words = re.sub(r"(?=[A-Z])", "_", name).upper()
        assert variable == ("AZURE_LOCATION" if name == "location" else f"DEPLOY_{words}")
        assert function == READS[declared[name].type], name
        assert (default is None) == (declared[name].value is None), name


def test_without_a_variable_a_parameter_has_the_template_s_default() -> None:
    given = dict(REQUIRED)
    for name, function, _, default in LINE.findall("\n".join(_parameters())):
        if name not in REQUIRED:
            given[name] = json.loads(default) if function else default
    assert len(given) > len(REQUIRED) + 20
    deployed = TEXTS.deployed(given)
    assert [(str(one), one.body) for one in deployed.resources] == [
        (str(one), one.body) for one in TEXTS.plain.resources
    ]


def _parameters() -> list[str]:
    return (INFRA / "main.bicepparam").read_text(encoding="utf-8").splitlines()
