"""What JupyterLab is told about the environment holds in any folder."""

import json

from jupyterlab_server.config import get_federated_extensions

from course_lib.command import settings


def test_the_lab_finds_its_extensions_in_a_folder_with_brackets(tmp_path):
    extension = tmp_path / "ml [x] (1)" / "share" / "jupyter" / "labextensions" / "figures"
    extension.mkdir(parents=True)
    about = {"name": "figures", "version": "1", "jupyterlab": {"_build": {"load": "static/remoteEntry.js"}}}
    (extension / "package.json").write_text(json.dumps(about))
    assert list(get_federated_extensions([settings.extensions_of(tmp_path / "ml [x] (1)")])) == ["figures"]
