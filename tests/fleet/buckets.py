"""An S3 server on loopback, and a bucket on it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve S3 on a free port with an empty bucket, named by the environment, and yield the bucket's URL."""
    import fsspec
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # Instances are kept by their arguments, of which the address in the environment is none.
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    try:
        # The server's buckets are those of this process, whatever its port.
        name = f"assay-{uuid.uuid4().hex}"
        fsspec.filesystem("s3").mkdir(name)
        yield f"s3://{name}/chunks"
    finally:
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        server.stop()
