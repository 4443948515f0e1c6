"""Features as a step of a scikit-learn pipeline: from paths of sound files, or rows of samples, to vectors."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import validate_data

from hearlog.features.extractor import FeatureExtractor, load
from hearlog.util.errors import InputError


class CFFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Features of the middle of each sound, by a trained model.

    It learns nothing: ``fit`` opens the model, and looks at ``X`` but reads no file. ``X`` is one of

    - paths of sound files, (sounds,): a list, an array or a pandas Series,
    - samples, sounds x frames, float in [-1, 1] or int16: sounds of one length, in one channel.

    Parameters
    ----------
    model
        Model folder, as of `hearlog.load`.
    layer
        As of `hearlog.features.extractor.FeatureExtractor.embed`.
    sample_rate
        Of samples, in Hz; files have their own.
    device, precision, engine
        As of `hearlog.load`.
    batch_size
        Sounds that the network takes at once.

    Attributes
    ----------
    n_features_in_
        Frames of a sound; only after ``fit`` to samples, and ``transform`` then takes no other number.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        layer: str = "embedding",
        sample_rate: int | None = None,
        device: str = "auto",
        precision: str = "float32",
        engine: str = "torch",
        batch_size: int = 16,
    ) -> None:
        self.model = model
        self.layer = layer
        self.sample_rate = sample_rate
        self.device = device
        self.precision = precision
        self.engine = engine
        self.batch_size = batch_size

    def fit(self, X: Any, y: object = None) -> CFFeatures:
        """Open the model.

        Parameters
        ----------
        X
            Sounds, as above.
        y
            Ignored.

        Raises
        ------
        InputError
            If the folder holds no model that can be used here, or ``X`` no sounds.
        """
        self._sounds(X, reset=True)
        self._opened: tuple[object, FeatureExtractor] | None = None
        self._extractor().dimensions(self.layer)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Compute features.

        Parameters
        ----------
        X
            Sounds, as above.

        Returns
        -------
        float32, sounds x dimensions.

        Raises
        ------
        InputError
            If a sound cannot be used, naming it.
        """
        sounds = self._sounds(X, reset=False)
        return self._extractor().embed(
            sounds, sample_rate=self.sample_rate, layer=self.layer, batch_size=self.batch_size
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Leave the opened model out: where this is unpickled, it is opened again."""
        return {name: value for name, value in super().__getstate__().items() if name != "_opened"}

    @property
    def _n_features_out(self) -> int:
        return self._extractor().dimensions(self.layer)

    def _extractor(self) -> FeatureExtractor:
        """Open the model, unless it is open."""
        wanted = (self.model, self.device, self.precision, self.engine)
        opened = getattr(self, "_opened", None)
        if opened is None or opened[0] != wanted:
            opened = wanted, load(self.model, device=self.device, precision=self.precision, engine=self.engine)
            self._opened = opened
        return opened[1]

    def _sounds(self, X: Any, *, reset: bool) -> list[Any]:
        if isinstance(X, str | os.PathLike):
            raise InputError(f"{os.fspath(X)}: give paths in a list, also a single one")
        if getattr(X, "ndim", 1) == 1 and isinstance(X, Iterable):
            paths = list(X)
            is_path = [isinstance(path, str | os.PathLike) for path in paths]
            if any(is_path):
                if not all(is_path):
                    row = is_path.index(False)
                    raise InputError(f"row {row} of X is {paths[row]!r}, not a path as others are")
                return paths
        table = isinstance(X, np.ndarray | pd.DataFrame) and X.ndim == 2 and X.size
        if table and isinstance(np.asarray(X)[0, 0], str | os.PathLike):
            raise InputError(f"X has {X.shape[1]} columns: give the one with paths, such as X['path']")
        samples = validate_data(self, X, reset=reset)
        if self.sample_rate is None:
            raise InputError("sample_rate: missing; samples do not tell theirs")
        return list(samples)
