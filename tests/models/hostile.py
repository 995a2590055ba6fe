"""Model folders of every kind, and what a fault or a stranger can make of one."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from medgan.models import ModelInfo, save_model
from medgan.models.info import INFO, WEIGHTS
from medgan.networks import build

Rng = np.random.Generator
Mutation = Callable[[Path, Rng], object]

SPACE = {
    "spatial_dims": 3,
    "shape": [8, 8, 8],
    "spacing_mm": [1.0, 1.0, 1.0],
    "orientation": "LPS",
    "centre_mm": [0.0, 0.0, 0.0],
    "modality": "mr",
    "label_values": [2],
    "label_names": {"2": "two"},
}
_SAMPLE = {"spatial_dims": 3, "out_channels": 2, "shape": [8, 8, 8]}
DESIGNS: dict[str, tuple[str, dict[str, Any]]] = {
    "restorer": ("slice_net", {"widths": [8, 8, 8]}),
    "dcgan": (
        "dcgan_generator",
        _SAMPLE | {"latent": 4, "base_channels": 16, "norm": "batch"},
    ),
    "prior": ("linear_prior", _SAMPLE | {"latent": 4, "n_quantiles": 4}),
    "template": ("deformable_template", _SAMPLE | {"n_modes": 2}),
    "refined": ("refined_template", _SAMPLE | {"n_modes": 2, "width": 4}),
    "thinner": ("slab_net", {"widths": [8, 8, 8], "factors": [2, 3]}),
    "denoiser": ("denoise_net", {"widths": [8, 8, 8]}),
}
_KINDS = {"slice_net": "restorer", "slab_net": "thinner", "denoise_net": "denoiser"}


def write_model(folder: Path, architecture: str, settings: dict[str, Any]) -> nn.Module:
    """Write an untrained model that claims what its kind has to."""
    network = build(architecture, settings)
    expects = {
        "space": SPACE | {"shape": list(settings.get("shape", SPACE["shape"]))},
        "latent": getattr(network, "latent", None),
        "intensity_range": [0.0, 1000.0],
        "label_offsets": [0.0],
        "label_volumes": [9.0],
    }
    kind = _KINDS.get(architecture, "synthesizer")
    info = ModelInfo.model_validate(
        {
            "name": "tiny",
            "kind": kind,
            "architecture": architecture,
            "settings": settings,
            "expects": expects if kind == "synthesizer" else {},
            "notice": "It is small.",
        }
    )
    save_model(folder, network, info, "# Card\n")
    return network


def document(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / INFO).read_text())
    return found


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the description."""
    described = document(folder)
    change(described)
    (folder / INFO).write_text(json.dumps(described))


def put(folder: Path, data: bytes) -> None:
    """Replace the weights as somebody does who knows that they are hashed."""
    (folder / WEIGHTS).write_bytes(data)
    rewrite(folder, lambda d: d.update(weights_sha256=hashlib.sha256(data).hexdigest()))


def parts_of(folder: Path) -> tuple[dict[str, Any], bytes]:
    """Header and values of the weights."""
    data = (folder / WEIGHTS).read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def assemble(header: object, values: bytes, claimed: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if claimed is None else claimed).to_bytes(8, "little") + text + values


def headed(change: Callable[[dict[str, Any], Rng], object]) -> Mutation:
    """Mutate the header of the weights, hash put right."""

    def mutate(folder: Path, rng: Rng) -> None:
        header, values = parts_of(folder)
        changed = change(header, rng)
        put(folder, assemble(header if changed is None else changed, values))

    return mutate


def claiming(length: int) -> Mutation:
    """Claim another length of the header."""
    return lambda folder, rng: put(folder, assemble(*parts_of(folder), claimed=length))


def valued(name: str, value: object) -> Mutation:
    """Put a value in place of one key of the description, `a.b` being b in a."""

    def mutate(folder: Path, rng: Rng) -> None:
        def change(described: dict[str, Any]) -> None:
            *parents, last = name.split(".")
            for parent in parents:
                described = described.setdefault(parent, {})
            described[last] = value

        rewrite(folder, change)

    return mutate


def each_setting(value: object) -> Mutation:
    """Put a value in place of every setting of the network, one drawn at random."""

    def mutate(folder: Path, rng: Rng) -> None:
        def change(described: dict[str, Any]) -> None:
            settings = described["settings"]
            key = str(rng.choice(sorted(settings)))
            old = settings[key]
            settings[key] = [value] * len(old) if isinstance(old, list) else value

        rewrite(folder, change)

    return mutate


def text(made: Callable[[bytes], bytes]) -> Mutation:
    """Rewrite the bytes of the description."""
    return lambda folder, rng: (folder / INFO).write_bytes(made((folder / INFO).read_bytes()))


def instead(name: str, place: Callable[[Path], object]) -> Mutation:
    """Put something else where a file of the folder was."""

    def mutate(folder: Path, rng: Rng) -> None:
        (folder / name).unlink()
        place(folder / name)

    return mutate


