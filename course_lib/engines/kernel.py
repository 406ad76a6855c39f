"""The notebook kernel of this environment: IPython's, without an error message at the end of a run that succeeded.

`course setup` names it in the environment's configuration of IPython, so that JupyterLab, papermill and nbval start it.
"""

import signal
import threading

from ipykernel.ipkernel import IPythonKernel


class Kernel(IPythonKernel):
    """IPython's kernel, deaf to an interrupt once it has said what kernel it is.

    Whoever ends a kernel interrupts it first, in case a cell still runs. papermill ends it as soon as it has the answer
    to its last question, which kernel this is; and an interrupt that arrives before the question is put away was
    printed as an error, "KeyboardInterrupt caught in kernel", at the end of a run that succeeded.
    """

    async def kernel_info_request(self, stream, ident, parent) -> None:
        """Answer as ever; ipykernel restores the signal's handler after each request."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        await super().kernel_info_request(stream, ident, parent)
