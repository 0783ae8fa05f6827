"""One notebook in one process: ``python -m cjlab.report.worker``.

The first line on standard input is the job. Standard input then stays open as a leash: when it
closes, because the runner wants an end or has died, the kernel is killed and the worker leaves.
Progress goes to standard output as JSON lines; whatever else prints, goes to standard error.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any


class Leash:
    """Ends the kernel and this process when standard input closes."""

    kernel: int | None = None

    def __init__(self, temporary: str) -> None:
        self.temporary = temporary
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        with suppress(OSError, ValueError):
            while os.read(0, 4096):
                pass
        if self.kernel:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.kernel, signal.SIGKILL)
        shutil.rmtree(self.temporary, ignore_errors=True)
        os._exit(3)


def isolate(temporary: str) -> None:
    """Keep a user's Jupyter and IPython settings, and other kernels, out of the run."""
    root = Path(temporary)
    for variable, name in (
        ("JUPYTER_CONFIG_DIR", "config"),
        ("JUPYTER_DATA_DIR", "data"),
        ("JUPYTER_RUNTIME_DIR", "run"),
        ("IPYTHONDIR", "ipython"),
    ):
        (root / name).mkdir(mode=0o700)
        os.environ[variable] = str(root / name)
    kernel = root / "data" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "python3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    # This path is searched before all others, whatever environment is active.
    os.environ["JUPYTER_PATH"] = str(root / "data")
    os.environ["JUPYTER_NO_CONFIG"] = "1"


def engine(leash: Leash, events: IO[str], connection: Path) -> type:
    """Return a papermill engine that reports its kernel and each cell as it starts."""
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine
    from traitlets.config import Config

    def tell(**event: Any) -> None:
        with suppress(BrokenPipeError):
            print(json.dumps(event), file=events, flush=True)

    class Told(Engine):
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
            # Sockets in a private folder: no ports to race for, nothing others can reach.
            manager = {"transport": "ipc", "connection_file": str(connection)}
            client = PapermillNotebookClient(
                nb_man,
                kernel_name=kernel_name,
                startup_timeout=options["start_timeout"],
                shutdown_kernel="immediate",
                config=Config({"KernelManager": manager}),
            )

            def started(**_: Any) -> None:
                leash.kernel = client.km.provisioner.pid
                tell(event="kernel", pid=leash.kernel)

            client.on_notebook_start = started
            client.on_cell_execute = lambda cell, cell_index: tell(
                event="cell", cell=str(cell.get("id")), index=cell_index
            )
            return client.execute()

    return Told


def execute(job: dict[str, Any], temporary: str, leash: Leash, events: IO[str]) -> None:
    """Run the notebook with papermill; the executed notebook is the result, not our status."""
    import papermill
    from papermill.engines import papermill_engines

    papermill_engines.register("cjlab", engine(leash, events, Path(temporary, "run", "k.json")))
    # papermill fills {braces} in paths; relative names have none.
    os.chdir(job["folder"])
    papermill.execute_notebook(
        "prepared.ipynb",
        job["output"],
        parameters=job["parameters"],
        engine_name="cjlab",
        kernel_name="python3",
        language="python",
        progress_bar=False,
    )


def main() -> int:
    """Read the job, run it, and tell how it went."""
    # Unbuffered: the leash reads what follows from the same descriptor.
    with open(0, "rb", buffering=0, closefd=False) as orders:
        line = orders.readline()
    if not line.endswith(b"\n"):
        return 2
    job = json.loads(line)
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    temporary = tempfile.mkdtemp(prefix="cjlab-")
    leash = Leash(temporary)
    try:
        isolate(temporary)
        execute(job, temporary, leash, events)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
