"""The whole way from a person's table to a page and a model: read, doubt, split, judge, choose, explain, save."""

import re
import shutil
import tempfile
import time as clock
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from course_lib.analysis import columns, folder, intake
from course_lib.analysis.judge import Scores, Tell, fit, judge, measures, used
from course_lib.analysis.models import TOLD
from course_lib.analysis.question import Question, ask
from course_lib.analysis.split import FOLDS, Judging, Split, by_lot, split, time_column
from course_lib.data import leakage
from course_lib.data.leak_table import check_column
from course_lib.data.own_table import Table
from course_lib.data.wording import named, times
from course_lib.errors import CourseError
from course_lib.places import first_line

LEAKS = ("after_decision", "own_group", "too_good")  # findings so sure that the column stays out until somebody vouches
_PROMISED_ROWS = 20_000


@dataclass(frozen=True)
class Promise:
    """A score that a person could have been told instead of ours.

    Attributes
    ----------
    what : str
        How it comes about.
    skill : Series
        `value`, `low`, `high`.
    """

    what: str
    skill: pd.Series


@dataclass(frozen=True)
class Analysis:
    """All that the page says of a table, in the order in which it was found.

    Attributes
    ----------
    source : Table
        As read.
    question : Question
    rows : DataFrame
        Those that were learned from or judged.
    time, group : str or None
    notes : list of str
        Rows that were left out.
    leaks : DataFrame
        Findings of `course_lib.data.leakage.scan`.
    suspects : list of str
        Columns that stay out because of them.
    out : dict
        All columns that stay out, with the reason.
    features : list of Feature
    split : Split
    scores : Scores
    measures : DataFrame
    chosen : str
        The model that is saved.
    uses : DataFrame
    promises : list of Promise
    seed : int
    """

    source: Table
    question: Question
    rows: pd.DataFrame
    time: str | None
    group: str | None
    notes: list[str]
    leaks: pd.DataFrame
    suspects: list[str]
    out: dict[str, str]
    features: list[columns.Feature]
    split: Split
    scores: Scores
    measures: pd.DataFrame
    chosen: str
    uses: pd.DataFrame
    promises: list[Promise] = field(default_factory=list)
    seed: int = 0

    def verdict(self) -> str:
        """Say in a sentence or two what the judged rows say of the models."""
        of = "of the baseline's squared error" if self.question.kind == "number" else "of the baseline's log loss"
        if self.chosen == "baseline":
            best = max(("linear", "trees"), key=lambda name: self.measures.loc[name, "value"])
            return (
                f"No model is told apart from the baseline; {TOLD[best]} {_verb(best, 'save')} "
                f"{percent(self.measures.loc[best])} {of}. What is saved for use is the baseline: nothing better is known."
            )
        other = "linear" if self.chosen == "trees" else "trees"
        gain = self.scores.gain(other, self.chosen)
        skill = self.measures.loc[self.chosen]
        told = f"{_capital(TOLD[self.chosen])} {_verb(self.chosen, 'save')} {percent(skill)} {of}"
        if skill["low"] <= 0:
            told += ", which these rows do not tell apart from nothing"
        if gain["low"] > 0:
            return f"{told}; {points(gain)} more than {TOLD[other]}."
        if gain["high"] < 0:
            return f"{told}; {TOLD[other]} would have saved {points(self.scores.gain(self.chosen, other))} more."
        return f"{told}; {TOLD[other]} {_verb(other, 'be')} not told apart from it by these rows."


def _verb(name: str, verb: str) -> str:
    many = name == "trees"
    return {"save": ("saves", "save"), "be": ("is", "are")}[verb][many]


def percent(interval: pd.Series) -> str:
    """Write a share with its interval."""
    return f"{interval['value']:.0%} [{interval['low']:.0%}, {interval['high']:.0%}]"


