"""Can we believe the data? Checks that a reader can run on any table.

Each check returns the rows, values or groups that fail it, so that ``len`` is the count and the failures can be looked
at. ``look`` runs those that need no knowledge of the table; the others take what only a person knows: the key, the
parent table, the physical limits, the step of the clock.
"""

import re
from itertools import pairwise

import numpy as np
import pandas as pd

from course_lib.data.own_table import LIKE_MISSING, kind_of
from course_lib.errors import CourseError

VERDICTS = ("believe", "repair", "beware")
MISSING = "(missing)"
OTHERS = "(others)"

_BROKEN_TEXT = re.compile("[\u00c3\u00c2][\u0080-\u00bf\u0152-\u0178\u2013-\u2122]|\u00e2\u20ac|\ufffd")


# ---------------------------------------------------------------- checks that take what a person knows
def outside(data: pd.DataFrame, column: str, low=None, high=None) -> pd.DataFrame:
    """Rows whose value is below ``low`` or above ``high``; a missing value is not outside."""
    values = data[column]
    below = values < low if low is not None else False
    above = values > high if high is not None else False
    return data[below | above]


def surplus(data: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Rows that repeat a key that an earlier row has; none if the key identifies a row."""
    return data[data.duplicated(key)]


def orphans(data: pd.DataFrame, column: str, parent: pd.DataFrame, parent_column: str | None = None) -> pd.DataFrame:
    """Rows whose known value has no partner in the parent table. A missing value is missing, not an orphan."""
    return data[data[column].notna() & ~data[column].isin(parent[parent_column or column].dropna())]


def several(data: pd.DataFrame, key: str | list[str], value: str) -> pd.DataFrame:
    """Keys that come with more than one value where one is expected.

    Returns
    -------
    DataFrame
        One row a key: ``rows``, ``values`` (how many different) and ``which``.
    """
    known = data.dropna(subset=[value])
    distinct = known.groupby(key, observed=True)[value].nunique()
    keys = distinct.index[distinct > 1]
    chosen = known.set_index(key)[value].loc[lambda values: values.index.isin(keys)]
    by_key = chosen.groupby(level=list(range(chosen.index.nlevels)))
    return by_key.agg(rows="size", values="nunique", which=lambda values: sorted(values.unique()))


def not_a_clock(clock: pd.Series) -> pd.Series:
    """Values of an HHMM clock that no clock shows: hours beyond 23 or minutes beyond 59. Known values only."""
    known = clock.dropna()
    return known[(known // 100 > 23) | (known % 100 > 59) | (known < 0)]


def minutes_of(clock: pd.Series) -> pd.Series:
    """Minutes since midnight of an HHMM clock: 517 is 5:17, so 317."""
    return clock // 100 * 60 + clock % 100


def gaps(times: pd.Series, step: str, start=None, end=None) -> pd.DatetimeIndex:
    """Find the steps of a regular series at which nothing was recorded.

    Parameters
    ----------
    times : Series of timestamps
    step : str
        The clock's step as pandas names it: "1h", "1D".
    start, end : timestamps
        Where the series should begin and end; without them its own first and last hide what is cut off.
    """
    known = times.dropna()
    start = known.min() if start is None else start
    end = known.max() if end is None else end
    return pd.date_range(start, end, freq=step).difference(pd.DatetimeIndex(known))


def spikes(data: pd.DataFrame, column: str, time: str, by: str, jump: float) -> pd.DataFrame:
    """Rows that leave both neighbours in time by more than ``jump``: up and back, or down and back.

    A front changes the level and stays; an instrument that fails for one reading comes back.
    """
    ordered = data.sort_values([by, time])
    series = ordered.groupby(by)[column]
    before, after = ordered[column] - series.shift(1), ordered[column] - series.shift(-1)
    return ordered[(np.minimum(before, after) > jump) | (np.maximum(before, after) < -jump)]


def spellings(values: pd.Series, begins: bool = False) -> pd.DataFrame:
    """Different texts that seem to name one thing: equal but for case, spaces and punctuation.

    With ``begins``, a name that continues another one at a word's end counts too (``AIRBUS``, ``AIRBUS INDUSTRIE``).

    Returns
    -------
    DataFrame
        Index: the shortest spelling; columns ``spellings``, ``rows`` and ``which``.
    """
    counts = values.dropna().astype(str).value_counts()
    plain = pd.Series({text: " ".join(re.findall(r"[^\W_]+", text.casefold())) for text in counts.index}, dtype=object)
    if begins:
        whole = sorted(set(plain), key=len)
        stem = {
            name: next(each for each in whole if each and (name + " ").startswith(each + " ")) for name in whole if name
        }
        plain = plain.map(stem)
    groups = plain[plain.duplicated(keep=False) & plain.notna() & (plain != "")].groupby(plain)
    rows = {}
    for _, group in groups:
        names = sorted(group.index, key=len)
        which = ", ".join(f"{name} {counts[name]:,}" for name in names)
        rows[names[0]] = {"spellings": len(names), "rows": int(counts[names].sum()), "which": which}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["spellings", "rows", "which"])
    return table.sort_values("rows", ascending=False)


def whole_in(values: pd.Series, units: dict[str, float], tolerance: float = 0.001) -> pd.Series:
    """Share of the values that are whole numbers in each unit: measurements are written down in whole units.

    Parameters
    ----------
    values : Series of numbers
    units : dict
        Name of each unit and its size in the column's unit: ``{"mph": 1, "knots": 1.15078}``.
    """
    known = values.dropna()
    share = {unit: (((known / size) - (known / size).round()).abs() < tolerance).mean() for unit, size in units.items()}
    return pd.Series(share, name="whole numbers", dtype=float)


def unseen(data: pd.DataFrame, sample: pd.DataFrame) -> pd.DataFrame:
    """Count what a sample does not show of each column.

    Returns
    -------
    DataFrame
        Index: columns; ``values`` (distinct, all rows), ``unseen values`` (not in the sample), ``rows with them``, and
        ``highest`` and ``highest in sample`` for numbers.
    """
    rows = {}
    for column in data.columns:
        counts = data[column].value_counts()
        hidden = counts[~counts.index.isin(sample[column])]
        row = {"values": len(counts), "unseen values": len(hidden), "rows with them": int(hidden.sum())}
        if kind_of(data[column]) == "number":
            row |= {"highest": data[column].max(), "highest in sample": sample[column].max()}
        rows[column] = row
    names = ["values", "unseen values", "rows with them", "highest", "highest in sample"]
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=names)


# ---------------------------------------------------------------- missing values
def why_missing(data: pd.DataFrame, column: str, others: list[str] | None = None, bins: int = 5) -> pd.DataFrame:
    """Rank the other columns by how much the missing share of ``column`` changes with them.

    Each other column is cut into at most ``bins`` groups (equal counts for numbers, the most frequent values for text)
    and the missing share is compared between groups of 20 rows or more.

    Returns
    -------
    DataFrame
        Index: the other columns; ``explained`` (share of the variance of being missing, see `explained`), ``lowest``
        and ``highest`` missing share, ``where lowest``, ``where highest``, ``p_value`` (chi-squared over all
        groups, Bonferroni-corrected for the number of columns; it takes rows as independent: trust the sizes first).
    """
    from scipy.stats import chi2_contingency

    missing = data[column].isna()
    others = [each for each in (others or data.columns) if each != column]
    rows = {}
    for other in others:
        groups = cut(data[other], bins)
        by_group = missing.groupby(groups, observed=True).agg(["mean", "sum", "size"])
        by_group = by_group[by_group["size"] >= 20]
        if len(by_group) < 2:
            continue
        share, table = (
            by_group["mean"],
            pd.DataFrame({"no": by_group["size"] - by_group["sum"], "yes": by_group["sum"]}),
        )
        p_value = chi2_contingency(table).pvalue if table.sum().all() else 1.0
        rows[other] = {
            "explained": _explained(missing.astype(float).to_frame(), groups),
            "lowest": share.min(),
            "where lowest": share.idxmin(),
            "highest": share.max(),
            "where highest": share.idxmax(),
            "p_value": min(1.0, p_value * len(others)),
        }
    names = ["explained", "lowest", "where lowest", "highest", "where highest", "p_value"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names).sort_values("explained", ascending=False)


def missing_tells(data: pd.DataFrame, outcome: pd.Series) -> pd.DataFrame:
    """Compare a yes/no outcome where a value is missing with where it is known, for every column.

    Returns
    -------
    DataFrame
        Index: columns with missing values; ``missing`` (rows), ``if missing`` and ``if known`` (share of the outcome).
        A share of 0 or 1 means that the column was filled in after the outcome, or because of it.
    """
    rows = {}
    for column in data.columns[data.isna().any()]:
        missing = data[column].isna()
        rows[column] = {
            "missing": missing.sum(),
            "if missing": outcome[missing].mean(),
            "if known": outcome[~missing].mean(),
        }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["missing", "if missing", "if known"])
    return table.sort_values("missing", ascending=False)


def missing_together(data: pd.DataFrame, most: int = 8) -> pd.DataFrame:
    """List the combinations of columns that are missing in the same rows, the most frequent first.

    Returns
    -------
    DataFrame
        ``rows``, ``share`` and ``missing columns`` (names; ``none`` for complete rows).
    """
    holes = data.columns[data.isna().any()]
    if holes.empty:
        return pd.DataFrame([{"rows": len(data), "share": 1.0, "missing columns": "none"}])
    patterns = data[holes].isna().value_counts()
    rows = []
    for pattern, count in patterns.head(most).items():
        names = [str(name) for name, missing in zip(holes, pattern, strict=True) if missing]
        more = f" and {len(names) - 6} more" if len(names) > 6 else ""
        rows.append(
            {"rows": count, "share": count / len(data), "missing columns": ", ".join(names[:6]) + more or "none"}
        )
    return pd.DataFrame(rows)


# ---------------------------------------------------------------- relation to a target, drift
def cut(values: pd.Series, bins: int = 10) -> pd.Series:
    """Put every value into one of some ``bins`` groups, and the missing ones into a group of their own.

    Numbers and times are cut at quantiles, after each value that alone fills a group has got one; text is grouped by
    its ``bins - 1`` most frequent values and the others.

    Returns
    -------
    Series of categories, in the order of the values, "(missing)" last.
    """
    if pd.api.types.is_float_dtype(values):
        values = values.replace([np.inf, -np.inf], np.nan)  # no number that has a place among the others
    counts = values.value_counts()  # of known values, the most frequent first
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if not numeric and not pd.api.types.is_datetime64_any_dtype(values):
        codes, names = _cut_text(values, counts, bins)
    elif isinstance(values.dtype, pd.DatetimeTZDtype):  # NumPy has no time zones: in UTC the order is the same
        return cut(values.dt.tz_convert(None), bins)
    elif len(counts) <= bins:
        ordered = counts.index.sort_values()
        codes, names = ordered.get_indexer(values), [_short(each) for each in ordered]
    else:
        codes, names = _cut_numbers(values, counts, bins)
    missing = codes < 0
    if missing.any():
        codes, names = np.where(missing, len(names), codes), [*names, MISSING]
    return pd.Series(pd.Categorical.from_codes(codes, names), index=values.index, name=values.name)


def _cut_text(values: pd.Series, counts: pd.Series, bins: int) -> tuple[np.ndarray, list[str]]:
    frequent = counts.index if len(counts) <= bins else counts.index[: bins - 1]
    names = pd.Index([str(each)[:40] for each in frequent])
    if not names.is_unique:  # texts that differ only late, or 1 beside "1"
        names = pd.Index([f"{name} #{place}" for place, name in enumerate(names, start=1)])
    code_of = dict(zip(frequent, range(len(frequent)), strict=True))
    codes = values.map(code_of).fillna(len(names)).astype(int).to_numpy()
    codes = np.where(values.isna(), -1, codes)
    return codes, [*names, OTHERS] if len(counts) > len(names) else [*names]


def _cut_numbers(values: pd.Series, counts: pd.Series, bins: int) -> tuple[np.ndarray, list[str]]:
    alone = counts.index[: bins - 2][counts.iloc[: bins - 2] > counts.sum() / bins]
    known = values.dropna()
    rest = known[~known.isin(alone)]
    edges = rest.quantile(np.linspace(0, 1, bins - len(alone) + 1), interpolation="lower").drop_duplicates()
    groups = [(low, f"{_short(low)} to {_short(high)}") for low, high in pairwise(edges)]
    groups = groups or [(edge, _short(edge)) for edge in edges]
    # A value stands in the first group whose upper edge it does not exceed.
    found = np.searchsorted(edges.iloc[1:-1].to_numpy(), known.to_numpy(), side="left")
    for value in alone:
        found = np.where(known == value, len(groups), found)
        groups.append((value, _short(value)))
    order = sorted(range(len(groups)), key=lambda each: groups[each][0])
    names = [groups[each][1] for each in order]
    if len(set(names)) < len(names):
        names = [f"{name} #{place}" for place, name in enumerate(names, start=1)]
    codes = np.full(len(values), -1)
    codes[values.notna().to_numpy()] = np.argsort(order)[found]
    return codes, names


def _short(value) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float | np.floating):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.5g}"
    return str(value)


def _lasting(time: pd.Timedelta) -> str:
    return str(time).replace("0 days ", "")


def explained(data: pd.DataFrame, target: str, bins: int = 10) -> pd.Series:
    """Share of the target that each column explains by itself, between 0 and 1.

    The column is cut into at most ``bins`` groups; for a number the share is eta squared (variance between the groups
    over all variance), for classes Goodman and Kruskal's tau (the same with the Gini impurity in place of the
    variance), both corrected for the number of groups, as the adjusted R squared is. It sees any shape of relation,
    one column at a time: two columns that only matter together explain nothing.

    Returns
    -------
    Series
        Sorted, the largest first; a column that explains nearly all is a suspect, not a gift.
    """
    known = data[target].notna()
    if pd.api.types.is_float_dtype(data[target]):
        known &= np.isfinite(data[target])
    rows = data[known]
    answer = as_numbers(rows[target])
    shares = {other: _explained(answer, cut(rows[other], bins)) for other in rows.columns if other != target}
    return pd.Series(shares, name="explained", dtype=float).sort_values(ascending=False)


def as_numbers(target: pd.Series) -> pd.DataFrame:
    """Turn a numeric or yes/no target into one column of numbers, classes into a 0/1 column each (at most 50)."""
    kind = kind_of(target)
    if kind in ("number", "time"):
        numbers = target.astype("int64") if kind == "time" else target
        return numbers.astype(float).to_frame("target")
    classes = target.astype(str)
    frequent = classes.value_counts().index[:50]
    chosen = frequent[-1:] if kind == "yes/no" else frequent
    return pd.DataFrame({name: (classes == name).astype(float) for name in chosen})


def _explained(answer: pd.DataFrame, groups: pd.Series) -> float:
    count = groups.nunique()
    numbers = answer.to_numpy()
    total = ((numbers - numbers.mean(axis=0)) ** 2).sum()
    if total == 0 or len(numbers) <= count:
        return 0.0
    codes, sizes = groups.cat.codes.to_numpy(), np.bincount(groups.cat.codes)
    sums = np.stack([np.bincount(codes, weights=column) for column in numbers.T], axis=1)[sizes > 0]
    between = (sums**2 / sizes[sizes > 0, None]).sum() - (numbers.sum(axis=0) ** 2).sum() / len(numbers)
    return max(0.0, 1 - (total - between) / total * (len(numbers) - 1) / (len(numbers) - count))


def drift(data: pd.DataFrame, period: pd.Series, bins: int = 10, seed: int = 0) -> pd.DataFrame:
    """How far each column's distribution in each period is from the distribution over all rows.

    The distance is the total variation: the share of a period's rows that would have to change group (of at most
    ``bins``) to match. It is 0 for equal shares and 1 for groups that never meet.

    Returns
    -------
    DataFrame
        Index: columns; one column a period, and ``by chance``: the mean distance after shuffling the periods once,
        which is what equal distributions give at this number of rows.
    """
    place, names = pd.factorize(period, sort=True)
    known = place >= 0
    data, place = data[known], place[known]
    shuffled = np.random.default_rng(seed).permutation(place)
    rows = {}
    for column in data.columns:
        groups = cut(data[column], bins)
        distances = dict(zip(names, _distances(groups, place), strict=True))
        rows[column] = {**distances, "by chance": _distances(groups, shuffled).mean()}
    return pd.DataFrame.from_dict(rows, orient="index")


def _distances(groups: pd.Series, place: np.ndarray) -> np.ndarray:
    codes, count = groups.cat.codes.to_numpy(), len(groups.cat.categories)
    table = np.bincount(place * count + codes, minlength=(place.max() + 1) * count).reshape(-1, count)
    shares = table / table.sum(axis=1, keepdims=True)
    return np.abs(shares - table.sum(axis=0) / table.sum()).sum(axis=1) / 2


# ---------------------------------------------------------------- checks that need no knowledge of the table
def look(data: pd.DataFrame) -> pd.DataFrame:
    """Run every check that needs no knowledge of the table.

    Returns
    -------
    DataFrame
        One row a finding: ``check``, ``column``, ``count`` (values or rows concerned), ``share`` of the rows and an
        ``example``. An empty table means that none of these checks found anything, not that the data are right.
    """
    found = [*_whole_rows(data), *_same_columns(data)]
    for column in data.columns:
        values = data[column]
        kind = kind_of(values)
        if kind in ("empty", "constant"):
            example = "" if kind == "empty" else values.dropna().iloc[0]
            found.append((f"{kind} column", column, len(values), example))
        elif pd.api.types.is_datetime64_any_dtype(values):
            found += [(*each[:1], column, *each[1:]) for each in _time_checks(values)]
        elif pd.api.types.is_bool_dtype(values):
            continue
        elif pd.api.types.is_numeric_dtype(values):
            found += [(*each[:1], column, *each[1:]) for each in _number_checks(values)]
        else:
            found += [(*each[:1], column, *each[1:]) for each in _text_checks(values, kind)]
    table = pd.DataFrame(found, columns=["check", "column", "count", "example"])
    table.insert(3, "share", table["count"] / len(data))
    table["example"] = table["example"].map(lambda value: str(value)[:60])
    return table


def _whole_rows(data: pd.DataFrame):
    repeated = data.duplicated()
    if repeated.any():
        yield "row repeats an earlier row", "(all)", int(repeated.sum()), f"row {int(np.flatnonzero(repeated)[0])}"
    empty = data.isna().all(axis=1)
    if empty.any():
        yield "row without any value", "(all)", int(empty.sum()), f"row {int(np.flatnonzero(empty)[0])}"


def _same_columns(data: pd.DataFrame):
    first_with = {}
    for column in data.columns:
        if kind_of(data[column]) in ("empty", "constant"):
            continue
        content = pd.util.hash_pandas_object(data[column], index=False).to_numpy().tobytes()
        twin = first_with.setdefault(hash(content), column)
        if twin != column and data[twin].equals(data[column]):
            yield "column equals another", column, len(data), f"= {twin}"


def _time_checks(values: pd.Series):
    known = values.dropna()
    naive = known.dt.tz_localize(None) if known.dt.tz is not None else known
    future = naive > pd.Timestamp.now()
    if future.any():
        yield "time in the future", int(future.sum()), naive[future].iloc[0]
    default = naive.isin([pd.Timestamp("1970-01-01"), pd.Timestamp("1900-01-01"), pd.Timestamp("1899-12-30")])
    if default.any():
        yield "time at a computer's zero", int(default.sum()), naive[default].iloc[0]
    moments = naive.drop_duplicates().sort_values()
    steps = moments.diff().dropna()
    if len(steps) > 20:
        usual = steps.mode().iloc[0]
        longer = steps[steps > usual]
        if 0 < len(longer) < len(steps) / 20:
            yield (
                f"gap in a series with a step of {_lasting(usual)}",
                len(longer),
                f"{_lasting(longer.max())} until {_short(moments[longer.idxmax()])}",
            )


def _number_checks(values: pd.Series):
    known = values[values.notna() & np.isfinite(values)]
    infinite = int(np.isinf(values.astype(float)).sum())
    if infinite:
        yield "infinite number", infinite, "inf"
    ordered = np.sort(known.unique())
    if len(ordered) < 3:
        return
    for name, edge, lonely, span in (
        ("highest", ordered[-1], ordered[-1] - ordered[-2], ordered[-2] - ordered[0]),
        ("lowest", ordered[0], ordered[1] - ordered[0], ordered[-1] - ordered[1]),
    ):
        if lonely > span and len(ordered) > 10:
            count = int((known == edge).sum())
            yield f"{name} value far off all others", count, f"{edge:g}"
    negative = known < 0
    if 0 < negative.mean() < 0.01:
        yield "negative in a mostly positive column", int(negative.sum()), f"{known.min():g}"
    clock = len(ordered) > 60 and ordered[0] >= 0 and 1200 < ordered[-1] <= 2400
    if clock and (known % 100 < 60).all() and (known % 1 == 0).all():
        yield "clock kept as a number (HHMM)", len(known), f"{known.iloc[0]:g}"
    if clock and (known == 2400).any():
        yield "clock shows 24:00", int((known == 2400).sum()), "2400"
    if len(ordered) > 15:
        for name, edge in (("highest", ordered[-1]), ("lowest", ordered[0])):
            share = (known == edge).mean()
            if share > 0.2:
                yield (
                    f"the {name} value takes a fifth or more",
                    int((known == edge).sum()),
                    f"{edge:g}",
                )


def _text_checks(values: pd.Series, kind: str):
    known = values.dropna()
    types = known.map(type)
    if len(set(types)) > 1:
        counts = types.map(lambda each: each.__name__).value_counts()
        yield (
            "mixed types",
            int(counts.iloc[1:].sum()),
            ", ".join(f"{name} {count:,}" for name, count in counts.items()),
        )
    text = known.astype(str)
    numbers = pd.to_numeric(text.str.replace(r"[$€£%\s,]", "", regex=True), errors="coerce").notna()
    codes = text.str.fullmatch(r"0\d+").any()  # a postal code stays text
    if numbers.mean() > 0.9 and kind != "yes/no" and not codes:
        odd = text[~numbers]
        yield "numbers kept as text", int(numbers.sum()), odd.iloc[0] if len(odd) else text.iloc[0]
    stripped = text.str.strip()
    if (padded := text != stripped).any():
        yield "spaces around a value", int(padded.sum()), repr(text[padded].iloc[0])
    if (standing := stripped.str.lower().isin(LIKE_MISSING) | (stripped == "")).any():
        yield "text that stands for missing", int(standing.sum()), repr(text[standing].iloc[0])
    if (broken := text.map(lambda value: _BROKEN_TEXT.search(value) is not None)).any():
        yield "letters broken by a wrong encoding", int(broken.sum()), text[broken].iloc[0]
    if text.nunique() < 5_000 and len(variants := spellings(stripped)):
        yield "spellings of one name", int(variants["rows"].sum()), variants["which"].iloc[0]
    distinct = text.nunique()
    if 0.98 < distinct / len(text) < 1:
        repeated = text[text.duplicated()]
        yield "nearly a key: a few values come twice", len(repeated), repeated.iloc[0]


# ---------------------------------------------------------------- the ledger of findings
def finding(what: str, rows, verdict: str, means: str) -> dict:
    """One line of the ledger: what was found, in how many rows, whether to believe it and what follows.

    Parameters
    ----------
    rows : int, boolean Series (its true values count) or anything with a length
    verdict : {"believe", "repair", "beware"}
        Use it as it is; mend it before use; or never use it without thinking of this.
    """
    if verdict not in VERDICTS:
        raise CourseError(f"verdict='{verdict}' is unknown: say one of {', '.join(VERDICTS)}.")
    if isinstance(rows, pd.Series) and rows.dtype == bool:
        count = int(rows.sum())
    else:
        count = int(rows) if np.isscalar(rows) else len(rows)
    return {"finding": what, "count": count, "verdict": verdict, "what it means": means}
