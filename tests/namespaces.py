"""Words that run a command in a namespace of its own: without a network, as another user, with another folder."""

import functools
import os
import subprocess
import sys
from pathlib import Path

_HELPER = str(Path(__file__).with_name("without_network.py"))
WITHOUT_NETWORK = ("unshare", "--net", "--map-root-user", sys.executable, _HELPER)
WITHOUT_HOST_NAME = ("unshare", "--uts", "--map-root-user", "sh", "-c", 'hostname no-such-host; exec "$@"', "sh")


def as_user(number: int) -> tuple[str, ...]:
    """Give the words that run a command as the user of a number, who is not root."""
    return ("unshare", f"--map-user={number}", f"--map-group={number}")


def with_temporary_folder(folder: Path, options: str) -> tuple[str, ...]:
    """Give the words that run a command with a folder for temporary files that is mounted by these options."""
    mount = f'mount -t tmpfs -o {options} tmpfs "$TMPDIR" && exec "$@"'
    return ("unshare", "--mount", "--map-root-user", "env", f"TMPDIR={folder}", "sh", "-c", mount, "sh")


@functools.cache
def allowed(words: tuple[str, ...]) -> bool:
    """Say whether this machine allows it; CI must."""
    try:
        done = subprocess.run([*words, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        done = False
    assert done or not os.environ.get("CI"), f"CI must allow {' '.join(words[:2])}"
    return done
