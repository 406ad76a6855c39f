import pytest


@pytest.fixture
def course_style():
    """Draw in the course's style, and leave Plotly as it was."""
    import plotly.io as pio

    from course_lib.figures import use_course_style

    template, renderer = pio.templates.default, pio.renderers.default
    use_course_style()
    yield
    pio.templates.default, pio.renderers.default = template, renderer
