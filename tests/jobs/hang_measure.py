"""How right the hang verdict is over the recorded samples: ``python -m tests.jobs.hang_measure``.

The recordings are short, so the policy is too: a window of three seconds where a job has half an hour.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass

from tests.jobs.hang_record import SAMPLES, unpack

from trainshed.jobs.hang import HangPolicy, HangVerdict, RankSample, State, verdict

POLICY = HangPolicy(window_s=3.0, confirm_s=1.5, start_s=2.0)


@dataclass(frozen=True)
class Recording:
    """One script's samples."""

    kind: str
    name: str
    samples: tuple[RankSample, ...]

    @property
    def ranks(self) -> range:
        return range(1 + max(sample.rank for sample in self.samples))

    def verdicts(self) -> list[tuple[float, HangVerdict]]:
        """The verdict at every look, knowing only what came before."""
        times = sorted({sample.time for sample in self.samples})
        return [(t, verdict([s for s in self.samples if s.time <= t], self.ranks, POLICY, t)) for t in times]


def recordings() -> list[Recording]:
    """All of them."""
    rows = [json.loads(line) for line in SAMPLES.read_text().splitlines()]
    return [Recording(row["kind"], row["name"], tuple(unpack(row))) for row in rows]


def alarms(recording: Recording) -> list[tuple[float, HangVerdict]]:
    """The verdicts that somebody would be told of."""
    return [(t, v) for t, v in recording.verdicts() if v.state in (State.SUSPECT, State.HUNG)]


def main() -> None:
    healthy = [r for r in recordings() if r.kind == "healthy"]
    hung = [r for r in recordings() if r.kind == "hung"]
    false = [r.name for r in healthy if alarms(r)]
    found = {r.name: alarms(r) for r in hung}
    quiet = [each[0][1].quiet_s for each in found.values() if each]
    print(f"healthy: {len(healthy)}, false alarms: {len(false)} {false}")
    missed = [name for name, each in found.items() if not each]
    print(f"hung: {len(hung)}, found: {len(hung) - len(missed)}, missed: {missed}")
    if quiet:
        windows = statistics.median(quiet) / POLICY.window_s
        print(
            f"suspected after {statistics.median(quiet):.1f} s of quiet at the median: {windows:.2f} windows"
        )


if __name__ == "__main__":
    main()
