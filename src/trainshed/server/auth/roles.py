"""What a person is in a project, and what a route asks for."""

from __future__ import annotations

import enum


class Role(enum.StrEnum):
    """A role in a project; each may do all that those before it may."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"

    def reaches(self, wanted: Role) -> bool:
        """Whether this role may do what ``wanted`` may.

        >>> Role.MEMBER.reaches(Role.VIEWER), Role.VIEWER.reaches(Role.MEMBER)
        (True, False)
        """
        return _ORDER[self] >= _ORDER[wanted]

    def at_most(self, other: Role) -> Role:
        """The lesser of two."""
        return self if other.reaches(self) else other


_ORDER = {role: place for place, role in enumerate(Role)}


class Need(enum.StrEnum):
    """What a caller must be to pass a route.

    Attributes:
        OPEN: anybody.
        KNOWN: anybody with credentials.
        SELF: credentials that are not cut down: a token with a role or a project of its own may
            not make keys that are worth more than itself.
        VIEWER, MEMBER, ADMIN: that role in the project of the path.
        OPERATOR: an administrator of the whole service.
    """

    OPEN = "open"
    KNOWN = "known"
    SELF = "self"
    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OPERATOR = "operator"

    @property
    def role(self) -> Role | None:
        """The role in a project that this asks for."""
        return Role(self.value) if self.value in _ROLES else None


_ROLES = frozenset(role.value for role in Role)
