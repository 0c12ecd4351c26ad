"""Running tests against mutants: in a process that has everything loaded, forked for each mutant.

A run of its own for each mutant would spend its time on imports and on databases that tests begin with. So pytest runs once
with all tests of a group, notes which test passes which line, sees that they pass a second time in a forked process, and then
forks for each mutant: the child exchanges the code of the one function that differs, and runs the tests that pass the mutant's
statement, the quickest first, until one fails. A mutant outside of functions (a figure of a policy, a table) needs its module
imported anew, in a process into which nothing of the product was imported.

Belongs here: how tests meet a mutant. Does not belong here: which mutants and tests there are (``groups``, ``making``).
"""

from __future__ import annotations

import contextlib
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import coverage
import hypothesis
import pytest
from _pytest.runner import runtestprotocol

from list_pipeline_tests.mutants.making import Mutant

MARKERS = "not live and not bench and not long"
"""Tests of `make test`: a guard that only a long rehearsal notices is no guard."""

_LEAST_SECONDS = 30.0
_AS_LONG_AS = 10.0
"""A mutant may take so many times as long as its tests take without it, and ``_LEAST_SECONDS``; then it counts as noticed."""


_NO_MUTANT = -1


class Fate(IntEnum):
    """What became of a mutant; the numbers are exit codes of the processes that tell it."""

    SURVIVED = 0
    KILLED = 1
    NEEDS_IMPORT = 5
    TIMED_OUT = 6
    NOT_REACHED = 7
    """No test of the group passes its statement."""


class TestsFailError(Exception):
    """A group's tests fail without any mutant, so they tell nothing."""


@dataclass(frozen=True, slots=True)
class _Child:
    number: int
    until: float


def run_group(
    root: Path, mutants: Sequence[Mutant], tests: Sequence[str], jobs: int, told: Callable[[int, Fate], None]
) -> None:
    """Run the tests of a group against its mutants, and tell the fate of each, by its place.

    Raises:
        TestsFailError: the tests fail without any mutant, the first time or when they are repeated.
    """
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        with _quietly():
            status = pytest.main(_arguments(tests), plugins=[_Warm(root, mutants, jobs, writing)])
        os._exit(int(status))
    os.close(writing)
    again, failed = [], False
    with os.fdopen(reading) as lines:
        for line in lines:
            number, fate = (int(part) for part in line.split())
            if number == _NO_MUTANT:
                failed = True
            elif fate == Fate.NEEDS_IMPORT:
                again.append(number)
            else:
                told(number, Fate(fate))
    _, status = os.waitpid(process, 0)
    if failed:
        raise TestsFailError("the tests fail without any mutant when they are run a second time in the same process")
    if os.waitstatus_to_exitcode(status) != 0:
        raise TestsFailError("the tests fail, or cannot be run, without any mutant: run them with pytest")
    _side_by_side(again, jobs, lambda number: lambda: _cold(root, mutants[number], tests), lambda _: 600.0, told)


def _arguments(tests: Sequence[str]) -> list[str]:
    return ["-q", "-p", "no:cacheprovider", "-p", "no:cov", "--tb=no", "-m", MARKERS, "--hypothesis-seed=0", *tests]


