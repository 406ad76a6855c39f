"""Every lesson once more, with other parameters than the ones it was written with."""

from lesson_runs import SECOND_PARAMETERS, run_lesson


def test_lesson_holds_under_other_parameters(lesson, tmp_path):
    run_lesson(lesson, tmp_path / lesson.name, SECOND_PARAMETERS[lesson.stem].items())
