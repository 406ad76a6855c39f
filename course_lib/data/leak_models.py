"""A column that alone knows nearly all of the outcome, far beyond what the others know together."""

import numpy as np
import pandas as pd

from course_lib.data.leak_table import Table, as_hashable, findings, ordered, prepare

MODEL_ROWS = 20_000  # at most so many rows are learned from and judged on, drawn at random
FOLDS = 3
TREE_LEAVES = 64
# "Nearly all" is a share of the variance explained in rows, or groups, that the tree has not seen; and of what all
# others together leave unexplained, the column leaves at most so much. A number that one honest column drives (size and
# price, age and weight) is common, so for numbers both are stricter.
NEARLY_ALL_OF_CLASSES, LEFT_OF_CLASSES = 0.6, 0.5
NEARLY_ALL_OF_A_NUMBER, LEFT_OF_A_NUMBER = 0.7, 0.4
THE_TARGET_ITSELF = 0.995  # no measurement knows so much, whatever the others know
SAME_ORDER = 0.999  # rank correlation beyond which two columns are one, in another unit


def too_good(
    data: pd.DataFrame, target: str, *, time: str | None = None, group: str | None = None, seed: int = 0
) -> pd.DataFrame:
    """Find columns that alone know nearly all of the outcome, while all others together know far less.

    A small tree on the one column is judged on rows (groups, if given) that it has not seen, by the share of the
    variance that it explains: for classes (the ten most frequent) the skill of the Brier score, for a number R squared
    (its outermost hundredths cut to their limits). A column is found if the share is at least 0.6 and leaves at most
    half of what boosted trees on all other columns leave (for a number 0.7, and four tenths); or if it is at least
    0.995 or, for a number, in the same order, which makes it the target under another name. A strong column beside
    other strong ones is therefore not found, and two leaks that say nearly the same can hide each other.

    Parameters
    ----------
    data : DataFrame
        At most 20,000 rows are used, drawn at random.
    target : str
    time : str, optional
        Moment of decision; times are then read as minutes from it.
    group : str, optional
        Rows with one value of it are learned from, or judged on, together.
    seed : int
        For the rows drawn and the folds.

    Returns
    -------
    DataFrame
        One row a finding, see `course_lib.data.leak_table.findings`; `evidence` is the share explained.
    """
    return alone(prepare(data, target, time, group), seed)


def alone(table: Table, seed: int) -> pd.DataFrame:
    """Carry out `too_good` on a table that is prepared."""
    rng = np.random.default_rng(seed)
    count = len(table.outcome)
    drawn = np.sort(rng.choice(count, min(count, MODEL_ROWS), replace=False))
    answer = table.answer()[drawn]
    fold = _folds(len(drawn), None if table.group is None else table.group[drawn], rng)
    rows = table.rows.iloc[drawn]
    moment = None if table.moment is None else table.moment.iloc[drawn]
    columns = {name: _numbers(rows[name], moment) for name in rows.columns}
    known = {name: _skill(answer, _by_tree(*column, answer, fold), fold) for name, column in columns.items()}
    if table.classes:
        enough, left = NEARLY_ALL_OF_CLASSES, LEFT_OF_CLASSES
    else:
        enough, left = NEARLY_ALL_OF_A_NUMBER, LEFT_OF_A_NUMBER
        itself = _numbers(table.outcome.iloc[drawn], None)
        known |= {name: 1.0 for name, column in columns.items() if column[1] and _same(column, itself)}
    found = []
    for name in [name for name, share in known.items() if share >= enough]:
        share = known[name]
        others = {other: column for other, column in columns.items() if not _same(columns[name], column)}
        rest = _skill(answer, _by_boosting(others, answer, fold), fold) if others else 0.0
        if share < THE_TARGET_ITSELF and 1 - share > left * (1 - rest):
            continue
        says = (
            f"'{name}' alone explains {share:.0%} of the variance of '{table.target}' in rows that were set aside; "
            f"all other columns together {max(rest, 0):.0%}."
        )
        ask = f"When is '{name}' written down? If at the outcome or after it, leave it out."
        found.append(("too_good", name, share, says, ask))
    return findings(found)


