"""What a sweep found, in sentences and figures chosen from what varies in it."""

import math
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from course_lib import figures
from course_lib.sweeps.records import DONE

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

REPLICATES = ("seed", "random_state", "repeat")  # runs that differ in these alone are one setting, several times
_MOST_FIGURES = 6
_MOST_CELLS = 400  # of a heat map; more are not to be read


@dataclass
class Varied:
    """What varies in a sweep.

    Attributes
    ----------
    data : pandas.DataFrame
        The runs that are done; the categories as text.
    numbers, categories : list of str
        Parameters with more than one value, the replicates left out.
    """

    data: "pd.DataFrame"
    numbers: list[str]
    categories: list[str]

    @property
    def settings(self) -> list[str]:
        """All parameters that make one setting differ from another."""
        return self.numbers + self.categories


def what_varies(table: "pd.DataFrame", parameters: list[str]) -> Varied:
    """Sort the parameters of a sweep into numbers, categories, and what only repeats a setting.

    Parameters
    ----------
    table : pandas.DataFrame
        As `results` gives it.
    parameters : list of str
        Its columns of parameters.

    Returns
    -------
    Varied
    """
    import pandas as pd

    data = table[table["status"] == DONE].copy()
    varied = [name for name in parameters if name not in REPLICATES and differs(data[name])]
    kinds = {name: data[name].infer_objects() for name in varied}
    numbers = [
        name
        for name, column in kinds.items()
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) and column.notna().all()
    ]
    categories = [name for name in varied if name not in numbers]
    for name in numbers:
        data[name] = kinds[name]
    for name in categories:
        data[name] = _as_text(data[name])
    return Varied(data, numbers, categories)


def _as_text(column: "pd.Series") -> "pd.Series":
    """Write the values of a category; of paths the file's name, where no two files have the same."""
    text = column.map(lambda value: "not set" if value is None or value != value else say(value))
    short = text.map(lambda value: PurePath(value).name if PurePath(value).is_absolute() else value)
    return short if short.nunique() == text.nunique() else text


def differs(column: "pd.Series") -> bool:
    """Tell whether a column has more than one value; a missing one counts."""
    return len(column.unique()) > 1


def numeric_values(data: "pd.DataFrame", values: list[str]) -> dict[str, "pd.Series"]:
    """Give the recorded columns that hold numbers which differ, as floats."""
    import pandas as pd

    found = {name: pd.to_numeric(data[name], errors="coerce").astype(float) for name in values}
    return {name: column for name, column in found.items() if differs(column.dropna())}


def say(value: Any, digits: int = 4) -> str:
    """Write a value as a person would: 64,000 and 0.7467."""
    value = value.item() if hasattr(value, "item") else value  # numpy's numbers
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "−")
    return (f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.{digits}g}").replace("-", "−")


