"""Widgets that choose a model's version."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import streamlit as st

import queries


@dataclass(frozen=True, slots=True)
class Version:
    model: str
    number: int
    active: bool
    created: datetime
    reads_categories: bool

    def __str__(self) -> str:
        return f"{self.model}, version {self.number}{' (active)' if self.active else ''}"


def versions(models: pd.DataFrame) -> list[Version]:
    columns = models[["model", "version", "active", "created", "reads_categories"]]
    return [Version(*row) for row in columns.itertuples(index=False)]


def pick_version(models: pd.DataFrame) -> Version:
    """A model, and one of its versions: the active one unless another is chosen."""
    names = models["model"].unique().tolist()
    first = next((name for name in (st.query_params.get("model"), queries.kit_model()) if name in names), names[0])
    model = st.selectbox("Model", names, index=names.index(first), key="model", persist_state="session")
    st.query_params["model"] = model
    own = [version for version in versions(models) if version.model == model]
    active = next((place for place, version in enumerate(own) if version.active), 0)
    return st.selectbox(
        "Version",
        own,
        index=active,
        format_func=lambda version: f"{version.number}{' (active)' if version.active else ''}",
        key=f"version of {model}",
        persist_state="session",
        help="Each training makes a new version. The active one answers where none is named.",
    )


def pick_other_version(models: pd.DataFrame, than: Version, label: str) -> Version | None:
    others = [version for version in versions(models) if version != than]
    return st.selectbox(
        label, others, index=None, format_func=str, key=f"{label} {than.model} {than.number}", placeholder="Nothing"
    )
