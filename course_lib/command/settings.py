"""What set-up tells JupyterLab and IPython about this environment; a person's own settings still win."""

import glob
import json
from pathlib import Path

_LAB = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
_KERNEL = 'c.IPKernelApp.kernel_class = "course_lib.engines.kernel.Kernel"\n'


def write(prefix: Path) -> None:
    """Write the settings into files that JupyterLab and IPython read in an environment.

    Parameters
    ----------
    prefix : Path
        The environment's folder.
    """
    lab = prefix / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    kernel = prefix / "etc" / "ipython" / "ipython_kernel_config.py"
    for file in (lab, kernel):
        file.parent.mkdir(parents=True, exist_ok=True)
    if not lab.exists():  # an instructor may have written more into it
        lab.write_text(json.dumps(_LAB, indent=2))
    kernel.write_text(_KERNEL)


def extensions_of(prefix: Path) -> str:
    """Name the folder of an environment's lab extensions, which draw the figures, as JupyterLab must be told it.

    It looks for them by a pattern, of which ``[x]`` in the name of a folder above would be a part.
    """
    return glob.escape(str(prefix / "share" / "jupyter" / "labextensions"))
