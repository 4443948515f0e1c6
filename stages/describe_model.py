"""Write the model card of the CF estimator of one capacity."""

from hearlog import params
from hearlog.model import folder as model_folder
from hearlog.params.synthetic import is_generated
from hearlog.report.model_card import write_card
from hearlog.results.files import read_json
from stages import paths, run


def main(divisor: int) -> None:
    """Put what is known of the estimator of ``divisor`` beside its weights."""
    settings = params.load()
    folder = paths.estimator(divisor)
    card = write_card(
        model_folder.read_config(folder),
        folder.as_posix(),
        read_json(paths.METRICS / f"estimator-div{divisor}.json"),
        read_json(paths.METRICS / "logs.json"),
        read_json(paths.METRICS / "als.json"),
        is_generated(settings.logs.path) or is_generated(settings.songs.audio_root),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
    print(f"model div{divisor}: {folder}, with its card in README.md")


if __name__ == "__main__":
    run(main)
