"""Files of an evaluation: the model with its samplers, scores.json and the report."""

import zoo
from training import run_folder
from training.report.page import report
from zoo.commands import atomic


def write_results(folder, config, dataset, vae, history, scores, comparison=None):
    """Writes the model with its samplers, the scores and the report, and prints a summary.

    Args:
        folder: of the run.
        config: its `Config`.
        dataset: its `Dataset`.
        vae: the `zoo.VAE`.
        history: a dict of lists, a value per epoch.
        scores: its `RunScores`.
        comparison: of a fine-tuning, a `training.finetuning.account.Comparison`.
    """
    if not config.aggregated:
        vae.samplers.remove("aggregated")
    page = report(config, dataset, vae, history, scores, comparison)
    zoo.save(vae, folder)
    scores.write(folder / run_folder.SCORES)
    if comparison is not None:
        comparison.account.write(folder)
    atomic.write(folder / run_folder.REPORT, page)
    found, samples = scores.evaluation.likelihood, scores.evaluation.samples
    print(
        f"test ELBO {found.elbo.value:.2f}, log-likelihood {found.log_likelihood} nats per example "
        f"({found.importance_samples} importance samples, {found.examples} examples), "
        f"{scores.training.training_seconds:.0f} s of training"
    )
    for line in (comparison and comparison.account, found.warning, samples and samples.verdict):
        if line:
            print(line)
    print(f"report: {folder / run_folder.REPORT}")
