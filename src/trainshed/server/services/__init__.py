"""What runs beside the requests, and what the routers call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainshed.server.context import Context
    from trainshed.server.services.delivery import Delivery
    from trainshed.server.services.diagnosis import Diagnostician
    from trainshed.server.services.dispatch import Dispatcher
    from trainshed.server.services.feeds import Hub
    from trainshed.server.services.hangs import HangWatch
    from trainshed.server.services.logs import LogStore
    from trainshed.server.services.preparation import Preparation
    from trainshed.server.services.tokens import JobTokens
    from trainshed.server.services.upkeep import Upkeep
    from trainshed.server.services.watching import Watchers


@dataclass(slots=True)
class Services:
    """Everything that lives as long as the server and does something by itself.

    Attributes:
        flavor_details: how jobs show their flavors, by pool and flavor.
    """

    dispatcher: Dispatcher
    hub: Hub
    watchers: Watchers
    logs: LogStore
    tokens: JobTokens
    diagnostician: Diagnostician
    delivery: Delivery
    upkeep: Upkeep
    hangs: HangWatch
    flavor_details: dict[tuple[str, str], dict[str, Any]] = field(
        default_factory=dict[tuple[str, str], dict[str, Any]]
    )

    @property
    def preparation(self) -> Preparation:
        """Makes engines' environments ready."""
        return self.dispatcher.preparation

    def begin_stop(self) -> None:
        """End every stream. On the event loop."""
        self.hub.close()

    def close(self) -> None:
        """Finish what is under way; running jobs go on."""
        self.dispatcher.close()
        self.diagnostician.close()
        self.upkeep.close()
        self.delivery.close()
        self.hangs.close()


def open_services(context: Context) -> Services:
    """Start everything, and go on with all jobs where they were."""
    from trainshed.server.services.delivery import Delivery
    from trainshed.server.services.diagnosis import Diagnostician
    from trainshed.server.services.dispatch import Dispatcher
    from trainshed.server.services.feeds import Hub
    from trainshed.server.services.hangs import HangWatch
    from trainshed.server.services.job_view import flavor_details
    from trainshed.server.services.logs import LogStore
    from trainshed.server.services.tokens import JobTokens
    from trainshed.server.services.upkeep import Upkeep
    from trainshed.server.services.watching import Watchers

    hub, tokens = Hub(), JobTokens(context.settings.files.secret_key)
    dispatcher = Dispatcher(context, tokens, hub)
    diagnostician = Diagnostician(context)
    delivery = Delivery(context)
    dispatcher.on_failed, dispatcher.on_news = diagnostician.tell, delivery.tell
    dispatcher.open()
    logs, flavors = LogStore(context.log_root), flavor_details(context)
    upkeep = Upkeep(context, logs, dispatcher.tell, delivery.announce, dispatcher.at_work)
    hangs = HangWatch(context, dispatcher.tell)
    return Services(
        dispatcher, hub, Watchers(), logs, tokens, diagnostician, delivery, upkeep, hangs, flavors
    )
