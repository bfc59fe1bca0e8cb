"""What a corpus costs, from measured rates: hours, machines and euros; a sheet, no measurement.

    scripts/run python scripts/bench/corpus_costs.py --times-real-time 22 --files-a-second 30

The rates are those of one worker with one thread, as `audiovq corpus encode --jobs 1 --json` and
`midi-vae corpus read --jobs 1 --json` give them for your recordings and machine; prices are yours too. A GPU's rate is
asked for and not guessed: without --gpu-times-real-time there is no such row.
"""

from __future__ import annotations

from typing import Annotated

import typer

from latentmix.cli import run_script

CODES_A_SECOND, BITS_A_CODE = 350, 10  # speech_16k with all codebooks; Parquet comes near to that many bits


def main(
    times_real_time: Annotated[float, typer.Option(help="hours of speech that a core encodes in an hour")],
    files_a_second: Annotated[float, typer.Option(help="MIDI files that a core reads in a second")],
    hours: Annotated[float, typer.Option(help="of speech")] = 100_000,
    files: Annotated[int, typer.Option(help="of MIDI")] = 178_000,
    cores: Annotated[int, typer.Option(help="of a machine")] = 32,
    machines: int = 8,
    efficiency: Annotated[float, typer.Option(help="of many workers, of one times their number")] = 0.9,
    core_hour: Annotated[float, typer.Option(help="euros")] = 0.04,
    gpu_times_real_time: Annotated[float, typer.Option(help="of one GPU; 0: no such row")] = 0.0,
    gpu_hour: Annotated[float, typer.Option(help="euros")] = 2.5,
    read_mb: Annotated[float, typer.Option(help="an hour of speech as it is stored")] = 60.0,
) -> None:
    """Print the sheet."""
    speed = cores * machines * efficiency
    for what, core_hours in (
        (f"{hours:g} hours of speech", hours / times_real_time),
        (f"{files} MIDI files", files / files_a_second / 3600),
    ):
        wall = core_hours / speed
        cost = core_hours / efficiency * core_hour
        typer.echo(
            f"{what}: {core_hours:.1f} core hours; {machines} machines of {cores} cores: {wall:.2f} h, {cost:.2f} €"
        )
    if gpu_times_real_time:
        wall = hours / gpu_times_real_time
        typer.echo(f"{hours:g} hours of speech on one GPU: {wall:.1f} h, {wall * gpu_hour:.2f} €")
        fed = read_mb * gpu_times_real_time / 3600
        typer.echo(
            f"what breaks first there: decoding; that GPU eats {gpu_times_real_time:g} times real time, {fed:.0f} MB/s"
        )
    wall = hours / times_real_time / speed
    typer.echo(f"reading: {hours * read_mb / 1e6:.1f} TB, {hours * read_mb / wall / 3600:.0f} MB/s in all")
    size = hours * 3600 * CODES_A_SECOND * BITS_A_CODE / 8e9
    typer.echo(f"codes: {size:.0f} GB")


if __name__ == "__main__":
    run_script(main)
