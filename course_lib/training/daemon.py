"""Spark's Python daemon with TensorFlow in it: the workers that it forks share its pages and need not import it.

A session takes it by its settings, `course_lib.training.data_parallel.PRELOADED`. It saves each worker the import, also
when workers are started again, and most of the memory that it takes, which is then shared. Without it, on a cluster
that others have started, all works the same and costs that much more. TensorFlow is only imported before a fork, not
used: its threads start with the first operation, and a test counts the daemon's (Arrow's jemalloc and OpenBLAS may have
some here: both see to a fork themselves).
"""

import contextlib
import ctypes
import gc
import re
from pathlib import Path

_MADV_DONTNEED = 4
_MAPPED = re.compile(r"([0-9a-f]+)-([0-9a-f]+) ..\Sp \S+ \S+ (\d+)")


def let_go_of_files() -> None:
    """Forget the pages of libraries that only the loader has read; what is needed again is read again, from the file.

    Only mappings of which nothing was written to are forgotten: a written page is nowhere else. Elsewhere than on Linux
    nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError):
        madvise = ctypes.CDLL(None).madvise
        for line in Path("/proc/self/smaps").read_text().splitlines():
            if found := _MAPPED.match(line):
                begin, end, file_number = int(found[1], 16), int(found[2], 16), int(found[3])
            elif line.startswith("Anonymous:") and line.split()[1] == "0" and file_number:
                madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_DONTNEED)


if __name__ == "__main__":
    import pyspark.worker  # noqa: F401 with pandas and Arrow
    from pyspark.daemon import manager

    from course_lib.training.data_parallel import import_tensorflow

    import_tensorflow()
    let_go_of_files()
    gc.freeze()  # or the first collection in a worker would write to every page, and so copy it
    manager()
