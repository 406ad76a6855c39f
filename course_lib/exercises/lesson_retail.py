"""Exercises of the case study on retail: how much to order, at which price, and what is bought again."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from course_lib.exercises import Exercise, Mistake

KEYS = ["product_id", "store_id", "week"]


# retail.1 ------------------------------------------------------------------------------------------------------------
def times_multiplied(*, sold, promoted):
    """Divide the sales after a left join with the plan as it is by the sales before."""
    return sold.merge(promoted, how="left", on=KEYS)["sales"].sum() / sold["sales"].sum()


def _only_promoted(*, sold, promoted):
    return sold.merge(promoted, on=KEYS)["sales"].sum() / sold["sales"].sum()


def _rows_counted(*, sold, promoted):
    return len(sold.merge(promoted, how="left", on=KEYS)) / len(sold)


def _already_unique(*, sold, promoted):
    return sold.merge(promoted.drop_duplicates(KEYS), how="left", on=KEYS)["sales"].sum() / sold["sales"].sum()


def _too_much(*, sold, promoted):
    return sold.merge(promoted, how="left", on=KEYS)["sales"].sum() / sold["sales"].sum() - 1


def _without_store(*, sold, promoted):
    keys = ["product_id", "week"]
    return sold.merge(promoted, how="left", on=keys)["sales"].sum() / sold["sales"].sum()


# retail.2 ------------------------------------------------------------------------------------------------------------
def error_by_horizon(*, forecasts, column):
    """Divide, for each horizon, the sum of absolute errors by the sum of what was sold."""
    off = (forecasts[column] - forecasts["units"]).abs()
    return off.groupby(forecasts["horizon"]).sum() / forecasts.groupby("horizon")["units"].sum()


def _mean_of_shares(*, forecasts, column):
    sold = forecasts[forecasts["units"] > 0]
    return ((sold[column] - sold["units"]).abs() / sold["units"]).groupby(sold["horizon"]).mean()


def _signs_kept(*, forecasts, column):
    off = forecasts[column] - forecasts["units"]
    return off.groupby(forecasts["horizon"]).sum() / forecasts.groupby("horizon")["units"].sum()


def _in_units(*, forecasts, column):
    return (forecasts[column] - forecasts["units"]).abs().groupby(forecasts["horizon"]).mean()


def _by_the_forecast(*, forecasts, column):
    off = (forecasts[column] - forecasts["units"]).abs()
    return off.groupby(forecasts["horizon"]).sum() / forecasts.groupby("horizon")[column].sum()


def _all_horizons(*, forecasts, column):
    off = (forecasts[column] - forecasts["units"]).abs()
    return off.groupby(forecasts["horizon"]).sum() / forecasts["units"].sum()


def _share_of_each(*, forecasts, column):
    off = (forecasts[column] - forecasts["units"]).abs()
    return (off / forecasts["units"]).groupby(forecasts["horizon"]).mean()


def _accuracy(*, forecasts, column):
    return 1 - error_by_horizon(forecasts=forecasts, column=column)


# retail.3 ------------------------------------------------------------------------------------------------------------
def order_from_history(*, history, short_cost, over_cost):
    """Order for each product the quantile of its own history that the two costs ask for."""
    return np.quantile(history, short_cost / (short_cost + over_cost), axis=1)


def _costs_exchanged(*, history, short_cost, over_cost):
    return np.quantile(history, over_cost / (short_cost + over_cost), axis=1)


def _mean_order(*, history, short_cost, over_cost):
    return history.mean(axis=1)


def _mean_times_ratio(*, history, short_cost, over_cost):
    return history.mean(axis=1) * short_cost / (short_cost + over_cost)


def _quantile_of_weeks(*, history, short_cost, over_cost):
    return np.quantile(history, short_cost / (short_cost + over_cost), axis=0)


def _one_quantile(*, history, short_cost, over_cost):
    return np.full(len(history), np.quantile(history, short_cost / (short_cost + over_cost)))


def _normal_order(*, history, short_cost, over_cost):
    z = norm.ppf(short_cost / (short_cost + over_cost))
    return history.mean(axis=1) + z * history.std(axis=1)


def _rounded_up(*, history, short_cost, over_cost):
    return np.ceil(order_from_history(history=history, short_cost=short_cost, over_cost=over_cost))


def _odds(*, history, short_cost, over_cost):
    return np.quantile(history, max(0, 1 - over_cost / short_cost), axis=1)


# retail.4 ------------------------------------------------------------------------------------------------------------
def safety_by_weeks(*, errors, service):
    """Take, for each number of weeks, the quantile of the error summed over them."""
    return errors.cumsum(axis=1).quantile(service)


def _week_by_week(*, errors, service):
    return errors.quantile(service)


def _quantiles_added(*, errors, service):
    return errors.quantile(service).cumsum()


def _root_of_weeks(*, errors, service):
    first = errors.iloc[:, 0].quantile(service)
    return pd.Series(first * np.sqrt(np.arange(1, errors.shape[1] + 1)), index=errors.columns)


def _normal_over_weeks(*, errors, service):
    return errors.cumsum(axis=1).std() * norm.ppf(service)


def _other_tail(*, errors, service):
    return errors.cumsum(axis=1).quantile(1 - service)


def _both_sides(*, errors, service):
    return errors.cumsum(axis=1).abs().quantile(service)


def _never_cancel(*, errors, service):
    return errors.abs().cumsum(axis=1).quantile(service)


# retail.5 ------------------------------------------------------------------------------------------------------------
def within_slope(*, log_units, log_price, product):
    """Regress the deviations from each product's mean on each other."""
    x = log_price - log_price.groupby(product).transform("mean")
    y = log_units - log_units.groupby(product).transform("mean")
    return (x * y).sum() / (x * x).sum()


