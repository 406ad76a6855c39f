"""Find a Java that Spark runs on, and keep what makes its start quick."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from course_lib.engines import environment
from course_lib.errors import CourseError
from course_lib.places import first_line, project_folder

OLDEST = 17  # what Spark 4 needs
TRIED = (17, 21, 25)  # preferred where several are found; with newer ones Spark may not have been tried
THREE_WAYS = (
    "Three ways to get one: `make lab` downloads a Java for this project alone; "
    "`conda install -c conda-forge openjdk=17`; or your system's package "
    "(Debian and Ubuntu: `apt install openjdk-17-jre-headless`, macOS: `brew install openjdk@17`, "
    "Windows: `winget install EclipseAdoptium.Temurin.17.JRE`), then JAVA_HOME set to its folder."
)


@dataclass(frozen=True)
class Java:
    """A Java that was found.

    Attributes
    ----------
    home : Path
        Its folder, with ``bin/java`` in it.
    version : int
        17, 21, 25, ...
    build : str
        The exact build, such as ``17.0.15+6``.
    modules : frozenset of str or None
        Names of the modules in it, None where it does not say.
    """

    home: Path
    version: int
    build: str
    modules: frozenset[str] | None = None

    @property
    def command(self) -> Path:
        """The program itself."""
        return _command(self.home)


def find_java() -> Java:
    """Find Java 17 or newer.

    Looked for in this order: JAVA_HOME, PATH, the conda environment, the Java that set-up installed for this project,
    the folders where systems keep theirs. One that is too old is passed over.

    Returns
    -------
    Java

    Raises
    ------
    CourseError
        Where there is none: what was found instead, and three ways to get one.
    """
    too_old = []
    for homes in _places():
        found = [java for home in homes if (java := read_java(home))]
        usable = [java for java in found if java.version >= OLDEST]
        if usable:
            return max(usable, key=lambda java: (java.version in TRIED, java.version))
        too_old += [f"Java {java.version} in {java.home}" for java in found]
    seen = f" (too old: {', '.join(dict.fromkeys(too_old))})" if too_old else ""
    raise CourseError(f"Spark needs Java {OLDEST} or newer and there is none{seen}. {THREE_WAYS}")


def install_java(version: int = 17) -> Java:
    """Download a Java runtime for this project alone, into the environment that runs it.

    Parameters
    ----------
    version : int
        Which Java.

    Returns
    -------
    Java

    Raises
    ------
    CourseError
        Where it cannot be downloaded or stored.
    """
    import jdk

    folder = project_folder() / "jre"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        installed = jdk.install(str(version), jre=True, path=str(folder))
    except Exception as error:  # no network, no space, no such build: the way out is the same
        raise CourseError(f"Java {version} could not be downloaded ({first_line(error)}). {THREE_WAYS}") from None
    java = read_java(_inner_home(Path(installed)))
    if java is None:
        raise CourseError(f"The Java downloaded to {installed} does not run; delete that folder. {THREE_WAYS}")
    return java


def read_java(home: Path) -> Java | None:
    """Read which Java is in a folder, without starting it where it says so in a file.

    Parameters
    ----------
    home : Path
        A folder that may hold ``bin/java``.

    Returns
    -------
    Java or None
    """
    if not _command(home).is_file():
        return None
    try:
        text = (home / "release").read_text(errors="replace")
    except OSError:
        text = ""
    fields = dict(re.findall(r'^(\w+)="([^"]*)"', text, flags=re.MULTILINE))
    build = fields.get("JAVA_RUNTIME_VERSION") or fields.get("JAVA_VERSION") or _ask_version(home)
    match = re.match(r"(?:1\.)?(\d+)", build)
    modules = frozenset(fields["MODULES"].split()) if "MODULES" in fields else None
    return Java(home, int(match[1]), build, modules) if match else None


def _places() -> list[list[Path]]:
    """List groups of folders that may be a Java home, the first group first."""
    java_home, on_path = os.environ.get("JAVA_HOME"), shutil.which("java")
    prefixes = [Path(prefix) for prefix in (os.environ.get("CONDA_PREFIX"), sys.prefix) if prefix]
    conda = [prefix / part for prefix in prefixes for part in ("lib/jvm", "Library/lib/jvm", "Library", ".")]
    return [
        [Path(java_home)] if java_home else [],
        [Path(on_path).resolve().parent.parent] if on_path else [],
        conda,
        [_inner_home(folder) for folder in (project_folder() / "jre").glob("*")],
        _common_folders(),
    ]


def _common_folders() -> list[Path]:
    """List the folders where systems and version managers keep theirs."""
    windows = Path(os.environ.get("PROGRAMFILES", "C:/Program Files"))
    parents = ((Path("/usr/lib/jvm"), "*"), (Path("/Library/Java/JavaVirtualMachines"), "*/Contents/Home"))
    parents += ((windows / "Java", "*"), (windows / "Eclipse Adoptium", "*"))
    with contextlib.suppress(RuntimeError):  # in a container, a user whom no file knows
        parents += ((Path.home() / ".sdkman/candidates/java", "*"), (Path.home() / ".jdks", "*"))
    return sorted(home for folder, pattern in parents for home in folder.glob(pattern))


def _inner_home(folder: Path) -> Path:
    """On macOS the home lies two folders down."""
    return folder / "Contents" / "Home" if (folder / "Contents" / "Home").is_dir() else folder


def _command(home: Path) -> Path:
    return home / "bin" / ("java.exe" if os.name == "nt" else "java")


def _ask_version(home: Path) -> str:
    try:
        answer = subprocess.run(
            [_command(home), "-version"], env=environment.of_jvm(), capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r'version "([^"]+)"', answer.stderr)
    return match[1] if match else ""
