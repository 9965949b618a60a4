"""The pytest plugin: an item is a case on a backend, its cells are subtests.

Nothing of the harness is imported before a case file is collected or an option asks for it.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from harness.pytest_plugin import distribution, ending, files, options
from harness.pytest_plugin.items import CaseFile, CaseItem
from harness.pytest_plugin.state import STATE, State
from harness.pytest_plugin.subtests import subtest


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    args[:] = [*distribution.arguments(early_config), *args]


def pytest_configure(config: pytest.Config) -> None:
    options.register_markers(config)
    options.check(config)
    config.stash[STATE] = State()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect a case file as one; as a file of tests too only where pytest would have found it by its name."""
    found = yield
    if not files.is_case_file(file_path, parent.config):
        return found
    tests = found if files.is_named_as_tests(file_path, parent.config) else []
    if files.is_asked_for(file_path, parent.config):
        parent.config.stash[STATE].found[file_path] = None
    return [*tests, CaseFile.from_parent(parent, path=file_path)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report the cells as subtests before their item, which is skipped where its case stands."""
    report = yield
    if isinstance(item, CaseItem) and call.when == "call":
        for cell in item.judged:
            item.ihook.pytest_runtest_logreport(report=subtest(item, call, cell))
        if isinstance(report.longrepr, tuple):
            report.longrepr = item.skipped(report.longrepr[2])
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return the scheduler that keeps a backend on its worker, where groups are kept at all."""
    return distribution.scheduler(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a worker of xdist measured."""
    node.config.stash[STATE].delivered += distribution.delivered(node)


def pytest_sessionfinish(session: pytest.Session) -> None:
    state = session.config.stash[STATE]
    state.close()
    if distribution.is_worker(session.config):
        distribution.deliver(session.config, state.runs())
        return
    wrong = ending.finish(session.config, state)
    if wrong and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    said = config.stash[STATE].said
    if said:
        terminalreporter.ensure_newline()
        terminalreporter.section("gradient agreement")
        for line in said:
            terminalreporter.write_line(line)