def _all_together(*, log_units, log_price, product):
    x, y = log_price - log_price.mean(), log_units - log_units.mean()
    return (x * y).sum() / (x * x).sum()


def _between(*, log_units, log_price, product):
    x, y = log_price.groupby(product).mean(), log_units.groupby(product).mean()
    x, y = x - x.mean(), y - y.mean()
    return (x * y).sum() / (x * x).sum()


def _prices_on_units(*, log_units, log_price, product):
    x = log_price - log_price.groupby(product).transform("mean")
    y = log_units - log_units.groupby(product).transform("mean")
    return (x * y).sum() / (y * y).sum()


def _mean_of_slopes(*, log_units, log_price, product):
    x = log_price - log_price.groupby(product).transform("mean")
    y = log_units - log_units.groupby(product).transform("mean")
    of_each = (x * y).groupby(product).sum() / (x * x).groupby(product).sum()
    return of_each.mean()


def _correlation(*, log_units, log_price, product):
    x = log_price - log_price.groupby(product).transform("mean")
    y = log_units - log_units.groupby(product).transform("mean")
    return (x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum())


def _prices_as_they_are(*, log_units, log_price, product):
    y = log_units - log_units.groupby(product).transform("mean")
    return (log_price * y).sum() / (log_price * log_price).sum()


def _nothing_subtracted(*, log_units, log_price, product):
    return (log_price * log_units).sum() / (log_price * log_price).sum()


# retail.6 ------------------------------------------------------------------------------------------------------------
def profit_after(*, elasticity, margin, changes):
    """Multiply what is left per unit by how many units are sold; today's profit is 1."""
    price = 1 + np.asarray(changes)
    return pd.Series(price**elasticity * (price - (1 - margin)) / margin, index=changes)


def _revenue_after(*, elasticity, margin, changes):
    price = 1 + np.asarray(changes)
    return pd.Series(price ** (elasticity + 1), index=changes)


def _units_after(*, elasticity, margin, changes):
    return pd.Series((1 + np.asarray(changes)) ** elasticity, index=changes)


def _same_units(*, elasticity, margin, changes):
    return pd.Series((1 + np.asarray(changes) - (1 - margin)) / margin, index=changes)


def _straight_line(*, elasticity, margin, changes):
    changes = np.asarray(changes)
    return pd.Series((1 + elasticity * changes) * (1 + changes - (1 - margin)) / margin, index=changes)


def _not_compared(*, elasticity, margin, changes):
    price = 1 + np.asarray(changes)
    return pd.Series(price**elasticity * (price - (1 - margin)), index=changes)


