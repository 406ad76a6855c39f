"""A process that starts a cluster and waits to be ended; run by test_kills.py, which says how as the argument."""

import os
import signal
import sys
import threading

from course_lib.engines.cluster import local_cluster

how = sys.argv[1]
if how == "from another thread":
    clusters = []
    starter = threading.Thread(target=lambda: clusters.append(local_cluster(workers=1, memory="512m")))
    starter.start()
    starter.join()
    (cluster,) = clusters
else:
    cluster = local_cluster(workers=1, memory="512m")
with cluster:
    if how == "with a fork that lives on" and os.fork() == 0:
        signal.pause()
    print(cluster.logs.parent, flush=True)
    sys.stdin.readline()
    if how == "by an exception":
        raise RuntimeError("an exception in the block")
