"""Exercises of lesson 00, from the question to a decision."""

import numpy as np
import pandas as pd

from course_lib import evaluate
from course_lib.exercises import Exercise, Mistake

_TERMS = {"crew_cost": 1.0, "late_cost": 6.0, "opponent": "never"}

# --- 00.1 a crew that does not always help -----------------------------------------------------------------------


def break_even(*, crew_cost, late_cost, rescued):
    """Probability from which a crew that rescues only a part of the late flights is worth its cost."""
    # With a crew: crew_cost, and late_cost * (1 - rescued) * p where it does not help. Without one: late_cost * p.
    return crew_cost / (late_cost * rescued)


def _always_rescues(*, crew_cost, late_cost, rescued):
    return crew_cost / late_cost


def _wrong_way_round(*, crew_cost, late_cost, rescued):
    return crew_cost * rescued / late_cost


def _failures_count(*, crew_cost, late_cost, rescued):
    return crew_cost / (late_cost * (1 - rescued))


def _odds(*, crew_cost, late_cost, rescued):
    return crew_cost / (crew_cost + late_cost * rescued)


def _costs():
    return {"crew_cost": 1.0, "late_cost": 6.0, "rescued": 0.8}


# --- 00.2 the base rate by airport -------------------------------------------------------------------------------


def late_by_origin(*, known, late_minutes):
    """Share of late flights at each airport."""
    late = known["arr_delay"] >= late_minutes
    return late.groupby(known["origin"]).mean()


def _counted(*, known, late_minutes):
    return (known["arr_delay"] >= late_minutes).groupby(known["origin"]).sum()


def _any_delay(*, known, late_minutes):
    return (known["arr_delay"] > 0).groupby(known["origin"]).mean()


def _later_than(*, known, late_minutes):
    return (known["arr_delay"] > late_minutes).groupby(known["origin"]).mean()


def _mean_minutes(*, known, late_minutes):
    return known.groupby("origin")["arr_delay"].mean()


def _share_of_all_late(*, known, late_minutes):
    late = known.loc[known["arr_delay"] >= late_minutes, "origin"]
    return late.value_counts(normalize=True)


def _in_per_cent(*, known, late_minutes):
    return 100 * late_by_origin(known=known, late_minutes=late_minutes)


def _whole_year(*, known, late_minutes):
    from course_lib import load

    return late_by_origin(known=load("departures"), late_minutes=late_minutes)


def _some_departures():
    return {"known": _labelled(every=40), "late_minutes": 30}


# --- 00.3 what the trivial policies cost -------------------------------------------------------------------------


def trivial_costs(*, known, late_minutes, crew_cost, late_cost):
    """Cost of never and of always placing a crew, per 1,000 flights of the months before the test."""
    late = known["arr_delay"] >= late_minutes
    return {"never": 1000 * late_cost * late.mean(), "always": 1000 * crew_cost}


def _training_only(*, known, late_minutes, crew_cost, late_cost):
    train = known[known["split"] == "train"]
    return trivial_costs(known=train, late_minutes=late_minutes, crew_cost=crew_cost, late_cost=late_cost)


def _per_flight(*, known, late_minutes, crew_cost, late_cost):
    right = trivial_costs(known=known, late_minutes=late_minutes, crew_cost=crew_cost, late_cost=late_cost)
    return {policy: cost / 1000 for policy, cost in right.items()}


def _in_total(*, known, late_minutes, crew_cost, late_cost):
    late = known["arr_delay"] >= late_minutes
    return {"never": late_cost * late.sum(), "always": crew_cost * len(known)}


def _pays_twice(*, known, late_minutes, crew_cost, late_cost):
    late = known["arr_delay"] >= late_minutes
    return {"never": 1000 * late_cost * late.mean(), "always": 1000 * (crew_cost + late_cost * late.mean())}


def _without_the_price(*, known, late_minutes, crew_cost, late_cost):
    return {"never": 1000 * (known["arr_delay"] >= late_minutes).mean(), "always": 1000 * crew_cost}


