"""A network trained by two workers of a barrier stage, which may be killed."""

import numpy as np
import pandas as pd
import pytest
from apart import tell


@pytest.fixture(scope="session")
def life(tmp_path_factory):
    return tell("training_life.py", tmp_path_factory.mktemp("work"), COURSE_PROFILE="low-memory", OMP_NUM_THREADS="1")


@pytest.fixture
def undisturbed(life):
    return pd.DataFrame(life["undisturbed"])


def test_both_workers_have_equal_weights_after_each_epoch(undisturbed):
    assert undisturbed.groupby("epoch")["rank"].apply(list).tolist() == [[0, 1]] * 5
    assert undisturbed.groupby("epoch")["weights"].nunique().eq(1).all()
    assert undisturbed["weights"].nunique() == 5


def test_each_row_belongs_to_one_worker(undisturbed):
    assert undisturbed.query("epoch == 1")["rows"].tolist() == [1501, 1500]


def test_it_learns(undisturbed):
    assert undisturbed["loss"].iloc[-1] < 0.9 * undisturbed["loss"].iloc[0]


def test_two_workers_send_their_gradients_once_each(undisturbed):
    values = 6 * 16 + 16 + 2 * 6 + 16 + 1 + 1  # weights that learn, and the loss
    of_each_step = undisturbed["sent_bytes"] / undisturbed["steps"]
    assert of_each_step.between(4 * values, 4 * values * 1.1).all()


def test_resumed_weights_equal_the_undisturbed_ones_to_the_bit(life, undisturbed):
    resumed = pd.DataFrame(life["resumed"])
    assert resumed["epoch"].unique().tolist() == [3, 4, 5]
    assert resumed["weights"].tolist() == undisturbed.query("epoch > 2")["weights"].tolist()


def test_a_killed_worker_changes_nothing_in_the_result(life, undisturbed):
    after_the_kill = pd.DataFrame(life["killed"])
    assert life["killed before"]
    assert after_the_kill["epoch"].unique().tolist() == [3, 4, 5], "it should have gone on from a checkpoint"
    assert after_the_kill["weights"].tolist() == undisturbed.query("epoch > 2")["weights"].tolist()


def test_what_is_done_is_not_done_again(life):
    assert life["done again"] == 0


def test_what_the_person_got_wrong_is_not_tried_again(life):
    assert life["times that it failed"] == 1


def test_the_daemon_forks_without_threads_of_tensorflow(life):
    threads = life["threads of the daemon"]
    assert threads.count("python") == 1
    assert set(threads) <= {"python", "jemalloc_bg_thd"}, "jemalloc, Arrow's, sees to a fork itself"


def test_two_workers_take_the_step_that_one_would_take_of_the_whole_batch(life):
    one, two = life["a step by one and by two"]
    for alone, shared in zip(one, two, strict=True):
        np.testing.assert_allclose(shared, alone, rtol=1e-5, atol=1e-7)
        assert np.abs(alone).max() > 1e-3


def test_spark_predicts_with_the_weights_that_were_kept(life):
    assert life["predicted, less by hand"] < 1e-6


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("a line", "not refused"),
        ("other seed", "another training (seed 3, here 4): choose another folder"),
        ("other workers", "another training (workers 2, here 1; "),
        ("other rows", "another training (rows 3001, here 3000; "),
        ("other labels", "another training (other labels)"),
        ("other model", "another training (another model, optimizer or loss)"),
        ("other rate", "another training (another model, optimizer or loss)"),
        ("own layer", "not refused"),
        ("own layer again", "not refused"),
        ("own layer, other rate", "another training (another model, optimizer or loss)"),
        ("failing", "`build` says: ZeroDivisionError: division by zero"),
        ("not compiled", "must give a compiled Keras model"),
        ("half precision", "a model without float16"),
        ("other columns", "A training step says: ValueError: Input 0 "),
        (
            "refused labels",
            "A training step says: ValueError: Arguments `target` and `output` must have the same shape",
        ),
        ("unknown label", "A training step says: InvalidArgumentError: "),
        ("failing step", "A training step says: UnknownError: ZeroDivisionError: division by zero"),
        ("too fast", "The loss or a gradient is no finite number in step "),
        ("drifting", "The workers' weights differ after epoch 1"),
        ("uneven batch", "A batch of 127 rows cannot be shared equally by 2 workers"),
        ("too large a batch", "fewer than 2000 rows, its part of one batch"),
        ("too many workers", "8 workers need 8 cores of Spark's at the same time, and it has 2"),
        ("other weights", "begin with different weights"),
        ("stuck", "Worker 1 has not sent anything for 10 s"),
        ("lost", "Workers were lost as often as Spark starts them"),
        ("row twice", "`row` must be another whole number in each row"),
        ("no row", "`row` must be another whole number in each row"),
        ("no label", "`label` is missing or no finite number where `row` is "),
        ("no feature", "`features` is missing or no finite number where `row` is 12"),
        ("uneven rows", "`features` must have the same number of values in each row"),
        ("no such place", "Cannot write a checkpoint to /proc/nowhere: "),
        ("a line on own disks", "not refused"),
        ("own disks", "Not all workers see what worker 0 has kept in /proc/self/cwd/run"),
        ("own disks, old files", "Not all workers see what worker 0 has kept in /proc/self/cwd/run"),
    ],
)
def test_what_cannot_go_on_is_said_in_a_line(life, what, words):
    assert words in life[what] and "\n" not in life[what]
