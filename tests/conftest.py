"""The longest files begin, or one worker would run them alone at the end; the profile of `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

LONGEST = ("test_pipeline.py", "test_killed.py", "test_jobs.py", "test_transfer.py")


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


settings.register_profile("hearlog", deadline=None)  # a busy machine is no fault
settings.load_profile("hearlog")
settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("EXAMPLES", "2000")),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
