"""What set-up tells JupyterLab and IPython about this environment; a person's own settings still win."""

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
