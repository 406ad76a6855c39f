"""Words that run a command in a namespace of its own: without a network, or with a name that has no address."""

import functools
import os
import subprocess
import sys
from pathlib import Path

WITHOUT_NETWORK = (
    "unshare",
    "--net",
    "--map-root-user",
    sys.executable,
    str(Path(__file__).with_name("without_network.py")),
)
WITHOUT_HOST_NAME = ("unshare", "--uts", "--map-root-user", "sh", "-c", 'hostname no-such-host; exec "$@"', "sh")


@functools.cache
def allowed(words: tuple[str, ...]) -> bool:
    """Say whether this machine allows it; CI must."""
    try:
        done = subprocess.run([*words, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        done = False
    assert done or not os.environ.get("CI"), f"CI must allow {' '.join(words[:2])}"
    return done