def _margin_as_cost(*, elasticity, margin, changes):
    price = 1 + np.asarray(changes)
    return pd.Series(price**elasticity * (price - margin) / (1 - margin), index=changes)


# retail.7 ------------------------------------------------------------------------------------------------------------
CELLS = {"State": ["State"], "Sub-Category": ["Sub-Category"], "both": ["State", "Sub-Category"]}


def share_that_compares(*, orders):
    """Compute the share of rows whose cell holds two discounts or more, for three kinds of cells."""
    several = {name: orders.groupby(by)["Discount"].transform("nunique") > 1 for name, by in CELLS.items()}
    return pd.DataFrame(several).mean()


def _cells_counted(*, orders):
    numbers = {name: orders.groupby(by)["Discount"].nunique() for name, by in CELLS.items()}
    return pd.Series({name: (number >= 2).mean() for name, number in numbers.items()})


def _complement(*, orders):
    return 1 - share_that_compares(orders=orders)


def _two_rows_suffice(*, orders):
    return pd.Series(
        {name: (orders.groupby(by)["Discount"].transform("size") > 1).mean() for name, by in CELLS.items()}
    )


def _discounted_rows(*, orders):
    return pd.Series({name: (orders.groupby(by)["Discount"].transform("max") > 0).mean() for name, by in CELLS.items()})


def _mean_of_discounts(*, orders):
    return pd.Series({name: orders.groupby(by)["Discount"].nunique().mean() for name, by in CELLS.items()})


def _rows_counted_of_cells(*, orders):
    return share_that_compares(orders=orders) * len(orders)


# retail.8 ------------------------------------------------------------------------------------------------------------
def share_come_back(*, visits, silence, until):
    """Of the households that fall silent in time, say which share has another visit after the first silence."""
    long = ~(visits["next"] - visits["day"] <= silence)
    first = visits[long & (visits["day"] <= until)].groupby("household_id").head(1)
    return first["next"].notna().mean()


def _all_silences(*, visits, silence, until):
    long = ~(visits["next"] - visits["day"] <= silence)
    return visits[long & (visits["day"] <= until)]["next"].notna().mean()


def _missing_dropped(*, visits, silence, until):
    long = visits["next"] - visits["day"] > silence
    return visits[long & (visits["day"] <= until)].groupby("household_id").head(1)["next"].notna().mean()


def _no_limit(*, visits, silence, until):
    long = ~(visits["next"] - visits["day"] <= silence)
    return visits[long].groupby("household_id").head(1)["next"].notna().mean()


def _share_of_all(*, visits, silence, until):
    long = ~(visits["next"] - visits["day"] <= silence)
    first = visits[long & (visits["day"] <= until)].groupby("household_id").head(1)
    return first["next"].notna().sum() / visits["household_id"].nunique()


def _stayed_away(*, visits, silence, until):
    return 1 - share_come_back(visits=visits, silence=silence, until=until)


def _silence_itself(*, visits, silence, until):
    return share_come_back(visits=visits, silence=silence - 1, until=until)


def _before_until(*, visits, silence, until):
    return share_come_back(visits=visits, silence=silence, until=until - 1)


# --- small inputs ----------------------------------------------------------------------------------------------------
def small_plan():
    """Give seven sales and a plan in which one key stands twice and one three times."""
    sold = pd.DataFrame(
        {
            "product_id": [1, 1, 2, 2, 3, 3, 4],
            "store_id": [10, 11, 10, 11, 10, 11, 10],
            "week": [5, 5, 5, 6, 6, 6, 7],
            "sales": [4.0, 2.5, 10.0, 3.0, 1.5, 6.0, 2.0],
        }
    )
    promoted = pd.DataFrame(
        {
            "product_id": [1, 1, 2, 3, 3, 3, 5],
            "store_id": [10, 10, 10, 11, 11, 11, 10],
            "week": [5, 5, 5, 6, 6, 6, 7],
            "display_location": list("3A90571"),
        }
    )
    return {"sold": sold, "promoted": promoted}


