"""Where the Spark UI of the running session is to be seen: in the lab behind the lab's own address."""

from html import escape
from urllib.parse import urlsplit

from course_lib.errors import CourseError
from course_lib.places import lab_address


class Link:
    """A link that a notebook shows as one, and a terminal as text.

    Attributes
    ----------
    url : str
        The address; behind a lab the part after the lab's host.
    """

    def __init__(self, title: str, url: str, direct: str):
        self.title, self.url, self.direct = title, url, direct

    def __repr__(self) -> str:
        return f"{self.title}: {self.url}"

    def _repr_html_(self) -> str:
        here, direct = (
            f'<a href="{escape(url, quote=True)}" target="_blank">{escape(url)}</a>' for url in (self.url, self.direct)
        )
        return f"{self.title}: {here}" + ("" if self.url == self.direct else f" (on your own machine also {direct})")


def ui_link(spark, page: str = "jobs") -> Link:
    """Link to the Spark UI of a session.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession
        A classic session.
    page : str
        ``"jobs"``, ``"stages"``, ``"SQL"``, ``"storage"`` or ``"executors"``.

    Returns
    -------
    Link
        Through the lab's proxy where this Python is a kernel of a lab (on Binder too), else to this machine's loopback.

    Raises
    ------
    CourseError
        Where the session has no UI that can be reached from here.
    """
    address = spark.sparkContext.uiWebUrl if hasattr(spark, "_jvm") else None
    if address is None:
        raise CourseError(
            "This session has no Spark UI here: Spark Connect keeps it on the server, and spark.ui.enabled=false turns "
            "it off. Take a session on this machine or on a cluster, with its UI on."
        )
    return link_to(urlsplit(address).port, page)


def link_to(port: int, page: str) -> Link:
    """Link to a page of the Spark UI at a port of this machine; see `ui_link`."""
    direct = f"http://127.0.0.1:{port}/{page}/"
    lab = lab_address()
    return Link("The Spark UI", f"{lab}proxy/{port}/{page}/" if lab else direct, direct)
