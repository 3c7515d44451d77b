"""What a partition has: its nodes, and the flavors that jobs may ask for. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from trainshed.core.resources import Arch, Chip, Flavor, Node, Resources

COMMAND = ("scontrol", "--oneliner", "show", "node")
_CHIPS = {"gpu": Chip.GPU, "npu": Chip.ASCEND}
_STEMS = {Chip.GPU: "gpu", Chip.ASCEND: "ascend"}
_NOT_READY = ("DOWN", "DRAIN", "FAIL", "MAINT", "NOT_RESPONDING", "POWERED_DOWN", "UNKNOWN", "*")


def parse_nodes(text: str, partition: str) -> list[Node]:
    """The partition's nodes in what :data:`COMMAND` prints."""
    found: list[Node] = []
    for line in text.splitlines():
        pairs = (part.partition("=") for part in line.split() if "=" in part)
        facts = {name: value for name, _, value in pairs}
        if "NodeName" in facts and partition in facts.get("Partitions", "").split(","):
            found.append(_node(facts))
    return found


def _node(facts: dict[str, str]) -> Node:
    chip, kind, cards = _cards(facts.get("Gres", ""))
    memory = int(facts.get("RealMemory", "0"))
    state = facts.get("State", "UNKNOWN")
    return Node(
        facts["NodeName"],
        Resources(int(facts.get("CPUTot", "1")), memory if memory > 1 else 0, cards),
        chip,
        Arch.AARCH64 if facts.get("Arch") in ("aarch64", "arm64") else Arch.X86_64,
        address=facts.get("NodeAddr", facts["NodeName"]),
        ready=not any(word in state for word in _NOT_READY),
        labels={"state": state, "card": kind, "reason": facts.get("Reason", "")},
    )


def _cards(gres: str) -> tuple[Chip, str, int]:
    """Chip, Slurm's type and number of the cards of a node; GPUs before NPUs.

    >>> _cards("gpu:a100:8(S:0-1),npu:8"), _cards("(null)")
    ((<Chip.GPU: 'GPU'>, 'a100', 8), (<Chip.CPU: 'CPU'>, '', 0))
    """
    for name, chip in _CHIPS.items():
        if found := re.search(rf"(?:^|,){name}(?::([A-Za-z]\w*))?:(\d+)", gres):
            return chip, found[1] or "", int(found[2])
    return Chip.CPU, "", 0


def flavors(nodes: Sequence[Node], max_nodes: int = 0) -> list[Flavor]:
    """What a job may ask for: 1, 2, 4 … cores or cards of a node, with that share of its memory."""
    found = [
        _cpu_flavor(nodes, count) for count in _sizes(max((int(n.total.cpus) for n in nodes), default=0))
    ]
    by_card: dict[tuple[Chip, str], list[Node]] = defaultdict(list)
    for node in nodes:
        if node.total.cards:
            by_card[node.chip, node.labels.get("card", "")].append(node)
    for (chip, kind), group in sorted(by_card.items()):
        several = sum(each is chip for each, _ in by_card) > 1
        stem = f"{_STEMS[chip]}-{kind}" if several and kind else _STEMS[chip]
        most = max(node.total.cards for node in group)
        found += [_card_flavor(f"{stem}-{count}", kind, group, count) for count in _sizes(most)]
    return [_limited(flavor, max_nodes) for flavor in found]


def _cpu_flavor(nodes: Sequence[Node], count: int) -> Flavor:
    able = [node for node in nodes if node.total.cpus >= count]
    memory = min(int(node.total.memory_mb * count / node.total.cpus) for node in able)
    return Flavor(f"cpu-{count}", Chip.CPU, Resources(count, memory), able[0].arch, max_nodes=len(able))


def _card_flavor(name: str, kind: str, nodes: Sequence[Node], count: int) -> Flavor:
    able = [node for node in nodes if node.total.cards >= count]
    cores = max(1, min(int(node.total.cpus * count / node.total.cards) for node in able))
    memory = min(int(node.total.memory_mb * count / node.total.cards) for node in able)
    first = able[0]
    return Flavor(
        name, first.chip, Resources(cores, memory, count), first.arch, card_name=kind, max_nodes=len(able)
    )


def _limited(flavor: Flavor, max_nodes: int) -> Flavor:
    return replace(flavor, max_nodes=min(flavor.max_nodes, max_nodes)) if max_nodes else flavor


def _sizes(total: int) -> list[int]:
    """1, 2, 4, … and ``total`` itself."""
    powers = (1 << n for n in range(total.bit_length()))
    return sorted({*(size for size in powers if size <= total), total} - {0})


def chips(nodes: Iterable[Node]) -> set[Chip]:
    """On what engines can run here."""
    return {Chip.CPU, *(node.chip for node in nodes)}
