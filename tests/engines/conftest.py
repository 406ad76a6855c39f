"""What the tests of the engines share."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory):
    """Notes on what runs are kept apart from those of the person who runs the tests."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_HOME", str(home))
        patch.delenv("SPARK_MASTER", raising=False)
        patch.delenv("SPARK_REMOTE", raising=False)
        yield home


@pytest.fixture(scope="session")
def jars_are_here():
    """The jars, fetched where they are missing; a test that needs them fails without."""
    from course_lib.engines import jars

    return {name: jars.fetch(name) for name in jars.catalogue()}
