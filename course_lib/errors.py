"""The one exception that a person is meant to read, and the one line to read of a notebook's."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from papermill.exceptions import PapermillExecutionError

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class CourseError(Exception):
    """A mistake that the person can mend: what was wrong, what is allowed, what to do, in one line.

    A notebook shows the line alone, without a traceback; the command line prints it and exits with 1.
    """

    def _render_traceback_(self) -> list[str]:  # IPython asks for this instead of formatting a traceback
        return [str(self)]


def failed_cell(error: "PapermillExecutionError") -> str:
    """Say in one line which cell failed, and how.

    Parameters
    ----------
    error : papermill.PapermillExecutionError
        What papermill raises; its traceback has the colours of a terminal.

    Returns
    -------
    str
        ``cell 3: ZeroDivisionError: division by zero``
    """
    lines = [line for line in _ANSI.sub("", "\n".join(error.traceback)).splitlines() if line.strip()]
    last = lines[-1].strip() if lines else f"{error.ename}: {error.evalue}"
    return f"cell {error.exec_count}: {last}"
