"""What the notebook tests share."""

from pathlib import Path

import pytest

from course_lib.command.lessons import lessons


@pytest.fixture(params=lessons(), ids=lambda path: path.stem)
def lesson(request) -> Path:
    """Each lesson in turn."""
    return request.param
