"""The table in docs/engines.md: which lessons run on a cluster and through Spark Connect. Both ways: yes and no."""

import re

import pytest
from lesson_runs import SECOND_PARAMETERS, run_lesson

from course_lib.cli import ROOT
from course_lib.cluster import connect_server, local_cluster


def promised() -> dict[str, dict[str, bool]]:
    """What the table says, by lesson and engine."""
    text = (ROOT / "docs" / "engines.md").read_text()
    rows = re.findall(r"^\| `(\d\d_\w+)` \| (\w+) \| (\w+) \| (\w+) \|", text, flags=re.MULTILINE)
    return {
        lesson: dict(zip(("local", "cluster", "connect"), (word == "yes" for word in words), strict=True))
        for lesson, *words in rows
    }


@pytest.fixture(scope="module")
def connect_on_cluster(tmp_path_factory):
    """The URL of a Spark Connect server whose Spark works on a cluster."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", str(tmp_path_factory.mktemp("home")))
        with local_cluster(workers=2) as cluster, connect_server(master=cluster.url, delta=True) as server:
            yield server.url


@pytest.fixture(autouse=True)
def on_spark(lesson):
    """Only lessons that start Spark have an engine to choose."""
    if "get_spark(" not in lesson.read_text(encoding="utf-8") and "engine=" not in lesson.read_text(encoding="utf-8"):
        pytest.skip("this lesson needs no Spark")


def test_the_table_has_every_lesson(lesson):
    assert promised()[lesson.stem]["local"]  # which tests/notebooks run in full


def test_lesson_runs_where_the_table_says_so(lesson, connect_on_cluster, tmp_path):
    runs, parameters = promised()[lesson.stem], SECOND_PARAMETERS[lesson.stem].items()

    def run(**engine):
        run_lesson(lesson, tmp_path / lesson.name, parameters, **engine)

    if runs["connect"]:
        run(SPARK_REMOTE=connect_on_cluster)
        assert runs["cluster"], "what can do without the classic API, on executors, can do with it"
        return
    with pytest.raises(AssertionError):
        run(SPARK_REMOTE=connect_on_cluster)
    if runs["cluster"]:
        with local_cluster(workers=2) as cluster:  # the server holds the cores of the other one
            run(SPARK_MASTER=cluster.url)
