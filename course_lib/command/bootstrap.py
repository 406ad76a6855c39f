"""Make the environment in ``.venv/`` and run a command in it: ``python3 course_lib/command/bootstrap.py course lab``.

Standard library only, and no syntax newer than Python 3.6: this file runs before anything is installed, and on a
Python that is too old it has to live long enough to say so.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
STAMP = ENVIRONMENT / ".synced"  # digest of what was installed last
OLDEST, NEWEST = (3, 11), (3, 13)
NEEDED_GB = 6  # 3.7 GB of packages, and room for their download
# What the machine's habits would do to the Python of .venv: bring packages of others, run a start-up file, raise on
# each warning. And bytecode goes into .venv whatever the habit: without it each process compiles all that it imports,
# three seconds of CPU for pandas, Plotly and scikit-learn.
HABITS = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE")
AGAIN = "Then run the same command again: it goes on where it stopped."


def stop(message):
    """Print one line and exit with 1."""
    sys.exit("ml-at-scale: " + message)


def suitable_python():
    """Return the path of a Python that fits: this one, or another on the PATH."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which("python3." + str(minor))
        if found:
            return found
    stop(
        "this is Python {}.{}, and the course needs 3.11, 3.12 or 3.13. Install one of them, then run "
        "`make lab PYTHON=python3.12`.".format(*sys.version_info[:2])
    )
    return None


def run(command, what, advice, show=True):
    """Run a command; where it fails, say what failed and what to do in one line."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=str(ROOT))
    said = b""
    for line in process.stderr:
        said += line
        if show:
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
    if process.wait() == 0:
        return
    text = said.decode(errors="replace").lower()
    if "no space left" in text or "os error 28" in text:
        stop(f"{what}: the disk is full. Free {NEEDED_GB} GB. {AGAIN}")
    offline = ("dns error", "failed to fetch", "error sending request", "connection refused", "name resolution")
    if any(sign in text for sign in (*offline, "no matching distribution", "network is unreachable")):
        stop(f"{what}: the package index cannot be reached. Connect to the network. {AGAIN}")
    if not show:
        sys.stderr.buffer.write(said)
    stop(f"{what}: {advice}. {AGAIN}")


def find_uv(python):
    """Return uv's path: the machine's, or one fetched into the environment."""
    own = BIN / ("uv.exe" if os.name == "nt" else "uv")
    found = shutil.which("uv") or (str(own) if own.exists() else None)
    if found:
        return found
    print("Creating .venv and fetching uv …", flush=True)
    advice = "Python's venv module does not work here (on Debian: apt install python3-venv), or install uv yourself"
    run([python, "-m", "venv", "--clear", str(ENVIRONMENT)], "Could not create .venv", advice)
    pip = [
        str(BIN / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries",
        "2",
        "uv",
    ]
    run(pip, "Could not install uv", "see pip's message above", show=False)
    return str(own)


def digest():
    """Return what the environment depends on as one number: the lock, the project's own list, the folder."""
    number = hashlib.sha256(str(ROOT).encode())
    for name in ("uv.lock", "pyproject.toml"):
        number.update((ROOT / name).read_bytes())
    return number.hexdigest()


def set_up():
    """Install the locked packages into ``.venv``, unless this very set is there already."""
    python = suitable_python()
    if STAMP.exists() and STAMP.read_text() == digest():
        return
    free_gb = shutil.disk_usage(str(ROOT)).free / 1e9
    if free_gb < NEEDED_GB and not STAMP.exists():
        stop(f"the packages need {NEEDED_GB} GB of disk and {free_gb:.1f} GB are free here: make room. {AGAIN}")
    if ENVIRONMENT.exists() and not list(BIN.glob("python*")):  # a set-up that was stopped half-way
        shutil.rmtree(str(ENVIRONMENT))
    uv = find_uv(python)
    os.environ["UV_PROJECT_ENVIRONMENT"] = str(ENVIRONMENT)
    sync = [uv, "sync", "--frozen", "--inexact", "--python", python]  # inexact: uv itself stays
    run(sync, "Could not install the packages", "see uv's message above")
    STAMP.write_text(digest())


def main():
    """Set up, then run the command given as arguments inside the environment."""
    for name in HABITS:
        os.environ.pop(name, None)
    try:
        set_up()
    except KeyboardInterrupt:
        stop("stopped. " + AGAIN)
    except OSError as error:
        stop(f"{error}. {AGAIN}")
    if len(sys.argv) > 1:
        os.environ["PATH"] = str(BIN) + os.pathsep + os.environ.get("PATH", "")
        os.environ["VIRTUAL_ENV"] = str(ENVIRONMENT)
        command = [str(BIN / sys.argv[1]), *sys.argv[2:]]
        try:
            sys.exit(subprocess.call(command) if os.name == "nt" else os.execv(command[0], command))
        except KeyboardInterrupt:
            sys.exit(130)


if __name__ == "__main__":
    main()
