"""The table in docs/engines.md: which lessons run on a cluster and through Spark Connect. Both ways: yes and no."""

import re

import pytest
from conftest import SECOND_PARAMETERS, run_lesson

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
def engines(tmp_path_factory):
    """Environment variables that lead a lesson to each engine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", str(tmp_path_factory.mktemp("home")))
        with local_cluster(workers=2) as cluster, connect_server(master="local[2]", delta=True) as server:
            yield {"cluster": {"SPARK_MASTER": cluster.url}, "connect": {"SPARK_REMOTE": server.url}}


@pytest.fixture(autouse=True)
def on_spark(lesson):
    """Only lessons that start Spark have an engine to choose."""
    if "get_spark(" not in lesson.read_text(encoding="utf-8") and "engine=" not in lesson.read_text(encoding="utf-8"):
        pytest.skip("this lesson needs no Spark")


def test_the_table_has_every_lesson(lesson):
    assert promised()[lesson.stem]["local"]  # which tests/notebooks run in full


@pytest.mark.parametrize("engine", ["cluster", "connect"])
def test_lesson_runs_where_the_table_says_so(lesson, engine, engines, tmp_path):
    def run():
        parameters = SECOND_PARAMETERS.get(lesson.stem, {}).items()
        return run_lesson(lesson, tmp_path / lesson.name, parameters, **engines[engine])

    if promised()[lesson.stem][engine]:
        run()
    else:
        with pytest.raises(AssertionError):
            run()
