"""What an algorithm demands of the place where it runs: chips, one card or several, one node or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from trainshed.core.resources import Chip, Flavor

if TYPE_CHECKING:
    from trainshed.core.algorithm import Algorithm

_CHIPS = {chip.value.lower(): chip.value for chip in Chip}
_SEVERAL = "multiple"


@dataclass(frozen=True, slots=True)
class Constraints:
    """An algorithm's ``resource_requirements``, in our words.

    Attributes:
        chips: kinds of flavor that it may have; empty for any.
        one_card: whether it cannot use more than one card of a node.
        one_node: whether it cannot use more than one node.
    """

    chips: frozenset[str] = frozenset()
    one_card: bool = False
    one_node: bool = False

    def refusal(self, flavor: Flavor, nodes: int) -> str:
        """Why a job may not have ``nodes`` of ``flavor``; empty where it may."""
        if self.chips and flavor.chip.value not in self.chips:
            return f"the algorithm is limited to {', '.join(sorted(self.chips))}"
        if self.one_card and flavor.resources.cards > 1:
            return "the algorithm is limited to one card"
        if self.one_node and nodes > 1:
            return f"the algorithm is limited to one node, and {nodes} were asked for"
        return ""


def constraints(algorithm: Algorithm | None) -> Constraints:
    """The constraints of an algorithm; none where there is no algorithm."""
    chips = _values(algorithm, "flavor_type")
    cards, nodes = _values(algorithm, "device_distributed_mode"), _values(algorithm, "host_distributed_mode")
    return Constraints(
        chips=frozenset(_CHIPS.get(value, value) for value in chips),
        one_card=bool(cards) and _SEVERAL not in cards,
        one_node=bool(nodes) and _SEVERAL not in nodes,
    )


def _values(algorithm: Algorithm | None, key: str) -> set[str]:
    """What the requirement ``key`` admits, in lower case; nothing where there is none."""
    for requirement in algorithm.resource_requirements if algorithm else ():
        if requirement.get("key") == key and str(requirement.get("operator", "in")).lower() == "in":
            values = cast("list[Any]", requirement.get("value") or requirement.get("values") or [])
            return {str(value).lower() for value in values}
    return set()
