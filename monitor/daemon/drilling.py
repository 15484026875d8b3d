"""Drills that people ask the daemon for: a worker makes one, the incident is told, and its time runs out."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

from monitor.clock import Clock
from monitor.control.commands import Ack, Command, Drill
from monitor.daemon.faults import Fault
from monitor.daemon.publisher import Publisher
from monitor.daemon.supervisor import Supervisor
from monitor.drill.drills import Drilled, Drills
from monitor.drill.words import chosen, lines_of
from monitor.errors import RecwatchError, UserError
from monitor.logging_setup import logger

DRILL = "monitor.drill.run:drill"  # what a worker is to call


class Drilling:
    """From the command to the end of a drill; the control loop alone calls it.

    Parameters
    ----------
    folder : Path
        Of the store, which the worker reads history from.
    function : str
        What a worker is to call, "module:function".
    """

    def __init__(
        self,
        drills: Drills,
        supervisor: Supervisor,
        publisher: Publisher,
        clock: Clock,
        folder: Path,
        function: str = DRILL,
    ) -> None:
        self._drills, self._supervisor, self._publisher = drills, supervisor, publisher
        self._clock, self._folder, self._function = clock, folder, function
        self._made: dict[str, tuple[Drill, Future[list[str]]]] = {}  # at this time, by recommender
        self._log = logger("daemon")

    def begin(self, command: Drill, answer: Future[list[str]]) -> None:
        """Have a worker break a copy of the last window; whoever asked waits for what comes of it."""
        watched = {r.name: r for r in self._publisher.recommenders}
        try:
            name = chosen(command.recommender, list(watched))
        except UserError as error:
            answer.set_exception(error)
            return
        one = watched[name]
        told = (one, self._folder, command.kind, command.slice, self._clock.now())
        if not self._supervisor.call(name, one.window.deadline, self._function, *told):
            answer.set_exception(
                RecwatchError(f"a drill of {name} is being made, or has just failed: try again in a minute")
            )
            return
        self._made[name] = command, answer

    def found(self, name: str, found: Drilled) -> None:
        """Tell of what a drill found, as of any incident; and whoever asked, whether somebody will be paged."""
        command, answer = self._made.pop(name)
        if found.mistake:
            answer.set_exception(UserError(found.mistake))
            return
        now = self._clock.now()
        if found.incident is None:
            answer.set_result([f"Nobody would be told. {found.why}"])
            return
        ends = now + timedelta(seconds=command.seconds)
        self._drills.begin(found.incident, ends)
        self._publisher.refresh()
        answer.set_result(lines_of(found.incident, found.why, ends))

    def failed(self, fault: Fault) -> None:
        """Tell whoever asked why there is none."""
        if fault.recommender in self._made:
            _, answer = self._made.pop(fault.recommender)
            answer.set_exception(RecwatchError(f"no drill: {fault.reason}"))

    def end(self, command: Command) -> list[str]:
        """An acknowledged drill is over; nothing for other commands."""
        over = self._drills.end(command.incident, self._clock.now()) if isinstance(command, Ack) else None
        return [] if over is None else [f"the drill is over: {over.id}"]

    def end_due(self) -> None:
        """End those whose time is over."""
        for over in self._drills.end_due(self._clock.now()):
            self._log.info("drill over", recommender=over.recommender, incident=over.id)
            self._publisher.refresh()
