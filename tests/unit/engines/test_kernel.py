"""The kernel ends quietly, and hears an interrupt while a cell runs."""

import os
import subprocess
import sys

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from course_lib.command import settings

# A machine on which the kernel is interrupted between its last answer and the end of that request.
SLOW = """
import time
session = get_ipython().kernel.session
send = session.send
def slow(stream, message, *args, **words):
    sent = send(stream, message, *args, **words)
    if message == "kernel_info_reply":
        time.sleep(1)
    return sent
session.send = slow
"""


@pytest.mark.parametrize(
    ("kernel_class", "said"),
    [("course_lib.engines.kernel.Kernel", 0), ("ipykernel.ipkernel.IPythonKernel", 1)],
    ids=["ours is silent", "IPython's own is not"],
)
def test_a_run_that_succeeds_does_not_end_in_an_error_message(kernel_class, said, tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SLOW)])
    nbformat.write(book, tmp_path / "n.ipynb")
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text(f"c.IPKernelApp.kernel_class = '{kernel_class}'")
    command = [sys.executable, "-m", "papermill", "n.ipynb", "out.ipynb", "-k", "python3", "--no-progress-bar"]
    own = os.environ | {"IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.count("KeyboardInterrupt caught in kernel") == said


def test_set_up_makes_it_the_kernel_of_the_environment(tmp_path):
    """IPython reads its settings in the folder of the Python that runs."""
    settings.write(tmp_path)
    show = (
        "from ipykernel.kernelapp import IPKernelApp; app = IPKernelApp(); app.init_profile_dir(); "
        "app.init_config_files(); app.load_config_file(); print(app.config)"
    )
    code = f"import sys; sys.prefix = {str(tmp_path)!r}; {show}"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "course_lib.engines.kernel.Kernel" in shown


def test_a_running_cell_hears_an_interrupt():
    manager, client = start_new_kernel(
        kernel_name="python3", extra_arguments=["--IPKernelApp.kernel_class=course_lib.engines.kernel.Kernel"]
    )
    try:
        message = client.execute("import time; print('begun'); time.sleep(60)")
        while client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
            pass
        manager.interrupt_kernel()
        while (reply := client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != message:
            pass  # answers to what was asked while the kernel started
        assert reply["content"]["ename"] == "KeyboardInterrupt"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
