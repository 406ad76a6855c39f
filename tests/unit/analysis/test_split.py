"""No moment, no group and no copy stands on both sides; and the split says what it did."""

import numpy as np
import pandas as pd
import pytest

from course_lib.analysis.split import split, time_column
from course_lib.errors import CourseError


def parted(visits, time=None, group=None, copies=None, classes=False):
    moments = visits[time] if time else None
    return split(visits, visits["pressure"].to_numpy(), moments, group, copies, classes, seed=0)


def test_time_the_last_fifth_of_the_days_judges(visits):
    found = parted(visits, "day")
    [(learn, judge)] = found.judging.pairs
    assert visits["day"].iloc[learn].max() < visits["day"].iloc[judge].min()
    assert len(judge) == pytest.approx(len(visits) / 5, abs=4)
    assert len(learn) + len(judge) == len(visits)
    assert "later" in found.why or "what comes" in found.why


def test_time_the_model_is_chosen_on_earlier_rows_only(visits):
    found = parted(visits, "day")
    [(learn, _)] = found.judging.pairs
    assert len(found.choosing.pairs) == 3
    for past, now in found.choosing.pairs:
        assert visits["day"].iloc[past].max() < visits["day"].iloc[now].min()
        assert np.isin(now, learn).all()


def test_time_the_order_of_the_rows_does_not_matter(visits):
    shuffled = visits.sample(frac=1, random_state=1).reset_index(drop=True)
    [(_, judge)] = parted(visits, "day").judging.pairs
    [(_, other)] = parted(shuffled, "day").judging.pairs
    assert set(visits["visit"].iloc[judge]) == set(shuffled["visit"].iloc[other])


def test_time_intervals_leave_out_weeks_of_days_and_single_months_where_there_are_months(visits):
    assert parted(visits, "day").judging.block == 7
    monthly = visits.assign(day=pd.date_range("1970-01-01", periods=len(visits), freq="MS"))
    assert parted(monthly, "day").judging.block == 1


def test_time_one_day_of_minutes_is_cut_into_stretches(visits):
    minutes = visits.assign(day=pd.date_range("2024-01-01", periods=len(visits), freq="min"))
    found = parted(minutes, "day").judging
    [(learn, judge)] = found.pairs
    assert minutes["day"].iloc[learn].max() < minutes["day"].iloc[judge].min()
    assert len(np.unique(found.unit[judge])) == 20


def test_time_three_moments_judge_even_if_the_last_one_holds_a_third_of_the_rows(visits):
    years = np.minimum(np.arange(len(visits)) // 40, 10)
    found = parted(visits.assign(day=pd.to_datetime(2000 + years, format="%Y")), "day").judging
    [(_, judge)] = found.pairs
    assert np.unique(years[judge]).tolist() == [8, 9, 10]
    assert len(np.unique(found.unit[judge])) == 3


def test_group_every_group_is_judged_once_by_models_that_have_not_met_it(visits):
    found = parted(visits, group="patient")
    judged = np.concatenate([judge for _, judge in found.judging.pairs])
    assert sorted(judged) == list(range(len(visits)))
    for learn, judge in found.judging.pairs:
        assert not set(visits["patient"].iloc[learn]) & set(visits["patient"].iloc[judge])
    assert len(np.unique(found.judging.unit)) == visits["patient"].nunique()


def test_time_and_group_what_was_learned_from_does_not_judge(visits):
    starts = visits.assign(patient=[f"p{day // 10}-{row % 2}" for row, day in enumerate(range(len(visits)))])
    found = parted(starts, "day", "patient")
    for learn, judge in [*found.judging.pairs, *found.choosing.pairs]:
        assert not set(starts["patient"].iloc[learn]) & set(starts["patient"].iloc[judge])
        assert starts["day"].iloc[learn].max() < starts["day"].iloc[judge].min()


def test_time_and_group_without_a_new_group_is_refused(visits):
    with pytest.raises(CourseError, match="nothing is left to judge"):
        parted(visits.assign(patient=visits["ward"]), "day", "patient")


def test_neither_repeated_folds_and_the_split_says_what_it_cannot_see(visits):
    found = parted(visits)
    judged = np.concatenate([judge for _, judge in found.judging.pairs])
    assert np.bincount(judged).tolist() == [3] * len(visits)
    assert "cannot see anything that is new" in found.blind


def test_copies_stay_on_one_side(visits):
    copies = np.arange(len(visits)) // 3
    for learn, judge in parted(visits, copies=copies).judging.pairs:
        assert not set(copies[learn]) & set(copies[judge])


def test_folds_of_classes_hold_each_class():
    answers = np.array([0] * 190 + [1] * 10)
    found = split(pd.DataFrame({"y": answers}), answers, None, None, None, True, 0)
    assert all(answers[judge].sum() == 2 for _, judge in found.judging.pairs)


def test_whole_years_count_as_times():
    found = time_column(pd.DataFrame({"year": [1999, 2001]}), "year")
    assert found.tolist() == [pd.Timestamp("1999-01-01"), pd.Timestamp("2001-01-01")]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1.5, 2.5], "holds no times but values such as '1.5'"),
        (["March", "May"], "such as 'March'"),
        ([None] * 2, "nothing"),
    ],
)
def test_a_time_column_that_is_none_is_refused(values, says):
    with pytest.raises(CourseError, match=says):
        time_column(pd.DataFrame({"when": values}), "when")


def test_few_moments_and_few_groups_are_refused(visits):
    with pytest.raises(CourseError, match="3 different moments; 10 are the fewest"):
        parted(visits.assign(day=pd.Timestamp("2024-01-01") + pd.to_timedelta(visits.index % 3, unit="D")), "day")
    with pytest.raises(CourseError, match="3 different values; 5 are the fewest"):
        parted(visits, group="ward")
