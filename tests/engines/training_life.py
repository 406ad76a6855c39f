"""What a process of its own tells of training with workers of a barrier stage; run by test_training.py."""

import json
import tempfile
from pathlib import Path

import numpy as np
import psutil

from course_lib import get_spark, load, stop_spark
from course_lib.errors import CourseError
from course_lib.training import checkpoints
from course_lib.training.data_parallel import PRELOADED, predict, train

COLUMNS = ["airport_delay", "nyc_delay", "overdue", "clock", "visibility", "flight_late_28d"]
SETTINGS = {"workers": 2, "epochs": 5, "batch_size": 128, "seed": 3, "seconds": 60}
told = {}


def network():
    """A small one that has all that makes runs differ: random first weights, dropout, moving means."""
    import keras

    layers = [keras.Input((6,)), keras.layers.BatchNormalization(), keras.layers.Dense(16, "relu")]
    model = keras.Sequential([*layers, keras.layers.Dropout(0.3), keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    return model


def regression():
    """A line, of which the batches and their order decide everything."""
    import keras

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    return model


def in_each_step_of_the_second(act):
    """Build the line; the second worker does something more in each step, with the model."""

    def build():
        import keras
        import tensorflow as tf
        from pyspark import BarrierTaskContext

        second = BarrierTaskContext.get().partitionId() == 1
        model = regression()

        def loss(truth, said):
            with tf.control_dependencies([tf.py_function(lambda: act(model), [], [])] if second else []):
                return keras.losses.mean_squared_error(truth, said)

        model.compile("sgd", loss)
        return model

    return build


def killed_after(epoch: int, folder: str):
    """Build the network; the second worker dies by signal 9 in the first step after so many epochs; once."""

    def build():
        import os
        import signal
        from pathlib import Path

        import keras
        import tensorflow as tf
        from pyspark import BarrierTaskContext

        kept, before = Path(folder, f"epoch-{epoch:06}.npz"), Path(folder, "before")

        def die():
            if kept.exists() and not before.exists():
                before.write_text(kept.name)
                os.kill(os.getpid(), signal.SIGKILL)

        def loss(truth, said):
            second = BarrierTaskContext.get().partitionId() == 1
            with tf.control_dependencies([tf.py_function(die, [], [])] if second else []):
                return keras.losses.binary_crossentropy(truth, said)

        model = network()
        model.compile("adam", loss)
        return model

    return build


def other_on_each_worker():
    """Weights that nobody has seeded."""
    import os

    model = regression()
    model.layers[0].bias.assign([os.getpid()])
    return model


def not_compiled():
    import keras

    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])


def line(columns=6, outputs=1, loss="mse", rate=0.01, dtype="float32"):
    """Build a line that does not fit in one way or another."""

    def build():
        import keras

        keras.config.set_dtype_policy(dtype)
        try:
            model = keras.Sequential([keras.Input((columns,)), keras.layers.Dense(outputs)])
            model.compile(keras.optimizers.SGD(rate), loss)
        finally:
            keras.config.set_dtype_policy("float32")
        return model

    return build


