"""Generate the embedded, synthetic data set below data/demo."""

from hearlog import params
from hearlog.demo import world
from hearlog.params.synthetic import FOLDER
from stages import run


def main() -> None:
    """Generate the embedded, synthetic data set."""
    settings = params.load()
    world.make(settings.demo, settings.seed, FOLDER, settings.runtime.threads or None)
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    print(f"make_demo: synthetic songs, logs and six labelled data sets below {FOLDER}, {size / 1e9:.1f} GB")


if __name__ == "__main__":
    run(main)
