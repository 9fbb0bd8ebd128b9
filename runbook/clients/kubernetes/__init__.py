"""The one doorway to the Kubernetes API. Reading only: the two POSTs it sends are questions."""

from runbook.clients.kubernetes.client import KubeClient, connect
from runbook.clients.kubernetes.listing import Listing
from runbook.clients.kubernetes.serverclock import ServerClock
from runbook.clients.kubernetes.watching import WatchEvent

__all__ = ["KubeClient", "Listing", "ServerClock", "WatchEvent", "connect"]
