"""Tabular task types: the number is scikit-learn's own, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
import sklearn.ensemble
import sklearn.linear_model
import sklearn.metrics
import sklearn.pipeline
import sklearn.preprocessing
import sklearn.svm
import skops.io

from tasks.errors import BadEvaluation, Refused
from tests.types.judging import judged, planned, saved


def stored(folder: Path, estimator: Any) -> str:
    folder.mkdir()
    skops.io.dump(estimator, folder / "model.skops")
    return str(folder)


def flowers(folder: Path) -> tuple[str, pd.DataFrame, pd.Series]:
    """Save real measurements of flowers as CSV, with columns that no model was fitted on."""
    iris = sklearn.datasets.load_iris(as_frame=True)
    table = iris.data.rename(columns=lambda name: name.replace(" (cm)", ""))
    species = iris.target.map(dict(enumerate(iris.target_names)))
    folder.mkdir()
    table.assign(id=range(len(table)), species=species).to_csv(folder / "flowers.csv", index=False)
    return str(folder / "flowers.csv"), table, species


def test_tabular_classification(tmp_path: Path) -> None:
    data, table, species = flowers(tmp_path / "data")
    swapped = table[table.columns[::-1]]
    model = sklearn.pipeline.make_pipeline(
        sklearn.preprocessing.StandardScaler(), sklearn.linear_model.LogisticRegression()
    ).fit(swapped[::3], species[::3])
    given = {
        "task": "tabular-classification",
        "dataset": {"path": data},
        "models": [stored(tmp_path / "model", model)],
        "metrics": ["accuracy", "log_loss"],
    }
    judgement, rows = judged(given)
    for number, row in enumerate(rows):
        alone = swapped.iloc[[number]]
        assert row["label"] == model.predict(alone)[0]
        assert np.allclose(row["probabilities"], model.predict_proba(alone)[0], rtol=1e-5)
    right = sklearn.metrics.accuracy_score(species, model.predict(swapped))
    loss = sklearn.metrics.log_loss(species, model.predict_proba(swapped), labels=model.classes_)
    assert judgement.scores["accuracy"].value == right
    assert judgement.scores["log_loss"].value == pytest.approx(loss, rel=1e-4)
    plan, candidate = planned(given)
    assert "id" in candidate.options.fields
    assert "species" not in candidate.options.fields
    assert any("features" in note for note in plan.mapping.notes)
    with pytest.raises(BadEvaluation, match="was fitted on the columns petal width, petal length, which"):
        planned({**given, "columns": {"features": "sepal length, sepal width"}})


def test_a_classifier_without_probabilities_or_names(tmp_path: Path) -> None:
    data, table, species = flowers(tmp_path / "data")
    model = sklearn.svm.LinearSVC(random_state=0).fit(table.to_numpy(), species)
    given = {
        "task": "tabular-classification",
        "dataset": {"path": data},
        "models": [stored(tmp_path / "model", model)],
        "metrics": ["accuracy"],
    }
    judgement, rows = judged({**given, "columns": {"features": ", ".join(table.columns)}})
    assert [row["label"] for row in rows] == list(model.predict(table.to_numpy()))
    assert judgement.scores["accuracy"].value == (model.predict(table.to_numpy()) == species).mean()
    with pytest.raises(
        BadEvaluation, match="takes 4 columns whose names it does not know, and the features are 5"
    ):
        planned(given)


def test_tabular_regression(tmp_path: Path) -> None:
    diabetes = sklearn.datasets.load_diabetes(as_frame=True)
    model = sklearn.ensemble.RandomForestRegressor(10, random_state=0).fit(
        diabetes.data[::2], diabetes.target[::2]
    )
    columns = {name: diabetes.frame[name].tolist() for name in diabetes.frame}
    given = {
        "task": "tabular-regression",
        "dataset": {"path": saved(tmp_path / "data", columns)},
        "models": [stored(tmp_path / "model", model)],
    }
    with pytest.raises(Refused, match=r"sklearn\.tree\._tree\.Tree.* set allow_pickle: true"):
        planned(given)
    judgement, rows = judged({**given, "settings": {"allow_pickle": True}})
    wanted = [float(model.predict(diabetes.data.iloc[[number]])[0]) for number in range(20)]
    assert [row["value"] for row in rows[:20]] == pytest.approx(wanted, rel=1e-12)
    every = model.predict(diabetes.data)
    assert judgement.scores["r_squared"].value == pytest.approx(
        sklearn.metrics.r2_score(diabetes.target, every), rel=1e-9
    )
    error = sklearn.metrics.root_mean_squared_error(diabetes.target, every)
    assert judgement.scores["rmse"].value == pytest.approx(error, rel=1e-9)


class Odd(sklearn.linear_model.LogisticRegression):  # type: ignore[misc]
    """A type that skops cannot know."""


def test_types_that_are_not_trusted_are_refused(tmp_path: Path) -> None:
    data, table, species = flowers(tmp_path / "data")
    place = stored(tmp_path / "model", Odd(max_iter=1000).fit(table, species))
    given = {"task": "tabular-classification", "dataset": {"path": data}, "models": [place]}
    with pytest.raises(Refused, match=r"holds types that skops does not trust \(.*Odd\)"):
        planned(given)
    (Path(place) / "other.skops").write_bytes(b"")
    with pytest.raises(BadEvaluation, match=r"holds several models: model\.skops, other\.skops"):
        planned(given)
    (Path(place) / "other.skops").unlink()
    with pytest.raises(BadEvaluation, match="is one of skops, and text-classification takes those"):
        planned({**given, "task": "text-classification", "columns": {"text": "species", "label": "species"}})
