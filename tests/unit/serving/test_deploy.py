"""The container file and the manifest hold before tools that know their rules, and say what the service needs."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from course_lib.places import REPOSITORY
from course_lib.serving import service

DEPLOY = REPOSITORY / "deploy"
MANIFESTS = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
[POD] = [each["spec"]["template"]["spec"] for each in MANIFESTS if each["kind"] == "Deployment"]
[CONTAINER] = POD["containers"]


@pytest.fixture(scope="module")
def linter():
    """A function that runs a linter of the group "containers", at the version of uv.lock."""
    uv = shutil.which("uv") or shutil.which("uv", path=Path(sys.executable).parent)
    command = [uv, "run", "--isolated", "--frozen", "--no-progress", "--only-group", "containers"]
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("hadolint is for Linux on x86-64 here")

    def run(*words):
        return subprocess.run([*command, *map(str, words)], cwd=REPOSITORY, capture_output=True, text=True)

    there = run("hadolint", "--version")
    if there.returncode and not os.environ.get("CI"):
        pytest.skip(f"the linters are not here, and cannot be fetched: {there.stderr[-200:]}")
    assert there.returncode == 0, there.stderr
    return run


def test_kubernetes_knows_each_field(linter):
    told = linter("kubernetes-validate", "--strict", DEPLOY / "kubernetes.yaml")
    assert told.returncode == 0, told.stdout + told.stderr


def test_a_slip_in_the_manifest_would_be_found(linter, tmp_path):
    slip = MANIFESTS[0] | {"spec": MANIFESTS[0]["spec"] | {"replica": 2}}
    (tmp_path / "slip.yaml").write_text(yaml.safe_dump(slip))
    told = linter("kubernetes-validate", "--strict", tmp_path / "slip.yaml")
    assert told.returncode != 0 and "replica" in told.stdout + told.stderr


def test_the_container_file_is_without_fault(linter):
    told = linter("hadolint", DEPLOY / "Dockerfile")
    assert (told.returncode, told.stdout) == (0, "")


def test_nobody_is_root_and_nothing_can_be_written():
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert CONTAINER["securityContext"]["readOnlyRootFilesystem"] is True
    assert CONTAINER["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    user = re.search(r"^USER (\d+):", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)[1]
    assert int(user) == POD["securityContext"]["runAsUser"] > 0


def test_the_token_comes_from_a_secret_and_by_the_name_that_the_service_reads():
    [variable] = CONTAINER["env"]
    assert variable["name"] == service.TOKEN
    assert set(variable["valueFrom"]) == {"secretKeyRef"}


def test_the_claim_that_the_pod_mounts_is_in_the_manifest():
    claims = {each["metadata"]["name"] for each in MANIFESTS if each["kind"] == "PersistentVolumeClaim"}
    assert {v["persistentVolumeClaim"]["claimName"] for v in POD["volumes"] if "persistentVolumeClaim" in v} == claims


def test_what_was_accepted_can_be_answered_before_the_end():
    sleep = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert POD["terminationGracePeriodSeconds"] > service.GRACE_SECONDS + sleep


def test_the_packages_of_the_container_are_in_the_lock():
    named = {line.split("#")[0].strip() for line in (DEPLOY / "packages.txt").read_text().splitlines()} - {""}
    locked = {re.split(r"[=\[; ]", line)[0] for line in (REPOSITORY / "requirements.txt").read_text().splitlines()}
    assert named <= locked
    wanted = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    assert named <= {re.split(r"[<>=\[; ]", line)[0] for line in wanted}
