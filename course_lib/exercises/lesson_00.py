"""Exercises of lesson 00, from the question to a decision."""

import numpy as np
import pandas as pd

from course_lib import evaluate
from course_lib.exercises import Exercise, Mistake

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


def late_by_origin(*, departures, late_minutes):
    """Share of late flights at each airport."""
    late = departures["arr_delay"] >= late_minutes
    return late.groupby(departures["origin"]).mean()


def _counted(*, departures, late_minutes):
    return (departures["arr_delay"] >= late_minutes).groupby(departures["origin"]).sum()


def _any_delay(*, departures, late_minutes):
    return (departures["arr_delay"] > 0).groupby(departures["origin"]).mean()


def _later_than(*, departures, late_minutes):
    return (departures["arr_delay"] > late_minutes).groupby(departures["origin"]).mean()


def _mean_minutes(*, departures, late_minutes):
    return departures.groupby("origin")["arr_delay"].mean()


def _share_of_all_late(*, departures, late_minutes):
    late = departures.loc[departures["arr_delay"] >= late_minutes, "origin"]
    return late.value_counts(normalize=True)


def _in_per_cent(*, departures, late_minutes):
    return 100 * late_by_origin(departures=departures, late_minutes=late_minutes)


def _some_departures():
    from course_lib import load

    return {"departures": load("departures").iloc[::40], "late_minutes": 30}


# --- 00.3 what the trivial policies cost -------------------------------------------------------------------------


def trivial_costs(*, departures, late_minutes, crew_cost, late_cost):
    """Cost of never and of always placing a crew, per 1,000 flights of the test months."""
    test = departures[departures["split"] == "test"]
    late = test["arr_delay"] >= late_minutes
    return {"never": 1000 * late_cost * late.mean(), "always": 1000 * crew_cost}


def _whole_year(*, departures, late_minutes, crew_cost, late_cost):
    late = departures["arr_delay"] >= late_minutes
    return {"never": 1000 * late_cost * late.mean(), "always": 1000 * crew_cost}


def _per_flight(*, departures, late_minutes, crew_cost, late_cost):
    right = trivial_costs(departures=departures, late_minutes=late_minutes, crew_cost=crew_cost, late_cost=late_cost)
    return {policy: cost / 1000 for policy, cost in right.items()}


def _in_total(*, departures, late_minutes, crew_cost, late_cost):
    test = departures[departures["split"] == "test"]
    late = test["arr_delay"] >= late_minutes
    return {"never": late_cost * late.sum(), "always": crew_cost * len(test)}


def _pays_twice(*, departures, late_minutes, crew_cost, late_cost):
    test = departures[departures["split"] == "test"]
    late = test["arr_delay"] >= late_minutes
    return {"never": 1000 * late_cost * late.mean(), "always": 1000 * (crew_cost + late_cost * late.mean())}


def _without_the_price(*, departures, late_minutes, crew_cost, late_cost):
    test = departures[departures["split"] == "test"]
    return {"never": 1000 * (test["arr_delay"] >= late_minutes).mean(), "always": 1000 * crew_cost}


def _the_other_way(*, departures, late_minutes, crew_cost, late_cost):
    right = trivial_costs(departures=departures, late_minutes=late_minutes, crew_cost=crew_cost, late_cost=late_cost)
    return {"never": right["always"], "always": right["never"]}


def _costs_of_some_departures():
    from course_lib import load

    return {"departures": load("departures").iloc[::40], "late_minutes": 30, "crew_cost": 1.0, "late_cost": 6.0}


# --- 00.4 one more column ----------------------------------------------------------------------------------------


