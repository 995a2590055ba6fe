"""The page that goes with a model: what it is for, what it knows, where it ends."""

from __future__ import annotations

from medgan.models.info import Kind, ModelInfo

DOES: dict[Kind, str] = {
    "restorer": "fills missing slices of CT and MR scans",
    "thinner": "makes thin slices of the thick ones of CT and MR scans",
    "denoiser": "takes noise away from CT and MR scans",
    "synthesizer": "makes virtual scans",
}


def model_card(info: ModelInfo, n_left_out: int) -> str:
    """Write the model card: what it is for, what it was trained on, and its limits.

    Parameters
    ----------
    n_left_out
        Scans of the training folder that were not trained on.
    """
    training = info.training
    what = DOES[info.kind]
    lines = [
        f"# {info.name}",
        "",
        f"A {info.architecture} network that {what}. Made by `medgan train`.",
        "",
        *([f"**{info.notice}**", ""] if info.notice else []),
        "**Research use only, not for diagnosis.** What it makes is synthetic, and must be marked "
        "so wherever it goes.",
        "",
        "## Training",
        "",
        f"- scans: {training.get('n_scans', 'unknown')} (their content hashes are in model.json); "
        f"{n_left_out} of the folder left out",
        f"- steps: {training.get('steps', 'unknown')}",
        *([f"- {training['chosen']}"] if training.get("chosen") else []),
        *(f"- alarm raised: {name}" for name in training.get("alarms", [])),
        *(f"- compared: {said}" for said in training.get("compared", [])),
        f"- licence of the weights: {info.licence or 'that of the training scans'}",
        "",
        "## Limits",
        "",
        "It knows what it was trained on: other organs, scanners, contrasts and spacings are not "
        "covered. It can invent structures and hide real ones.",
        "",
    ]
    return "\n".join(lines)