def flip(name: str) -> Mutation:
    """Flip one bit of a file."""

    def mutate(folder: Path, rng: Rng) -> None:
        data = bytearray((folder / name).read_bytes())
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        (folder / name).write_bytes(data)

    return mutate


def flip_header(folder: Path, rng: Rng) -> None:
    """Flip one bit of the header of the weights, hash put right."""
    data = bytearray((folder / WEIGHTS).read_bytes())
    end = 8 + int.from_bytes(data[:8], "little")
    data[int(rng.integers(end))] ^= 1 << int(rng.integers(8))
    put(folder, bytes(data))


def cut(name: str, *, is_hashed: bool = False) -> Mutation:
    """Cut a file short."""

    def mutate(folder: Path, rng: Rng) -> None:
        data = (folder / name).read_bytes()
        data = data[: int(rng.integers(len(data)))]
        put(folder, data) if is_hashed else (folder / name).write_bytes(data)

    return mutate


def swap(folder: Path, rng: Rng) -> None:
    """Give two tensors of different shape each other's names."""
    header, values = parts_of(folder)
    names = sorted(header)
    first = str(rng.choice(names))
    second = next(n for n in names if header[n]["shape"] != header[first]["shape"])
    header[first], header[second] = header[second], header[first]
    put(folder, assemble(header, values))


def poison(folder: Path, rng: Rng) -> None:
    """Put a NaN among the values."""
    header, values = parts_of(folder)
    names = [n for n, e in sorted(header.items()) if e["dtype"] == "F32" and 0 not in e["shape"]]
    start = header[str(rng.choice(names))]["data_offsets"][0]
    nan = np.array(rng.choice([np.nan, np.inf, -np.inf]), "<f4").tobytes()
    put(folder, assemble(header, values[:start] + nan + values[start + 4 :]))


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch '{self.canary}'",)


def pickled(folder: Path, rng: Rng) -> None:
    """Put a pickle with a bomb where the weights were."""
    put(folder, pickle.dumps(Bomb(folder / "canary")))


def zipped(folder: Path, rng: Rng) -> None:
    """Put a torch archive with a bomb where the weights were."""
    torch.save({"bomb": Bomb(folder / "canary")}, folder / "archive")
    put(folder, (folder / "archive").read_bytes())


def sparse(path: Path) -> None:
    """A file of 3 GiB that takes no room."""
    with path.open("wb") as stream:
        stream.truncate(3 * 2**30)


def elsewhere(path: Path) -> None:
    """A link to a copy of the folder beside it, right in every byte."""
    path.symlink_to(path.parent.parent / "original" / path.name)


def first_of(header: dict[str, Any]) -> dict[str, Any]:
    """The entry that comes first in the file."""
    entry: dict[str, Any] = min(header.values(), key=lambda e: e["data_offsets"])
    return entry


def doubled(header: dict[str, Any], rng: Rng) -> bytes:
    """Let one name stand twice."""
    name, entry = next(iter(header.items()))
    return f"{{{json.dumps(name)}: {json.dumps(entry)}, ".encode() + json.dumps(header).encode()[1:]


def crowd(header: dict[str, Any], rng: Rng) -> None:
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header.update({f"x{n}": empty for n in range(5000)})


def retyped(dtype: str) -> Mutation:
    return headed(lambda header, rng: first_of(header).update(dtype=dtype))


def reshaped(shape: list[object]) -> Mutation:
    return headed(lambda header, rng: first_of(header).update(shape=shape))


def moved(start: int, end: int) -> Mutation:
    """Shift the offsets of the first tensor."""

    def change(header: dict[str, Any], rng: Rng) -> None:
        a, b = first_of(header)["data_offsets"]
        first_of(header)["data_offsets"] = [a + start, b + end]

    return headed(change)


