"""What a process tells whose every folder has an odd name; run by test_odd_folders.py with a copy of course_lib."""

import json
import os
import tempfile
from pathlib import Path

import course_lib
from course_lib import CourseError, connect_server, flights_at_scale, get_spark, hdfs, load, local_cluster, stop_spark
from course_lib.engines import jars, paths

told = {"library": course_lib.__file__, "user": os.getuid()}
told["fetched"] = str(jars.fetch("delta_storage"))
work = Path(tempfile.mkdtemp())

with local_cluster(workers=1, memory="512m") as cluster, connect_server(cluster.url, delta=True) as server:
    spark = get_spark(master=server.url)
    told["on connect and a cluster"] = load("flights", engine="spark").agg({"distance": "sum"}).first()[0]
    spark.range(3).write.format("delta").save(paths.address(work / "delta"))
    told["delta on the cluster"] = spark.read.format("delta").load(paths.address(work / "delta")).count()
    told["in the Delta table"] = len(list((work / "delta").glob("*.parquet")))
    stop_spark()

spark = get_spark(master="local[2]", delta=True)
told["flights"] = load("flights", engine="spark").agg({"distance": "sum"}).first()[0]
told["at scale"] = flights_at_scale(spark, 1_000).count()
spark.range(4).write.format("delta").save(paths.address(work / "delta here"))
told["delta"] = spark.read.format("delta").load(paths.address(work / "delta here")).count()
load("airlines", engine="spark").write.saveAsTable("kept")
told["a table"] = spark.table("kept").count()
told["in Python"] = spark.range(3).rdd.map(lambda row: row.id + 1).sum()
try:
    hdfs()
except CourseError as error:
    told["hdfs refuses"] = str(error)
tempfile.tempdir = str(work.parent / "hdfs é (1) #5 [x]").replace(" 100% d'été", "")
Path(tempfile.tempdir).mkdir(parents=True)
with hdfs(data_nodes=1) as store:
    store.use_with(spark)
    spark.table("kept").write.parquet(f"{store.url}/lake")
    told["hdfs"] = spark.read.parquet(f"{store.url}/lake").count()
    stop_spark()

told["in pandas"] = int(load("flights")["distance"].sum())
folders = (work.parent, Path(tempfile.tempdir))
told["left"] = [path.name for folder in folders for path in folder.iterdir() if path != work]
print(json.dumps(told))
