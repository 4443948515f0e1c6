"""Turn listening logs into a sparse user x song matrix."""

from hearlog import params
from hearlog.logs.ingest import ingest
from stages import paths, run


def main() -> None:
    """Read the listening logs and write the binary user x song matrix."""
    settings = params.load()
    counts = ingest(settings.logs, settings.runtime.memory_limit, settings.runtime.threads, paths.LOGS)
    paths.write_metrics("logs", counts)
    print(
        f"logs: {counts['rows']} rows, {counts['rejected']['total']} rejected; {counts['users']} users x "
        f"{counts['songs']} songs, {counts['interactions']} interactions"
    )


if __name__ == "__main__":
    run(main)
