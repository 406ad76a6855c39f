"""Binder builds the right image from ``binder/``, as far as that can be seen without a container engine."""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from repo2docker.app import Repo2Docker

from course_lib.places import REPOSITORY

BINDER = REPOSITORY / "binder"
README = REPOSITORY / "README.md"
BADGE = re.compile(r"^\[binder\]: https://mybinder\.org/v2/gh/([\w.-]+/[\w.-]+)/([\w.-]+)\?urlpath=lab$", re.MULTILINE)


def tracked(*options: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", *options], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


@pytest.fixture(scope="module")
def build_pack():
    """Return the build pack that repo2docker chooses; it looks for files in the working directory."""
    kinds = Repo2Docker(repo=str(REPOSITORY), dry_run=True).buildpacks
    with contextlib.chdir(REPOSITORY):
        pack = next(pack for pack in (kind(base_image="base") for kind in kinds) if pack.detect())
        pack.platform = "linux/amd64"
        yield pack


@pytest.fixture(scope="module")
def dockerfile() -> str:
    command = [sys.executable, "-m", "repo2docker", "--no-build", str(REPOSITORY)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_conda_build_pack_is_chosen(build_pack):
    assert type(build_pack).__name__ == "CondaBuildPack"


def test_python_is_3_11(build_pack):
    assert build_pack.python_version == "3.11"


def test_binders_environment_is_the_one_installed(dockerfile):
    assert '--file "binder/environment.yml"' in dockerfile


def test_the_repository_is_there_before_pip_needs_it(dockerfile):
    assert dockerfile.index("COPY --chown=0:0 src/ ${REPO_DIR}/") < dockerfile.index("binder/environment.yml")


def test_the_scripts_run(dockerfile):
    assert "RUN ./binder/postBuild" in dockerfile
    assert 'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in dockerfile


def test_the_files_it_copies_exist(build_pack):
    copied = [*build_pack.get_build_script_files(), *build_pack.get_preassemble_script_files()]
    assert copied
    packs = Path(sys.modules["repo2docker"].__file__).parent / "buildpacks"
    assert [path for path in copied if not (packs / path).is_file()] == []


@pytest.mark.parametrize("name", ["environment.yml", "postBuild", "start", "workspace.json"])
def test_what_binder_needs_is_in_the_repository(name):
    assert tracked(f"binder/{name}"), f"git does not know binder/{name}"


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "README.md", "LICENSE"])
def test_what_the_project_is_built_from_is_in_the_repository(name):
    assert tracked(name), f"git does not know {name}"


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_scripts_may_be_executed(name):
    assert tracked("--stage", f"binder/{name}")[0].startswith("100755")


def test_start_sets_the_profile_and_hands_over():
    environment = {name: value for name, value in os.environ.items() if name != "COURSE_PROFILE"}
    command = [BINDER / "start", "sh", "-c", 'echo "$COURSE_PROFILE $1"; exit 3', "sh", "a b"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (ended.stdout, ended.returncode) == ("low-memory a b\n", 3)


def test_the_image_is_built_without_what_may_not_be_passed_on():
    assert re.findall(r"^course setup.*", (BINDER / "postBuild").read_text(), re.MULTILINE) == ["course setup --image"]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Return the home folder in which postBuild has really run."""
    home = tmp_path_factory.mktemp("home")
    (home / ".cache" / "pip").mkdir(parents=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    subprocess.run(
        [BINDER / "postBuild"], cwd=REPOSITORY, env={**settings, "HOME": str(home), "PATH": path}, check=True
    )
    return home


def test_post_build_imports_the_workspace_of_a_plain_lab(built):
    folder = built / ".jupyter" / "lab" / "workspaces"
    [imported] = [json.loads(path.read_text()) for path in folder.iterdir()]
    assert imported["metadata"]["id"] == "default"
    assert imported["data"] == json.loads((BINDER / "workspace.json").read_text())["data"]


def test_post_build_trims_what_is_never_read_again(built):
    assert not (built / ".cache" / "pip").exists()


def test_the_workspace_opens_the_first_lesson_beside_the_lessons():
    data = json.loads((BINDER / "workspace.json").read_text())["data"]
    current = data["layout-restorer:data"]["main"]["current"]
    notebook = data[current]["data"]["path"]
    assert notebook == "notebooks/00_introduction.ipynb"
    assert (REPOSITORY / notebook).is_file()
    assert data["file-browser-filebrowser:cwd"]["path"] == "notebooks"


def test_the_repository_is_named_once():
    [(repository, branch)] = BADGE.findall(README.read_text())
    assert branch == "main"
    texts = {
        name: (REPOSITORY / name) for name in tracked() if Path(name).suffix in {".md", ".toml", ".yml", ".cff", ".py"}
    }
    naming = {name: path.read_text().count(repository) for name, path in texts.items() if path.is_file()}
    assert {name: count for name, count in naming.items() if count} == {"README.md": 1}
