"""What pip, conda and Binder install is what uv.lock says."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from course_lib.places import REPOSITORY

REQUIREMENTS = REPOSITORY / "requirements.txt"
EXPORT = ["export", "--frozen", "--no-dev", "--no-hashes", "--no-emit-project", "--no-header", "--no-annotate"]
CONDA_FILES = [REPOSITORY / "environment.yml", REPOSITORY / "binder" / "environment.yml"]
by_file = pytest.mark.parametrize("path", CONDA_FILES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
by_python = pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])


def pins() -> list[Requirement]:
    return [Requirement(line) for line in REQUIREMENTS.read_text().splitlines()]


def versions_in_the_lock() -> set[tuple[str, str]]:
    packages = tomllib.loads((REPOSITORY / "uv.lock").read_text())["package"]
    return {(package["name"], package["version"]) for package in packages}


def on_linux(python: str) -> set[str]:
    machine = {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "python_version": python,
        "python_full_version": f"{python}.9",
    }
    return {pin.name for pin in pins() if pin.marker is None or pin.marker.evaluate(machine)}


def conda_dependencies(path: Path) -> tuple[list[str], list[str]]:
    """Return what conda installs, and what it hands to pip."""
    listed = yaml.safe_load(path.read_text())["dependencies"]
    [handed_over] = [item["pip"] for item in listed if isinstance(item, dict)]
    return [item for item in listed if isinstance(item, str)], handed_over


def test_requirements_are_the_export_of_the_lock():
    uv = shutil.which("uv") or shutil.which("uv", path=Path(sys.executable).parent)
    assert uv, "uv is not here; `make test` fetches it"
    exported = subprocess.run(
        [uv, *EXPORT, "--offline"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert exported == REQUIREMENTS.read_text(), f"run: uv {' '.join(EXPORT)} -o requirements.txt"


def test_every_pin_is_a_version_of_the_lock():
    exact = {(pin.name, str(pin.specifier).removeprefix("==")) for pin in pins()}
    assert len(exact) > 100
    assert exact <= versions_in_the_lock()


def test_every_dependency_of_the_project_is_pinned():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = {Requirement(line).name for line in project["dependencies"]}
    assert wanted <= {pin.name for pin in pins()}


@by_python
def test_every_pin_fits_what_the_project_asks_for(python):
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = {asked.name: asked.specifier for asked in map(Requirement, project["dependencies"])}
    here = on_linux(python)
    chosen = [pin for pin in pins() if pin.name in wanted and pin.name in here]
    assert chosen
    for pin in chosen:
        assert wanted[pin.name].contains(str(pin.specifier).removeprefix("==")), pin


@pytest.mark.parametrize("path", [REQUIREMENTS, *CONDA_FILES], ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_no_address_of_a_registry(path):
    assert not re.search(r"://|--(extra-)?index-url|--find-links|^-[if]\b", path.read_text(), re.MULTILINE)


def test_no_cuda_package_where_none_was_asked_for():
    """Only the extra `torch` brings them, and it is in the lock but not in what is installed by default."""
    names = {pin.name for pin in pins()}
    assert not {name for name in names if re.match(r"nvidia|cuda|triton|torch", name)}
    assert "torch" in {name for name, _ in versions_in_the_lock()}


@by_python
def test_linux_gets_the_cpu_builds(python):
    names = on_linux(python)
    assert {"tensorflow-cpu", "xgboost-cpu"} <= names
    assert not {"tensorflow", "xgboost"} & names


@by_file
def test_conda_installs_python_java_and_pip(path):
    packages, _ = conda_dependencies(path)
    assert packages == ["python=3.11", "openjdk=17", "pip"]


@by_file
def test_pip_finds_the_lock_and_the_project_from_the_folder_of_the_file(path):
    # Both conda and mamba write pip's list beside the file and run pip in that folder.
    _, lines = conda_dependencies(path)
    targets = {flag: (path.parent / target).resolve() for flag, target in (line.split() for line in lines)}
    assert targets == {"-r": REQUIREMENTS, "-e": REPOSITORY}


@by_file
def test_conda_python_is_one_that_the_project_accepts(path):
    packages, _ = conda_dependencies(path)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert SpecifierSet(project["requires-python"]).contains(packages[0].removeprefix("python=") + ".0")
