"""Where the Spark UI is said to be."""

import pytest

from course_lib.engines.spark_page import link_to

OF_A_LAB = ("JUPYTER_SERVER_URL", "JUPYTERHUB_SERVICE_PREFIX", "JPY_SESSION_NAME")


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://127.0.0.1:4041/jobs/"),
        ({"JPY_SESSION_NAME": "notebooks/09_spark.ipynb"}, "/proxy/4041/jobs/"),
        ({"JPY_SESSION_NAME": "x", "JUPYTERHUB_SERVICE_PREFIX": "/user/you/"}, "/user/you/proxy/4041/jobs/"),
        ({"JUPYTER_SERVER_URL": "http://localhost:8888/lab/"}, "http://localhost:8888/lab/proxy/4041/jobs/"),
    ],
    ids=["no lab", "kernel of a lab", "on Binder", "terminal of a lab"],
)
def test_the_link_leads_behind_the_lab_where_there_is_one(monkeypatch, variables, url):
    for name in OF_A_LAB:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    link = link_to(4041, "jobs")
    assert link.url == url
    assert f'href="{url}"' in link._repr_html_()
