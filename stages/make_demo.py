"""Generate the embedded, synthetic data set below data/demo."""

from pathlib import Path

from hearlog import params
from hearlog.demo import world
from stages import run


def main() -> None:
    """Generate the embedded, synthetic data set."""
    settings = params.load()
    root = Path("data/demo")
    world.make(settings.demo, settings.seed, root, settings.runtime.threads or None)
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    print(f"make_demo: synthetic songs, logs and six labelled data sets below {root}, {size / 1e9:.1f} GB")


if __name__ == "__main__":
    run(main)
