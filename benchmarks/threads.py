"""One LightGBM fit with one and with two threads, on an idle and on a busy machine.

LightGBM's threads meet after every split. While they wait they spin, and on a machine whose cores
are taken by others each wait can cost a whole time slice. `make bench-threads` prints the times.
"""

import multiprocessing
import os
import subprocess
import sys
import time

ROWS = 24_000
FIT = f"""
import time, lightgbm, numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=({ROWS}, 20)); y = X[:, 0] + rng.normal(size={ROWS})
for threads in (1, 2):
    data = lightgbm.Dataset(X, y).construct()
    began = time.perf_counter()
    lightgbm.train({{"num_threads": threads, "verbose": -1}}, data, num_boost_round=100)
    print(f"  threads {{threads}}: {{time.perf_counter() - began:6.2f}} s")
"""


def spin(seconds: float) -> None:
    """Keep a core busy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def main() -> None:
    """Print a table of times."""
    for busy in (False, True):
        for spins in ("", "300"):
            load = [multiprocessing.Process(target=spin, args=(60,)) for _ in range(2 * busy)]
            for process in load:
                process.start()
            print(f"{'busy' if busy else 'idle'}, GOMP_SPINCOUNT={spins or 'unset'}", flush=True)
            environment = {**os.environ, **({"GOMP_SPINCOUNT": spins} if spins else {})}
            subprocess.run([sys.executable, "-c", FIT], env=environment, check=True)
            for process in load:
                process.terminate()


if __name__ == "__main__":
    main()
