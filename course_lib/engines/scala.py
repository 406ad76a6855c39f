"""Scala code in the shell that PySpark ships: Spark's own language, for a query or two beside Python's.

print(scala_shell("println(spark.range(10).count())"))
"""

import re
import time

from course_lib.engines import jvm, paths, refusals
from course_lib.engines.processes import Engine
from course_lib.errors import CourseError

_LOOK_SECONDS = 0.1
_HEAP = "480m"  # Spark asks for 450 at least; the compiler does with what is left
_BEGIN, _END = "Spark session available as 'spark'.\n", "-- end of the code --\n"  # the shell's own words, and ours


class _Shell(Engine):
    """Spark's Scala shell, for one text."""

    _kind, _title = "scala", "Scala shell"

    def run(self, code: str, timeout: float) -> str:
        """Give all that the shell says while it runs the code."""
        file = self._folder / "code.scala"
        file.write_text(f'{code}\nprint("{_END[:-1]}\\n")\n', encoding="utf-8")
        (self._folder / "log4j2.properties").write_text(jvm.WARNINGS_TO_STDERR.replace("= warn", "= error"))
        settings = {
            "spark.master": "local[1]",
            "spark.app.name": "scala",
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.local.dir": str(self._folder),
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.warehouse.dir": paths.address(self._folder / "warehouse"),
        }
        options = [
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # it is a start and little more: 18 s of CPU instead of 32
            f"-Xmx{_HEAP}",
            f"-Duser.home={self._folder}",
            "-Dscala.usejavacp=true",
            "-Dscala.color=false",
            *(f"-D{name}={value}" for name, value in settings.items()),
        ]
        # `-i` compiles the text as a whole: nothing of it runs where a part of it is wrong. Then standard input is at
        # its end, and so is the shell.
        main = ["org.apache.spark.repl.Main", "-Xjline:off", "-i", file]
        variables = {
            "SPARK_HOME": str(jvm.spark_home()),
            "SPARK_SCALA_VERSION": "2.13",
            "SPARK_LOCAL_IP": "127.0.0.1",
            "JAVA_HOME": str(self._java.home),
        }
        limit = time.monotonic() + timeout
        process = self._start("shell", self._java_command("shell", main, options), variables)
        while not self._has_ended(process):
            if time.monotonic() > limit:
                raise CourseError(f"The Scala code took longer than {timeout:g} s: allow more, or give it less to do.")
            time.sleep(_LOOK_SECONDS)
        return self._log("shell").replace(f"{self._folder}/", "")


def scala_shell(code: str, timeout: float = 120) -> str:
    """Run Scala code in a Spark shell of its own, on one core of this machine, and give what it printed.

    Parameters
    ----------
    code : str
        Scala. ``spark`` is the shell's session and ``sc`` its context; they have nothing to do with this process's
        session. What the code shall hand over it prints, or writes to a file.
    timeout : float
        Seconds after which it is ended.

    Returns
    -------
    str
        What the code printed, without the last end of line.

    Raises
    ------
    CourseError
        Where the code does not compile or raises, with Scala's own message; where it takes longer; or no Java.

    Examples
    --------
    >>> scala_shell("println((1 to 10).sum)")  # doctest: +SKIP
    '55'
    """
    refusals.system_must_allow("A Scala shell", 2e8)
    with _Shell() as shell:
        said = shell.run(code, timeout)
    printed, ended, _ = said.partition(_BEGIN)[2].partition(_END)
    if not ended:
        raise CourseError(f"The Scala code failed: {_reason(said)}")
    return printed.removesuffix("\n")


def _reason(said: str) -> str:
    """Give Scala's own words for what went wrong, in one line."""
    if errors := re.findall(r"^code\.scala:(\d+): error: (.+)", said, re.MULTILINE):
        return "; ".join(f"line {number}: {words}" for number, words in errors)
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["the shell ended without a word"]
    return next((line for line in lines if re.match(r"[\w.$]+(Exception|Error)\b", line)), lines[-1])
