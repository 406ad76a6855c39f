"""A store that the tests share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> Path:
    """One store for all: to make its tables takes seconds. Each test has a name of its own in it."""
    return tmp_path_factory.mktemp("models with blanks")
