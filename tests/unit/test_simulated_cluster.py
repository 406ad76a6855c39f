"""What a simulated cluster must say of stages that can be counted on fingers."""

import numpy as np
import pytest

from course_lib import CourseError
from course_lib.simulated_cluster import Speculation, draw_losses, shuffle_seconds, simulate


def test_tasks_are_handed_out_in_order_to_whoever_is_free():
    run = simulate([3, 1, 1, 2], workers=2)  # one does 3, the other 1 + 1 + 2
    assert run.seconds == 4
    assert run.busy_seconds == 7 and run.wasted_seconds == 0


@pytest.mark.parametrize(("workers", "cores", "seconds"), [(1, 1, 12), (1, 3, 4), (3, 1, 4), (2, 3, 2), (100, 1, 1)])
def test_equal_tasks_take_as_many_rounds_as_there_are_slots_for(workers, cores, seconds):
    assert simulate(np.ones(12), workers, cores=cores).seconds == seconds


def test_a_worker_that_comes_later_helps_from_then_on():
    assert simulate(np.ones(5), 2, start_seconds=[0, 3]).seconds == 4  # 3 done by then, one each after it


def test_the_driver_hands_out_one_task_at_a_time():
    run = simulate(np.full(10, 0.5), workers=10, launch_seconds=1.0)
    assert run.seconds == 10.5  # the tenth is handed out after 10 s, however many workers wait


def test_what_an_attempt_takes_beside_computing_counts_for_each():
    assert simulate([1, 1], workers=1, overhead_seconds=0.25).seconds == 2.5


def test_a_lost_task_is_done_again_from_its_beginning():
    run = simulate([4, 4], workers=2, losses=[(3, 1)])
    assert (run.seconds, run.wasted_seconds, run.repeated) == (8, 3, 1)


def test_a_loss_that_is_noticed_late_and_replaced():
    run = simulate([4, 4], workers=2, losses=[(1, 1)], notice_seconds=1, replace_seconds=2)
    assert run.seconds == 7  # queued at 2, the new worker is there at 3


def test_what_stays_on_a_lost_worker_is_done_again_and_what_the_driver_has_is_not():
    lost = {"workers": 2, "losses": [(3, 1)]}
    assert simulate([2, 2, 2], **lost).repeated == 0
    run = simulate([2, 2, 2], outputs_stay=True, **lost)  # task 1 was done on worker 1
    assert (run.repeated, run.seconds) == (1, 6)


def test_a_slow_task_gets_a_copy_when_enough_are_done_and_it_runs_long():
    rule = Speculation(quantile=0.5, multiplier=2)
    slow, quick = [1, 1, 10, 1], [1, 1, 1, 1]
    assert simulate(slow, 2, again=quick).seconds == 11
    run = simulate(slow, 2, again=quick, speculation=rule)
    assert run.copies == 1
    assert 4 < run.seconds < 4.3  # it began at 1; after 2 medians, at the next look, the copy starts


def test_a_task_that_is_slow_everywhere_gains_nothing_by_its_copy():
    rule = Speculation(quantile=0.5, multiplier=2)
    run = simulate([1, 1, 10, 1], 2, speculation=rule)
    assert run.seconds == 11
    assert run.copies == 1 and 7 < run.wasted_seconds < 8


def test_no_copy_starts_on_the_worker_that_is_slow():
    assert simulate([1, 1, 10, 1], 1, cores=2, again=np.ones(4), speculation=Speculation(0.5, 2)).copies == 0


def test_no_copy_starts_before_enough_are_done():
    assert simulate([1, 1, 10, 1], 2, again=np.ones(4), speculation=Speculation(1.0, 2)).copies == 0


def test_random_stages_lie_between_the_bounds_of_list_scheduling():
    """Graham, Bounds on Multiprocessing Timing Anomalies, 1969: at most work / workers + the longest task."""
    generator = np.random.default_rng(0)
    for _ in range(50):
        durations = generator.lognormal(size=generator.integers(1, 200))
        workers = int(generator.integers(1, 50))
        seconds = simulate(durations, workers).seconds
        assert seconds >= max(durations.sum() / workers, durations.max()) - 1e-9
        assert seconds <= durations.sum() / workers + durations.max() + 1e-9


def test_losses_come_at_the_rate_that_was_asked_for():
    losses = draw_losses(np.random.default_rng(0), workers=1000, per_hour=0.1, horizon_seconds=36_000)
    assert 900 < len(losses) < 1100
    assert losses == sorted(losses)
    assert {worker for _, worker in losses} <= set(range(1000))


def test_every_task_is_done_however_many_workers_are_lost_and_replaced():
    generator = np.random.default_rng(1)
    losses = draw_losses(generator, 20, per_hour=200, horizon_seconds=600)
    run = simulate(np.ones(2000), 20, losses=losses, replace_seconds=10, speculation=Speculation())
    assert run.seconds > 100 and run.repeated > 0
    assert run.busy_seconds == pytest.approx(2000 + run.wasted_seconds)


def test_a_shuffle_is_what_travels():
    assert shuffle_seconds(1e9, workers=1, tasks=10, bytes_per_second=1e8) == 0
    assert shuffle_seconds(1e9, workers=4, tasks=10, bytes_per_second=1e8) == pytest.approx(0.75)
    assert shuffle_seconds(0, workers=1001, tasks=10, bytes_per_second=1e8, connect_seconds=0.001) == pytest.approx(1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"durations": [], "workers": 1}, "at least one task"),
        ({"durations": [-1], "workers": 1}, "0 seconds or more"),
        ({"durations": [1], "workers": 0}, "1 or more"),
        ({"durations": [1], "workers": 1, "again": [1, 2]}, "one a task"),
        ({"durations": [1], "workers": 1, "losses": [(0, 1)]}, "0 to 0"),
        ({"durations": [1], "workers": 1, "losses": [(0.5, 0)]}, "No worker is left"),
        ({"durations": [1], "workers": 1, "launch_seconds": -1}, "negative"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_one_line(arguments, said):
    with pytest.raises(CourseError, match=said):
        simulate(**arguments)


def test_a_copy_that_is_lost_is_followed_by_another():
    rule = Speculation(quantile=0.5, multiplier=2)
    run = simulate([1, 1, 1, 100], 3, again=[1, 1, 1, 5], speculation=rule, losses=[(4, 1)])
    assert run.copies == 2
    assert run.seconds < 15


def test_copies_are_looked_for_again_after_a_loss_that_is_noticed_late():
    rule = Speculation(quantile=0.5, multiplier=2)
    run = simulate([1, 1, 1, 4], 3, again=[1, 1, 1, 50], speculation=rule, losses=[(2, 0)], notice_seconds=1)
    assert (run.repeated, run.copies) == (1, 1)


def test_what_was_lost_is_queued_before_what_waits():
    run = simulate([2, 2, 2, 2, 9], 2, again=[9, 2, 2, 2, 2], losses=[(1, 0)], replace_seconds=0)
    assert run.seconds == 15  # the lost one (9 s from second 1 on) beside the others, not after them
