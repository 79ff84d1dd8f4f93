"""The process that holds the local model; started by ``local_process.py`` as a file of its own.

A process of its own because of OpenMP: xllamacpp and LightGBM share one libgomp, which reads
``GOMP_SPINCOUNT`` once per process, and the two want different values of it. Reads one JSON line
from standard input: ``path``, ``key``, ``threads``, ``context`` (tokens) and ``parent`` (process
id); writes one, ``{"port": ...}`` or ``{"error": ...}``; lives until standard input is closed or
the parent is gone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import Any

_SECONDS_BETWEEN_LOOKS = 1.0


def main() -> None:
    """Serve until the parent has had enough."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us
    wanted = json.loads(sys.stdin.readline())
    try:
        server = serve(wanted)
    except RuntimeError as error:
        answer: dict[str, Any] = {"error": str(error)}
    else:
        answer = {"port": int(server.listening_address.rpartition(":")[2])}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    while "port" in answer and os.getppid() == wanted["parent"]:
        if select.select([sys.stdin], [], [], _SECONDS_BETWEEN_LOOKS)[0]:
            break
    os._exit(0)  # the server's threads need no farewell


def serve(wanted: dict[str, Any]) -> Any:
    """Load the model and listen on a free port of 127.0.0.1; whoever has no key gets a 401."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = wanted["path"]
    settings.api_keys = [wanted["key"]]
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.n_ctx = wanted["context"]
    settings.n_parallel = 1  # one slot: the next question finds the last one's prompt cached
    settings.n_threads_http = 2
    settings.cpuparams.n_threads = wanted["threads"]
    settings.cpuparams_batch.n_threads = wanted["threads"]
    settings.n_gpu_layers = 0
    settings.warmup = False  # with these two on, one load on a busy machine took minutes
    settings.fit_params = False
    settings.offline = True
    settings.ui = False
    settings.verbosity = -1
    return xllamacpp.Server(settings)


if __name__ == "__main__":
    main()
