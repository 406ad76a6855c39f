"""Run one notebook headless: the executed notebook and its page, or one line that says why not."""

from pathlib import Path

from course_lib.errors import CourseError, failed_cell


def run_notebook(notebook: Path, output: Path, parameters: dict[str, object]) -> Path:
    """Execute a notebook with papermill and export it as one HTML page.

    Parameters
    ----------
    notebook : Path
        The notebook; its cells run in its own folder.
    output : Path
        Folder for ``<name>.ipynb`` and ``<name>.html``, made if it is missing. Both are written beside and renamed,
        so a run that is stopped leaves the last good ones.
    parameters : dict
        Values by parameter name; text is converted by the notebook's own declaration.

    Returns
    -------
    Path
        The HTML page.

    Raises
    ------
    CourseError
        If a cell fails: the last line of its error, and where the notebook is that shows the rest.
    """
    import papermill

    from course_lib.pages import export_html

    output.mkdir(parents=True, exist_ok=True)
    executed, page = output / notebook.name, output / f"{notebook.stem}.html"
    beside = output / f".{notebook.name}.part.ipynb"
    options = {"kernel_name": "python3", "cwd": notebook.parent, "progress_bar": True}
    try:
        papermill.execute_notebook(notebook, beside, parameters, autosave_cell_every=60, **options)
        beside.replace(executed)
    except papermill.PapermillExecutionError as error:
        failed = output / f"{notebook.stem}.failed.ipynb"
        beside.replace(failed)
        raise CourseError(f"{failed_cell(error)} (see {failed})") from error
    finally:
        beside.unlink(missing_ok=True)
    part = page.with_suffix(".part")
    export_html(executed, part)
    part.replace(page)
    return page