def small_forecasts():
    """Give eight forecasts at two horizons."""
    forecasts = pd.DataFrame(
        {
            "horizon": [1, 1, 1, 1, 2, 2, 2, 2],
            "units": [4.0, 0.0, 10.0, 30.0, 5.0, 1.0, 12.0, 24.0],
            "plan": [5.0, 1.0, 7.0, 33.0, 2.0, 3.0, 17.0, 20.0],
        }
    )
    return {"forecasts": forecasts, "column": "plan"}


def small_history():
    """Give five products in five weeks."""
    history = np.array([[3, 0, 5, 2, 9], [14, 11, 30, 12, 10], [1, 0, 0, 2, 1], [7, 8, 6, 21, 9], [5, 4, 4, 3, 6]])
    return {"history": history.astype(float), "short_cost": 4.0, "over_cost": 1.0}


def small_errors():
    """Give sixty errors of four weeks that go together."""
    place = np.arange(60)
    shared = 2.5 * np.sin(place) + np.where(place % 9 == 0, 6, -0.5)
    columns = {weeks: shared + 4.7 * np.cos(place * (weeks + 1)) + 0.3 * weeks for weeks in (1, 2, 3, 4)}
    return {"errors": pd.DataFrame(columns), "service": 0.9}


def small_prices():
    """Give three products of different price that react alike, a little noisily."""
    product = np.repeat([1, 2, 3], [4, 5, 6])
    place = np.arange(15)
    log_price = 0.4 * product + 0.2 * np.sin(place * product)
    log_units = 1 + 0.7 * product - 1.8 * log_price + 0.15 * np.cos(3 * place)
    return {
        "log_units": pd.Series(log_units),
        "log_price": pd.Series(log_price),
        "product": pd.Series(product, name="product"),
    }


def small_change():
    """Give an elasticity, a margin and four changes of price."""
    return {"elasticity": -1.7, "margin": 0.3, "changes": [-0.2, -0.1, 0.0, 0.1]}


def small_orders():
    """Give ten rows of an imagined Superstore."""
    orders = pd.DataFrame(
        {
            "State": ["Ohio"] * 5 + ["Texas"] * 3 + ["Utah"] * 2,
            "Sub-Category": ["Art", "Art", "Chairs", "Chairs", "Labels", "Art", "Chairs", "Chairs", "Art", "Labels"],
            "Discount": [0.2, 0.2, 0.4, 0.1, 0.2, 0.3, 0.3, 0.3, 0.0, 0.0],
        }
    )
    return {"orders": orders}


def small_visits():
    """Give ten households: some never come back, one has two silences, two are on the edge of what counts."""
    days = {
        1: [5, 100, 190],
        2: [10, 20],
        3: [3, 90, 170, 300],
        4: [60, 110, 150, 200],
        5: [8, 250],
        6: [1, 40],
        7: [99, 150, 190, 280],
        8: [182],
        9: [120, 176, 230, 280, 330],
        10: [30, 120],
    }
    visits = pd.DataFrame([(one, day) for one, of_it in days.items() for day in of_it], columns=["household_id", "day"])
    return {"visits": visits.assign(next=visits.groupby("household_id")["day"].shift(-1)), "silence": 56, "until": 182}