def _short(value: float) -> str:
    """Write a value beside an axis: 20M and 64k, where there is little room."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10_000 and abs(value) >= size and value % (size / 10) == 0:
            return f"{value / size:g}{unit}"
    return say(value)


def _about(value: float) -> str:
    return say(float(value), 3)


# ---- in sentences ----------------------------------------------------------------------------------------------------


def findings(varied: Varied, values: list[str]) -> dict[str, str]:
    """Say of each recorded number what it does over the settings, and how much of that is chance.

    Parameters
    ----------
    varied : Varied
        What varies, and the runs that are done.
    values : list of str
        Columns of recorded values.

    Returns
    -------
    dict of str
        By value, what follows its name: the lowest and the highest setting (means over its runs), the spread of runs
        of one setting, and, in a complete grid, the share of the variance that each parameter accounts for.
    """
    said = {}
    for name in values:
        known = varied.data[name].dropna()
        if len(known) and not differs(known):
            said[name] = f"is {say(known.iloc[0])} in every run."
    for name, column in numeric_values(varied.data, values).items():
        said[name] = _found(varied, name, column.dropna())
    return said


def _found(varied: Varied, value: str, column: "pd.Series") -> str:
    data = varied.data.loc[column.index].assign(**{value: column})
    if not varied.settings:
        around = f"from {_about(column.min())} to {_about(column.max())}"
        return f"is {_about(column.mean())} on average over {len(column)} runs of one setting, {around}."
    means = data.groupby(varied.settings)[value].mean()
    low, high = (_place(place, varied.settings) for place in (means.idxmin(), means.idxmax()))
    text = f"lies between {_about(means.min())} ({low}) and {_about(means.max())} ({high})"
    spread = _spread(data, value, varied.settings)
    if spread is None:
        return f"{text}. Each setting ran once: how much of this is chance, only more seeds can tell."
    text += f" in the mean of a setting's runs, which differ by {_about(spread)} among themselves"
    if means.max() - means.min() <= spread:
        return f"{text}: more than the settings do. These differences may be chance."
    shares = _shares_of_variance(data, value, varied.settings)
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return f"{text}." + (f" Where the variance between all runs comes from: {told}." if told else "")


def _spread(data: "pd.DataFrame", value: str, settings: list[str]) -> float | None:
    """Give highest minus lowest run of one setting, the median over settings; None if each ran once."""
    groups = data.groupby(settings)[value]
    repeated = groups.size() > 1
    return float((groups.max() - groups.min())[repeated].median()) if repeated.any() else None


def _place(values: Any, names: list[str]) -> str:
    values = values if isinstance(values, tuple) else (values,)
    return ", ".join(f"{name} {say(value)}" for name, value in zip(names, values, strict=True))


def _shares_of_variance(data: "pd.DataFrame", value: str, settings: list[str]) -> dict[str, float]:
    """Split the variance of a complete grid: parameters, their interplay, runs of one setting. Else nothing."""
    sizes = data.groupby(settings).size()
    if differs(sizes) or len(sizes) != math.prod(data[name].nunique() for name in settings):
        return {}
    centred = data[value] - data[value].mean()
    total = (centred**2).sum()
    shares = {name: (_group_mean(centred, data[name]) ** 2).sum() / total for name in settings}
    between = (_group_mean(centred, [data[name] for name in settings]) ** 2).sum() / total
    if len(settings) > 1:
        shares["how they act together"] = max(between - sum(shares.values()), 0.0)
    shares["chance (runs of one setting)"] = 1 - between
    return shares


def _group_mean(column: "pd.Series", by: Any) -> "pd.Series":
    return column.groupby(by).transform("mean")


# ---- in figures ------------------------------------------------------------------------------------------------------


def choose_figures(varied: Varied, values: list[str]) -> "list[go.Figure]":
    """Draw each recorded number against what varies, in the form that kind and number of the parameters ask for.

    Parameters
    ----------
    varied : Varied
        What varies, and the runs that are done.
    values : list of str
        Columns of recorded values.

    Returns
    -------
    list of plotly figures
        At most six, one a value. One number that varies: a line, its band from the lowest to the highest seed, and a
        line for each value of a category beside it. Two numbers: a heat map of means, or dots where they do not form a
        grid. One or two categories: strips of dots. More: parallel coordinates.
    """
    drawn = []
    for name, column in list(numeric_values(varied.data, values).items())[:_MOST_FIGURES]:
        data = varied.data.assign(**{name: column}).dropna(subset=[name])
        drawn.append(_draw(data, name, varied.numbers, varied.categories))
    return drawn


def _draw(data: "pd.DataFrame", value: str, numbers: list[str], categories: list[str]) -> "go.Figure":
    names = numbers + categories
    if len(numbers) == 1 and len(categories) <= 1:
        return _lines(data, value, numbers[0], categories)
    if len(numbers) == 2 and not categories:
        cells = data[numbers[0]].nunique() * data[numbers[1]].nunique()
        if cells <= min(_MOST_CELLS, 2 * len(data.groupby(numbers))):
            return _heat_map(data, value, numbers)
        return _dots(data, value, numbers)
    if numbers or len(categories) > 2:
        return _parallel(data, value, numbers, categories)
    return _strips(data, value, names)


def _extremes(data: "pd.DataFrame", value: str, settings: list[str]) -> str:
    """Title of a figure: from which mean to which, and where the highest is."""
    means = data.groupby(settings)[value].mean()
    place = _place(means.idxmax(), settings)
    return f"{value}: from {_about(means.min())} to {_about(means.max())}, highest at {place}"


def _trend(data: "pd.DataFrame", value: str, x: str) -> str:
    """Title of a figure with one line: what the value does as `x` grows."""
    means = data.groupby(x)[value].mean()
    spread = _spread(data, value, [x])
    if spread is not None and means.max() - means.min() <= spread:
        return f"{value} depends on {x} less than on the seed"
    steps = means.diff().dropna()
    if (steps > 0).all() or (steps < 0).all():
        verb = "rises" if steps.iloc[0] > 0 else "falls"
        return f"{value} {verb} with {x}, from {_about(means.iloc[0])} to {_about(means.iloc[-1])}"
    return _extremes(data, value, [x])


def _lines(data: "pd.DataFrame", value: str, x: str, categories: list[str]) -> "go.Figure":
    keys = [*categories, x]
    means = data.groupby(keys)[value].agg(["mean", "min", "max", "size"]).reset_index()
    group = categories[0] if categories else None
    repeated = (means["size"] > 1).any()
    title = _extremes(data, value, keys) if group else _trend(data, value, x)
    options = {"y_title": value, "interval": ("min", "max") if repeated else None, "group": group}
    fig = figures.line(_at_most(means, 3 + len(keys)), x, "mean", title, markers=True, **options)
    levels = sorted(data[x].unique())
    if _far_apart(levels):
        fig.update_xaxes(type="log")
    if len(levels) <= 8:
        fig.update_xaxes(tickvals=levels, ticktext=[_short(level) for level in levels])
    if _far_apart([means["min"].min(), means["max"].max()]):
        fig.update_yaxes(type="log", dtick="D2", tickformat="~g")  # labels at 1, 2 and 5
    each = f", a line for each {group}" if group else ""
    band = "; the band reaches from the lowest to the highest run" if repeated else ""
    return figures.describe(fig, f"Mean {value} against {x}{each}{band}. {title}.")


def _heat_map(data: "pd.DataFrame", value: str, names: list[str]) -> "go.Figure":
    x, y = sorted(names, key=lambda name: -data[name].nunique())
    means = data.groupby([x, y])[value].mean().reset_index()
    title = _extremes(data, value, [x, y])
    fig = figures.heat_map(means, x, y, value, title, label=".3~g" if len(means) <= 100 else None)
    for axis, name in (("x", x), ("y", y)):
        levels = sorted(data[name].unique())
        names_said = [_short(level) for level in levels]
        fig.update_layout({f"{axis}axis": {"tickvals": list(range(len(levels))), "ticktext": names_said}})
    fig.update_layout({"xaxis.title": x, "yaxis.title": y})
    spread = _spread(data, value, [x, y])
    chance = "" if spread is None else f" Each is the mean of runs that differ by {_about(spread)}."
    return figures.describe(fig, f"A heat map of {value}: {x} across, {y} upwards. {title}.{chance}")


def _dots(data: "pd.DataFrame", value: str, names: list[str]) -> "go.Figure":
    import plotly.graph_objects as go

    shown = _at_most(data, 1)
    colour = {"color": shown[value], "colorscale": "Cividis", "showscale": True, "size": 12}
    hover = f"%{{x}}, %{{y}}: {value} %{{marker.color:.4~g}}<extra></extra>"
    scatter = go.Scatter(x=shown[names[0]], y=shown[names[1]], mode="markers", marker=colour, hovertemplate=hover)
    fig = go.Figure(scatter)
    title = _extremes(data, value, names)
    fig.update_layout(title=title, xaxis_title=names[0], yaxis_title=names[1])
    return figures.describe(fig, f"A dot for each run, its colour {value}: {names[0]} and {names[1]}. {title}.")


def _strips(data: "pd.DataFrame", value: str, categories: list[str]) -> "go.Figure":
    import plotly.graph_objects as go

    shown = _at_most(data, 1)
    fig = go.Figure()
    across = categories[0] if categories else ""
    groups = shown.groupby(categories[1]) if len(categories) > 1 else [("", shown)]
    for number, (name, group) in enumerate(groups):
        labels = group[across] if across else ["all runs"] * len(group)
        dots = {"color": list(figures.PALETTE.values())[number % len(figures.PALETTE)], "size": 10, "opacity": 0.75}
        bare = {"fillcolor": "rgba(0,0,0,0)", "line_color": "rgba(0,0,0,0)", "boxpoints": "all", "pointpos": 0}
        legend = len(categories) > 1
        fig.add_box(x=labels, y=group[value], name=str(name), jitter=0.5, marker=dots, showlegend=legend, **bare)
    title = _extremes(data, value, categories) if across else f"{value}: its spread over seeds"
    fig.update_layout(title=title, yaxis_title=value, xaxis_title=across, boxmode="group")
    fig.update_xaxes(type="category")
    where = " and ".join(categories)
    return figures.describe(fig, f"A dot for each run{f', by {where}' if where else ''}. {title}.")


def _parallel(data: "pd.DataFrame", value: str, numbers: list[str], categories: list[str]) -> "go.Figure":
    import plotly.graph_objects as go

    shown = _at_most(data, len(numbers) + len(categories) + 1)
    axes = []
    for name in numbers:
        levels = sorted(shown[name].unique())
        few, far_apart = len(levels) <= 10, _far_apart(levels)
        scale = math.log10 if far_apart else float
        axis = {"label": f"log10 of {name}" if far_apart and not few else name, "values": shown[name].map(scale)}
        if few:
            axis |= {
                "tickvals": [scale(level) for level in levels],
                "ticktext": [_short(level) for level in levels],
            }
        axes.append(axis)
    for name in categories:
        coded = shown[name].astype("category").cat
        labels = list(coded.categories)
        axes.append({"label": name, "values": coded.codes, "tickvals": list(range(len(labels))), "ticktext": labels})
    axes.append({"label": value, "values": shown[value]})
    line = {"color": shown[value], "colorscale": "Cividis"}
    fig = go.Figure(go.Parcoords(dimensions=axes, line=line, labelfont_size=14, tickfont_size=13))
    title = _extremes(data, value, numbers + categories)
    fig.update_layout(title=title, margin={"t": 70, "l": 90, "r": 60})
    names = ", ".join([*numbers, *categories])
    return figures.describe(
        fig, f"Parallel coordinates: each line is a run, through its {names} and its {value}. {title}."
    )


def _far_apart(levels: list) -> bool:
    """Tell whether a logarithmic axis shows these better."""
    return levels[0] > 0 and levels[-1] >= 20 * levels[0]


def _at_most(data: "pd.DataFrame", width: int) -> "pd.DataFrame":
    """Thin runs out evenly to what a screen can show."""
    step = math.ceil(len(data) * width / figures.MOST_POINTS)
    return data.iloc[:: max(step, 1)]
