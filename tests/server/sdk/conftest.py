"""The official client, unmodified, against a real server."""

from __future__ import annotations

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkmodelarts.v1 import ModelArtsClient

from tests.server.running import Running


def official_client(server: Running, access_key: str = "", secret_key: str = "") -> ModelArtsClient:
    """As its documentation says: credentials, endpoint, build."""
    ready = server.ready
    keys = (access_key or ready.access_key, secret_key or ready.secret_key)
    credentials = BasicCredentials(*keys, server.project_id)
    return ModelArtsClient.new_builder().with_credentials(credentials).with_endpoint(server.endpoint).build()


@pytest.fixture
def client(server: Running) -> ModelArtsClient:
    """A client of a server of the test's own."""
    return official_client(server)
