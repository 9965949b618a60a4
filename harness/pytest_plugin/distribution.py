"""xdist: one group a backend, a run on each worker, joined on the controller."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

from harness.pytest_plugin import files, options

if TYPE_CHECKING:
    from harness.pytest_plugin.items import CaseItem
    from harness.run.records import Run

ITEM = re.compile(rf"\[({'|'.join(options.BACKENDS)})\]$")
"""How the name of an item ends."""
OUTPUT = "gradharness"
"""The key below which a worker hands over its runs."""


def arguments(config: pytest.Config) -> list[str]:
    """Return the arguments that group items by backend; none where no other way is open.

    Items are grouped where they are distributed, no other way was asked for, and there are case files. The workers
    parse the same command line and come to the same answer.
    """
    given = config.known_args_namespace
    asked = getattr(given, "dist", "no") != "no" or getattr(given, "distload", False)
    if not getattr(given, "numprocesses", None) or asked:
        return []
    places = given.file_or_dir or config.getini("testpaths") or ["."]
    return ["--dist=loadgroup"] if files.any_case_file(places, config) else []


def scheduler(config: pytest.Config, log: Any) -> Any:
    """Return xdist's scheduler of groups, for which the items of a backend are one.

    A group is read off the node id, not marked on the item: what the mark adds to the id, pytest 9.2 drops.
    """
    from xdist.scheduler import LoadGroupScheduling

    class ByBackend(LoadGroupScheduling):  # type: ignore[misc]  # xdist is not a dependency, so not typed
        def _split_scope(self, nodeid: str) -> str:
            return backend(nodeid, config) or str(super()._split_scope(nodeid))

    return ByBackend(config, log)


def backend(nodeid: str, config: pytest.Config) -> str:
    """Return the backend of a case's item, "" for any other item."""
    file, _, name = nodeid.partition("::")
    found = ITEM.search(name)
    return found[1] if found and files.is_case_file(config.rootpath / file, config) else ""


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process is a worker of xdist."""
    return hasattr(config, "workerinput")


def one_by_one(config: pytest.Config) -> bool:
    """Return whether a worker does not know which items it will get: they are not grouped by backend."""
    return is_worker(config) and not getattr(config.option, "loadgroup", False)


def batch(item: CaseItem) -> str:
    """Return the key of the items that are run together: all, on a worker those of a backend, or the item alone."""
    if one_by_one(item.config):
        return item.nodeid
    return item.backend if is_worker(item.config) else ""


def deliver(config: pytest.Config, runs: Iterable[Run]) -> None:
    """Hand the worker's runs over to the controller."""
    from harness.run.store import dumps

    output: dict[str, Any] = config.workeroutput  # type: ignore[attr-defined]  # xdist sets it on workers
    output[OUTPUT] = [dumps(run) for run in runs]


def delivered(node: Any) -> list[Run]:
    """Return the runs that a worker handed over; none where it died."""
    from harness.run.store import loads

    return [loads(raw) for raw in getattr(node, "workeroutput", {}).get(OUTPUT, ())]
