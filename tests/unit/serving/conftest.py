"""A store that the tests share."""

from pathlib import Path

import flights_served
import pytest


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> Path:
    """One store for all: to make its tables takes seconds. Each test has a name of its own in it."""
    return tmp_path_factory.mktemp("models with blanks")


@pytest.fixture(scope="session")
def served_flights():
    return flights_served.flights()


@pytest.fixture(scope="session")
def served_store(store, served_flights) -> Path:
    """A store with two versions, of which the second decides."""
    for seed in (0, 1):
        flights_served.register(store, served_flights, seed)
    return store
