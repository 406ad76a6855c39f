"""A JupyterLab that `course lab` started in a copy of the project, and a headless Chromium that looks at it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from papermill.iorw import load_notebook_node, write_ipynb
from papermill.parameterize import parameterize_notebook
from selenium import webdriver

from course_lib.data.catalogue import cache_folder
from course_lib.places import REPOSITORY

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
LESSON = Path("notebooks", "00_introduction.ipynb")
# Under which every lesson is tested, and enough rows for Spark's progress to be seen: half of the default run's work.
SMALL = {"late_minutes": 60, "late_cost": 10.0, "repeats": 2, "rows_at_scale": 5_000_000, "seed": 1}
QUIET = ("quic", "background-networking", "component-update", "sync", "gpu")  # headless, and asks nobody outside
FLAGS = ["--headless=new", "--no-sandbox", "--no-first-run", "--hide-scrollbars", "--window-size=1440,900"]
FLAGS += [f"--disable-{what}" for what in QUIET]


def free_port() -> int:
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return any_socket.getsockname()[1]


class Lab(NamedTuple):
    """A running JupyterLab: the address that `course lab` printed, token included, and the folder it shows."""

    address: str
    project: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """What `course lab` starts in a copy of the project, with an empty home."""
    if not (CHROMIUM and DRIVER):
        assert not os.environ.get("CI"), "CI must have chromium and chromedriver"
        pytest.skip("chromium and chromedriver are not installed")
    project, home = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("home")
    for folder in ("course_lib", "notebooks", "data"):
        shutil.copytree(
            REPOSITORY / folder, project / folder, ignore=shutil.ignore_patterns("cache", "__pycache__", ".*")
        )
    write_ipynb(parameterize_notebook(load_notebook_node(str(REPOSITORY / LESSON)), SMALL), str(project / LESSON))
    environment = {
        **os.environ,
        "HOME": str(home),
        "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"],
        "PYTHONPATH": str(project),
        "COURSE_DATA": str(cache_folder()),
        "COURSE_HOME": str(home / "progress"),
    }
    environment.pop("DISPLAY", None)
    command = [
        sys.executable,
        "-c",
        "from course_lib.command.cli import main; main()",
        "lab",
        "--port",
        str(free_port()),
    ]
    server = subprocess.Popen(
        command,
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    address, said = None, []
    for line in server.stdout:
        said.append(line)
        if found := re.search(r"http://127\.0\.0\.1:\d+/lab\S*token=\S+", line):
            address = found[0]
            break
    threading.Thread(target=server.stdout.read, daemon=True).start()  # a full pipe would stop the server
    try:
        assert address, "".join(said)
        yield Lab(address, project)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def browser(lab, tmp_path_factory):
    """Chromium on the lab's first page."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        driver.get(lab.address)
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Where screenshots go: the folder that COURSE_PICTURES names, to look at them, or a temporary one."""
    folder = Path(os.environ.get("COURSE_PICTURES") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
