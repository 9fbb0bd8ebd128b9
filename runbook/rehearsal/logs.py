"""Container logs: tail, since, timestamps, previous and follow over lines that somebody else provides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from runbook.rehearsal.apierrors import bad_request, not_allowed
from runbook.rehearsal.jsonpath import get
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.messages import Request, Response
from runbook.rehearsal.store import Store

Line = tuple[datetime, str]  # aware UTC, text without its newline
LogSource = Callable[[Object, str, bool], Sequence[Line]]  # pod, container, previous instance -> all its lines so far
TEXT = "text/plain"
POLL_SECONDS = 0.2
PULL_WORDS = {
    "ImagePullBackOff": "trying and failing to pull image",
    "ErrImagePull": "image can't be pulled",
}


def no_logs(_pod: Object, _container: str, _previous: bool) -> Sequence[Line]:
    """The source of a cluster whose containers say nothing."""
    return ()


def pod_log(store: Store, source: LogSource, request: Request, pod: Object) -> Response:
    """Answer GET pods/log. Raises ApiError 400 in the kubelet's words, 405 on other methods."""
    if request.method != "GET":
        raise not_allowed()
    container = _container(pod, request.query.get("container", ""))
    previous = request.flag("previous")
    _check_state(pod, container, previous)
    lines = source(pod, container, previous)
    shown = _select(request, lines, store.clock.now())
    if not request.flag("follow") or previous:
        return Response(200, _text(request, shown), TEXT)
    followed = _follow(
        store,
        source,
        request,
        uid=pod["metadata"]["uid"],
        container=container,
        first=_text(request, shown),
        seen=len(lines),
    )
    return Response(200, followed, TEXT)


def _container(pod: Object, wanted: str) -> str:
    """The container meant. A pod with several needs a name."""
    name, spec = pod["metadata"]["name"], pod.get("spec") or {}
    regular = [c["name"] for c in spec.get("containers") or ()]
    inits = [c["name"] for c in spec.get("initContainers") or ()]
    if wanted:
        if wanted not in regular + inits:
            raise bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(regular) == 1:
        return str(regular[0])
    choices = f"[{' '.join(regular)}]" + (f" or one of the init containers: [{' '.join(inits)}]" if inits else "")
    raise bad_request(f"a container name must be specified for pod {name}, choose one of: {choices}")


def _check_state(pod: Object, container: str, previous: bool) -> None:
    """Refuse what has never run, as the kubelet does [kk:pkg/kubelet/kubelet_pods.go validateContainerLogStatus]."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    known = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    state: dict[str, Any] = next((c for c in known if c["name"] == container), {})
    last = get(state, "lastState.terminated")
    if previous:
        if not last:
            raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        return
    reason = get(state, "state.waiting.reason", "")
    if get(state, "state.waiting") is not None and not last:
        raise bad_request(
            f'container "{container}" in pod "{name}" is waiting to start: {PULL_WORDS.get(reason, reason)}'
        )
    if not state and not get(pod, "spec.nodeName"):
        raise bad_request(f"pod {name} does not have a host assigned")


def _select(request: Request, lines: Sequence[Line], now: datetime) -> Sequence[Line]:
    """sinceSeconds or sinceTime, then tailLines."""
    seconds, since, tail = request.number("sinceSeconds"), request.query.get("sinceTime"), request.number("tailLines")
    if seconds is not None and since:
        raise bad_request("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if (seconds is not None and seconds < 1) or (tail is not None and tail < 0):
        raise bad_request("sinceSeconds must be greater than 0, tailLines not less than 0")
    try:
        start = now - timedelta(seconds=seconds) if seconds else datetime.fromisoformat(since) if since else None
    except ValueError as error:
        raise bad_request(f"sinceTime: {error}") from error
    chosen = [line for line in lines if start is None or line[0] >= start]
    return chosen if tail is None else chosen[len(chosen) - min(tail, len(chosen)) :]


def _text(request: Request, lines: Iterable[Line]) -> bytes:
    stamped = request.flag("timestamps")
    return "".join(f"{_stamp(when)} {text}\n" if stamped else f"{text}\n" for when, text in lines).encode()


def _stamp(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


async def _follow(
    store: Store, source: LogSource, request: Request, *, uid: str, container: str, first: bytes, seen: int
) -> AsyncGenerator[bytes, None]:
    """New lines until the pod is gone, is another, or its container has stopped."""
    yield first
    while (current := store.by_uid(uid)) is not None:
        lines = source(current, container, False)
        if len(lines) > seen:
            yield _text(request, lines[seen:])
            seen = len(lines)
        elif _stopped(current, container):
            return
        await asyncio.sleep(POLL_SECONDS)


def _stopped(pod: Object, container: str) -> bool:
    status = pod.get("status") or {}
    known = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return any(c["name"] == container and get(c, "state.terminated") is not None for c in known)
