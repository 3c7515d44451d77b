"""The errors trainshed raises, each with a stable code.

The tree, from the root down::

    TrainshedError
    ├── InvalidInput        400  the request or the file is wrong
    ├── Unauthenticated     401  who are you?
    ├── Forbidden           403  you may not
    ├── NotFound            404  no such thing
    ├── Conflict            409  it exists already, or is in the wrong state
    ├── TooLarge            413  over a limit
    ├── TooManyRequests     429  slow down
    ├── Unavailable         503  a dependency does not answer; try again
    └── Internal            500  our fault

A code never changes its meaning once it has been released. On the wire an error is
``{"error_code": "TrainShed.2003", "error_msg": "..."}``, as the ModelArts API has it.
A message is one sentence that says what is wrong and, where there is one, the next step.
"""

from __future__ import annotations

from typing import ClassVar


class TrainshedError(Exception):
    """Base of everything that trainshed raises on purpose.

    Attributes:
        status: the HTTP status that carries this error.
        code: the stable code; ``family`` is used where none is given.
        retry_after: seconds after which another try may go better, where that can be.
    """

    status: ClassVar[int] = 500
    family: ClassVar[str] = "TrainShed.0001"

    def __init__(self, message: str, *, code: str | None = None, retry_after: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.family
        self.retry_after = retry_after


class InvalidInput(TrainshedError):
    """The request, the file or the option is wrong; nothing was done."""

    status = 400
    family = "TrainShed.1000"


class Unauthenticated(TrainshedError):
    """No credentials, or wrong ones."""

    status = 401
    family = "TrainShed.2000"


class Forbidden(TrainshedError):
    """Known, but not allowed."""

    status = 403
    family = "TrainShed.3000"


class NotFound(TrainshedError):
    """Nothing by that id or name, in this project."""

    status = 404
    family = "TrainShed.4000"


class Conflict(TrainshedError):
    """The name is taken, or the thing is in a state that forbids this."""

    status = 409
    family = "TrainShed.5000"


class TooLarge(TrainshedError):
    """The body, the file or the number of things is over a limit."""

    status = 413
    family = "TrainShed.6000"


class TooManyRequests(TrainshedError):
    """The caller should wait and try again."""

    status = 429
    family = "TrainShed.7000"


class Unavailable(TrainshedError):
    """Something that trainshed depends on does not answer; a later try may work."""

    status = 503
    family = "TrainShed.8000"


class Internal(TrainshedError):
    """A fault of trainshed's own."""

    status = 500
    family = "TrainShed.0001"


class Code:
    """The stable codes. Add at the end of a family; never reuse one."""

    BODY_NOT_JSON = "TrainShed.1001"
    FIELD_INVALID = "TrainShed.1002"
    NAME_INVALID = "TrainShed.1003"
    BOOT_FILE_MISSING = "TrainShed.1004"
    BOOT_FILE_OUTSIDE_CODE = "TrainShed.1005"
    PATH_INVALID = "TrainShed.1006"
    PARAMETER_INVALID = "TrainShed.1007"
    PARAMETER_REQUIRED = "TrainShed.1008"
    PARAMETER_UNDECLARED = "TrainShed.1009"
    ENGINE_UNKNOWN = "TrainShed.1010"
    ENGINE_NOT_OFFERED = "TrainShed.1011"
    FLAVOR_UNKNOWN = "TrainShed.1012"
    TOO_MANY_NODES = "TrainShed.1013"
    INPUT_EMPTY = "TrainShed.1014"
    INPUT_MISSING = "TrainShed.1015"
    OUTPUT_UNWRITABLE = "TrainShed.1016"
    ENVIRONMENT_VARIABLE_INVALID = "TrainShed.1017"
    URI_INVALID = "TrainShed.1018"
    POOL_UNKNOWN = "TrainShed.1019"
    CODE_TOO_LARGE = "TrainShed.1020"
    CHANNEL_INVALID = "TrainShed.1021"
    ENVIRONMENT_BUILD_FAILED = "TrainShed.1022"
    INTERPRETER_MISSING = "TrainShed.1023"
    CATALOGUE_INVALID = "TrainShed.1024"
    LOCAL_PATH_FORBIDDEN = "TrainShed.1025"
    BOOT_FILE_INVALID = "TrainShed.1026"
    CLUSTER_REFUSED = "TrainShed.1027"
    PARTITION_UNKNOWN = "TrainShed.1028"
    CARDS_ABSENT = "TrainShed.1029"
    NODE_PYTHON_UNFIT = "TrainShed.1030"
    NODE_FOLDER_UNFIT = "TrainShed.1031"
    NODE_CLOCK_WRONG = "TrainShed.1032"
    NODE_CUT_OFF = "TrainShed.1033"
    SIGNATURE_WRONG = "TrainShed.2001"
    SIGNATURE_EXPIRED = "TrainShed.2002"
    CREDENTIALS_MISSING = "TrainShed.2003"
    TOKEN_INVALID = "TrainShed.2004"
    PASSWORD_WRONG = "TrainShed.2005"
    PROJECT_FORBIDDEN = "TrainShed.3001"
    ROLE_FORBIDDEN = "TrainShed.3002"
    STORAGE_DENIED = "TrainShed.3003"
    ADDRESS_FORBIDDEN = "TrainShed.3004"
    CREDENTIAL_TOO_NARROW = "TrainShed.3005"
    QUOTA_EXCEEDED = "TrainShed.3006"
    JOB_NOT_FOUND = "TrainShed.4001"
    ALGORITHM_NOT_FOUND = "TrainShed.4002"
    TASK_NOT_FOUND = "TrainShed.4003"
    OBJECT_NOT_FOUND = "TrainShed.4004"
    BUCKET_NOT_FOUND = "TrainShed.4005"
    ROUTE_NOT_FOUND = "TrainShed.4006"
    USER_NOT_FOUND = "TrainShed.4007"
    PROJECT_NOT_FOUND = "TrainShed.4008"
    CREDENTIAL_NOT_FOUND = "TrainShed.4009"
    NOTIFICATION_NOT_FOUND = "TrainShed.4010"
    NAME_TAKEN = "TrainShed.5001"
    JOB_FINISHED = "TrainShed.5002"
    JOB_NOT_FINISHED = "TrainShed.5003"
    LOG_OFFSET_GAP = "TrainShed.5004"
    ATTEMPT_OVER = "TrainShed.5005"
    ADDRESS_IN_USE = "TrainShed.5006"
    HOME_IN_USE = "TrainShed.5007"
    FILE_AND_DIRECTORY = "TrainShed.5008"
    FILE_CHANGED = "TrainShed.5009"
    BUCKET_IN_USE = "TrainShed.5010"
    USER_NEEDED = "TrainShed.5011"
    PROJECT_IN_USE = "TrainShed.5012"
    NOT_ELASTIC = "TrainShed.5013"
    POOL_IN_USE = "TrainShed.5014"
    DATABASE_IN_USE = "TrainShed.5015"
    BODY_TOO_LARGE = "TrainShed.6001"
    TOO_MANY_THINGS = "TrainShed.6002"
    TOO_MANY_TRIES = "TrainShed.7001"
    TOO_MANY_STREAMS = "TrainShed.7002"
    STORAGE_UNREACHABLE = "TrainShed.8001"
    DATABASE_UNREACHABLE = "TrainShed.8002"
    DISK_FULL = "TrainShed.8003"
    SERVICE_UNREACHABLE = "TrainShed.8004"
    INODES_EXHAUSTED = "TrainShed.8005"
    CHECKSUM_MISMATCH = "TrainShed.8006"
    DISK_LOW = "TrainShed.8007"
    MAIL_NOT_SET_UP = "TrainShed.8008"
    NOTIFICATION_UNDELIVERED = "TrainShed.8009"
    CLUSTER_UNREACHABLE = "TrainShed.8010"
    MUNGE_REFUSED = "TrainShed.8011"
    CLUSTER_QUOTA_REACHED = "TrainShed.8012"
