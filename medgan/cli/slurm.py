"""`--print-slurm`: the command in hand as a script for SLURM, shards and a merge after them."""

from __future__ import annotations

import shlex
from collections.abc import Collection

import typer

from medgan.errors import UsageError

_OURS = ("print_slurm", "shards", "dry_run")
_CLASHING = (
    *("shard", "merge", "retry_failed", "json", "events"),
    *("engine", "cluster", "job", "scheduler"),
)

SCRIPT = """\
#!/bin/bash
# Sends the work to SLURM as an array of {shards} shards, and a merge that waits for all of them:
#   bash this_script.sh
# Set what your cluster asks for (partition, account, time) in the lines below. The folders have to
# be seen by all nodes under these names, and `medgan` has to be found there: activate its
# environment before you call this script, which SLURM hands on.
set -eu
shards={shards}
cpus=4          # for each shard
memory_gb={memory}     # for the workers of each shard; SLURM is asked for 2 GB more
time=24:00:00   # for each shard
more=()         # e.g. more=(--partition=long --account=lab --gres=gpu:1)

logs={logs}
mkdir -p "$logs"

shard_job=$(sbatch --parsable --job-name=medgan --array="1-$shards" --cpus-per-task="$cpus" \\
  --mem="$((memory_gb + 2))G" --time="$time" --output="$logs/shard_%a.log" \\
  --export="ALL,shards=$shards,cpus=$cpus,memory_gb=$memory_gb" \\
  ${{more[@]+"${{more[@]}}"}} <<'JOB'
#!/bin/bash
exec medgan {command}{sizes} --shard "$SLURM_ARRAY_TASK_ID/$shards"
JOB
)

# afterany: also after shards that failed, whose scans the merge then names.
sbatch --parsable --job-name=medgan-merge --dependency="afterany:$shard_job" --cpus-per-task=1 \\
  --mem=4G --time=02:00:00 --output="$logs/merge.log" ${{more[@]+"${{more[@]}}"}} <<'JOB'
#!/bin/bash
exec medgan {command} --workers 1 --merge
JOB
"""


def slurm_script(context: typer.Context, shards: int) -> str:
    """Write the command that a context was made for as a script; paths as the person gave them.

    Raises
    ------
    UsageError
        If the command says which part to do already, or writes where all shards would write.
    """
    clashing = [_option(context, name) for name in _CLASHING if _is_given(context, name)]
    if clashing:
        raise UsageError(
            f"--print-slurm cannot be combined with {', '.join(clashing)}",
            where="--print-slurm",
            hint="Leave them away; the script adds what shards and merge need.",
        )
    own = {"workers", "memory"}
    command = shlex.join([str(context.info_name), *words_of(context, (*_OURS, *own))])
    memory = context.params.get("memory") or 8
    workers = context.params.get("workers")
    workers_words = '"$cpus"' if workers is None else str(workers)
    out = context.params["out"]
    return SCRIPT.format(
        shards=shards,
        memory=max(1, round(memory)),
        logs=shlex.quote(f"{out}_logs"),  # beside it: no file of ours lies in it before the run
        command=command,
        sizes=f' --workers {workers_words} --memory "$memory_gb"',
    )


def words_of(context: typer.Context, without: Collection[str] = ()) -> list[str]:
    """Return the words that a person gave to a command, in the order of its parameters."""
    options: list[str] = []
    arguments: list[str] = []
    for parameter in context.command.params:
        name = str(parameter.name)
        if name in without or not _is_given(context, name):
            continue
        value = context.params[name]
        values = [str(v) for v in value] if isinstance(value, list | tuple) else [str(value)]
        if parameter.param_type_name == "argument":
            arguments += values
        elif getattr(parameter, "is_flag", False):
            options += [parameter.opts[-1]] if value else []
        else:
            options += [word for v in values for word in (parameter.opts[-1], v)]
    return [*arguments, *options]


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _option(context: typer.Context, name: str) -> str:
    return next(p.opts[-1] for p in context.command.params if p.name == name)
