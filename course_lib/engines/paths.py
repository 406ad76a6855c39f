"""A path of this machine as Spark and Hadoop must be told it, whatever characters its folders have in their names.

They decode nothing, so that ``Path.as_uri`` with its ``%20`` names another folder. And what they read from they take
for a pattern, in which ``[x]``, ``{x}``, ``*`` and ``?`` stand for other characters.
"""

import re
from pathlib import Path


def address(path: Path) -> str:
    """Give the address of a file or folder to write to, or to set: ``file:///folder/with spaces``.

    Parameters
    ----------
    path : Path
        An absolute one.
    """
    return "file:///" + path.as_posix().lstrip("/")


def to_read(path: Path) -> str:
    """Give the address of a file or folder to read from: this one alone, and not what its name would match.

    Parameters
    ----------
    path : Path
        An absolute one.
    """
    return re.sub(r"([][{}*?\\])", r"\\\1", address(path))
