"""What a process tells that has all of an old guide's variables; run by test_environment.py."""

import json
import os
import sys

from course_lib import connect_server, get_spark, stop_spark

told = {}
spark = get_spark()
told["master"] = spark.conf.get("spark.master")
told["heap MiB"] = spark._jvm.java.lang.Runtime.getRuntime().maxMemory() / 2**20
told["ansi"] = spark.conf.get("spark.sql.ansi.enabled")
told["worker"] = spark.range(1).rdd.map(lambda _: sys.executable).first()
told["MPLBACKEND"] = os.environ.get("MPLBACKEND")
stop_spark()
with connect_server(master="local[2]") as server:
    told["healthy"] = server.is_healthy()
    told["on connect"] = get_spark(master=server.url).range(5).count()
    stop_spark()
print(json.dumps(told))