def points(interval: pd.Series) -> str:
    """Write a difference of shares with its interval."""
    return f"{100 * interval['value']:.1f} points [{100 * interval['low']:.1f}, {100 * interval['high']:.1f}]"


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def analyse(
    table: str,
    target: str,
    time: str | None = None,
    group: str | None = None,
    output: Path | None = None,
    *,
    keep: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
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
    from course_lib.analysis.page import write

    begin = clock.monotonic()
    tell("reading the table", 0.0)
    source = intake.read(table, most_cells, seed)
    output = default_folder(source.name) if output is None else output
    _check_output(output)
    found = study(source, target, time, group, keep, without, seed, tell)
    tell(f"learning {TOLD[found.chosen]} from all rows", 0.93)
    features = found.features
    built, _ = columns.build(found.rows, features, found.time)
    fitted = fit(
        found.chosen,
        found.question,
        features,
        built,
        found.question.answers(found.rows),
        found.split.judging.order,
        seed,
    )
    skill = found.measures.loc[found.chosen]
    more = {
        "table": source.name,
        "data sha256": intake.digest(table),
        "date": date.today().isoformat(),
        "model": found.chosen,
        "rows": len(found.rows),
        "judged rows": len(found.scores.rows),
        "skill": {end: round(float(skill[end]), 6) for end in ("value", "low", "high")},
        "verdict": found.verdict(),
        "group": found.group,
        "left out": found.out,
    }
    output.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".part-", dir=output))
    try:
        known = folder.categories(built, features)
        folder.save(beside, fitted, found.question, features, known, found.time, more)
        tell("writing the page", 0.96)
        write(beside / "index.html", found, clock.monotonic() - begin)
        for name in (folder.MODEL, folder.CARD, folder.SCRIPT, "index.html"):
            (beside / name).replace(output / name)
    except OSError as error:
        raise CourseError(
            f"'{output}' cannot be written ({first_line(error)}): say another folder with --output."
        ) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return output / "index.html", found


def default_folder(name: str) -> Path:
    """Name the folder of a table's analysis."""
    from course_lib.places import RUNS

    plain = re.sub(r"[^\w.-]+", "-", name.partition(".")[0]).strip("-.").lower()
    return RUNS / (plain or "table")


def _check_output(output: Path) -> None:
    """Refuse a folder that holds something else, before any work."""
    if output.exists() and not output.is_dir():
        raise CourseError(f"'{output}' is a file: name a folder with --output.")
    if (output / "index.html").exists() and not (output / folder.CARD).exists():
        raise CourseError(f"'{output}' holds another page, such as a sweep's: name another folder with --output.")


def study(
    source: Table,
    target: str,
    time: str | None,
    group: str | None,
    keep: tuple[str, ...],
    without: tuple[str, ...],
    seed: int,
    tell: Tell,
) -> Analysis:
    """Do all that needs no file: question, leaks, split, scores, choice, what the model uses."""
    data = source.data
    for role, names in (("keep", keep), ("without", without)):
        for name in names:
            check_column(data, name, role)
    question, rows, notes = ask(data, target)
    rows = _with_time_and_group(rows, question, time, group, notes)
    tell("looking for leaks", 0.05)
    shown = rows.drop(columns=[name for name in without if name not in (time, group)])
    leaks = leakage.scan(shown, question.target, time=time, group=group, seed=seed)
    suspects = [name for name in shown.columns if name in set(leaks.loc[leaks["check"].isin(LEAKS), "column"])]
    suspects = [name for name in suspects if name not in keep]
    role = {question.target: "is the target", **({group: "says which rows belong together"} if group else {})}
    out = {name: "left out as you said" for name in without if name not in role} | role
    honest = out | {name: "looks like a leak, see above" for name in suspects}
    features, reasons = columns.plan(rows, honest, time)
    if not features:
        raise CourseError(_nothing_left(suspects, reasons))
    answers = question.answers(rows)
    built, lost = columns.build(rows, features, time)
    copies = None
    if (leaks["check"] == "copies").any():
        copies = pd.factorize(pd.util.hash_pandas_object(built, index=False))[0]
    moments = rows[time] if time else None
    who = split(rows, answers, moments, group, copies, question.kind != "number", seed)
    chosen = None
    if who.choosing is not None:
        chosen = judge(
            question, features, built, answers, who.choosing, seed, _part(tell, "choosing", 0.15, 0.35)
        ).choose()
    scores = judge(question, features, built, answers, who.judging, seed, _part(tell, "judging", 0.35, 0.7))
    chosen = chosen or scores.choose()
    uses = pd.DataFrame(columns=["value", "low", "high"])
    if chosen != "baseline":
        uses = used(question, features, built, answers, scores, chosen, seed, _part(tell, "", 0.7, 0.85))
    promises = _promises(question, rows, out, suspects, time, group, answers, who, seed, tell)
    return Analysis(
        source, question, rows, time, group, notes + lost, leaks, suspects, honest | reasons, features, who, scores,
        measures(question, scores), chosen, uses, promises, seed,
    )  # fmt: skip