def with_an_own_layer(rate):
    """Build a line with a layer that Keras cannot describe, and a function without a name."""

    def build():
        import keras

        class Own(keras.layers.Layer):
            def __init__(self, thing):
                super().__init__()
                self.thing = thing

            def call(self, values):
                return self.thing(values)

        model = keras.Sequential([keras.Input((6,)), Own(lambda values: 2 * values), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(rate), "mse")
        return model

    return build


def sleep(_):
    import time

    time.sleep(600)


def die(_):
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def fail(_):
    with Path(marks, "failed").open("a") as stream:
        stream.write("x")
    raise ZeroDivisionError("division by zero")


def drift(model):
    """Move a weight on this worker alone."""
    model.layers[0].bias.assign_add([1.0])


def on_own_disks(folder):
    """Build the line in a folder of this worker's own."""

    def build():
        import os

        from pyspark import BarrierTaskContext

        os.chdir(Path(folder, str(BarrierTaskContext.get().partitionId())))
        return regression()

    return build


def new_folder() -> str:
    return tempfile.mkdtemp(dir=Path.cwd())


def refusal(build=regression, folder=None, rows=None, **changes) -> str:
    try:
        train(table if rows is None else rows, build, folder or new_folder(), **SETTINGS | changes)
    except CourseError as error:
        return str(error)
    return "not refused"


def threads_of_the_daemon() -> list[str]:
    """Name the threads of the process that Spark's Python workers are forked from."""
    for process in psutil.Process().children(recursive=True):
        if "course_lib.training.daemon" in process.cmdline() and process.parent().name() == "java":
            return sorted(path.read_text().strip() for path in Path(f"/proc/{process.pid}/task").glob("*/comm"))
    return ["no such process"]


marks = new_folder()
flights = load("features").query("split == 'train' and fate == 'landed'").head(3001)
values = flights[COLUMNS].fillna(0).to_numpy("float32")
values = (values - values.mean(axis=0)) / values.std(axis=0)
late = (flights["arr_delay"] >= 30).to_numpy("float32")
spark = get_spark(master="local[2]", settings=PRELOADED | {"spark.stage.maxConsecutiveAttempts": 2})
rows = zip(range(len(late)), values.tolist(), late.tolist(), strict=True)
table = spark.createDataFrame(list(rows), "row long, features array<float>, label float").repartition(3)

folder = new_folder()
told["undisturbed"] = train(table, network, folder, **SETTINGS).to_dict("list")
told["done again"] = len(train(table, network, folder, **SETTINGS))

halfway = new_folder()
train(table, network, halfway, **SETTINGS | {"epochs": 2})
told["resumed"] = train(table, network, halfway, **SETTINGS).to_dict("list")

disturbed = new_folder()
told["killed"] = train(table, killed_after(2, disturbed), disturbed, **SETTINGS).to_dict("list")
told["killed before"] = Path(disturbed, "before").exists()
told["threads of the daemon"] = threads_of_the_daemon()

folder = new_folder()
told["a line"] = refusal(line(), folder, epochs=1)
told["other seed"] = refusal(line(), folder, seed=4)
told["other workers"] = refusal(line(), folder, workers=1)
told["other rows"] = refusal(line(), folder, table.where("row < 3000"))
told["other labels"] = refusal(line(), folder, table.withColumn("label", 1 - table["label"]))
told["other model"] = refusal(line(outputs=2), folder)
told["other rate"] = refusal(line(rate=0.005), folder)
folder = new_folder()
told["own layer"] = refusal(with_an_own_layer(0.01), folder, epochs=1)
told["own layer again"] = refusal(with_an_own_layer(0.01), folder, epochs=1)
told["own layer, other rate"] = refusal(with_an_own_layer(0.005), folder, epochs=1)
told["failing"] = refusal(lambda: 1 / 0)
told["not compiled"] = refusal(not_compiled)
told["half precision"] = refusal(line(dtype="mixed_float16"))
told["other columns"] = refusal(line(columns=5))
told["refused labels"] = refusal(line(outputs=2, loss="binary_crossentropy"))
told["unknown label"] = refusal(line(loss="sparse_categorical_crossentropy"))
told["failing step"] = refusal(in_each_step_of_the_second(fail))
told["times that it failed"] = len(Path(marks, "failed").read_text())
told["too fast"] = refusal(line(rate=1e30))
told["drifting"] = refusal(in_each_step_of_the_second(drift))
told["uneven batch"] = refusal(batch_size=127)
told["too large a batch"] = refusal(batch_size=4000)
told["too many workers"] = refusal(workers=8)
told["other weights"] = refusal(other_on_each_worker)
told["stuck"] = refusal(in_each_step_of_the_second(sleep), seconds=10)
told["lost"] = refusal(in_each_step_of_the_second(die))
told["row twice"] = refusal(rows=table.withColumn("row", table["row"] % 3000))
told["no row"] = refusal(rows=table.selectExpr("nullif(row, 7) row", "features", "label"))
told["no label"] = refusal(rows=table.selectExpr("row", "features", "nullif(label, 1) label"))
told["no feature"] = refusal(
    rows=table.selectExpr("row", "transform(features, x -> if(row = 12, null, x)) features", "label")
)
told["uneven rows"] = refusal(rows=table.selectExpr("row", "slice(features, 1, 6 - int(row = 5)) features", "label"))
told["no such place"] = refusal(folder="/proc/nowhere")

disks = new_folder()
for worker in ("0", "1"):
    Path(disks, worker).mkdir()
own_disks = {"build": on_own_disks(disks), "folder": "/proc/self/cwd/run", "epochs": 1}
told["a line on own disks"] = refusal(**own_disks)
told["own disks"] = refusal(**own_disks | {"epochs": 2})
first = checkpoints.load(f"{disks}/0/run")
first.weights[0] += 1
checkpoints.save(f"{disks}/1/run", first)
told["own disks, old files"] = refusal(**own_disks | {"epochs": 2})

# One step of all rows by two workers and by one: the same line, up to rounding.
one_step = SETTINGS | {"epochs": 1, "batch_size": 3000}
lines = []
for workers in (1, 2):
    folder = new_folder()
    train(table.where("row < 3000"), regression, folder, **one_step | {"workers": workers})
    lines.append([array.ravel().tolist() for array in checkpoints.load(folder).weights])
told["a step by one and by two"] = lines
said = predict(table, regression, folder).orderBy("row").toPandas()["prediction"].str[0]
weights, bias = (np.array(values) for values in lines[1])
told["predicted, less by hand"] = float(np.abs(said - (values @ weights + bias)).max())
stop_spark()
print(json.dumps(told))
