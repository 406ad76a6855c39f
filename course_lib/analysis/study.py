"""What there is to know of a table and a target, before any file is written: doubts, leaks, scores, the choice."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from course_lib.analysis import columns
from course_lib.analysis.judge import Scores, Tell, judge, measures, used
from course_lib.analysis.models import NAMES, SEARCHED, TOLD
from course_lib.analysis.question import Question, ask
from course_lib.analysis.split import FOLDS, Judging, Split, by_lot, split, time_column
from course_lib.data import leakage
from course_lib.data.column_kinds import choose_column
from course_lib.data.own_table import Table
from course_lib.data.wording import capital, named, times
from course_lib.errors import CourseError

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
    search_seconds : float
        For each search; 0 if none was asked for.
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
    search_seconds: float = 0.0

    def verdict(self) -> str:
        """Say in a sentence or two what the judged rows say of the models."""
        of = "of the baseline's squared error" if self.question.kind == "number" else "of the baseline's log loss"
        if self.chosen == "baseline":
            best = max(self.measures.index[1:], key=lambda name: self.measures.loc[name, "value"])
            saved = f"{TOLD[best]} {_verb(best, 'save')} {percent(self.measures.loc[best])} {of}"
            if self.split.choosing is not None:
                return (
                    "By the earlier rows, which choose, no model is told apart from the baseline; on those that judge, "
                    f"{saved}. What is saved for use is the baseline."
                )
            told = "told apart from" if self.measures.loc[best, "value"] > 0 else "better than"
            return f"No model is {told} the baseline ({saved}). What is saved for use is the baseline."
        other = {"linear": "trees", "trees": "linear", SEARCHED: "trees"}[self.chosen]
        gain = self.scores.gain(other, self.chosen)
        skill = self.measures.loc[self.chosen]
        told = f"{capital(TOLD[self.chosen])} {_verb(self.chosen, 'save')} {percent(skill)} {of}"
        if skill["low"] <= 0:
            told += ", which these rows do not tell apart from nothing"
        if gain["low"] > 0:
            return f"{told}; {points(gain)} more than {TOLD[other]}."
        if gain["high"] < 0:
            return f"{told}; {TOLD[other]} would have saved {points(self.scores.gain(self.chosen, other))} more."
        return f"{told}; {TOLD[other]} {_verb(other, 'be')} not told apart from it by these rows."

    def search_says(self) -> str:
        """Say what a search has gained over the same trees untuned, on rows that chose nothing; nothing if none was."""
        if not self.scores.searches:
            return ""
        gain = self.scores.gain("trees", SEARCHED)
        tried = sum(each.trials for each in self.scores.searches)
        found = f"The search ({times(tried, 'trial')}) gains {points(gain)} of skill over the untuned trees"
        if gain["low"] > 0:
            return f"{found}, more than chance explains."
        return f"{found}: {'it loses' if gain['high'] < 0 else 'inside the interval, so no gain'}."

    def ask_first(self) -> str:
        """Ask about the column that carries most; nothing where no model is used.

        Leaks that say nearly the same hide each other from every check. What a model leans on does not hide.
        """
        if self.uses.empty:
            return ""
        return f"'{self.uses.index[0]}' carries most. When is it written down? If at the outcome or later: --without."


def _verb(name: str, verb: str) -> str:
    many = name in ("trees", SEARCHED)
    return {"save": ("saves", "save"), "be": ("is", "are")}[verb][many]


def percent(interval: pd.Series) -> str:
    """Write a share with its interval; a narrow one with a decimal."""
    digits = 1 if interval["high"] - interval["low"] < 0.1 else 0
    value, low, high = (_rounded(100 * interval[end], digits) + "%" for end in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def points(interval: pd.Series) -> str:
    """Write a difference of shares with its interval."""
    value, low, high = (_rounded(100 * interval[end], 1) for end in ("value", "low", "high"))
    return f"{value} points [{low}, {high}]"


def _rounded(number: float, digits: int) -> str:
    return f"{round(number, digits) + 0.0:.{digits}f}"  # no minus before a zero


def study(
    source: Table,
    target: str,
    time: str | None,
    group: str | None,
    keep: tuple[str, ...],
    without: tuple[str, ...],
    seed: int,
    tell: Tell,
    search_seconds: float = 0.0,
) -> Analysis:
    """Do all that needs no file: question, leaks, split, scores, choice, what the model uses.

    Of `search_seconds` each search gets its share: one for each pair that chooses or judges, one for all rows.
    """
    data = source.data
    for role, names in (("keep", keep), ("without", without)):
        for name in names:
            choose_column(data, name, role)
    question, rows, notes = ask(data, target)
    rows = _with_time_and_group(rows, question, time, group, notes)
    tell("looking for leaks", 0.05)
    shown = rows.drop(columns=[name for name in without if name not in (time, group)])
    leaks = leakage.scan(shown, question.target, time=time, group=group, seed=seed)
    suspects = [name for name in shown.columns if name in set(leaks.loc[leaks["check"].isin(LEAKS), "column"])]
    suspects = [name for name in suspects if name not in keep]
    role = {question.target: "is the target", **({group: "says which rows belong together"} if group else {})}
    out = {name: "left out as you said" for name in without if name not in role} | role
    honest = out | dict.fromkeys(suspects, "looks like a leak, see above")
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
    names = (*NAMES, SEARCHED) if search_seconds else NAMES
    pairs = who.judging.pairs + (who.choosing.pairs if who.choosing is not None else [])
    each = search_seconds / (len(pairs) + 1)
    chosen = None
    if who.choosing is not None:
        told = _part(tell, "choosing", 0.15, 0.35)
        chosen = judge(question, features, built, answers, who.choosing, seed, told, names, each).choose()
    told = _part(tell, "judging", 0.35, 0.7)
    scores = judge(question, features, built, answers, who.judging, seed, told, names, each)
    chosen = chosen or scores.choose()
    uses = pd.DataFrame(columns=["value", "low", "high"])
    if chosen != "baseline":
        uses = used(question, features, built, answers, scores, chosen, seed, _part(tell, "", 0.7, 0.85))
    promises = _promises(question, rows, out, suspects, time, group, answers, who, seed, tell)
    return Analysis(
        source, question, rows, time, group, notes + lost, leaks, suspects, honest | reasons, features, who, scores,
        measures(question, scores), chosen, uses, promises, seed, each,
    )  # fmt: skip


def _nothing_left(suspects: list[str], reasons: dict[str, str]) -> str:
    told = "; ".join(f"'{name}' {why}" for name, why in list(reasons.items())[:3])
    if suspects:
        return (
            f"{named(suspects)} looks like the answer under another name, and nothing else is left to learn from"
            f"{f' ({told})' if told else ''}: bring columns that were known before the outcome, or vouch for one with "
            "--keep."
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
        choose_column(rows, column, role)
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
    """Score as three lines of an AutoML would: all columns, folds at random; and the leaks under our own split."""
    if not (suspects or time or group):
        return []
    features, reasons = columns.plan(rows, out, time)
    features += [columns.as_it_stands(name, rows[name]) for name in suspects if name in reasons]
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