EXERCISES = [
    Exercise(
        id="retail.1",
        title="A join that sells more",
        reference=times_multiplied,
        why="A left join repeats a row of sales for each row of the plan that it finds, and its sales with it.",
        hints=(
            "Join, add up the sales, and divide by what they were before the join.",
            'sold.merge(promoted, how="left", on=keys) keeps sales without a promotion.',
        ),
        mistakes=(
            Mistake("inner join", _only_promoted, "Where are the sales without a promotion? Which join keeps them?"),
            Mistake("rows", _rows_counted, "You divide numbers of rows. The question is about sales."),
            Mistake(
                "made unique",
                _already_unique,
                "Exactly 1? You rounded, or made the plan unique first. What if one does not?",
            ),
            Mistake("excess", _too_much, "That is what comes on top. The question is for the whole ratio."),
            Mistake("key too short", _without_store, "A promotion holds in a store. Which three columns are the key?"),
        ),
        sample_inputs=small_plan,
    ),
    Exercise(
        id="retail.2",
        title="How far off, in shares of what was sold",
        reference=error_by_horizon,
        why="Both sums are taken before dividing, so weeks without sales do no harm and large products count as such.",
        hints=(
            "Two sums for each horizon: of absolute errors, and of units.",
            'errors.abs().groupby(forecasts["horizon"]).sum() is the first of them.',
        ),
        mistakes=(
            Mistake("mean of shares", _mean_of_shares, "You divide in each row. What of a week without sales?"),
            Mistake(
                "signs",
                _signs_kept,
                "Too much and too little cancel. Is a forecast good because it errs to both sides?",
            ),
            Mistake("in units", _in_units, "That is a mean error in units. Divide by what was sold."),
            Mistake(
                "by the forecast", _by_the_forecast, "You divide by the forecast; who forecasts more looks better."
            ),
            Mistake(
                "each by its own", _share_of_each, "You divide each row by its own units. In some weeks none were sold."
            ),
            Mistake("accuracy", _accuracy, "That is what is right. How far off is it?"),
            Mistake("sum of all", _all_horizons, "You divide by the units of all horizons. Which belong to this one?"),
        ),
        sample_inputs=small_forecasts,
    ),
    Exercise(
        id="retail.3",
        title="The order that two costs ask for",
        reference=order_from_history,
        why="One more unit pays while short_cost times its chance to be wanted is above over_cost times the rest.",
        hints=(
            "Which share of weeks should the order suffice for? It follows from the two costs.",
            "short_cost / (short_cost + over_cost) is the share; np.quantile(history, share, axis=1).",
        ),
        mistakes=(
            Mistake(
                "costs exchanged",
                _costs_exchanged,
                "Missing a sale is dear here, and your order is low. Which cost stands above the line?",
            ),
            Mistake(
                "mean", _mean_order, "The mean is the order where both mistakes cost the same, and weeks are symmetric."
            ),
            Mistake(
                "mean times ratio",
                _mean_times_ratio,
                "You take a share of the mean. The share is one of weeks: a quantile.",
            ),
            Mistake("rounded up", _rounded_up, "You rounded up. Leave the fractions of a unit."),
            Mistake(
                "odds",
                _odds,
                "You took 1 - over / short. One more unit gains short_cost * p and loses over_cost * (1 - p).",
            ),
            Mistake("weeks", _quantile_of_weeks, "You have a number for each week. Which axis are the weeks?"),
            Mistake("all products", _one_quantile, "All products get the same order. Take each one's own weeks."),
            Mistake(
                "normal",
                _normal_order,
                "You assume a normal distribution. Sales have a long tail upwards: ask the weeks themselves.",
            ),
        ),
        sample_inputs=small_history,
    ),
    Exercise(
        id="retail.4",
        title="A stock for errors that go together",
        reference=safety_by_weeks,
        why="Summing first keeps what the weeks' errors share; only then is a quantile taken.",
        hints=(
            "The stock must last over several weeks, so the error of their sum counts.",
            "errors.cumsum(axis=1) has it for each number of weeks; then quantile(service).",
        ),
        mistakes=(
            Mistake(
                "week by week", _week_by_week, "These are errors of single weeks. How far off is the sum of the weeks?"
            ),
            Mistake(
                "quantiles added",
                _quantiles_added,
                "You add quantiles, as if the worst came each week. Add the errors, then take the quantile.",
            ),
            Mistake("root", _root_of_weeks, "The square root holds for independent errors. Are these independent?"),
            Mistake(
                "normal",
                _normal_over_weeks,
                "You assume a normal distribution around 0. The errors themselves say more.",
            ),
            Mistake(
                "never cancel", _never_cancel, "You add sizes of errors. A week of too little follows one of too much."
            ),
            Mistake("other tail", _other_tail, "That is the tail where less was sold than expected."),
            Mistake(
                "both tails", _both_sides, "You count what was too much as well. A stock protects from too little."
            ),
        ),
        sample_inputs=small_errors,
    ),
    Exercise(
        id="retail.5",
        title="Each product against itself",
        reference=within_slope,
        why="Deviations from a product's own mean hold nothing of what sets products apart; that is a fixed effect.",
        hints=(
            "Subtract each product's mean from its prices and from its units.",
            'x.groupby(product).transform("mean") has the means row by row; the slope is sum(x y) / sum(x x).',
        ),
        mistakes=(
            Mistake(
                "pooled",
                _all_together,
                "You subtract one mean from all. Cheap products sell more for other reasons, too.",
            ),
            Mistake(
                "between", _between, "You compare means of products with one another: just what should be left out."
            ),
            Mistake(
                "prices as they are", _prices_as_they_are, "Only the units are deviations. The prices need it, too."
            ),
            Mistake("as they are", _nothing_subtracted, "No mean is subtracted. Which belongs to each product?"),
            Mistake("upside down", _prices_on_units, "That is the slope of prices on units."),
            Mistake(
                "mean of slopes",
                _mean_of_slopes,
                "You average slopes; products with hardly any change of price count like the others.",
            ),
            Mistake("correlation", _correlation, "That is a correlation. How many per cent for one per cent?"),
        ),
        sample_inputs=small_prices,
    ),
    Exercise(
        id="retail.6",
        title="What a change of price is worth",
        reference=profit_after,
        why="Cost stays where it is when the price moves, so what is left of a unit moves by much more than the price.",
        hints=(
            "With today's price 1, a unit costs 1 - margin. What is left of it at a new price?",
            "price ** elasticity units for each one today, times what is left, divided by margin.",
        ),
        mistakes=(
            Mistake("revenue", _revenue_after, "That is revenue. The goods have to be bought, too."),
            Mistake("units", _units_after, "That is how many units are sold. What is left of each?"),
            Mistake("no reaction", _same_units, "You let as many buy as before."),
            Mistake(
                "margin as cost", _margin_as_cost, "You take the margin for the cost. What does a unit cost the grocer?"
            ),
            Mistake("straight line", _straight_line, "Elasticity is a power: a tenth off twice is not a fifth off."),
            Mistake("not compared", _not_compared, "Divide by today's profit, so that no change is 1."),
        ),
        sample_inputs=small_change,
    ),
    Exercise(
        id="retail.7",
        title="Is there anything to compare?",
        reference=share_that_compares,
        why="transform gives each row the number of discounts in its cell, so the mean counts rows.",
        hints=(
            "For each row: how many different discounts has its cell?",
            'orders.groupby(columns)["Discount"].transform("nunique") > 1, and the mean of that.',
        ),
        mistakes=(
            Mistake("cells", _cells_counted, "You count cells. How many rows are in them?"),
            Mistake("number of rows", _rows_counted_of_cells, "That is a number of rows. Which share of all?"),
            Mistake("complement", _complement, "These are the rows with nothing to compare."),
            Mistake("rows, not discounts", _two_rows_suffice, "Two rows with the same discount do not compare."),
            Mistake(
                "discounted", _discounted_rows, "A discount alone compares with nothing. Are there two different ones?"
            ),
            Mistake("number", _mean_of_discounts, "That is how many discounts there are on the mean."),
        ),
        sample_inputs=small_orders,
    ),
    Exercise(
        id="retail.8",
        title="Silent or gone",
        reference=share_come_back,
        why="Comparing with missing is False, so ~(gap <= silence) keeps those who never came again.",
        hints=(
            "Which rows begin a silence? Long gaps, and last visits.",
            "Keep rows with day <= until, the first of each household with groupby(...).head(1), and ask next.notna().",
        ),
        mistakes=(
            Mistake(
                "all silences", _all_silences, "Some households count several times. Take the first silence of each."
            ),
            Mistake(
                "missing dropped",
                _missing_dropped,
                "Who never came back is not in your rows: a gap with no end is missing.",
            ),
            Mistake("no limit", _no_limit, "Silences that begin late have no time to end. When must they have begun?"),
            Mistake("just as long", _silence_itself, "A gap of exactly `silence` days is not more than that."),
            Mistake("day before", _before_until, "A silence that begins on day `until` itself counts, too."),
            Mistake("of all", _share_of_all, "You divide by all households. How many fell silent?"),
            Mistake("complement", _stayed_away, "These are the ones that did not come back."),
        ),
        sample_inputs=small_visits,
    ),
]
