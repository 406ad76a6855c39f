"""MLflow's page answers whoever has its address, and nobody else; it ends with Ctrl-C."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pandas as pd
import pytest

from course_lib import CourseError, registry
from course_lib.serving import mlflow_page

COURSE = [sys.executable, "-W", "error::UserWarning", "-c", "from course_lib.command.cli import main; main()"]


@pytest.fixture(scope="session")
def page(store):
    """``course mlflow`` on a store with one trial, in a process of its own: the process and its address."""
    registry.log_trials("one trial", pd.DataFrame({"leaves": [31]}), pd.DataFrame({"cost": [0.5]}), store=store)
    command = [*COURSE, "mlflow", store, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process, re.search(r"(http://127.0.0.1:\d+/\S+/)#", process.stdout.readline())[1]
    process.kill()


def ask(address: str, **question) -> int:
    """Ask as the lab's proxy does where a hub stands before it: with the hub's name. A question is sent, as JSON."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Host": "hub.example.org", "Origin": "https://hub.example.org", "Content-Type": "application/json"}
    asked = urllib.request.Request(address, json.dumps(question).encode() if question else None, headers)
    try:
        return opener.open(asked, timeout=60).status
    except urllib.error.HTTPError as error:
        return error.code


def test_who_has_the_address_sees_the_trials(page):
    _, address = page
    assert ask(address) == 200
    assert ask(f"{address}ajax-api/2.0/mlflow/experiments/get-by-name?experiment_name=one%20trial") == 200
    assert ask(f"{address}ajax-api/2.0/mlflow/runs/search", experiment_ids=["1"]) == 200


@pytest.mark.parametrize("path", ["", "health", "api/2.0/mlflow/experiments/search?max_results=1", "static-files/"])
def test_who_has_the_port_alone_sees_nothing(page, path):
    assert ask(re.match(r"http://127.0.0.1:\d+/", page[1])[0] + path) == 404


def test_a_tracker_of_mlflows_own_is_told_to_be_silent(page):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{page[1]}ajax-api/3.0/mlflow/ui-telemetry") as answer:
        assert '"disable_ui_telemetry":true' in answer.read().decode().replace(" ", "")


def test_interrupted_it_ends_at_once_and_without_noise(page):
    process, _ = page
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert out.endswith("Stopped.\n")


def test_a_folder_without_runs(tmp_path):
    with pytest.raises(CourseError, match=r"There is no mlflow\.db in"):
        mlflow_page.serve(tmp_path, 0, print)
    assert not list(tmp_path.iterdir())


def test_another_port_where_one_is_taken():
    with mlflow_page.listening(0) as first, mlflow_page.listening(first.getsockname()[1]) as second:
        assert first.getsockname() != second.getsockname()
        assert second.getsockname()[0] == "127.0.0.1"
