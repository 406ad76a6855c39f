"""The page of an analysis: a notebook of prose, tables and figures, exported as the lessons are."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd

from course_lib import evaluate, figures
from course_lib.analysis import folder, predict
from course_lib.analysis.models import SEARCHED, TOLD, UNTUNED
from course_lib.analysis.search import RANGES, Search
from course_lib.analysis.study import LEAKS, Analysis, percent, points
from course_lib.data import believe, first_look, own_table
from course_lib.data.wording import capital, named, times
from course_lib.errors import CourseError
from course_lib.pages import export_html

_MOST_LINES = 60  # of a table on the page
_MOST_CLASSES = 12
_BINS = 10
_LABELS = {"baseline": "baseline", "linear": "linear", "trees": "boosted trees", SEARCHED: "searched trees"}
_SAYS = {
    "baseline": "the mean, or the shares of the classes",
    "linear": "ridge or logistic regression",
    "trees": "",
    SEARCHED: "",
}
Cells = list[nbformat.NotebookNode]


def write(path: Path, found: Analysis, last: Search | None, seconds: float) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
        It is written whole or not at all.
    found : Analysis
    last : Search, optional
        The one for the saved model, if it has searched settings.
    seconds : float
        What the analysis took so far.
    """
    figures.use_course_style()
    cells = [
        *_head(found),
        *_table(found),
        *_doubts(found),
        *_question(found),
        *_leaks(found),
        *_split(found),
        *_scores(found),
        *_search(found, last),
        *_uses(found),
        *_promise(found),
        *_model(found),
        _prose(
            f"---\n\nMade by `course analyse` of ml-at-scale in {seconds:.0f} s, seed {found.seed}, with "
            + ", ".join(f"{name} {version}" for name, version in folder.versions().items())
            + "."
        ),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    beside = path.with_name(f"{_plain(found.source.name) or 'table'}.ipynb")  # its name becomes the page's title
    nbformat.write(notebook, beside)
    export_html(beside, path)
    beside.unlink()


def _prose(text: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(text)


def _safe(text: object) -> str:
    """Write what comes from a person's table into prose as it stands: no formula, no element, no emphasis."""
    return re.sub(r"([$<*_`\[\]|])", r"\\\1", str(text))


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name)


def _output(data: dict) -> nbformat.NotebookNode:
    """Make a code cell that has run: its code is for the run, its output for the page."""
    output = nbformat.v4.new_output("display_data", data=data)
    return nbformat.v4.new_code_cell("", outputs=[output], metadata={"tags": ["hide-input"]})


def _frame(table: pd.DataFrame) -> Cells:
    """Show a table, its first lines if it is long; an index that only counts is not shown."""
    shown = table.head(_MOST_LINES).rename_axis(None)
    words = bool(shown.map(lambda value: isinstance(value, str)).all(axis=None))  # are read from the left
    options = {"classes": "dataframe", "na_rep": "", "border": 0, "float_format": _number}
    options |= {"index": not isinstance(table.index, pd.RangeIndex), "justify": "left" if words else None}
    with pd.option_context("display.max_colwidth", None):  # a sentence cut short says nothing
        shown_as = shown.to_html(**options)
    if words:
        shown_as = shown_as.replace("<td>", '<td style="text-align: left">')
    cells = [_output({"text/html": shown_as})]
    if len(table) > len(shown):
        cells.append(_prose(f"The first {len(shown)} of {len(table):,} lines."))
    return cells


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _figure(fig, text: str) -> nbformat.NotebookNode:
    figures.describe(fig, text)
    return _output({"application/vnd.plotly.v1+json": json.loads(fig.to_json())})


# ---------------------------------------------------------------- the parts
def _head(found: Analysis) -> Cells:
    suspects = f"{named(found.suspects)}: left out" if found.suspects else "none found, which is no proof"
    by = " and ".join(filter(None, [found.time and f"time ({found.time})", found.group and f"group ({found.group})"]))
    lines = [
        f"# {_safe(found.source.name)}: what tells '{_safe(found.question.target)}'?",
        f"**{_safe(found.verdict())}** (In brackets: the 95 % interval.)",
        f"- **The table**: {len(found.source.data):,} rows, {found.source.data.shape[1]:,} columns; "
        f"{len(found.rows):,} rows "
        f"and {len({each.column for each in found.features})} columns are used.",
        f"- **The question**: {_bold_safe(found.question.says)}",
        f"- **Split**: by {_safe(by)}." if by else "- **Split**: at random, since neither time nor group is named.",
        f"- **Columns that look like leaks**: {_safe(suspects)}.",
        f"- **What this score cannot see**: {_safe(found.split.blind)}",
    ]
    if found.ask_first():
        lines.append(f"- **Ask first**: {_safe(found.ask_first())}")
    return [_prose("\n\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:]))]


def _bold_safe(text: str) -> str:
    """Keep the stars that our own sentence sets, and nothing of the table's."""
    return _safe(text).replace("\\*\\*", "**")


def _table(found: Analysis) -> Cells:
    data = found.source.data
    notes = "".join(f"\n- {_safe(note)}" for note in found.source.notes)
    fig = first_look.draw_distributions(data).update_layout(title=f"The columns of {found.source.name}")
    return [
        _prose(f"## The table\n\nHow it was read:\n{notes}"),
        *_frame(own_table.overview(data)),
        _figure(fig, f"Small charts of the distribution of {len(fig.data)} columns, one each."),
    ]


def _doubts(found: Analysis) -> Cells:
    looked = believe.look(found.source.data)
    text = "## What is doubtful in it\n\n"
    if looked.empty:
        text += "None of the checks that need no knowledge of the subject found anything. That is no proof."
    else:
        found_what = times(len(looked), "finding")
        text += f"{found_what} of checks that need no knowledge of the subject. Which of them are faults, you know."
    cells = [_prose(text), *(_frame(looked) if len(looked) else [])]
    share = found.source.data.isna().mean()
    if (share > 0).any():
        described = f"Bars of the missing share of {int((share > 0).sum())} columns; the most is {share.max():.1%}."
        cells.append(_figure(first_look.draw_missing(found.source.data), described))
    return cells


def _question(found: Analysis) -> Cells:
    question = found.question
    notes = "".join(f"\n- {_safe(note)}" for note in found.notes)
    fig = first_look.draw_target(found.rows, question.target)
    return [
        _prose(f"## The question\n\n{_bold_safe(question.says)}\n{notes}"),
        _figure(fig, f"Distribution of the target, {question.target}, in the {len(found.rows):,} rows that are used."),
    ]


def _leaks(found: Analysis) -> Cells:
    leaks = found.leaks
    text = "## Which columns know the answer\n\n"
    if leaks.empty:
        return [
            _prose(
                f"{text}No check found a column that has seen the answer. That is no proof: ask when each is written "
                "down."
            )
        ]
    text += (
        "Each finding is a question to somebody who knows how the table came about. Findings of the kinds "
        f"{', '.join(f'`{kind}`' for kind in LEAKS)} are so sure that the column **stays out**"
    )
    if found.suspects:
        text += f" ({_safe(named(found.suspects, 20))}). If you know that it was written down before: `--keep COLUMN`."
    else:
        text += "; there is none of them here, so nothing was left out."
    return [_prose(text), *_frame(leaks[["check", "column", "says", "ask"]])]


def _split(found: Analysis) -> Cells:
    split = found.split
    cells = [
        _prose(
            f"## Who judges\n\n{_safe(split.did)}\n\n**Why.** {_safe(split.why)}\n\n**What it cannot see.** "
            f"{_safe(split.blind)}"
        )
    ]
    if found.time is not None:
        cells.append(_rows_in_time(found))
    return cells


def _rows_in_time(found: Analysis) -> nbformat.NotebookNode:
    import plotly.graph_objects as go

    moments = found.rows[found.time]
    [(learn, judge)] = found.split.judging.pairs
    edges = pd.date_range(moments.min(), moments.max(), periods=41)
    fig = go.Figure()
    for name, rows, colour in (("learned from", learn, "blue"), ("judge", judge, "vermilion")):
        counts, _ = np.histogram(moments.iloc[rows].astype("int64"), edges.as_unit(moments.dt.unit).astype("int64"))
        fig.add_bar(x=edges[:-1] + (edges[1] - edges[0]) / 2, y=counts, name=name, marker_color=figures.PALETTE[colour])
    title = f"{len(learn):,} rows were learned from, {len(judge):,} later ones judge"
    fig.update_layout(
        title=title, barmode="stack", legend_traceorder="normal", xaxis_title=found.time, yaxis_title="rows", bargap=0
    )
    return _figure(fig, f"Rows by {found.time}: those learned from come first, those that judge last.")


def _scores(found: Analysis) -> Cells:
    table, question = found.measures, found.question
    drawn = table.drop("baseline").rename(index=_LABELS).rename_axis("model").reset_index()
    loss = "squared error" if question.kind == "number" else "log loss"
    fig = figures.bars(
        drawn,
        "model",
        "value",
        f"Share of the baseline's {loss} that each model saves",
        y_title="skill (0: no better than the baseline, 1: never wrong)",
        error=("low", "high"),
        horizontal=True,
    ).update_layout(yaxis_title="", xaxis_tickformat=".0%")
    described = "; ".join(f"{TOLD[name]} {percent(table.loc[name])}" for name in table.index[1:])
    known = table.attrs["measure"]
    told = pd.DataFrame(
        {
            "skill": [_interval(row["value"], row["low"], row["high"]) for _, row in table.iterrows()],
            known: [_interval(row["known value"], row["known low"], row["known high"]) for _, row in table.iterrows()],
        },
        index=table.index.map(_LABELS),
    )
    told.loc["baseline", "skill"] = "0"
    gain = found.scores.gain("linear", "trees")
    means = (
        "the mean of what was learned from"
        if question.kind == "number"
        else "the share of each class in what was learned from"
    )
    text = (
        f"## How good\n\n**{_safe(found.verdict())}**\n\nThe baseline says {means} of every row. **Skill** is the "
        f"share of its {loss} that a model saves, on {len(found.scores.rows):,} rows that it had not learned from. "
        f"Boosted trees less the linear model, on the same rows: {points(gain)}."
    )
    return [
        _prose(text),
        _figure(fig, f"Bars of the skill of the models with intervals: {described}."),
        *_frame(told),
        *_right(found),
    ]


def _search(found: Analysis, last: Search | None) -> Cells:
    """Tell what a search has tried, what it promised, and what it has gained."""
    searches = found.scores.searches
    if not searches:
        return []
    gain = found.scores.gain("trees", SEARCHED)
    promised = np.mean([each.promised for each in searches])
    tried = ", ".join(str(each.trials) for each in searches)
    settings = {f"search {place + 1}": each.settings for place, each in enumerate(searches)}
    if last is not None:
        settings["the saved model"] = last.settings
    ranges = {name: f"{low} to {high}" for name, (low, high, _) in RANGES.items()}
    table = pd.DataFrame({"tried": ranges, "untuned": UNTUNED} | settings).map(
        lambda value: value if isinstance(value, str) else _number(value)
    )
    saved = "is saved" if found.chosen == SEARCHED else "is not saved: the rows that choose do not tell it apart"
    fits = "the fit that is" if len(searches) == 1 else f"each of the {len(searches)} fits that are"
    text = (
        f"## What the search gained\n\n**{_safe(found.search_says())}**\n\nFor {fits} judged, settings of the trees "
        f"were searched for {found.search_seconds:.0f} s in the rows that it learned from, the untuned settings first "
        f"({tried} trials). By their own trials the best are {100 * promised:.1f} points better than the untuned: "
        "no score, for the best of many is flattered by the rows that chose it. On rows that chose nothing they are "
        f"{points(gain)} better, and a gain inside its interval is none. The interval counts other rows, not another "
        "search: a clock ended this one, so another run tries more or fewer settings and may find others. The searched "
        f"model {saved}."
    )
    return [_prose(text), *_frame(table)]


def _interval(value: float, low: float, high: float) -> str:
    return "not defined" if np.isnan(value) else f"{value:.3g} [{low:.3g}, {high:.3g}]"


def _right(found: Analysis) -> Cells:
    """Compare what the chosen model said with what came."""
    name = found.chosen if found.chosen != "baseline" else "trees"
    truth, answer = found.scores.truth, found.scores.predicted[name]
    if found.question.kind == "classes":
        return [_confusion(found, truth, answer, name)]
    if found.question.kind == "number":
        bins = pd.qcut(answer, _BINS, labels=False, duplicates="drop")
        table = pd.DataFrame({"predicted": answer, "observed": truth}).groupby(bins).mean()
        what = f"mean {found.question.target}"
    else:
        try:
            table = evaluate.calibration(truth, answer[:, 1], found.scores.unit, _BINS, block=found.scores.block)
        except CourseError:  # one outcome only without some of the groups
            return []
        what = f"share of '{found.question.classes[1]}'"
    return [_compared(table, what, name)]


def _compared(table: pd.DataFrame, what: str, name: str) -> nbformat.NotebookNode:
    import plotly.graph_objects as go

    ends = [float(table[["predicted", "observed"]].min().min()), float(table[["predicted", "observed"]].max().max())]
    error = None
    if "low" in table:
        error = {"array": table["high"] - table["observed"], "arrayminus": table["observed"] - table["low"]}
    fig = go.Figure()
    fig.add_scatter(x=ends, y=ends, mode="lines", line={"dash": "dot", "color": "#888888"}, name="as predicted")
    fig.add_scatter(x=table["predicted"], y=table["observed"], mode="markers", error_y=error, name="rows that judged")
    title = f"What came, in tenths of the rows by what {TOLD[name]} said"
    fig.update_layout(title=title, xaxis_title=f"predicted {what}", yaxis_title=f"observed {what}")
    return _figure(
        fig,
        f"Observed against predicted {what} in {len(table)} bins of equally many rows; on the dotted line both agree.",
    )


def _confusion(found: Analysis, truth: np.ndarray, answer: np.ndarray, name: str) -> nbformat.NotebookNode:
    labels = np.array([str(each)[:24] for each in found.question.classes], dtype=object)
    labels = np.array(first_look.short_names(labels, 24), dtype=object)
    frequent = pd.Series(labels[truth]).value_counts().index[:_MOST_CLASSES]
    said = labels[answer.argmax(axis=1)]
    grid = pd.crosstab(labels[truth], said, normalize="index").reindex(index=frequent, columns=frequent, fill_value=0)
    shares = grid.rename_axis("is").reset_index().melt("is", var_name="said", value_name="share")
    right = float((answer.argmax(axis=1) == truth).mean())
    title = f"{capital(TOLD[name])}: {right:.0%} of the rows are said right"
    fig = figures.heat_map(shares, "said", "is", "share", title, x_title="said", y_title="is", label=".0%")
    fig.update_layout(height=260 + 30 * shares["is"].nunique())
    return _figure(
        fig, "Heat map: of the rows of each class the share that is said to be each class; right is the diagonal."
    )


def _uses(found: Analysis) -> Cells:
    cells = [_prose("## What the model uses")]
    if found.uses.empty:
        cells.append(_prose("The baseline uses no column."))
    else:
        drawn = found.uses.head(20).rename_axis("column").reset_index()
        drawn["column"] = first_look.short_names(drawn["column"])
        top = found.uses.index[0]
        fig = figures.bars(
            drawn,
            "column",
            "value",
            f"Without {drawn['column'][0]}, {TOLD[found.chosen]} would lose most",
            y_title="skill lost when the column is shuffled",
            error=("low", "high") if drawn["low"].notna().all() else None,
            horizontal=True,
        ).update_layout(yaxis_title="")
        text = (
            "Each column is shuffled among the rows that judge, and the skill that goes with it is its use. Two "
            "columns that say the same share it, so a small use is no proof that a column does not matter. And use "
            f"is no cause. **{_safe(found.ask_first())}**"
        )
        cells += [
            _prose(text),
            _figure(fig, f"Bars of the skill lost by column; {top} most: {percent(found.uses.iloc[0])}."),
        ]
    reasons = pd.DataFrame({"column": list(found.out), "why it is not used": list(found.out.values())}).set_index(
        "column"
    )
    return [*cells, _prose("Columns that no model sees:"), *_frame(reasons)]


def _promise(found: Analysis) -> Cells:
    text = "## What three lines would have promised\n\n"
    if not found.promises:
        text += (
            "PyCaret's `setup`, `compare_models`, `predict_model`, or the three lines of an AutoML, deal the rows "
            "out at random and take every column. So it was done here too, since no time and no group is named and "
            "no column looks like a leak: they would have told you about the same number, without its interval and "
            "without what it cannot see."
        )
        return [_prose(text)]
    ours = found.measures.loc["trees"]
    lines = {each.what: each.skill for each in found.promises} | {
        "ours: without suspects, our split" if found.suspects else "ours: our split": ours
    }
    table = pd.DataFrame(
        {"skill of boosted trees": [_interval(each["value"], each["low"], each["high"]) for each in lines.values()]},
        index=list(lines),
    )
    gap = found.promises[0].skill["value"] - ours["value"]
    text += (
        "PyCaret's `setup`, `compare_models`, `predict_model`, or the three lines of an AutoML, take every column, "
        "deal the rows out at random and name the best score. The same trees, told so and told as we tell it:"
    )
    cells = [_prose(text), *_frame(table)]
    if gap > 0.02:
        why = (
            "columns that know the answer"
            if found.suspects
            else "rows on both sides that belong together, or a past that knows its future"
        )
        cells.append(
            _prose(
                f"The promise is {100 * gap:.0f} points of skill higher. What it counts is {why}; in use they are not "
                "there."
            )
        )
    else:
        cells.append(
            _prose(
                "Here the promise would not have been better than what we tell: it might have been, and nobody would "
                "have known."
            )
        )
    return cells


def _model(found: Analysis) -> Cells:
    saved = _LABELS[found.chosen] + (f" ({_SAYS[found.chosen]})" if _SAYS[found.chosen] else "")
    text = (
        f"## The model, to take along\n\nBeside this page lie `{folder.MODEL}` ({saved}, learned from all "
        f"{len(found.rows):,} rows), `{folder.CARD}` (what it is, its versions, its score) and `{predict.SCRIPT}`. "
        f"With the course's Python, from any folder:\n\n```\npython {predict.SCRIPT} new.csv\n```\n\nleaves "
        "`predictions.csv`, a line for each row. It says when a column is missing, when a value was never met, and "
        "when the versions differ. The score above is of models that had learned from fewer rows, so it is, if "
        "anything, a little low for this one; how it does next year, only next year can say."
    )
    return [_prose(text)]
