"""A fitted model in a file that stores no code, and what a reader asks of where it came from.

The file is written by skops: before it is loaded its types are listed, and any that is not on our short list is
refused. A pickle would run whatever it holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.errors import CourseError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

# What scikit-learn's pipelines and boosted trees hold beyond what skops trusts by itself.
TRUSTED = (
    "collections.OrderedDict",
    "functools.partial",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
)


def write(fitted: BaseEstimator, file: Path) -> str:
    """Write a model.

    Parameters
    ----------
    fitted : Estimator
        Of scikit-learn, LightGBM or XGBoost, or a pipeline of these.
    file : Path
        Its folder exists.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    CourseError
        If the model holds types that `read` would refuse; nothing is written then.
    """
    import skops.io

    try:
        skops.io.dump(fitted, file)
        check_types(file)
    except Exception as error:
        file.unlink(missing_ok=True)
        if isinstance(error, CourseError):
            raise
        raise CourseError(f"A {type(fitted).__name__} cannot be saved without pickle: {error}.") from None
    return sha256(file)


def read(file: Path) -> BaseEstimator:
    """Load a model, after a look at what its file holds.

    Raises
    ------
    CourseError
        If it holds types that are not on the list.
    """
    import skops.io

    check_types(file)
    return skops.io.load(file, trusted=list(TRUSTED))


def check_types(file: Path) -> None:
    """Refuse a file that holds types beyond those of scikit-learn and the boosted trees, without loading it."""
    import skops.io

    if unknown := set(skops.io.get_untrusted_types(file=file)) - set(TRUSTED):
        raise CourseError(
            f"{file.name} holds types that no model of the course has: {', '.join(sorted(unknown))}. "
            "Allowed: estimators of scikit-learn, LightGBM and XGBoost."
        )


def sha256(file: Path) -> str:
    """Digest of a file's bytes."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python and of those of the packages that are installed here."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def git_state(folder: Path) -> dict[str, Any]:
    """Give the commit that a folder is at and whether files differ from it; empty without git."""
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], cwd=folder, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"commit": commit.stdout.strip(), "changed": bool(changed.stdout.strip())}
