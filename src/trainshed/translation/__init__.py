"""What the service says, in the person's language.

Sentences are written in English where they arise, and kept so: in logs, in the database, on the
wire between agent and server. For people who read Chinese they are translated where they are shown,
by a catalogue of sentences with gaps (``zh.toml``). So what an agent on an old node said, or what
was stored long ago, comes out in Chinese too, and who raises an error need not think of languages.
"""

from trainshed.translation.catalogue import Catalogue, chinese

__all__ = ["Catalogue", "chinese"]
