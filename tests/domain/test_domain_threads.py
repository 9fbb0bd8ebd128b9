"""Objects are decoded by several threads at once, also the first of a kind: msgspec alone ends the process at that."""

from __future__ import annotations

import subprocess
import sys

TIMES = 16  # without the lock two of five processes end with a segmentation fault
AT_ONCE = """
import threading
from runbook.domain.kinds import decode
raw = b'{"metadata": {"name": "a", "namespace": "b"}, "spec": {"containers": []}, "status": {}}'
start, names = threading.Barrier(8), []
def work():
    start.wait()
    names.append(decode("Pod", raw).metadata.name)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert names == ["a"] * 8, names
"""


def test_the_first_of_a_kind_may_be_read_by_several_at_once() -> None:
    for _ in range(TIMES):
        argv = [sys.executable, "-X", "faulthandler", "-c", AT_ONCE]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr[-1500:]
