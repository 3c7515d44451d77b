"""How right the rules are: ``python -m tests.diagnosis.measure [--json FILE]``.

Precision and recall per family over the recorded runs. A diagnosis counts for a family if its rule
is of that family; it is right if it names the rule that the case was labelled with (or one that the
label also accepts) and, where the label names the rank that failed first, that rank.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.diagnosis.running import LOGS, Case, Record, cases, evidence
from trainshed.diagnosis import Diagnosis, diagnose


@dataclass
class Score:
    """Counts by family."""

    right: Counter[str] = field(default_factory=Counter[str])
    labelled: Counter[str] = field(default_factory=Counter[str])
    answered: Counter[str] = field(default_factory=Counter[str])
    wrong: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def add(self, case: Case, diagnosis: Diagnosis | None) -> None:
        """Count one case."""
        wanted = case.rule.partition(".")[0]
        self.labelled[wanted] += 1
        if diagnosis:
            self.answered[diagnosis.category] += 1
        if is_right(case, diagnosis):
            self.right[diagnosis.category if diagnosis else wanted] += 1
            if diagnosis and diagnosis.category != wanted:  # an accepted answer of another family
                self.labelled[wanted] -= 1
                self.labelled[diagnosis.category] += 1
        else:
            self.wrong.append((case.id, case.rule, diagnosis.rule if diagnosis else "nothing"))

    def rows(self) -> list[tuple[str, int, int, float, float]]:
        """Family, cases, right answers, precision, recall; the last row is all of them."""
        found: list[tuple[str, int, int, float, float]] = []
        for family in sorted(self.labelled | self.answered):
            found.append(self._row(family, self.labelled[family], self.right[family], self.answered[family]))
        found.append(self._row("all", self.labelled.total(), self.right.total(), self.answered.total()))
        return found

    @staticmethod
    def _row(family: str, labelled: int, right: int, answered: int) -> tuple[str, int, int, float, float]:
        return family, labelled, right, right / max(answered, 1), right / max(labelled, 1)


def is_right(case: Case, diagnosis: Diagnosis | None) -> bool:
    """Whether the answer is that of the label."""
    if diagnosis is None or diagnosis.rule not in (case.rule, *case.accept):
        return False
    return case.rank < 0 or diagnosis.rank == case.rank


def measure(chosen: Iterable[Case]) -> Score:
    """Diagnose the records of these cases."""
    score = Score()
    for case in chosen:
        score.add(case, diagnose(evidence(Record.load(LOGS / case.family / case.name))))
    return score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    everything = cases()
    parts = {
        "made from": [case for case in everything if case.family != "unseen"],
        "unseen": [case for case in everything if case.family == "unseen"],
        "all": everything,
    }
    result = {name: measure(chosen) for name, chosen in parts.items()}
    for name, score in result.items():
        print(f"\n{name}\n{'family':16} {'cases':>5} {'right':>5} {'precision':>9} {'recall':>7}")
        for family, labelled, right, precision, recall in score.rows():
            print(f"{family:16} {labelled:5} {right:5} {precision:9.2f} {recall:7.2f}")
    for case, wanted, got in result["all"].wrong:
        print(f"wrong: {case} is {wanted}, answered {got}")
    if args.json:
        args.json.write_text(json.dumps({name: score.rows() for name, score in result.items()}, indent=1))


if __name__ == "__main__":
    main()
