"""The whole way from a person's table to a folder: read, study, learn from all rows, save, write the page."""

import contextlib
import re
import shutil
import tempfile
import time as clock
from datetime import date
from pathlib import Path

from course_lib.analysis import columns, folder, intake, page, predict
from course_lib.analysis.judge import Tell, fit
from course_lib.analysis.models import SEARCHED, TOLD
from course_lib.analysis.search import search
from course_lib.analysis.study import Analysis, study
from course_lib.errors import CourseError
from course_lib.places import RUNS, first_line


def analyse(
    table: str,
    target: str,
    time: str | None = None,
    group: str | None = None,
    output: Path | None = None,
    *,
    keep: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    search_seconds: float = 0.0,
    seed: int = 0,
    most_cells: int = intake.MOST_CELLS,
    tell: Tell = lambda what, share: None,
) -> tuple[Path, Analysis]:
    """Analyse a table and leave a page, a model, its card and a script that scores a new file.

    Parameters
    ----------
    table : str
        A catalogue name, or the path of a CSV, JSON or Parquet file.
    target : str
        The column to predict.
    time : str, optional
        Column with the moment of decision.
    group : str, optional
        Column that says which rows belong together, and will be new in use.
    output : Path, optional
        Folder for the files; ``runs/<name of the table>`` if not given. Other files in it stay.
    keep : tuple of str
        Columns that are used although they look like leaks: somebody knows that they were written down before.
    without : tuple of str
        Columns that are not used.
    search_seconds : float
        How long settings of the trees are searched, in all; 0 for not at all.
    seed : int
    most_cells : int
        Rows times columns beyond which rows are drawn.
    tell : function of a text and a share
        Called at each step with what is going on, and the share that is done.

    Returns
    -------
    Path
        The page.
    Analysis

    Raises
    ------
    CourseError
        What cannot be analysed, in one line.
    """
    begin = clock.monotonic()
    tell("reading the table", 0.0)
    source = intake.read(table, most_cells, seed)
    output = default_folder(source.name) if output is None else output
    _check_output(output)
    found = study(source, target, time, group, keep, without, seed, tell, search_seconds)
    tell(f"learning {TOLD[found.chosen]} from all rows", 0.93)
    features = found.features
    built, _ = columns.build(found.rows, features, found.time)
    known = (found.question, features, built, found.question.answers(found.rows), found.split.judging.order)
    if found.chosen == SEARCHED:
        together, seconds = found.split.judging.together, found.search_seconds
        last = search(*known, together, seconds, seed, lambda n: tell(f"searching in all rows: {n} tried", 0.93))
        fitted = fit("trees", *known, seed, last.settings)
    else:
        last, fitted = None, fit(found.chosen, *known, seed)
    skill = found.measures.loc[found.chosen]
    more = {
        "table": source.name,
        "data sha256": intake.digest(table),
        "date": date.today().isoformat(),
        "model": found.chosen,
        "rows": len(found.rows),
        "judged rows": len(found.scores.rows),
        "skill": {end: round(float(skill[end]), 6) for end in ("value", "low", "high")},
        "group": found.group,
        "left out": found.out,
    }
    if last is not None:
        more["search"] = {
            "settings": last.settings,
            "trials": last.trials,
            "seconds": round(found.search_seconds, 1),
            "note": "A clock ended it: another run or machine tries more or fewer settings and may find others.",
        }
    output.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".part-", dir=output))
    try:
        met = folder.categories(built, features)
        folder.save(beside, fitted, found.question, features, met, found.time, found.verdict(), more)
        predict.write_script(beside)
        tell("writing the page", 0.96)
        page.write(beside / "index.html", found, last, clock.monotonic() - begin)
        for name in (folder.MODEL, folder.CARD, predict.SCRIPT, "index.html"):
            (beside / name).replace(output / name)
    except OSError as error:
        raise CourseError(
            f"'{output}' cannot be written ({first_line(error)}): say another folder with --output."
        ) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        with contextlib.suppress(OSError):  # nothing came into it, so it was made in vain
            output.rmdir()
    return output / "index.html", found


def default_folder(name: str) -> Path:
    """Name the folder of a table's analysis."""
    plain = re.sub(r"[^\w.-]+", "-", name.partition(".")[0]).strip("-.").lower()
    return RUNS / (plain or "table")


def _check_output(output: Path) -> None:
    """Refuse a folder that holds something else, before any work."""
    if output.exists() and not output.is_dir():
        raise CourseError(f"'{output}' is a file: name a folder with --output.")
    if (output / "index.html").exists() and not (output / folder.CARD).exists():
        raise CourseError(f"'{output}' holds another page, such as a sweep's: name another folder with --output.")
