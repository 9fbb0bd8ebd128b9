"""Logs, events and soak: “nothing” counts only with a measurement behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runbook.domain.probes import LogGroup, LogWindow, SoakReset, SoakWindow

SINCE = timedelta(minutes=15)


class TestLogs:
    def window(self, worlds: Any, lines: int = 100, error: str = "") -> LogWindow:
        return LogWindow("flux-system", "helm-controller-1", lines, worlds.now - SINCE, worlds.now, error)

    def group(self, level: str, message: str = "Reconciler error") -> LogGroup:
        return LogGroup("flux-system", "helm-controller-1", level, message, 3, sample=message)

    @pytest.mark.parametrize(("level", "result"), [("error", "fail"), ("warning", "warn")])
    def test_lines_of_a_level(self, worlds: Any, results: Any, level: str, result: str) -> None:
        assert results("controller-logs", worlds.snapshot(self.window(worlds), self.group(level))) == [result]

    def test_no_error_counts_only_when_the_log_was_read(self, worlds: Any, results: Any) -> None:
        empty = ["LogGroup", "LogWindow"]
        assert results("controller-logs", worlds.snapshot(self.window(worlds), empty=empty)) == ["pass"]
        assert results("controller-logs", worlds.snapshot(self.window(worlds, error="403"), empty=empty)) == ["error"]
        assert results("controller-logs", worlds.snapshot(empty=empty)) == ["error"]
        assert results("controller-logs", worlds.snapshot(gaps=empty)) == ["error"]

    @pytest.mark.parametrize(("older", "result"), [(True, "pass"), (False, "error")])
    def test_a_quiet_log_has_a_line_from_before_the_window(
        self, worlds: Any, results: Any, older: bool, result: str
    ) -> None:
        window = LogWindow("flux-system", "helm-controller-1", 0, worlds.now - SINCE, worlds.now, older=older)
        assert results("controller-logs", worlds.snapshot(window, empty=["LogGroup"])) == [result]

    def test_a_line_that_is_known_to_mean_nothing_is_not_counted(self, worlds: Any, results: Any) -> None:
        inventory = worlds.inventory(logs={"namespaces": ["flux-system"], "allow": ["^Reconciler"]})
        assert results("controller-logs", worlds.snapshot(self.window(worlds), self.group("error")), inventory) == [
            "pass"
        ]


class TestEvents:
    def event(self, worlds: Any, minutes: int, type_: str = "Warning") -> Any:
        when = (worlds.now - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = {"kind": "Pod", "namespace": "shop", "name": "p", "uid": "u"}
        return worlds.obj(
            "Event",
            f"e{minutes}{type_}",
            "shop",
            involvedObject=about,
            type=type_,
            reason="Failed",
            message="m",
            lastTimestamp=when,
        )

    def test_only_current_warnings_count(self, worlds: Any, results: Any) -> None:
        old, benign = self.event(worlds, 40), self.event(worlds, 1, "Normal")
        assert results("warning-events", worlds.snapshot(old, benign)) == ["pass"]
        assert results("warning-events", worlds.snapshot(old, benign, self.event(worlds, 2))) == ["fail"]

    def test_an_event_without_timestamps_does_not_stop_it(self, worlds: Any, results: Any) -> None:
        bare = worlds.obj(
            "Event",
            "bare",
            "shop",
            involvedObject={"kind": "Pod", "namespace": "shop", "name": "p"},
            type="Warning",
            message=None,
        )
        assert results("warning-events", worlds.snapshot(bare)) == ["pass"]

    def test_denied_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert results("warning-events", worlds.snapshot(gaps=["Event"])) == ["error"]


class TestSoak:
    @pytest.mark.parametrize(
        ("started", "quiet", "resets", "result"),
        [(True, 900.0, 0, "pass"), (True, 360.0, 1, "fail"), (False, 0.0, 0, "error")],
    )
    def test_measured_quiet(self, worlds: Any, started: bool, quiet: float, resets: int, result: str) -> None:
        window = SoakWindow(
            900.0, quiet, worlds.now - SINCE if started else None, worlds.now,
            tuple(SoakReset(worlds.now, "restarts 0 → 1", "Pod/shop/p") for _ in range(resets)),
            why_not="other things are red",
        )  # fmt: skip
        (found,) = worlds.ask("soak", worlds.snapshot(window))
        assert str(found.result) == result
        assert not resets or "restarts 0 → 1" in found.reason

    def test_no_measurement_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert results("soak", worlds.snapshot()) == ["error"]
        assert results("soak", worlds.snapshot(empty=["SoakWindow"])) == ["error"]
