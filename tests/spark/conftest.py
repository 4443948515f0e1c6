"""One Spark on two threads for all tests, as starting it takes seconds."""

import pytest

from hearlog.params.log_blocks import Spark
from hearlog.runtime.spark_session import spark_session

LOCAL = Spark(master="local[2]", memory="1g")


@pytest.fixture(scope="session")
def session(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    with spark_session(LOCAL, scratch) as session:
        yield session
    assert not list(scratch.iterdir())