def _nothing_left(suspects: list[str], reasons: dict[str, str]) -> str:
    told = "; ".join(f"'{name}' {why}" for name, why in list(reasons.items())[:3])
    if suspects:
        return (
            f"{named(suspects)} looks like the answer under another name, and nothing else is left to learn from"
            f"{f' ({told})' if told else ''}: bring columns that were known before the outcome, or vouch for one with --keep."
        )
    return f"No column says anything about a new row{f': {told}' if told else ''}. Bring columns that do."


def _part(tell: Tell, what: str, begin: float, end: float) -> Tell:
    """Tell of a part of the work: its own share, put into that of the whole."""
    before = f"{what}: " if what else ""
    return lambda words, share: tell(before + words, begin + share * (end - begin))


def _with_time_and_group(
    rows: pd.DataFrame, question: Question, time: str | None, group: str | None, notes: list[str]
) -> pd.DataFrame:
    """Check the two columns, and leave out the rows that lack one of them."""
    for role, column in (("time", time), ("group", group)):
        if column is None:
            continue
        check_column(rows, column, role)
        if column == question.target:
            raise CourseError(f"{role}='{column}' is the target, too: it cannot be known and asked for at once.")
    if time is not None and time == group:
        raise CourseError(f"'{time}' is given as time and as group: give it once.")
    if time is not None:
        rows = rows.assign(**{time: time_column(rows, time)})
    for column in filter(None, (time, group)):
        if missing := int(rows[column].isna().sum()):
            rows = rows[rows[column].notna()]
            notes.append(f"{times(missing, 'row')} without '{column}' left out.")
    return rows.reset_index(drop=True)


def _promises(
    question: Question,
    rows: pd.DataFrame,
    out: dict[str, str],
    suspects: list[str],
    time: str | None,
    group: str | None,
    answers: np.ndarray,
    who: Split,
    seed: int,
    tell: Tell,
) -> list[Promise]:
    """Score what three lines of an AutoML would have: all columns, folds at random; and the leaks under our own split."""
    if not (suspects or time or group):
        return []
    features, _ = columns.plan(rows, out, time)
    table, _ = columns.build(rows, features, time)
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(len(rows), min(len(rows), _PROMISED_ROWS), replace=False))
    fold = rng.permutation(len(drawn)) % FOLDS
    pairs = [(drawn[fold != each], drawn[fold == each]) for each in range(FOLDS)]
    told, names = _part(tell, "what three lines would promise", 0.85, 0.93), ("baseline", "trees")
    each_row = np.arange(len(rows))
    judging = Judging(pairs, each_row, None, by_lot(each_row, seed))
    at_random = judge(question, features, table, answers, judging, seed, told, names)
    promises = [Promise("all columns, rows dealt out at random", at_random.skill("trees"))]
    if suspects:
        honest = judge(question, features, table, answers, who.judging, seed, told, names)
        promises.append(Promise("all columns, our split", honest.skill("trees")))
    return promises