class _Plainly:
    """Properties try the same examples each time, and do not look for the smallest one that fails."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile(
            "mutants", hypothesis.settings(), phases=phases, database=None, derandomize=True
        )
        hypothesis.settings.load_profile("mutants")


class _Warm(_Plainly):
    """A run of pytest that runs every test once, and then the tests of each mutant in a forked process."""

    def __init__(self, root: Path, mutants: Sequence[Mutant], jobs: int, tells: int) -> None:
        self._root, self._mutants, self._jobs, self._tells = root, mutants, jobs, tells
        self._seconds: dict[str, float] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("some tests cannot be collected")
        passes = self._run_once(session.items)
        if session.testsfailed:
            return True
        by_name = {item.nodeid: item for item in session.items}
        gc.collect()
        gc.freeze()
        repeated: list[Fate] = []
        seconds = _AS_LONG_AS * sum(self._seconds.values())
        _side_by_side(
            [0], 1, lambda _: lambda: _outcome(session.items), lambda _: seconds, lambda _, fate: repeated.append(fate)
        )
        if repeated != [Fate.SURVIVED]:
            self._tell(_NO_MUTANT, Fate.KILLED)
            return True
        chosen = {n: self._tests_of(mutant, passes, by_name) for n, mutant in enumerate(self._mutants)}
        for number, items in chosen.items():
            if not items and self._mutants[number].is_inside:
                self._tell(number, Fate.NOT_REACHED)
            elif not items:
                self._tell(number, Fate.NEEDS_IMPORT)
        _side_by_side(
            [number for number, items in chosen.items() if items],
            self._jobs,
            lambda number: lambda: _fate(self._mutants[number], chosen[number]),
            lambda number: _AS_LONG_AS * sum(self._seconds[item.nodeid] for item in chosen[number]),
            self._tell,
        )
        return True

    def _run_once(self, items: Sequence[pytest.Item]) -> Mapping[str, Mapping[int, Sequence[str]]]:
        """Run every test, and return for each module which tests pass each of its lines.

        The last test is run as if others followed, so that what is set up once for all tests stays for the forked processes.
        """
        # The measurement that Python 3.14 brings cannot tell tests apart.
        os.environ.setdefault("COVERAGE_CORE", "ctrace")
        files = {mutant.module: str(self._root / mutant.module) for mutant in self._mutants}
        measure = coverage.Coverage(data_file=None, config_file=False, include=sorted(files.values()))
        measure.start()
        for item, following in _with_following(items):
            measure.switch_context(item.nodeid)
            began = time.monotonic()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            self._seconds[item.nodeid] = time.monotonic() - began
            if item.session.testsfailed:
                break
        measure.stop()
        return {module: measure.get_data().contexts_by_lineno(file) for module, file in files.items()}

    def _tests_of(
        self, mutant: Mutant, passes: Mapping[str, Mapping[int, Sequence[str]]], by_name: Mapping[str, pytest.Item]
    ) -> list[pytest.Item]:
        if not mutant.is_inside:
            return []
        names = {name for line in mutant.lines for name in passes[mutant.module].get(line, ()) if name}
        return sorted((by_name[name] for name in names), key=lambda item: (self._seconds[item.nodeid], item.nodeid))

    def _tell(self, number: int, fate: Fate) -> None:
        os.write(self._tells, f"{number} {int(fate)}\n".encode())


def _with_following(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, Any]]:
    """Each test with the one after it; after the last comes the session, which nothing of the session is taken down for."""
    return zip(items, [*items[1:], items[0].session], strict=True)


def _fate(mutant: Mutant, items: Sequence[pytest.Item]) -> Fate:
    """In a forked process: exchange the code that differs, and run the tests until one fails."""
    return _outcome(items) if _exchange(mutant) else Fate.NEEDS_IMPORT


def _outcome(items: Sequence[pytest.Item]) -> Fate:
    for item, following in _with_following(items):
        if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
            return Fate.KILLED
    return Fate.SURVIVED


def _exchange(mutant: Mutant) -> bool:
    """Give the functions of the loaded module the code of the mutant; whether any differed."""
    module = sys.modules.get(mutant.module.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    if module is None or module.__file__ is None:
        return False
    changed = {
        code.co_qualname: code for code in _codes(compile(mutant.source, module.__file__, "exec", dont_inherit=True))
    }
    exchanged = False
    for function in set(_functions(vars(module), module.__name__)):
        code = changed.get(function.__code__.co_qualname)
        if (
            code is not None
            and code != function.__code__
            and len(code.co_freevars) == len(function.__code__.co_freevars)
        ):
            function.__code__ = code
            exchanged = True
    return exchanged


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of the functions of a module and of the methods of its classes, without those inside of functions."""
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            if one.co_flags & inspect.CO_NEWLOCALS:
                yield one
            else:
                # A class: its body has no variables of its own.
                yield from _codes(one)


def _functions(names: Mapping[str, Any], module: str) -> Iterator[types.FunctionType]:
    """The functions behind the names of a module or class, also those inside of properties and decorators."""
    for value in list(names.values()):
        if isinstance(value, type):
            if value.__module__ == module:
                yield from _functions(vars(value), module)
            continue
        inner = [value, getattr(value, "fget", None), getattr(value, "func", None), getattr(value, "__func__", None)]
        for one in inner:
            while one is not None:
                if isinstance(one, types.FunctionType) and one.__module__ == module:
                    yield one
                one = getattr(one, "__wrapped__", None)


def _cold(root: Path, mutant: Mutant, tests: Sequence[str]) -> Fate:
    """In a forked process without anything of the product: run the tests with the mutant in its module's place."""
    sys.meta_path.insert(0, _Finder(root, mutant))
    status = pytest.main([*_arguments(tests), "-x"], plugins=[_Plainly()])
    return Fate.SURVIVED if status == pytest.ExitCode.OK else Fate.KILLED


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, root: Path, mutant: Mutant) -> None:
        self._file, self._source = str(root / mutant.module), mutant.source
        self._name = mutant.module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(
            fullname, self._file, loader=_Loader(fullname, self._file, self._source)
        )


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, file: str, source: str) -> None:
        super().__init__(name, file)
        self._source = source

    def get_code(self, fullname: str) -> types.CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


def _side_by_side(
    numbers: Sequence[int],
    jobs: int,
    work: Callable[[int], Callable[[], Fate]],
    seconds: Callable[[int], float],
    told: Callable[[int, Fate], None],
) -> None:
    """Do work in forked processes, so many at once; what takes too long is ended, with all that it started."""
    waiting, running = list(reversed(numbers)), dict[int, _Child]()
    while waiting or running:
        while waiting and len(running) < jobs:
            number = waiting.pop()
            running[_forked(work(number))] = _Child(number, time.monotonic() + _LEAST_SECONDS + seconds(number))
        process, status = os.waitpid(-1, os.WNOHANG)
        if process in running:
            code = os.waitstatus_to_exitcode(status)
            told(running.pop(process).number, Fate(code) if code in list(Fate) else Fate.KILLED)
        elif not process:
            time.sleep(0.01)
        for late in [one for one, child in running.items() if time.monotonic() > child.until]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(late, signal.SIGKILL)
            os.waitpid(late, 0)
            told(running.pop(late).number, Fate.TIMED_OUT)


def _forked(work: Callable[[], Fate]) -> int:
    process = os.fork()
    if process == 0:
        os.setsid()
        code = int(Fate.KILLED)
        try:
            with _quietly():
                code = int(work())
        finally:
            os._exit(code)
    return process


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Nothing that tests print is of interest here: what a mutant is noticed by is asked for with pytest."""
    if not os.environ.get("MUTANTS_VERBOSE"):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
    yield
