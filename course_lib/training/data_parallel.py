"""Data parallelism: every worker has the whole model and a part of the rows, and all take each step together.

A worker computes the gradients of its own part of a batch, a `Ring` makes the mean of them, and each worker applies
it. Having begun with equal weights, all end each step with equal weights, and compare them after each epoch. They are
what one worker would have got from the whole batch, up to rounding, where the loss is a mean over rows and each row is
computed by itself: BatchNormalization sees a worker's part alone (its moving means are averaged after each epoch, and
so are its variances, without what lies between the parts), dropout draws on each worker, and of a loss with
``reduction="sum"`` the step takes the mean of the workers' sums.

The workers are the tasks of a barrier stage: Spark starts all of them or none, and starts all of them again if one
is lost. They then go on from the last checkpoint, in the order of rows that seed and epoch decide, so that the result
is that of a run that nothing disturbed; to the bit on machines of one kind (another processor may round otherwise).
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from course_lib.errors import CourseError
from course_lib.machine import give_back_memory
from course_lib.training import checkpoints, ring

if TYPE_CHECKING:
    import keras
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame

# For `get_spark(settings=...)` where Spark's workers will train: see `course_lib.training.daemon`. Only where a process
# that has imported TensorFlow may be forked.
_SETTINGS = {
    "spark.python.daemon.module": "course_lib.training.daemon",
    "spark.python.worker.reuse": False,  # what TensorFlow has taken for a model is given back with its process
}
PRELOADED = _SETTINGS if sys.platform == "linux" else {}

_PREDICTED = 256  # rows at a time: what a network holds of each row on the way can be much
_UNEVEN = "`features` must have the same number of values in each row, and no row may be missing."
_AROUND = (  # what TensorFlow and Keras put around the reason: colours, places in graph and files, the layer
    r"\x1b\[\d*m|\{\{.*?\}\}|^Graph execution error:|^Detected at .*|^  File .*|Exception encountered when calling .*"
)
_LOG = (
    "epoch long, rank long, loss double, steps long, rows long, seconds double, cpu_seconds double, "
    "waited_seconds double, sent_bytes long, weights string, problem string"
)


def train(
    table: "DataFrame",
    build: "Callable[[], keras.Model]",
    checkpoint: str,
    *,
    workers: int,
    epochs: int,
    batch_size: int,
    seed: int,
    seconds: float = 120,
) -> "pd.DataFrame":
    """Train a Keras model with several workers, each on its part of the rows.

    Parameters
    ----------
    table : pyspark.sql.DataFrame
        Columns ``row`` (whole number, unique: it decides who gets the row and in which order), ``features`` (array of
        numbers, or binary for bytes from 0 to 255; of one length) and ``label`` (a number); nothing missing.
    build : callable
        Gives the compiled model. It runs in the workers, so it imports keras itself. The model takes features of shape
        (rows, n), float32 or uint8, and casts and reshapes them itself; labels come as float32 of shape (rows, 1).
    checkpoint : str
        Folder or URI that all workers reach (see `course_lib.training.checkpoints.save`). It is written after each
        epoch; where it holds checkpoints of this training, it goes on from the last of them. Of another training, with
        other workers, number of rows, labels, batch size, seed, layers, optimizer or loss, they are refused; that
        features are others it cannot see.
    workers : int
        How many, each on as many cores as ``spark.task.cpus`` says (1 unless it is set), which must be free at the same
        time.
    epochs : int
        How many rounds through a worker's rows, in a random order each.
    batch_size : int
        Rows of a step over all workers; each takes its equal part. What is left over of a round, less than a batch, is
        dropped in it, and so are the few rows that one worker has more than another.
    seed : int
        Of the first weights, of the order of rows, and of dropout.
    seconds : float
        How long a worker waits for another one in a step, or while it writes or reads a checkpoint. To read the rows
        and build the model each may take as long as it needs.

    Returns
    -------
    pandas.DataFrame
        A row for each worker and each epoch since the last start of all workers (after a loss: since the checkpoint;
        none where all epochs were done): ``epoch``, ``rank``, ``loss`` (mean over all workers), ``steps``, ``rows`` (of
        its part), ``seconds``, ``cpu_seconds``, ``waited_seconds`` and ``sent_bytes`` of the steps, without the
        checkpoint; ``weights`` (SHA-256 of the model's weights).

    Raises
    ------
    CourseError
        A table without these columns, with too few rows, a ``row`` that is there twice or a value that is no finite
        number; a model that is not compiled, works with float16, does not fit the rows, or begins differently on each
        worker; a loss that is no finite number; weights that differ between workers; a folder with checkpoints of
        another training; too few cores; workers lost four times (``spark.stage.maxConsecutiveAttempts``), whatever lay
        between: call it again to go on.
    """
    import pandas as pd
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import functions as F

    if missing := {"row", "features", "label"} - set(table.columns):
        raise CourseError(f"The table has no column {' and no '.join(sorted(missing))}; train needs all three.")
    if workers < 1 or batch_size < 1 or batch_size % workers:
        raise CourseError(f"A batch of {batch_size} rows cannot be shared equally by {workers} workers.")
    _must_have_cores(table, workers)
    secret = secrets.token_bytes(32)

    def work(batches):
        run = _Worker(build, checkpoint, workers, epochs, batch_size, seed)
        yield from run.train(batches, secret, seconds)

    shard = F.pmod(F.col("row"), F.lit(workers)).cast("int")
    shards = table.select("row", "features", "label").repartitionById(workers, shard).sortWithinPartitions("row")
    try:
        # Spark starts a barrier stage again only if its rows are shuffled afterwards, not if they go to the driver,
        # which might have used some of them.
        lines = shards.mapInArrow(work, _LOG, barrier=True).repartition(1).collect()
    except (PySparkException, Py4JError) as error:
        raise _said(error, checkpoint) from None
    log = pd.DataFrame([line.asDict() for line in lines], columns=_columns())
    if log["problem"].notna().any():
        raise CourseError(log["problem"].iloc[0])
    return log.drop(columns="problem").sort_values(["epoch", "rank"], ignore_index=True)


def predict(table: "DataFrame", build: "Callable[[], keras.Model]", checkpoint: str) -> "DataFrame":
    """Let the model of the last checkpoint predict, wherever Spark has the rows.

    Parameters
    ----------
    table : pyspark.sql.DataFrame
        Columns ``row`` and ``features``, as for `train`.
    build, checkpoint
        As for `train`.

    Returns
    -------
    pyspark.sql.DataFrame
        Columns ``row`` and ``prediction`` (array of float, what the model's last layer gives).
    """
    from pyspark.sql import functions as F

    def score(batches):
        import pyarrow as pa

        model = _built(build, 0)
        last = _last(checkpoint)
        if _shapes(last.weights) != _shapes(model.weights):
            place = checkpoints.shown(checkpoint)
            raise CourseError(f"{place} holds checkpoints of another model than `build` gives.")
        _assign(model.weights, last.weights)
        for batch in filter(len, batches):
            features = _matrix(batch.column("features"))
            parts = (features[begin : begin + _PREDICTED] for begin in range(0, len(features), _PREDICTED))
            given = np.concatenate([model(part, training=False).numpy().astype("float32") for part in parts])
            ends = np.arange(len(given) + 1, dtype="int32") * given[0].size
            said = pa.ListArray.from_arrays(ends, given.ravel())
            yield pa.RecordBatch.from_arrays([batch.column("row"), said], ["row", "prediction"])
        give_back_memory()

    return table.select(F.col("row").cast("long"), "features").mapInArrow(score, "row long, prediction array<float>")


def import_tensorflow():
    """Import Keras on TensorFlow, quietly; in a worker, not in a notebook that shall stay small."""
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    import keras
    import tensorflow as tf

    return keras, tf


class _KnownToAll(Exception):
    """What is wrong, when all workers know it: they end together, and Spark need not start them again."""


class _Worker:
    """One task of the barrier stage."""

    def __init__(self, build, checkpoint: str, workers: int, epochs: int, batch_size: int, seed: int):
        self.build, self.checkpoint, self.epochs, self.seed = build, checkpoint, epochs, seed
        self.batch = batch_size // workers
        self.of = {"workers": workers, "seed": seed, "batch_size": batch_size}

    def train(self, batches: "Iterator[pa.RecordBatch]", secret: bytes, seconds: float) -> "Iterator[pa.RecordBatch]":
        """Get ready, join the others, then train; gives the log."""
        import pyarrow as pa
        from pyspark import BarrierTaskContext

        problem, doing = "", "reading the rows"
        try:
            features, labels = _shard(batches)
            if len(labels) < self.batch:
                raise CourseError(f"A worker has fewer than {self.batch} rows, its part of one batch: give more rows.")
            doing = "`build`"
            model = _built(self.build, self.seed)
            doing = "a training step"
            step = _compiled(model, features[: self.batch], labels[: self.batch])
        except CourseError as error:
            problem = str(error)
        except Exception as error:  # whatever is wrong with the person's own
            problem = _says(doing, error)
        # Until here each takes the time that it needs: this first message waits without a limit of its own.
        context = BarrierTaskContext.get()
        listener = ring.listen(own_address(context))
        told = context.allGather(json.dumps([*listener.getsockname()[:2], secrets.token_hex(16)]))
        addresses = [tuple(json.loads(each)[:2]) for each in told]
        secret = hmac.digest(secret, "".join(told).encode(), "sha256")  # of this attempt and no other
        others = ring.Ring(context.partitionId(), addresses, listener, secret, seconds)
        try:
            _must_be_well(others, problem)
            begin, steps = self.agree(others, model, labels)
            for epoch in range(begin, self.epochs):
                yield self.epoch(epoch, features, labels, steps, model, step, others)
        except _KnownToAll as error:
            yield pa.RecordBatch.from_pylist([dict.fromkeys(_columns()) | {"problem": str(error)}], _schema())
        finally:
            others.close()
            give_back_memory()  # without PRELOADED, Spark keeps this process for its next tasks

    def agree(self, others: ring.Ring, model, labels: np.ndarray) -> tuple[int, int]:
        """Find the epoch to go on from, and how many steps an epoch has."""
        own = {"rows": len(labels), "labels": zlib.crc32(labels), "model": _kind(model)}
        said = [json.loads(each) for each in others.gather(json.dumps(own))]
        _must_be_equal(others, model, "The workers begin with different weights: `build` must give the same each time.")
        self.of |= {
            "rows": sum(each["rows"] for each in said),
            "labels": zlib.crc32(json.dumps([each["labels"] for each in said]).encode()),
            "model": said[0]["model"],
        }
        problem, last = "", None
        if others.rank == 0:  # one looks for all, or two might see different ones
            try:
                checkpoints.make_ready(self.checkpoint)
                last = checkpoints.load(self.checkpoint)
                problem = self.misfit(last) if last else ""
            except CourseError as error:
                problem = str(error)
        _must_be_well(others, problem)
        if begin := int(others.gather(str(last.epoch if last else 0))[0]):
            if others.rank:
                try:
                    last = checkpoints.load(self.checkpoint, begin)
                except CourseError as error:
                    problem = str(error)
            place = checkpoints.shown(self.checkpoint)
            unseen = f"Not all workers see what worker 0 has kept in {place}: give a place that all of them reach."
            _must_be_well(others, problem or ("" if last else unseen))
            _assign([*model.weights, *model.optimizer.variables], [*last.weights, *last.optimizer])
            _must_be_equal(others, model, unseen)
        return begin, min(each["rows"] for each in said) // self.batch

    def misfit(self, last: checkpoints.Checkpoint) -> str:
        """Say why training cannot go on from a checkpoint; empty where it can."""
        if last.of == self.of:
            return ""
        words = {"labels": "other labels", "model": "another model, optimizer or loss"}
        differ = [name for name, value in self.of.items() if last.of.get(name) != value]
        said = (words.get(name) or f"{name} {last.of.get(name)}, here {self.of[name]}" for name in differ)
        return (
            f"{checkpoints.shown(self.checkpoint)} holds checkpoints of another training ({'; '.join(said)}): choose "
            "another folder, or remove them."
        )

    def epoch(self, epoch: int, features, labels, steps, model, step, others) -> "pa.RecordBatch":
        """Go through the rows once; keep where we are; give a line of the log."""
        import pyarrow as pa

        clock, cpu = time.monotonic(), time.process_time()
        waited, sent, loss = others.waited_seconds, others.sent_bytes, 0.0
        generator = np.random.default_rng([self.seed, epoch, others.rank])
        _seed_dropout(model, generator)
        order = generator.permutation(len(labels))
        gradients, apply = step
        for number in range(steps):
            chosen, problem = order[number * self.batch : (number + 1) * self.batch], ""
            try:
                mean = gradients(features[chosen], labels[chosen])
            except Exception as error:  # the others learn of it by a mean that is no number
                mean, problem = np.full(_size(model) + 1, np.nan, "float32"), _says("a training step", error)
            others.mean(mean)
            if not np.isfinite(mean).all():
                _must_be_well(others, problem)
                raise _KnownToAll(
                    f"The loss or a gradient is no finite number in step {number + 1} of epoch {epoch + 1}: lower the "
                    "learning rate, or look for a logarithm, root or division in the model that has no answer."
                )
            apply(mean[:-1])
            loss += float(mean[-1]) / steps
        _average_the_rest(model, others)
        line = {
            "epoch": epoch + 1,
            "rank": others.rank,
            "loss": loss,
            "steps": steps,
            "rows": len(labels),
            "seconds": time.monotonic() - clock,
            "cpu_seconds": time.process_time() - cpu,
            "waited_seconds": others.waited_seconds - waited,
            "sent_bytes": others.sent_bytes - sent,
            "problem": None,
        }
        unequal = f"The workers' weights differ after epoch {epoch + 1}, which is not kept: are machines of two kinds?"
        line["weights"] = _must_be_equal(others, model, unequal)
        problem = ""
        if others.rank == 0:
            weights, state = ([each.numpy() for each in these] for these in (model.weights, model.optimizer.variables))
            try:
                checkpoints.save(self.checkpoint, checkpoints.Checkpoint(epoch + 1, weights, state, self.of))
            except CourseError as error:
                problem = str(error)
        _must_be_well(others, problem)
        return pa.RecordBatch.from_pylist([line], _schema())


def _must_be_well(others: ring.Ring, problem: str) -> None:
    """Raise on all workers what is wrong on any of them."""
    told = others.gather(problem.encode()[:1000].decode(errors="ignore"))
    if problems := [each for each in told if each]:
        raise _KnownToAll(problems[0])


def _must_be_equal(others: ring.Ring, model, unequal: str) -> str:
    """Give the checksum of the weights; raise on all workers where they differ."""
    own = checksum(model)
    if set(others.gather(own)) != {own}:
        raise _KnownToAll(unequal)
    return own


def _says(doing: str, error: Exception) -> str:
    """Say an error in the person's model in a line, without the code that TensorFlow and Keras quote around it."""
    name, text = type(error).__name__, str(error)
    if text.startswith("in user code:"):
        text = text.partition(f"\n    {name}: ")[2] or text
    text = re.sub(_AROUND, "", text, flags=re.MULTILINE).strip()
    return f"{doing[0].upper()}{doing[1:]} says: {name}: {(text or 'no more').splitlines()[0]}"


def _columns() -> list[str]:
    return [column.split()[0] for column in _LOG.split(", ")]


def _schema() -> "pa.Schema":
    import pyarrow as pa

    types = {"long": pa.int64(), "double": pa.float64(), "string": pa.string()}
    return pa.schema([(name, types[kind]) for name, kind in (column.split() for column in _LOG.split(", "))])


def own_address(context) -> str:
    """Give the address at which the other workers reach this one; loopback where all are on one machine."""
    hosts = [info.address.rpartition(":")[0] or info.address for info in context.getTaskInfos()]
    others = set(hosts) - {hosts[context.partitionId()]}
    return ring.facing(min(others)) if others else "127.0.0.1"


def checksum(model) -> str:
    """SHA-256 over the bits of all weights, in their order."""
    digest = hashlib.sha256()
    for values in model.weights:
        digest.update(np.ascontiguousarray(values.numpy()).data)
    return digest.hexdigest()


def _built(build, seed: int):
    """Build the model from the seed, on as many threads as the task has cores, with operations that repeat exactly."""
    from pyspark import TaskContext

    keras, tf = import_tensorflow()
    cores = TaskContext.get().cpus()
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(cores)
    tf.config.experimental.enable_op_determinism()
    keras.utils.clear_session()  # of what this process has trained before
    keras.utils.set_random_seed(seed)
    model = build()
    if not getattr(model, "compiled", False):
        raise CourseError("`build` must give a compiled Keras model: call model.compile(optimizer, loss) in it.")
    if not model.built:
        raise CourseError("`build` must give a model that knows its shape: begin it with keras.Input((columns,)).")
    if isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
        raise CourseError("`build` must give a model without float16, whose loss is scaled: take bfloat16 or float32.")
    model.optimizer.build(model.trainable_variables)
    return model


def _kind(model) -> str:
    """SHA-256 over layers, optimizer and loss; the names that Keras counts up start anew with each `_built`."""
    try:
        described = re.sub(r'"code": "[^"]*"', "", model.to_json())  # of a lambda: the path of its file is in it
    except Exception:  # a layer of the person's own that cannot describe itself
        classes = [type(layer).__name__ for layer in model.layers]
        described = json.dumps([classes, model.optimizer.get_config()], default=lambda value: type(value).__name__)
    return hashlib.sha256(f"{described}{_shapes([*model.weights, *model.optimizer.variables])}".encode()).hexdigest()


def _size(model) -> int:
    return sum(int(np.prod(each.shape)) for each in model.trainable_variables)


def _compiled(model, features: np.ndarray, labels: np.ndarray) -> tuple[Callable, Callable]:
    """Make the two halves of a step for batches like this one: the gradients with the loss, and to apply their mean.

    TensorFlow finds here, before anyone has taken a step, what does not fit.
    """
    _, tf = import_tensorflow()
    variables = model.trainable_variables
    sizes = [int(np.prod(each.shape)) for each in variables]

    @tf.function
    def gradients(features, labels):
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=features, y=labels, y_pred=model(features, training=True))
        slopes = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return tf.concat([*(tf.reshape(each, [-1]) for each in slopes), tf.reshape(loss, [1])], axis=0)

    @tf.function
    def apply(flat):
        slopes = [tf.reshape(part, each.shape) for part, each in zip(tf.split(flat, sizes), variables, strict=True)]
        model.optimizer.apply(slopes, variables)

    batch = (tf.TensorSpec(each.shape, each.dtype) for each in (features, labels))
    first, second = (
        gradients.get_concrete_function(*batch),
        apply.get_concrete_function(tf.TensorSpec([sum(sizes)], "float32")),
    )
    return lambda *batch: first(*map(tf.constant, batch)).numpy(), lambda flat: second(tf.constant(flat))


def _seed_dropout(model, generator) -> None:
    """Let what is drawn in this epoch, such as dropout, follow from seed, epoch and worker alone."""
    for variable in model.non_trainable_variables:
        if variable.path.endswith("seed_generator_state"):
            variable.assign(generator.integers(2**32, size=2, dtype="uint32"))


def _average_the_rest(model, others: ring.Ring) -> None:
    """Make the mean over all workers of what is not learned by gradients: the moving means of a BatchNormalization."""
    for variable in model.non_trainable_weights:
        values = variable.numpy()
        if values.dtype == np.float32:
            variable.assign(others.mean(values.ravel().copy()).reshape(values.shape))


def _shard(batches: "Iterator[pa.RecordBatch]") -> tuple[np.ndarray, np.ndarray]:
    """Give this worker's rows: features of shape (rows, n), labels of shape (rows, 1)."""
    parts = [
        (np.asarray(batch.column("row")), _matrix(batch.column("features")), np.asarray(batch.column("label")))
        for batch in batches
        if len(batch)
    ]
    if not parts:
        return np.empty((0, 0), "float32"), np.empty((0, 1), "float32")
    if len({features.shape[1] for _, features, _ in parts}) > 1:
        raise CourseError(_UNEVEN)
    rows, features, labels = (np.concatenate(values) for values in zip(*parts, strict=True))
    if not (np.diff(rows) > 0).all() or not np.isfinite(rows).all():  # they come sorted
        raise CourseError("`row` must be another whole number in each row of the table, and none may be missing.")
    labels = labels.astype("float32")[:, None]
    for name, values in (("features", features), ("label", labels)):
        if not (good := np.isfinite(values).all(axis=1)).all():
            raise CourseError(
                f"`{name}` is missing or no finite number where `row` is {rows[~good][0]:.0f}: fill it, or leave the "
                "row out."
            )
    return features, labels


def _matrix(column: "pa.Array") -> np.ndarray:
    """Give a column of arrays, or of bytes, as a matrix of float32, or of uint8."""
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_binary(column.type) or types.is_large_binary(column.type):
        column = column.cast(pa.large_binary())
        lengths, flat = np.diff(np.frombuffer(column.buffers()[1], "int64")), column.buffers()[2]
        lengths = lengths[column.offset : column.offset + len(column)]
        begin = np.frombuffer(column.buffers()[1], "int64")[column.offset]
        values = np.frombuffer(flat, "uint8")[begin : begin + lengths.sum()]
    else:
        lengths = np.asarray(column.value_lengths())
        values = np.asarray(column.flatten()).astype("float32")
    if column.null_count or len(values) != len(column) * (lengths[0] if len(lengths) else 0) or np.ptp(lengths):
        raise CourseError(_UNEVEN)
    return values.reshape(len(column), -1)


def _last(checkpoint: str) -> checkpoints.Checkpoint:
    found = checkpoints.load(checkpoint)
    if found is None:
        place = checkpoints.shown(checkpoint)
        raise CourseError(f"There is no checkpoint in {place}: train first, or name the folder of a training.")
    return found


def _shapes(arrays) -> list[tuple[int, ...]]:
    return [tuple(each.shape) for each in arrays]


def _assign(variables, values) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _must_have_cores(table: "DataFrame", workers: int) -> None:
    """Raise where Spark would wait ten minutes for cores that this machine's session does not have."""
    local = getattr(table.sparkSession, "_sc", None)
    if local is not None and local.master.startswith("local"):
        cores = workers * int(local.getConf().get("spark.task.cpus", "1"))
        if local.defaultParallelism < cores:
            raise CourseError(
                f"{workers} workers need {cores} cores of Spark's at the same time, and it has "
                f"{local.defaultParallelism}: ask for fewer workers, or get_spark(master='local[{cores}]')."
            )


def _said(error, checkpoint: str) -> CourseError:
    """Say in a line why Spark gave up: what Python's own traceback ends with, if it is not that another worker went."""
    told = re.findall(r"^(?!org\.|java\.|scala\.)([\w.]*(?:Error|Exception)): (.+)", str(error), re.MULTILINE)
    if own := [(name, line) for name, line in told if "lost a neighbour" not in line]:
        name, line = own[-1]
        return CourseError(line if name.endswith("CourseError") else f"A worker says: {name.split('.')[-1]}: {line}")
    if told or "Python worker exited unexpectedly" in str(error) or "SparkException: Job aborted" in str(error):
        return CourseError(
            "Workers were lost as often as Spark starts them (`spark.stage.maxConsecutiveAttempts`): look for the "
            "reason in its UI, then train again with the same folder to go on from the last checkpoint in "
            f"{checkpoints.shown(checkpoint)}."
        )
    return CourseError(f"Training failed: {str(error).strip().splitlines()[0]}")
