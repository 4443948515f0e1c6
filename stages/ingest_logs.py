"""Turn listening logs into a sparse user x song matrix."""

from hearlog import params
from hearlog.logs.ingest import ingest
from hearlog.logs.spark import ingest_with_spark
from stages import paths, run


def main() -> None:
    """Read the listening logs and write the user x song matrix."""
    settings = params.load()
    runtime = settings.runtime
    if settings.logs.engine == "spark":
        counts = ingest_with_spark(settings.logs, runtime.memory_limit, runtime.threads, settings.spark, paths.LOGS)
    else:
        counts = ingest(settings.logs, runtime.memory_limit, runtime.threads, paths.LOGS)
    paths.write_metrics("logs", counts)
    print(
        f"logs: {counts['rows']} rows, {counts['rejected']['total']} rejected; {counts['users']} users x "
        f"{counts['songs']} songs, {counts['interactions']} interactions"
    )


if __name__ == "__main__":
    run(main)
