"""What the feature table costs on Spark and with pandas, and how it grows: the table of `networks_at_scale`.

    python benchmarks/features_at_scale.py [--networks 1 4 16 60]

A network is a year of New York, 336,776 flights; 60 are 20 million. Spark writes each table to a temporary folder as
Parquet, pandas computes one network and keeps it. SPARK_MASTER chooses a cluster. Two ratios at the end: CPU seconds
for a row, Spark's with the most networks over pandas'; and Spark's with the most networks over Spark's with the fewest.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, nargs="+", default=[1, 4, 16, 60], help="sizes, rising")
    parser.add_argument(
        "--rounds", type=int, default=1, help="of pandas and all sizes; six or more give 95 %% intervals"
    )
    arguments = parser.parse_args()

    from course_lib import get_spark, load, stop_spark
    from course_lib.measure import ratio_of_pairs

    flights, weather, airports = (load(name) for name in ("flights", "weather", "airports"))
    spark = get_spark()
    try:
        rounds = [
            (
                with_pandas(flights, weather, airports),
                *(with_spark(spark, weather, airports, networks) for networks in arguments.networks),
            )
            for _ in range(arguments.rounds)
        ]
    finally:
        stop_spark()
    print(f"Spark over pandas, CPU for a row: {ratio_of_pairs([(each[-1], each[0]) for each in rounds])}")
    print(f"most over fewest networks, CPU for a row: {ratio_of_pairs([(each[-1], each[1]) for each in rounds])}")


def with_pandas(flights, weather, airports) -> float:
    """Compute one network, and give the CPU seconds for a row."""
    from course_lib import features, measure

    with measure.block("pandas", rows=len(flights)) as run:
        features.features(flights, weather, airports)
    return told("pandas, 1 network", run)


def with_spark(spark, weather, airports, networks: int) -> float:
    """Compute many networks into a folder, and give the CPU seconds for a row."""
    from course_lib import features_on_spark, measure, networks_at_scale

    rows = 336_776 * networks
    with TemporaryDirectory() as folder, measure.block("Spark", rows=rows) as run:
        table = features_on_spark(spark, networks_at_scale(spark, networks), weather, airports)
        table.write.parquet(f"{folder}/features")
    return told(f"Spark, {networks} networks", run)


def told(what: str, run) -> float:
    """Print what a run took, and give its CPU seconds for a row."""
    print(
        f"{what}: {run.rows:,} rows in {run.seconds:.0f} s, CPU {run.cpu_seconds:.0f} s, "
        f"peak {run.peak_bytes / 1e9:.1f} GB",
        flush=True,
    )
    return run.cpu_seconds / run.rows


if __name__ == "__main__":
    main()