MUTATIONS: dict[str, Mutation] = {
    # Accidents: the hash is no more right.
    **{f"bit of the weights {n}": flip(WEIGHTS) for n in range(4)},
    **{f"bit of the description {n}": flip(INFO) for n in range(8)},
    **{f"weights cut {n}": cut(WEIGHTS) for n in range(2)},
    "description cut": cut(INFO),
    "weights lost": instead(WEIGHTS, lambda path: None),
    "weights empty": instead(WEIGHTS, lambda path: path.touch()),
    "nothing happened": lambda folder, rng: None,
    # A maker who knows the hash.
    **{f"bit of the header {n}": flip_header for n in range(6)},
    "cut and hashed": cut(WEIGHTS, is_hashed=True),
    "swapped": swap,
    "not finite": poison,
    "pickle": pickled,
    "torch archive": zipped,
    # Headers.
    **{f"length {n}": claiming(n) for n in (0, 1, 2**20 + 1, 2**40, 2**63, 2**64 - 1)},
    "no JSON": headed(lambda header, rng: b"\x80nonsense" * 9),
    "a list": headed(lambda header, rng: [header]),
    "a name twice": headed(doubled),
    "5000 tensors too many": headed(crowd),
    "one tensor too few": headed(lambda header, rng: header.pop(next(iter(header))) and None),
    "metadata": headed(lambda header, rng: header.update(__metadata__={"a": "b" * 9000})),
    "metadata of numbers": headed(lambda header, rng: header.update(__metadata__={"a": 1})),
    "entry is text": headed(lambda header, rng: header.update({next(iter(header)): "x"})),
    **{f"type {dtype}": retyped(dtype) for dtype in ("F64", "F16", "BF16", "U8", "X1")},
    **{
        f"shape {n}": reshaped(shape)
        for n, shape in enumerate([[2**62, 4], [-1], [2**31] * 9, ["a"], [1] * 1000, [1e30]])
    },
    **{
        f"offsets {a} {b}": moved(a, b)
        for a, b in ((4, 4), (0, 2**40), (-4, 0), (8, -8), (0, -4), (2**63, 2**63))
    },
    # Settings.
    **{
        f"setting {value!r:.20}": each_setting(value)
        for value in (10**9, 2**31 - 1, 10**18, 0, -1, 1e308, 0.5, "x" * 300, None, {}, [[2]])
    },
    "many settings": valued("settings", {f"k{n}": 1 for n in range(2000)}),
    "many sides": valued("settings.shape", [8] * 900),
    "unknown setting": valued("settings.__class__", "os.system"),
    "other network": valued("architecture", "slice_critic"),
    "no network": valued("architecture", "../../os.system"),
    "other kind": lambda folder, rng: rewrite(
        folder,
        lambda d: d.update(kind="synthesizer" if d["kind"] == "restorer" else "restorer"),
    ),
    # What it says of its output.
    "latent": valued("expects.latent", 10**12),
    "space": valued("expects.space", SPACE | {"shape": [2**20] * 3}),
    "orientation": valued("expects.space", SPACE | {"orientation": "LPX"}),
    "label name": valued("expects.space", SPACE | {"label_names": {"2": "../../x"}}),
    "spacing": valued("expects.space", SPACE | {"spacing_mm": [0.0, -1.0, 1e300]}),
    # Names and text.
    **{
        f"name {name!r:.12}": valued("name", name)
        for name in ("../../x", "a/b", "", ".a", "-rf", "a\n", "a\0", "a" * 65, "\u202ea", "a\\b")
    },
    "notice": valued("notice", "\x1b[2J" * 9),
    "notice of a book": valued("notice", "x" * 10**6),
    "licence": valued("licence", ["MIT"]),
    "training hashes": valued("training.sha256", 5),
    "another's name": valued("training.blend", {"name": "slices-faithful", "sha256": "0" * 64}),
    # JSON.
    "NaN": text(lambda t: t.replace(b'"format": 1', b'"format": 1, "training": {"a": NaN}')),
    "infinity": text(lambda t: t.replace(b'"format": 1', b'"format": 1, "training": {"a": 1e999}')),
    "digits": text(lambda t: t.replace(b'"format": 1', b'"format": ' + b"9" * 6000)),
    "deep": text(lambda t: b'{"a": ' + b"[" * 10**6 + b"]" * 10**6 + b"}"),
    "rather deep": text(lambda t: b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}"),
    "wide": text(lambda t: b'{"training": [' + b"[]," * 10**6 + b"[]]}"),
    "a key twice": text(lambda t: t.replace(b'"format": 1', b'"format": 1, "format": 1')),
    "no mapping": text(lambda t: b"[]"),
    "Latin-1": text(lambda t: t.replace(b"small", b"sm\xe4ll")),
    "UTF-16": text(lambda t: t.decode().encode("utf-16")),
    "five megabytes": text(lambda t: t + b" " * 5 * 2**20),
    # Things in place of files.
    **{
        f"{kind} for {name}": instead(name, place)
        for name in (INFO, WEIGHTS)
        for kind, place in (
            ("folder", lambda path: path.mkdir()),
            ("pipe", os.mkfifo),
            ("device", lambda path: path.symlink_to("/dev/zero")),
            ("link out", elsewhere),
            ("link to itself", lambda path: path.symlink_to(path.name)),
            ("3 GiB", sparse),
        )
    },
}


HARMLESS = ("nothing happened", "metadata")
"""What every kind has to survive."""


def mutated(root: Path, seed: int) -> dict[str, Path]:
    """Write a restorer under every mutation, other kinds under every third; name -> folder."""
    made: dict[str, Path] = {}
    for number, (kind, design) in enumerate(DESIGNS.items()):
        torch.manual_seed(seed)
        write_model(root / kind / "original", *design)
        for at, (name, mutate) in enumerate(MUTATIONS.items()):
            if number and (at + number) % 3 and name not in HARMLESS:
                continue
            folder = root / kind / f"m{at}"
            shutil.copytree(root / kind / "original", folder)
            mutate(folder, np.random.default_rng((seed, number, at)))
            made[f"{kind}: {name}"] = folder
    return made