def value_of_a_column(*, features_train, features_test, data_train, data_test, probability, terms):
    """Money that one more column saves, with an interval over days."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    four_train = features_train.assign(overdue=data_train["overdue"])
    four_test = features_test.assign(overdue=data_test["overdue"])
    model_four = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    model_four.fit(four_train, data_train["late"])
    probability_four = model_four.predict_proba(four_test)[:, 1]
    gain = evaluate.difference(data_test["late"], probability_four, probability, data_test["day"], **terms)
    return tuple(gain.loc["saving"])


def _four_columns(features_train, features_test, data_train, data_test, column="overdue", fitted_on="train"):
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    four_train = features_train.assign(fourth=data_train[column])
    four_test = features_test.assign(fourth=data_test[column])
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    if fitted_on == "train":
        model.fit(four_train, data_train["late"])
    else:
        model.fit(four_test, data_test["late"])
    return model.predict_proba(four_test)[:, 1]


def _gain(four, probability, data_test, groups, terms):
    only_money = terms | {"metrics": ["saving"]}  # draws the same days as with the other metrics, and is quick
    return tuple(evaluate.difference(data_test["late"], four, probability, groups, **only_money).loc["saving"])


def _by_row(*, features_train, features_test, data_train, data_test, probability, terms):
    four = _four_columns(features_train, features_test, data_train, data_test)
    return _gain(four, probability, data_test, np.arange(len(data_test)), terms)


def _other_column(*, features_train, features_test, data_train, data_test, probability, terms):
    four = _four_columns(features_train, features_test, data_train, data_test, "nyc_delay")
    return _gain(four, probability, data_test, data_test["day"], terms)


def _fitted_on_test(*, features_train, features_test, data_train, data_test, probability, terms):
    four = _four_columns(features_train, features_test, data_train, data_test, fitted_on="test")
    return _gain(four, probability, data_test, data_test["day"], terms)


def _other_sign(*, features_train, features_test, data_train, data_test, probability, terms):
    four = _four_columns(features_train, features_test, data_train, data_test)
    return _gain(probability, four, data_test, data_test["day"], terms)


def _score_alone(*, features_train, features_test, data_train, data_test, probability, terms):
    four = _four_columns(features_train, features_test, data_train, data_test)
    found = evaluate.score(data_test["late"], four, data_test["day"], **(terms | {"metrics": ["saving"]}))
    return tuple(found.loc["saving"])


def _ranking(*, features_train, features_test, data_train, data_test, probability, terms):
    four = _four_columns(features_train, features_test, data_train, data_test)
    found = evaluate.difference(data_test["late"], four, probability, data_test["day"], **terms)
    return tuple(found.loc["roc_auc"])


def _some_features():
    data = _labelled(every=40)
    columns = ["hour", "airport_delay", "visibility"]
    train, test = (data[data["split"] == split] for split in ("train", "test"))
    probability = np.clip(test["airport_delay"].fillna(0) / 60, 0, 1).to_numpy()
    return {
        "features_train": train[columns],
        "features_test": test[columns],
        "data_train": train,
        "data_test": test,
        "probability": probability,
        "terms": {"metrics": ["saving", "roc_auc"], "crew_cost": 1.0, "late_cost": 6.0, "seed": 0},
    }


# --- 00.5 a threshold searched on the validation months ----------------------------------------------------------


def searched_threshold(
    *, data_validation, probability_validation, data_test, probability, thresholds, crew_cost, late_cost
):
    """Share saved in the test months with the threshold that was cheapest in the validation months."""
    late = data_validation["late"]
    costs = [evaluate.cost_per_1000(late, probability_validation >= at, crew_cost, late_cost) for at in thresholds]
    cheapest = thresholds[np.argmin(costs)]
    found = evaluate.saving(data_test["late"], probability, data_test["day"], crew_cost, late_cost, cheapest)
    return found.share


def _searched_on_test(
    *, data_validation, probability_validation, data_test, probability, thresholds, crew_cost, late_cost
):
    costs = [evaluate.cost_per_1000(data_test["late"], probability >= at, crew_cost, late_cost) for at in thresholds]
    best = thresholds[np.argmin(costs)]
    return evaluate.saving(data_test["late"], probability, data_test["day"], crew_cost, late_cost, best).share


def _not_searched(*, data_validation, probability_validation, data_test, probability, thresholds, crew_cost, late_cost):
    return evaluate.saving(data_test["late"], probability, data_test["day"], crew_cost, late_cost).share


def _most_accurate(
    *, data_validation, probability_validation, data_test, probability, thresholds, crew_cost, late_cost
):
    right = [((probability_validation >= at) == data_validation["late"]).mean() for at in thresholds]
    best = thresholds[np.argmax(right)]
    return evaluate.saving(data_test["late"], probability, data_test["day"], crew_cost, late_cost, best).share


def _judged_on_validation(
    *, data_validation, probability_validation, data_test, probability, thresholds, crew_cost, late_cost
):
    late, day = data_validation["late"], data_validation["day"]
    costs = [evaluate.cost_per_1000(late, probability_validation >= at, crew_cost, late_cost) for at in thresholds]
    best = thresholds[np.argmin(costs)]
    return evaluate.saving(late, probability_validation, day, crew_cost, late_cost, best).share


def _the_threshold_itself(
    *, data_validation, probability_validation, data_test, probability, thresholds, crew_cost, late_cost
):
    late = data_validation["late"]
    costs = [evaluate.cost_per_1000(late, probability_validation >= at, crew_cost, late_cost) for at in thresholds]
    return thresholds[np.argmin(costs)]


def _two_periods():
    data = _labelled(every=20)
    validation, test = (data[data["split"] == split] for split in ("validation", "test"))
    predicted = [0.1 + np.clip(part["airport_delay"].fillna(0), 0, 45).to_numpy() / 100 for part in (validation, test)]
    return {
        "data_validation": validation,
        "probability_validation": predicted[0],
        "data_test": test,
        "probability": predicted[1],
        "thresholds": np.arange(0.05, 0.5, 0.01),
        "crew_cost": 1.0,
        "late_cost": 6.0,
    }


# --- 00.6 an honest width ----------------------------------------------------------------------------------------


def widths(*, data_test, probability):
    """Width of the interval of the AUC for three ideas of what is drawn as one."""
    groups = {
        "row": np.arange(len(data_test)),
        "day": data_test["day"],
        "week": data_test["day"].dt.to_period("W"),
    }
    scores = {
        name: evaluate.score(data_test["late"], probability, group, ["roc_auc"]).loc["roc_auc"]
        for name, group in groups.items()
    }
    return pd.Series({name: score["high"] - score["low"] for name, score in scores.items()})


def _widths_with(data_test, probability, groups):
    found = {}
    for name, group in groups.items():
        one = evaluate.score(data_test["late"], probability, group, ["roc_auc"]).loc["roc_auc"]
        found[name] = one["high"] - one["low"]
    return pd.Series(found)


def _day_of_the_week(*, data_test, probability):
    groups = {
        "row": np.arange(len(data_test)),
        "day": data_test["day"],
        "week": data_test["day"].dt.dayofweek,
    }
    return _widths_with(data_test, probability, groups)


def _hours_as_days(*, data_test, probability):
    groups = {
        "row": np.arange(len(data_test)),
        "day": data_test["scheduled"],
        "week": data_test["day"].dt.to_period("W"),
    }
    return _widths_with(data_test, probability, groups)


def _half_widths(*, data_test, probability):
    return widths(data_test=data_test, probability=probability) / 2


def _values(*, data_test, probability):
    value = evaluate.score(data_test["late"], probability, data_test["day"], ["roc_auc"]).loc["roc_auc", "value"]
    return pd.Series({"row": value, "day": value, "week": value})


def _a_test_period():
    inputs = _two_periods()
    return {"data_test": inputs["data_test"], "probability": inputs["probability"]}


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
    """Return every n-th departure with the target at 30 minutes."""
    from course_lib import load

    departures = load("departures").iloc[::every]
    return departures.assign(late=departures["arr_delay"] >= 30)


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
            "A Series can be grouped by another Series: late.groupby(departures['origin']).",
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
            "Keep only the flights whose `split` is test.",
            "Never: nobody pays for a crew, each late flight costs late_cost.",
            "Always: each flight costs crew_cost, and no late flight is uncovered.",
        ),
        mistakes=(
            Mistake("whole year", _whole_year, "this is the whole year. The comparison is made in the test months."),
            Mistake("per flight", _per_flight, "these are costs per flight. Give them per 1,000 flights."),
            Mistake("total", _in_total, "these are totals over all test flights. Give them per 1,000 flights."),
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
        why="Both models meet the same days, so their difference is judged on resamples that they share.",
        hints=(
            "features_train.assign(overdue=data_train['overdue']) adds the column; so for the test months.",
            "Fit a new pipeline on the four training columns, then predict_proba(four test columns)[:, 1].",
            "evaluate.difference(late, new, old, days, **terms).loc['saving'] has value, low and high.",
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
                "fitted on the test months",
                _fitted_on_test,
                "this model has learned from the flights that it is judged on. Fit on the training months only.",
            ),
            Mistake(
                "intervals by row",
                _by_row,
                "the value is right, the interval is too narrow: it draws flights one by one. Draw days.",
            ),
        ),
        sample_inputs=_some_features,
        tolerance=3e-2,  # two digits will do
    ),
    Exercise(
        id="00.5",
        title="A threshold searched on the validation months",
        reference=searched_threshold,
        why="Whatever is chosen by looking at data is chosen on one period and judged on a later one.",
        hints=(
            "For each threshold, what would the validation months have cost? evaluate.cost_per_1000 answers that.",
            "np.argmin of the costs is the position of the cheapest threshold.",
            "Then evaluate.saving(..., threshold=cheapest).share on the test months.",
        ),
        mistakes=(
            Mistake(
                "searched on test",
                _searched_on_test,
                "this threshold was chosen with the outcomes of the test months. On the day of the decision "
                "nobody has them.",
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
                "judged on validation",
                _judged_on_validation,
                "this is the saving in the months in which you searched. Judge the threshold in the test months.",
            ),
            Mistake(
                "the threshold",
                _the_threshold_itself,
                "this is the threshold. Asked is the share of money that it saves in the test months.",
            ),
        ),
        sample_inputs=_two_periods,
        tolerance=1e-3,
    ),
    Exercise(
        id="00.6",
        title="An honest width",
        reference=widths,
        why="The groups say what could have come out differently as one: a judgement that belongs in the code.",
        hints=(
            "evaluate.score(late, probability, groups, ['roc_auc']) takes any array of groups.",
            "np.arange(len(data_test)) gives each row a group of its own.",
            "data_test['day'].dt.to_period('W') is the week; the width is high minus low.",
        ),
        mistakes=(
            Mistake(
                "day of the week",
                _day_of_the_week,
                "dayofweek puts all Mondays into one group. A week is seven days in a row.",
            ),
            Mistake(
                "departure times",
                _hours_as_days,
                "`scheduled` is a point in time with a handful of flights. A whole day is one group: use `day`.",
            ),
            Mistake("half widths", _half_widths, "these are half widths. The width runs from low to high."),
            Mistake("values", _values, "these are the scores, the same whatever is drawn. Asked is high minus low."),
        ),
        sample_inputs=_a_test_period,
        tolerance=1e-3,
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
        tolerance=1e-3,
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
