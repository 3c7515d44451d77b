"""Search algorithms on the wire."""

from __future__ import annotations

from trainshed.server.wire.base import Int, WireModel
from trainshed.server.wire.common import SearchAlgorithm


class SearchAlgorithmList(WireModel):
    """All search algorithms."""

    search_algo_count: Int
    search_algo_list: list[SearchAlgorithm]
