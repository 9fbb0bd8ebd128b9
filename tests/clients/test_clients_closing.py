"""A client that is closed while its watches still wait: what is written next is written whole."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from queue import Queue

from apiserver import kubeconfig, line, pod, running

from runbook.clients.kubernetes import WatchEvent, connect
from runbook.errors import ObservationError


def test_files_opened_next_hold_nothing_of_a_watch_that_was_left_waiting(tmp_path: Path) -> None:
    """OpenSSL wrote the alert of a watch into a run.json that had got the connection's descriptor."""
    heard: Queue[WatchEvent] = Queue()
    over = threading.Event()
    with running(tmp_path) as api:
        api.watches = [[line("ADDED", pod("a", 101)), 0.5, line("ADDED", pod("b", 102))]]
        client = connect(kubeconfig=str(kubeconfig(tmp_path, api.server)), timeout=1.0)
        version = client.list("Pod").resource_version

        def follow() -> None:
            try:
                for event in client.watch("Pod", version, until=over.is_set, silence=3.0):
                    heard.put(event)
            except ObservationError:
                return  # as the soak's own watches do

        reader = threading.Thread(target=follow)
        reader.start()
        heard.get(timeout=5)
        time.sleep(0.1)  # it waits for the next line now
        over.set()
        client.close()
        files = [(tmp_path / f"record-{number}").open("w+b", buffering=0) for number in range(50)]
        for file in files:
            file.write(b"whole")
        reader.join(timeout=10)
        assert not reader.is_alive()
        for file in files:
            file.close()
    assert {(tmp_path / f"record-{number}").read_bytes() for number in range(50)} == {b"whole"}
