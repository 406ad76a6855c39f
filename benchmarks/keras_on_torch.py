"""The network of the flights on TensorFlow and on PyTorch: the same Keras model, the same rows, two workers each.

TensorFlow's workers are those of `course_lib.training`; PyTorch's are started by PySpark's own TorchDistributor as
tasks of a barrier stage, and exchange their gradients by PyTorch's collectives (gloo). Seeds train apart on both; what
may differ is said by their spread, and by an interval over weeks. Seconds and memory are not compared: only one of the
two writes checkpoints, repeats to the bit, and finds its workers running.

PyTorch is an optional extra, on Linux 5 GB with CUDA, and so it gets an environment of its own:

    UV_PROJECT_ENVIRONMENT=/tmp/with-torch uv sync --extra torch
    /tmp/with-torch/bin/python benchmarks/keras_on_torch.py [--rows 20000] [--epochs 5] [--seeds 3]

Differences are PyTorch less TensorFlow: above 0 PyTorch's is better.
"""

import argparse
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

WORKERS, BATCH, NETWORK_ROWS = 2, 256, 20_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=NETWORK_ROWS, help="flights to learn from")
    parser.add_argument("--epochs", type=int, default=5, help="how often each is seen")
    parser.add_argument("--seeds", type=int, default=3, help="trainings on each")
    arguments = parser.parse_args()
    if find_spec("torch") is None:
        sys.exit("PyTorch is not in this environment: see the head of this file for one that has it.")

    from course_lib import evaluate, features, get_spark, load, stop_spark

    names = [name for name in features.names() if name not in ("carrier", "origin", "dest")]
    flights = load("features").query("fate == 'landed'")
    learn, judge = (flights[flights["split"].eq(split)] for split in ("train", "validation"))
    learn = learn.sample(arguments.rows, random_state=0)
    mean, spread = learn[names].mean(), learn[names].std()
    columns, judged = (
        ((part[names] - mean) / spread).clip(-3, 3).fillna(0).to_numpy("float32") for part in (learn, judge)
    )
    late, came_late = ((part["arr_delay"] >= 30).to_numpy("float32") for part in (learn, judge))

    get_spark("keras on torch", master="local[2]")
    scores, said = [], {}
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/rows.npz", columns=columns, late=late)
        for seed in range(arguments.seeds):
            for backend, train in (("tensorflow", on_tensorflow), ("torch", on_torch)):
                weights, equal = train(folder, len(names), arguments.epochs, seed)
                assert equal, f"{backend}: the workers have ended with different weights"
                said[backend, seed] = forward(weights, judged)
                [auc] = evaluate.score(came_late, said[backend, seed], judge["day"], ["roc_auc"])["value"]
                scores.append((backend, seed, auc))
                print(f"{backend}, seed {seed}: AUC {auc:.4f}", flush=True)
    stop_spark()
    scores = pd.DataFrame(scores, columns=["backend", "seed", "auc"])
    by_backend = scores.pivot_table(index="seed", columns="backend", values="auc")
    print(f"mean AUC: {by_backend.mean().round(4).to_dict()}, spread over seeds {by_backend.std().round(4).to_dict()}")
    mean_said = {backend: np.mean([said[backend, seed] for seed in by_backend.index], axis=0) for backend in by_backend}
    gap = evaluate.difference(
        came_late, mean_said["torch"], mean_said["tensorflow"], judge["day"], metrics=["roc_auc"]
    ).loc["roc_auc"]
    print(
        f"AUC of the mean probability, torch less tensorflow: {gap['value']:.4f} [{gap['low']:.4f}, {gap['high']:.4f}]"
    )


def network(columns: int):
    """Build the network; Keras decides by its backend what it becomes."""
    import keras

    layers = [keras.Input((columns,))]
    for units in (64, 32):
        layers += [keras.layers.Dense(units, "relu"), keras.layers.Dropout(0.3)]
    model = keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    return model


def forward(weights: list[np.ndarray], columns: np.ndarray) -> np.ndarray:
    """Predict by hand, the same for both."""
    first, first_bias, second, second_bias, last, last_bias = weights
    hidden = np.maximum(columns @ first + first_bias, 0)
    hidden = np.maximum(hidden @ second + second_bias, 0)
    return 1 / (1 + np.exp(-(hidden @ last + last_bias)[:, 0].astype("float64")))


def on_tensorflow(folder: str, columns: int, epochs: int, seed: int) -> tuple[list[np.ndarray], bool]:
    """Train with course_lib.training; give the weights, and whether both workers have them."""
    from course_lib import checkpoints, data_parallel, get_spark

    kept = np.load(f"{folder}/rows.npz")
    rows = pd.DataFrame({"row": range(len(kept["late"])), "features": list(kept["columns"]), "label": kept["late"]})
    rows.to_parquet(f"{folder}/rows.parquet")
    table = get_spark().read.parquet(f"{folder}/rows.parquet")
    place = f"{folder}/tensorflow-{seed}"
    settings = {"workers": WORKERS, "epochs": epochs, "batch_size": BATCH, "seed": seed}
    log = data_parallel.train(table, lambda: network(columns), place, **settings)
    return checkpoints.load(place).weights, bool(log.groupby("epoch")["weights"].nunique().eq(1).all())


def on_torch(folder: str, columns: int, epochs: int, seed: int) -> tuple[list[np.ndarray], bool]:
    """Train with TorchDistributor; give the weights, and whether both workers have them."""
    from pyspark.ml.torch.distributor import TorchDistributor

    distributor = TorchDistributor(num_processes=WORKERS, local_mode=False, use_gpu=False)
    return distributor.run(torch_worker, f"{folder}/rows.npz", columns, epochs, seed)


def torch_worker(path: str, columns: int, epochs: int, seed: int) -> tuple[list[np.ndarray], bool]:
    """Train as one of the processes that torchrun has started."""
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    import numpy as np
    import torch
    import torch.distributed as distributed

    distributed.init_process_group("gloo")
    rank, workers = distributed.get_rank(), distributed.get_world_size()
    torch.set_num_threads(1)
    keras.utils.set_random_seed(seed)
    model = network(columns)
    variables = model.trainable_variables
    model.optimizer.build(variables)
    torch.manual_seed(1000 * seed + rank)
    for dropout in (layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)):
        dropout.seed_generator.state.assign(np.array([seed, rank + 1], "uint32"))  # its own on each worker
    kept = np.load(path)
    features, labels = kept["columns"][rank::workers], kept["late"][rank::workers, None]
    part = BATCH // workers
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch, rank]).permutation(len(labels))
        for begin in range(0, len(kept["late"]) // workers // part * part, part):
            chosen = order[begin : begin + part]
            model.zero_grad()
            given = model(features[chosen], training=True)
            model.compute_loss(x=None, y=keras.ops.convert_to_tensor(labels[chosen]), y_pred=given).backward()
            slopes = [variable.value.grad for variable in variables]
            for slope in slopes:
                distributed.all_reduce(slope)
                slope /= workers
            with torch.no_grad():
                model.optimizer.apply(slopes, variables)
    weights = [keras.ops.convert_to_numpy(variable) for variable in model.weights]
    everybody: list = [None] * workers
    distributed.all_gather_object(everybody, b"".join(array.tobytes() for array in weights))
    distributed.destroy_process_group()
    return weights, len(set(everybody)) == 1


if __name__ == "__main__":
    main()
