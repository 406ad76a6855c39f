"""The helper library of the course: what would distract from a lesson lives here, in rooms by purpose.

Notebooks import from here by name. Names are imported when they are first used: ``from course_lib import load`` costs
no Spark and no Plotly. docs/contributing.md has the table of the rooms.
"""

from importlib import import_module

_HOME_OF = {
    "CourseError": "errors",
    "check": "exercises",
    "check_parameters": "parameters",
    "connect_server": "engines.connect",
    "crew_events": "data.crew_app",
    "decide_days": "streams.batch",
    "decide_stream": "streams.stream",
    "describe_machine": "machine",
    "features_on_spark": "data.spark_features",
    "flights_at_scale": "data.catalogue",
    "get_spark": "engines.session",
    "give_back_memory": "machine",
    "hdfs": "engines.hdfs",
    "hint": "exercises",
    "load": "data.catalogue",
    "local_cluster": "engines.cluster",
    "networks_at_scale": "data.catalogue",
    "open_databases": "engines.databases",
    "race": "sweeps.race",
    "record": "sweeps.records",
    "results": "sweeps.records",
    "scala_shell": "engines.scala",
    "solution": "exercises",
    "stages_of": "engines.spark_status",
    "stop_spark": "engines.session",
    "sweep": "sweeps.sweep",
}
_MODULES = {
    "believe": "data.believe",
    "checkpoints": "training.checkpoints",
    "data_parallel": "training.data_parallel",
    "datasets": "data.catalogue",
    "decisions": "streams.decisions",
    "evaluate": "evaluate",
    "features": "data.features",
    "figures": "figures",
    "first_look": "data.first_look",
    "jars": "engines.jars",
    "leakage": "data.leakage",
    "measure": "measure",
    "monitoring": "serving.monitoring",
    "own_table": "data.own_table",
    "registry": "serving.registry",
    "replay": "streams.replay",
    "sensors": "streams.sensors",
    "simulated_cluster": "simulated_cluster",
    "spark_status": "engines.spark_status",
    "stream": "streams.stream",
    "tpch": "data.tpch",
}

__all__ = [*_HOME_OF, *_MODULES]


def __getattr__(name: str):
    if name in _HOME_OF:
        return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{_MODULES[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