def _folds(count: int, group: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Deal out the folds, a number for each row; rows of one group share theirs."""
    if group is not None:
        codes, names = pd.factorize(group)
        if len(names) >= FOLDS:
            return (rng.permutation(len(names)) % FOLDS)[codes]
    return rng.permutation(count) % FOLDS


def _numbers(values: pd.Series, moment: pd.Series | None) -> tuple[np.ndarray, bool]:
    """Turn a column into the places of its values, missing -1; and say whether their order means anything."""
    numbers = ordered(values, moment)
    if numbers is None:
        return pd.factorize(as_hashable(values), use_na_sentinel=False)[0], False
    return pd.factorize(numbers, sort=True)[0], True


def _same(one: tuple[np.ndarray, bool], other: tuple[np.ndarray, bool]) -> bool:
    """Whether two columns hold the same, such as a weight in pounds and in ounces; a column is the same as itself."""
    if one[1] != other[1]:
        return False
    if not one[1]:
        sizes = [len(np.unique(codes)) for codes in (one[0], other[0], one[0] * len(one[0]) + other[0])]
        return len(set(sizes)) == 1
    both = (one[0] >= 0) & (other[0] >= 0)
    if both.sum() < len(both) / 2:
        return False
    ranks = [pd.Series(numbers[both]).rank().to_numpy() for numbers in (one[0], other[0])]
    return min(np.std(rank) for rank in ranks) > 0 and abs(np.corrcoef(*ranks)[0, 1]) > SAME_ORDER


def _by_tree(numbers: np.ndarray, has_order: bool, answer: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Predict each fold from the others by a small tree on one column, or by the mean of its category."""
    from sklearn.tree import DecisionTreeRegressor

    predicted = np.empty_like(answer)
    for each in range(FOLDS):
        learn, judge = fold != each, fold == each
        if not has_order:
            predicted[judge] = _by_category(numbers, answer, learn, judge)
            continue
        tree = DecisionTreeRegressor(max_leaf_nodes=TREE_LEAVES, min_samples_leaf=5, random_state=0)
        tree.fit(numbers[learn, None], answer[learn])
        predicted[judge] = tree.predict(numbers[judge, None]).reshape(judge.sum(), -1)
    return predicted


def _by_category(codes: np.ndarray, answer: np.ndarray, learn: np.ndarray, judge: np.ndarray) -> np.ndarray:
    size = codes.max() + 1
    overall = answer[learn].mean(axis=0)
    counts = np.bincount(codes[learn], minlength=size)[:, None]
    sums = np.stack([np.bincount(codes[learn], column, minlength=size) for column in answer[learn].T], axis=1)
    return ((sums + overall) / (counts + 1))[codes[judge]]


def _by_boosting(columns: dict, answer: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Predict each fold from the others by boosted trees on many columns, a class at a time."""
    from lightgbm import LGBMRegressor

    matrix = np.stack([numbers for numbers, _ in columns.values()], axis=1).astype(float)
    categories = [place for place, (_, has_order) in enumerate(columns.values()) if not has_order]
    predicted = np.empty_like(answer)
    for each in range(FOLDS):
        learn, judge = fold != each, fold == each
        for place in range(answer.shape[1]):
            model = LGBMRegressor(
                n_estimators=100, num_leaves=15, min_child_samples=10, n_jobs=1, verbose=-1, random_state=0
            )
            model.fit(matrix[learn], answer[learn, place], categorical_feature=categories)
            predicted[judge, place] = model.predict(matrix[judge])
    return predicted


def _skill(answer: np.ndarray, predicted: np.ndarray, fold: np.ndarray) -> float:
    """Share of the variance explained, against the mean of the rows learned from."""
    mean = np.empty_like(answer)
    for each in range(FOLDS):
        mean[fold == each] = answer[fold != each].mean(axis=0)
    return 1 - ((answer - predicted) ** 2).sum() / ((answer - mean) ** 2).sum()
