"""The one exception that a person is meant to read."""


class CourseError(Exception):
    """A mistake that the person can mend: what was wrong, what is allowed, what to do, in one line.

    A notebook shows the line alone, without a traceback; the command line prints it and exits with 1.
    """

    def _render_traceback_(self) -> list[str]:  # IPython asks for this instead of formatting a traceback
        return [str(self)]