def _the_other_way(*, known, late_minutes, crew_cost, late_cost):
    right = trivial_costs(known=known, late_minutes=late_minutes, crew_cost=crew_cost, late_cost=late_cost)
    return {"never": right["always"], "always": right["never"]}


def _test_months_too(*, known, late_minutes, crew_cost, late_cost):
    from course_lib import load

    year = load("departures")
    return trivial_costs(known=year, late_minutes=late_minutes, crew_cost=crew_cost, late_cost=late_cost)


def _costs_of_some_departures():
    return {"known": _labelled(every=40), "late_minutes": 30, "crew_cost": 1.0, "late_cost": 6.0}


# --- 00.4 one more column ----------------------------------------------------------------------------------------


def value_of_a_column(
    *, features_train, features_validation, data_train, data_validation, probability_validation, terms
):
    """Money that one more column saves, with an interval over days."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    four_train = features_train.assign(overdue=data_train["overdue"])
    four_validation = features_validation.assign(overdue=data_validation["overdue"])
    model_four = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    model_four.fit(four_train, data_train["late"])
    probability_four = model_four.predict_proba(four_validation)[:, 1]
    late, day = data_validation["late"], data_validation["day"]
    worth = evaluate.difference(late, probability_four, probability_validation, day, ["saving"], **terms)
    return tuple(worth.loc["saving"])


def _four_columns(
    features_train, features_validation, data_train, data_validation, column="overdue", fitted_on="train"
):
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    four_train = features_train.assign(fourth=data_train[column])
    four_validation = features_validation.assign(fourth=data_validation[column])
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    if fitted_on == "train":
        model.fit(four_train, data_train["late"])
    else:
        model.fit(four_validation, data_validation["late"])
    return model.predict_proba(four_validation)[:, 1]


def _gain(four, other, data_validation, groups, terms, metric="saving"):
    return tuple(evaluate.difference(data_validation["late"], four, other, groups, [metric], **terms).iloc[0])


def _by_row(*, features_train, features_validation, data_train, data_validation, probability_validation, terms):
    four = _four_columns(features_train, features_validation, data_train, data_validation)
    return _gain(four, probability_validation, data_validation, np.arange(len(data_validation)), terms)


def _other_column(*, features_train, features_validation, data_train, data_validation, probability_validation, terms):
    four = _four_columns(features_train, features_validation, data_train, data_validation, "nyc_delay")
    return _gain(four, probability_validation, data_validation, data_validation["day"], terms)


def _fitted_on_validation(
    *, features_train, features_validation, data_train, data_validation, probability_validation, terms
):
    four = _four_columns(features_train, features_validation, data_train, data_validation, fitted_on="validation")
    return _gain(four, probability_validation, data_validation, data_validation["day"], terms)


def _other_sign(*, features_train, features_validation, data_train, data_validation, probability_validation, terms):
    four = _four_columns(features_train, features_validation, data_train, data_validation)
    return _gain(probability_validation, four, data_validation, data_validation["day"], terms)


def _score_alone(*, features_train, features_validation, data_train, data_validation, probability_validation, terms):
    four = _four_columns(features_train, features_validation, data_train, data_validation)
    found = evaluate.score(data_validation["late"], four, data_validation["day"], ["saving"], **terms)
    return tuple(found.loc["saving"])


def _ranking(*, features_train, features_validation, data_train, data_validation, probability_validation, terms):
    four = _four_columns(features_train, features_validation, data_train, data_validation)
    return _gain(four, probability_validation, data_validation, data_validation["day"], terms, "roc_auc")


def _some_features():
    data = _labelled(every=40)
    columns = ["hour", "airport_delay", "visibility"]
    train, validation = (data[data["split"] == split] for split in ("train", "validation"))
    probability = np.clip(validation["airport_delay"].fillna(0) / 60, 0, 1).to_numpy()
    return {
        "features_train": train[columns],
        "features_validation": validation[columns],
        "data_train": train,
        "data_validation": validation,
        "probability_validation": probability,
        "terms": _TERMS,
    }


# --- 00.5 a threshold searched in the past -----------------------------------------------------------------------


def searched_threshold(*, data_months, probability, is_autumn, thresholds, terms):
    """Share saved in autumn with the threshold that was cheapest in the months before."""
    before, autumn = data_months[~is_autumn], data_months[is_autumn]
    prices = terms["crew_cost"], terms["late_cost"]
    costs = [evaluate.cost_per_1000(before["late"], probability[~is_autumn] >= at, *prices) for at in thresholds]
    cheapest = thresholds[np.argmin(costs)]
    return evaluate.saving(autumn["late"], probability[is_autumn], autumn["day"], threshold=cheapest, **terms).share


def _cheapest(data, probability, thresholds, terms):
    prices = terms["crew_cost"], terms["late_cost"]
    costs = [evaluate.cost_per_1000(data["late"], probability >= at, *prices) for at in thresholds]
    return thresholds[np.argmin(costs)]


def _saved_with(data, probability, threshold, terms):
    return evaluate.saving(data["late"], probability, data["day"], threshold=threshold, **terms).share


def _searched_in_autumn(*, data_months, probability, is_autumn, thresholds, terms):
    autumn, said = data_months[is_autumn], probability[is_autumn]
    return _saved_with(autumn, said, _cheapest(autumn, said, thresholds, terms), terms)


def _not_searched(*, data_months, probability, is_autumn, thresholds, terms):
    return _saved_with(data_months[is_autumn], probability[is_autumn], None, terms)


def _most_accurate(*, data_months, probability, is_autumn, thresholds, terms):
    before = data_months[~is_autumn]
    right = [((probability[~is_autumn] >= at) == before["late"]).mean() for at in thresholds]
    return _saved_with(data_months[is_autumn], probability[is_autumn], thresholds[np.argmax(right)], terms)


def _judged_where_searched(*, data_months, probability, is_autumn, thresholds, terms):
    before, said = data_months[~is_autumn], probability[~is_autumn]
    return _saved_with(before, said, _cheapest(before, said, thresholds, terms), terms)


def _the_threshold_itself(*, data_months, probability, is_autumn, thresholds, terms):
    return _cheapest(data_months[~is_autumn], probability[~is_autumn], thresholds, terms)


def _against_the_costs(*, data_months, probability, is_autumn, thresholds, terms):
    inputs = {"data_months": data_months, "probability": probability, "is_autumn": is_autumn}
    inputs |= {"thresholds": thresholds, "terms": terms}
    return searched_threshold(**inputs) - _not_searched(**inputs)


def _some_months():
    data = _labelled(every=20)
    months = data[data["month"].between(3, 10)]
    return {
        "data_months": months,
        "probability": 0.1 + np.clip(months["airport_delay"].fillna(0), 0, 45).to_numpy() / 100,
        "is_autumn": months["month"] >= 9,
        "thresholds": np.arange(0.05, 0.5, 0.01),
        "terms": _TERMS,
    }


# --- 00.6 how many days belong together --------------------------------------------------------------------------


def widths(*, data_months, probability, terms):
    """Width of the interval of the saving, for blocks of 1, 5, 7 and 10 days."""
    late, day = data_months["late"], data_months["day"]
    scores = {n: evaluate.score(late, probability, day, ["saving"], block=n, **terms).iloc[0] for n in (1, 5, 7, 10)}
    return pd.Series({n: score["high"] - score["low"] for n, score in scores.items()})


def _widths_of(metric, data_months, probability, groups, terms):
    found = {}
    for block in (1, 5, 7, 10):
        one = evaluate.score(data_months["late"], probability, groups, [metric], block=block, **terms).loc[metric]
        found[block] = one["high"] - one["low"]
    return pd.Series(found)


def _of_the_ranking(*, data_months, probability, terms):
    return _widths_of("roc_auc", data_months, probability, data_months["day"], terms)


def _weeks_as_days(*, data_months, probability, terms):
    return _widths_of("saving", data_months, probability, data_months["day"].dt.to_period("W"), terms)


def _rows_as_days(*, data_months, probability, terms):
    return _widths_of("saving", data_months, probability, np.arange(len(data_months)), terms)


def _half_widths(*, data_months, probability, terms):
    return widths(data_months=data_months, probability=probability, terms=terms) / 2


def _widths_in_per_cent(*, data_months, probability, terms):
    return 100 * widths(data_months=data_months, probability=probability, terms=terms)


def _no_blocks(*, data_months, probability, terms):
    found = evaluate.score(data_months["late"], probability, data_months["day"], ["saving"], **terms).iloc[0]
    return pd.Series(found["high"] - found["low"], index=[1, 5, 7, 10])


def _values(*, data_months, probability, terms):
    score = evaluate.score(data_months["late"], probability, data_months["day"], ["saving"], **terms)
    return pd.Series(score["value"].iloc[0], index=[1, 5, 7, 10])


def _a_back_test():
    inputs = _some_months()
    return {name: inputs[name] for name in ("data_months", "probability", "terms")}


# --- 00.7 what noisy rows are worth -----------------------------------------------------------------------------


def worth_in_clean_rows(*, curve, noisy_rows):
    """Find how many clean rows rank as well as `noisy_rows` rows with flipped labels."""
    reached = curve.loc[noisy_rows, "flipped"]
    # The curve bends on a plain axis and is nearly straight where each step multiplies the rows.
    return np.exp(np.interp(reached, curve["clean"], np.log(curve.index)))


def _straight_between(*, curve, noisy_rows):
    return np.interp(curve.loc[noisy_rows, "flipped"], curve["clean"], curve.index)


def _other_direction(*, curve, noisy_rows):
    return np.exp(np.interp(curve.loc[noisy_rows, "clean"], curve["flipped"], np.log(curve.index)))


def _nearest_size(*, curve, noisy_rows):
    return (curve["clean"] - curve.loc[noisy_rows, "flipped"]).abs().idxmin()


def _in_logarithms(*, curve, noisy_rows):
    return np.interp(curve.loc[noisy_rows, "flipped"], curve["clean"], np.log(curve.index))


def _a_curve():
    sizes = pd.Index([1_000, 4_000, 16_000, 64_000], name="rows")
    curve = pd.DataFrame({"clean": [0.67, 0.71, 0.72, 0.73], "flipped": [0.63, 0.68, 0.707, 0.723]}, index=sizes)
    return {"curve": curve, "noisy_rows": 16_000}


# --- 00.8 a conditional share on Spark ---------------------------------------------------------------------------


def late_when_behind(*, million, late_minutes):
    """Share of late flights among those decided on while their airport ran 15 or more minutes behind."""
    from pyspark.sql import functions as F

    late = (F.col("arr_delay") >= late_minutes).cast("int")
    behind = million.where(F.col("airport_delay") >= 15)
    return behind.groupBy("origin").agg(F.avg(late).alias("late_share"))


def _joint_share(*, million, late_minutes):
    from pyspark.sql import functions as F

    both = (F.col("arr_delay") >= late_minutes) & (F.col("airport_delay") >= 15)
    both = F.coalesce(both, F.lit(False)).cast("int")
    return million.groupBy("origin").agg(F.avg(both).alias("late_share"))


def _not_filtered(*, million, late_minutes):
    from pyspark.sql import functions as F

    late = (F.col("arr_delay") >= late_minutes).cast("int")
    return million.groupBy("origin").agg(F.avg(late).alias("late_share"))


def _condition_reversed(*, million, late_minutes):
    from pyspark.sql import functions as F

    behind = F.coalesce(F.col("airport_delay") >= 15, F.lit(False)).cast("int")
    late = million.where(F.col("arr_delay") >= late_minutes)
    return late.groupBy("origin").agg(F.avg(behind).alias("late_share"))


def _counted_on_spark(*, million, late_minutes):
    from pyspark.sql import functions as F

    late = (F.col("arr_delay") >= late_minutes).cast("int")
    behind = million.where(F.col("airport_delay") >= 15)
    return behind.groupBy("origin").agg(F.sum(late).alias("late_share"))


def _late_per_cent(*, million, late_minutes):
    share = late_when_behind(million=million, late_minutes=late_minutes)
    return share.selectExpr("origin", "100 * late_share AS late_share")


def _a_grown_table():
    from course_lib import flights_at_scale, get_spark

    spark = get_spark("tests", master="local[2]")
    return {"million": flights_at_scale(spark, 20_000).coalesce(1).cache(), "late_minutes": 30}


def _labelled(every):
    """Return every n-th departure of January to October with the target at 30 minutes."""
    from course_lib import load

    departures = load("departures")
    known = departures[departures["split"].isin(["train", "validation"])].iloc[::every]
    return known.assign(late=known["arr_delay"] >= 30)


EXERCISES = [
    Exercise(
        id="00.1",
        title="A crew that does not always help",
        reference=break_even,
        why="Write down what each choice costs on average and set the two equal: that is all a threshold is.",
        hints=(
            "What does a flight with probability p cost on average without a crew? And with one?",
            "With a crew you pay for the crew, and still for the late flights that it does not rescue.",
            "crew_cost + late_cost * (1 - rescued) * p = late_cost * p: solve for p.",
        ),
        mistakes=(
            Mistake(
                "crew always helps",
                _always_rescues,
                "this is the threshold for a crew that rescues every late flight. This one fails sometimes.",
            ),
            Mistake(
                "wrong way round",
                _wrong_way_round,
                "your threshold is lower than before. A crew that helps less often should be placed less often.",
            ),
            Mistake(
                "failures instead of rescues",
                _failures_count,
                "what a crew saves is the part that it rescues, not the part that it does not.",
            ),
            Mistake(
                "odds",
                _odds,
                "crew_cost to saving is the ratio of odds only if a crew were free on late flights. "
                "Here it costs the same whether the flight comes late or not.",
            ),
        ),
        sample_inputs=_costs,
        tolerance=5e-3,  # pencil and paper: .208 will do
    ),
    Exercise(
        id="00.2",
        title="The base rate by airport",
        reference=late_by_origin,
        why="A comparison gives True or False for each flight, and the mean of truth values is their share.",
        hints=(
            "First a True or False for each flight: is its arr_delay at least late_minutes?",
            "A Series can be grouped by another Series: late.groupby(known['origin']).",
            "The mean of True and False is the share of True.",
        ),
        mistakes=(
            Mistake(
                "counts",
                _counted,
                "these are numbers of late flights. The airports differ in size, so compare shares.",
            ),
            Mistake(
                "exclusive limit",
                _later_than,
                "is a flight that arrives exactly `late_minutes` behind schedule a late one? By our definition it is.",
            ),
            Mistake(
                "any delay",
                _any_delay,
                "this counts every arrival after schedule. Late begins at `late_minutes`.",
            ),
            Mistake(
                "mean minutes",
                _mean_minutes,
                "this is a mean delay in minutes. The question is which share of flights crosses the line.",
            ),
            Mistake(
                "share of the late flights",
                _share_of_all_late,
                "your shares add up to 1: of the late flights, where did they start? "
                "Asked is, for each airport, which part of its own flights is late.",
            ),
            Mistake("per cent", _in_per_cent, "these are per cent. Give shares between 0 and 1."),
            Mistake(
                "test months too",
                _whole_year,
                "this is all of `departures`, with the test months in it. They stay closed: use `known`.",
            ),
        ),
        sample_inputs=_some_departures,
        tolerance=3e-3,  # three digits will do
    ),
    Exercise(
        id="00.3",
        title="What the trivial policies cost",
        reference=trivial_costs,
        why="Two numbers that need no model: any model has to beat the smaller one.",
        hints=(
            "All flights of `known` count. Which share of them is late, by `late_minutes`?",
            "Never: nobody pays for a crew, each late flight costs late_cost.",
            "Always: each flight costs crew_cost, and no late flight is uncovered.",
        ),
        mistakes=(
            Mistake(
                "training months only",
                _training_only,
                "this is January to August. Autumn is over, too, when November is decided: use all of `known`.",
            ),
            Mistake(
                "test months too",
                _test_months_too,
                "this is all of `departures`, with the test months in it. They stay closed: use `known`.",
            ),
            Mistake("per flight", _per_flight, "these are costs per flight. Give them per 1,000 flights."),
            Mistake("total", _in_total, "these are totals over all flights. Give them per 1,000 flights."),
            Mistake(
                "late flights instead of money",
                _without_the_price,
                "`never` is a number of late flights. What does each of them cost?",
            ),
            Mistake("swapped", _the_other_way, "both numbers are right, and each stands under the other's name."),
            Mistake(
                "pays twice",
                _pays_twice,
                "`never` is right. With a crew on every flight no late flight is uncovered, so only crews are paid.",
            ),
        ),
        sample_inputs=_costs_of_some_departures,
        tolerance=1e-3,
    ),
    Exercise(
        id="00.4",
        title="The value of one more column",
        reference=value_of_a_column,
        why="Both models meet the same days, so the gain is judged with the same days left out for both.",
        hints=(
            "features_train.assign(overdue=data_train['overdue']) adds the column; the same for validation.",
            "Fit a new pipeline on the four training columns, then predict_proba(four validation columns)[:, 1].",
            "evaluate.difference(late, new, old, days, ['saving'], **terms).loc['saving'] has value, low and high.",
        ),
        mistakes=(
            Mistake(
                "ranking instead of money",
                _ranking,
                "this is the gain in `roc_auc`. Asked is the money: the row `saving`.",
            ),
            Mistake(
                "sign",
                _other_sign,
                "the size is right, the sign is not: asked is the model with four columns minus the one with three.",
            ),
            Mistake(
                "score of one model",
                _score_alone,
                "this is what the four columns save. Asked is how much more than three, paired by day.",
            ),
            Mistake(
                "other column",
                _other_column,
                "this is what `nyc_delay` adds, the second half of the exercise. Answer with `overdue`.",
            ),
            Mistake(
                "fitted on the validation months",
                _fitted_on_validation,
                "this model has learned from the flights that it is judged on. Fit on the training months only.",
            ),
            Mistake(
                "intervals by row",
                _by_row,
                "the value is right, the interval is too narrow: it takes flights one by one. Pass the days.",
            ),
        ),
        sample_inputs=_some_features,
        tolerance=3e-2,  # two digits will do
    ),
    Exercise(
        id="00.5",
        title="A threshold searched in the past",
        reference=searched_threshold,
        why="Whatever is chosen by looking at data is chosen on one period and judged on a later one.",
        hints=(
            "For each threshold, what would March to August have cost? evaluate.cost_per_1000 answers that.",
            "np.argmin of the costs is the position of the cheapest threshold.",
            "Then evaluate.saving(..., threshold=cheapest, **terms).share in autumn.",
        ),
        mistakes=(
            Mistake(
                "searched in autumn",
                _searched_in_autumn,
                "this threshold was chosen with the outcomes of the autumn. Nobody has them when it begins.",
            ),
            Mistake(
                "not searched",
                _not_searched,
                "this is the saving with the threshold that follows from the costs. Pass the searched one.",
            ),
            Mistake(
                "accuracy",
                _most_accurate,
                "this threshold makes the fewest errors. A missed late flight costs more than a crew too many: "
                "search for the lowest cost.",
            ),
            Mistake(
                "judged where searched",
                _judged_where_searched,
                "this is the saving in the months in which you searched. Judge the threshold in autumn.",
            ),
            Mistake(
                "the difference",
                _against_the_costs,
                "this is how much more or less it saves than 1/6. Asked is what it saves.",
            ),
            Mistake(
                "the threshold",
                _the_threshold_itself,
                "this is the threshold. Asked is the share of money that it saves in autumn.",
            ),
        ),
        sample_inputs=_some_months,
        tolerance=3e-2,  # two digits will do
    ),
    Exercise(
        id="00.6",
        title="How many days belong together",
        reference=widths,
        why="Single days are far too narrow; from five days on the choice changes the interval by a seventh.",
        hints=(
            "evaluate.score(..., block=5) leaves out five neighbouring days at a time.",
            "The row `saving` has low and high; the width is high minus low.",
            "pd.Series({n: width_with(n) for n in (1, 5, 7, 10)}) has the index that is asked for.",
        ),
        mistakes=(
            Mistake(
                "ranking instead of money",
                _of_the_ranking,
                "these are widths for `roc_auc`. Asked is the money: the metric `saving`.",
            ),
            Mistake(
                "weeks as days",
                _weeks_as_days,
                "with weeks as groups a block of 5 is five weeks. Pass the days, and let `block` say how many of them.",
            ),
            Mistake(
                "rows as days",
                _rows_as_days,
                "with a group for each row a block of 5 is five flights. Pass the days.",
            ),
            Mistake("no blocks", _no_blocks, "this is the same width each time. Pass `block=` to `evaluate.score`."),
            Mistake("half widths", _half_widths, "these are half widths. The width runs from low to high."),
            Mistake("per cent", _widths_in_per_cent, "these are per cent. Give shares, as `evaluate.score` does."),
            Mistake("values", _values, "this is the score, the same for each block. Asked is high minus low."),
        ),
        sample_inputs=_a_back_test,
        tolerance=1e-2,
    ),
    Exercise(
        id="00.7",
        title="What noisy rows are worth",
        reference=worth_in_clean_rows,
        why="Read a learning curve sideways: not what score for these rows, but what rows for this score.",
        hints=(
            "First read the AUC that the noisy rows reach: curve.loc[noisy_rows, 'flipped'].",
            "Then find where the clean curve passes that AUC: np.interp(reached, curve['clean'], ...).",
            "Interpolate the logarithm of the rows, np.log(curve.index), and take np.exp of the result.",
        ),
        mistakes=(
            Mistake(
                "straight line in rows",
                _straight_between,
                "between 4,000 and 16,000 rows the curve is steep first and flat later. "
                "Interpolate in the logarithm of the rows.",
            ),
            Mistake(
                "other direction",
                _other_direction,
                "this is how many noisy rows replace the clean ones. Asked is how many clean rows they are worth.",
            ),
            Mistake(
                "nearest size",
                _nearest_size,
                "this is the nearest of the sizes that were tried. Interpolate between them.",
            ),
            Mistake("logarithm", _in_logarithms, "this is the logarithm of the number of rows: take np.exp of it."),
        ),
        sample_inputs=_a_curve,
        tolerance=3e-2,  # two digits will do
    ),
    Exercise(
        id="00.8",
        title="A conditional share on Spark",
        reference=late_when_behind,
        why="Filter first, then group: each task sends on three rows, whatever the number of flights.",
        hints=(
            "million.where(F.col('airport_delay') >= 15) keeps the flights to look at.",
            "Then groupBy('origin').agg(F.avg(...).alias('late_share')).",
            "F.avg needs numbers: (F.col('arr_delay') >= late_minutes).cast('int').",
        ),
        mistakes=(
            Mistake(
                "joint share",
                _joint_share,
                "this divides by all flights. Divide by those decided on while the airport ran behind: filter first.",
            ),
            Mistake(
                "no filter",
                _not_filtered,
                "this is the share over all flights. Keep only those whose airport_delay is at least 15.",
            ),
            Mistake(
                "condition reversed",
                _condition_reversed,
                "this is how often the airport ran behind when a flight came late. "
                "Asked is how often a flight comes late when the airport runs behind.",
            ),
            Mistake("counts", _counted_on_spark, "these are numbers of flights. Asked are shares: avg, not sum."),
            Mistake("per cent", _late_per_cent, "these are per cent. Give shares between 0 and 1."),
        ),
        sample_inputs=_a_grown_table,
    ),
]
