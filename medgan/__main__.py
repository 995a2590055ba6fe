"""`python -m medgan`, and the `medgan` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from medgan.cli.app import app

    app(prog_name="medgan")


if __name__ == "__main__":
    main()
