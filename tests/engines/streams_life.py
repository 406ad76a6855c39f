"""A process that lets a batch job and then a stream decide, to be killed in either; run by test_streams.py."""

import sys
from datetime import date
from pathlib import Path

import pandas as pd

from course_lib import get_spark, load, saved_model
from course_lib.serving import schema
from course_lib.streams.batch import decide_days
from course_lib.streams.stream import decide_stream

folder = Path(sys.argv[1])
model = saved_model.read(folder / "model.skops")
columns = schema.columns_of(pd.read_parquet(folder / "example.parquet"))
spark = get_spark(master="local[1]", settings={"spark.sql.shuffle.partitions": 1})  # one day after the other
table = load("features", engine="spark")
days = {"first": date(2013, 11, 4), "last": date(2013, 11, 9), "threshold": 1 / 6, "version": 3}
print([str(day) for day in decide_days(table, model, columns, folder / "batch", **days)], flush=True)
query = decide_stream(
    spark,
    folder / "feed",
    folder / "stream",
    model,
    columns,
    threshold=1 / 6,
    version=3,
    wait="2 hours",
    files_per_batch=3,
    until_empty=True,
)
query.awaitTermination()
