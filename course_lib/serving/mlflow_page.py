"""MLflow's page on a store of runs and models, for the one person who has its address.

MLflow asks nobody who they are, and a page of its could read and change whatever its person may. So it listens on this
machine alone, and below a path that nobody can guess, as the lab has its token: another page in the browser, or
another user of the machine, gets nothing but *not found*. The address works directly and through the lab's proxy.
"""

import logging
import os
import secrets
import socket
import warnings
from collections.abc import Callable
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.serving import registry


def serve(folder: Path, port: int, tell: Callable[[str], None]) -> None:
    """Serve the page until it is interrupted; in this process, so that nothing stays when it ends.

    Parameters
    ----------
    folder : Path
        Where ``mlflow.db`` lies.
    port : int
        To listen on at 127.0.0.1; a free one if it is taken.
    tell : function
        Takes the address without the machine's part, ``PORT/PATH``, once the page can be seen there.

    Raises
    ------
    CourseError
        If the folder has no runs.
    """
    folder = folder.expanduser().resolve()
    if not (folder / "mlflow.db").is_file():
        raise CourseError(
            f"There is no mlflow.db in {folder}. Lesson 07 makes the one of runs/models; a sweep whose file says "
            "'mlflow: true' makes one in its folder."
        )
    registry.settle_mlflow()
    os.environ |= {  # what `mlflow server` tells its workers
        "_MLFLOW_SERVER_FILE_STORE": registry.address(folder),
        "_MLFLOW_SERVER_REGISTRY_STORE": registry.address(folder),
        "_MLFLOW_SERVER_ARTIFACT_ROOT": (folder / "artifacts").as_uri(),
        # It compares names of hosts, which nobody knows who stands behind a proxy. The path does more.
        "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
    }
    warnings.filterwarnings("ignore", message="starlette.middleware.wsgi is deprecated")  # is told to MLflow's authors
    from mlflow.server import app  # the larger one, of FastAPI, has an assistant that runs commands as well
    from werkzeug.exceptions import NotFound
    from werkzeug.middleware.dispatcher import DispatcherMiddleware
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    path = secrets.token_urlsafe(24)
    behind = DispatcherMiddleware(NotFound(), {f"/{path}": app})
    with listening(port) as taken, make_server("127.0.0.1", 0, behind, threaded=True, fd=taken.fileno()) as server:
        tell(f"{server.port}/{path}/#/experiments")
        server.serve_forever()


def listening(port: int) -> socket.socket:
    """Listen on a port of this machine alone, or on a free one if it is taken."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))
