"""The helper library of the course: what would distract from a lesson lives here.

Names are imported when they are first used, so ``from course_lib import load`` costs no Spark and no Plotly.
"""

from importlib import import_module

_HOME_OF = {
    "CourseError": "errors",
    "check": "exercises",
    "check_parameters": "parameters",
    "connect_server": "cluster",
    "flights_at_scale": "datasets",
    "get_spark": "spark",
    "hint": "exercises",
    "load": "datasets",
    "local_cluster": "cluster",
    "record": "sweep_records",
    "results": "sweep_records",
    "solution": "exercises",
    "stop_spark": "spark",
    "sweep": "sweeps",
}
_MODULES = ("datasets", "evaluate", "exercises", "figures", "measure", "parameters", "spark", "sweeps")

__all__ = [*_HOME_OF, *_MODULES]


def __getattr__(name: str):
    if name in _HOME_OF:
        return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
