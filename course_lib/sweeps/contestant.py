"""A program that calls one function for `race` and writes down what came of it.

    python contestant.py FOLDER

FOLDER/task.json says what: the text of the function (``source``, the ``file`` and ``line`` where it stands, its
``name``), its ``arguments``, where imports look (``path``), and when the race began this (``began``, by
`time.monotonic`). What came of it is left in FOLDER/done.json. The program ends, with all that it has started, when its
standard input closes: then the one who asked has gone.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path


def main() -> None:
    """Call the function and write down its answer, or the error."""
    folder = Path(sys.argv[1])
    threading.Thread(target=_end_with_owner, daemon=True).start()
    task = json.loads((folder / "task.json").read_text())
    sys.path[:] = task["path"]
    from course_lib import measure

    names = {"__name__": "contestant"}
    try:
        exec(compile("\n" * (task["line"] - 1) + task["source"], task["file"], "exec"), names)
        done = {"answer": names[task["name"]](**task["arguments"])}
        json.dumps(done, default=_plain)
    except Exception as error:
        done = {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    done["seconds"] = time.monotonic() - task["began"]
    done |= {"cpu_seconds": measure.tree_cpu(), "peak_bytes": measure.own_peak()}
    beside = folder / "done.part"
    beside.write_text(json.dumps(done, default=_plain))
    beside.replace(folder / "done.json")  # whole or not at all


def _plain(value):
    """Give a number of NumPy's as JSON has it."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"the answer holds a {type(value).__name__}: give numbers, texts, lists or dicts of them")


def _end_with_owner() -> None:
    sys.stdin.read()
    if os.name != "nt":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
