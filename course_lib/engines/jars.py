"""The few jars beyond those of PySpark: pinned in the catalogue, fetched once, checked each time they are used."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_lib.engines import jvm
from course_lib.engines.java import find_java
from course_lib.errors import CourseError
from course_lib.places import CATALOGUE, cache_folder, writing_to

# Resolved by the Ivy that PySpark ships; it knows the public repository, so that none is named here. Its own settings
# would look first into folders below the person's, by patterns in which `(1)` and `[x]` of a path mean something.
_SETTINGS = """\
<ivysettings>
  <settings defaultResolver="public"/>
  <resolvers><ibiblio name="public" m2compatible="true"/></resolvers>
</ivysettings>
"""
_ASKED = """\
<ivy-module version="2.0">
  <info organisation="ml-at-scale" module="jars"/>
  <configurations><conf name="jars"/></configurations>
  <dependencies>
    <dependency org="{group}" name="{artifact}" rev="{version}" transitive="false" conf="jars->default"/>
  </dependencies>
</ivy-module>
"""

DELTA_SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Delta reads the list of a table's files with 50 tasks; on one machine two do.
    "spark.databricks.delta.snapshotPartitions": "2",
}


@dataclass(frozen=True)
class Jar:
    """A jar of the catalogue.

    Attributes
    ----------
    group, artifact, version : str
        Its Maven coordinates.
    sha256 : str
        What its bytes must hash to.
    licence : str
        SPDX identifier.
    used_for : str
        What does not work without it.
    """

    group: str
    artifact: str
    version: str
    sha256: str
    licence: str
    used_for: str

    @property
    def path(self) -> Path:
        """Where it lies once it is fetched."""
        return folder() / f"{self.artifact}-{self.version}.jar"


@cache
def catalogue() -> dict[str, Jar]:
    """Give the jars of ``data/catalogue.toml`` by name."""
    entries = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))["jars"]
    return {name: Jar(**entry) for name, entry in entries.items()}


def folder() -> Path:
    """Give the folder of the jars, in the data cache."""
    return cache_folder() / "jars"


def fetch(name: str) -> Path:
    """Make sure that a jar is in the cache, and say where; what is there and right is not fetched again.

    Parameters
    ----------
    name : str
        Its name in the catalogue.

    Returns
    -------
    pathlib.Path
        The jar. Whatever goes wrong, the cache holds the right one or none.

    Raises
    ------
    CourseError
        No Java, no network, no space, or a file that is not what the catalogue promises.
    """
    wanted = catalogue()[name]
    if wanted.path.is_file() and _sha256(wanted.path) == wanted.sha256:
        return wanted.path
    with writing_to(folder()):
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder(), prefix="fetching-") as place:
            fetched = _resolve(wanted, Path(place))
            if _sha256(fetched) != wanted.sha256:
                raise CourseError(
                    f"{wanted.path.name} as downloaded is not the file that the catalogue describes (its SHA-256 "
                    "differs), so it was thrown away: ask whoever runs the repository or mirror that it came from."
                )
            fetched.replace(wanted.path)
    return wanted.path


def jar(name: str) -> Path:
    """Give a jar that is in the cache, after checking it.

    Parameters
    ----------
    name : str
        Its name in the catalogue.

    Raises
    ------
    CourseError
        Where it is not there, or is not the one that the catalogue describes.
    """
    wanted = catalogue()[name]
    again = "run `course data get --jars` once, with a network"
    if not wanted.path.is_file():
        raise CourseError(f"{wanted.used_for} needs {wanted.path.name}, which is not in {folder()}: {again}.")
    if _sha256(wanted.path) != wanted.sha256:
        raise CourseError(f"{wanted.path} has been altered (its SHA-256 is not the catalogue's): {again}.")
    return wanted.path


def ready(engine: str) -> bool:
    """Say whether the jars of an engine are here; where they are not, print in one sentence how to get them.

    A lesson goes on without that part then. In CI (the variable CI is set) it does not: what is missing fails the run.

    Parameters
    ----------
    engine : str
        ``"Delta Lake"`` or ``"HDFS"``.

    Returns
    -------
    bool
        Whether all are here and as the catalogue describes them.
    """
    needed = [name for name, wanted in catalogue().items() if wanted.used_for == engine]
    if not needed:
        raise CourseError(f"No jar is for {engine!r}; allowed: 'Delta Lake', 'HDFS'.")
    try:
        for name in needed:
            jar(name)
    except CourseError as problem:
        if os.environ.get("CI"):
            raise
        print(problem)
        return False
    return True


def delta() -> list[Path]:
    """Give the jars of a Spark session that knows Delta Lake; `DELTA_SETTINGS` are its settings.

    Raises
    ------
    CourseError
        Where they are missing or altered.
    """
    return [jar("delta_spark"), jar("delta_storage")]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _resolve(wanted: Jar, place: Path) -> Path:
    """Let Ivy fetch one jar into a folder."""
    (ivy,) = (jvm.spark_home() / "jars").glob("ivy-*.jar")
    (place / "ivy.xml").write_text(_ASKED.format(group=wanted.group, artifact=wanted.artifact, version=wanted.version))
    (place / "settings.xml").write_text(_SETTINGS)
    # All paths are relative to the folder it runs in, whose own name is then no part of a pattern.
    command = [
        find_java().command,
        f"-Divy.default.ivy.user.dir={place / 'user'}",
        "-cp",
        ivy,
        "org.apache.ivy.Main",
        "-error",
    ]
    command += ["-settings", "settings.xml", "-ivy", "ivy.xml"]
    command += ["-cache", "cache"]  # of its own: nothing half-filled is met
    command += ["-retrieve", "[artifact]-[revision].[ext]"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=place)
    fetched = place / wanted.path.name
    if done.returncode or not fetched.is_file():
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip(" .:\t|-=")]
        raise CourseError(
            f"Could not fetch {wanted.path.name}: Ivy says {(said or ['nothing'])[-1]!r}. "
            "Check the network, and the proxy that this machine needs for it, and try again."
        )
    shutil.rmtree(place / "cache", ignore_errors=True)
    return fetched
