"""Before anything is touched: another name, another cluster, an old plan, an edited inventory, another operator."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from acting_pair import Pair, events

from runbook.errors import ClusterIdentityError, LockedError, ParameterError, RunFolderError
from runbook.stage import applying


@pytest.fixture(autouse=True)
def _untouched(still: Pair) -> Any:
    before = [w for w in still.writes() if w["resource"] != "leases"]
    yield
    assert [w for w in still.writes() if w["resource"] != "leases"] == before
    assert not (still.cluster.state / "nodes/pair-1/etc/docker/certs.d").exists()


def refused_at_begin(still: Pair, kind: type[Exception], match: str, **given: str) -> None:
    runs = list(still.outputs.glob("*")) if still.outputs.exists() else []
    with pytest.raises(kind, match=match) as caught:
        still.begin("registry-trust", **given)
    assert getattr(caught.value, "exit_code", 0) == 2
    assert (list(still.outputs.glob("*")) if still.outputs.exists() else []) == runs


def test_the_name_of_another_cluster(still: Pair) -> None:
    refused_at_begin(still, ParameterError, "is not the inventory's cluster", confirm="production")


def test_no_name_at_all(still: Pair) -> None:
    refused_at_begin(still, ParameterError, "must be typed", confirm="")


def edited(still: Pair, change: Callable[[Any], None], check: Callable[[], None]) -> None:
    before = still.inventory.read_text()
    still.edit(change)
    try:
        check()
    finally:
        still.inventory.write_text(before)


def test_an_inventory_that_pins_no_cluster(still: Pair) -> None:
    edited(
        still,
        lambda data: data["cluster"].pop("uid"),
        lambda: refused_at_begin(still, ParameterError, "pins no UID"),
    )


def test_another_cluster_than_the_pinned_one(still: Pair) -> None:
    edited(
        still,
        lambda data: data["cluster"].__setitem__("uid", "99999999-1111-4222-8333-444444444444"),
        lambda: refused_at_begin(still, ClusterIdentityError, "another cluster"),
    )


def test_a_cluster_that_was_rebuilt_between_plan_and_apply(still: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = still.begin("registry-trust")
    stage.plan()
    real = stage.setting.reached.client.identify()  # type: ignore[union-attr]
    monkeypatch.setattr(
        "runbook.clients.kubernetes.KubeClient.identify",
        lambda _self: type(real)(real.server, real.version, "another-uid", real.user, real.ready, ""),
    )
    with pytest.raises(ClusterIdentityError, match="another cluster now"):
        stage.apply()


def test_a_plan_that_is_too_old(still: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = still.begin("registry-trust")
    stage.plan()
    late = time.monotonic() + applying.PLAN_LIVES + 60
    monkeypatch.setattr(applying.time, "monotonic", lambda: late)
    with pytest.raises(ParameterError, match="the plan is 16 min old"):
        stage.apply()
    assert not any(e.startswith("intended A") for e in events(stage))


def test_an_inventory_edited_between_plan_and_apply(still: Pair) -> None:
    stage = still.begin("registry-trust")
    stage.plan()

    def check() -> None:
        with pytest.raises(ParameterError, match="was edited since this stage began"):
            stage.apply()

    edited(still, lambda data: data.__setitem__("soak", "31s"), check)


def test_an_inventory_edited_during_the_run_must_be_said(still: Pair) -> None:
    stage = still.begin("registry-trust", mode="plan", confirm="")
    run = str(stage.setting.run.path)
    edited(
        still,
        lambda data: data.__setitem__("soak", "31s"),
        lambda: refused_at_begin(still, RunFolderError, "was edited since", run=run),
    )


class TestTwoOperators:
    def test_the_second_is_refused_and_told_who_until_the_first_lets_go(self, still: Pair) -> None:
        first = still.begin("registry-trust")
        hands = applying._hands(first.setting, "plan", time.monotonic())
        lease = applying._lease(first.setting, hands)
        assert lease is not None
        lease.take()
        refused_at_begin(still, LockedError, r"root@.* acts on this cluster now, renewed .*, held until")
        assert [e for e in events(first) if e.startswith("done take Lease")]
        lease.give_back()
        still.begin("registry-trust")

    def test_a_lease_that_ran_out_keeps_nobody_away(self, still: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        first = still.begin("registry-trust")
        hands = applying._hands(first.setting, "plan", time.monotonic())
        lease = applying._lease(first.setting, hands)
        assert lease is not None
        lease.seconds = 1
        lease.take()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                still.begin("registry-trust")
                break
            except LockedError:
                time.sleep(0.05)
        else:
            pytest.fail("a lease of one second was held for ten")

    def test_without_permission_for_leases_it_says_so_and_a_flag_overrides(
        self, still: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from runbook.errors import DeniedError

        def denied(self: object, kind: str, *_rest: object) -> bytes:
            raise DeniedError(f"{kind}", "403 leases is forbidden")

        monkeypatch.setattr("runbook.clients.kubernetes.KubeClient.get", denied)
        refused_at_begin(still, LockedError, "whether another operator acts cannot be read")
        still.begin("registry-trust", without_lease="yes")
