"""The longest files begin, or one worker would run them alone at the end."""

LONGEST = ("test_pipeline.py", "test_killed.py", "test_jobs.py", "test_transfer.py")


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))
