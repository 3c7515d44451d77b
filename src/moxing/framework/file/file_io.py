"""What scripts reach for inside MoXing: the functions by this module's name, and its tuning knobs.

The knobs are kept so that a script that sets them goes on working. They have no effect: the gateway
chooses parts and concurrency itself, for files of any size.
"""

import os
from typing import Any

from moxing.framework.file import (  # noqa: F401
    File,
    MoxFileNameDuplicateException,
    MoxFileNotExistsException,
    MoxFileReadException,
    MoxFileRespException,
    append,
    append_remote,
    background_sync_copy,
    copy,
    copy_parallel,
    exists,
    get_size,
    glob,
    is_directory,
    list_directory,
    make_dirs,
    mk_dir,
    read,
    remove,
    rename,
    scan_dir,
    set_auth,
    shift,
    stat,
    walk,
    write,
)
from moxing.framework.file._errors import _MoxFileBaseRespException  # noqa: F401

_NUMBER_OF_PROCESSES = NUMBER_OF_PROCESSES = 1
_LARGE_FILE_METHOD = int(os.environ.get("MOX_FILE_LARGE_FILE_METHOD", "2"))
_LARGE_FILE_TASK_NUM = int(os.environ.get("MOX_FILE_LARGE_FILE_TASK_NUM", "32"))
_PARTIAL_MAXIMUM_SIZE = int(os.environ.get("MOX_FILE_PARTIAL_MAXIMUM_SIZE", str(5 << 30)))
_USE_MEMARTS = False


def _url(bucket_name: str, object_key: str) -> str:
    return "obs://{}/{}".format(bucket_name, object_key)


def _download_obs(obs_client: Any, bucket_name: str, object_key: str, local_file: str) -> None:
    """Download one object; ``obs_client`` is not used."""
    copy(_url(bucket_name, object_key), local_file)


def _download_obs_by_stream(obs_client: Any, bucket_name: str, object_key: str, local_file: str) -> None:
    _download_obs(obs_client, bucket_name, object_key, local_file)


def _download_obs_with_large_file(
    bucket_name: str, object_key: str, local_file: str, object_size: int = 0
) -> None:
    _download_obs(None, bucket_name, object_key, local_file)


def _get_size_obs(obs_client: Any, bucket_name: str, object_key: str) -> int:
    """Bytes of one object; ``obs_client`` is not used."""
    return get_size(_url(bucket_name, object_key))


def _config_obs_log(client: Any) -> None:
    """There is no client log to set up."""
