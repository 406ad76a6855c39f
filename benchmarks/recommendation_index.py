"""Ten films for each visitor: an approximate index against looking at all films, on one core, at a recall that is held.

The factors are those of the case study on recommendation: alternating least squares on the likes of MovieLens, 32
numbers a film, and visitors that lie between two real users. A larger catalogue is made of noisy copies of the films
(`--copies`), so read what it says for its order of magnitude. Each index looks at as little as holds `--recall` on
visitors that are not measured. What is compared is visitors per CPU second, in rounds of changing order. Faiss is no
part of the course:

    .venv/bin/uv run --no-sync --with faiss-cpu==1.15.1 benchmarks/recommendation_index.py [--copies 1 35] [--rounds 7]

A ratio above 1 says that the first of the two serves more visitors.
"""

import argparse
import os
import random
import sys
import time
from importlib.util import find_spec
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy reads them
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd
from scipy import sparse

from course_lib import load
from course_lib.measure import ratio_of_pairs

RANK, ALPHA, PENALTY, ROUNDS_OF_ALS = 32, 10.0, 0.1, 8
VISITORS, BATCH = 4_000, 200
LOOK_AT = {"inverted lists": (1, 2, 4, 8, 16, 32, 64, 128, 256), "graph": (10, 16, 32, 64, 128, 256, 512, 1024)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 35], help="how many films stand for each")
    parser.add_argument("--noise", type=float, default=0.3, help="of a copy, in standard deviations of the factors")
    parser.add_argument("--recall", type=float, default=0.98, help="that an index has to hold")
    parser.add_argument("--rounds", type=int, default=7, help="of measurement")
    arguments = parser.parse_args()
    if find_spec("faiss") is None:
        sys.exit("Faiss is not here. See the top of this file for a command that brings it.")
    users, films = learned()
    generator = np.random.default_rng(0)
    visitors = between(users, generator)
    for copies in arguments.copies:
        noise = generator.normal(0, arguments.noise * films.std(), (copies - 1, *films.shape)).astype("float32")
        catalogue = np.ascontiguousarray(np.concatenate([films, *(films + one for one in noise)]))
        compare(catalogue, visitors, arguments.recall, arguments.rounds)


def learned():
    """Give the factors of users and of films with three likes or more, by alternating least squares."""
    ratings = load("movielens")
    liked = ratings[ratings["rating"] >= 4]
    counts = liked["movie_id"].value_counts()
    liked = liked[liked["movie_id"].isin(counts.index[counts >= 3])]
    user, film = pd.factorize(liked["user_id"])[0], pd.factorize(liked["movie_id"])[0]
    likes = sparse.csr_matrix((np.ones(len(liked)), (user, film)))
    films = np.random.default_rng(0).normal(0, 0.1, (likes.shape[1], RANK))
    for _ in range(ROUNDS_OF_ALS):
        users = solved(likes, films)
        films = solved(likes.T.tocsr(), users)
    return users.astype("float32"), films.astype("float32")


def solved(likes, factors):
    """Solve for the factors of each row of likes, with those of its columns held fixed."""
    outer = (factors[:, :, None] * factors[:, None, :]).reshape(len(factors), -1)
    count = np.maximum(np.asarray(likes.sum(axis=1)).ravel(), 1)
    systems = (ALPHA * (likes @ outer)).reshape(-1, RANK, RANK) + factors.T @ factors
    systems += PENALTY * count[:, None, None] * np.eye(RANK)
    return np.linalg.solve(systems, (1 + ALPHA) * (likes @ factors)[:, :, None])[:, :, 0]


def between(users, generator):
    """Give visitors who each lie between two users, twice as many as are measured: half are to tune with."""
    one, other = users[generator.integers(0, len(users), (2, 2 * VISITORS))]
    share = generator.random((2 * VISITORS, 1)).astype("float32")
    return share * one + (1 - share) * other


def compare(catalogue, visitors, least_recall, rounds):
    """Build the indexes over a catalogue, let each look at as little as holds the recall, and measure all in turn."""
    import faiss

    faiss.omp_set_num_threads(1)
    tuning, measured = visitors[:VISITORS], visitors[VISITORS:]
    ways = {"numpy": lambda rows: by_numpy(catalogue, rows)}
    built = {"faiss": faiss.IndexFlatIP(RANK)}
    lists = int(4 * np.sqrt(len(catalogue)))
    built["inverted lists"] = faiss.IndexIVFFlat(faiss.IndexFlatIP(RANK), RANK, lists, faiss.METRIC_INNER_PRODUCT)
    built["graph"] = faiss.IndexHNSWFlat(RANK, 32, faiss.METRIC_INNER_PRODUCT)
    for name, index in built.items():
        index.train(catalogue)
        index.add(catalogue)
        ways[name] = lambda rows, index=index: index.search(rows, 10)[1]
    right = ways["faiss"](visitors)
    for name, efforts in LOOK_AT.items():
        for effort in efforts:
            if name == "graph":
                built[name].hnsw.efSearch = effort
            else:
                built[name].nprobe = effort
            if recall(right[:VISITORS], ways[name](tuning)) >= least_recall:
                break
    print(f"\n{len(catalogue):,} films")
    rates = {name: [] for name in ways}
    for number in range(rounds):
        for name in random.Random(number).sample(list(ways), len(ways)):
            rates[name].append(VISITORS / cpu_seconds(ways[name], measured))
    for name, rate in rates.items():
        kept = recall(right[VISITORS:], ways[name](measured))
        print(f"  {name}: {np.median(rate):,.0f} visitors per CPU second, recall {kept:.3f}")
    for name, opponent in (
        ("faiss", "numpy"),
        ("inverted lists", "faiss"),
        ("graph", "faiss"),
        ("graph", "inverted lists"),
    ):
        ratio = ratio_of_pairs(list(zip(rates[name], rates[opponent], strict=True)))
        print(f"{len(catalogue)} films, {name} over {opponent}: {ratio}")


def by_numpy(catalogue, visitors):
    """Give the positions of the ten films with the largest scores, the best first, as the case study does."""
    shown = []
    for start in range(0, len(visitors), BATCH):
        scores = visitors[start : start + BATCH] @ catalogue.T
        best = np.argpartition(-scores, 9, axis=1)[:, :10]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        shown.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(shown)


def recall(right, found):
    """Give the share of the ten best that was found, averaged over visitors."""
    return np.mean([len(np.intersect1d(one, other)) / 10 for one, other in zip(right, found, strict=True)])


def cpu_seconds(way, visitors):
    """Measure one way of serving all the visitors, over again until there is enough of it to measure."""
    began, times = time.process_time(), 0
    while time.process_time() - began < 0.3 or not times:
        way(visitors)
        times += 1
    return (time.process_time() - began) / times


if __name__ == "__main__":
    main()
