"""How far a sweep is: a line in the terminal or under the notebook's cell, while it runs."""

import contextlib
import html
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from course_lib.progress import notebook_shell

_REFRESH_SECONDS = 0.5


@dataclass
class Progress:
    """How far a sweep is; given to `watch` a few times a second.

    Attributes
    ----------
    points, done, failed, running : int
        How many there are, have been done, have failed, are under way.
    seconds : float
        Since the sweep began.
    """

    points: int
    done: int = 0
    failed: int = 0
    running: int = 0
    seconds: float = 0.0


@contextlib.contextmanager
def show_progress(total: Progress) -> Iterator[Callable[[Progress], None]]:
    """Show a line that tells how far a sweep is, in a terminal or a notebook.

    Parameters
    ----------
    total : Progress
        Where it begins; kept up to date by the sweep.

    Yields
    ------
    callable
        To be called with the `Progress` now and then.
    """
    with _in_notebook(total) if notebook_shell() else _in_terminal(total) as show:
        yield show


@contextlib.contextmanager
def _in_terminal(total: Progress) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda progress: None
        return
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Bar(*columns, TimeRemainingColumn(), console=console, refresh_per_second=4) as bar:
        task = bar.add_task("starting", total=total.points, completed=total.done)

        def show(progress: Progress) -> None:
            failed = f", [red]{progress.failed} failed[/]" if progress.failed else ""
            bar.update(
                task, completed=progress.done + progress.failed, description=f"{progress.running} running{failed}"
            )

        yield show


@contextlib.contextmanager
def _in_notebook(total: Progress) -> Iterator[Callable[[Progress], None]]:
    from IPython.display import display

    there = total.done
    line = display(_line(total, there, True), raw=True, display_id=True)
    last = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= _REFRESH_SECONDS:
            last = time.monotonic()
            line.update(_line(progress, there, True), raw=True)

    try:
        yield show
    finally:
        line.update(_line(total, there, False), raw=True)


def _line(progress: Progress, there: int, at_work: bool) -> dict[str, str]:
    """Say how far a sweep is; `there` runs had been done before it began."""
    text = f"{progress.done} of {progress.points} runs done"
    text += f", {progress.failed} failed" if progress.failed else ""
    if not at_work:  # no seconds: the same sweep leaves the same line
        return {"text/plain": text, "text/html": html.escape(text)}
    ran = progress.done + progress.failed - there
    text += f", {progress.running} running, {progress.seconds:.0f} s"
    if ran > 1:
        left = (progress.points - there - ran) * progress.seconds / ran
        text += f", some {left:.0f} s to go"
    bar = f'<progress value="{there + ran}" max="{progress.points}" aria-label="Runs of the sweep"></progress>'
    return {"text/plain": text, "text/html": f"<div>{bar} {html.escape(text)}</div>"}
