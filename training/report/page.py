"""The report of a run: one HTML page without other files."""

import base64
import io
import itertools
from dataclasses import dataclass, fields
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from tqdm import tqdm

import zoo
from training.config import Config
from training.data import Dataset
from training.evaluation.information import UNAVAILABLE
from training.evaluation.samples import MIN_EXAMPLES
from training.evaluation.scores import RunScores
from training.finetuning.account import Account
from training.report import finetuning_pictures, gallery, table_pictures
from training.report.figures import Shown, figures
from zoo.data import support as supports
from zoo.description import Description
from zoo.distributions import moments

TEMPLATE = "page.html.j2"


@dataclass(frozen=True)
class Table:
    """What captions say of tables.

    Args:
        columns: number of columns.
        bars: number of columns that galleries show, at most.
        examples: number of test examples that are shown.
        which: the columns whose values are shown, in words.
    """

    columns: int
    bars: int
    examples: int
    which: str


@dataclass(frozen=True)
class Page:
    """What the template shows.

    Args:
        config: the run's.
        dataset: its data.
        scores: its scores.
        description: of the model.
        samplers: names of the fitted samplers.
        is_density: whether p(x|z) is a density.
        shows_draws: whether samples are draws of p(x|z), and not its means.
        estimated: number of draws that a posterior's moments are estimated from; None of closed forms.
        unavailable: why there is no mutual information, where there is none.
        uncompared: why samples are not compared with held-out data, where they are not.
        table: what captions say of tables; None of other data.
        figures: name -> data URI.
        account: of a fine-tuning; None of a training from scratch.
    """

    config: Config
    dataset: Dataset
    scores: RunScores
    description: Description
    samplers: tuple[str, ...]
    is_density: bool
    shows_draws: bool
    estimated: int | None
    unavailable: str
    uncompared: str
    table: Table | None
    figures: dict[str, str]
    account: Account | None


def report(config, dataset, vae, history, scores, comparison=None):
    """Returns the HTML of a report.

    Args:
        config: the run's `Config`.
        dataset: the `Dataset` that it was trained on.
        vae: the trained `zoo.VAE`.
        history: a dict of lists, a value per epoch.
        scores: the run's `RunScores`.
        comparison: of a fine-tuning, a `Comparison`; None of a training from scratch.
    """
    shown = Shown.of(dataset)
    drawn = figures(config, vae, shown, history, scores.evaluation)
    if comparison is not None:
        drawn = itertools.chain(drawn, finetuning_pictures.figures(comparison, vae, shown, history))
    made = tqdm(drawn, desc="report", total=16, leave=False)
    page = Page(
        config=config,
        dataset=dataset,
        scores=scores,
        description=zoo.describe(vae),
        samplers=tuple(vae.samplers.fitted),
        is_density=vae.likelihood.is_density,
        shows_draws=supports.get(vae.support).shows_draws,
        estimated=moments.DRAWS if isinstance(vae.encode(shown.x[:1]), moments.MomentsFromDraws) else None,
        unavailable=UNAVAILABLE,
        uncompared=_uncompared(dataset),
        table=_table(shown.x) if shown.x.ndim == 2 else None,
        figures={name: _embed(figure) for name, figure in made},
        account=None if comparison is None else comparison.account,
    )
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template(TEMPLATE).render({field.name: getattr(page, field.name) for field in fields(page)})


def _uncompared(dataset):
    """Returns why samples are not compared with held-out data, where they are not."""
    held_out = len(dataset.validation) + len(dataset.test)
    if min(held_out, len(dataset.train)) >= MIN_EXAMPLES:
        return "none were asked for (--generated 0)"
    return (
        f"that takes {MIN_EXAMPLES} training examples and as many held-out ones, and there are "
        f"{len(dataset.train):,} and {held_out:,}"
    )


def _table(x):
    """Returns what captions say of test examples of a table [n, D]."""
    columns, most = x.shape[1], table_pictures.COLUMNS
    which = f"The {most} columns of {columns:,} that vary most" if columns > most else "Columns"
    return Table(columns=columns, bars=gallery.BARS, examples=len(x), which=which)


def _embed(figure):
    content = io.BytesIO()
    figure.savefig(content, dpi=130, format="png", bbox_inches="tight")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
