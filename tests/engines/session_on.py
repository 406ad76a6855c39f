"""A session wherever the environment says; run by test_cluster_command.py."""

import json

from course_lib import get_spark, stop_spark

print(json.dumps({"count": get_spark().range(1000).count()}))
stop_spark()
