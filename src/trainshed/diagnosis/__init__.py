"""What went wrong with a job that ended badly: rules as data, evidence with byte offsets, advice.

``diagnose`` reads the logs of all ranks and how they ended, finds the rank that failed first of its
own and the line that shows why, and says so with a confidence. It is pure over given streams.
"""

from __future__ import annotations

from trainshed.diagnosis.engine import diagnose
from trainshed.diagnosis.evidence import Bytes, Evidence, Facts, LogSource, RankEnd, Stream
from trainshed.diagnosis.rules import Rule, load
from trainshed.diagnosis.stacks import RankStack
from trainshed.diagnosis.verdict import Confidence, Diagnosis, EvidenceLine

__all__ = [
    "Bytes",
    "Confidence",
    "Diagnosis",
    "Evidence",
    "EvidenceLine",
    "Facts",
    "LogSource",
    "RankEnd",
    "RankStack",
    "Rule",
    "Stream",
    "diagnose",
    "load",
]
