"""What a process without a network tells of Delta Lake; run by test_delta.py."""

import json
from pathlib import Path

from course_lib import CourseError, get_spark, stop_spark
from course_lib.data import catalogue
from course_lib.engines import paths

told = {}
spark = get_spark(master="local[2]", delta=True)
airlines = spark.read.parquet(paths.to_read(catalogue.fetch("airlines")))
table = Path("airlines").absolute().as_uri()
airlines.write.format("delta").save(table)
told["rows"] = [airlines.count(), spark.read.format("delta").load(table).count()]
spark.sql(f"DELETE FROM delta.`{table}` WHERE carrier = 'UA'")
told["after a delete"] = spark.read.format("delta").load(table).count()
told["of the first version"] = spark.read.format("delta").option("versionAsOf", 0).load(table).count()
try:
    airlines.selectExpr("carrier", "name AS wrong").write.format("delta").mode("append").save(table)
except Exception as error:
    told["a wrong column"] = type(error).__name__
told["asked again"] = get_spark(delta=True) is spark is get_spark()
stop_spark()
get_spark(master="local[2]")
try:
    get_spark(delta=True)
except CourseError as error:
    told["too late"] = str(error)
stop_spark()
print(json.dumps(told))
